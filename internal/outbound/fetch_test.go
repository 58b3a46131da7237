package outbound_test

import (
	"bytes"
	"net/http"
	"testing"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/internal/outbound"
)

func TestFetch(t *testing.T) {
	t.Parallel()
	g, s := site(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/doc":
			_, _ = w.Write([]byte("document"))
		case "/huge":
			_, _ = w.Write(bytes.Repeat([]byte("x"), outbound.MaxBody+1))
		default:
			http.NotFound(w, r)
		}
	})
	if got, err := g.Fetch(t.Context(), s.URL+"/doc"); err != nil || string(got) != "document" {
		t.Errorf("Fetch = %q, %v; want the document", got, err)
	}
	for path, want := range map[string]fault.Code{
		s.URL + "/huge": fault.Unavailable, s.URL + "/missing": fault.Unavailable, "ftp://" + s.URL: fault.Invalid,
	} {
		if got, err := g.Fetch(t.Context(), path); fault.From(err) == nil || fault.From(err).Code != want || got != nil {
			t.Errorf("Fetch(%s) = %d bytes, %v; want %s", path, len(got), err, want)
		}
	}
	if !g.Private() || outbound.New(outbound.Options{}).Private() {
		t.Error("Private says something else than the options")
	}
}
