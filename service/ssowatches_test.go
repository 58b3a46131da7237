package service_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"math/big"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/internal/outbound"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/ssotest"
	"github.com/go-identity/identity/store"
)

// A shelf is where metadata is: it says whatever a test puts there.
type shelf struct {
	*httptest.Server
	mu     sync.Mutex
	status int
	doc    string
	asked  atomic.Int32
}

func newShelf(t testing.TB, doc []byte) *shelf {
	t.Helper()
	s := &shelf{status: http.StatusOK, doc: string(doc)}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		s.asked.Add(1)
		s.mu.Lock()
		defer s.mu.Unlock()
		w.WriteHeader(s.status)
		_, _ = w.Write([]byte(s.doc))
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *shelf) put(status int, doc string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status, s.doc = status, doc
}

// watched is a connection whose metadata is on a shelf.
func (w world) watched(t testing.TB, by store.Principal, s *shelf) service.SSOConnection {
	t.Helper()
	c, err := w.Connections.CreateFrom(t.Context(), by, service.Intake{URL: s.URL + "/metadata"})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// look lets the library look after connections and wants so many looked at.
func (w world) look(t testing.TB, want int) {
	t.Helper()
	if n, err := w.Connections.LookAfter(t.Context()); n != want || err != nil {
		t.Errorf("looked after %d, %v, want %d", n, err, want)
	}
}

func (w world) read(t testing.TB, by store.Principal, id string) service.SSOConnection {
	t.Helper()
	c, err := w.Connections.Read(t.Context(), by, id)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// told returns how many messages of the kind wait.
func (w world) told(t testing.TB, kind string) int {
	t.Helper()
	n := 0
	for _, m := range w.waiting(t) {
		if m.Kind == kind {
			n++
		}
	}
	return n
}

func TestSSORefresh(t *testing.T) {
	t.Parallel()
	w := newWorld(t, near)
	by, p := w.administrator(t, "ada@acme.example"), ssotest.NewSAML(t)
	s := newShelf(t, p.Metadata())
	c := w.watched(t, by, s)
	old := certificates(p)
	w.look(t, 0)
	w.clock.advance(24 * time.Hour)
	w.look(t, 1)
	w.look(t, 0)
	got := w.read(t, by, c.ID)
	if !got.With.SAML.MetadataAt.Equal(w.clock.now()) || !got.DueAt.Equal(w.clock.now().Add(24*time.Hour)) || w.audited(t, "connection.refreshed") != 0 {
		t.Errorf("after nothing new: read %s, due %s", got.With.SAML.MetadataAt, got.DueAt)
	}

	before := w.told(t, "connection-changed")
	p.Rotate()
	s.put(http.StatusOK, string(p.Metadata()))
	w.clock.advance(24 * time.Hour)
	w.look(t, 1)
	if got := w.read(t, by, c.ID).With.SAML.Certificates; !slices.Equal(got, certificates(p)) || len(got) != 2 || !slices.Contains(got, old[0]) {
		t.Errorf("while keys change there are %d certificates", len(got))
	}
	p.Retire()
	s.put(http.StatusOK, string(p.Metadata()))
	w.clock.advance(24 * time.Hour)
	w.look(t, 1)
	if got := w.read(t, by, c.ID).With.SAML.Certificates; !slices.Equal(got, certificates(p)) || slices.Contains(got, old[0]) {
		t.Errorf("after keys changed there are %d certificates, the old one among them: %t", len(got), slices.Contains(got, old[0]))
	}
	if got := w.told(t, "connection-changed") - before; got != 2 || w.audited(t, "connection.refreshed") != 2 {
		t.Errorf("told %d times of two changes, recorded %d", got, w.audited(t, "connection.refreshed"))
	}
}

// TestAttackSSORefresh puts on the shelf what must not replace what is known.
func TestAttackSSORefresh(t *testing.T) {
	t.Parallel()
	p, q := ssotest.NewSAML(t), ssotest.NewSAML(t)
	doc := string(p.Metadata())
	ended := strings.Replace(doc, "entityID=", `validUntil="2026-03-04T05:06:07Z" entityID=`, 1)
	for name, bad := range map[string]struct {
		status int
		doc    string
	}{
		"nothing":           {http.StatusOK, ""},
		"not XML":           {http.StatusOK, "<html>"},
		"an error":          {http.StatusInternalServerError, doc},
		"gone":              {http.StatusNotFound, doc},
		"expired":           {http.StatusOK, ended},
		"another provider":  {http.StatusOK, string(q.Metadata())},
		"no certificate":    {http.StatusOK, doc[:strings.Index(doc, "<KeyDescriptor")] + doc[strings.LastIndex(doc, "</KeyDescriptor>")+len("</KeyDescriptor>"):]},
		"SSRF-12 too large": {http.StatusOK, strings.Replace(doc, ">", ">"+strings.Repeat(" ", 2<<20), 1)},
		"an XML bomb":       {http.StatusOK, `<!DOCTYPE x [<!ENTITY a "aaaa">]>` + doc},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, near)
			by, s := w.administrator(t, "ada@acme.example"), newShelf(t, []byte(doc))
			c := w.watched(t, by, s)
			s.put(bad.status, bad.doc)
			w.clock.advance(24 * time.Hour)
			mail := w.told(t, "connection-changed")
			w.look(t, 1)
			got := w.read(t, by, c.ID)
			if !reflect.DeepEqual(got.With.SAML, c.With.SAML) || !got.Enabled {
				t.Errorf("it changed:\n%+v\n%+v", c.With.SAML, got.With.SAML)
			}
			if !got.DueAt.Equal(w.clock.now().Add(6*time.Hour)) || w.audited(t, "connection.metadata_refused") != 1 {
				t.Errorf("due at %s, recorded %d times", got.DueAt, w.audited(t, "connection.metadata_refused"))
			}
			if n := w.told(t, "connection-changed"); n != mail {
				t.Errorf("%d were told of nothing", n-mail)
			}
			s.put(http.StatusOK, doc)
			w.clock.advance(6 * time.Hour)
			w.look(t, 1)
			if got := w.read(t, by, c.ID); !got.With.SAML.MetadataAt.Equal(w.clock.now()) {
				t.Errorf("read again at %s", got.With.SAML.MetadataAt)
			}
		})
	}
	t.Run("SSRF-20 an address that became private", func(t *testing.T) {
		t.Parallel()
		db, k := memory(t), &clock{at: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)}
		w := worldOver(t, db, k, near)
		by, s := w.administrator(t, "ada@acme.example"), newShelf(t, []byte(doc))
		c := w.watched(t, by, s)
		asked := s.asked.Load()
		k.advance(24 * time.Hour)
		strict := worldOver(t, db, k, open, func(c *service.Config) { c.Outbound = outbound.New(outbound.Options{}) })
		strict.look(t, 1)
		if s.asked.Load() != asked || w.audited(t, "connection.metadata_refused") != 1 || !reflect.DeepEqual(w.read(t, by, c.ID).With, c.With) {
			t.Errorf("asked %d times more", s.asked.Load()-asked)
		}
	})
	t.Run("SSRF-05 a redirect elsewhere", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, near)
		by, s := w.administrator(t, "ada@acme.example"), newShelf(t, []byte(doc))
		c := w.watched(t, by, s)
		target := newShelf(t, q.Metadata())
		s.Config.Handler = http.RedirectHandler(target.URL, http.StatusFound)
		w.clock.advance(24 * time.Hour)
		w.look(t, 1)
		if target.asked.Load() != 0 || !slices.Equal(w.read(t, by, c.ID).With.SAML.Certificates, c.With.SAML.Certificates) {
			t.Error("a redirect to another host was followed")
		}
	})
}

func TestSSORefreshOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, near)
	by, p := w.administrator(t, "ada@acme.example"), ssotest.NewSAML(t)
	s := newShelf(t, p.Metadata())
	const n = 12
	for range n {
		w.watched(t, by, s)
	}
	w.clock.advance(24 * time.Hour)
	asked := s.asked.Load()
	var wg sync.WaitGroup
	var total atomic.Int32
	for range 4 { // processes that share a store
		other := worldOver(t, w.db, w.clock, near)
		wg.Go(func() {
			done, err := other.Connections.LookAfter(t.Context())
			if err != nil {
				t.Errorf("LookAfter: %v", err)
			}
			total.Add(int32(done))
		})
	}
	wg.Wait()
	w.look(t, n-int(total.Load())) // one that met others everywhere left the rest
	if got := s.asked.Load() - asked; got != n {
		t.Errorf("asked %d times for %d connections", got, n)
	}
}

// ending is a certificate that runs out at a time.
func ending(t testing.TB, at time.Time) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	like := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "idp"}, NotBefore: at.Add(-365 * 24 * time.Hour), NotAfter: at,
	}
	der, err := x509.CreateCertificate(rand.Reader, like, like, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(der)
}

func TestSSOExpiry(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	w := newWorld(t, near)
	by := w.administrator(t, "ada@acme.example")
	bob := w.user(t, w.signUp(t, "bob@b.example"))
	w.join(t, bob.UserID, by.TenantID) // may not write the configuration here
	c, err := w.Connections.Create(t.Context(), by, service.NewConnection{
		Protocol: store.SAML, Enabled: true, Settings: typed(ending(t, w.clock.now().Add(100*day))),
	})
	if err != nil {
		t.Fatal(err)
	}
	w.look(t, 0)
	warned := 0
	pass := func(d time.Duration, want int) {
		t.Helper()
		for at := time.Duration(0); at < d; at += day / 2 {
			w.clock.advance(day / 2)
			if _, err := w.Connections.LookAfter(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		warned += want
		if got, mailed := w.audited(t, "connection.certificate_expiring"), w.told(t, "certificate-expiring"); got != warned || mailed != warned {
			t.Errorf("at %s: %d warnings, %d mails, want %d", w.clock.now(), got, mailed, warned)
		}
	}
	pass(69*day, 0)
	pass(day, 1)     // 30 days before
	pass(22*day, 0)  //
	pass(day+day, 1) // 7 days before
	pass(4*day, 0)   //
	pass(2*day, 1)   // 1 day before
	pass(10*day, 0)  // it ran out: they know
	_, err = w.Connections.Update(t.Context(), by, c.ID, service.ConnectionChange{Settings: func(st *service.ConnectionSettings) {
		st.SAML.Certificates = append(st.SAML.Certificates, ending(t, w.clock.now().Add(20*day)))
	}})
	wantCode(t, "Update", err, "")
	pass(2*day, 1) // another certificate, which is inside of 30 days
	_, err = w.Connections.Update(t.Context(), by, c.ID, service.ConnectionChange{Enabled: no()})
	wantCode(t, "turn off", err, "")
	pass(30*day, 0)
}

func TestSSOWatchOfWhatChanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t, near)
	by, p := w.administrator(t, "ada@acme.example"), ssotest.NewSAML(t)
	s := newShelf(t, p.Metadata())
	gone := w.watched(t, by, s)
	// While the metadata is on its way, an administrator deletes the connection.
	s.Config.Handler = http.HandlerFunc(func(a http.ResponseWriter, _ *http.Request) {
		if err := w.Connections.Delete(t.Context(), by, gone.ID); err != nil {
			t.Errorf("Delete: %v", err)
		}
		_, _ = a.Write(p.Metadata())
	})
	w.clock.advance(24 * time.Hour)
	if _, err := w.Connections.LookAfter(t.Context()); err != nil {
		t.Errorf("LookAfter: %v", err)
	}
	wantCode(t, "Read", errOf(w.Connections.Read(t.Context(), by, gone.ID)), fault.NotFound)
	// One that an administrator changes meanwhile stays as it was changed.
	s2 := newShelf(t, p.Metadata())
	c := w.watched(t, by, s2)
	p.Rotate()
	s2.Config.Handler = http.HandlerFunc(func(a http.ResponseWriter, _ *http.Request) {
		_, err := w.Connections.Update(t.Context(), by, c.ID, service.ConnectionChange{Settings: func(st *service.ConnectionSettings) { st.Name = "Okta" }})
		if err != nil {
			t.Errorf("Update: %v", err)
		}
		_, _ = a.Write(p.Metadata())
	})
	w.clock.advance(24 * time.Hour)
	if _, err := w.Connections.LookAfter(t.Context()); err != nil {
		t.Errorf("LookAfter: %v", err)
	}
	got := w.read(t, by, c.ID)
	if got.With.Name != "Okta" || len(got.With.SAML.Certificates) != 1 || !got.DueAt.Equal(w.clock.now().Add(24*time.Hour)) {
		t.Errorf("it is %q with %d certificates, due %s", got.With.Name, len(got.With.SAML.Certificates), got.DueAt)
	}
}
