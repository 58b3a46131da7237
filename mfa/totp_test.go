package mfa_test

import (
	"encoding/json"
	"errors"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/needs"
	"github.com/go-identity/identity/mfa"
)

// at is in the middle of a period.
func at() time.Time { return time.Date(2026, 3, 4, 5, 6, 15, 0, time.UTC) }

func newKey(t *testing.T) mfa.Key {
	t.Helper()
	k, err := mfa.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func code(t *testing.T, k mfa.Key, at time.Time) string {
	t.Helper()
	c, err := k.Code(at)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// vectors are what the RFCs publish.
type vectors struct {
	HOTP struct {
		Secret  string `json:"secret_ascii"`
		Vectors []struct {
			Code    string
			Counter int64
		}
	} `json:"hotp_rfc4226_appendix_d"`
	TOTP []struct {
		Algorithm, Code string
		Digits, Period  int
		Secret          string `json:"secret_ascii"`
		Unix            int64
	} `json:"totp_rfc6238_appendix_b"`
}

func TestAttackTOTP(t *testing.T) {
	t.Parallel()
	t.Run("MFA-05 skew", testSkew)
	t.Run("MFA-06 empty secret", testEmptySecret)
	t.Run("MFA-07 issuer injection", testIssuer)
	t.Run("MFA-09 code forms", testForms)
	t.Run("MFA-10 unknown algorithm or digits", testParameters)
	t.Run("MFA-11 RFC 4226 and RFC 6238 vectors", testVectors)
}

func testVectors(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(needs.Shared(t, "corpora", "corpora", "rfc-vectors", "otp_kdf.json"))
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	if len(v.HOTP.Vectors) == 0 || len(v.TOTP) == 0 {
		t.Fatalf("%d and %d vectors", len(v.HOTP.Vectors), len(v.TOTP))
	}
	for _, h := range v.HOTP.Vectors {
		k := mfa.Key{Secret: []byte(v.HOTP.Secret), Algorithm: "SHA1", Digits: 6, Period: 30}
		if got := code(t, k, time.Unix(h.Counter*30, 0)); got != h.Code {
			t.Errorf("counter %d = %s, want %s", h.Counter, got, h.Code)
		}
	}
	for _, o := range v.TOTP {
		k := mfa.Key{Secret: []byte(o.Secret), Algorithm: o.Algorithm, Digits: o.Digits, Period: o.Period}
		if got := code(t, k, time.Unix(o.Unix, 0)); got != o.Code {
			t.Errorf("%s at %d = %s, want %s", o.Algorithm, o.Unix, got, o.Code)
		}
		if step, ok, err := k.Match(o.Code, time.Unix(o.Unix, 0), 1, 0); !ok || err != nil || step != o.Unix/30 {
			t.Errorf("%s at %d: step %d, %t, %v", o.Algorithm, o.Unix, step, ok, err)
		}
	}
}

func testSkew(t *testing.T) {
	t.Parallel()
	k := newKey(t)
	for _, tt := range []struct {
		skew, away int
		want       bool
	}{
		{1, -2, false}, {1, -1, true}, {1, 0, true}, {1, 1, true}, {1, 2, false},
		{0, -1, false}, {0, 0, true}, {0, 1, false},
	} {
		shown := at().Add(time.Duration(tt.away) * 30 * time.Second)
		step, ok, err := k.Match(code(t, k, shown), at(), tt.skew, 0)
		if ok != tt.want || err != nil {
			t.Errorf("skew %d, %d steps away: %t, %v", tt.skew, tt.away, ok, err)
		}
		if ok && step != k.Step(shown) {
			t.Errorf("skew %d, %d steps away: step %d, want %d", tt.skew, tt.away, step, k.Step(shown))
		}
	}
	// An accepted step, and every one before it, is over.
	now := k.Step(at())
	for last, want := range map[int64]bool{now - 1: true, now: false, now + 1: false} {
		if _, ok, _ := k.Match(code(t, k, at()), at(), 1, last); ok != want {
			t.Errorf("after step %+d: %t, want %t", last-now, ok, want)
		}
	}
}

func testEmptySecret(t *testing.T) {
	t.Parallel()
	for _, secret := range []string{"", " ", strings.Repeat(" ", 20), strings.Repeat("\x00", 20), "short of sixteen", strings.Repeat("x", 200)} {
		k := mfa.Key{Secret: []byte(secret), Algorithm: "SHA1", Digits: 6, Period: 30}
		if secret == "short of sixteen" {
			k.Secret = k.Secret[:15]
		}
		_, ok, err := k.Match("000000", at(), 1, 0)
		if ok || !errors.Is(err, mfa.ErrKey) {
			t.Errorf("secret %q: %t, %v", secret, ok, err)
		}
		if _, err := k.Code(at()); !errors.Is(err, mfa.ErrKey) {
			t.Errorf("code of secret %q: %v", secret, err)
		}
		if _, err := k.Marshal(); !errors.Is(err, mfa.ErrKey) {
			t.Errorf("marshal secret %q: %v", secret, err)
		}
	}
	for _, text := range []string{"", "{}", "null", `{"secret":"","algorithm":"SHA1","digits":6,"period":30}`, `{"secret":"!"}`} {
		if _, err := mfa.ParseKey([]byte(text)); !errors.Is(err, mfa.ErrKey) {
			t.Errorf("ParseKey(%q): %v", text, err)
		}
	}
}

func testParameters(t *testing.T) {
	t.Parallel()
	for _, change := range []func(*mfa.Key){
		func(k *mfa.Key) { k.Algorithm = "99" }, func(k *mfa.Key) { k.Algorithm = "" },
		func(k *mfa.Key) { k.Digits = 0 }, func(k *mfa.Key) { k.Digits = 20 }, func(k *mfa.Key) { k.Digits = -1 },
		func(k *mfa.Key) { k.Period = 0 }, func(k *mfa.Key) { k.Period = -30 }, func(k *mfa.Key) { k.Period = 1 << 30 },
	} {
		k := newKey(t)
		change(&k)
		if _, ok, err := k.Match("123456", at(), 1, 0); ok || !errors.Is(err, mfa.ErrKey) {
			t.Errorf("%s, %d digits, %d s: %t, %v", k.Algorithm, k.Digits, k.Period, ok, err)
		}
	}
}

func testForms(t *testing.T) {
	t.Parallel()
	k := newKey(t)
	right := code(t, k, at())
	wide := strings.Map(func(r rune) rune { return r - '0' + '０' }, right)
	for text, want := range map[string]bool{
		right: true, " " + right + " ": true, "\t" + right + "\n": true,
		right[:3] + " " + right[3:]: false, wide: false, right[:5]: false, right + "0": false, "0" + right: false,
		"-" + right: false, "+" + right[:5]: false, "": false, " ": false, right + "\x00": false,
		strings.Repeat("0", 10<<10): false, strings.Repeat(" ", 10<<10) + right: false,
	} {
		if _, ok, err := k.Match(text, at(), 1, 0); ok != want || err != nil {
			t.Errorf("%.20q: %t, %v, want %t", text, ok, err, want)
		}
	}
}

func testIssuer(t *testing.T) {
	t.Parallel()
	k := newKey(t)
	for _, name := range []string{
		"Acme&secret=JBSWY3DPEHPK3PXP", "Acme?secret=JBSWY3DPEHPK3PXP#", "a/../b", "Äcme + Söhne", "50% off",
		"Acme:Ltd", "ann@example.com&digits=8", "x&secret=%4a",
	} {
		text := k.URL(name, name)
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		q := u.Query()
		if len(q["secret"]) != 1 || q.Get("secret") != k.Text() || len(q) != 5 {
			t.Errorf("%q: query %v", name, q)
		}
		clean := strings.ReplaceAll(name, ":", " ")
		if q.Get("issuer") != clean || u.Path != "/"+clean+":"+name || u.Fragment != "" {
			t.Errorf("%q: issuer %q, label %q", name, q.Get("issuer"), u.Path)
		}
		if strings.ContainsAny(text, " +") {
			t.Errorf("%q: %s", name, text)
		}
	}
	if got := k.URL("", "ann"); !strings.HasPrefix(got, "otpauth://totp/ann?secret=") || strings.Contains(got, "issuer") {
		t.Errorf("without an issuer: %s", got)
	}
}

func TestKey(t *testing.T) {
	t.Parallel()
	k := newKey(t)
	if len(k.Secret) != 20 || len(k.Text()) != 32 {
		t.Errorf("a secret of %d bytes, %q", len(k.Secret), k.Text())
	}
	text, err := k.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	back, err := mfa.ParseKey(text)
	if err != nil || code(t, back, at()) != code(t, k, at()) {
		t.Errorf("ParseKey: %v", err)
	}
	if other := newKey(t); other.Text() == k.Text() {
		t.Error("two keys are the same")
	}
}
