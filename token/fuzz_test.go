package token_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity/token"
)

// checkAgainstStandard checks what must hold of whatever ParseClaims accepts: the standard
// decoder, which is laxer, accepts it too and finds the same.
func checkAgainstStandard(t *testing.T, in []byte, c token.Claims) {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(in, &m); err != nil {
		t.Fatalf("ParseClaims(%q) succeeds, encoding/json says %v", in, err)
	}
	for name, got := range map[string]string{"iss": c.Issuer, "sub": c.Subject, "sid": c.SessionID, "tenantId": c.TenantID} {
		if want, _ := m[name].(string); got != want {
			t.Fatalf("ParseClaims(%q): %s = %q, encoding/json has %q", in, name, got, want)
		}
	}
	for name, value := range c.Custom {
		if !json.Valid(value) {
			t.Fatalf("ParseClaims(%q): %s = %q, want JSON", in, name, value)
		}
	}
	if bytes.ContainsRune(in, 0) {
		t.Fatalf("ParseClaims(%q) succeeds with U+0000", in)
	}
}

func FuzzToken(f *testing.F) {
	key, err := token.ParsePrivate("k", token.HS256, []byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		f.Fatal(err)
	}
	s := newSet(f, key)
	good := sign(f, s, "x", `{}`)
	f.Add(good)
	f.Add(good + "=")
	f.Add(strings.Replace(good, ".", "..", 1))
	f.Add(hs256([]byte("0123456789abcdef0123456789abcdef"), `{"kid":"k","alg":"HS256","typ":"x"}`, `{}`))
	f.Add("")
	f.Fuzz(func(t *testing.T, raw string) {
		payload, err := s.Verify(raw, "x", time.Time{})
		if err != nil {
			return
		}
		p := strings.Split(raw, ".")
		if len(p) != 3 || len(raw) > token.MaxBytes || encode(string(payload)) != p[1] {
			t.Fatalf("Verify(%q) = %q, want compact form in one spelling", raw, payload)
		}
		for _, segment := range p {
			if encode(decode(t, segment)) != segment {
				t.Fatalf("Verify(%q) accepts a second spelling of %q", raw, segment)
			}
		}
		var h map[string]string
		if err := json.Unmarshal([]byte(decode(t, p[0])), &h); err != nil || len(h) != 3 || h["alg"] != "HS256" || h["kid"] != "k" || h["typ"] != "x" {
			t.Fatalf("Verify(%q) accepts the header %v, %v", raw, h, err)
		}
	})
}

func FuzzRender(f *testing.F) {
	f.Add("u", "Ann", `{"a":1}`, "admin")
	f.Add("\"\\", "\x00\xff\u2028", `{}`, "a\",\"sub\":\"x")
	f.Fuzz(func(t *testing.T, subject, name, metadata, role string) {
		v := values()
		v.Subject, v.Name, v.Metadata, v.Roles = subject, name, metadata, []string{role}
		payload, err := token.Render(v, 0)
		if err != nil {
			return
		}
		var m map[string]any
		if err := json.Unmarshal(payload, &m); err != nil {
			t.Fatalf("Render(%q) = %s: %v", []string{subject, name, metadata, role}, payload, err)
		}
		want := strings.ReplaceAll(strings.ToValidUTF8(subject, "\ufffd"), "\x00", "\ufffd")
		if got := m["sub"]; got != want && !strings.Contains(want, "\ufffd") {
			t.Fatalf("sub = %q, want %q", got, want)
		}
		if m["iss"] != issuer || m["tenantId"] != "t" || m["type"] != "userToken" {
			t.Fatalf("Render(%q) = %s, changes other claims", []string{subject, name, metadata, role}, payload)
		}
	})
}
