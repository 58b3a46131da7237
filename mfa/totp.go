package mfa

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash"
	"net/url"
	"strings"
	"time"
)

// What authenticator apps understand without being told.
const (
	secretSize    = 20 // bytes: what RFC 4226 §4 recommends
	leastSecret   = 16 // bytes: what it requires
	mostSecret    = 128
	defaultDigits = 6
	defaultPeriod = 30 // seconds
)

// A Key makes the one-time codes of one authenticator. Keys of ours are those that
// [NewKey] makes; the other parameters are for keys that come from elsewhere.
type Key struct {
	Secret    []byte `json:"secret"`
	Algorithm string `json:"algorithm"` // SHA1, SHA256 or SHA512
	Digits    int    `json:"digits"`    // 6 to 8
	Period    int    `json:"period"`    // seconds that a code lasts, 15 to 120
}

// NewKey returns a key of 160 random bits that every authenticator app takes.
func NewKey() (Key, error) {
	k := Key{Secret: make([]byte, secretSize), Algorithm: "SHA1", Digits: defaultDigits, Period: defaultPeriod}
	if _, err := rand.Read(k.Secret); err != nil {
		return Key{}, fmt.Errorf("make a key: %w", err)
	}
	return k, nil
}

// ParseKey reads what [Key.Marshal] wrote, else ErrKey.
func ParseKey(text []byte) (Key, error) {
	var k Key
	if err := json.Unmarshal(text, &k); err != nil {
		return Key{}, fmt.Errorf("%w: %w", ErrKey, err)
	}
	return k, k.Check()
}

// Marshal returns the key as text, to be kept sealed.
func (k Key) Marshal() ([]byte, error) {
	if err := k.Check(); err != nil {
		return nil, err
	}
	return json.Marshal(k)
}

// Check returns ErrKey for a key that makes no codes. An empty secret is one: a code under
// it is there for everybody to compute.
func (k Key) Check() error {
	switch {
	case len(k.Secret) < leastSecret || len(k.Secret) > mostSecret || blank(k.Secret):
		return fmt.Errorf("%w: its secret", ErrKey)
	case k.hash() == nil:
		return fmt.Errorf("%w: its algorithm", ErrKey)
	case k.Digits < 6 || k.Digits > 8:
		return fmt.Errorf("%w: its digits", ErrKey)
	case k.Period < 15 || k.Period > 120:
		return fmt.Errorf("%w: its period", ErrKey)
	}
	return nil
}

// blank reports whether b is one byte repeated, such as zeros or spaces.
func blank(b []byte) bool {
	for _, c := range b {
		if c != b[0] {
			return false
		}
	}
	return true
}

func (k Key) hash() func() hash.Hash {
	switch k.Algorithm {
	case "SHA1":
		return sha1.New // HMAC does not need collision resistance (RFC 6194 §3.3)
	case "SHA256":
		return sha256.New
	case "SHA512":
		return sha512.New
	}
	return nil
}

// Step returns the number of the period that t is in.
func (k Key) Step(t time.Time) int64 { return t.Unix() / int64(k.Period) }

// Code returns the code that the key's authenticator shows at t.
func (k Key) Code(t time.Time) (string, error) {
	if err := k.Check(); err != nil {
		return "", err
	}
	return k.code(k.Step(t)), nil
}

// code is HOTP (RFC 4226 §5.3).
func (k Key) code(counter int64) string {
	var message [8]byte
	binary.BigEndian.PutUint64(message[:], uint64(counter))
	h := hmac.New(k.hash(), k.Secret)
	h.Write(message[:])
	sum := h.Sum(nil)
	at := sum[len(sum)-1] & 0xf
	number, modulus := binary.BigEndian.Uint32(sum[at:at+4])&0x7fffffff, uint32(1)
	for range k.Digits {
		modulus *= 10
	}
	return fmt.Sprintf("%0*d", k.Digits, number%modulus)
}

// Match returns the step whose code was given: the present one, or one that is at most skew
// steps away, and after the last one that was accepted. Whoever accepts it must refuse it
// from then on. It reports false for anything but the right digits.
func (k Key) Match(code string, t time.Time, skew int, last int64) (step int64, ok bool, err error) {
	if err := k.Check(); err != nil {
		return 0, false, err
	}
	code, formed := clean(code, k.Digits)
	if !formed {
		return 0, false, nil
	}
	for d := -skew; d <= skew; d++ {
		at := k.Step(t) + int64(d)
		same := subtle.ConstantTimeCompare([]byte(k.code(at)), []byte(code)) == 1
		if same && at > last && at >= 0 {
			step, ok = at, true
		}
	}
	return step, ok, nil
}

// clean takes the white space around a code away and reports whether n ASCII digits are
// left. Text that is too long to be a code is not looked at.
func clean(code string, n int) (string, bool) {
	const longest = 64
	if len(code) > longest {
		return "", false
	}
	code = strings.TrimSpace(code)
	return code, len(code) == n && strings.Trim(code, "0123456789") == ""
}

// Text returns the secret as people type it into an app that cannot scan: base32.
func (k Key) Text() string {
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(k.Secret)
}

// URL returns what an authenticator app scans. Both names are escaped whole, so that
// neither can add a parameter of its own, such as a secret known to whoever chose it.
func (k Key) URL(issuer, account string) string {
	// A colon ends the issuer in the label, escaped or not.
	issuer = strings.TrimSpace(strings.ReplaceAll(issuer, ":", " "))
	label := escape(account)
	if issuer != "" {
		label = escape(issuer) + ":" + label
	}
	u := "otpauth://totp/" + label + "?secret=" + k.Text()
	if issuer != "" {
		u += "&issuer=" + escape(issuer)
	}
	return u + fmt.Sprintf("&algorithm=%s&digits=%d&period=%d", k.Algorithm, k.Digits, k.Period)
}

// escape is the strictest escaping. A space is %20: some apps show a plus as it is.
func escape(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }
