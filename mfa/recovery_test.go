package mfa_test

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"github.com/go-identity/identity/mfa"
)

func TestAttackRecoveryCodes(t *testing.T) {
	t.Parallel()
	t.Run("MFA-28 recovery code entropy and hash", func(t *testing.T) {
		t.Parallel()
		form := regexp.MustCompile(`^([A-Z2-7]{5}-){4}[A-Z2-7]{5}$`) // 25 letters of 5 bits
		seen := map[string]bool{}
		for range 100 {
			codes := mfa.NewRecoveryCodes()
			if len(codes) != mfa.RecoveryCodes {
				t.Fatalf("%d codes", len(codes))
			}
			for _, c := range codes {
				if !form.MatchString(c) || seen[c] {
					t.Fatalf("code %q", c)
				}
				seen[c] = true
			}
		}
		one := mfa.NewRecoveryCodes()[0]
		want, ok := mfa.RecoveryHash(one)
		if !ok || len(want) != 32 {
			t.Fatalf("hash of %q: %x", one, want)
		}
		for _, same := range []string{
			strings.ToLower(one), strings.ReplaceAll(one, "-", ""), strings.ReplaceAll(one, "-", " "), "\t" + one + "\n",
		} {
			if got, ok := mfa.RecoveryHash(same); !ok || !bytes.Equal(got, want) {
				t.Errorf("%q is another code", same)
			}
		}
		for _, none := range []string{"", one[1:], one + "A", "0" + one[1:], strings.Repeat("A", 10<<10), "Ａ" + one[1:]} {
			if _, ok := mfa.RecoveryHash(none); ok {
				t.Errorf("%.40q is a code", none)
			}
		}
	})
}
