package password_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/internal/password"
)

func TestAttackPolicy(t *testing.T) {
	t.Parallel()
	words := []string{"ann.smith@example.com", "Ann Smith", "Acme Portal", ""}
	for _, tt := range []struct {
		name, pw string
		least    int
		want     string // of the message; empty is accepted
	}{
		{"PW-02 fourteen characters", "abcdefghijk lm", 0, "at least 15"},
		{"PW-02 fifteen characters", "abcdefg hijk lm", 0, ""},
		{"PW-02 seven where eight are asked", "abc def", 8, "at least 8"},
		{"PW-02 less than eight cannot be asked", "abc def", 1, "at least 8"},
		{"PW-02 nothing", "", 0, "at least 15"},
		{"PW-02 fifteen emoji", strings.Repeat("😀", 15), 0, ""},
		{"PW-02 fourteen emoji", strings.Repeat("😀", 14), 0, "at least 15"},
		{"PW-02 eight composed of two", strings.Repeat("e\u0301", 8), 0, "at least 15"},
		{"PW-18 common word and a sequence", "Password123456789", 0, "most common"},
		{"PW-18 the other way round", "123456789password", 0, "most common"},
		{"PW-18 common word repeated", "PasswordPassword", 0, "most common"},
		{"PW-18 common word repeated in part", "qwertyqwertyqwer", 0, "most common"},
		{"PW-18 common word repeated, with a year", "dragondragon2024", 0, "most common"},
		{"PW-18 one digit repeated", "dragon1111111111", 0, "most common"},
		{"PW-18 a sequence that starts again", "123456789012345678", 0, "most common"},
		{"PW-18 on the list as it is", "123456789987654321", 0, "most common"},
		{"PW-18 in other case", "1QAZ2wsx3EDC4rfv", 0, "most common"},
		{"PW-18 the address", "Ann.Smith@example.com", 0, "your own"},
		{"PW-18 the local part and a sequence", "ann.smith1234567", 0, "your own"},
		{"PW-18 the name repeated", "Ann SmithAnn Smith", 0, "your own"},
		{"PW-18 the service, a space and a sequence", "ACME PORTAL 123456", 8, "service's name"},
		{"PW-18 the service alone", "ACME PORTAL", 8, "service's name"},
		{"PW-18 the service and a sequence", "acme portal12345", 0, "service's name"},
		{"PW-18 a word inside a phrase is fine", "my password is a long phrase", 0, ""},
		{"PW-18 the name inside a phrase is fine", "ann.smith met a purple cow", 0, ""},
		{"PW-18 a word and random digits are fine", "dragon8301749265", 0, ""},
		{"PW-19 one class of characters", "aaaaaaaaaaaaaaab", 0, ""},
		{"PW-19 all spaces", strings.Repeat(" ", 16), 0, ""},
		{"PW-19 four words", good, 0, ""},
		{"PW-03 too long", strings.Repeat("xy", 3000), 0, "too long"},
		{"PW-07 NUL", "long enough \x00 it is", 0, "U+0000"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := password.Check(t.Context(), password.Policy{MinLength: tt.least}, tt.pw, words...)
			switch f := fault.From(err); {
			case tt.want == "" && err != nil:
				t.Errorf("Check(%q) = %v, want nil", tt.pw, err)
			case tt.want != "" && (err == nil || f.Code != fault.Invalid || !strings.Contains(f.Error(), tt.want)):
				t.Errorf("Check(%q) = %v, want fault.Invalid that says %q", tt.pw, err, tt.want)
			}
			if err != nil && len(tt.pw) > 0 && strings.Contains(err.Error(), tt.pw) {
				t.Errorf("Check(%q) = %v, repeats the password", tt.pw, err)
			}
		})
	}
}

func TestPolicySaysEveryReason(t *testing.T) {
	t.Parallel()
	err := password.Check(t.Context(), password.Policy{}, "password", "password@example.com")
	if got := fault.From(err).Messages(); len(got) != 3 {
		t.Errorf("Check = %q, want three reasons", got)
	}
}

func TestPolicyAsksAboutBreaches(t *testing.T) {
	t.Parallel()
	down := errors.New("down")
	asked := 0
	p := password.Policy{Breached: func(_ context.Context, pw string) (bool, error) {
		asked++
		if pw == good+"?" {
			return false, down
		}
		return pw == good, nil
	}}
	if err := password.Check(t.Context(), p, good); fault.From(err).Code != fault.Invalid {
		t.Errorf("Check of a breached password = %v, want fault.Invalid", err)
	}
	if err := password.Check(t.Context(), p, good+"!"); err != nil {
		t.Errorf("Check of another = %v, want nil", err)
	}
	if err := password.Check(t.Context(), p, good+"?"); !errors.Is(err, down) {
		t.Errorf("Check while nobody answers = %v, want that error", err)
	}
	if err := password.Check(t.Context(), p, "short"); err == nil || asked != 3 {
		t.Errorf("Check of a refused password asked (%d times), want it not to", asked)
	}
}

func TestPolicyValid(t *testing.T) {
	t.Parallel()
	for least, want := range map[int]bool{0: true, 8: true, 15: true, 128: true, 7: false, -1: false, 129: false} {
		if err := (password.Policy{MinLength: least}).Valid(); (err == nil) != want {
			t.Errorf("Valid with MinLength %d = %v, want ok %v", least, err, want)
		}
	}
}
