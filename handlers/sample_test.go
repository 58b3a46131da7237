package handlers_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-identity/identity/handlers"
	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/middleware"
	"github.com/go-identity/identity/store"
)

// The callers that the sample's tokens stand for.
func callers() map[string]*store.Principal {
	rights := store.NewPermissionSet([]store.Permission{"things.*"})
	return map[string]*store.Principal{
		"backend": {Kind: store.ManagementKind, ID: "m1"},
		"ann":     {Kind: store.UserKind, ID: "u1", UserID: "u1", TenantID: "t1", Rights: rights},
		"bob":     {Kind: store.UserKind, ID: "u2", UserID: "u2", TenantID: "t1"},
	}
}

// A journal is a log that a test reads.
type journal struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.String()
}

// newSample returns the sample API and its log.
func newSample(t *testing.T, change ...func(*middleware.Config)) (*handlers.API, *journal) {
	t.Helper()
	j := &journal{}
	log := slog.New(slog.NewTextHandler(j, nil))
	all := callers()
	c := middleware.Config{
		Resolve: func(_ context.Context, c middleware.Credential) (*store.Principal, middleware.Renewal, error) {
			if p := all[c.Bearer+c.Cookie]; p != nil {
				return p, middleware.Renewal{}, nil
			}
			return nil, middleware.Renewal{}, fault.New(fault.Unauthenticated, "", "sign in first")
		},
		Log: log, Now: time.Now, Origins: []string{"https://app.example.com"},
	}
	for _, f := range change {
		f(&c)
	}
	g, err := middleware.New(c)
	if err != nil {
		t.Fatal(err)
	}
	a, err := handlers.NewSample(handlers.Config{Guard: g, Log: log, Now: c.Now})
	if err != nil {
		t.Fatal(err)
	}
	return a, j
}

// ask sends one request. Headers come as "Name: value".
func ask(t *testing.T, h http.Handler, method, target, body string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	var r *http.Request
	if body == "" {
		r = httptest.NewRequestWithContext(t.Context(), method, target, nil)
	} else {
		r = httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
	}
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		if http.CanonicalHeaderKey(name) == "Content-Type" {
			r.Header.Del(name)
		}
		if value != "" {
			r.Header.Add(name, value)
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// problem reads an error answer, which must have the one shape.
func problem(t *testing.T, w *httptest.ResponseRecorder) (messages []string, code string) {
	t.Helper()
	var b struct {
		Errors    []string `json:"errors"`
		ErrorCode string   `json:"errorCode"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &b); err != nil || len(b.Errors) == 0 || b.ErrorCode == "" {
		t.Fatalf("status %d body %q is no error answer: %v", w.Code, w.Body, err)
	}
	return b.Errors, b.ErrorCode
}

func request(t *testing.T, method, target string) *http.Request {
	t.Helper()
	return httptest.NewRequestWithContext(t.Context(), method, target, nil)
}

func serve(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// nobody knows no credential.
func nobody(context.Context, middleware.Credential) (*store.Principal, middleware.Renewal, error) {
	return nil, middleware.Renewal{}, fault.New(fault.Unauthenticated, "", "sign in first")
}
