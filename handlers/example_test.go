package handlers_test

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/go-identity/identity/handlers"
	"github.com/go-identity/identity/middleware"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

// A host gets the API from identity.New. Here it is made only to look at its routes: the
// services behind it are empty.
func ExampleAPI_Routes() {
	nobody := func(context.Context, middleware.Credential) (*store.Principal, middleware.Renewal, error) {
		return nil, middleware.Renewal{}, nil
	}
	guard, err := middleware.New(middleware.Config{Resolve: nobody, Log: slog.Default(), Now: time.Now})
	if err != nil {
		fmt.Println(err)
		return
	}
	api, err := handlers.New(handlers.Config{
		Services: &service.Services{}, Guard: guard, Log: slog.Default(), Now: time.Now,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range api.Routes() {
		if r.Category == "Roles" && r.Method != "GET" {
			fmt.Println(r.Audience, r.Method, r.Path, r.Status)
		}
	}
	// Output:
	// management POST /identity/resources/roles/v1 201
	// management PATCH /identity/resources/roles/v1/{roleId} 200
	// management DELETE /identity/resources/roles/v1/{roleId} 204
	// management PUT /identity/resources/roles/v1/{roleId}/permissions 200
	// management PUT /identity/resources/roles/v1/{roleId}/tenant 200
}
