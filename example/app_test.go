package main

import (
	"bytes"
	"errors"
	"flag"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-identity/identity"
	"github.com/go-identity/identity/identitytest"
)

func TestParse(t *testing.T) {
	t.Parallel()
	s, err := parse([]string{
		"-addr", "127.0.0.1:9000", "-db", "postgres://localhost/x", "-signup-verification=false", "-limits=off",
		"-allow-private-networks", "-credentials", "c.json", "-base-url", "https://acme.example",
	})
	want := settings{
		addr: "127.0.0.1:9000", db: "postgres://localhost/x", limits: "off", privateNetworks: true, credentials: "c.json",
		baseURL: "https://acme.example",
	}
	if err != nil || s != want {
		t.Errorf("parse() = %+v, %v, want %+v", s, err, want)
	}
	for _, args := range [][]string{{"-limits=maybe"}, {"more"}, {"-nope"}} {
		if _, err := parse(args); err == nil {
			t.Errorf("parse(%v) took it", args)
		}
	}
	if _, err := parse([]string{"-h"}); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("parse(-h) = %v, want %v", err, flag.ErrHelp)
	}
}

func TestCreateKeyOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "example.db.key")
	keys := make([][]byte, 20)
	var all sync.WaitGroup
	for i := range keys {
		all.Go(func() {
			var err error
			if keys[i], err = createKey(path); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for _, k := range keys {
		if len(k) != keySize || !bytes.Equal(k, keys[0]) {
			t.Errorf("key %x, want %x", k, keys[0])
		}
	}
	if i, err := os.Stat(path); err != nil || i.Mode() != 0o600 {
		t.Errorf("mode %v, %v, want 0600", i.Mode(), err)
	}
	left, err := fs.Glob(os.DirFS(filepath.Dir(path)), "*")
	if err != nil || len(left) != 1 {
		t.Errorf("files %v, %v, want the key alone", left, err)
	}
}

func TestPassword(t *testing.T) {
	t.Parallel()
	a, b := password([]byte("one secret"), "a@acme.example"), password([]byte("one secret"), "b@acme.example")
	if len(a) != 23 || a == b || a != password([]byte("one secret"), "a@acme.example") {
		t.Errorf("passwords %q and %q", a, b)
	}
	if a == password([]byte("another"), "a@acme.example") {
		t.Error("the password does not depend on the secret")
	}
}

func TestMailboxIsForLoopback(t *testing.T) {
	t.Parallel()
	m := &mailbox{}
	at := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	for _, d := range []time.Duration{2, 1, 3} {
		if err := m.catch(t.Context(), identity.Message{To: strings.Repeat("a", int(d)), CreatedAt: at.Add(d)}); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		remote, host string
		status       int
	}{
		{"127.0.0.1:1", "127.0.0.1:8080", 200},
		{"[::1]:1", "localhost:8080", 200},
		{"127.0.0.1:1", "evil.example", 404},
		{"192.0.2.1:1", "127.0.0.1:8080", 404},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/dev/messages", nil)
		r.RemoteAddr, r.Host = tt.remote, tt.host
		w := httptest.NewRecorder()
		m.list(w, r)
		if w.Code != tt.status {
			t.Errorf("from %s to %s: status %d, want %d", tt.remote, tt.host, w.Code, tt.status)
		}
	}
	if all := m.all(); len(all) != 3 || all[2].To != "aaa" || all[0].To != "a" {
		t.Errorf("messages %v, want the newest last", all)
	}
}

// Who may do what, as the routes of this app say.
func TestGuards(t *testing.T) {
	t.Parallel()
	w := identitytest.New(t, identity.Options{Permissions: permissions(), Roles: roles()})
	h, err := newApp(w.Identity, &mailbox{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	w.Serve(h)
	for name, tt := range map[string]struct {
		client       *http.Client
		read, create int
	}{
		"nobody":  {w.Anonymous(), http.StatusUnauthorized, http.StatusUnauthorized},
		"nothing": {w.SignedIn(w.User()), http.StatusForbidden, http.StatusForbidden},
		"reader":  {w.SignedIn(w.User(readReports)), http.StatusOK, http.StatusForbidden},
		"author":  {w.SignedIn(w.User(readReports, createReports)), http.StatusOK, http.StatusCreated},
		"admin":   {w.SignedIn(w.UserAs("admin")), http.StatusOK, http.StatusCreated},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if res, err := tt.client.Get("/api/reports"); err != nil || res.StatusCode != tt.read {
				t.Errorf("read = %v, %v, want %d", res, err, tt.read)
			}
			res, err := tt.client.Post("/api/reports", "application/json", strings.NewReader(`{"title":"Costs"}`))
			if err != nil || res.StatusCode != tt.create {
				t.Errorf("create = %v, %v, want %d", res, err, tt.create)
			}
		})
	}
	if err := w.Err(); err != nil {
		t.Errorf("Err() = %v", err)
	}
}

func TestReportsStayInTheirTenant(t *testing.T) {
	t.Parallel()
	s := &reports{now: time.Now, byTenant: map[string][]report{}}
	made, err := s.create("acme", " Costs ", "Ada")
	if err != nil || made.Title != "Costs" {
		t.Fatalf("create() = %+v, %v", made, err)
	}
	if _, err := s.approve("other", made.ID, "Eve"); !errors.Is(err, errNoReport) {
		t.Errorf("another tenant approved: %v", err)
	}
	if r, err := s.approve("acme", made.ID, "Ada"); err != nil || r.ApprovedBy != "Ada" {
		t.Errorf("approve() = %+v, %v", r, err)
	}
	if got := len(s.list("other")); got != 2 {
		t.Errorf("another tenant sees %d reports, want its own 2", got)
	}
	for _, title := range []string{"", "  ", strings.Repeat("a", 201)} {
		if _, err := s.create("acme", title, "Ada"); !errors.Is(err, errTitle) {
			t.Errorf("create(%q) = %v, want %v", title, err, errTitle)
		}
	}
}
