package social

import "github.com/go-identity/identity/sso"

// Read is read, for the fuzz test: it reads what a provider's servers answered.
func (pr Provider) Read(userinfo, addresses []byte) (sso.Assertion, error) {
	return pr.read(userinfo, addresses)
}

// FormName is formName.
func FormName(text string) string { return formName(text) }
