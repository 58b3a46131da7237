package social_test

import (
	"strings"
	"testing"

	"github.com/go-identity/identity/sso/social"
	"github.com/go-identity/identity/store"
)

// FuzzProfile reads what servers of others answer: whatever that is, an assertion is of its
// provider, names somebody, holds nothing that a store cannot keep, and believes an address
// only under the provider's rule.
func FuzzProfile(f *testing.F) {
	for _, seed := range []string{
		`{"id":583231,"name":"Ann","email":"ann@example.test"}`, `{"sub":"s","email":"ann@example.test","email_verified":true}`,
		`{"data":{"id":"1","confirmed_email":"ann@example.test"}}`, `{"sub":"a\u0000b"}`, `{"id":1e400}`, `{"id":-0}`, `null`, `[]`,
		`{"sub":"1","sub":"2"}`, `{"id":9007199254740993}`, strings.Repeat(`{"a":`, 100) + "1" + strings.Repeat("}", 100),
	} {
		f.Add(0, []byte(seed), []byte(`[{"email":"ann@example.test","primary":true,"verified":true}]`))
		f.Add(1, []byte(seed), []byte(`[{"email":["x"],"primary":"true","verified":true},null]`))
		f.Add(8, []byte(seed), []byte(nil))
	}
	all := social.Providers()
	f.Fuzz(func(t *testing.T, which int, userinfo, addresses []byte) {
		pr := all[(which%len(all)+len(all))%len(all)]
		if pr.Emails == "" {
			addresses = nil
		}
		a, err := pr.Read(userinfo, addresses)
		if err != nil {
			return
		}
		if a.Connection != "social:"+pr.Type || a.Subject == "" || len(a.Subject) > 255 {
			t.Errorf("%s: subject %q of %q", pr.Type, a.Subject, a.Connection)
		}
		for _, text := range []string{a.Subject, a.Email, a.Name} {
			if !store.Storable(text) {
				t.Errorf("%s: %q cannot be kept", pr.Type, text)
			}
		}
		if a.EmailVerified && (a.Email == "" || pr.Profile.Proof == social.Never) {
			t.Errorf("%s: %q is taken for verified", pr.Type, a.Email)
		}
		if name := social.FormName(string(userinfo)); !store.Storable(name) {
			t.Errorf("the name %q cannot be kept", name)
		}
	})
}
