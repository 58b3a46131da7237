package sqlstore_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestAttackQueryText(t *testing.T) {
	t.Parallel()
	t.Run("SQL-16 no query is made of values", testQueryText)
}

// testQueryText reads this package: a query is made of literals, of constants of the
// package, and of what the few builders below make of them. No other value gets into its
// text.
func testQueryText(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) < 20 {
		t.Fatalf("the sources: %d files, %v", len(files), err)
	}
	set, constants := token.NewFileSet(), map[string]bool{}
	var parsed []*ast.File
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(set, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, f)
		collectConstants(f, constants)
	}
	joins := 0
	for _, f := range parsed {
		ast.Inspect(f, func(n ast.Node) bool {
			b, ok := n.(*ast.BinaryExpr)
			if !ok || b.Op != token.ADD {
				return true
			}
			parts := flatten(b)
			if !isText(parts) {
				return true
			}
			joins++
			for _, p := range parts {
				if !fixed(p, constants) {
					t.Errorf("%s: a query is joined with %s", set.Position(p.Pos()), render(p))
				}
			}
			return false
		})
		ast.Inspect(f, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok && (s.Sel.Name == "Sprintf" || s.Sel.Name == "Fprintf") {
				t.Errorf("%s: %s", set.Position(s.Pos()), s.Sel.Name)
			}
			return true
		})
	}
	if joins < 30 {
		t.Errorf("%d joined texts were read, want at least 30: the test looks past them", joins)
	}
}

func collectConstants(f *ast.File, into map[string]bool) {
	for _, d := range f.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.CONST {
			continue
		}
		for _, s := range g.Specs {
			for _, name := range s.(*ast.ValueSpec).Names {
				into[name.Name] = true
			}
		}
	}
}

func flatten(e ast.Expr) []ast.Expr {
	if b, ok := e.(*ast.BinaryExpr); ok && b.Op == token.ADD {
		return append(flatten(b.X), flatten(b.Y)...)
	}
	return []ast.Expr{e}
}

var word = regexp.MustCompile(`(?i)\b(select|insert|update|delete|where|from|order|limit|and|or|in|asc|join)\b| [<>=]+ |^[($]$`)

// isText reports whether a literal among the parts looks like a piece of a query.
func isText(parts []ast.Expr) bool {
	for _, p := range parts {
		if l, ok := p.(*ast.BasicLit); ok && l.Kind == token.STRING && word.MatchString(strings.Trim(l.Value, "`\"")) {
			return true
		}
	}
	return false
}

// built are the expressions that hold query text without being constants, each made of
// constants and argument numbers only.
var built = []string{
	"in.list()", "l.table", "l.id", "l.key", "l.columns", "l.join", "l.conditions()", "by.column", "by.join", "direction", "beyond",
	"page", "column", "l.arg(", "l.prefix(", "strconv.Itoa(", "strings.Join(l.where", "where", "query", "strings.ReplaceAll(string(text)",
}

func fixed(e ast.Expr, constants map[string]bool) bool {
	if _, ok := e.(*ast.BasicLit); ok {
		return true
	}
	if id, ok := e.(*ast.Ident); ok && constants[id.Name] {
		return true
	}
	text := render(e)
	for _, b := range built {
		if text == b || strings.Contains(b, "(") && strings.HasPrefix(text, b) {
			return true
		}
	}
	return false
}

// render writes the expressions that fixed compares.
func render(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return render(e.X) + "." + e.Sel.Name
	case *ast.CallExpr:
		var args []string
		for _, a := range e.Args {
			args = append(args, render(a))
		}
		return render(e.Fun) + "(" + strings.Join(args, ", ") + ")"
	case *ast.BasicLit:
		return e.Value
	}
	return "?"
}
