package saml_test

import (
	"testing"

	"github.com/go-identity/identity/sso/saml"
)

// nameless is a connection that knows its provider's key, and not its name.
func nameless(first bool) *saml.Connection {
	c := connection()
	c.Provider.EntityID, c.FirstIssuer = "", first
	return c
}

func TestFirstIssuer(t *testing.T) {
	t.Parallel()
	a, err := accept(t, nameless(true), honest())
	if err != nil || a.Issuer != entity {
		t.Errorf("Accept = issuer %q, %v; want %q", a.Issuer, err, entity)
	}
	known := connection()
	known.FirstIssuer = true
	_, err = accept(t, known, honest().edit(entity, "https://idp.example/other"))
	refused(t, err, "issuer")
}

func TestAttackFirstIssuer(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		c    *saml.Connection
		p    idp
		want string
	}{
		{"SAML-39 a name that is not known, not asked for", nameless(false), honest(), "issuer"},
		{"SAML-39 an empty name for an empty name", nameless(false), honest().edit(entity, ""), "issuer"},
		{"SAML-39 an empty name to be learned", nameless(true), honest().edit(entity, ""), "issuer"},
		{"SAML-39 a format to be learned", nameless(true), honest().edit("<saml:Issuer>", `<saml:Issuer Format="urn:x">`), "issuer"},
		{"SAML-39 another key's name", nameless(true), honest().key(stranger()), "signature"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := accept(t, tt.c, tt.p)
			refused(t, err, tt.want)
		})
	}
}
