package token_test

import (
	"testing"
	"time"

	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/token"
)

// TestAttackVerifierStepUp shows a service elsewhere tokens that say how their user signed in.
func TestAttackVerifierStepUp(t *testing.T) {
	t.Parallel()
	t.Run("MFA-21 acr, amr and auth_time elsewhere", func(t *testing.T) {
		t.Parallel()
		s := newSet(t, generate(t, token.EdDSA))
		v, _ := newVerifier(t, s)
		two := []string{"pwd", "otp", "mfa"}
		for _, tt := range []struct {
			name, acr string
			amr       []string
			age       time.Duration
			want      bool
		}{
			{"all of it", store.MultiFactor, two, time.Minute, true},
			{"no acr", "", two, time.Minute, false},
			{"another acr", store.MultiFactor + "/", two, time.Minute, false},
			{"no amr", store.MultiFactor, nil, time.Minute, false},
			{"no device", store.MultiFactor, []string{"pwd", "mfa"}, time.Minute, false},
			{"too long ago", store.MultiFactor, two, 6 * time.Minute, false},
			{"nobody knows when", store.MultiFactor, two, 0, false},
		} {
			raw := access(t, s, func(v *token.Values) {
				v.Context, v.Methods, v.AuthTime = tt.acr, tt.amr, at.Add(-tt.age)
				if tt.age == 0 {
					v.AuthTime = time.Time{}
				}
			})
			p, err := v.Resolve(t.Context(), raw)
			if err != nil {
				t.Fatal(err)
			}
			if got := p.SteppedUp(at, 5*time.Minute); got != tt.want {
				t.Errorf("%s: stepped up %t, want %t", tt.name, got, tt.want)
			}
		}
	})
}
