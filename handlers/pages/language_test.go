package pages_test

import (
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/go-identity/identity/handlers/pages"
)

// speaking is a browser whose person prefers the languages.
func (b browser) speaking(header string) browser {
	c := *b.Client
	c.Transport = accepting{c.Transport, header}
	b.Client = &c
	return b
}

type accepting struct {
	next     http.RoundTripper
	language string
}

func (a accepting) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Accept-Language", a.language)
	r.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36")
	return a.next.RoundTrip(r)
}

func TestLanguages(t *testing.T) {
	t.Parallel()
	s := serve(t, func(c *pages.Config) {
		c.Texts = map[string]map[string]string{
			"de":    {"login.title": "Anmelden", "password must have at least {0} characters": "Mindestens {0} Zeichen."},
			"pt-BR": {"login.title": "Entrar"},
			"ar":    {"login.title": "تسجيل الدخول"},
			"az":    {"login.title": "Daxil ol"}, "az-Arab": {"login.title": "گیریش"},
		}
	})
	for _, tt := range []struct{ header, lang, dir, title string }{
		{"", "en", "ltr", "Sign in"},
		{"de", "de", "ltr", "Anmelden"},
		{"de-AT,en;q=0.5", "de", "ltr", "Anmelden"},
		{"en;q=0.5, de;q=0.9", "de", "ltr", "Anmelden"},
		{"pt-br", "pt-BR", "ltr", "Entrar"},
		{"pt", "en", "ltr", "Sign in"},
		{"fr, ar-EG;q=0.8", "ar", "rtl", "تسجيل الدخول"},
		{"az-Arab-IR", "az-Arab", "rtl", "گیریش"},
		{"az", "az", "ltr", "Daxil ol"},
		{"de;q=0", "en", "ltr", "Sign in"},
		{"de;q=7, de;q=x, *, ,;,-", "en", "ltr", "Sign in"},
		{strings.Repeat("x-", 5000) + ",de", "en", "ltr", "Sign in"},
	} {
		a := s.browser(t).speaking(tt.header).get(t, "/account/login")
		a.want(t, 200, `<html lang="`+tt.lang+`" dir="`+tt.dir+`">`, "<h1>"+tt.title+"</h1>")
		if got := a.Header.Get("Content-Language"); got != tt.lang {
			t.Errorf("%q: Content-Language %q, want %q", tt.header, got, tt.lang)
		}
		if !slices.Contains(a.Header.Values("Vary"), "Accept-Language") {
			t.Errorf("Vary %q", a.Header.Values("Vary"))
		}
	}
	form := url.Values{"name": {"Ada"}, "company": {"Acme"}, "email": {email}, "password": {"short"}}
	s.browser(t).speaking("de").post(t, "/account/signup", form).want(t, 400, "Mindestens 15 Zeichen.", "Create your account")
}

func TestNewRefusesTexts(t *testing.T) {
	t.Parallel()
	s := dressed(t, nil)
	for _, texts := range []map[string]map[string]string{{"": {}}, {"d e": {}}, {"de": {"login.title": ""}}, {`"><script>`: {}}} {
		c := s.config
		c.Texts = texts
		if _, err := pages.New(c); err == nil {
			t.Errorf("New took %v", texts)
		}
	}
}

// pseudo are the texts between brackets, so that words from elsewhere stand out.
func pseudo() map[string]string {
	all := pages.English()
	for key, text := range all {
		all[key] = "⟦" + text + "⟧"
	}
	return all
}

// TestEverythingIsTranslated looks at every page in a language that is no language: each word
// has to come from the texts.
func TestEverythingIsTranslated(t *testing.T) {
	t.Parallel()
	face := func(c *pages.Config) {
		c.Texts = map[string]map[string]string{"qps": pseudo()}
		c.Brand = pages.Brand{}
	}
	seen := map[string]bool{}
	look := func(name string, a answer) {
		seen[name] = true
		if !strings.Contains(a.text, `<html lang="qps"`) {
			t.Errorf("%s is in another language", name)
		}
		for _, text := range words(t, a.text) {
			rest := regexp.MustCompile(`⟦[^⟦⟧]*⟧`).ReplaceAllString(text, "")
			for strings.Contains(rest, "⟦") && rest != text {
				text, rest = rest, regexp.MustCompile(`⟦[^⟦⟧]*⟧`).ReplaceAllString(rest, "")
			}
			if regexp.MustCompile(`\pL{2,}`).MatchString(rest) {
				t.Errorf("%s: %q is not among the texts", name, rest)
			}
		}
	}
	for _, wizard := range []bool{false, true} {
		_, walk := walks(t, wizard, face)
		walk(t, "qps", look)
	}
	if len(seen) < 90 {
		t.Errorf("only %d pages were seen: %v", len(seen), slices.Sorted(maps.Keys(seen)))
	}
}

// foreign reports whether a part of a page says that it is in another language than the page.
func foreign(n *html.Node) bool {
	if n == nil || n.Data == "html" {
		return false
	}
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == "lang" })
}

// words are the texts of a page that a person reads or hears, without what is the person's own.
func words(t *testing.T, page string) []string {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	own := strings.NewReplacer("Chrome", "", "Linux", "", email, "", fresh, "", "UTC", "", "127.0.0.1", "")
	var all []string
	for n := range root.Descendants() {
		switch {
		case n.Type == html.TextNode && slices.Contains([]string{"code", "style", "textarea", "bdi", "time"}, n.Parent.Data), foreign(n.Parent):
			// not ours to say
		case n.Type == html.TextNode:
			all = append(all, own.Replace(n.Data))
		case n.Type == html.ElementNode:
			for _, a := range n.Attr {
				if slices.Contains([]string{"aria-label", "alt", "title", "placeholder"}, a.Key) {
					all = append(all, own.Replace(a.Val))
				}
			}
		}
	}
	return all
}
