// Package style checks the rules of the house that a machine can check. What the rules
// allow where is a table in the root's style_test.go; this package is only the reading.
package style

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A House says what is allowed where. Rooms and files are named by their slash path from
// the module's root; the root itself is ".".
type House struct {
	Module string

	Rooms     map[string][]string // every room, and the rooms that it may import
	Guests    map[string][]string // packages from outside that only the rooms named may import
	Forbidden map[string][]string // members such as "time.Now", and the rooms or files that may use them
	Rethrow   map[string]string   // files that hand on a panic that was not theirs, and why
	Builders  map[string]string   // files that compose queries, and of what
	Queues    map[string]string   // files where a request waits with its context, and why
	Solo      map[string]string   // files of service and handlers that are not plural, and why

	Empty      []string       // words that say nothing in a name
	Unfinished *regexp.Regexp // words of unfinished work
	Products   *regexp.Regexp // names that no identifier may carry
}

// A Finding is one place that breaks one rule.
type Finding struct {
	Rule string
	Path string
	Line int
	Text string
}

// String renders the finding as an editor can follow it.
func (f Finding) String() string { return fmt.Sprintf("%s:%d: %s", f.Path, f.Line, f.Text) }

// A rule is one line of the house style.
type rule struct {
	name  string
	why   string
	check func(h House, s source, r reporter)
}

// A reporter takes what breaks a rule.
type reporter func(at token.Pos, format string, args ...any)

// A source is one Go file that is not a test.
type source struct {
	path, room string
	set        *token.FileSet
	file       *ast.File
	lines      []string
}

// Check runs every rule as a subtest over the module at dir and lists what breaks it.
func (h House) Check(t *testing.T, dir string) {
	t.Helper()
	all, err := h.Findings(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rules() {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			for _, f := range all[r.name] {
				t.Errorf("%s (%s)", f, r.why)
			}
		})
	}
}

// Findings returns what breaks the rules in the module at dir, by rule, in path order.
func (h House) Findings(dir string) (map[string][]Finding, error) {
	sources, err := parse(dir)
	if err != nil {
		return nil, err
	}
	all := map[string][]Finding{}
	for _, r := range rules() {
		for _, s := range sources {
			r.check(h, s, func(at token.Pos, format string, args ...any) {
				all[r.name] = append(all[r.name], Finding{r.name, s.path, s.set.Position(at).Line, fmt.Sprintf(format, args...)})
			})
		}
	}
	for _, f := range h.across(dir, sources) {
		all[f.Rule] = append(all[f.Rule], f)
	}
	return all, nil
}

func rules() []rule { return slices.Concat(mapRules(), shapeRules(), stateRules(), wordRules()) }

// parse reads every Go file of the module at dir that is not a test, in path order.
func parse(dir string) ([]source, error) {
	var all []source
	err := walk(dir, func(name string) error {
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		s := source{path: name, room: path.Dir(name), set: token.NewFileSet(), lines: strings.Split(string(text), "\n")}
		s.file, err = parser.ParseFile(s.set, name, text, parser.ParseComments|parser.SkipObjectResolution)
		all = append(all, s)
		return err
	})
	slices.SortFunc(all, func(a, b source) int { return cmp.Compare(a.path, b.path) })
	return all, err
}

// walk calls visit with the slash path of every file of the module at dir. Hidden folders,
// test inputs and nested modules are other worlds.
func walk(dir string, visit func(name string) error) error {
	return fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == "." {
			return err
		}
		if !d.IsDir() {
			return visit(name)
		}
		_, err = os.Stat(filepath.Join(dir, name, "go.mod"))
		if err == nil || strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" {
			return fs.SkipDir
		}
		return nil
	})
}

// specs yields the declarations of one kind at the top of a file.
func specs[T ast.Spec](f *ast.File) func(yield func(T) bool) {
	return func(yield func(T) bool) {
		for _, d := range f.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, s := range g.Specs {
				if s, ok := s.(T); ok && !yield(s) {
					return
				}
			}
		}
	}
}

// interfaces returns the interface types that a file declares.
func interfaces(f *ast.File) map[string]*ast.InterfaceType {
	all := map[string]*ast.InterfaceType{}
	for spec := range specs[*ast.TypeSpec](f) {
		if i, ok := spec.Type.(*ast.InterfaceType); ok {
			all[spec.Name.Name] = i
		}
	}
	return all
}

// functions calls visit for every function of a file, literals included.
func functions(f *ast.File, visit func(name string, at ast.Node, t *ast.FuncType, body *ast.BlockStmt)) {
	name := ""
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			name = n.Name.Name
			visit(name, n, n.Type, n.Body)
		case *ast.FuncLit:
			visit("a function in "+name, n, n.Type, n.Body)
		}
		return true
	})
}

// chain renders a.b.c; other expressions are empty.
func chain(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return strings.TrimPrefix(chain(e.X)+"."+e.Sel.Name, ".")
	case *ast.StarExpr:
		return chain(e.X)
	case *ast.IndexExpr:
		return chain(e.X)
	case *ast.IndexListExpr:
		return chain(e.X)
	}
	return ""
}

// texts calls visit for every string literal but import paths and tags.
func texts(f *ast.File, visit func(at token.Pos, text string)) {
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ImportSpec:
			return false
		case *ast.BasicLit:
			if n.Kind == token.STRING {
				visit(n.Pos(), strings.Trim(n.Value, "`\""))
			}
		}
		return true
	})
}
