package saml_test

import (
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"html"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/foreign"
	"github.com/go-identity/identity/sso"
	"github.com/go-identity/identity/sso/saml"
)

// A site is a small application with one connection, for providers that are not ours. It
// answers over HTTP and keeps in the browser's cookies what belongs to the browser.
type site struct {
	*httptest.Server
	c     *saml.Connection
	ended atomic.Int32 // sign-outs that a provider asked for
}

// A verdict is what a site says of a message that came to it.
type verdict struct {
	Assertion sso.Assertion
	Logout    saml.Logout
	Relay     string // what came back with it
	Diagnosis string // of the refusal; empty means accepted
}

// openSite starts a site. Its provider is set once it has been started: both must know the other.
func openSite(t *testing.T) *site {
	t.Helper()
	s, mux := &site{}, http.NewServeMux()
	mux.HandleFunc("GET /login", s.login)
	mux.HandleFunc("POST /acs", s.acs)
	mux.HandleFunc("GET /logout", s.logout)
	mux.HandleFunc("/slo", s.slo)
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	s.c = &saml.Connection{
		ID: "c1", EntityID: s.URL + "/metadata", ACS: s.URL + "/acs", SLO: s.URL + "/slo",
		Keys: []saml.Key{current(t)}, Once: new(memory).once,
		Attributes: saml.Mapping{Groups: []string{"groups", "http://schemas.passportjs.com/groups"}},
	}
	return s
}

// current is our key with a certificate that is valid now: providers look at the calendar.
func current(t *testing.T) saml.Key {
	t.Helper()
	now := time.Now()
	shape := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "site"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, shape, shape, mine().key.Public(), mine().key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return saml.Key{Private: mine().key, Certificate: cert}
}

// papers are the site's metadata and its certificate, for a provider to read.
func (s *site) papers(t *testing.T) (metadata, certificate []byte) {
	t.Helper()
	metadata, err := s.c.Metadata()
	if err != nil {
		t.Fatal(err)
	}
	return metadata, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.c.Keys[0].Certificate.Raw})
}

// trust reads the provider's metadata from where it publishes it.
func (s *site) trust(t *testing.T, address string) {
	t.Helper()
	a, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	doc, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	s.c.Provider, err = saml.ParseMetadata(doc, saml.Source{Loopback: true, Now: time.Now()})
	if err != nil {
		t.Fatalf("%s: %s", diagnosis(err), doc)
	}
}

func (s *site) login(w http.ResponseWriter, r *http.Request) {
	m, err := s.c.Request(saml.Ask{RelayState: "handle-1", Now: time.Now()})
	s.depart(w, r, m, err)
}

func (s *site) logout(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	m, err := s.c.Leave(saml.Logout{
		Subject: q.Get("subject"), NameIDFormat: q.Get("format"), Sessions: q["session"], RelayState: "handle-2",
	}, time.Now())
	s.depart(w, r, m, err)
}

// depart sends the browser away with a message, and its name in a cookie.
func (*site) depart(w http.ResponseWriter, r *http.Request, m saml.Message, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	http.SetCookie(w, &http.Cookie{Name: "request", Value: m.ID, Path: "/", HttpOnly: true})
	if m.Fields == nil {
		http.Redirect(w, r, m.URL, http.StatusSeeOther)
		return
	}
	fmt.Fprintf(w, `<form method="post" action="%s">`, html.EscapeString(m.URL))
	for name := range m.Fields {
		fmt.Fprintf(w, `<input type="hidden" name="%s" value="%s">`, name, html.EscapeString(m.Fields.Get(name)))
	}
	fmt.Fprint(w, `</form>`)
}

func (s *site) acs(w http.ResponseWriter, r *http.Request) {
	a, err := s.c.Accept(r.Context(), saml.Answer{
		Body: r.PostFormValue("SAMLResponse"), RequestID: requested(r), Now: time.Now(),
	})
	say(w, verdict{Assertion: a, Relay: r.PostFormValue("RelayState")}, err)
}

func (s *site) slo(w http.ResponseWriter, r *http.Request) {
	in := saml.Incoming{Query: r.URL.RawQuery, Now: time.Now()}
	if r.Method == http.MethodPost {
		in = saml.Incoming{Body: r.PostFormValue("SAMLRequest") + r.PostFormValue("SAMLResponse"), Now: time.Now(),
			RelayState: r.PostFormValue("RelayState")}
	}
	if r.FormValue("SAMLResponse") != "" {
		relay, err := s.c.AcceptLogoutAnswer(in, requested(r))
		say(w, verdict{Relay: relay}, err)
		return
	}
	out, err := s.c.AcceptLogout(r.Context(), in)
	if err != nil {
		say(w, verdict{}, err)
		return
	}
	s.ended.Add(1)
	m, err := s.c.AnswerLogout(out, true, time.Now())
	s.depart(w, r, m, err)
}

func requested(r *http.Request) string {
	c, err := r.Cookie("request")
	if err != nil {
		return ""
	}
	return c.Value
}

func say(w http.ResponseWriter, v verdict, err error) {
	v.Diagnosis = diagnosis(err)
	if err != nil && v.Diagnosis == "" {
		v.Diagnosis = "no refusal: " + err.Error()
	}
	_ = json.NewEncoder(w).Encode(v)
}

// browser is that of Alice, who visits the site.
func (s *site) browser(t *testing.T) *foreign.Browser {
	t.Helper()
	return foreign.NewBrowser(t, s.URL, foreign.Alice())
}

// walk takes a new browser to an address and on to the end of the way.
func (s *site) walk(t *testing.T, address string) foreign.Page {
	t.Helper()
	return s.browser(t).Walk(t, foreign.At(t, address))
}

// said is the verdict of the page that a way ended at.
func said(t *testing.T, p foreign.Page) verdict {
	t.Helper()
	var v verdict
	if err := json.Unmarshal([]byte(p.Body), &v); err != nil {
		t.Fatalf("the way ended at %s: %d %s", p.URL, p.Status, p.Body)
	}
	return v
}
