package identity_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity"
	"github.com/go-identity/identity/middleware"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store/sqlite"
	"github.com/go-identity/identity/token"
)

// reports is a service of its own: it has no database of identities and no secret, only
// the address of the public keys.
func reports(log *slog.Logger, client *http.Client, issuer, address, environment string) (http.Handler, error) {
	verifier, err := token.NewVerifier(token.VerifierConfig{
		Fetch:    middleware.FetchKeys(client, address+"/.well-known/jwks.json"),
		Issuer:   issuer,                // Options.BaseURL of the host that signs
		Audience: []string{environment}, // its Identity.Environment, the clientId of the wire
		Now:      time.Now,
	})
	if err != nil {
		return nil, err
	}
	guard, err := middleware.New(middleware.Config{
		Resolve: middleware.Remote(verifier.Resolve), Log: log, Now: time.Now,
	})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /reports", guard.RequirePermission("reports.read")(http.HandlerFunc(list)))
	mux.Handle("DELETE /reports", guard.RequirePermission("reports.delete")(http.HandlerFunc(list)))
	return mux, nil
}

func list(w http.ResponseWriter, r *http.Request) {
	who, _ := middleware.PrincipalFrom(r.Context())
	fmt.Fprintln(w, who.Email)
}

// A second service verifies the tokens of the first by its public keys, behind the same
// guards.
func Example_elsewhere() {
	ctx, log := context.Background(), slog.New(slog.DiscardHandler)
	db, err := sqlite.Open(ctx, ":memory:")
	if err != nil {
		fmt.Println(err)
		return
	}
	id, err := identity.New(ctx, identity.Options{
		Store: db, BaseURL: "https://id.example.com", Logger: log, SignUp: identity.SignUpOptions{SkipVerification: true},
		Permissions: []identity.Permission{"reports.read", "reports.delete"},
		Roles:       []identity.RoleSeed{{Key: "reader", Name: "Reader", FirstUser: true, Permissions: []identity.Permission{"reports.read"}}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer id.Close()
	first := httptest.NewServer(id.Handler())
	defer first.Close()
	second, err := reports(log, first.Client(), "https://id.example.com", first.URL, id.Environment())
	if err != nil {
		fmt.Println(err)
		return
	}

	ann, err := id.SignUp.Create(ctx, identity.Principal{}, service.NewSignUp{
		Email: "ann@example.com", Password: "correct horse battery staple", Company: "Acme",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, try := range []struct{ method, token string }{
		{"GET", ann.Login.AccessToken}, {"DELETE", ann.Login.AccessToken}, {"GET", "forged"},
	} {
		r := httptest.NewRequest(try.method, "/reports", nil)
		r.Header.Set("Authorization", "Bearer "+try.token)
		w := httptest.NewRecorder()
		second.ServeHTTP(w, r)
		fmt.Println(try.method, w.Code, strings.TrimSpace(w.Body.String()))
	}
	// Output:
	// GET 200 ann@example.com
	// DELETE 403 {"errors":["missing permission reports.delete"],"errorCode":"forbidden"}
	// GET 401 {"errors":["sign in first"],"errorCode":"unauthenticated"}
}

// TestTokensDocument holds that what docs/tokens.md shows of a second service is what runs
// above.
func TestTokensDocument(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile("docs/tokens.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("example_elsewhere_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(document), "<!-- runs in example_elsewhere_test.go -->\n\n```go\n")
	shown, _, ok := strings.Cut(after, "```\n")
	if !ok || strings.Count(shown, "\n") < 10 {
		t.Fatalf("docs/tokens.md shows no second service: %q", shown)
	}
	for line := range strings.Lines(shown) {
		if !strings.Contains(string(source), strings.TrimSpace(line)) {
			t.Errorf("docs/tokens.md shows a line that does not run: %s", line)
		}
	}
}
