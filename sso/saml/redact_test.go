package saml_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/go-identity/identity/sso/saml"
)

func TestRedact(t *testing.T) {
	t.Parallel()
	hide := func(string) string { return "hidden" }
	for name, p := range map[string]idp{
		"signed": honest().sign("both"), "encrypted": honest().encrypted(sealed(256, gcm256)),
		"between": honest().edit("<saml:AttributeValue>Owner", "<saml:AttributeValue>alice<saml:NameID>Owner</saml:NameID>"),
	} {
		got, err := saml.Redact(p.body(t), hide)
		if err != nil || !strings.Contains(got, entity) || !strings.Contains(got, "_request") {
			t.Errorf("%s: Redact = %s, %v; want what is no secret", name, got, err)
		}
		for _, secret := range []string{"alice", "Owner", "_s1", "MII", base64.StdEncoding.EncodeToString(theirs().cert.Raw)[40:80]} {
			if strings.Contains(got, secret) {
				t.Errorf("%s: Redact shows %q:\n%s", name, secret, got)
			}
		}
	}
	for _, bad := range []string{"", "%", "PGE+", base64.StdEncoding.EncodeToString([]byte("<!DOCTYPE a><a/>"))} {
		if got, err := saml.Redact(bad, hide); err == nil || got != "" {
			t.Errorf("Redact(%q) = %q, %v; want a refusal", bad, got, err)
		}
		if got := saml.InResponseTo(bad); got != "" {
			t.Errorf("InResponseTo(%q) = %q, want nothing", bad, got)
		}
	}
	if got := saml.InResponseTo(honest().body(t)); got != requestID {
		t.Errorf("InResponseTo = %q, want %q", got, requestID)
	}
}
