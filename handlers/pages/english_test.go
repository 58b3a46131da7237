package pages_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/go-identity/identity/handlers/pages"
)

// TestTexts compares the texts with what the pages and their handlers ask for: none is missing,
// and none is left over.
func TestTexts(t *testing.T) {
	t.Parallel()
	var source strings.Builder
	for _, pattern := range []string{"*.go", "templates/*.html"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") || strings.HasPrefix(name, "english") {
				continue
			}
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			source.Write(text)
		}
	}
	texts := pages.English()
	for _, m := range regexp.MustCompile(`\.T "([^"]+)"|\.T\("([^"]+)"|: "([a-z]+\.[a-z.]+)"`).FindAllStringSubmatch(source.String(), -1) {
		if key := m[1] + m[2] + m[3]; texts[key] == "" && !strings.HasSuffix(key, ".html") && !strings.HasPrefix(key, "image") {
			t.Errorf("there is no text for %q", key)
		}
	}
	composed := regexp.MustCompile(`\.label$|\.done\.|^(hint|kind)\.|^[a-zA-Z-]+ |^User `) // from a field, a redirect, or by a rule
	for key := range texts {
		if !composed.MatchString(key) && !strings.Contains(source.String(), `"`+key+`"`) {
			t.Errorf("nothing says %q", key)
		}
	}
}
