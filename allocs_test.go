package identity_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"

	"github.com/go-identity/identity"
	"github.com/go-identity/identity/store"
)

// A sink is a response that nobody reads.
type sink struct{ header http.Header }

// Header implements http.ResponseWriter.
func (s sink) Header() http.Header { return s.header }

// Write implements http.ResponseWriter.
func (s sink) Write(b []byte) (int, error) { return len(b), nil }

// WriteHeader implements http.ResponseWriter.
func (s sink) WriteHeader(int) {}

// TestAllocsRequest holds what a guard adds to a request on the host's own mux, whose token is
// known: two allocations of 400 bytes together. It is not parallel: it counts the allocations
// of the process.
func TestAllocsRequest(t *testing.T) {
	h := newHome(t, func(o *identity.Options) { o.Token.Algorithm = "RS256" })
	login := h.signUp(t, "ann@example.com") // the first user of a tenant may do everything
	answer := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux := http.NewServeMux()
	mux.Handle("GET /bare", answer)
	mux.Handle("GET /guarded", h.Authenticate(h.RequirePermission("reports.read")(answer)))

	ask := func(path string) func() {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
		r.Header = http.Header{"User-Agent": {"test/1"}, "Authorization": {bearer(login)[len("Authorization: "):]}}
		w := httptest.NewRecorder()
		if mux.ServeHTTP(w, r); w.Code != http.StatusNoContent {
			t.Fatalf("GET %s = %d %s, want 204", path, w.Code, w.Body)
		}
		quiet := sink{http.Header{}}
		return func() {
			again := *r
			mux.ServeHTTP(quiet, &again)
		}
	}
	bare, bareSize := allocations(ask("/bare"))
	guarded, size := allocations(ask("/guarded"))
	if guarded-bare > 2 || size-bareSize > 400 {
		t.Errorf("the guard adds %d allocations of %d bytes, want at most 2 of 400", guarded-bare, size-bareSize)
	}
}

// allocations returns those of one run, and their bytes.
func allocations(do func()) (count, size uint64) {
	const runs = 2000
	do()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range runs {
		do()
	}
	runtime.ReadMemStats(&after)
	return (after.Mallocs - before.Mallocs) / runs, (after.TotalAlloc - before.TotalAlloc) / runs
}

// TestAllocsPermission: asking for a permission allocates nothing, however it is held. It is
// not parallel: it counts allocations.
func TestAllocsPermission(t *testing.T) {
	keys := []store.Permission{"billing.*"}
	for i := range 1000 {
		keys = append(keys, store.Permission(fmt.Sprintf("reports.section%d.read", i)))
	}
	p := &identity.Principal{Kind: store.UserKind, Rights: store.NewPermissionSet(keys)}
	for k, want := range map[identity.Permission]bool{
		"reports.section500.read": true, "billing.invoices.read": true, "billing": false, "reports.section500.write": false,
	} {
		held := false
		if n := testing.AllocsPerRun(100, func() { held = p.Can(k) }); n != 0 || held != want {
			t.Errorf("Can(%s) = %t with %v allocations, want %t with none", k, held, n, want)
		}
	}
}
