package token_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/go-identity/identity/token"
)

// TestTemplateDocs makes the claims of docs/tokens.md, row by row.
func TestTemplateDocs(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/tokens.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, ok := strings.Cut(string(text), "<!-- checked by token/templatedocs_test.go -->")
	table, _, closed := strings.Cut(after, "<!-- end -->")
	rows := regexp.MustCompile("(?m)^\\|[^|]*\\| `([^|]*)` \\| `([^|]*)` \\|$").FindAllStringSubmatch(table, -1)
	if !ok || !closed || len(rows) != strings.Count(table, "\n|")-2 || len(rows) < 10 {
		t.Fatalf("docs/tokens.md has %d rows that can be read", len(rows))
	}
	for _, row := range rows {
		claims := strings.Replace(token.BlankClaims, "}\"}", "}\","+row[1]+"}", 1)
		made, err := token.CompileTemplate([]byte(claims))
		if err != nil {
			t.Errorf("%s: %v", row[1], err)
			continue
		}
		got, err := made.Render(ann(), 0)
		if err != nil || !strings.Contains(string(got), `"exp":1795435500,`+row[2]+`,"type":`) {
			t.Errorf("%s becomes %s (%v), want %s", row[1], got, err, row[2])
		}
	}
}
