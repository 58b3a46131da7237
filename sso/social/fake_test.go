package social_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/go-identity/identity/sso"
	"github.com/go-identity/identity/sso/oidc"
	"github.com/go-identity/identity/sso/social"
)

const (
	redirect = "https://app.example/oauth/account/social/success"
	tenant   = "11111111-2222-3333-4444-555555555555"
)

type object = map[string]any

// A fake plays one provider as its description says that it is: it holds every request against
// the description and answers what the test wants.
type fake struct {
	t      *testing.T
	server *httptest.Server
	signer *ecdsa.PrivateKey
	real   social.Provider // as described
	at     social.Provider // the same, at the fake's addresses
	client social.Client
	now    time.Time

	mu     sync.Mutex
	asked  map[string]int
	grants map[string]url.Values
	says   object                      // of the person, in the token or in userinfo
	emails []object                    // of the person, where they are listed
	token  func(object)                // bends the token endpoint's answer
	serve  map[string]http.HandlerFunc // instead of an endpoint
}

func newFake(t *testing.T, kind string) *fake {
	t.Helper()
	pr, ok := social.Lookup(kind)
	if !ok {
		t.Fatalf("no description of %s", kind)
	}
	return newFakeOf(t, pr)
}

func newFakeOf(t *testing.T, pr social.Provider) *fake {
	t.Helper()
	f := &fake{
		t: t, signer: newKey(t), real: pr, at: pr, client: social.Client{ID: "our id", Secret: "our secret/+"},
		now: time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC), says: object{}, emails: []object{},
		asked: map[string]int{}, grants: map[string]url.Values{}, serve: map[string]http.HandlerFunc{},
	}
	if pr.Signed {
		f.client = social.Client{ID: "our id", Secret: pemKey(t, f.signer), TeamID: "team", KeyID: "key"}
	}
	f.server = httptest.NewServer(f)
	t.Cleanup(f.server.Close)
	for _, address := range []*string{&f.at.Issuer, &f.at.Authorization, &f.at.Token, &f.at.Userinfo, &f.at.Emails} {
		*address = f.moved(*address)
	}
	return f
}

// moved returns where the fake has what the real provider has at an address.
func (f *fake) moved(address string) string {
	_, rest, ok := strings.Cut(address, "://")
	if !ok {
		return address
	}
	return f.server.URL + "/" + rest
}

func (f *fake) party() *social.Party {
	f.t.Helper()
	p, err := social.New(oidc.Options{HTTP: f.server.Client(), Now: f.clock})
	if err != nil {
		f.t.Fatal(err)
	}
	return p
}

func (f *fake) clock() time.Time { return f.now }

func (f *fake) hits(path string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked[path]
}

// tokenPath is where codes are exchanged.
func (f *fake) tokenPath() string {
	if f.at.Issuer != "" {
		return "/token"
	}
	return pathOf(f.at.Token)
}

func pathOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Path
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked[r.URL.Path]++
	if h := f.serve[r.URL.Path]; h != nil {
		h(w, r)
		return
	}
	switch path := r.URL.Path; {
	case strings.HasSuffix(path, "/.well-known/openid-configuration"):
		writeJSON(w, object{
			"issuer": f.at.Issuer, "authorization_endpoint": f.server.URL + "/authorize", "token_endpoint": f.server.URL + "/token",
			"jwks_uri": f.server.URL + "/jwks", "id_token_signing_alg_values_supported": []string{"ES256"},
		})
	case path == "/jwks":
		public := jose.JSONWebKey{Key: f.signer.Public(), KeyID: "one", Algorithm: "ES256", Use: "sig"}
		writeJSON(w, object{"keys": []any{public}})
	case path == f.tokenPath():
		f.redeem(w, r)
	case path == pathOf(f.at.Userinfo):
		f.wantToken(r)
		if f.real.Profile.Inside != "" {
			writeJSON(w, object{f.real.Profile.Inside: f.says})
			return
		}
		writeJSON(w, f.says)
	case path == pathOf(f.at.Emails):
		f.wantToken(r)
		writeJSON(w, f.emails)
	default:
		http.NotFound(w, r)
	}
}

// wantToken holds a request for a person's words against the token that was given out.
func (f *fake) wantToken(r *http.Request) {
	if r.Method != http.MethodGet || r.Header.Get("Authorization") != "Bearer access" || strings.Contains(r.URL.String(), "access") {
		f.t.Errorf("%s %s with %q, want the token in a header alone", r.Method, r.URL, r.Header.Get("Authorization"))
	}
	mac := hmac.New(sha256.New, []byte(f.client.Secret))
	mac.Write([]byte("access"))
	want := ""
	if f.real.SecretProof {
		want = hex.EncodeToString(mac.Sum(nil))
	}
	if got := r.URL.Query().Get("appsecret_proof"); got != want {
		f.t.Errorf("a proof of %q, want %q", got, want)
	}
}

// redeem gives a token for a code to whoever asked for the code, and once.
func (f *fake) redeem(w http.ResponseWriter, r *http.Request) {
	asked := f.grants[r.PostFormValue("code")]
	delete(f.grants, r.PostFormValue("code"))
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	challenge := base64.RawURLEncoding.EncodeToString(sum[:])
	proved := asked.Get("code_challenge") == challenge && asked.Get("code_challenge_method") == "S256"
	if f.real.NoPKCE {
		proved = !r.PostForm.Has("code_verifier") && !asked.Has("code_challenge")
	}
	if asked == nil || !proved || asked.Get("redirect_uri") != r.PostFormValue("redirect_uri") || !f.knows(r) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"error":"invalid_grant","error_description":"SECRET"}`))
		return
	}
	answer := object{"access_token": "access", "token_type": "bearer", "expires_in": 60}
	if f.real.Issuer != "" {
		answer["id_token"] = f.idToken(asked.Get("nonce"))
	}
	if f.token != nil {
		f.token(answer)
	}
	writeJSON(w, answer)
}

// knows reports whether the client proved itself, and in the described way alone.
func (f *fake) knows(r *http.Request) bool {
	id, secret := r.PostFormValue("client_id"), r.PostFormValue("client_secret")
	user, pass, header := r.BasicAuth()
	if f.real.Auth == oidc.Basic {
		id, secret, header = user, pass, id != "" || secret != ""
		unescaped, err := url.QueryUnescape(secret)
		if err != nil {
			return false
		}
		secret = unescaped
		id, _ = url.QueryUnescape(id)
	}
	if f.real.Signed {
		return !header && f.signed(secret)
	}
	return !header && id == f.client.ID && secret == f.client.Secret
}

// signed reports whether a secret is what Apple wants of one.
func (f *fake) signed(secret string) bool {
	token, err := jose.ParseSignedCompact(secret, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return false
	}
	payload, err := token.Verify(f.signer.Public())
	if err != nil || token.Signatures[0].Header.KeyID != "key" {
		return false
	}
	var c struct {
		Iss, Sub, Aud string
		Iat, Exp      int64
	}
	err = json.Unmarshal(payload, &c)
	return err == nil && c.Iss == "team" && c.Sub == f.client.ID && c.Aud == f.at.Issuer &&
		c.Iat == f.now.Unix() && c.Exp > c.Iat && c.Exp < c.Iat+600
}

func (f *fake) idToken(nonce string) string {
	claims := object{
		"iss": strings.Replace(f.at.Issuer, "{tenantid}", tenant, 1), "aud": f.client.ID, "nonce": nonce,
		"exp": f.now.Unix() + 300, "iat": f.now.Unix(),
	}
	if f.real.Tenants != "" {
		claims["tid"] = tenant
	}
	maps.Copy(claims, f.says)
	text, err := json.Marshal(claims)
	if err != nil {
		f.t.Error(err)
	}
	key := jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: f.signer, KeyID: "one"}}
	signer, err := jose.NewSigner(key, nil)
	if err != nil {
		f.t.Error(err)
		return ""
	}
	signed, err := signer.Sign(text)
	if err != nil {
		f.t.Error(err)
		return ""
	}
	compact, err := signed.CompactSerialize()
	if err != nil {
		f.t.Error(err)
	}
	return compact
}

// begin sends the browser there and returns the parameters that it arrives with.
func (f *fake) begin(p *social.Party, r oidc.Request) url.Values {
	f.t.Helper()
	address, err := p.Begin(f.t.Context(), f.at, f.client, r)
	if err != nil {
		f.t.Fatalf("begin: %v (%s)", err, sso.Diagnosis(err))
	}
	u, err := url.Parse(address)
	if err != nil {
		f.t.Fatal(err)
	}
	return u.Query()
}

// authorize plays the person who agrees: it returns what comes back to the redirect URI.
func (f *fake) authorize(asked url.Values) url.Values {
	code := rand.Text()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.grants[code] = asked
	return url.Values{"code": {code}, "state": {asked.Get("state")}}
}

func request() oidc.Request { return oidc.Request{Flow: oidc.NewFlow(), RedirectURI: redirect} }

// signIn goes the whole way.
func (f *fake) signIn() (sso.Assertion, error) {
	f.t.Helper()
	p, r := f.party(), request()
	return p.Finish(f.t.Context(), f.at, f.client, r, f.authorize(f.begin(p, r)))
}

func writeJSON(w http.ResponseWriter, o any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode(o)
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func pemKey(t *testing.T, k any) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}
