package oidc_test

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity/sso"
)

// left is the left half of a SHA-256.
func left(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

func TestAttackClaims(t *testing.T) {
	t.Parallel()
	now := newFake(t).now.Unix()
	const year = 365 * 24 * 3600
	for _, tt := range []struct {
		name string
		bend object
		part string // "" means accepted
	}{
		{"OIDC-18 ours and another without azp", object{"aud": []string{client, "other"}}, "azp"},
		{"OIDC-18 azp is another", object{"aud": []string{client, "other"}, "azp": "other"}, "azp"},
		{"OIDC-18 azp is another, one audience", object{"azp": "other"}, "azp"},
		{"OIDC-18 azp is no text", object{"azp": 1}, "azp"},
		{"OIDC-18 azp is ours", object{"aud": []string{client, "other"}, "azp": client}, ""},
		{"OIDC-18 aud missing", object{"aud": nil}, "audience"},
		{"OIDC-18 aud is another", object{"aud": "other"}, "audience"},
		{"OIDC-18 aud is longer", object{"aud": client + "x"}, "audience"},
		{"OIDC-20 missing", object{"sub": nil}, "subject"},
		{"OIDC-20 empty", object{"sub": ""}, "subject"},
		{"OIDC-20 10 KB", object{"sub": strings.Repeat("x", 10<<10)}, "subject"},
		{"OIDC-20 number", object{"sub": 7}, ""},
		{"OIDC-20 NUL", object{"sub": "a\x00b"}, "subject"},
		{"OIDC-21 exp past", object{"exp": now - 61}, "expir"},
		{"OIDC-21 exp past within the skew", object{"exp": now - 30}, ""},
		{"OIDC-21 exp missing", object{"exp": nil}, "expir"},
		{"OIDC-21 exp in 100 years", object{"exp": now + 100*year}, "31 days"},
		{"OIDC-21 exp is huge", object{"exp": 1e18}, "expired"},
		{"OIDC-21 exp is negative", object{"exp": -1}, "expir"},
		{"OIDC-21 iat in 10 years", object{"iat": now + 10*year}, "future"},
		{"OIDC-21 iat missing", object{"iat": nil}, "issued"},
		{"OIDC-21 iat 10 years ago", object{"iat": now - 10*year}, "ago"},
		{"OIDC-21 iat ahead within the skew", object{"iat": now + 30}, ""},
		{"OIDC-21 nbf in 4 minutes", object{"nbf": now + 240}, "not valid yet"},
		{"OIDC-21 nbf is no time", object{"nbf": "soon"}, "wrong"},
		{"OIDC-21 auth_time ahead", object{"auth_time": now + 3600}, "future"},
		{"OIDC-22 at_hash wrong", object{"at_hash": left("other")}, "at_hash"},
		{"OIDC-22 at_hash empty", object{"at_hash": ""}, "at_hash"},
		{"OIDC-22 at_hash right", object{"at_hash": left("access")}, ""},
		{"OIDC-22 c_hash wrong", object{"c_hash": left("other")}, "c_hash"},
		{"OIDC-04 nonce missing", object{"nonce": nil}, "nonce"},
		{"OIDC-04 nonce is another", object{"nonce": "x"}, "nonce"},
		{"OIDC-19 iss is a template", object{"iss": "https://login.example/{tenantid}/v2.0"}, "issuer"},
		{"OIDC-19 iss is Google without a scheme", object{"iss": "accounts.google.com"}, "issuer"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			f.claims = with(tt.bend)
			if strings.HasSuffix(tt.name, "number") {
				f.userinfo = with(object{"sub": 7})
			}
			_, err := f.signIn(f.party(), f.provider(), request())
			if tt.part != "" || strings.HasSuffix(tt.name, "number") {
				refusal(t, tt.name, err, tt.part)
				return
			}
			if err != nil {
				t.Errorf("refused: %s", sso.Diagnosis(err))
			}
		})
	}
}

func TestAttackAge(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		auth any
		ok   bool
	}{
		"OIDC-21 auth_time recent": {int64(-30), true}, "OIDC-21 auth_time older than max_age": {int64(-121), false}, "OIDC-21 auth_time missing": {nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			r := request()
			r.MaxAge = time.Minute
			if ago, ok := tt.auth.(int64); ok {
				f.claims = with(object{"auth_time": f.now.Unix() + ago})
			}
			_, err := f.signIn(f.party(), f.provider(), r)
			if (err == nil) != tt.ok {
				t.Errorf("accepted: %v, want %v (%s)", err == nil, tt.ok, sso.Diagnosis(err))
			}
		})
	}
	t.Run("OIDC-19 tid", func(t *testing.T) {
		t.Parallel()
		f := newFake(t)
		pr := f.provider()
		pr.Tenant = "t1"
		for tid, want := range map[string]bool{"t1": true, "t2": false, "": false} {
			f.claims = with(object{"tid": tid})
			if _, err := f.signIn(f.party(), pr, request()); (err == nil) != want {
				t.Errorf("tid %q accepted: %v, want %v", tid, err == nil, want)
			}
		}
	})
}

func TestAttackManyTenants(t *testing.T) {
	t.Parallel()
	const here, there = "11111111-2222-3333-4444-555555555555", "99999999-2222-3333-4444-555555555555"
	f := newFake(t)
	issuer := func(tid string) string { return f.issuer() + "/" + tid + "/v2.0" }
	f.document = with(object{"issuer": issuer("{tenantid}")})
	pr := f.provider()
	pr.Issuer, pr.Tenants = issuer("{tenantid}"), "common"
	f.serve["/common/v2.0/.well-known/openid-configuration"] = func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, bent(f.document, f.documentAsIs()))
	}
	for _, tt := range []struct {
		name     string
		iss, tid any
		ok       bool
	}{
		{"the tenant's own issuer", issuer(here), here, true},
		{"another tenant's issuer", issuer(there), here, false},
		{"the template", issuer("{tenantid}"), here, false},
		{"the template as a tenant", issuer("{tenantid}"), "{tenantid}", false},
		{"no tenant", issuer(""), nil, false},
		{"a tenant that is a path", issuer("../x"), "../x", false},
		{"no issuer", nil, here, false},
	} {
		t.Run("OIDC-19 "+tt.name, func(t *testing.T) {
			f.claims = with(object{"iss": tt.iss, "tid": tt.tid})
			if _, err := f.signIn(f.party(), pr, request()); (err == nil) != tt.ok {
				t.Errorf("accepted: %v, want %v (%s)", err == nil, tt.ok, sso.Diagnosis(err))
			}
		})
	}
	t.Run("OIDC-19 without being told", func(t *testing.T) {
		pr := pr
		pr.Tenants = ""
		if _, err := f.party().Begin(t.Context(), pr, request()); err == nil {
			t.Error("an issuer that is a template began")
		}
	})
}

func TestAttackSignature(t *testing.T) {
	t.Parallel()
	strong, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	mac := func(key []byte, header, claims object) string {
		header["alg"] = "HS256"
		text := unsigned(t, header, claims)
		h := hmac.New(sha256.New, key)
		h.Write([]byte(text))
		return text + "." + base64.RawURLEncoding.EncodeToString(h.Sum(nil))
	}
	for _, tt := range []struct {
		name string
		raw  func(f *fake, header, claims object) string
	}{
		{"OIDC-11 none", func(f *fake, h, c object) string { h["alg"] = "none"; return unsigned(t, h, c) + "." }},
		{"OIDC-11 none with a signature", func(f *fake, h, c object) string { h["alg"] = "none"; return signES(t, f.signer, h, c) }},
		{"OIDC-11 HS256 with the client's secret", func(f *fake, h, c object) string { return mac([]byte(secret), h, c) }},
		{"OIDC-11 HS256 with the public key", func(f *fake, h, c object) string {
			der, _ := x509.MarshalPKIXPublicKey(f.signer.Public())
			return mac(der, h, c)
		}},
		{"OIDC-12 PS256, not announced", func(f *fake, h, c object) string { h["alg"], h["kid"] = "PS256", "rsa"; return signPS(t, strong, h, c) }},
		{"OIDC-13 jku", func(f *fake, h, c object) string { h["jku"] = f.issuer() + "/jwks"; return signES(t, f.signer, h, c) }},
		{"OIDC-13 x5u", func(f *fake, h, c object) string { h["x5u"] = f.issuer() + "/jwks"; return signES(t, f.signer, h, c) }},
		{"OIDC-13 crit", func(f *fake, h, c object) string {
			h["crit"], h["exp"] = []string{"exp"}, 1
			return signES(t, f.signer, h, c)
		}},
		{"OIDC-13 b64", func(f *fake, h, c object) string { h["b64"] = false; return signES(t, f.signer, h, c) }},
		{"OIDC-13 jwk of the attacker", func(f *fake, h, c object) string {
			own := newFake(t).signer
			h["jwk"] = jwk(t, own.Public(), "own", "ES256")
			return signES(t, own, h, c)
		}},
		{"OIDC-13 signed by another", func(f *fake, h, c object) string { return signES(t, newFake(t).signer, h, c) }},
		{"OIDC-14 flattened JSON", func(f *fake, h, c object) string {
			p := strings.Split(signES(t, f.signer, h, c), ".")
			return `{"protected":"` + p[0] + `","payload":"` + p[1] + `","signature":"` + p[2] + `"}`
		}},
		{"OIDC-14 four parts", func(f *fake, h, c object) string { return signES(t, f.signer, h, c) + ".x" }},
		{"OIDC-14 padding", func(f *fake, h, c object) string { return signES(t, f.signer, h, c) + "=" }},
		{"OIDC-14 white space", func(f *fake, h, c object) string { return signES(t, f.signer, h, c) + "\n" }},
		{"OIDC-14 dots", func(f *fake, h, c object) string { return strings.Repeat(".", 1<<20) }},
		{"OIDC-14 a claim twice", func(f *fake, h, c object) string {
			text := strings.Split(unsigned(t, h, c), ".")
			claims, _ := base64.RawURLEncoding.DecodeString(text[1])
			return signESText(t, f.signer, text[0]+"."+base64url(strings.TrimSuffix(string(claims), "}")+`,"sub":"bob"}`))
		}},
		{"OIDC-14 a claim in another case", func(f *fake, h, c object) string {
			delete(c, "sub")
			c["SUB"] = "alice"
			return signES(t, f.signer, h, c)
		}},
		{"OIDC-14 another type", func(f *fake, h, c object) string { h["typ"] = "at+jwt"; return signES(t, f.signer, h, c) }},
		{"OIDC-14 a logout token", func(f *fake, h, c object) string { h["typ"] = "logout+jwt"; return signES(t, f.signer, h, c) }},
		{"OIDC-14 claims are a list", func(f *fake, h, c object) string {
			return signESText(t, f.signer, strings.Split(unsigned(t, h, c), ".")[0]+"."+base64url("[]"))
		}},
		{"OIDC-14 a signature cut short", func(f *fake, h, c object) string { s := signES(t, f.signer, h, c); return s[:len(s)-8] }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			f.jwks = func(o object) {
				o["keys"] = append(o["keys"].([]any), jwk(t, strong.Public(), "rsa", ""))
			}
			f.raw = func(header, claims object) string { return tt.raw(f, header, claims) }
			_, err := f.signIn(f.party(), f.provider(), request())
			refusal(t, tt.name, err)
		})
	}
	t.Run("OIDC-12 PS256, announced, and left out by the connection", func(t *testing.T) {
		t.Parallel()
		f := newFake(t)
		f.document = with(object{"id_token_signing_alg_values_supported": []string{"PS256", "HS256", "none"}})
		f.jwks = with(object{"keys": []any{jwk(t, strong.Public(), "rsa", "")}})
		f.raw = func(h, c object) string { h["alg"], h["kid"] = "PS256", "rsa"; return signPS(t, strong, h, c) }
		if _, err := f.signIn(f.party(), f.provider(), request()); err != nil {
			t.Error(sso.Diagnosis(err))
		}
		pr := f.provider()
		pr.Algorithms = []string{"RS256"}
		_, err := f.signIn(f.party(), pr, request())
		refusal(t, "left out", err)
	})
}

func TestAttackFlips(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	p, pr := f.party(), f.provider()
	step := 1
	if testing.Short() {
		step = 17
	}
	good := ""
	f.raw = func(h, c object) string { good = signES(t, f.signer, h, c); return good }
	if _, err := f.signIn(p, pr, request()); err != nil {
		t.Fatal(sso.Diagnosis(err))
	}
	t.Run("OIDC-11 no flip changes who it is", func(t *testing.T) {
		for i := 0; i < len(good); i += step {
			f.raw = func(h, c object) string {
				b := []byte(signES(t, f.signer, h, c))
				b[i%len(b)] ^= 1
				return string(b)
			}
			got, err := f.signIn(p, pr, request())
			if err == nil && (got.Subject != "alice" || got.Email != "alice@example.test") {
				t.Fatalf("byte %d flipped: %+v", i, got)
			}
		}
	})
}
