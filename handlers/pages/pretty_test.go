package pages_test

import (
	"strings"
	"testing"
	"unicode"

	"github.com/go-identity/identity/handlers/pages"
)

func TestPretty(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ in, want string }{
		{"", ""},
		{"text", "text"},
		{`{"a":["b"]}`, "{\n  \"a\": [\n    \"b\"\n  ]\n}"},
		{`{"a":`, `{"a":`},
		{`<a><b c="d">e &amp; f</b><g/></a>`, "<a>\n  <b c=\"d\">e &amp; f</b>\n  <g/>\n</a>"},
		{"<a>\n <b> </b> </a>", "<a>\n  <b></b>\n</a>"},
		{"<a><b>", "<a>\n  <b>"},
		{"<a", "<a"},
		{`{"a":{"b":"c"}}`, `{"a":{"b":"c"}}`},
		{`<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>`, `<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>`},
	} {
		if got := pages.Pretty(tt.in); got != tt.want {
			t.Errorf("Pretty(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

// TestAttackPretty nests a document deep: it must not grow with the square of that.
func TestAttackPretty(t *testing.T) {
	t.Parallel()
	for _, part := range []string{"<a>", `{"a":`, "["} {
		deep := strings.Repeat(part, 50_000)
		if got := pages.Pretty(deep); len(got) > 50*len(deep) {
			t.Errorf("%d bytes become %d", len(deep), len(got))
		}
	}
}

// FuzzPretty wants nothing of a stranger's document to be lost, added or written in another way.
func FuzzPretty(f *testing.F) {
	for _, s := range []string{"", "<a><b/>c</a>", `{"a":["b",1]}`, "<a><!-- b --></a>", "<a>\x00</a>", "<?xml version=\"1.0\"?><a/>", "</a>", "<a:b:c>"} {
		f.Add(s)
	}
	bare := func(s string) string {
		return strings.Map(func(r rune) rune {
			if unicode.IsSpace(r) {
				return -1
			}
			return r
		}, s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if got := pages.Pretty(text); bare(got) != bare(text) {
			t.Errorf("Pretty(%q) = %q", text, got)
		}
	})
}
