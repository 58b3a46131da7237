package style

import (
	"cmp"
	"go/ast"
	"go/token"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// The sizes that a reader can hold in mind.
const (
	maxFile    = 500
	maxFunc    = 60
	maxParams  = 5
	maxNesting = 3
	maxLine    = 140
	maxMethods = 8
)

// shapeRules are about size.
func shapeRules() []rule {
	return []rule{
		{"file length", "split the file by noun or by step", checkFileLength},
		{"line length", "break the line", checkLines},
		{"function length", "name a step and pull it out", checkFuncLength},
		{"parameters", "pass a struct", checkParams},
		{"nesting", "return early or name a step", checkNesting},
		{"interface size", "split the contract by noun", checkInterfaceSize},
		{"context first", "ctx leads, is never kept, and a store's method always takes it", checkContext},
	}
}

func checkFileLength(_ House, s source, broken reporter) {
	if n := s.length(); n > maxFile {
		broken(s.file.Package, "%d lines, at most %d", n, maxFile)
	}
}

// length counts the lines of a file.
func (s source) length() int { return s.set.Position(s.file.FileEnd).Line }

// height counts the lines of a node.
func (s source) height(n ast.Node) int {
	return s.set.Position(n.End()).Line - s.set.Position(n.Pos()).Line + 1
}

// A row of the route table stands on one line, however long.
var row = regexp.MustCompile(`^\s*(public|user|management)\(.*`)

func checkLines(_ House, s source, broken reporter) {
	f := s.set.File(s.file.Package)
	for i, line := range s.lines {
		if n := utf8.RuneCountInString(strings.ReplaceAll(line, "\t", "    ")); n > maxLine && !row.MatchString(line) {
			broken(f.LineStart(i+1), "%d columns, at most %d", n, maxLine)
		}
	}
}

func checkFuncLength(_ House, s source, broken reporter) {
	functions(s.file, func(name string, at ast.Node, _ *ast.FuncType, _ *ast.BlockStmt) {
		if n := s.height(at); n > maxFunc {
			broken(at.Pos(), "%s has %d lines, at most %d", name, n, maxFunc)
		}
	})
}

func checkParams(_ House, s source, broken reporter) {
	functions(s.file, func(name string, at ast.Node, t *ast.FuncType, _ *ast.BlockStmt) {
		if n := params(t); n > maxParams {
			broken(at.Pos(), "%s takes %d parameters, at most %d", name, n, maxParams)
		}
	})
	for name, i := range interfaces(s.file) {
		for _, m := range i.Methods.List {
			if t, ok := m.Type.(*ast.FuncType); ok && params(t) > maxParams {
				broken(m.Pos(), "%s.%s takes %d parameters, at most %d", name, m.Names[0].Name, params(t), maxParams)
			}
		}
	}
}

// params counts what a caller must give; a variadic tail may be left out.
func params(t *ast.FuncType) int {
	n := t.Params.NumFields()
	if n == 0 {
		return 0
	}
	if _, tail := t.Params.List[len(t.Params.List)-1].Type.(*ast.Ellipsis); tail {
		n--
	}
	return n
}

func checkNesting(_ House, s source, broken reporter) {
	functions(s.file, func(name string, at ast.Node, _ *ast.FuncType, body *ast.BlockStmt) {
		if body == nil {
			return
		}
		if n := depth(body); n > maxNesting {
			broken(at.Pos(), "%s nests %d deep, at most %d", name, n, maxNesting)
		}
	})
}

// depth counts how deep the branches and loops of a body stand inside each other. An else
// branch stands beside its if, and a function literal starts anew.
func depth(body ast.Node) int {
	deepest := 0
	ast.Inspect(body, func(n ast.Node) bool {
		if _, literal := n.(*ast.FuncLit); literal {
			return false
		}
		inner := block(n)
		if inner == nil {
			return true
		}
		deepest = max(deepest, depth(inner)+1)
		if branch, ok := n.(*ast.IfStmt); ok && branch.Else != nil {
			deepest = max(deepest, beside(branch.Else))
		}
		return false
	})
	return deepest
}

// block returns what a branch or loop encloses, or nil for other nodes.
func block(n ast.Node) ast.Node {
	switch n := n.(type) {
	case *ast.IfStmt:
		return n.Body
	case *ast.ForStmt:
		return n.Body
	case *ast.RangeStmt:
		return n.Body
	case *ast.SwitchStmt:
		return n.Body
	case *ast.TypeSwitchStmt:
		return n.Body
	case *ast.SelectStmt:
		return n.Body
	}
	return nil
}

// beside is the depth of an else branch, counted from its if.
func beside(n ast.Stmt) int {
	if b, ok := n.(*ast.BlockStmt); ok {
		return depth(b) + 1
	}
	return depth(n)
}

func checkInterfaceSize(_ House, s source, broken reporter) {
	for name, i := range interfaces(s.file) {
		own := 0
		for _, m := range i.Methods.List {
			own += len(m.Names)
		}
		if own > maxMethods {
			broken(i.Pos(), "%s has %d methods, at most %d", name, own, maxMethods)
		}
	}
}

func checkContext(h House, s source, broken reporter) {
	functions(s.file, func(name string, at ast.Node, t *ast.FuncType, _ *ast.BlockStmt) {
		for i, p := range t.Params.List {
			if i > 0 && isContext(p.Type) && !strings.HasPrefix(chain(t.Params.List[0].Type), "testing.") {
				broken(at.Pos(), "%s takes a context that is not first", name)
			}
		}
	})
	ast.Inspect(s.file, func(n ast.Node) bool {
		st, ok := n.(*ast.StructType)
		if ok && h.Queues[s.path] == "" && slices.ContainsFunc(st.Fields.List, keepsContext) {
			broken(n.Pos(), "a context is kept in a struct")
		}
		return true
	})
	if s.room == "store" {
		checkContractContext(s, broken)
	}
}

// checkContractContext finds the methods of a contract that cannot be cancelled. Close is
// the one that must run to its end.
func checkContractContext(s source, broken reporter) {
	for name, i := range interfaces(s.file) {
		for _, m := range i.Methods.List {
			t, ok := m.Type.(*ast.FuncType)
			if !ok || !strings.HasSuffix(name, "Store") || m.Names[0].Name == "Close" {
				continue
			}
			if len(t.Params.List) == 0 || !isContext(t.Params.List[0].Type) {
				broken(m.Pos(), "%s.%s takes no context", name, m.Names[0].Name)
			}
		}
	}
}

func isContext(t ast.Expr) bool { return chain(t) == "context.Context" }

// keepsContext reports whether a field holds a context. An embedded one makes the struct a
// context itself.
func keepsContext(f *ast.Field) bool { return len(f.Names) > 0 && isContext(f.Type) }

func takesContext(t *ast.FuncType) bool {
	return slices.ContainsFunc(t.Params.List, func(f *ast.Field) bool { return isContext(f.Type) })
}

// A Proportion is what no single file can break.
type Proportion struct{ Files, Functions, MedianFile, MedianFunc int }

// Proportions measures the module at dir.
func Proportions(dir string) (Proportion, error) {
	all, err := parse(dir)
	var files, funcs []int
	for _, s := range all {
		files = append(files, s.length())
		for _, d := range s.file.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok {
				funcs = append(funcs, s.height(fn))
			}
		}
	}
	return Proportion{len(files), len(funcs), median(files), median(funcs)}, err
}

func median[T cmp.Ordered](all []T) (m T) {
	if len(all) == 0 {
		return m
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// targets returns what a statement changes.
func targets(n ast.Node) []ast.Expr {
	switch n := n.(type) {
	case *ast.AssignStmt:
		if n.Tok != token.DEFINE {
			return n.Lhs
		}
	case *ast.IncDecStmt:
		return []ast.Expr{n.X}
	case *ast.CallExpr:
		if name := chain(n.Fun); (name == "delete" || name == "clear") && len(n.Args) > 0 {
			return n.Args[:1]
		}
	}
	return nil
}

// start is the variable that an expression such as table[key] starts from.
func start(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.IndexExpr:
		return start(e.X)
	}
	return ""
}
