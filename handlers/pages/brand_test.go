package pages_test

import (
	"context"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/go-identity/identity/handlers/pages"
)

const (
	svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 4 1"><rect width="4" height="1" fill="#064"/></svg>`
	png = "\x89PNG\r\n\x1a\n"
)

// serve has a site with changed pages served.
func serve(t *testing.T, face func(*pages.Config), options ...option) *site {
	t.Helper()
	s := dressed(t, face, options...)
	s.Server = httptest.NewTLSServer(s.handler)
	t.Cleanup(s.Close)
	return s
}

func TestBrand(t *testing.T) {
	t.Parallel()
	s := serve(t, func(c *pages.Config) {
		c.Brand = pages.Brand{
			Name: "Globex", Logo: []byte(svg), LogoDark: []byte(png), Accent: "#006644",
			Links: []pages.Link{{Text: "Privacy", URL: "/privacy"}, {Text: "Help", URL: "mailto:help@globex.example"}},
		}
	})
	b := s.browser(t)
	page := b.get(t, "/account/login")
	page.want(t, 200, `alt="Globex"`, "Sign in · Globex", `<a href="/privacy" rel="noopener">Privacy</a>`, `href="mailto:help@globex.example"`)
	css := b.get(t, path(t, page, `href="([^"]+/account\.css)"`))
	css.want(t, 200, "--accent: #006644", "--on-accent: #ffffff")
	logo := b.get(t, path(t, page, `src="([^"]+/logo\.svg)"`))
	logo.want(t, 200, svg)
	if got := logo.Header.Get("Content-Security-Policy"); !strings.Contains(got, "sandbox") {
		t.Errorf("the logo may do something: %q", got)
	}
	if got := b.get(t, path(t, page, `srcset="([^"]+/logo-dark\.png)"`)).Header.Get("Content-Type"); got != "image/png" {
		t.Errorf("the dark logo is %q", got)
	}
	b.get(t, path(t, page, `href="([^"]+/mark\.svg)"`)).want(t, 200, "#006644")
	b.get(t, "/account/assets/000000000000/account.css").want(t, 404)
}

func path(t *testing.T, a answer, pattern string) string {
	t.Helper()
	found := regexp.MustCompile(pattern).FindStringSubmatch(a.text)
	if found == nil {
		t.Fatalf("no %s in:\n%s", pattern, a.text)
	}
	return found[1]
}

func TestBrandOfTenant(t *testing.T) {
	t.Parallel()
	s := serve(t, func(c *pages.Config) {
		c.BrandOf = func(_ context.Context, id string) (pages.Brand, bool) {
			switch id {
			case "acme":
				return pages.Brand{Name: "Acme Works", Accent: "#7a1fa2", Logo: []byte(png)}, true
			case "ugly":
				return pages.Brand{Name: "Ugly", Accent: "#ffff00"}, true
			}
			return pages.Brand{}, false
		}
	})
	s.user(t)
	b := s.browser(t)
	page := b.get(t, "/account/login?tenant=acme")
	page.want(t, 200, "Acme Works")
	b.get(t, path(t, page, `href="([^"]+/account\.css)"`)).want(t, 200, "--accent: #7a1fa2")
	b.get(t, path(t, page, `src="([^"]+/logo\.png)"`)).want(t, 200)
	b.get(t, "/account/login?tenant=ugly").want(t, 200, "Acme <Reports>")
	b.get(t, "/account/login?tenant=..").want(t, 200, "Acme <Reports>")
	b.get(t, "/account/login").want(t, 200, "Acme <Reports>")
	b.login(t, phrase, "/account/security").want(t, 200, "Acme Works")
}

func TestNewRefusesBrands(t *testing.T) {
	t.Parallel()
	s := dressed(t, nil)
	for _, tt := range []struct {
		name  string
		brand pages.Brand
		want  string
	}{
		{"no colour", pages.Brand{Accent: "blue"}, "six hexadecimal digits"},
		{"short colour", pages.Brand{Accent: "#12"}, "six hexadecimal digits"},
		{"pale accent", pages.Brand{Accent: "#ffcc00"}, "contrast of 1."},
		{"pale enough on white, not on the page", pages.Brand{Accent: "#757575"}, "contrast of 4.3 on #f5f6f8"},
		{"dark accent in the dark", pages.Brand{AccentDark: "#3b4fd8"}, "dark accent"},
		{"logo of another kind", pages.Brand{Logo: []byte("GIF89a")}, "must be PNG, JPEG, WebP or SVG"},
		{"large logo", pages.Brand{Logo: []byte(png + strings.Repeat("x", 257<<10))}, "at most"},
		{"logo elsewhere", pages.Brand{LogoURL: "https://cdn.example/logo.svg"}, "path of this host"},
		{"script link", pages.Brand{Links: []pages.Link{{Text: "x", URL: "javascript:alert(1)"}}}, "needs a text"},
		{"plain link", pages.Brand{Links: []pages.Link{{Text: "x", URL: "http://example.com"}}}, "needs a text"},
		{"link without text", pages.Brand{Links: []pages.Link{{URL: "/x"}}}, "needs a text"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := s.config
			c.Brand = tt.brand
			if _, err := pages.New(c); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("New = %v, want %q", err, tt.want)
			}
		})
	}
	for _, accent := range []string{"", "#3b4fd8", "#000000", "#006644", "#b00020", "#1d4ed8", "#6b21a8"} {
		c := s.config
		c.Brand = pages.Brand{Accent: accent}
		if _, err := pages.New(c); err != nil {
			t.Errorf("New refused %q: %v", accent, err)
		}
	}
}

// TestEveryAccentIsReadable makes the dark accent out of the light one.
func TestEveryAccentIsReadable(t *testing.T) {
	t.Parallel()
	accepted := 0
	for r := 0; r < 256; r += 17 {
		for g := 0; g < 256; g += 17 {
			for b := 0; b < 256; b += 17 {
				light, dark, err := pages.Accents(pages.Brand{Accent: pages.Hex(byte(r), byte(g), byte(b))})
				if err != nil {
					continue
				}
				accepted++
				if c := pages.Contrast(dark, "#181b22"); c < 4.5 {
					t.Errorf("%s becomes %s: %.2f in the dark", light, dark, c)
				}
			}
		}
	}
	if accepted < 1000 {
		t.Errorf("only %d accents were accepted", accepted)
	}
}
