package ssotest_test

import (
	"testing"

	"github.com/go-identity/identity/sso/oidc"
	"github.com/go-identity/identity/sso/saml"
	"github.com/go-identity/identity/ssotest"
)

// most is how many milliseconds a test of one sign-in may take, the provider included.
const most = 50

func bounded(b *testing.B, signIn func()) {
	for b.Loop() {
		signIn()
	}
	if took := b.Elapsed().Milliseconds() / int64(b.N); took > most {
		b.Errorf("a test takes %d ms, want at most %d", took, most)
	}
}

func BenchmarkSAML(b *testing.B) {
	bounded(b, func() {
		p := ssotest.NewSAML(b, ssotest.SAMLOptions{Now: noon})
		a := newSAMLApp(b, p, func(*saml.Connection) {})
		home(b, p.SignIn(client(b), a.URL+"/login", ada()))
	})
}

func BenchmarkOIDC(b *testing.B) {
	bounded(b, func() {
		p := ssotest.NewOIDC(b, ssotest.OIDCOptions{Now: noon})
		a := newOIDCApp(b, p, func(*oidc.Provider) {})
		home(b, p.SignIn(client(b), a.URL+"/login", ada()))
	})
}
