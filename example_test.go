package identity_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"

	"github.com/go-identity/identity"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/store/sqlite"
)

// A route behind a permission: nobody, somebody without it, somebody with it.
func Example() {
	ctx := context.Background()
	db, err := sqlite.Open(ctx, ":memory:")
	if err != nil {
		fmt.Println(err)
		return
	}
	id, err := identity.New(ctx, identity.Options{
		Store: db, Logger: slog.New(slog.DiscardHandler), Permissions: []identity.Permission{"reports.read"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer id.Close()
	if _, err := id.Tenants.Create(ctx, identity.System(), service.NewTenant{ID: "acme", Name: "Acme"}); err != nil {
		fmt.Println(err)
		return
	}

	mux := http.NewServeMux()
	id.Mount(mux)
	mux.Handle("GET /reports", id.RequirePermission("reports.read")(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, _ := identity.PrincipalFrom(r.Context())
		fmt.Fprintln(w, "reports of", p.TenantID)
	})))

	ask := func(token string) {
		r := httptest.NewRequest(http.MethodGet, "/reports", nil)
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Body)
	}
	ask("")
	ask(signIn(ctx, id, "member"))
	ask(signIn(ctx, id, "admin"))
	// Output:
	// 401 {"errors":["sign in first"],"errorCode":"unauthenticated"}
	// 403 {"errors":["missing permission reports.read"],"errorCode":"forbidden"}
	// 200 reports of acme
}

// signIn makes a user with the role, in process, and returns an access token.
func signIn(ctx context.Context, id *identity.Identity, role string) string {
	roles, err := id.Roles.List(ctx, identity.System())
	if err != nil {
		return err.Error()
	}
	var held []string
	for _, r := range roles {
		if r.Key == role {
			held = append(held, r.ID)
		}
	}
	if _, err := id.Users.Create(ctx, identity.System(), service.NewUser{
		TenantID: "acme", Email: role + "@acme.example", Password: "correct horse battery staple", RoleIDs: held,
	}); err != nil {
		return err.Error()
	}
	l, err := id.SignIn.Password(ctx, identity.Principal{}, service.PasswordLogin{
		Email: role + "@acme.example", Password: "correct horse battery staple", Kind: store.Family,
	})
	if err != nil {
		return err.Error()
	}
	return l.AccessToken
}
