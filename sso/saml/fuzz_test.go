package saml_test

import (
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
		if got, err := send(t, doc); err == nil {
			same(t, got, want)
		}
	})
}
