package handlers_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/go-identity/identity/handlers"
	"github.com/go-identity/identity/middleware"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

var update = flag.Bool("update", false, "write the golden files")

// described returns the API for looking at its routes: nobody calls it.
func described(t *testing.T) *handlers.API {
	t.Helper()
	g, err := middleware.New(middleware.Config{
		Resolve: func(context.Context, middleware.Credential) (*store.Principal, middleware.Renewal, error) {
			return nil, middleware.Renewal{}, errors.New("nobody is known here")
		},
		Log: slog.New(slog.DiscardHandler), Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	a, err := handlers.New(handlers.Config{
		Services: &service.Services{}, Guard: g, Log: slog.New(slog.DiscardHandler), Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestOpenAPI keeps the committed document equal to the routes.
func TestOpenAPI(t *testing.T) {
	t.Parallel()
	got, err := described(t).OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("openapi.json", got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("openapi.json is not what the routes say: run go test ./handlers -run TestOpenAPI -update")
	}
	if again, _ := described(t).OpenAPI(); !bytes.Equal(got, again) {
		t.Error("two documents of the same routes differ")
	}
}

// TestOpenAPINames checks what clients are generated from: every operation has a summary
// and a name of its own.
func TestOpenAPINames(t *testing.T) {
	t.Parallel()
	names := map[string]string{}
	for path, item := range document(t)["paths"].(map[string]any) {
		for method, o := range item.(map[string]any) {
			at := method + " " + path
			op := o.(map[string]any)
			if op["summary"] == "" {
				t.Errorf("%s has no summary", at)
			}
			id := op["operationId"].(string)
			if other, taken := names[id]; taken {
				t.Errorf("%s and %s are both called %s", at, other, id)
			}
			names[id] = at
		}
	}
}

// document returns the OpenAPI document as JSON reads it.
func document(t *testing.T) map[string]any {
	t.Helper()
	text, err := described(t).OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}
