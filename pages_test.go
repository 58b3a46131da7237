package identity_test

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-identity/identity"
	"github.com/go-identity/identity/store/sqlite"
)

// TestPageOptions brands the pages and has them speak German.
func TestPageOptions(t *testing.T) {
	t.Parallel()
	acme := identity.PageBrand{Name: "Acme", Accent: "#7a1fa2"}
	id := newWith(t, identity.Options{
		Name: "Globex",
		Pages: identity.PageOptions{
			Brand:   identity.PageBrand{Links: []identity.PageLink{{Text: "Privacy", URL: "/privacy"}}},
			BrandOf: func(_ context.Context, tenantID string) (identity.PageBrand, bool) { return acme, tenantID == "acme" },
			Texts:   map[string]map[string]string{"de": {"login.title": "Anmelden"}},
		},
	})
	for _, tt := range []struct{ path, language, want string }{
		{"/account/login", "en", "Welcome back to Globex."},
		{"/account/login", "en", `<a href="/privacy" rel="noopener">Privacy</a>`},
		{"/account/login", "de", "<h1>Anmelden</h1>"},
		{"/account/login?tenant=acme", "en", "Welcome back to Acme."},
	} {
		r := httptest.NewRequestWithContext(t.Context(), "GET", "http://localhost:8080"+tt.path, nil)
		r.Header.Set("Accept-Language", tt.language)
		w := httptest.NewRecorder()
		id.Handler().ServeHTTP(w, r)
		if w.Code != 200 || !strings.Contains(w.Body.String(), tt.want) {
			t.Errorf("%s in %s: %d without %q:\n%s", tt.path, tt.language, w.Code, tt.want, w.Body)
		}
	}
	if identity.PageTexts()["login.title"] == "" {
		t.Error("there are no texts to translate")
	}
}

// TestPageOptionsRefused names a colour that nobody can read.
func TestPageOptionsRefused(t *testing.T) {
	t.Parallel()
	db, err := sqlite.Open(t.Context(), ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	_, err = identity.New(t.Context(), identity.Options{
		Store: db, Pages: identity.PageOptions{Brand: identity.PageBrand{Accent: "#ffee00"}},
	})
	if err == nil || !strings.Contains(err.Error(), "#ffee00 has a contrast of") {
		t.Errorf("New = %v", err)
	}
}

func newWith(t *testing.T, o identity.Options) *identity.Identity {
	t.Helper()
	db, err := sqlite.Open(t.Context(), ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	o.Store = db
	id, err := identity.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = id.Close() })
	return id
}
