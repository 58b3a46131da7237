package middleware_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/go-identity/identity/middleware"
	"github.com/go-identity/identity/store"
)

// A host gets its guard from identity.New. Here one stands alone, with a function that
// knows a single token.
func ExampleGuard_RequirePermission() {
	ann := &store.Principal{
		Kind: store.UserKind, ID: "ann", Name: "Ann",
		Rights: store.NewPermissionSet([]store.Permission{"reports.*"}),
	}
	guard, err := middleware.New(middleware.Config{
		Resolve: func(_ context.Context, c middleware.Credential) (*store.Principal, middleware.Renewal, error) {
			if c.Bearer != "ann's token" {
				return nil, middleware.Renewal{}, nil
			}
			return ann, middleware.Renewal{}, nil
		},
		Log: slog.Default(), Now: time.Now,
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	hello := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, _ := middleware.PrincipalFrom(r.Context())
		fmt.Fprintln(w, "hello", p.Name)
	})
	mux := http.NewServeMux()
	mux.Handle("GET /reports", guard.RequirePermission("reports.read")(hello))
	mux.Handle("GET /invoices", guard.RequirePermission("invoices.read")(hello))

	for _, path := range []string{"/reports", "/invoices"} {
		r := httptest.NewRequest("GET", path, nil)
		r.Header.Set("Authorization", "Bearer ann's token")
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		fmt.Print(path, " ", w.Code, " ", w.Body, "\n")
	}
	// Output:
	// /reports 200 hello Ann
	//
	// /invoices 403 {"errors":["missing permission invoices.read"],"errorCode":"forbidden"}
}
