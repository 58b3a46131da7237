package identitytest_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/go-identity/identity"
	"github.com/go-identity/identity/identitytest"
)

// options are those of the host.
func options() identity.Options {
	return identity.Options{
		Name: "Acme Reports", Permissions: []identity.Permission{"reports.read", "reports.create"},
		Roles: []identity.RoleSeed{
			{Key: "admin", Name: "Administrator", FirstUser: true, Permissions: []identity.Permission{"*"}},
			{Key: "reader", Name: "Reader", Level: 10, Default: true, Permissions: []identity.Permission{"reports.read"}},
		},
	}
}

// routes is the host's application.
func routes(id *identity.Identity) http.Handler {
	mux := http.NewServeMux()
	id.Mount(mux)
	mux.Handle("GET /reports", id.RequirePermission("reports.read")(http.HandlerFunc(report)))
	mux.Handle("POST /reports", id.RequirePermission("reports.create")(http.HandlerFunc(report)))
	return mux
}

func report(w http.ResponseWriter, r *http.Request) {
	p, _ := identity.PrincipalFrom(r.Context())
	fmt.Fprintf(w, "a report for %s of %s", p.Name, p.TenantID)
}

// A host's test of a guarded route, in ten lines.
func TestReports(t *testing.T) {
	t.Parallel()
	w := identitytest.New(t, options())
	w.Serve(routes(w.Identity))
	for who, want := range map[*identitytest.User]int{w.User("reports.read"): 200, w.User(): 403} {
		if res, err := w.SignedIn(who).Get("/reports"); err != nil || res.StatusCode != want {
			t.Errorf("GET /reports = %v, %v, want %d", res, err, want)
		}
	}
}
