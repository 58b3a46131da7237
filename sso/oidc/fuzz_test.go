package oidc_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity/sso"
	"github.com/go-identity/identity/sso/oidc"
)

const (
	fuzzIssuer = "https://op.example"
	fuzzCode   = "the right code"
)

func fuzzNow() time.Time { return time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC) }

// fuzzKey is the provider's: the same in every process of a fuzzer.
func fuzzKey() ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte("seed"), ed25519.SeedSize/4))
}

func fuzzSign(head, payload []byte) string {
	text := base64.RawURLEncoding.EncodeToString(head) + "." + base64.RawURLEncoding.EncodeToString(payload)
	return text + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(fuzzKey(), []byte(text)))
}

func fuzzRequest() oidc.Request {
	return oidc.Request{Flow: oidc.Flow{State: "state", Nonce: "nonce", Verifier: strings.Repeat("v", 43)}, RedirectURI: redirect}
}

func fuzzProvider() oidc.Provider {
	return oidc.Provider{Connection: "c1", Issuer: fuzzIssuer, ClientID: client, ClientSecret: secret, Auth: oidc.Basic}
}

// A fuzzed is a provider without a network, whose token endpoint answers with one token.
type fuzzed string

func (token fuzzed) RoundTrip(r *http.Request) (*http.Response, error) {
	var body any
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		body = object{
			"issuer": fuzzIssuer, "authorization_endpoint": fuzzIssuer + "/authorize", "token_endpoint": fuzzIssuer + "/token",
			"jwks_uri": fuzzIssuer + "/jwks", "id_token_signing_alg_values_supported": []string{"EdDSA"},
		}
	case "/jwks":
		public, _ := fuzzKey().Public().(ed25519.PublicKey)
		body = object{"keys": []any{object{
			"kty": "OKP", "crv": "Ed25519", "kid": "one", "alg": "EdDSA", "use": "sig", "x": base64.RawURLEncoding.EncodeToString(public),
		}}}
	case "/token":
		if r.FormValue("code") != fuzzCode || r.FormValue("code_verifier") != fuzzRequest().Verifier {
			return nil, errors.New("no such code")
		}
		body = object{"access_token": "access", "token_type": "Bearer", "expires_in": 60, "id_token": string(token)}
	}
	text, err := json.Marshal(body)
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(bytes.NewReader(text)), Request: r,
	}, err
}

func (token fuzzed) finish(t testing.TB, answer url.Values) (sso.Assertion, error) {
	t.Helper()
	p, err := oidc.New(oidc.Options{HTTP: &http.Client{Transport: token}, Now: fuzzNow})
	if err != nil {
		t.Fatal(err)
	}
	a, err := p.Finish(t.Context(), fuzzProvider(), fuzzRequest(), answer)
	if err != nil && (sso.Diagnosis(err) == "" || !reflect.DeepEqual(a, sso.Assertion{})) {
		t.Fatalf("%+v with an error that is no refusal: %v", a, err)
	}
	return a, err
}

const (
	fuzzHead    = `{"alg":"EdDSA","kid":"one"}`
	fuzzPayload = `{"iss":"https://op.example","sub":"alice","aud":"rp","exp":1777863900,"iat":1777863700,"nonce":"nonce","email":"a@b.example","name":"A"}`
)

func rightAnswer() url.Values { return url.Values{"code": {fuzzCode}, "state": {"state"}} }

// FuzzIDToken reads tokens of every shape. One that the provider signed is accepted only if
// its claims say what they must, read by another reader; any other never says anything new.
func FuzzIDToken(f *testing.F) {
	honest := fuzzSign([]byte(fuzzHead), []byte(fuzzPayload))
	want, err := fuzzed(honest).finish(f, rightAnswer())
	if err != nil || want.Subject != "alice" {
		f.Fatalf("%+v, %v: %s", want, err, sso.Diagnosis(err))
	}
	f.Add([]byte(fuzzHead), []byte(fuzzPayload), "")
	f.Add([]byte(fuzzHead), []byte(strings.Replace(fuzzPayload, `"rp"`, `["rp","x"],"azp":"rp"`, 1)), "")
	f.Add([]byte(fuzzHead), []byte(strings.Replace(fuzzPayload, `"name"`, `"nbf":1777863000,"auth_time":1,"at_hash":"x","groups":["a"],"name"`, 1)), "")
	f.Add([]byte(`{"alg":"none"}`), []byte(fuzzPayload), ".")
	f.Add([]byte(`{"alg":"HS256","kid":"one"}`), []byte(fuzzPayload), ".x")
	f.Add([]byte(``), []byte(``), honest)
	f.Fuzz(func(t *testing.T, head, payload []byte, token string) {
		if token == "" {
			token = fuzzSign(head, payload)
			if got, err := fuzzed(token).finish(t, rightAnswer()); err == nil {
				claimsHold(t, payload, got)
			}
			return
		}
		if got, err := fuzzed(token).finish(t, rightAnswer()); err == nil {
			got.Hint = want.Hint
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("%q says %+v", token, got)
			}
		}
	})
}

// claimsHold reads the claims with the standard library and checks them by the book.
func claimsHold(t *testing.T, payload []byte, got sso.Assertion) {
	t.Helper()
	var c map[string]any
	if err := json.Unmarshal(payload, &c); err != nil {
		t.Fatalf("accepted %q: %v", payload, err)
	}
	exp, _ := c["exp"].(float64)
	iat, _ := c["iat"].(float64)
	now := float64(fuzzNow().Unix())
	audience, several := c["aud"].([]any)
	ours := !several && c["aud"] == client || several && slices.Contains(audience, any(client)) && (len(audience) == 1 || c["azp"] == client)
	if c["iss"] != fuzzIssuer || c["nonce"] != "nonce" || !ours || exp <= now-61 || iat > now+61 || got.Subject == "" || c["sub"] != got.Subject {
		t.Fatalf("accepted %q as %+v", payload, got)
	}
}

// FuzzCallback reads what a browser brings: only the answer to the request that was made
// leads anywhere.
func FuzzCallback(f *testing.F) {
	token := fuzzed(fuzzSign([]byte(fuzzHead), []byte(fuzzPayload)))
	right := rightAnswer().Encode()
	for _, seed := range []string{
		right, right + "&iss=" + url.QueryEscape(fuzzIssuer), right + "&iss=x", right + "&state=state", right + "&error=access_denied",
		right + "&id_token=x", "code=%00&state=state", "error=login_required&state=state", "",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		answer, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		if _, err := token.finish(t, answer); err != nil {
			return
		}
		issuer, named := answer["iss"]
		if !slices.Equal(answer["code"], []string{fuzzCode}) || !slices.Equal(answer["state"], []string{"state"}) ||
			named && !slices.Equal(issuer, []string{fuzzIssuer}) || answer.Has("error") || answer.Has("id_token") || answer.Has("access_token") {
			t.Fatalf("accepted %q", query)
		}
	})
}

// FuzzLogoutToken reads signed tokens of the back channel: an ID token is none of them.
func FuzzLogoutToken(f *testing.F) {
	const payload = `{"iss":"https://op.example","aud":"rp","iat":1777863700,"exp":1777863900,"jti":"1","sid":"s",` +
		`"events":{"http://schemas.openid.net/event/backchannel-logout":{}}}`
	f.Add([]byte(`{"alg":"EdDSA","kid":"one","typ":"logout+jwt"}`), []byte(payload))
	f.Add([]byte(fuzzHead), []byte(fuzzPayload))
	f.Add([]byte(fuzzHead), []byte(strings.Replace(payload, `"sid"`, `"nonce":"n","sub"`, 1)))
	p, err := oidc.New(oidc.Options{HTTP: &http.Client{Transport: fuzzed("")}, Now: fuzzNow})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, head, payload []byte) {
		got, err := p.LogoutToken(t.Context(), fuzzProvider(), fuzzSign(head, payload))
		if err != nil {
			if sso.Diagnosis(err) == "" {
				t.Fatalf("an error that is no refusal: %v", err)
			}
			return
		}
		var c map[string]any
		if err := json.Unmarshal(payload, &c); err != nil {
			t.Fatalf("accepted %q: %v", payload, err)
		}
		_, nonce := c["nonce"]
		if c["iss"] != fuzzIssuer || nonce || c["events"] == nil || got.ID == "" || got.Subject+got.SessionIndex == "" {
			t.Fatalf("accepted %q as %+v", payload, got)
		}
	})
}
