package oidc_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/go-identity/identity/sso"
	"github.com/go-identity/identity/sso/oidc"
)

const (
	client   = "rp"
	secret   = "rp secret/+"
	redirect = "https://app.example/callback/one"
)

// object is JSON that tests bend.
type object = map[string]any

// A fake is a provider whose every document a test can bend. Nil funcs bend nothing.
type fake struct {
	t      *testing.T
	server *httptest.Server

	mu       sync.Mutex
	now      time.Time
	signer   *ecdsa.PrivateKey
	kid      string
	asked    map[string]int // requests by path
	grants   map[string]url.Values
	document func(object)
	jwks     func(object)
	header   func(object)
	claims   func(object)
	userinfo func(object)
	answer   func(object)                          // of the token endpoint
	raw      func(header, claims object) string    // the whole ID token
	serve    map[string]http.HandlerFunc           // instead of an endpoint
	redeemed func(r *http.Request, u, pass string) // sees the token request
}

func newFake(t *testing.T) *fake {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	f := &fake{
		t: t, now: time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC), signer: k, kid: "one",
		asked: map[string]int{}, grants: map[string]url.Values{}, serve: map[string]http.HandlerFunc{},
	}
	f.server = httptest.NewServer(f)
	t.Cleanup(f.server.Close)
	return f
}

func (f *fake) issuer() string { return f.server.URL }

// clock is the time of both sides.
func (f *fake) clock() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now
}

func (f *fake) pass(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = f.now.Add(d)
}

func (f *fake) hits(path string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked[path]
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked[r.URL.Path]++
	if h := f.serve[r.URL.Path]; h != nil {
		h(w, r)
		return
	}
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		writeJSON(w, bent(f.document, f.documentAsIs()))
	case "/jwks":
		writeJSON(w, bent(f.jwks, object{"keys": []any{jwk(f.t, f.signer.Public(), f.kid, "ES256")}}))
	case "/token":
		f.token(w, r)
	case "/userinfo":
		writeJSON(w, bent(f.userinfo, object{"sub": "alice", "email": "alice@example.test", "email_verified": true, "name": "Alice", "groups": []string{"eng"}}))
	default:
		http.NotFound(w, r)
	}
}

func (f *fake) documentAsIs() object {
	return object{
		"issuer": f.issuer(), "authorization_endpoint": f.issuer() + "/authorize", "token_endpoint": f.issuer() + "/token",
		"userinfo_endpoint": f.issuer() + "/userinfo", "jwks_uri": f.issuer() + "/jwks", "end_session_endpoint": f.issuer() + "/end",
		"id_token_signing_alg_values_supported": []string{"RS256", "ES256"},
	}
}

func (f *fake) token(w http.ResponseWriter, r *http.Request) {
	if f.redeemed != nil {
		u, pass, _ := r.BasicAuth()
		f.redeemed(r, u, pass)
	}
	granted := f.grants[r.PostFormValue("code")]
	delete(f.grants, r.PostFormValue("code"))
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	if granted == nil || granted.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(sum[:]) || granted.Get("code_challenge_method") != "S256" ||
		granted.Get("redirect_uri") != r.PostFormValue("redirect_uri") {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"error":"invalid_grant","error_description":"SECRET"}`))
		return
	}
	writeJSON(w, bent(f.answer, object{
		"access_token": "access", "token_type": "Bearer", "expires_in": 60, "id_token": f.idToken(granted.Get("nonce")),
	}))
}

func (f *fake) idToken(nonce string) string {
	claims := bent(f.claims, object{
		"iss": f.issuer(), "sub": "alice", "aud": client, "exp": f.now.Unix() + 300, "iat": f.now.Unix(), "nonce": nonce,
	})
	header := bent(f.header, object{"alg": "ES256", "kid": f.kid})
	if f.raw != nil {
		return f.raw(header, claims)
	}
	return signES(f.t, f.signer, header, claims)
}

// authorize plays the browser and the person: it returns what comes back to the redirect URI.
func (f *fake) authorize(address string) url.Values {
	f.t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		f.t.Fatal(err)
	}
	code := rand.Text()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.grants[code] = u.Query()
	return url.Values{"code": {code}, "state": {u.Query().Get("state")}}
}

// provider is how a connection sees the fake.
func (f *fake) provider() oidc.Provider {
	return oidc.Provider{Connection: "c1", Issuer: f.issuer(), ClientID: client, ClientSecret: secret, Auth: oidc.Basic}
}

func (f *fake) party() *oidc.Party {
	f.t.Helper()
	p, err := oidc.New(oidc.Options{HTTP: f.server.Client(), Now: f.clock})
	if err != nil {
		f.t.Fatal(err)
	}
	return p
}

func request() oidc.Request { return oidc.Request{Flow: oidc.NewFlow(), RedirectURI: redirect} }

// signIn goes the whole way.
func (f *fake) signIn(p *oidc.Party, pr oidc.Provider, r oidc.Request) (sso.Assertion, error) {
	f.t.Helper()
	address, err := p.Begin(f.t.Context(), pr, r)
	if err != nil {
		return sso.Assertion{}, err
	}
	return p.Finish(f.t.Context(), pr, r, f.authorize(address))
}

func bent(bend func(object), o object) object {
	if bend != nil {
		bend(o)
	}
	return o
}

// with returns a bend that sets or, with nil, deletes members.
func with(changes object) func(object) {
	return func(o object) {
		maps.Copy(o, changes)
		maps.DeleteFunc(o, func(_ string, v any) bool { return v == nil })
	}
}

func writeJSON(w http.ResponseWriter, o object) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(o)
}

func jwk(t *testing.T, public crypto.PublicKey, kid, alg string) object {
	t.Helper()
	text, err := jose.JSONWebKey{Key: public, KeyID: kid, Algorithm: alg, Use: "sig"}.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	var o object
	if err := json.Unmarshal(text, &o); err != nil {
		t.Fatal(err)
	}
	return o
}

// unsigned returns the first two parts of a compact token.
func unsigned(t *testing.T, header, claims object) string {
	t.Helper()
	parts := ""
	for i, o := range []object{header, claims} {
		text, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		if i > 0 {
			parts += "."
		}
		parts += base64.RawURLEncoding.EncodeToString(text)
	}
	return parts
}

func signES(t *testing.T, k *ecdsa.PrivateKey, header, claims object) string {
	t.Helper()
	return signESText(t, k, unsigned(t, header, claims))
}

func signESText(t *testing.T, k *ecdsa.PrivateKey, text string) string {
	t.Helper()
	sum := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, k, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	signature := append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func signPS(t *testing.T, k *rsa.PrivateKey, header, claims object) string {
	t.Helper()
	text := unsigned(t, header, claims)
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPSS(rand.Reader, k, crypto.SHA256, sum[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}
