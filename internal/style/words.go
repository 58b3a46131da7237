package style

import (
	"go/ast"
	"go/token"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// wordRules are about names and comments.
func wordRules() []rule {
	return []rule{
		{"documented", "say what it does, and what happens when things go wrong", checkDocs},
		{"names", "one noun per concept, and nothing that says nothing", checkNames},
		{"receivers", "one or two letters", checkReceivers},
		{"file names", "singular in store, plural in service and handlers", checkFileName},
		{"nouns", "a noun is plain: no tags, no secrets, no I/O", checkNouns},
		{"unfinished", "finish it, or name the issue", checkUnfinished},
	}
}

func checkDocs(_ House, s source, broken reporter) {
	for _, d := range s.file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if owed(s, d) && !opens(d.Doc, d.Name.Name) {
				broken(d.Pos(), "%s needs a comment that starts with its name", d.Name.Name)
			}
		case *ast.GenDecl:
			checkTypeDocs(d, broken)
			checkValueDocs(d, broken)
		}
	}
}

// owed reports whether a function owes its reader a comment. The methods by which an
// unexported type, or the SQL store, meets a contract are told by the contract.
func owed(s source, d *ast.FuncDecl) bool {
	if !d.Name.IsExported() || s.file.Name.Name == "main" {
		return false
	}
	return d.Recv == nil || ast.IsExported(receiver(d)) && s.room != "store/internal/sqlstore"
}

// receiver is the name of a method's type.
func receiver(d *ast.FuncDecl) string { return chain(d.Recv.List[0].Type) }

func checkTypeDocs(d *ast.GenDecl, broken reporter) {
	for spec := range each[*ast.TypeSpec](d.Specs) {
		name := spec.Name.Name
		if spec.Name.IsExported() && !opens(spec.Doc, name) && !opens(d.Doc, name) {
			broken(spec.Pos(), "%s needs a comment that starts with its name", name)
		}
	}
}

// checkValueDocs takes one comment for a group of constants or variables, and asks for one
// that starts with the name where something stands alone.
func checkValueDocs(d *ast.GenDecl, broken reporter) {
	group := d.Lparen.IsValid() && d.Doc != nil
	for spec := range each[*ast.ValueSpec](d.Specs) {
		name := spec.Names[0].Name
		if spec.Names[0].IsExported() && !group && !opens(spec.Doc, name) && !opens(d.Doc, name) {
			broken(spec.Pos(), "%s needs a comment that starts with its name", name)
		}
	}
}

// opens reports whether a comment starts with name, an article before it apart.
func opens(doc *ast.CommentGroup, name string) bool {
	text := doc.Text()
	for _, article := range []string{"A ", "An ", "The "} {
		text = strings.TrimPrefix(text, article)
	}
	rest, ok := strings.CutPrefix(text, name)
	next, _ := utf8.DecodeRuneInString(rest)
	return ok && !unicode.IsLetter(next) && !unicode.IsDigit(next)
}

var word = regexp.MustCompile(`[A-Z]+[a-z0-9]*|[a-z0-9]+`)

func checkNames(h House, s source, broken reporter) {
	pkg := s.file.Name.Name
	h.checkName(s.file.Package, strings.TrimSuffix(path.Base(s.path), ".go"), broken)
	h.checkName(s.file.Package, pkg, broken)
	for spec := range specs[*ast.TypeSpec](s.file) {
		h.checkName(spec.Pos(), spec.Name.Name, broken)
		stem, stutters := strings.CutPrefix(strings.ToLower(spec.Name.Name), pkg)
		if stutters && stem != "" && stem != "s" && spec.Name.IsExported() && pkg != "main" {
			broken(spec.Pos(), "%s.%s stutters", pkg, spec.Name.Name)
		}
	}
	for _, d := range s.file.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok {
			continue
		}
		h.checkName(fn.Pos(), fn.Name.Name, broken)
		if rest, ok := strings.CutPrefix(fn.Name.Name, "Get"); ok && ast.IsExported(rest) {
			broken(fn.Pos(), "%s has a Get prefix", fn.Name.Name)
		}
	}
}

func (h House) checkName(at token.Pos, name string, broken reporter) {
	for _, w := range word.FindAllString(name, -1) {
		if slices.Contains(h.Empty, strings.ToLower(w)) {
			broken(at, "%q says nothing in %s", w, name)
		}
	}
	if h.Products.MatchString(name) {
		broken(at, "%s names a product", name)
	}
}

func checkReceivers(_ House, s source, broken reporter) {
	for _, d := range s.file.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Recv == nil || len(fn.Recv.List[0].Names) == 0 {
			continue
		}
		if name := fn.Recv.List[0].Names[0].Name; len(name) > 2 {
			broken(fn.Pos(), "receiver %s of %s", name, fn.Name.Name)
		}
	}
}

func checkFileName(h House, s source, broken reporter) {
	if h.Solo[s.path] != "" {
		return
	}
	plural := strings.HasSuffix(s.path, "s.go")
	switch {
	case s.room == "store" && plural:
		broken(s.file.Package, "plural")
	case (s.room == "service" || s.room == "handlers") && !plural:
		broken(s.file.Package, "neither plural nor told apart with a reason")
	}
}

var secretive = regexp.MustCompile(`Password|Hash|Secret|Token|Key$`)

func checkNouns(_ House, s source, broken reporter) {
	if s.room != "store" {
		return
	}
	for spec := range specs[*ast.TypeSpec](s.file) {
		if st, ok := spec.Type.(*ast.StructType); ok {
			for _, f := range st.Fields.List {
				checkField(spec.Name.Name, f, broken)
			}
		}
	}
	for _, d := range s.file.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv != nil && takesContext(fn.Type) {
			broken(fn.Pos(), "%s.%s does I/O", receiver(fn), fn.Name.Name)
		}
	}
}

func checkField(noun string, f *ast.Field, broken reporter) {
	if f.Tag != nil {
		broken(f.Pos(), "%s has a tag", noun)
	}
	for _, n := range f.Names {
		if noun == "User" && secretive.MatchString(n.Name) {
			broken(f.Pos(), "User.%s is a secret: it belongs in Credential", n.Name)
		}
		if chain(f.Type) == "bool" && strings.HasPrefix(n.Name, "Is") {
			broken(f.Pos(), "%s.%s: a boolean reads as an adjective", noun, n.Name)
		}
	}
}

func checkUnfinished(h House, s source, broken reporter) {
	f := s.set.File(s.file.Package)
	for i, line := range s.lines {
		if w := h.Unfinished.FindString(line); w != "" {
			broken(f.LineStart(i+1), "%q", w)
		}
	}
}
