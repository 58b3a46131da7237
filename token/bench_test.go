package token_test

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"text/template"
	"time"

	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/token"
)

// TestAllocations holds what every request pays. It is not parallel: it counts allocations.
func TestAllocations(t *testing.T) {
	c, v := token.NewCache[int](0), 0
	b := newBench(t)
	raw := b.good
	c.Put(raw, at.Add(time.Hour), &v)
	full, reaching := rich(), compile(t, over(`"x"`, `{"a":"{{user.metadata.a.b.c}} {{user.name}}","b":"{{user.tenant.permissions}}"}`))
	rules := []token.Rule{rule("x", condition("tenantId", "in_list", "a", "b")), rule("y", not(condition("userEmail", "ends_with", "@example.org")))}
	person := token.Attributes{UserID: "u", TenantID: "c", UserEmail: "ann@example.org"}
	huge, dots := strings.Repeat("A", 10<<20), strings.Repeat(".", 1<<20)
	for _, tt := range []struct {
		name string
		most float64
		do   func()
	}{
		{"cache hit", 0, func() { _, _ = c.Get(raw, at) }},
		{"cache miss", 0, func() { _, _ = c.Get("other", at) }},
		{"verify", 20, func() { _, _ = b.set.Verify(raw, token.AccessType, at) }},
		{"JWT-42 a megabyte of dots", 0, func() { _, _ = b.set.Verify(dots, token.AccessType, at) }},
		{"JWT-43 ten megabytes", 0, func() { _, _ = b.set.Verify(huge, token.AccessType, at) }},
		{"render", 1, func() { _, _ = token.Render(full, 0) }},
		{"render a template", 2, func() { _, _ = reaching.Render(full, 0) }},
		{"choose a template", 0, func() { _, _ = token.Match(rules, person) }},
		{"JWT-15 unknown kid", 8, func() { _, _ = b.set.Verify("eyJhbGciOiJSUzI1NiIsImtpZCI6IngifQ.e30.AA", token.AccessType, at) }},
	} {
		if got := testing.AllocsPerRun(100, tt.do); got > tt.most {
			t.Errorf("%s: %v allocations, want at most %v", tt.name, got, tt.most)
		}
	}
}

func BenchmarkCacheHit(b *testing.B) {
	c, v := token.NewCache[int](0), 0
	raw := newBench(b).good
	c.Put(raw, at.Add(time.Hour), &v)
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := c.Get(raw, at); !ok {
			b.Fatal("no hit")
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	for _, alg := range algorithms {
		b.Run(alg, func(b *testing.B) {
			s := newSet(b, generate(b, alg))
			payload, err := token.Render(values(), 0)
			if err != nil {
				b.Fatal(err)
			}
			raw := sign(b, s, token.AccessType, string(payload))
			b.ReportAllocs()
			for b.Loop() {
				got, err := s.Verify(raw, token.AccessType, at)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := token.ParseClaims(got); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("raw RSA", func(b *testing.B) {
		k := newBench(b)
		sum := sha256.Sum256([]byte(payload))
		signature, err := rsa.SignPKCS1v15(nil, k.signer, crypto.SHA256, sum[:])
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			if err := rsa.VerifyPKCS1v15(&k.signer.PublicKey, crypto.SHA256, sum[:], signature); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkReject(b *testing.B) {
	k := newBench(b)
	p := strings.Split(k.good, ".")
	for name, raw := range map[string]string{
		"junk":         strings.Repeat("A", 700),
		"huge":         strings.Repeat("A", 64<<10),
		"wrong alg":    encode(`{"alg":"HS256","kid":"live","typ":"at+jwt"}`) + "." + p[1] + "." + p[2],
		"unknown kid":  encode(`{"alg":"RS256","kid":"x","typ":"at+jwt"}`) + "." + p[1] + "." + p[2],
		"many members": encode("{"+strings.Repeat(`"a":1,`, 50)+`"b":1}`) + "." + p[1] + "." + p[2],
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := k.set.Verify(raw, token.AccessType, at); err == nil {
					b.Fatal("accepted")
				}
			}
		})
	}
}

// TestHugeRender: what a token cannot hold is not built first. It is not parallel: it
// counts bytes.
func TestHugeRender(t *testing.T) {
	v := values()
	v.Metadata = `{"bio":"` + strings.Repeat("x", 64<<10) + `"}`
	t.Run("TPL-10 bounded memory", func(t *testing.T) {
		for name, claims := range map[string][]byte{
			"text":  over(`"x"`, `"`+strings.Repeat("{{user.metadata.bio}}", 700)+`"`),
			"array": over(`"x"`, "["+strings.Repeat(`"{{user.metadata}}",`, 700)+"1]"),
		} {
			huge := compile(t, claims)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := huge.Render(v, 0)
			runtime.ReadMemStats(&after)
			if got := after.TotalAlloc - before.TotalAlloc; err == nil || got > 1<<20 {
				t.Errorf("%s: %d bytes allocated, %v; want an error and less than 1 MiB of the 45 that 700 values have", name, got, err)
			}
		}
	})
}

// claimsStruct is what the default template makes, as encoding/json would write it.
type claimsStruct struct {
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

func same(v token.Values) claimsStruct {
	return claimsStruct{
		v.Subject, v.Name, v.Email, v.EmailVerified, json.RawMessage(v.Metadata), v.Roles, v.Permissions, v.TenantID, v.TenantIDs,
		v.PictureURL, v.SessionID, v.Type, v.ApplicationID, v.Audience, v.Issuer, v.IssuedAt.Unix(), v.ExpiresAt.Unix(), v.ID,
		v.AuthTime.Unix(), v.Methods,
	}
}

// sameText is the default template for text/template, with what it has for escapes.
const sameText = `{"sub":"{{js .Subject}}","name":"{{js .Name}}","email":"{{js .Email}}","email_verified":{{.EmailVerified}},` +
	`"metadata":{{printf "%s" .Metadata}},"roles":[{{range $i, $r := .Roles}}{{if $i}},{{end}}"{{js $r}}"{{end}}],` +
	`"permissions":[{{range $i, $p := .Permissions}}{{if $i}},{{end}}"{{js $p}}"{{end}}],"tenantId":"{{js .TenantID}}",` +
	`"tenantIds":[{{range $i, $t := .TenantIDs}}{{if $i}},{{end}}"{{js $t}}"{{end}}],"profilePictureUrl":"{{js .PictureURL}}",` +
	`"sid":"{{js .SessionID}}","type":"{{js .Type}}","applicationId":"{{js .ApplicationID}}","aud":"{{js .Audience}}",` +
	`"iss":"{{js .Issuer}}","iat":{{.IssuedAt}},"exp":{{.ExpiresAt}},"jti":"{{js .ID}}","auth_time":{{.AuthTime}},` +
	`"amr":[{{range $i, $m := .Methods}}{{if $i}},{{end}}"{{js $m}}"{{end}}]}`

// TestSameClaims: the benchmarks below make the same claims.
func TestSameClaims(t *testing.T) {
	t.Parallel()
	rendered, err := token.Render(values(), 0)
	if err != nil {
		t.Fatal(err)
	}
	marshalled, err := json.Marshal(same(values()))
	if err != nil {
		t.Fatal(err)
	}
	var executed bytes.Buffer
	if err := template.Must(template.New("").Parse(sameText)).Execute(&executed, same(values())); err != nil {
		t.Fatal(err)
	}
	var want any
	if err := json.Unmarshal(rendered, &want); err != nil {
		t.Fatal(err)
	}
	for _, other := range [][]byte{marshalled, executed.Bytes()} {
		var got any
		if err := json.Unmarshal(other, &got); err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s\nwant %s", other, rendered)
		}
	}
}

func BenchmarkMint(b *testing.B) {
	v := values()
	b.Run("render", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := token.Render(v, 0); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("template", func(b *testing.B) {
		t := compile(b, over(`"name"`, `"{{user.name}}"`, `"who"`, `"{{user.name}} of {{user.tenantId}}"`, `"theme"`, `"{{user.metadata.theme}}"`,
			`"roles"`, `"{{user.tenant.roles}}"`, `"permissions"`, `"{{user.tenant.permissions}}"`))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := t.Render(v, 0); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("text-template", func(b *testing.B) {
		t, all := template.Must(template.New("").Parse(sameText)), same(v)
		b.ReportAllocs()
		for b.Loop() {
			if err := t.Execute(&bytes.Buffer{}, all); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("marshal", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := json.Marshal(same(v)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("raw-sign", func(b *testing.B) {
		k, sum := newBench(b), sha256.Sum256([]byte(payload))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := rsa.SignPKCS1v15(nil, k.signer, crypto.SHA256, sum[:]); err != nil {
				b.Fatal(err)
			}
		}
	})
	for _, alg := range algorithms {
		s := newSet(b, generate(b, alg))
		b.Run("mint/"+alg, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				payload, err := token.Render(v, 0)
				if err != nil {
					b.Fatal(err)
				}
				sign(b, s, token.AccessType, string(payload))
			}
		})
	}
}
