package saml_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/foreign"
	"github.com/go-identity/identity/internal/program"
	"github.com/go-identity/identity/sso/saml"
)

// startSAMLP starts Auth0's provider for a site and lets the site trust it.
func startSAMLP(t *testing.T, s *site, k foreign.Kit) *program.Program {
	t.Helper()
	_, certificate := s.papers(t)
	p := k.StartSAMLP(t, certificate, s.c.SLO)
	s.trust(t, p.Base+"/metadata")
	return p
}

// startPysaml2 starts the distribution's provider for a site and lets the site trust it.
func startPysaml2(t *testing.T, s *site, k foreign.Kit, env ...string) *program.Program {
	t.Helper()
	metadata, _ := s.papers(t)
	p := k.StartPysaml2(t, metadata, env...)
	s.trust(t, p.Base+"/metadata")
	return p
}

// A turn is one sign-in: how the provider is set, how the connection is, and what is said.
type turn struct {
	name    string
	knobs   map[string]any
	set     func(*saml.Connection)
	refused string // a part of the diagnosis; empty means accepted
}

const (
	xmlenc   = "http://www.w3.org/2001/04/xmlenc#"
	xmlenc11 = "http://www.w3.org/2009/xmlenc11#"
)

func samlpTurns() []turn {
	enough := func(c *saml.Connection) { c.SignedResponse = true }
	encrypted := func(algorithm string) map[string]any { return map[string]any{"encrypt": true, "encAlg": algorithm} }
	return []turn{
		{name: "signed assertion"},
		{name: "signed assertion, asked by form", set: func(c *saml.Connection) { c.PostRequests = true }},
		{name: "signed response", knobs: map[string]any{"signResponse": true, "signAssertion": false}, set: enough},
		{name: "signed response, not enough", knobs: map[string]any{"signResponse": true, "signAssertion": false}, refused: "only the response"},
		{name: "both signed", knobs: map[string]any{"signResponse": true}},
		{name: "nothing signed", knobs: map[string]any{"signAssertion": false}, set: enough, refused: "neither"},
		{name: "signed query demanded", knobs: map[string]any{"requireSigned": true}, set: func(c *saml.Connection) { c.SignRequests = true }},
		{name: "signed form demanded", knobs: map[string]any{"requireSigned": true}, set: func(c *saml.Connection) {
			c.SignRequests, c.PostRequests = true, true
		}},
		{name: "AES-GCM 256", knobs: map[string]any{"encrypt": true}},
		{name: "AES-GCM 128", knobs: encrypted(xmlenc11 + "aes128-gcm")},
		{name: "AES-GCM 256 in a signed response", knobs: map[string]any{"encrypt": true, "signResponse": true, "signAssertion": false}, set: enough},
		{name: "AES-GCM and both signed", knobs: map[string]any{"encrypt": true, "signResponse": true}},
		{name: "AES-CBC", knobs: encrypted(xmlenc + "aes256-cbc"), refused: "AES-CBC"},
		{name: "AES-CBC allowed", knobs: encrypted(xmlenc + "aes128-cbc"), set: func(c *saml.Connection) { c.CBC = true }},
		{name: "3DES", knobs: encrypted(xmlenc + "tripledes-cbc"), set: func(c *saml.Connection) { c.CBC = true }, refused: "tripledes-cbc"},
	}
}

// TestSAMLP signs in and out with Auth0's provider. The turns follow each other: its knobs
// are for everybody.
func TestSAMLP(t *testing.T) {
	t.Parallel()
	k, s := foreign.SAMLP(t), openSite(t)
	p := startSAMLP(t, s, k)
	usual := map[string]any{
		"signAssertion": true, "signResponse": false, "encrypt": false, "requireSigned": false, "encAlg": xmlenc11 + "aes256-gcm",
	}
	calm := *s.c
	for _, tt := range samlpTurns() {
		t.Run(tt.name, func(t *testing.T) {
			form(t, p, usual)
			form(t, p, tt.knobs)
			s.take(t, calm, tt)
		})
	}
	*s.c = calm
	form(t, p, usual)
	t.Run("unsigned requests where signed ones are demanded", func(t *testing.T) {
		form(t, p, map[string]any{"requireSigned": true})
		defer form(t, p, usual)
		if got := s.walk(t, s.URL+"/login"); got.Status != http.StatusBadRequest || !strings.Contains(got.Body, "MUST be signed") {
			t.Errorf("the provider answered %d %s", got.Status, got.Body)
		}
	})
	t.Run("RSA 1.5", func(t *testing.T) { s.sealedBy(t, k) })
	t.Run("started there", func(t *testing.T) {
		s.unasked(t, p.Base+"/samlp?sp="+url.QueryEscape(s.c.EntityID)+"&acs="+url.QueryEscape(s.c.ACS))
	})
	t.Run("signed out here", func(t *testing.T) {
		away := s.leave(t)
		// A key that is not ours signs nobody out there.
		ours := s.c.Keys
		defer func() { s.c.Keys = ours }()
		s.c.Keys = []saml.Key{{Private: stranger().key, Certificate: stranger().cert}}
		if got := s.walk(t, away); got.Status != http.StatusBadRequest {
			t.Errorf("the provider answered a stranger's sign-out: %d %s", got.Status, got.Body)
		}
	})
	t.Run("signed out there", func(t *testing.T) {
		there := k.LeaveSAMLP(t, foreign.Service{Provider: s.c.Provider.EntityID, Entity: s.c.EntityID, SLO: s.c.SLO})
		s.left(t, there, "OK")
	})
}

// form turns a provider's knobs by the form it wants.
func form(t *testing.T, p *program.Program, knobs map[string]any) {
	t.Helper()
	fields := url.Values{}
	for name, v := range knobs {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		fields.Set(name, strings.Trim(string(text), `"`))
	}
	a, err := http.PostForm(p.Base+"/knobs", fields)
	if err != nil {
		t.Fatal(err)
	}
	a.Body.Close()
}

// take plays one turn with a connection of its own.
func (s *site) take(t *testing.T, calm saml.Connection, tt turn) {
	t.Helper()
	*s.c = calm
	if tt.set != nil {
		tt.set(s.c)
	}
	got := said(t, s.walk(t, s.URL+"/login"))
	if tt.refused != "" {
		if !strings.Contains(got.Diagnosis, tt.refused) || got.Assertion.Subject != "" {
			t.Errorf("%+v, want it refused for %q", got, tt.refused)
		}
		t.Log(got.Diagnosis)
		return
	}
	s.alice(t, got)
}

// alice wants her signed in, with everything that the providers say of her.
func (s *site) alice(t *testing.T, got verdict) {
	t.Helper()
	a := got.Assertion
	if got.Diagnosis != "" || a.Connection != "c1" || !strings.HasPrefix(a.Subject, "alice") || a.NameIDFormat == "" ||
		a.Email != "alice@example.test" || a.EmailVerified || a.Name != "Alice Å & Co" ||
		!slices.Equal(a.Groups, []string{"eng", "admins"}) || a.SessionIndex == "" || time.Since(a.AuthTime) > time.Minute {
		t.Errorf("signed in as %+v", got)
	}
}

// sealedBy encrypts an honest assertion to us with another program.
func (s *site) sealedBy(t *testing.T, k foreign.Kit) {
	t.Helper()
	b := s.browser(t)
	step := b.WalkTo(t, foreign.At(t, s.URL+"/login"), s.c.ACS)
	doc, err := base64.StdEncoding.DecodeString(step.Fields.Get("SAMLResponse"))
	if err != nil {
		t.Fatal(err)
	}
	honest := string(doc)
	assertion := honest[strings.Index(honest, "<saml:Assertion"):strings.Index(honest, "</samlp:Response>")]
	for _, tt := range []struct{ content, key, refused string }{
		{xmlenc11 + "aes256-gcm", xmlenc + "rsa-1_5", "RSA-OAEP"},
		{xmlenc + "tripledes-cbc", xmlenc + "rsa-oaep-mgf1p", "tripledes-cbc"},
		{xmlenc11 + "aes256-gcm", xmlenc + "rsa-oaep-mgf1p", ""},
	} {
		cmd := exec.CommandContext(t.Context(), "node", k.Program(t, "encrypt.js"), filepath.Join(k.Dir, "sp.pem"), tt.content, tt.key)
		cmd.Stdin = strings.NewReader(assertion)
		sealed, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		doc := strings.Replace(honest, assertion, `<saml:EncryptedAssertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">`+
			string(sealed)+`</saml:EncryptedAssertion>`, 1)
		step.Fields.Set("SAMLResponse", base64.StdEncoding.EncodeToString([]byte(doc)))
		if got := said(t, b.Go(t, step)); !strings.Contains(got.Diagnosis, tt.refused) || (got.Diagnosis == "") != (tt.refused == "") {
			t.Errorf("%s with %s: %+v, want %q", tt.content, tt.key, got, tt.refused)
		}
	}
}

// unasked is a sign-in that is started at the provider: refused unless the connection takes
// it, and even then only in a browser that was not sent away with a request.
func (s *site) unasked(t *testing.T, address string) {
	t.Helper()
	defer func() { s.c.Unsolicited = false }()
	if got := said(t, s.walk(t, address)); !strings.Contains(got.Diagnosis, "nobody asked") {
		t.Errorf("%+v, want it refused", got)
	}
	s.c.Unsolicited = true
	s.alice(t, said(t, s.walk(t, address)))
	b := s.browser(t)
	b.Go(t, foreign.At(t, s.URL+"/login"))
	if got := said(t, b.Walk(t, foreign.At(t, address))); !strings.Contains(got.Diagnosis, "another request") {
		t.Errorf("%+v, want it refused in a browser that asked", got)
	}
}

// leave signs in, and out here: the provider checks our request and we its answer.
func (s *site) leave(t *testing.T) (away string) {
	t.Helper()
	b := s.browser(t)
	a := said(t, b.Walk(t, foreign.At(t, s.URL+"/login"))).Assertion
	away = s.URL + "/logout?" + url.Values{"subject": {a.Subject}, "format": {a.NameIDFormat}, "session": {a.SessionIndex}}.Encode()
	got := b.Walk(t, foreign.At(t, away))
	if v := said(t, got); got.URL.Path != "/slo" || v.Diagnosis != "" || v.Relay != "handle-2" {
		t.Errorf("the answer: %+v", got)
	}
	// The answer to somebody else's sign-out is none to ours.
	b.SetCookie(t, s.URL, &http.Cookie{Name: "request", Value: "_another", Path: "/"})
	if again := said(t, b.Go(t, foreign.At(t, got.URL.String()))); !strings.Contains(again.Diagnosis, "another sign-out") {
		t.Errorf("the answer to another sign-out: %+v", again)
	}
	return away
}

// left is a sign-out that is started at the provider, by redirect and by form: we check its
// request and it our answer.
func (s *site) left(t *testing.T, there *program.Program, done string) {
	t.Helper()
	calm := s.c.Provider
	defer func() { s.c.Provider = calm }()
	for _, how := range []string{"redirect", "post"} {
		s.c.Provider = calm
		s.c.Provider.AnswerGet, s.c.Provider.AnswerPost = there.Base+"/redirect", there.Base+"/post"
		s.c.PostRequests = how == "post"
		before := s.ended.Load()
		if got := s.walk(t, there.Base+"/"+how); got.Status != http.StatusOK || got.Body != done || s.ended.Load() != before+1 {
			t.Errorf("by %s: the provider says %d %s, and asked %d times", how, got.Status, got.Body, s.ended.Load()-before)
		}
	}
	s.c.PostRequests = false
}

func pysaml2Turns() []turn {
	return []turn{
		{name: "both signed"},
		{name: "both signed, asked by form", set: func(c *saml.Connection) { c.PostRequests = true }},
		{name: "signed assertion", knobs: map[string]any{"sign_response": false}},
		{name: "signed response", knobs: map[string]any{"sign_assertion": false}, set: func(c *saml.Connection) { c.SignedResponse = true }},
		{name: "signed response, not enough", knobs: map[string]any{"sign_assertion": false}, refused: "only the response"},
		{name: "signed query", set: func(c *saml.Connection) { c.SignRequests = true }},
		{name: "signed form", set: func(c *saml.Connection) { c.SignRequests, c.PostRequests = true, true }},
		{name: "encrypted with 3DES", knobs: map[string]any{"encrypt_assertion": true}, set: func(c *saml.Connection) { c.CBC = true },
			refused: "tripledes-cbc"},
	}
}

// TestPysaml2 signs in and out with the distribution's provider, which has xmlsec1 inside.
func TestPysaml2(t *testing.T) {
	t.Parallel()
	k, s := foreign.Pysaml2(t), openSite(t)
	p := startPysaml2(t, s, k)
	usual := map[string]any{"sign_response": true, "sign_assertion": true, "encrypt_assertion": false}
	calm := *s.c
	for _, tt := range pysaml2Turns() {
		t.Run(tt.name, func(t *testing.T) {
			p.Call(t, "POST", "/knobs", usual).JSON(t, 200, nil)
			if tt.knobs != nil {
				p.Call(t, "POST", "/knobs", tt.knobs).JSON(t, 200, nil)
			}
			s.take(t, calm, tt)
		})
	}
	*s.c = calm
	p.Call(t, "POST", "/knobs", usual).JSON(t, 200, nil)
	t.Run("started there", func(t *testing.T) { s.unasked(t, p.Base+"/unsolicited?sp="+url.QueryEscape(s.c.EntityID)) })
	t.Run("signed out here", func(t *testing.T) { s.leave(t) })
	t.Run("signed out there", func(t *testing.T) {
		there := k.LeavePysaml2(t, foreign.Service{Provider: s.c.Provider.EntityID, Entity: s.c.EntityID}, "alice@example.test")
		s.left(t, there, "done")
	})
}

// TestPysaml2Modern is the same provider with encryption that is accepted: xmlsec1 makes it,
// around assertions that declare again what is declared around them, by other prefixes.
func TestPysaml2Modern(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		algorithm, key string
		set            func(*saml.Connection)
		refused        string
	}{
		{xmlenc11 + "aes256-gcm", "aes-256", nil, ""},
		{xmlenc11 + "aes128-gcm", "aes-128", nil, ""},
		{xmlenc11 + "aes192-gcm", "aes-192", nil, "aes192-gcm"},
		{xmlenc + "aes256-cbc", "aes-256", nil, "AES-CBC"},
		{xmlenc + "aes256-cbc", "aes-256", func(c *saml.Connection) { c.CBC = true }, ""},
	} {
		t.Run(tt.algorithm[strings.Index(tt.algorithm, "#"):]+tt.refused, func(t *testing.T) {
			t.Parallel()
			k, s := foreign.Pysaml2(t), openSite(t)
			metadata, _ := s.papers(t)
			p := k.Run(t, nil, foreign.Python, k.Program(t, "modern.py"), tt.algorithm, tt.key,
				"idp.py", "PORT", k.Write(t, "sp.xml", metadata), k.Dir)
			s.trust(t, p.Base+"/metadata")
			for _, response := range []bool{false, true} {
				knobs := map[string]any{"encrypt_assertion": true, "sign_response": response}
				p.Call(t, "POST", "/knobs", knobs).JSON(t, 200, nil)
				s.take(t, *s.c, turn{set: tt.set, refused: tt.refused})
			}
		})
	}
}

// TestPysaml2Demanding is the same provider where it wants every request signed, which its
// metadata says: nobody has to tell the connection.
func TestPysaml2Demanding(t *testing.T) {
	t.Parallel()
	k, s := foreign.Pysaml2(t), openSite(t)
	s.c.PostRequests = true
	startPysaml2(t, s, k, "REQUIRE_SIGNED=1")
	if !s.c.Provider.SignRequests {
		t.Errorf("the metadata says nothing of signed requests: %+v", s.c.Provider)
	}
	s.alice(t, said(t, s.walk(t, s.URL+"/login")))
	s.c.Provider.SignRequests = false
	if got := s.walk(t, s.URL+"/login"); got.Status != http.StatusBadRequest {
		t.Errorf("without a signature: %d %s", got.Status, got.Body)
	}
}

// judged asks a program of somebody else's for its opinion.
func judged(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	var said bytes.Buffer
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("%s %s: %v: %s", name, args, err, said.String())
	}
	return out
}

// TestJudges has others read what we write: the schemas of the standard, xmlsec1 for the
// signatures inside messages, pysaml2 for the metadata.
func TestJudges(t *testing.T) {
	t.Parallel()
	foreign.Pysaml2(t)
	for _, signed := range []bool{false, true} {
		t.Run(map[bool]string{false: "usual", true: "signed and CBC"}[signed], func(t *testing.T) {
			t.Parallel()
			s, k := openSite(t), foreign.Kit{Dir: t.TempDir()}
			s.c.Provider = connection().Provider
			s.c.SignRequests, s.c.CBC, s.c.PostRequests, s.c.SignedResponse = signed, signed, true, signed
			s.c.Contexts, s.c.NameIDFormat = []string{"urn:a", "urn:b"}, "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
			doc, pem := s.papers(t)
			metadata, cert := k.Write(t, "sp.xml", doc), k.Write(t, "sp.pem", pem)
			s.metadata(t, judged(t, foreign.Python, k.Program(t, "judge.py"), "metadata", metadata), signed)
			ask, err := s.c.Request(saml.Ask{RelayState: "x", Force: true, Now: time.Now()})
			if err != nil {
				t.Fatal(err)
			}
			leave, err := s.c.Leave(saml.Logout{Subject: "alice", NameIDFormat: "urn:x", Sessions: []string{"_1", "_2"}}, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			answer, err := s.c.AnswerLogout(saml.Logout{ID: "_1"}, true, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			for name, m := range map[string]saml.Message{"AuthnRequest": ask, "LogoutRequest": leave, "LogoutResponse": answer} {
				doc, err := base64.StdEncoding.DecodeString(m.Fields.Get("SAMLRequest") + m.Fields.Get("SAMLResponse"))
				if err != nil {
					t.Fatal(err)
				}
				file := k.Write(t, name+".xml", doc)
				judged(t, foreign.Python, k.Program(t, "judge.py"), "protocol", file)
				if signed || name != "AuthnRequest" {
					judged(t, "xmlsec1", "--verify", "--pubkey-cert-pem", cert,
						"--id-attr:ID", "urn:oasis:names:tc:SAML:2.0:protocol:"+name, file)
				}
			}
		})
	}
}

// metadata compares what pysaml2 read with what the connection does.
func (s *site) metadata(t *testing.T, said []byte, signed bool) {
	t.Helper()
	var got struct {
		Entity                  string
		ACS, SLO, Uses, Methods []string
		Signs, Wants            string
	}
	if err := json.Unmarshal(said, &got); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	signs, wants := "false", "true"
	if signed {
		signs, wants = "true", "false"
	}
	if got.Entity != s.c.EntityID || !slices.Equal(got.ACS, []string{s.c.ACS}) || !slices.Equal(got.SLO, []string{s.c.SLO, s.c.SLO}) ||
		!slices.Equal(got.Uses, []string{"signing", "encryption"}) || got.Signs != signs || got.Wants != wants {
		t.Errorf("pysaml2 reads %s", said)
	}
	if slices.Contains(got.Methods, xmlenc+"aes256-cbc") != signed || !slices.Contains(got.Methods, xmlenc11+"aes256-gcm") ||
		slices.Contains(got.Methods, xmlenc+"tripledes-cbc") || slices.Contains(got.Methods, xmlenc+"rsa-1_5") {
		t.Errorf("we announce %s", got.Methods)
	}
}
