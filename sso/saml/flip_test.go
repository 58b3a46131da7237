package saml_test

import (
	"encoding/base64"
	"reflect"
	"testing"

	"github.com/go-identity/identity/sso"
	"github.com/go-identity/identity/sso/saml"
)

// TestAttackFlips changes a bit of every byte of a signed response: what is still accepted
// says the same.
func TestAttackFlips(t *testing.T) {
	t.Parallel()
	doc := []byte(honest().xml(t))
	want, err := send(t, doc)
	if err != nil {
		t.Fatal(err)
	}
	accepted := 0
	for i := range doc {
		if testing.Short() && i%5 > 0 {
			continue
		}
		changed := append([]byte(nil), doc...)
		changed[i] ^= 1 << (i % 7) // the eighth makes it other than UTF-8
		if got, err := send(t, changed); err == nil {
			accepted++
			same(t, got, want)
		}
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
