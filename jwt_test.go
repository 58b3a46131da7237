package identity_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-identity/identity"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/store/sqlite"
)

// An issuer is an Identity whose signing key the test has, so that it can sign anything.
type issuer struct {
	id     *identity.Identity
	db     store.Store
	mux    *http.ServeMux
	key    *rsa.PrivateKey
	at     *atomic.Int64 // the time, in seconds
	log    *lines
	login  service.Login
	claims map[string]any // of a good token
}

// lines is a log that can be read while it is written.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// liveKID is the id of the key that signs.
const liveKID = "live"

// issued is the header of a good token.
const issued = `{"alg":"RS256","kid":"live","typ":"at+jwt"}`

func newIssuer(t testing.TB, change ...func(*identity.Options)) *issuer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	db, err := sqlite.Open(t.Context(), ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	i := &issuer{db: db, key: key, at: new(atomic.Int64), log: &lines{}}
	i.at.Store(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC).Unix())
	o := identity.Options{
		Store: db, BaseURL: "https://app.example", Secrets: [][]byte{[]byte("a secret of this test, 32+ bytes")},
		Logger: slog.New(slog.NewTextHandler(i.log, nil)), Limits: identity.LimitOptions{Off: true},
		SignUp: identity.SignUpOptions{SkipVerification: true}, Now: func() time.Time { return time.Unix(i.at.Load(), 0) },
		Token: identity.TokenOptions{Signer: key, KeyID: liveKID},
	}
	for _, f := range change {
		f(&o)
	}
	if i.id, err = identity.New(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = i.id.Close() })
	i.mux = http.NewServeMux()
	i.id.Mount(i.mux)
	i.mux.Handle("GET /host", i.id.RequireUser(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, _ := identity.PrincipalFrom(r.Context())
		_, _ = w.Write([]byte(p.UserID))
	})))
	i.signUp(t)
	return i
}

func (i *issuer) signUp(t testing.TB) {
	t.Helper()
	s, err := i.id.SignUp.Create(t.Context(), store.Principal{}, service.NewSignUp{Email: "ann@example.com", Password: sweepPassword, Company: "Acme"})
	if err != nil {
		t.Fatal(err)
	}
	i.login = *s.Login
	text, err := base64.RawURLEncoding.DecodeString(strings.Split(i.login.AccessToken, ".")[1])
	if err == nil {
		err = json.Unmarshal(text, &i.claims)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// with returns the payload of a good token with claims changed; nil removes one.
func (i *issuer) with(t testing.TB, change ...any) string {
	t.Helper()
	c := maps.Clone(i.claims)
	for n := 0; n < len(change); n += 2 {
		name := change[n].(string)
		if c[name] = change[n+1]; change[n+1] == nil {
			delete(c, name)
		}
	}
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func segment(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// forge signs any header and payload with the live key, rightly.
func (i *issuer) forge(t testing.TB, header, payload string) string {
	t.Helper()
	input := segment(header) + "." + segment(payload)
	sum := sha256.Sum256([]byte(input))
	signature, err := rsa.SignPKCS1v15(nil, i.key, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return input + "." + segment(string(signature))
}

// keyed signs with a secret, as HS256 does.
func keyed(secret []byte, header, payload string) string {
	input := segment(header) + "." + segment(payload)
	m := hmac.New(sha256.New, secret)
	m.Write([]byte(input))
	return input + "." + segment(string(m.Sum(nil)))
}

// A place is where a request can carry a token.
type place struct {
	name    string
	refused []int // the statuses of a refusal
	request func(i *issuer, raw string) *http.Request
}

func bodyOf(url string, fields map[string]string) *http.Request {
	text, err := json.Marshal(fields)
	if err != nil {
		text = nil
	}
	r := httptest.NewRequest("POST", url, bytes.NewReader(text))
	r.Header.Set("Content-Type", "application/json")
	return r
}

func getWith(url, header, value string) *http.Request {
	r := httptest.NewRequest("GET", url, nil)
	r.Header[header] = []string{value}
	return r
}

const refreshURL = "/identity/resources/auth/v1/user/token/refresh"

// places are all where a token is read.
func places() []place {
	unknown := []int{401}
	garbage := []int{400, 401, 404, 410, 413}
	return []place{
		{"bearer", unknown, func(_ *issuer, raw string) *http.Request { return getWith("/host", "Authorization", "Bearer "+raw) }},
		{"x-access-token", unknown, func(_ *issuer, raw string) *http.Request { return getWith("/host", "X-Access-Token", raw) }},
		{"bearer of a user route", unknown, func(_ *issuer, raw string) *http.Request {
			return getWith("/identity/resources/users/v2/me", "Authorization", "Bearer "+raw)
		}},
		{"bearer of a management route", unknown, func(_ *issuer, raw string) *http.Request {
			return getWith("/identity/resources/configurations/v1", "Authorization", "Bearer "+raw)
		}},
		{"session cookie", unknown, func(_ *issuer, raw string) *http.Request {
			return getWith("/host", "Cookie", "__Host-identity="+raw)
		}},
		{"refresh cookie", unknown, func(i *issuer, raw string) *http.Request {
			r := bodyOf(refreshURL, map[string]string{})
			r.Header["Cookie"] = []string{"fe_refresh_" + strings.Replace(i.id.Environment(), "-", "", 1) + "=" + raw}
			return r
		}},
		{"refresh token", garbage, func(_ *issuer, raw string) *http.Request {
			return bodyOf(refreshURL, map[string]string{"refreshToken": raw})
		}},
		{"activation token", garbage, func(i *issuer, raw string) *http.Request {
			return bodyOf("/identity/resources/users/v1/activate", map[string]string{"userId": i.login.User.ID, "token": raw, "password": sweepPassword})
		}},
		{"management secret", garbage, func(i *issuer, raw string) *http.Request {
			return bodyOf("/auth/vendor", map[string]string{"clientId": i.id.Environment(), "secret": raw})
		}},
		{"reset link", garbage, func(i *issuer, raw string) *http.Request {
			return bodyOf("/identity/resources/users/v1/passwords/reset/validate", map[string]string{"userId": i.login.User.ID, "token": raw})
		}},
		{"reset token", garbage, func(i *issuer, raw string) *http.Request {
			return bodyOf("/identity/resources/users/v1/passwords/reset/verify",
				map[string]string{"userId": i.login.User.ID, "token": raw, "password": sweepPassword + " again"})
		}},
		{"unlock token", garbage, func(_ *issuer, raw string) *http.Request {
			return bodyOf("/identity/resources/users/v3/me/unlock", map[string]string{"token": raw})
		}},
		{"mfa token", garbage, func(_ *issuer, raw string) *http.Request {
			return bodyOf("/identity/resources/auth/v1/user/mfa/authenticator/enroll", map[string]string{"mfaToken": raw})
		}},
		{"mfa token with a code", garbage, func(_ *issuer, raw string) *http.Request {
			return bodyOf("/identity/resources/auth/v1/user/mfa/recovery-code/verify", map[string]string{"mfaToken": raw, "recoveryCode": "aaaaa-aaaaa"})
		}},
	}
}

func (i *issuer) serve(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	i.mux.ServeHTTP(w, r)
	return w
}

// refuses sends a token to every place that reads one.
func (i *issuer) refuses(t *testing.T, raw string) {
	t.Helper()
	for _, p := range places() {
		w := i.serve(p.request(i, raw))
		if !slices.Contains(p.refused, w.Code) || len(w.Result().Cookies()) > 0 {
			t.Errorf("%s: status %d, cookies %v, %.100s; want one of %v and no cookie\ntoken %.200s",
				p.name, w.Code, w.Result().Cookies(), w.Body, p.refused, raw)
		}
	}
}

// accepts sends a token as a bearer.
func (i *issuer) accepts(t *testing.T, raw string) {
	t.Helper()
	w := i.serve(getWith("/host", "Authorization", "Bearer "+raw))
	if w.Code != http.StatusOK || w.Body.String() != i.login.User.ID {
		t.Errorf("status %d, %.100s; want %s\ntoken %.200s", w.Code, w.Body, i.login.User.ID, raw)
	}
}

// TestAttackTokensByHeader sends tokens whose signature is right and whose header is not,
// or that are no token at all.
func TestAttackTokensByHeader(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	good := i.forge(t, issued, i.with(t))
	i.accepts(t, good)
	i.accepts(t, i.login.AccessToken)
	p := strings.Split(good, ".")
	h := func(header string) string { return i.forge(t, header, i.with(t)) }
	jwk := fmt.Sprintf(`{"kty":"RSA","e":"AQAB","n":%q}`, base64.RawURLEncoding.EncodeToString(i.key.N.Bytes()))
	for _, tt := range []struct{ name, raw string }{
		{"JWT-01 flattened JSON", fmt.Sprintf(`{"payload":%q,"protected":%q,"signature":%q,"x":1}`, p[1], p[0], p[2])},
		{"JWT-02 flattened JSON without payload", fmt.Sprintf(`{"protected":%q,"signature":%q}`, p[0], p[2])},
		{"JWT-03 general JSON", fmt.Sprintf(`{"payload":%q,"signatures":[{"protected":%q,"signature":%q}]}`, p[1], p[0], p[2])},
		{"JWT-05 raw claims", i.with(t)},
		{"JWT-06 alg none", segment(`{"alg":"none"}`) + "." + p[1] + "."},
		{"JWT-08 alg none with a live kid", segment(`{"alg":"none","kid":"live","typ":"at+jwt"}`) + "." + p[1] + "."},
		{"JWT-08 alg none with a right signature", h(`{"alg":"none","kid":"live","typ":"at+jwt"}`)},
		{"JWT-07 None", h(`{"alg":"None","kid":"live","typ":"at+jwt"}`)},
		{"JWT-07 NONE", h(`{"alg":"NONE","kid":"live","typ":"at+jwt"}`)},
		{"JWT-07 nOnE", h(`{"alg":"nOnE","kid":"live","typ":"at+jwt"}`)},
		{"JWT-07 empty", h(`{"alg":"","kid":"live","typ":"at+jwt"}`)},
		{"JWT-07 missing", h(`{"kid":"live","typ":"at+jwt"}`)},
		{"JWT-07 null", h(`{"alg":null,"kid":"live","typ":"at+jwt"}`)},
		{"JWT-07 256", h(`{"alg":256,"kid":"live","typ":"at+jwt"}`)},
		{"JWT-07 array", h(`{"alg":["RS256"],"kid":"live","typ":"at+jwt"}`)},
		{"JWT-10 another RSA algorithm", h(`{"alg":"RS512","kid":"live","typ":"at+jwt"}`)},
		{"JWT-13 no kid", h(`{"alg":"RS256","typ":"at+jwt"}`)},
		{"JWT-14 path", h(`{"alg":"RS256","kid":"../../../../dev/null","typ":"at+jwt"}`)},
		{"JWT-14 file", h(`{"alg":"RS256","kid":"/proc/self/environ","typ":"at+jwt"}`)},
		{"JWT-14 query", h(`{"alg":"RS256","kid":"key' UNION SELECT 'a","typ":"at+jwt"}`)},
		{"JWT-14 command", h(`{"alg":"RS256","kid":"|/bin/id","typ":"at+jwt"}`)},
		{"JWT-14 address", h(`{"alg":"RS256","kid":"http://evil/k","typ":"at+jwt"}`)},
		{"JWT-14 4 KiB", h(`{"alg":"RS256","kid":"` + strings.Repeat("A", 4096) + `","typ":"at+jwt"}`)},
		{"JWT-14 NUL", h(`{"alg":"RS256","kid":"live\u0000","typ":"at+jwt"}`)},
		{"JWT-14 object", h(`{"alg":"RS256","kid":{},"typ":"at+jwt"}`)},
		{"JWT-14 number", h(`{"alg":"RS256","kid":1,"typ":"at+jwt"}`)},
		{"JWT-17 jwk", h(`{"alg":"RS256","jwk":` + jwk + `,"kid":"live","typ":"at+jwt"}`)},
		{"JWT-17 x5c", h(`{"alg":"RS256","x5c":["AA"],"kid":"live","typ":"at+jwt"}`)},
		{"JWT-19 crit empty", h(`{"alg":"RS256","crit":[],"kid":"live","typ":"at+jwt"}`)},
		{"JWT-19 crit absent", h(`{"alg":"RS256","crit":["exp"],"kid":"live","typ":"at+jwt"}`)},
		{"JWT-19 crit alg", h(`{"alg":"RS256","crit":["alg"],"kid":"live","typ":"at+jwt"}`)},
		{"JWT-19 crit string", h(`{"alg":"RS256","crit":"alg","kid":"live","typ":"at+jwt"}`)},
		{"JWT-20 b64", h(`{"alg":"RS256","b64":false,"crit":["b64"],"kid":"live","typ":"at+jwt"}`)},
		{"JWT-21 zip", h(`{"alg":"RS256","kid":"live","typ":"at+jwt","zip":"DEF"}`)},
		{"JWT-22 alg twice", h(`{"alg":"none","alg":"RS256","kid":"live","typ":"at+jwt"}`)},
		{"JWT-22 alg twice, reversed", h(`{"alg":"RS256","alg":"none","kid":"live","typ":"at+jwt"}`)},
		{"JWT-27 no type", h(`{"alg":"RS256","kid":"live"}`)},
		{"JWT-27 other case", h(`{"alg":"RS256","kid":"live","typ":"AT+JWT"}`)},
		{"JWT-27 prefix", h(`{"alg":"RS256","kid":"live","typ":"application/at+jwt"}`)},
		{"JWT-27 JWT", h(`{"alg":"RS256","kid":"live","typ":"JWT"}`)},
		{"JWT-41 line break at the end", good + "\n"},
		{"JWT-41 line break in the payload", p[0] + "." + p[1][:5] + "\n" + p[1][5:] + "." + p[2]},
		{"JWT-41 line break in the signature", p[0] + "." + p[1] + "." + p[2][:5] + "\r\n" + p[2][5:]},
		{"JWT-41 padding", good + "="},
		{"JWT-41 trailing space", good + " x"},
		{"JWT-41 tab", "\t" + good},
		{"JWT-42 no segment", ""},
		{"JWT-42 one segment", p[0]},
		{"JWT-42 two segments", p[0] + "." + p[1]},
		{"JWT-42 four segments", good + "." + p[2]},
		{"JWT-42 five segments", good + "." + p[2] + "." + p[2]},
		{"JWT-42 a megabyte of dots", strings.Repeat(".", 1<<20)},
		{"JWT-43 ten megabytes", strings.Repeat("A", 10<<20)},
		{"JWT-43 300,000 members", segment("{"+strings.Repeat(`"a":1,`, 300000)+`"alg":"RS256"}`) + "." + p[1] + "." + p[2]},
		{"JWT-44 deep header", segment(strings.Repeat("[", 200000)) + "." + p[1] + "." + p[2]},
		{"JWT-44 deep payload", i.forge(t, issued, strings.Repeat(`[`, 5000))},
		{"JWT-45 JWE", segment(`{"alg":"RSA-OAEP","enc":"A256GCM"}`) + ".AA.AA.AA.AA"},
		{"JWT-47 JWE with a costly password", segment(`{"alg":"PBES2-HS256+A128KW","p2c":2000000000,"p2s":"AA","enc":"A256GCM"}`) + ".AA.AA.AA.AA"},
		{"JWT-48 a token as the payload", i.forge(t, issued, good)},
		{"JWT-48 cty", h(`{"alg":"RS256","cty":"JWT","kid":"live","typ":"at+jwt"}`)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			i.refuses(t, tt.raw)
		})
	}
	t.Run("JWT-14 JWT-43 the log stays as it was", func(t *testing.T) {
		if text := i.log.String(); strings.Contains(text, "UNION") || strings.Contains(text, "AAAAAAAA") {
			t.Errorf("the log holds what an attacker wrote: %.500s", text)
		}
	})
}

// TestAttackTokensByKey sends tokens that are signed with something that is not the key.
func TestAttackTokensByKey(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	der, err := x509.MarshalPKIXPublicKey(i.key.Public())
	if err != nil {
		t.Fatal(err)
	}
	jwks := i.serve(httptest.NewRequest("GET", "/.well-known/jwks.json", nil)).Body.Bytes()
	var set struct{ Keys []json.RawMessage }
	if err := json.Unmarshal(jwks, &set); err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	for name, secret := range map[string][]byte{
		"PEM": text, "PEM trimmed": bytes.TrimSpace(text), "DER": der, "PKCS #1": x509.MarshalPKCS1PublicKey(&i.key.PublicKey),
		"JWK": set.Keys[0], "JWKS": jwks, "modulus": i.key.N.Bytes(), "nothing": nil,
	} {
		t.Run("JWT-09 "+name, func(t *testing.T) {
			t.Parallel()
			i.refuses(t, keyed(secret, `{"alg":"HS256","kid":"live","typ":"at+jwt"}`, i.with(t)))
			i.refuses(t, keyed(secret, `{"alg":"RS256","kid":"live","typ":"at+jwt"}`, i.with(t)))
			i.refuses(t, keyed(secret, `{"alg":"HS256","typ":"at+jwt"}`, i.with(t)))
		})
	}
	t.Run("JWT-16 JWT-17 keys of the attacker", func(t *testing.T) {
		t.Parallel()
		var asked atomic.Int64
		evil := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
		defer evil.Close()
		attacker := &issuer{key: newIssuer(t).key}
		for _, header := range []string{
			issued, `{"alg":"RS256","kid":"live","typ":"at+jwt","jku":"` + evil.URL + `"}`,
			`{"alg":"RS256","kid":"live","typ":"at+jwt","x5u":"` + evil.URL + `"}`, `{"alg":"RS256","kid":"` + evil.URL + `","typ":"at+jwt"}`,
		} {
			i.refuses(t, attacker.forge(t, header, i.with(t)))
		}
		if n := asked.Load(); n != 0 {
			t.Errorf("the attacker's address saw %d requests, want none", n)
		}
	})
	t.Run("JWT-10 JWT-12 the key of a template", func(t *testing.T) {
		t.Parallel()
		attackTemplateKey(t)
	})
}

// attackTemplateKey mixes the environment's key with the secret of a template.
func attackTemplateKey(t *testing.T) {
	i := newIssuer(t)
	_, err := i.id.Templates.Create(t.Context(), identity.System(), service.NewTemplate{
		Key: "hs", Name: "hs", Lifetime: time.Minute, Algorithm: "HS256",
		Claims: `{"sub":"{{sub}}","aud":"{{aud}}","iss":"{{iss}}","iat":"{{iat}}","exp":"{{exp}}"}`,
	})
	if err != nil {
		t.Fatal(err)
	}
	keys, err := i.id.Keys.List(t.Context(), identity.System())
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(keys, func(k store.SigningKey) bool { return k.Algorithm == "HS256" })
	if at < 0 {
		t.Fatalf("no key of the template among %v", keys)
	}
	i.refuses(t, i.forge(t, `{"alg":"RS256","kid":"`+keys[at].ID+`","typ":"at+jwt"}`, i.with(t)))
	i.refuses(t, i.forge(t, `{"alg":"HS256","kid":"`+keys[at].ID+`","typ":"at+jwt"}`, i.with(t)))
	i.refuses(t, keyed(nil, `{"alg":"HS256","kid":"`+keys[at].ID+`","typ":"at+jwt"}`, i.with(t)))
	if w := i.serve(httptest.NewRequest("GET", "/.well-known/jwks.json", nil)); strings.Contains(w.Body.String(), "oct") ||
		strings.Contains(w.Body.String(), keys[at].ID) {
		t.Errorf("the public keys hold a secret: %s", w.Body)
	}
}

// TestAttackTokensByClaims sends tokens that are rightly signed and say what must not be.
func TestAttackTokensByClaims(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	now := i.at.Load()
	other := newIssuer(t)
	dup := strings.Replace(i.with(t), `"sub":`, `"sub":"`+other.login.User.ID+`","sub":`, 1)
	for _, tt := range []struct{ name, payload string }{
		{"JWT-23 a claim twice", dup},
		{"JWT-28 a tenant's token as a user's", i.with(t, "type", "tenantApiToken", "sub", i.login.Session.TenantID, "sid", nil)},
		{"JWT-28 no session", i.with(t, "sid", nil)},
		{"JWT-28 no tenant", i.with(t, "tenantId", nil)},
		{"JWT-28 no subject", i.with(t, "sub", nil)},
		{"JWT-28 empty subject", i.with(t, "sub", "")},
		{"JWT-29 another audience", i.with(t, "aud", "other")},
		{"JWT-29 other audiences", i.with(t, "aud", []string{"other"})},
		{"JWT-29 no audience", i.with(t, "aud", nil)},
		{"JWT-29 empty audience", i.with(t, "aud", "")},
		{"JWT-29 an object", i.with(t, "aud", map[string]string{"x": i.id.Environment()})},
		{"JWT-29 no list", i.with(t, "aud", []string{})},
		{"JWT-30 another issuer", i.with(t, "iss", "https://other.example")},
		{"JWT-31 a slash", i.with(t, "iss", "https://app.example/")},
		{"JWT-31 case", i.with(t, "iss", "https://APP.example")},
		{"JWT-31 http", i.with(t, "iss", "http://app.example")},
		{"JWT-31 no issuer", i.with(t, "iss", nil)},
		{"JWT-33 exp 0", i.with(t, "exp", 0)},
		{"JWT-33 no exp", i.with(t, "exp", nil)},
		{"JWT-34 exp a second ago", i.with(t, "iat", now-60, "exp", now-1)},
		{"JWT-34 exp now", i.with(t, "iat", now-60, "exp", now)},
		{"JWT-35 a string", i.with(t, "exp", fmt.Sprint(now+60))},
		{"JWT-35 a date", i.with(t, "exp", "2099-01-01T00:00:00Z")},
		{"JWT-35 1e300", strings.Replace(i.with(t, "exp", 4242), "4242", "1e300", 1)},
		{"JWT-35 -1", i.with(t, "exp", -1)},
		{"JWT-35 null", strings.Replace(i.with(t, "exp", 4242), "4242", "null", 1)},
		{"JWT-35 true", i.with(t, "exp", true)},
		{"JWT-35 a list", i.with(t, "exp", []int64{now + 60})},
		{"JWT-35 1e18", i.with(t, "exp", int64(1e18))},
		{"JWT-35 the year 10000", i.with(t, "exp", int64(253402300800))},
		{"JWT-35 a fraction", strings.Replace(i.with(t, "exp", 4242), "4242", fmt.Sprint(now+60)+".5", 1)},
		{"JWT-36 iat in the future", i.with(t, "iat", now+30, "exp", now+90)},
		{"JWT-36 nbf in the future", i.with(t, "nbf", now+30)},
		{"JWT-38 a life of a year", i.with(t, "iat", now, "exp", now+365*86400)},
		{"JWT-38 exp before iat", i.with(t, "iat", now+5, "exp", now+4)},
		{"JWT-40 not UTF-8", strings.Replace(i.with(t, "name", "admin"), "admin", "adm\xffin", 1)},
		{"JWT-26 the type of a management token", i.with(t, "type", "vendor")},
		{"JWT-26 no type", i.with(t, "type", nil)},
		{"another user's session", i.with(t, "sub", other.login.User.ID)},
		{"a session that never was", i.with(t, "sid", other.login.Session.ID)},
		{"a tenant that the user is not in", i.with(t, "tenantId", other.login.Session.TenantID)},
		{"no object", `[]`}, {"nothing", ``}, {"null", `null`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			i.refuses(t, i.forge(t, issued, tt.payload))
		})
	}
	for _, tt := range []struct{ name, payload string }{
		{"JWT-24 case variants are other names", strings.Replace(i.with(t), `{`, `{"SUB":"`+other.login.User.ID+`","Exp":1,"ISS":"x",`, 1)},
		{"JWT-29 one of several audiences", i.with(t, "aud", []string{"other", i.id.Environment()})},
		{"JWT-34 exp in a second", i.with(t, "iat", now-60, "exp", now+1)},
		{"rights that a token claims grant nothing", i.with(t, "permissions", []string{"*"}, "roles", []string{"root"})},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			i.accepts(t, i.forge(t, issued, tt.payload))
		})
	}
}

// TestAttackTokensOverTime lets clocks differ and time pass.
func TestAttackTokensOverTime(t *testing.T) {
	t.Parallel()
	t.Run("JWT-36 within the skew", func(t *testing.T) {
		t.Parallel()
		i := newIssuer(t, func(o *identity.Options) { o.Token.Skew = time.Minute })
		now := i.at.Load()
		i.accepts(t, i.forge(t, issued, i.with(t, "iat", now+30, "nbf", now+30, "exp", now+90)))
		i.refuses(t, i.forge(t, issued, i.with(t, "iat", now+90, "exp", now+150)))
		i.refuses(t, i.forge(t, issued, i.with(t, "iat", now-90, "exp", now-30))) // skew makes nothing live longer
	})
	t.Run("JWT-33 JWT-34 a token that is cached", func(t *testing.T) {
		t.Parallel()
		i := newIssuer(t)
		i.accepts(t, i.login.AccessToken)
		i.at.Add(5*60 - 1)
		i.accepts(t, i.login.AccessToken)
		i.at.Add(1)
		i.refuses(t, i.login.AccessToken)
	})
	t.Run("JWT-37 logged out everywhere", func(t *testing.T) {
		t.Parallel()
		i := newIssuer(t)
		i.accepts(t, i.login.AccessToken)
		by := store.Principal{Kind: store.UserKind, ID: i.login.User.ID, UserID: i.login.User.ID, TenantID: i.login.Session.TenantID}
		if err := i.id.Sessions.EndAll(t.Context(), by); err != nil {
			t.Fatal(err)
		}
		i.refuses(t, i.login.AccessToken)
		i.refuses(t, i.forge(t, issued, i.with(t, "iat", i.at.Load(), "exp", i.at.Load()+60)))
	})
	t.Run("JWT-30 two environments with one key", func(t *testing.T) {
		t.Parallel()
		a := newIssuer(t)
		b := newIssuer(t, func(o *identity.Options) { o.Token.Signer, o.BaseURL = a.key, "https://other.example" })
		a.refuses(t, b.login.AccessToken)
		b.refuses(t, a.login.AccessToken)
		a.refuses(t, a.forge(t, issued, a.with(t, "iss", "https://other.example")))
	})
	t.Run("JWT-15 a flood of unknown kids asks nobody", func(t *testing.T) {
		t.Parallel()
		i := newIssuer(t)
		p := strings.Split(i.login.AccessToken, ".")
		if err := i.db.Close(); err != nil { // whoever asks the store now is told
			t.Fatal(err)
		}
		for n := range 10000 {
			head := segment(fmt.Sprintf(`{"alg":"RS256","kid":"%032x","typ":"at+jwt"}`, n))
			w := i.serve(getWith("/host", "Authorization", "Bearer "+head+"."+p[1]+"."+p[2]))
			if w.Code != http.StatusUnauthorized {
				t.Fatalf("token %d: status %d %s, want 401", n, w.Code, w.Body)
			}
		}
	})
}

// TestAttackTokensByBit flips every bit of a token, as it is sent and as it is decoded.
func TestAttackTokensByBit(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	good := i.login.AccessToken
	i.accepts(t, good) // and cached
	check := func(t *testing.T, what, raw string) {
		t.Helper()
		if w := i.serve(getWith("/host", "Authorization", "Bearer "+raw)); w.Code != http.StatusUnauthorized {
			t.Fatalf("%s flipped: status %d, %s", what, w.Code, w.Body)
		}
	}
	t.Run("JWT-41 as it is sent", func(t *testing.T) {
		t.Parallel()
		b := []byte(good)
		for bit := range len(b) * 8 {
			b[bit/8] ^= 1 << (bit % 8)
			check(t, fmt.Sprintf("bit %d", bit), string(b))
			b[bit/8] ^= 1 << (bit % 8)
		}
	})
	t.Run("JWT-41 as it is decoded", func(t *testing.T) {
		t.Parallel()
		p := strings.Split(good, ".")
		for n := range p {
			b, err := base64.RawURLEncoding.DecodeString(p[n])
			if err != nil {
				t.Fatal(err)
			}
			for bit := range len(b) * 8 {
				b[bit/8] ^= 1 << (bit % 8)
				bent := slices.Clone(p)
				bent[n] = segment(string(b))
				b[bit/8] ^= 1 << (bit % 8)
				check(t, fmt.Sprintf("segment %d, bit %d", n, bit), strings.Join(bent, "."))
			}
		}
	})
}

// TestAttackTokenKinds presents every kind of token at every consumer: each counts in its
// own place only.
func TestAttackTokenKinds(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	browser, err := i.id.SignIn.Password(t.Context(), store.Principal{}, service.PasswordLogin{
		Email: "ann@example.com", Password: sweepPassword, Kind: store.Browser,
	})
	if err != nil {
		t.Fatal(err)
	}
	_, secret, err := i.id.Credentials.Create(t.Context(), identity.System(), "back end")
	if err != nil {
		t.Fatal(err)
	}
	management, _, err := i.id.Credentials.Exchange(t.Context(), store.Principal{}, i.id.Environment(), secret)
	if err != nil {
		t.Fatal(err)
	}
	device, err := i.id.SignIn.NewDevice()
	if err != nil {
		t.Fatal(err)
	}
	_, reset, err := i.id.Resets.Link(t.Context(), identity.System(), i.login.User.ID)
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]string{
		"access": i.login.AccessToken, "management": management, "refresh": i.login.Secret, "session": browser.Secret,
		"secret": secret, "device": device, "activation": i.activation(t), "reset": reset, "mfa": i.asked(t),
	}
	takes := map[string]string{ // what counts where
		"bearer": "access", "x-access-token": "access", "bearer of a user route": "access", "bearer of a management route": "management",
		"session cookie": "session", "refresh cookie": "refresh", "refresh token": "refresh", "management secret": "secret",
		"reset link": "reset", "mfa token": "mfa",
	}
	for _, p := range places() {
		for kind, raw := range kinds {
			if p.name == kind+" token" && kind != "mfa" || p.name == kind+" cookie" && kind == "refresh" {
				continue // they are used up by it: see the sign-up, the refresh and the reset
			}
			t.Run("JWT-26 "+kind+" as "+p.name, func(t *testing.T) {
				t.Parallel()
				w := i.serve(p.request(i, raw))
				counts := w.Code < 300
				if want := takes[p.name] == kind; counts != want {
					t.Errorf("status %d %s, want that it counts: %v", w.Code, w.Body, want)
				}
			})
		}
	}
}

// asked returns what a user holds who gave the password and is asked for more.
func (i *issuer) asked(t *testing.T) string {
	t.Helper()
	s, err := i.id.SignUp.Create(t.Context(), store.Principal{}, service.NewSignUp{Email: "bob@example.com", Password: sweepPassword, Company: "Bob"})
	if err != nil {
		t.Fatal(err)
	}
	by, force := identity.System(), service.Force
	by.TenantID = s.Login.Session.TenantID
	if _, err := i.id.MFAPolicies.Put(t.Context(), by, service.MFAPolicyChange{Enforce: &force}); err != nil {
		t.Fatal(err)
	}
	l, err := i.id.SignIn.Password(t.Context(), store.Principal{}, service.PasswordLogin{Email: "bob@example.com", Password: sweepPassword})
	if err != nil || l.MFAToken == "" {
		t.Fatalf("sign in = %+v, %v, want a question", l, err)
	}
	return l.MFAToken
}

// activation returns the secret of a link that was mailed to somebody.
func (i *issuer) activation(t *testing.T) string {
	t.Helper()
	mail := make(chan string, 1)
	id, err := identity.New(t.Context(), identity.Options{
		Store: i.db, BaseURL: "https://app.example", Secrets: [][]byte{[]byte("a secret of this test, 32+ bytes")},
		Logger: slog.New(slog.DiscardHandler), Now: func() time.Time { return time.Unix(i.at.Load(), 0) },
		Token: identity.TokenOptions{Signer: i.key, KeyID: liveKID},
		Send: func(_ context.Context, m identity.Message) error {
			mail <- m.Text
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = id.SignUp.Create(t.Context(), store.Principal{}, service.NewSignUp{Email: "eve@example.com", Password: sweepPassword, Company: "Evil"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- id.Run(ctx) }()
	text := <-mail
	cancel()
	if err := <-ran; err != nil && !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(text, "token=")
	if !ok {
		t.Fatalf("no link in %q", text)
	}
	return rest[:strings.IndexAny(rest+"\n", "&\n \t")]
}
