package saml_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity/sso/saml"
)

// mirror is the provider's side of the same sign-out, played by the same code.
func mirror(form bool) *saml.Connection {
	p := &saml.Connection{
		ID: "mirror", EntityID: entity, SLO: "https://idp.example/slo", PostRequests: form,
		Keys: []saml.Key{{Private: theirs().key, Certificate: theirs().cert}},
		Provider: saml.Provider{
			EntityID: ours, LogoutGet: slo, LogoutPost: slo, Certificates: []*x509.Certificate{mine().cert},
		},
		Once: new(memory).once,
	}
	if form {
		p.SLO = "https://idp.example/slopost"
	}
	return p
}

// arrive turns a message of ours into what comes in.
func arrive(m saml.Message) saml.Incoming {
	if m.Fields == nil {
		_, query, _ := strings.Cut(m.URL, "?")
		return saml.Incoming{Query: query, Now: noon()}
	}
	return saml.Incoming{Body: m.Fields.Get("SAMLRequest") + m.Fields.Get("SAMLResponse"), RelayState: m.Fields.Get("RelayState"), Now: noon()}
}

func wish() saml.Logout {
	return saml.Logout{Subject: "alice", NameIDFormat: "urn:x", Sessions: []string{"_s1", "_s2"}, RelayState: "relay & state"}
}

// TestLogout goes there and back, by redirect and by form, started at either side.
func TestLogout(t *testing.T) {
	t.Parallel()
	for _, form := range []bool{false, true} {
		us, they := connection(), mirror(form)
		us.PostRequests = form
		for _, side := range [][2]*saml.Connection{{us, they}, {they, us}} {
			m, err := side[0].Leave(wish(), noon())
			if err != nil {
				t.Fatal(err)
			}
			got, err := side[1].AcceptLogout(t.Context(), arrive(m))
			if err != nil || got.Subject != "alice" || got.ID != m.ID || got.RelayState != "relay & state" ||
				!slices.Equal(got.Sessions, []string{"_s1", "_s2"}) {
				t.Fatalf("form %v: %+v, %v: %s", form, got, err, diagnosis(err))
			}
			back, err := side[1].AnswerLogout(got, true, noon())
			if err != nil {
				t.Fatal(err)
			}
			if relay, err := side[0].AcceptLogoutAnswer(arrive(back), m.ID); err != nil || relay != "relay & state" {
				t.Errorf("form %v: the answer: %q, %v: %s", form, relay, err, diagnosis(err))
			}
			_, err = side[0].AcceptLogoutAnswer(arrive(back), "_other")
			refused(t, err, "another sign-out")
			half, err := side[1].AnswerLogout(got, false, noon())
			if err != nil {
				t.Fatal(err)
			}
			_, err = side[0].AcceptLogoutAnswer(arrive(half), m.ID)
			refused(t, err, "Responder")
		}
	}
}

// TestLogoutCurves signs with ECDSA, whose value XML writes differently than certificates do.
func TestLogoutCurves(t *testing.T) {
	t.Parallel()
	for _, curve := range []elliptic.Curve{elliptic.P256(), elliptic.P384()} {
		for _, form := range []bool{false, true} {
			key, err := ecdsa.GenerateKey(curve, rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			they, us := mirror(form), connection()
			they.Keys = []saml.Key{{Private: key, Certificate: certify(key)}}
			us.Provider.Certificates = []*x509.Certificate{theirs().cert, they.Keys[0].Certificate}
			m, err := they.Leave(wish(), noon())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := us.AcceptLogout(t.Context(), arrive(m)); err != nil {
				t.Errorf("%s, form %v: %s", curve.Params().Name, form, diagnosis(err))
			}
		}
	}
}

func TestAttackLogout(t *testing.T) {
	t.Parallel()
	query := func(change func(url.Values, string) string) func(*testing.T) saml.Incoming {
		return func(t *testing.T) saml.Incoming {
			m, err := mirror(false).Leave(wish(), noon())
			if err != nil {
				t.Fatal(err)
			}
			in := arrive(m)
			parts, err := url.ParseQuery(in.Query)
			if err != nil {
				t.Fatal(err)
			}
			in.Query = change(parts, in.Query)
			return in
		}
	}
	form := func(change func(string) string) func(*testing.T) saml.Incoming {
		return func(t *testing.T) saml.Incoming {
			m, err := mirror(true).Leave(wish(), noon())
			if err != nil {
				t.Fatal(err)
			}
			in := arrive(m)
			doc, err := base64.StdEncoding.DecodeString(in.Body)
			if err != nil {
				t.Fatal(err)
			}
			in.Body = base64.StdEncoding.EncodeToString([]byte(change(string(doc))))
			return in
		}
	}
	from := func(set func(*saml.Connection), out saml.Logout, at time.Time) func(*testing.T) saml.Incoming {
		return func(t *testing.T) saml.Incoming {
			p := mirror(false)
			set(p)
			m, err := p.Leave(out, at)
			if err != nil {
				t.Fatal(err)
			}
			return arrive(m)
		}
	}
	for _, tt := range []struct {
		name string
		in   func(*testing.T) saml.Incoming
		want string
	}{
		{"SAML-61 query not signed", query(func(v url.Values, _ string) string { return "SAMLRequest=" + url.QueryEscape(v.Get("SAMLRequest")) }), "not signed"},
		{"SAML-61 query signed in another order", query(func(v url.Values, _ string) string {
			signed := "RelayState=" + url.QueryEscape(v.Get("RelayState")) + "&SAMLRequest=" + url.QueryEscape(v.Get("SAMLRequest")) +
				"&SigAlg=" + url.QueryEscape(v.Get("SigAlg"))
			return signed + "&Signature=" + url.QueryEscape(signature(signed))
		}), "not the provider's"},
		{"SAML-61 query escaped anew", query(func(_ url.Values, s string) string { return strings.Replace(s, "SigAlg=http%3A", "SigAlg=http:", 1) }), "not the provider's"},
		{"SAML-61 another relay state", query(func(v url.Values, _ string) string {
			v.Set("RelayState", "https://evil.example")
			return v.Encode()
		}), "not the provider's"},
		{"SAML-61 without its relay state", query(func(v url.Values, _ string) string { v.Del("RelayState"); return v.Encode() }), "not the provider's"},
		{"SAML-61 a part twice", query(func(v url.Values, s string) string {
			return s + "&SAMLRequest=" + url.QueryEscape(v.Get("SAMLRequest"))
		}), "twice"},
		{"SAML-61 request and response", query(func(_ url.Values, s string) string { return s + "&SAMLResponse=x" }), "one deflated"},
		{"SAML-61 SHA-1", query(func(v url.Values, _ string) string {
			v.Set("SigAlg", "http://www.w3.org/2000/09/xmldsig#rsa-sha1")
			return v.Encode()
		}), "not allowed"},
		{"SAML-61 query escaped badly", query(func(_ url.Values, s string) string { return strings.Replace(s, "Signature=", "Signature=%zz", 1) }), "escaped"},
		{"SAML-61 form not signed", form(func(s string) string { return cut(s, "<ds:Signature ", "</ds:Signature>") }), "not signed"},
		{"SAML-61 form changed", form(replaced(">alice<", ">bob<")), "changed"},
		{"SAML-61 wrapped", form(func(s string) string {
			return strings.Replace(strings.Replace(plainResponse, "ASSERTION", "", 1), "</samlp:Response>", s+"</samlp:Response>", 1)
		}), ""},
		{"SAML-61 a signed assertion wrapped in it", form(func(s string) string {
			bare := cut(s, "<ds:Signature ", "</ds:Signature>")
			return strings.Replace(bare, "</samlp:LogoutRequest>", honest().signed(t, plainAssertion)+"</samlp:LogoutRequest>", 1)
		}), ""},
		{"SAML-61 another connection's key", from(func(p *saml.Connection) {
			p.Keys = []saml.Key{{Private: stranger().key, Certificate: stranger().cert}}
		}, wish(), noon()), "not the provider's"},
		{"SAML-61 another issuer", from(func(p *saml.Connection) { p.EntityID = "https://other.example" }, wish(), noon()), "not from"},
		{"SAML-61 another address", from(func(p *saml.Connection) { p.Provider.LogoutGet = "https://app.example/saml/2/slo" }, wish(), noon()), "addressed to"},
		{"SAML-61 too old", from(func(*saml.Connection) {}, wish(), noon().Add(-time.Hour)), "too old"},
		{"SAML-61 too early", from(func(*saml.Connection) {}, wish(), noon().Add(time.Hour)), "not valid yet"},
		{"SAML-61 nobody", from(func(*saml.Connection) {}, saml.Logout{}, noon()), "nobody"},
		{"SAML-60 empty", func(*testing.T) saml.Incoming { return saml.Incoming{Now: noon()} }, "empty"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := connection().AcceptLogout(t.Context(), tt.in(t))
			refused(t, err, tt.want)
		})
	}
	t.Run("SAML-61 replay", func(t *testing.T) {
		t.Parallel()
		c := connection()
		m, err := mirror(false).Leave(wish(), noon())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.AcceptLogout(t.Context(), arrive(m)); err != nil {
			t.Fatal(err)
		}
		_, err = c.AcceptLogout(t.Context(), arrive(m))
		refused(t, err, "sent before")
	})
}

// signature signs with the provider's key.
func signature(s string) string {
	digest := sha256.Sum256([]byte(s))
	out, err := rsa.SignPKCS1v15(rand.Reader, theirs().key, crypto.SHA256, digest[:])
	if err != nil {
		return ""
	}
	return base64.StdEncoding.EncodeToString(out)
}

// TestAttackLogoutAnswer sends what made the library panic.
func TestAttackLogoutAnswer(t *testing.T) {
	t.Parallel()
	for name, doc := range map[string]string{"empty": "", "comment": "<!-- x -->", "no issuer": `<samlp:LogoutResponse xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol"/>`} {
		t.Run("SAML-60 "+name, func(t *testing.T) {
			t.Parallel()
			_, err := connection().AcceptLogoutAnswer(saml.Incoming{Body: base64.StdEncoding.EncodeToString([]byte(doc)), Now: noon()}, "_x")
			refused(t, err, "")
		})
	}
}
