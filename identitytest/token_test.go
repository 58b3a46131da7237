package identitytest_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
)

// claimsOf reads a token without verifying it.
func claimsOf(t testing.TB, raw string) map[string]any {
	t.Helper()
	part := strings.Split(raw, ".")
	if len(part) != 3 {
		t.Fatalf("no token: %q", raw)
	}
	text, err := base64.RawURLEncoding.DecodeString(part[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(text, &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}
