package token_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/token"
)

func values() token.Values {
	return token.Values{
		Issuer: issuer, Audience: "app", Subject: "u", Type: "userToken", TenantID: "t", TenantIDs: []string{"t", "s"},
		SessionID: "s", ID: "j", IssuedAt: at, ExpiresAt: at.Add(5 * time.Minute), AuthTime: at.Add(-time.Hour),
		Name: "Ann", Email: "ann@example.com", EmailVerified: true, Roles: []string{"admin"},
		Permissions: []store.Permission{"reports.read", "fe.secure.*"}, Methods: []string{"pwd"},
		Metadata: `{"theme": "dark"}`, PictureURL: "https://example.com/a.png", ApplicationID: "p",
	}
}

func TestRender(t *testing.T) {
	t.Parallel()
	got, err := token.Render(values(), 0)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"sub":"u","name":"Ann","email":"ann@example.com","email_verified":true,"metadata":{"theme": "dark"},` +
		`"roles":["admin"],"permissions":["reports.read","fe.secure.*"],"tenantId":"t","tenantIds":["t","s"],` +
		`"profilePictureUrl":"https://example.com/a.png","sid":"s","type":"userToken","applicationId":"p","aud":"app",` +
		`"iss":"https://id.example.com","iat":1795435200,"exp":1795435500,"jti":"j","auth_time":1795431600,"amr":["pwd"]}`
	if string(got) != want {
		t.Errorf("Render = %s\nwant     %s", got, want)
	}
	c, err := token.ParseClaims(got)
	if err != nil {
		t.Fatalf("ParseClaims of what Render made = %v, want nil", err)
	}
	if err := c.Check(expect()); err != nil {
		t.Errorf("Check of what Render made = %v, want nil", err)
	}
}

func TestRenderLeavesOut(t *testing.T) {
	t.Parallel()
	got, err := token.Render(token.Values{
		Issuer: "i", Audience: "a", Subject: "s", Type: "t", IssuedAt: at, ExpiresAt: at.Add(time.Second),
	}, 0)
	want := `{"sub":"s","metadata":{},"roles":[],"permissions":[],"tenantIds":[],"type":"t","aud":"a","iss":"i",` +
		`"iat":1795435200,"exp":1795435201}`
	if err != nil || string(got) != want {
		t.Errorf("Render = %s, %v\nwant     %s", got, err, want)
	}
}

func TestRenderManagement(t *testing.T) {
	t.Parallel()
	got, err := token.RenderManagement(token.Values{
		Issuer: "i", Audience: "a", Subject: "c", Type: "vendor", VendorID: "v", ID: "j",
		IssuedAt: at, ExpiresAt: at.Add(time.Second), Roles: []string{"never"},
	})
	want := `{"sub":"c","type":"vendor","vendorId":"v","aud":"a","iss":"i","iat":1795435200,"exp":1795435201,"jti":"j"}`
	if err != nil || string(got) != want {
		t.Errorf("RenderManagement = %s, %v\nwant               %s", got, err, want)
	}
}

func TestRenderRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		change func(v *token.Values)
		want   error
	}{
		{"no issuer", func(v *token.Values) { v.Issuer = "" }, token.ErrClaims},
		{"no audience", func(v *token.Values) { v.Audience = "" }, token.ErrClaims},
		{"no subject", func(v *token.Values) { v.Subject = "" }, token.ErrClaims},
		{"no type", func(v *token.Values) { v.Type = "" }, token.ErrClaims},
		{"no expiry", func(v *token.Values) { v.ExpiresAt = time.Time{} }, token.ErrClaims},
		{"expires at once", func(v *token.Values) { v.ExpiresAt = v.IssuedAt }, token.ErrClaims},
		{"custom claims are no object", func(v *token.Values) { v.Custom = `[]` }, token.ErrClaims},
		{"too large", func(v *token.Values) { v.Metadata = `{"a":"` + strings.Repeat("x", 6000) + `"}` }, token.ErrTooLarge},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			v := values()
			tt.change(&v)
			if got, err := token.Render(v, 0); !errors.Is(err, tt.want) {
				t.Errorf("Render = %s, %v, want %v", got, err, tt.want)
			}
		})
	}
}

func TestTooLargeNamesClaims(t *testing.T) {
	t.Parallel()
	v := values()
	for range 1000 {
		v.Permissions = append(v.Permissions, "reports.read")
	}
	_, err := token.Render(v, 0)
	if err == nil || !strings.Contains(err.Error(), "largest claims are permissions (150") {
		t.Errorf("Render = %v, want an error that names permissions first", err)
	}
}

// TestMaxBytesHolds: what Render lets pass is, signed, within the limit.
func TestMaxBytesHolds(t *testing.T) {
	t.Parallel()
	s := newSet(t, generate(t, token.RS256))
	for n := 3000; n < 6000; n += 97 {
		v := values()
		v.Metadata = `{"a":"` + strings.Repeat("x", n) + `"}`
		payload, err := token.Render(v, 0)
		if errors.Is(err, token.ErrTooLarge) {
			continue
		}
		if raw := sign(t, s, token.AccessType, string(payload)); len(raw) > token.DefaultMaxBytes {
			t.Errorf("metadata of %d bytes makes a token of %d, want at most %d", n, len(raw), token.DefaultMaxBytes)
		}
	}
}

// TestAttackValues: what a user chooses stays inside its claim.
func TestAttackValues(t *testing.T) {
	t.Parallel()
	for _, hostile := range []string{
		`","sub":"admin`, `\`, `\"`, "\u2028\u2029", "</script>", "\x01\x1f\x7f", "{{user.email}}", "é😀", "a\nb\tc\r",
	} {
		t.Run("JWT-23 "+hostile, func(t *testing.T) {
			t.Parallel()
			v := values()
			v.Name, v.Email, v.Roles, v.Permissions = hostile, hostile, []string{hostile}, []store.Permission{store.Permission(hostile)}
			payload, err := token.Render(v, 0)
			if err != nil {
				t.Fatal(err)
			}
			c, err := token.ParseClaims(payload)
			if err != nil {
				t.Fatalf("ParseClaims(%s) = %v, want nil", payload, err)
			}
			if c.Name != hostile || c.Email != hostile || c.Roles[0] != hostile || c.Permissions[0] != hostile || c.Subject != "u" {
				t.Errorf("claims = %+v, want name, email, role and permission %q and no other change", c, hostile)
			}
			if !json.Valid(payload) {
				t.Errorf("Render = %s, want JSON", payload)
			}
		})
	}
}
