package saml_test

import (
	"encoding/base64"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/go-identity/identity/internal/needs"
	"github.com/go-identity/identity/sso"
	"github.com/go-identity/identity/sso/saml"
)

// TestAttackFlips changes a bit of every byte of signed responses: what is still accepted
// says the same.
func TestAttackFlips(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]idp{
		"signed assertion": honest(), "signed response": honest().sign("response"), "both signed": honest().sign("both"),
	} {
		t.Run("SAML-71 "+name, func(t *testing.T) {
			t.Parallel()
			c := connection()
			c.SignedResponse = true
			flips(t, *c, []byte(p.xml(t)), saml.Answer{RequestID: requestID, Now: noon()})
		})
	}
}

// TestAttackRealFlips does the same to what real providers once sent.
func TestAttackRealFlips(t *testing.T) {
	t.Parallel()
	root := needs.Shared(t, "corpora", "corpora", "saml-ssoready", "testdata", "assertions")
	for _, name := range []string{"adfs", "google", "jumpcloud", "keycloak", "ping"} {
		t.Run("SAML-71 "+name, func(t *testing.T) {
			t.Parallel()
			s := readSample(t, filepath.Join(root, name))
			c, err := s.connection()
			if err != nil {
				t.Fatal(err)
			}
			flips(t, c, s.response, saml.Answer{RequestID: match(s.response, `InResponseTo="([^"]*)"`), Now: s.Now})
		})
	}
}

// flips changes a document byte by byte; a quick run takes some of them.
func flips(t *testing.T, c saml.Connection, doc []byte, in saml.Answer) {
	t.Helper()
	send := func(doc []byte) (sso.Assertion, error) {
		c.Once, in.Body = new(memory).once, base64.StdEncoding.EncodeToString(doc)
		return c.Accept(t.Context(), in)
	}
	want, err := send(doc)
	if err != nil {
		t.Fatalf("%v: %s", err, diagnosis(err))
	}
	accepted := 0
	for i := range doc {
		if testing.Short() && i%5 > 0 {
			continue
		}
		changed := append([]byte(nil), doc...)
		changed[i] ^= 1 << (i % 7) // the eighth makes it other than UTF-8
		got, err := send(changed)
		if err != nil {
			rejected(t, "a changed document", true, err)
			continue
		}
		accepted++
		same(t, got, want)
	}
	t.Logf("%d of %d changed documents are accepted, as they were", accepted, len(doc))
}

func send(t testing.TB, doc []byte) (sso.Assertion, error) {
	t.Helper()
	return connection().Accept(t.Context(), saml.Answer{
		Body: base64.StdEncoding.EncodeToString(doc), RequestID: requestID, Now: noon(),
	})
}

func same(t testing.TB, got, want sso.Assertion) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("another identity was accepted:\n%+v\n%+v", got, want)
	}
}
