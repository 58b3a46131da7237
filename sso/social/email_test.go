package social_test

import (
	"strings"
	"testing"

	"github.com/go-identity/identity/sso"
	"github.com/go-identity/identity/sso/social"
)

// TestAttackEmail holds each provider's rule of what proves an address: whoever gets one
// believed gets into the account of its owner.
func TestAttackEmail(t *testing.T) {
	t.Parallel()
	const ann = "ann@example.test"
	claim := func(name string, v any) object { return object{"sub": "s", "id": "s", "email": ann, name: v} }
	listed := func(primary, verified any) []object {
		return []object{{"email": "evil@x.test", "primary": false, "verified": true}, {"email": ann, "primary": primary, "verified": verified}}
	}
	type row struct {
		name     string
		kinds    string
		says     object
		emails   []object
		email    string
		verified bool
	}
	rows := []row{
		{"OIDC-25 true", "google gitlab slack linkedin apple acme", claim("email_verified", true), nil, ann, true},
		{"OIDC-25 false", "google gitlab slack linkedin apple acme", claim("email_verified", false), nil, ann, false},
		{"OIDC-25 missing", "google gitlab slack linkedin apple acme", claim("other", true), nil, ann, false},
		{"OIDC-25 null", "google gitlab slack linkedin apple acme", claim("email_verified", nil), nil, ann, false},
		{"OIDC-25 the number 1", "google gitlab slack linkedin apple acme", claim("email_verified", 1), nil, ann, false},
		{"OIDC-25 a text", "google gitlab slack linkedin acme", claim("email_verified", "true"), nil, ann, false},
		{"OIDC-25 a text at Apple", "apple", claim("email_verified", "true"), nil, ann, true},
		{"OIDC-25 another text at Apple", "apple", claim("email_verified", "false"), nil, ann, false},
		{"OIDC-25 a list", "google apple acme", claim("email_verified", []bool{true}), nil, ann, false},
		{"OIDC-25 without an address", "google gitlab slack linkedin apple acme", object{"sub": "s", "email_verified": true}, nil, "", false},

		{"OIDC-27 an address alone", "microsoft", claim("upn", ann), nil, ann, false},
		{"OIDC-27 email_verified proves nothing", "microsoft", claim("email_verified", true), nil, ann, false},
		{"OIDC-27 xms_edov", "microsoft", claim("xms_edov", true), nil, ann, true},
		{"OIDC-27 xms_edov as a text", "microsoft", claim("xms_edov", "1"), nil, ann, true},
		{"OIDC-27 xms_edov false", "microsoft", claim("xms_edov", false), nil, ann, false},
		{"OIDC-27 xms_edov 0", "microsoft", claim("xms_edov", "0"), nil, ann, false},
		{"OIDC-27 no address", "microsoft", object{"sub": "s", "upn": ann, "preferred_username": ann, "xms_edov": true}, nil, "", false},

		{"Facebook proves none", "facebook", claim("email_verified", true), nil, ann, false},

		{"GitHub's list", "github", claim("email", "shown@x.test"), listed(true, true), ann, true},
		{"GitHub's list, not verified", "github", claim("email_verified", true), listed(true, false), "", false},
		{"GitHub's list, not primary", "github", claim("email_verified", true), listed(false, true), "", false},
		{"GitHub's list in texts", "github", claim("email_verified", true), listed("true", "true"), "", false},
		{"GitHub's list, empty", "github", claim("email_verified", true), []object{}, "", false},

		{"X without an address", "x", claim("verified", true), nil, "", false},
		{"X with a confirmed one", "x", claim("confirmed_email", "a@x.test"), nil, "a@x.test", true},
		{"X with one that is no text", "x", claim("confirmed_email", true), nil, "", false},
	}
	for _, tt := range rows {
		for kind := range strings.FieldsSeq(tt.kinds) {
			t.Run(tt.name+" "+kind, func(t *testing.T) {
				t.Parallel()
				pr, ok := social.Lookup(kind)
				if !ok {
					pr = custom(false)
				}
				f := newFakeOf(t, pr)
				f.says, f.emails = tt.says, tt.emails
				got, err := f.signIn()
				if err != nil {
					t.Fatal(sso.Diagnosis(err))
				}
				if got.Email != tt.email || got.EmailVerified != tt.verified {
					t.Errorf("%q, verified %v; want %q, %v", got.Email, got.EmailVerified, tt.email, tt.verified)
				}
			})
		}
	}
	t.Run("a proof that nobody knows is none", func(t *testing.T) {
		t.Parallel()
		pr := custom(true)
		pr.Profile.Proof = "perhaps"
		f := newFakeOf(t, pr)
		f.says = claim("email_verified", true)
		if got, err := f.signIn(); err != nil || got.EmailVerified {
			t.Errorf("verified %v, %v", got.EmailVerified, err)
		}
	})
}

// TestAttackForm is about the form that a browser posts beside Apple's answer.
func TestAttackForm(t *testing.T) {
	t.Parallel()
	for user, want := range map[string]string{
		`{"name":{"firstName":"Ann","lastName":"Onym"}}`:                     "Ann Onym",
		`{"name":{"firstName":"Ann"},"email":"evil@x.test","sub":"another"}`: "Ann",
		`{"name":{"firstName":"A\u0000nn"}}`:                                 "",
		`{"name":"Ann"}`:                                                     "",
		`["Ann"]`:                                                            "",
		``:                                                                   "",
		strings.Repeat("[", 8000):                                            "",
	} {
		f := newFake(t, "apple")
		f.says = object{"sub": "s", "email": "ann@example.test"}
		p, r := f.party(), request()
		answer := f.authorize(f.begin(p, r))
		answer.Set("user", user)
		got, err := p.Finish(t.Context(), f.at, f.client, r, answer)
		if err != nil || got.Name != want || got.Email != "ann@example.test" || got.Subject != "s" {
			t.Errorf("%.60s: %+v, %v; want the name %q and nothing else", user, got, err, want)
		}
	}
	f := newFake(t, "google")
	f.says = object{"sub": "s"}
	p, r := f.party(), request()
	answer := f.authorize(f.begin(p, r))
	answer.Set("user", `{"name":{"firstName":"Evil"}}`)
	if got, err := p.Finish(t.Context(), f.at, f.client, r, answer); err != nil || got.Name != "" {
		t.Errorf("a name from the browser at a provider that posts none: %q, %v", got.Name, err)
	}
}
