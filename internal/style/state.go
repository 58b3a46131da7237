package style

import (
	"go/ast"
	"go/token"
	"path"
	"regexp"
	"slices"
	"strings"
)

// stateRules are about what is hidden: globals, clocks, panics, SQL in the wrong room.
func stateRules() []rule {
	return []rule{
		{"init", "importing a package does nothing", checkInit},
		{"package variables", "a package variable is an error, a table or an embedded file, and stays what it is", checkVars},
		{"panic", "return an error", checkPanic},
		{"forbidden", "take it as an option or an argument", checkForbidden},
		{"sql", "SQL lives under store/internal/sqlstore", checkSQL},
		{"sql dialect", "one lower-case text for both databases", checkDialect},
		{"SQL-16 query text", "a query is made of constants and placeholders", func(House, source, reporter) {}},
		{"errors", "say the thing being done, wrap with %w, compare with errors.Is", checkErrors},
	}
}

func checkInit(_ House, s source, broken reporter) {
	for _, d := range s.file.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
			broken(fn.Pos(), "func init")
		}
	}
}

func checkVars(_ House, s source, broken reporter) {
	for _, d := range s.file.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.VAR || embedded(g.Doc) {
			continue
		}
		for v := range each[*ast.ValueSpec](g.Specs) {
			checkVar(v, broken)
		}
	}
}

func each[T ast.Spec](all []ast.Spec) func(yield func(T) bool) {
	return func(yield func(T) bool) {
		for _, s := range all {
			if s, ok := s.(T); ok && !yield(s) {
				return
			}
		}
	}
}

func checkVar(v *ast.ValueSpec, broken reporter) {
	if v.Names[0].Name == "_" || embedded(v.Doc) {
		return
	}
	if len(v.Values) != len(v.Names) {
		broken(v.Pos(), "%s starts empty, so something must change it", v.Names[0].Name)
	}
	for _, value := range v.Values {
		if !constant(value) {
			broken(v.Pos(), "%s may change, or does work at start", v.Names[0].Name)
		}
	}
}

func embedded(doc *ast.CommentGroup) bool {
	return doc != nil && slices.ContainsFunc(doc.List, func(c *ast.Comment) bool {
		return strings.HasPrefix(c.Text, "//go:embed ")
	})
}

// makers are the calls whose result does not change once made.
var makers = []string{
	"errors.New", "fault.New", "fault.Retry", "regexp.MustCompile", "strings.NewReplacer",
	"netip.MustParsePrefix", "netip.MustParseAddr", "base64.RawURLEncoding.Strict", "base64.RawStdEncoding.Strict",
}

// constant reports whether a package variable's value is as good as a constant: a sentinel,
// a table of plain values, something compiled once.
func constant(value ast.Expr) bool {
	fixed := true
	ast.Inspect(value, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			_, conversion := n.Fun.(*ast.ArrayType)
			fixed = fixed && (conversion || slices.Contains(makers, chain(n.Fun)))
		case *ast.FuncLit:
			fixed = false
		case *ast.UnaryExpr:
			fixed = fixed && n.Op != token.AND
		case *ast.CompositeLit:
			kind, _, _ := strings.Cut(chain(n.Type), ".")
			fixed = fixed && kind != "sync" && kind != "atomic"
		}
		return fixed
	})
	return fixed
}

func checkPanic(h House, s source, broken reporter) {
	if h.Rethrow[s.path] != "" {
		return
	}
	ast.Inspect(s.file, func(n ast.Node) bool {
		if c, ok := n.(*ast.CallExpr); ok && chain(c.Fun) == "panic" {
			broken(c.Pos(), "panic")
		}
		return true
	})
}

func checkForbidden(h House, s source, broken reporter) {
	ast.Inspect(s.file, func(n ast.Node) bool {
		e, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		allowed, listed := h.Forbidden[chain(e)]
		if listed && !slices.Contains(allowed, s.room) && !slices.Contains(allowed, s.path) {
			broken(e.Pos(), "%s", chain(e))
		}
		return true
	})
}

var (
	statement = regexp.MustCompile(`(?i)^\s*(select\s+\S|insert\s+into\s|update\s+\w+\s+set\s|delete\s+from\s|` +
		`create\s+(table|index|unique)\s|alter\s+table\s|with\s+\w+\s+as\s*\()`)
	probe  = regexp.MustCompile(`^((pragma|show|set|select) [a-z0-9_'(), ]*|delete from identity_schema where name = '')$`)
	upper  = regexp.MustCompile(`\b(SELECT|INSERT|UPDATE|DELETE|FROM|WHERE|AND|OR|ORDER|VALUES|JOIN|NULL)\b`)
	single = regexp.MustCompile(`(?i)::|\bany\s*\(|\bilike\b|\bnow\s*\(\)|\bfor\s+update\b|\bgenerated\s+(always|by default)\b|` +
		`\bautoincrement\b|\bserial\b|\bcurrent_timestamp\b|->>`)
)

// checkSQL lets a driver's room ask a database about itself, and nothing else. The suite for
// stores plays a host that has tables of its own.
func checkSQL(_ House, s source, broken reporter) {
	if slices.Contains([]string{"store/internal/sqlstore", "store/storetest", "internal/pgtest"}, s.room) {
		return
	}
	driver := path.Dir(s.room) == "store"
	texts(s.file, func(at token.Pos, text string) {
		if statement.MatchString(text) && !(driver && probe.MatchString(text)) {
			broken(at, "a query: %.40q", text)
		}
	})
}

func checkDialect(_ House, s source, broken reporter) {
	if s.room != "store/internal/sqlstore" {
		return
	}
	texts(s.file, func(at token.Pos, text string) {
		if !statement.MatchString(text) {
			return
		}
		if w := upper.FindString(text); w != "" {
			broken(at, "upper case %s", w)
		}
		if w := single.FindString(text); w != "" {
			broken(at, "%s is not in both databases", w)
		}
	})
}

func checkErrors(_ House, s source, broken reporter) {
	texts(s.file, func(at token.Pos, text string) {
		for _, opening := range []string{"failed to", "unable to", "error while"} {
			if text != opening && strings.HasPrefix(text, opening) {
				broken(at, "%.40q", text)
			}
		}
	})
	ast.Inspect(s.file, func(n ast.Node) bool {
		c, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		name := chain(c.Fun)
		if strings.HasPrefix(name, "strings.") && slices.ContainsFunc(c.Args, isErrorText) {
			broken(c.Pos(), "%s reads an error's text", name)
		}
		if name == "fmt.Errorf" && chain(c.Args[len(c.Args)-1]) == "err" && !wraps(c.Args[0]) {
			broken(c.Pos(), "fmt.Errorf drops the error it was given")
		}
		return true
	})
}

func isErrorText(e ast.Expr) bool {
	c, ok := e.(*ast.CallExpr)
	return ok && strings.HasSuffix(chain(c.Fun), "err.Error") && len(c.Args) == 0
}

// wraps reports whether a format has %w; one that is not a literal has the benefit of the doubt.
func wraps(format ast.Expr) bool {
	lit, ok := format.(*ast.BasicLit)
	return !ok || strings.Contains(lit.Value, "%w")
}
