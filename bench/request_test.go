package bench_test

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"github.com/go-identity/identity"
	"github.com/go-identity/identity/store"
)

// A contestant is one way to answer a request that only some may make.
type contestant struct {
	name    string
	handler http.Handler
	shown   []http.Header // the credentials, one after the other
}

// A stand asks a contestant again and again, with a request value of its own each time, as a
// server has it, and a recorder that is used again.
type stand struct {
	contestant
	recorder recorder
	template *http.Request
	asked    int
}

type recorder struct {
	header http.Header
	code   int
}

// Header implements http.ResponseWriter.
func (r *recorder) Header() http.Header { return r.header }

// WriteHeader implements http.ResponseWriter.
func (r *recorder) WriteHeader(code int) { r.code = code }

// Write implements http.ResponseWriter.
func (r *recorder) Write(b []byte) (int, error) { return len(b), nil }

func newStand(c contestant) *stand {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	return &stand{contestant: c, recorder: recorder{header: http.Header{}}, template: r}
}

func (s *stand) ask() int {
	r := *s.template
	r.Header = s.shown[s.asked%len(s.shown)]
	s.asked++
	clear(s.recorder.header)
	s.recorder.code = 0
	s.handler.ServeHTTP(&s.recorder, &r)
	return s.recorder.code
}

// serve fails unless the contestant lets the request through.
func (s *stand) serve() error {
	if code := s.ask(); code != http.StatusNoContent {
		return fmt.Errorf("%s: status %d", s.name, code)
	}
	return nil
}

const (
	path   = "/reports"
	shown  = identity.Permission("reports.section5.read")  // that everybody holds
	hidden = identity.Permission("reports.section10.read") // that nobody does
)

func answer(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }

// mounted puts a handler where a host would.
func mounted(h http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET "+path, h)
	return mux
}

// bearer is the header of a request with a token.
func bearer(token string) http.Header {
	return http.Header{"User-Agent": {"bench/1"}, "Authorization": {"Bearer " + token}}
}

// An arena is everything that the contestants share.
type arena struct {
	site  *site
	token string
	rsa   *rsa.PublicKey
}

// unknown is how many tokens take turns where none is to be known: many more than the cache
// holds.
const unknown = 512

func newArena(tb testing.TB, cached int) *arena {
	tb.Helper()
	s, err := newSite(tb.Context(), tb.TempDir(), 1, cached)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { s.id.Close() })
	p, err := s.login(0)
	if err != nil {
		tb.Fatal(err)
	}
	return &arena{site: s, token: p.AccessToken, rsa: publicKey(tb, s)}
}

// guarded is the library as a host uses it, in front of the permission.
func (a *arena) guarded(k identity.Permission) http.Handler {
	return mounted(a.site.id.Authenticate(a.site.id.RequirePermission(k)(http.HandlerFunc(answer))))
}

// bare is the handler without anybody in front of it.
func (a *arena) bare() contestant {
	return contestant{"bare", mounted(http.HandlerFunc(answer)), []http.Header{bearer(a.token)}}
}

func (a *arena) cached(k identity.Permission) contestant {
	return contestant{"ours-cached", a.guarded(k), []http.Header{bearer(a.token)}}
}

// newMiss is a contestant that knows the user, and none of the tokens.
func newMiss(tb testing.TB) contestant {
	tb.Helper()
	a := newArena(tb, 1)
	c := contestant{name: "ours-miss", handler: a.guarded(shown)}
	p, err := a.site.login(0)
	for range unknown {
		if err != nil {
			tb.Fatal(err)
		}
		c.shown = append(c.shown, bearer(p.AccessToken))
		p, err = a.site.refresh(p.RefreshToken)
	}
	return c
}

// floor is what no guard can do without: one context value, and the check.
func (a *arena) floor(k identity.Permission) contestant {
	p := &store.Principal{Kind: store.UserKind, Rights: store.NewPermissionSet(catalogue()[:held])}
	h := http.Handler(known{p, checked{k, http.HandlerFunc(answer)}})
	return contestant{"floor", mounted(h), []http.Header{bearer(a.token)}}
}

// known says of every request that it is one caller's.
type known struct {
	p    *store.Principal
	next http.Handler
}

type knownKey struct{}

// ServeHTTP implements http.Handler.
func (k known) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	k.next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), knownKey{}, k.p)))
}

// checked asks the caller for a permission.
type checked struct {
	permission identity.Permission
	next       http.Handler
}

// ServeHTTP implements http.Handler.
func (c checked) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if p, _ := r.Context().Value(knownKey{}).(*store.Principal); p == nil || !p.Can(c.permission) {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	c.next.ServeHTTP(w, r)
}

// rawVerify is the signature of the token and nothing else.
func (a *arena) rawVerify(tb testing.TB) func() error {
	tb.Helper()
	signed, tail, _ := cutLast(a.token)
	signature, err := base64.RawURLEncoding.DecodeString(tail)
	if err != nil {
		tb.Fatal(err)
	}
	input := []byte(signed)
	return func() error {
		sum := sha256.Sum256(input)
		return rsa.VerifyPKCS1v15(a.rsa, crypto.SHA256, sum[:], signature)
	}
}

func cutLast(token string) (before, after string, found bool) {
	i := strings.LastIndexByte(token, '.')
	return token[:i], token[i+1:], i >= 0
}

// BenchmarkRequest is G1 to G3: the same request, with the same claims and the same check of
// a permission, through everybody's guard.
func BenchmarkRequest(b *testing.B) {
	a := newArena(b, 0)
	all := append([]contestant{a.bare(), a.floor(shown), a.cached(shown), newMiss(b)}, a.rivals(b, shown)...)
	for _, c := range all {
		bench(b, c.name, newStand(c).serve)
	}
	bench(b, "raw-rsa-verify", a.rawVerify(b))
}

// bench runs one thing as a benchmark.
func bench(b *testing.B, name string, do func() error) {
	b.Run(name, func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := do(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// TestContestants: each lets through who may pass and nobody else, so that nobody is fast by
// leaving something out.
func TestContestants(t *testing.T) {
	a := newArena(t, 0)
	for _, k := range []identity.Permission{shown, hidden} {
		for _, c := range append([]contestant{a.floor(k), a.cached(k)}, a.rivals(t, k)...) {
			want := map[identity.Permission]int{shown: http.StatusNoContent, hidden: http.StatusForbidden}[k]
			if got := newStand(c).ask(); got != want {
				t.Errorf("%s in front of %s: status %d, want %d", c.name, k, got, want)
			}
		}
	}
	for _, c := range append([]contestant{a.cached(shown)}, a.rivals(t, shown)...) {
		c.shown = []http.Header{{}}
		if got := newStand(c).ask(); got != http.StatusUnauthorized && got != http.StatusForbidden {
			t.Errorf("%s without a credential: status %d, want 401 or 403", c.name, got)
		}
	}
}

// guardGoals is G1: exact, so without turns.
func guardGoals(t *testing.T, b *board) {
	a := newArena(t, 0)
	allocs, size := cost(t, newStand(a.bare()).serve)
	with, more := cost(t, newStand(a.cached(shown)).serve)
	b.report(t, "allocations that a known token and a permission add to a request", atMost(2), []float64{with - allocs})
	b.report(t, "bytes that they add", atMost(400), []float64{more - size})
}

// cost returns the allocations of one run, and their bytes.
func cost(t *testing.T, do func() error) (allocs, size float64) {
	t.Helper()
	const runs = 2000
	for range 2 { // once to warm up
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if err := times(do)(runs); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		allocs, size = float64((after.Mallocs-before.Mallocs)/runs), float64((after.TotalAlloc-before.TotalAlloc)/runs)
	}
	return allocs, size
}

// rivalGoals is G2.
func rivalGoals(t *testing.T, b *board) {
	a := newArena(t, 0)
	ours := newStand(a.cached(shown)).serve
	least := map[string]float64{"chi-jwtauth": 50}
	for _, c := range a.rivals(t, shown) {
		want := least[c.name]
		if want == 0 {
			want = 10
		}
		b.report(t, c.name+" / ours, token known", atLeast(want), compared(newStand(c).serve, ours).ratios(t))
	}
}

// floorGoals is G3.
func floorGoals(t *testing.T, b *board) {
	a, miss := newArena(t, 0), newStand(newMiss(t))
	b.report(t, "ours, token known / one context value and the check", atMost(3),
		compared(newStand(a.cached(shown)).serve, newStand(a.floor(shown)).serve).ratios(t))
	b.report(t, "ours, token unknown / the signature alone", atMost(1.8), compared(miss.serve, a.rawVerify(t)).ratios(t))
	allocs, _ := cost(t, miss.serve)
	b.report(t, "allocations of a request with an unknown token", atMost(60), []float64{allocs})
}
