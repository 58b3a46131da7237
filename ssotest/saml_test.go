package ssotest_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"math/big"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity/sso"
	"github.com/go-identity/identity/sso/saml"
	"github.com/go-identity/identity/ssotest"
)

const base = "https://app.example"

// keyed gives a connection a key pair of its own and makes it known to the provider.
func keyed(t *testing.T, p *ssotest.SAML, at string) *saml.Connection {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	shape := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: noon().AddDate(-1, 0, 0), NotAfter: noon().AddDate(1, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, shape, shape, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	c := connection(t, p, at)
	c.Keys = []saml.Key{{Private: private, Certificate: cert}}
	doc, err := c.Metadata()
	if err != nil {
		t.Fatal(err)
	}
	s := p.Register(doc)
	if s.ACS != c.ACS || s.SLO != c.SLO || s.EntityID != c.EntityID || len(s.Certificates) != 1 {
		t.Errorf("the provider read %+v", s)
	}
	return c
}

// take lets the connection judge a message of the provider.
func take(t *testing.T, c *saml.Connection, id string, m ssotest.Message) (sso.Assertion, error) {
	t.Helper()
	if m.URL != c.ACS {
		t.Errorf("the answer goes to %s, want %s", m.URL, c.ACS)
	}
	return c.Accept(t.Context(), saml.Answer{Body: m.Fields.Get("SAMLResponse"), RequestID: id, Now: noon()})
}

func ask(t *testing.T, c *saml.Connection, p *ssotest.SAML) ssotest.Request {
	t.Helper()
	m, err := c.Request(saml.Ask{RelayState: "handle", Now: noon()})
	if err != nil {
		t.Fatal(err)
	}
	r := p.Request(ssotest.Message{URL: m.URL, Fields: m.Fields})
	if r.ID != m.ID || r.ACS != c.ACS || r.EntityID != c.EntityID || r.RelayState != "handle" {
		t.Errorf("the provider read %+v", r)
	}
	return r
}

// TestRespond says in every way that which the application takes.
func TestRespond(t *testing.T) {
	t.Parallel()
	p := ssotest.NewSAML(t, ssotest.SAMLOptions{Now: noon})
	c := keyed(t, p, base)
	c.CBC = true
	for name, change := range map[string]func(*ssotest.Assertion){
		"nothing changed": func(*ssotest.Assertion) {},
		"both signed":     func(a *ssotest.Assertion) { a.Sign = ssotest.SignBoth },
		"AES-128-GCM":     func(a *ssotest.Assertion) { a.Encrypt = ssotest.AES128GCM },
		"AES-256-GCM":     func(a *ssotest.Assertion) { a.Encrypt, a.Sign = ssotest.AES256GCM, ssotest.SignBoth },
		"AES-128-CBC":     func(a *ssotest.Assertion) { a.Encrypt = ssotest.AES128CBC },
		"AES-256-CBC":     func(a *ssotest.Assertion) { a.Encrypt = ssotest.AES256CBC },
		"no statement":    func(a *ssotest.Assertion) { a.AuthnInstant = time.Time{} },
		"session's end":   func(a *ssotest.Assertion) { a.SessionNotOnOrAfter = noon().Add(time.Hour) },
		"no destination":  func(a *ssotest.Assertion) { a.Destination = "" },
		"no attributes":   func(a *ssotest.Assertion) { a.Attributes = nil },
		"draft": func(a *ssotest.Assertion) {
			a.Draft = func(s string) string {
				return strings.Replace(s, "</saml:Conditions>", "<saml:OneTimeUse/></saml:Conditions>", 1)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := p.In(t)
			r := ask(t, c, p)
			m := p.Respond(r, ada(), change)
			got, err := take(t, c, r.ID, m)
			if err != nil {
				t.Fatalf("refused: %s", sso.Diagnosis(err))
			}
			if got.Subject != "account-of-ada" || m.Fields.Get("RelayState") != "handle" {
				t.Errorf("the application got %+v and %q", got, m.Fields.Get("RelayState"))
			}
		})
	}
}

// TestRespondAsAsked gives services what they ask for.
func TestRespondAsAsked(t *testing.T) {
	t.Parallel()
	p := ssotest.NewSAML(t, ssotest.SAMLOptions{Now: noon, SignedRequests: true})
	c := keyed(t, p, base)
	if !c.Provider.SignRequests {
		t.Error("the metadata does not ask for signed requests")
	}
	c.NameIDFormat, c.Contexts, c.SignedResponse = ssotest.EmailAddress, []string{ssotest.ByTwo}, true
	for _, form := range []bool{false, true} {
		c.PostRequests = form
		r := ask(t, c, p)
		if !r.Signed || !slices.Equal(r.Contexts, c.Contexts) {
			t.Errorf("form %v: the provider read %+v", form, r)
		}
		u := ada()
		u.Context = r.Contexts[0]
		got, err := take(t, c, r.ID, p.Respond(r, u, func(a *ssotest.Assertion) { a.Sign = ssotest.SignResponse }))
		if err != nil || got.Subject != u.Email || got.NameIDFormat != ssotest.EmailAddress {
			t.Errorf("form %v: %+v, %s", form, got, sso.Diagnosis(err))
		}
	}
}

// TestRespondRefused says what no honest provider says, and wants it refused with a sentence.
func TestRespondRefused(t *testing.T) {
	t.Parallel()
	p := ssotest.NewSAML(t, ssotest.SAMLOptions{Now: noon})
	other := ssotest.NewSAML(t, ssotest.SAMLOptions{Now: noon})
	c := keyed(t, p, base)
	for _, tt := range []struct {
		want   string
		change func(*ssotest.Assertion)
	}{
		{"another audience", func(a *ssotest.Assertion) { a.Audience = "https://other.example" }},
		{"no audience", func(a *ssotest.Assertion) { a.Audience = "" }},
		{"recipient is", func(a *ssotest.Assertion) { a.Recipient = "https://other.example/acs" }},
		{"addressed to", func(a *ssotest.Assertion) { a.Destination = "https://other.example/acs" }},
		{"the issuer is", func(a *ssotest.Assertion) { a.Issuer = other.EntityID() }},
		{"another request", func(a *ssotest.Assertion) { a.InResponseTo = "_other" }},
		{"or none", func(a *ssotest.Assertion) { a.InResponseTo = "" }},
		{"not valid yet", func(a *ssotest.Assertion) { a.NotBefore = noon().Add(time.Minute) }},
		{"too old", func(a *ssotest.Assertion) { a.NotOnOrAfter = noon().Add(-time.Minute) }},
		{"too old", func(a *ssotest.Assertion) { a.ConfirmedUntil = noon().Add(-time.Minute) }},
		{"has no end", func(a *ssotest.Assertion) { a.ConfirmedUntil = time.Time{} }},
		{"too old", func(a *ssotest.Assertion) { a.IssuedAt = noon().Add(-time.Hour) }},
		{"transient", func(a *ssotest.Assertion) { a.NameIDFormat = ssotest.Transient }},
		{"no name", func(a *ssotest.Assertion) { a.Subject = "" }},
		{"provider's session", func(a *ssotest.Assertion) { a.SessionNotOnOrAfter = noon().Add(-time.Minute) }},
		{"not the provider's", func(a *ssotest.Assertion) { a.By = other }},
		{"only the response", func(a *ssotest.Assertion) { a.Sign = ssotest.SignResponse }},
		{"neither the response", func(a *ssotest.Assertion) { a.Sign = ssotest.SignNothing }},
		{"AES-CBC", func(a *ssotest.Assertion) { a.Encrypt = ssotest.AES256CBC }},
		{"AuthnFailed", func(a *ssotest.Assertion) { a.Status, a.Reason = ssotest.StatusResponder, ssotest.StatusAuthnFailed }},
		{"changed after", func(a *ssotest.Assertion) {
			a.Final = func(s string) string { return strings.Replace(s, "account-of-ada", "account-of-bob", 1) }
		}},
		{"condition", func(a *ssotest.Assertion) {
			a.Draft = func(s string) string {
				return strings.Replace(s, "</saml:Conditions>", "<saml:Condition/></saml:Conditions>", 1)
			}
		}},
	} {
		t.Run(tt.want, func(t *testing.T) {
			t.Parallel()
			p := p.In(t)
			r := ask(t, c, p)
			_, err := take(t, c, r.ID, p.Respond(r, ada(), tt.change))
			if got := sso.Diagnosis(err); !strings.Contains(got, tt.want) {
				t.Errorf("%v: %q, want %q", err, got, tt.want)
			}
		})
	}
}

func TestUnsolicited(t *testing.T) {
	t.Parallel()
	p := ssotest.NewSAML(t, ssotest.SAMLOptions{Now: noon})
	c := connection(t, p, base)
	m := p.Respond(ssotest.Request{EntityID: c.EntityID, ACS: c.ACS}, ada())
	if _, err := take(t, c, "", m); !strings.Contains(sso.Diagnosis(err), "nobody asked") {
		t.Errorf("%v: %s", err, sso.Diagnosis(err))
	}
	c.Unsolicited = true
	if _, err := take(t, c, "", m); err != nil {
		t.Error(sso.Diagnosis(err))
	}
}

// TestSAMLRotation changes keys the way providers do: announced, used, alone.
func TestSAMLRotation(t *testing.T) {
	t.Parallel()
	p := ssotest.NewSAML(t, ssotest.SAMLOptions{Now: noon})
	first := p.Certificate()
	old := connection(t, p, base)
	p.Announce()
	both := connection(t, p, base)
	if p.Certificate() != first || len(p.Certificates()) != 2 {
		t.Errorf("an announced key signs, or %d are published, want 2", len(p.Certificates()))
	}
	p.Rotate()
	if p.Certificate() == first || len(p.Certificates()) != 2 {
		t.Error("the announced key does not sign")
	}
	answer := func(c *saml.Connection) error {
		r := ask(t, c, p)
		_, err := take(t, c, r.ID, p.Respond(r, ada()))
		return err
	}
	if err := answer(both); err != nil {
		t.Error(sso.Diagnosis(err))
	}
	if err := answer(old); !strings.Contains(sso.Diagnosis(err), "current metadata") {
		t.Errorf("%v: %s", err, sso.Diagnosis(err))
	}
	p.Retire()
	if len(connection(t, p, base).Provider.Certificates) != 1 {
		t.Error("a retired key is published")
	}
	if pasted, err := saml.ParseCertificate(p.Certificate()); err != nil || !pasted.Equal(p.Certificates()[0]) {
		t.Errorf("as text: %v", err)
	}
}

// arrive turns a message of the provider into what comes to the application.
func arrive(m ssotest.Message) saml.Incoming {
	_, query, _ := strings.Cut(m.URL, "?")
	return saml.Incoming{
		Query: query, Body: m.Fields.Get("SAMLRequest") + m.Fields.Get("SAMLResponse"), RelayState: m.Fields.Get("RelayState"), Now: noon(),
	}
}

// TestSAMLLogout signs out from either side, in either way.
func TestSAMLLogout(t *testing.T) {
	t.Parallel()
	p := ssotest.NewSAML(t, ssotest.SAMLOptions{Now: noon})
	c := keyed(t, p, base)
	for i, form := range []bool{false, true} {
		c.PostRequests = form
		wish := p.Logout(ssotest.Logout{Subject: "ada", Sessions: []string{"s1"}, RelayState: "there", Form: form})
		got, err := c.AcceptLogout(t.Context(), arrive(wish))
		if err != nil || got.Subject != "ada" || !slices.Equal(got.Sessions, []string{"s1"}) || got.RelayState != "there" {
			t.Fatalf("form %v: %+v, %s", form, got, sso.Diagnosis(err))
		}
		back, err := c.AnswerLogout(got, true, noon())
		if err != nil {
			t.Fatal(err)
		}
		if res := (ssotest.Message{URL: back.URL, Fields: back.Fields}).Send(t, http.DefaultClient); res.StatusCode != http.StatusOK {
			t.Errorf("form %v: the provider says %d: %s", form, res.StatusCode, body(t, res))
		}
		if all := p.LogoutAnswers(); len(all) != i+1 || all[i].InResponseTo != got.ID || all[i].Status != ssotest.StatusSuccess {
			t.Errorf("form %v: the provider noted %+v", form, all)
		}
		out, err := c.Leave(saml.Logout{Subject: "ada", Sessions: []string{"s1"}, RelayState: "here"}, noon())
		if err != nil {
			t.Fatal(err)
		}
		res := ssotest.Message{URL: out.URL, Fields: out.Fields}.Send(t, http.DefaultClient)
		if relay, err := c.AcceptLogoutAnswer(answered(t, res), out.ID); err != nil || relay != "here" {
			t.Errorf("form %v: %q, %s", form, relay, sso.Diagnosis(err))
		}
		if all := p.Logouts(); len(all) != i+1 || all[i].Subject != "ada" || !slices.Equal(all[i].Sessions, []string{"s1"}) || all[i].Unsigned {
			t.Errorf("form %v: the provider noted %+v", form, all)
		}
	}
}

// answered reads what the provider sends back through the browser.
func answered(t *testing.T, res *http.Response) saml.Incoming {
	t.Helper()
	if to := res.Header.Get("Location"); to != "" {
		return arrive(ssotest.Message{URL: to})
	}
	page := body(t, res)
	field := func(name string) string {
		_, rest, _ := strings.Cut(page, `name="`+name+`" value="`)
		value, _, _ := strings.Cut(rest, `"`)
		return strings.NewReplacer("&#43;", "+", "&#34;", `"`).Replace(value)
	}
	return saml.Incoming{Body: field("SAMLResponse"), RelayState: field("RelayState"), Now: noon()}
}

func TestSAMLLogoutRefused(t *testing.T) {
	t.Parallel()
	p := ssotest.NewSAML(t, ssotest.SAMLOptions{Now: noon})
	c := keyed(t, p, base)
	for want, wish := range map[string]ssotest.Logout{
		"not signed":         {Subject: "ada", Unsigned: true},
		"not the provider's": {Subject: "ada", By: ssotest.NewSAML(t)},
		"not from":           {Subject: "ada", Issuer: "https://other.example"},
		"addressed to":       {Subject: "ada", Destination: "https://other.example"},
		"too old":            {Subject: "ada", IssuedAt: noon().Add(-time.Hour)},
		"nobody":             {},
	} {
		for _, form := range []bool{false, true} {
			wish.Form = form
			_, err := c.AcceptLogout(t.Context(), arrive(p.Logout(wish)))
			if got := sso.Diagnosis(err); !strings.Contains(got, want) {
				t.Errorf("form %v: %q, want %q", form, got, want)
			}
		}
	}
	refusal := p.AnswerLogout(ssotest.Logout{ID: "_1", Issuer: c.EntityID}, func(a *ssotest.LogoutAnswer) { a.Status = ssotest.StatusResponder })
	if _, err := c.AcceptLogoutAnswer(arrive(refusal), "_1"); !strings.Contains(sso.Diagnosis(err), "Responder") {
		t.Errorf("%v: %s", err, sso.Diagnosis(err))
	}
}

// TestSAMLStrict sends what the provider itself refuses.
func TestSAMLStrict(t *testing.T) {
	t.Parallel()
	p := ssotest.NewSAML(t, ssotest.SAMLOptions{Now: noon, SignedRequests: true})
	p.Everyone(ada())
	c := keyed(t, p, base)
	asked := func(bend func(*saml.Connection)) ssotest.Message {
		bent := *c
		bend(&bent)
		m, err := bent.Request(saml.Ask{Now: noon()})
		if err != nil {
			t.Fatal(err)
		}
		return ssotest.Message{URL: m.URL, Fields: m.Fields}
	}
	changed := func(m ssotest.Message, name, value string) ssotest.Message {
		if m.Fields != nil {
			m.Fields.Set(name, value)
			return m
		}
		at, query, _ := strings.Cut(m.URL, "?")
		q, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		q.Set(name, value)
		m.URL = at + "?" + q.Encode()
		return m
	}
	form := func(c *saml.Connection) { c.PostRequests = true }
	same := func(*saml.Connection) {}
	for name, tt := range map[string]struct {
		m    ssotest.Message
		want int
	}{
		"honest":          {asked(same), 200},
		"honest form":     {asked(form), 200},
		"unsigned":        {asked(func(c *saml.Connection) { c.Provider.SignRequests = false }), 400},
		"another address": {asked(func(c *saml.Connection) { c.ACS = "https://evil.example" }), 400},
		"another service": {asked(func(c *saml.Connection) { c.EntityID = "https://evil.example" }), 400},
		"another destination": {func() ssotest.Message {
			m := asked(func(c *saml.Connection) { c.Provider.Redirect = "https://idp.example/sso" })
			return ssotest.Message{URL: strings.Replace(m.URL, "https://idp.example/sso", p.URL(), 1)}
		}(), 400},
		"changed relay state": {changed(asked(same), "RelayState", "x"), 400},
		"no signature":        {changed(asked(same), "Signature", ""), 400},
		"other algorithm":     {changed(asked(same), "SigAlg", "http://www.w3.org/2000/09/xmldsig#rsa-sha1"), 400},
		"no message":          {ssotest.Message{URL: p.URL()}, 400},
		"no base64":           {changed(asked(form), "SAMLRequest", "%"), 400},
		"no XML":              {changed(asked(form), "SAMLRequest", base64.StdEncoding.EncodeToString([]byte("<"))), 400},
		"nothing to sign out": {ssotest.Message{URL: p.LogoutURL()}, 400},
		"nothing answered":    {ssotest.Message{URL: p.LogoutURL() + "?SAMLResponse=x"}, 400},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if res := tt.m.Send(t, http.DefaultClient); res.StatusCode != tt.want {
				t.Errorf("the provider says %d, want %d: %s", res.StatusCode, tt.want, body(t, res))
			}
		})
	}
}
