package bench_test

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"testing"
	"text/template"

	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/token"
)

// claims are those of the default template, as encoding/json writes them.
type claims struct {
	Subject       string             `json:"sub"`
	Name          string             `json:"name"`
	Email         string             `json:"email"`
	EmailVerified bool               `json:"email_verified"`
	Metadata      json.RawMessage    `json:"metadata"`
	Roles         []string           `json:"roles"`
	Permissions   []store.Permission `json:"permissions"`
	TenantID      string             `json:"tenantId"`
	TenantIDs     []string           `json:"tenantIds"`
	PictureURL    string             `json:"profilePictureUrl"`
	SessionID     string             `json:"sid"`
	Type          string             `json:"type"`
	ApplicationID string             `json:"applicationId"`
	Audience      string             `json:"aud"`
	Issuer        string             `json:"iss"`
	IssuedAt      int64              `json:"iat"`
	ExpiresAt     int64              `json:"exp"`
	ID            string             `json:"jti"`
	AuthTime      int64              `json:"auth_time"`
	Methods       []string           `json:"amr"`
}

func claimsOf(v token.Values) claims {
	return claims{
		v.Subject, v.Name, v.Email, v.EmailVerified, json.RawMessage(v.Metadata), v.Roles, v.Permissions, v.TenantID, v.TenantIDs,
		v.PictureURL, v.SessionID, v.Type, v.ApplicationID, v.Audience, v.Issuer, v.IssuedAt.Unix(), v.ExpiresAt.Unix(), v.ID,
		v.AuthTime.Unix(), v.Methods,
	}
}

// claimsText is the same for text/template, with what it has for escapes.
const claimsText = `{"sub":"{{js .Subject}}","name":"{{js .Name}}","email":"{{js .Email}}","email_verified":{{.EmailVerified}},` +
	`"metadata":{{printf "%s" .Metadata}},"roles":[{{range $i, $r := .Roles}}{{if $i}},{{end}}"{{js $r}}"{{end}}],` +
	`"permissions":[{{range $i, $p := .Permissions}}{{if $i}},{{end}}"{{js $p}}"{{end}}],"tenantId":"{{js .TenantID}}",` +
	`"tenantIds":[{{range $i, $t := .TenantIDs}}{{if $i}},{{end}}"{{js $t}}"{{end}}],"profilePictureUrl":"{{js .PictureURL}}",` +
	`"sid":"{{js .SessionID}}","type":"{{js .Type}}","applicationId":"{{js .ApplicationID}}","aud":"{{js .Audience}}",` +
	`"iss":"{{js .Issuer}}","iat":{{.IssuedAt}},"exp":{{.ExpiresAt}},"jti":"{{js .ID}}","auth_time":{{.AuthTime}},` +
	`"amr":[{{range $i, $m := .Methods}}{{if $i}},{{end}}"{{js $m}}"{{end}}]}`

// A writer makes claims, or a token of them.
type writer struct {
	name string
	make func() ([]byte, error)
}

func (w writer) do() error {
	_, err := w.make()
	return err
}

// writers are those of G14, by name.
func writers(tb testing.TB) map[string]writer {
	tb.Helper()
	v, s := values(), newSigned(tb, token.RS256)
	t := template.Must(template.New("").Parse(claimsText))
	private := s.private.(*rsa.PrivateKey)
	all := map[string]writer{}
	for _, w := range []writer{
		{"render", func() ([]byte, error) { return token.Render(v, 0) }},
		{"text-template", func() ([]byte, error) {
			var b bytes.Buffer
			err := t.Execute(&b, claimsOf(v))
			return b.Bytes(), err
		}},
		{"marshal", func() ([]byte, error) { return json.Marshal(claimsOf(v)) }},
		{"raw-sign", func() ([]byte, error) {
			sum := sha256.Sum256([]byte(s.raw[:len(s.raw)-343]))
			return rsa.SignPKCS1v15(nil, private, crypto.SHA256, sum[:])
		}},
		{"mint", func() ([]byte, error) {
			payload, err := token.Render(v, 0)
			if err != nil {
				return nil, err
			}
			raw, err := s.set.Sign(token.AccessType, payload)
			return []byte(raw), err
		}},
	} {
		all[w.name] = w
	}
	return all
}

// TestSameClaims: those that are compared make the same claims.
func TestSameClaims(t *testing.T) {
	t.Parallel()
	all, texts := writers(t), map[string]string{}
	for _, name := range []string{"render", "text-template", "marshal"} {
		text, err := all[name].make()
		var got any
		if err == nil {
			err = json.Unmarshal(text, &got)
		}
		if err != nil {
			t.Fatalf("%s: %v in %s", name, err, text)
		}
		texts[name] = fmt.Sprint(got)
	}
	if texts["render"] != texts["text-template"] || texts["render"] != texts["marshal"] {
		t.Errorf("not the same: %v", texts)
	}
}

// BenchmarkMint is G14.
func BenchmarkMint(b *testing.B) {
	all := writers(b)
	for _, name := range []string{"render", "text-template", "marshal", "raw-sign", "mint"} {
		bench(b, name, all[name].do)
	}
}

// mintGoals is G14.
func mintGoals(t *testing.T, b *board) {
	all := writers(t)
	b.report(t, "text/template / a compiled template", atLeast(8), compared(all["text-template"].do, all["render"].do).ratios(t))
	b.report(t, "a compiled template / json.Marshal of a struct", atMost(1), compared(all["render"].do, all["marshal"].do).ratios(t))
	b.report(t, "a token RS256 / the signature alone", atMost(1.1), compared(all["mint"].do, all["raw-sign"].do).ratios(t))
}
