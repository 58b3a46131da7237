package style

import (
	"go/ast"
	"go/token"
	"regexp"
	"slices"
	"strings"
)

// composed finds queries that are put together from anything but constants of the room and
// lists of placeholders: text that came from outside must be bound, never written.
func (h House) composed(all []source) []Finding {
	constants := map[string]bool{}
	for _, s := range all {
		for _, name := range constantNames(s.file) {
			constants[s.room+"."+name] = true
		}
	}
	var found []Finding
	for _, s := range all {
		if h.Builders[s.path] != "" || s.room != "store/internal/sqlstore" {
			continue // elsewhere any query is one too many
		}
		queries(s.file, func(part ast.Expr) {
			if !fixedPart(part, func(name string) bool { return constants[s.room+"."+name] }) {
				line := s.set.Position(part.Pos()).Line
				found = append(found, Finding{"SQL-16 query text", s.path, line, "a query holds something that is not a constant"})
			}
		})
	}
	return found
}

// constantNames returns the constants that a file declares at its top.
func constantNames(f *ast.File) []string {
	var all []string
	for _, d := range f.Decls {
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.CONST {
			for v := range each[*ast.ValueSpec](g.Specs) {
				all = append(all, v.Names[0].Name)
			}
		}
	}
	return all
}

// queries calls visit for every part of every sum that has a statement in it, and for every
// statement that is a format.
func queries(f *ast.File, visit func(part ast.Expr)) {
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BinaryExpr:
			parts := summands(n)
			if slices.ContainsFunc(parts, isStatement) {
				for _, p := range parts {
					visit(p)
				}
			}
			return false
		case *ast.CallExpr:
			if strings.HasPrefix(chain(n.Fun), "fmt.") && slices.ContainsFunc(n.Args, isStatement) {
				visit(n)
			}
		}
		return true
	})
}

// summands takes a sum apart.
func summands(e ast.Expr) []ast.Expr {
	if b, ok := e.(*ast.BinaryExpr); ok {
		return append(summands(b.X), summands(b.Y)...)
	}
	return []ast.Expr{e}
}

var opening = regexp.MustCompile(`^\s*(select|insert\s+into|update|delete\s+from|with)\s`)

func isStatement(e ast.Expr) bool {
	lit, ok := e.(*ast.BasicLit)
	return ok && opening.MatchString(strings.Trim(lit.Value, "`\""))
}

// placeholders are the methods that write $1, $2 and so on, and bind what stands for them.
var placeholders = []string{"in.list", "l.arg"}

func fixedPart(e ast.Expr, isConstant func(name string) bool) bool {
	switch e := e.(type) {
	case *ast.BasicLit:
		return true
	case *ast.Ident:
		return isConstant(e.Name)
	case *ast.CallExpr:
		return slices.Contains(placeholders, chain(e.Fun))
	}
	return false
}
