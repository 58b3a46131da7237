package saml_test

import (
	"strings"
	"testing"
)

// TestAttackOracle gives a connection that takes AES-CBC what somebody made of another's
// assertion, which is encrypted to the same key of ours: its administrator, who reads the
// diagnoses, learns nothing about what is inside.
func TestAttackOracle(t *testing.T) {
	t.Parallel()
	const oaep = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"
	inside := func(plain string) idp {
		return honest().encrypted(func(string) string { return sealed(256, cbc256)(plain) })
	}
	sentences := map[string]string{}
	for name, p := range map[string]idp{
		"bad padding":       honest().encrypted(func(string) string { return envelope(cbc256, oaep, wrap(make([]byte, 32)), make([]byte, 48)) }),
		"no XML":            inside("text"),
		"half an element":   inside("<saml:Assertion"),
		"two elements":      inside("<a/><b/>"),
		"another element":   inside("<a/>"),
		"unsigned":          honest().sign("none").encrypted(sealed(256, cbc256)),
		"only the response": honest().sign("response").encrypted(sealed(256, cbc256)),
		"another's key":     honest().key(newPair()).encrypted(sealed(256, cbc256)),
		"another's issuer":  honest().key(newPair()).edit("https://idp.example/metadata", "https://else.example").encrypted(sealed(256, cbc256)),
	} {
		c := connection()
		c.CBC, c.SignedResponse = true, true
		_, err := accept(t, c, p)
		if err == nil {
			t.Fatalf("SAML-49 %s: accepted", name)
		}
		sentences[diagnosis(err)] += name + ", "
	}
	if len(sentences) != 1 {
		t.Errorf("SAML-49: the diagnoses tell apart %q", sentences)
	}
	for s := range sentences {
		if !strings.Contains(s, "cannot be decrypted") {
			t.Errorf("diagnosis: %q", s)
		}
	}
}
