package saml_test

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"github.com/go-identity/identity/sso/saml"
)

// FuzzSAMLPreScan reads anything: what passes is within the limits and holds one assertion.
func FuzzSAMLPreScan(f *testing.F) {
	for _, seed := range []string{plainResponse, plainAssertion, "<a>", `<?xml version="1.0"?><a/>`, "<!DOCTYPE a>"} {
		f.Add([]byte(seed))
	}
	f.Add([]byte(honest().xml(f)))
	f.Fuzz(func(t *testing.T, doc []byte) {
		c, err := saml.Scan(doc)
		if err != nil {
			if diagnosis(err) == "" {
				t.Fatalf("an error that is no refusal: %v", err)
			}
			return
		}
		if c.Roots != 1 || c.Assertions > 1 || c.Nodes > 5000 || len(doc) > 256<<10 {
			t.Fatalf("passed: %+v", c)
		}
	})
}

// FuzzSAMLResponse changes a signed response: what is accepted says what was signed.
func FuzzSAMLResponse(f *testing.F) {
	want, err := send(f, []byte(honest().xml(f)))
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(honest().xml(f)))
	f.Add([]byte(honest().sign("both").xml(f)))
	f.Add([]byte(honest().encrypted(sealed(256, gcm256)).xml(f)))
	f.Add([]byte(honest().swap("</samlp:Status>", "</samlp:Status>"+evil("_e")).xml(f)))
	f.Fuzz(func(t *testing.T, doc []byte) {
		got, err := send(t, doc)
		if err != nil {
			rejected(t, "the response", true, err)
			return
		}
		same(t, got, want)
	})
}

// FuzzSAMLSealed changes what is encrypted: everybody may encrypt to us.
func FuzzSAMLSealed(f *testing.F) {
	p := honest()
	want, err := send(f, []byte(p.encrypted(sealed(256, gcm256)).xml(f)))
	if err != nil {
		f.Fatal(err)
	}
	plain := p.signed(f, p.assertion)
	for _, seed := range []string{
		plain, plain + plain, p.assertion, "</saml:EncryptedAssertion>" + plain + "<saml:EncryptedAssertion>", "<!-- -->" + plain,
		strings.ReplaceAll(plain, "saml:", "x:"), strings.Replace(plain, "<saml:Assertion", `<saml:Assertion xmlns:samlp="urn:x"`, 1), evil("_e") + plain,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, plain []byte) {
		doc := strings.Replace(plainResponse, "ASSERTION", sealed(128, gcm128)(string(plain)), 1)
		got, err := send(t, []byte(doc))
		if err != nil {
			rejected(t, "what was sealed", true, err)
			return
		}
		same(t, got, want)
	})
}

// FuzzSAMLMetadata reads anything: what comes out is a provider that requests can be made for.
func FuzzSAMLMetadata(f *testing.F) {
	doc, err := connection().Metadata()
	if err != nil {
		f.Fatal(err)
	}
	provider := strings.NewReplacer("SPSSODescriptor", "IDPSSODescriptor", "AssertionConsumerService", "SingleSignOnService").Replace(string(doc))
	if _, err := saml.ParseMetadata([]byte(provider), saml.Source{Now: noon()}); err != nil {
		f.Fatalf("%v: %s", err, diagnosis(err))
	}
	many := `<EntitiesDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" validUntil="2030-01-01T00:00:00Z">` +
		provider[strings.Index(provider, "<EntityDescriptor"):] + `</EntitiesDescriptor>`
	for _, seed := range []string{string(doc), provider, many, strings.Replace(provider, "https://", "http://", 1), "\ufeff" + provider} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		p, err := saml.ParseMetadata(doc, saml.Source{Now: noon()})
		if err != nil {
			rejected(t, "the metadata", true, err)
			return
		}
		c := connection()
		c.Provider = p
		m, err := c.Request(saml.Ask{Now: noon()})
		if err != nil || !strings.HasPrefix(strings.ToLower(m.URL), "https://") || p.EntityID == "" || len(p.Certificates) == 0 || len(p.Certificates) > 8 {
			t.Fatalf("%+v, %v from %+v", m, err, p)
		}
	})
}

// FuzzSAMLLogout changes signed sign-outs of both bindings, and answers to ours: what is
// accepted says what was signed.
func FuzzSAMLLogout(f *testing.F) {
	var want saml.Logout
	for _, form := range []bool{false, true} {
		ask, err := mirror(form).Leave(wish(), noon())
		if err != nil {
			f.Fatal(err)
		}
		answer, err := mirror(form).AnswerLogout(saml.Logout{ID: requestID, RelayState: "relay & state"}, true, noon())
		if err != nil {
			f.Fatal(err)
		}
		for _, m := range []saml.Message{ask, answer} {
			in := arrive(m)
			doc, err := base64.StdEncoding.DecodeString(in.Body)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(in.Query, doc)
		}
		if want, err = connection().AcceptLogout(f.Context(), arrive(ask)); err != nil {
			f.Fatal(err)
		}
	}
	f.Fuzz(func(t *testing.T, query string, doc []byte) {
		in := saml.Incoming{Query: query, Body: base64.StdEncoding.EncodeToString(doc), RelayState: want.RelayState, Now: noon()}
		got, err := connection().AcceptLogout(t.Context(), in)
		if err != nil {
			rejected(t, "the sign-out", true, err)
		} else if got.Subject != want.Subject || got.RelayState != want.RelayState || !slices.Equal(got.Sessions, want.Sessions) {
			t.Fatalf("another sign-out was accepted: %+v", got)
		}
		relay, err := connection().AcceptLogoutAnswer(in, requestID)
		if err != nil {
			rejected(t, "the answer", true, err)
		} else if relay != want.RelayState {
			t.Fatalf("another answer was accepted, with %q", relay)
		}
	})
}
