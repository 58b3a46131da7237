package bench_test

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/gob"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/go-chi/jwtauth/v5"
	"github.com/golang-jwt/jwt/v5"
	"github.com/gorilla/sessions"

	"github.com/go-identity/identity"
)

// rivals guard the same route with what each makes of a token or a session with the same
// claims.
func (a *arena) rivals(tb testing.TB, k identity.Permission) []contestant {
	tb.Helper()
	return []contestant{a.chi(k), a.golangJWT(tb, k), a.scs(tb, k), a.gorilla(tb, k)}
}

// publicKey returns the key of the site's tokens.
func publicKey(tb testing.TB, s *site) *rsa.PublicKey {
	tb.Helper()
	text, _, err := s.id.Keys.PublicPEM(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	block, _ := pem.Decode([]byte(text))
	k, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		tb.Fatal(err)
	}
	return k.(*rsa.PublicKey)
}

// chi is jwtauth as its README has it, on the very token that the library takes.
func (a *arena) chi(k identity.Permission) contestant {
	auth := jwtauth.New("RS256", nil, a.rsa)
	check := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, claims, err := jwtauth.FromContext(r.Context())
		all, _ := claims["permissions"].([]any)
		if err != nil || !slices.Contains(all, any(string(k))) {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		answer(w, r)
	})
	h := jwtauth.Verifier(auth)(jwtauth.Authenticator(auth)(check))
	return contestant{"chi-jwtauth", mounted(h), []http.Header{bearer(a.token)}}
}

// golangClaims are the claims of the token in a struct, the fastest that golang-jwt reads.
type golangClaims struct {
	jwt.RegisteredClaims
	TenantID    string   `json:"tenantId"`
	TenantIDs   []string `json:"tenantIds"`
	SessionID   string   `json:"sid"`
	Type        string   `json:"type"`
	Name        string   `json:"name"`
	Email       string   `json:"email"`
	Roles       []string `json:"roles"`
	Permissions []string `json:"permissions"`
}

// golangJWT is the middleware that everybody writes around golang-jwt, with HS256 over the
// same claims.
func (a *arena) golangJWT(tb testing.TB, k identity.Permission) contestant {
	tb.Helper()
	secret := []byte("0123456789abcdef0123456789abcdef")
	raw := resign(tb, a.token, jwt.SigningMethodHS256, secret)
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"HS256"}), jwt.WithExpirationRequired(),
		jwt.WithIssuer("http://localhost:8080"), jwt.WithAudience(a.site.id.Environment()))
	type key struct{}
	check := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, _ := r.Context().Value(key{}).(*golangClaims); c == nil || !slices.Contains(c.Permissions, string(k)) {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		answer(w, r)
	})
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		var c golangClaims
		if _, err := parser.ParseWithClaims(token, &c, func(*jwt.Token) (any, error) { return secret, nil }); err != nil {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		check.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), key{}, &c)))
	})
	return contestant{"golang-jwt", mounted(h), []http.Header{bearer(raw)}}
}

// resign signs the claims of a token anew.
func resign(tb testing.TB, token string, method jwt.SigningMethod, key any) string {
	tb.Helper()
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil {
		tb.Fatal(err)
	}
	signed := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"`+method.Alg()+`","typ":"JWT"}`)) + "." +
		base64.RawURLEncoding.EncodeToString(payload)
	signature, err := method.Sign(signed, key)
	if err != nil {
		tb.Fatal(err)
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// A visitor is what sessions keep of a user.
type visitor struct {
	UserID, TenantID, SessionID, Name, Email string
	Permissions                              []string
}

func (a *arena) visitor(tb testing.TB) visitor {
	tb.Helper()
	var c golangClaims
	if _, _, err := jwt.NewParser().ParseUnverified(a.token, &c); err != nil {
		tb.Fatal(err)
	}
	gob.Register(visitor{})
	return visitor{c.Subject, c.TenantID, c.SessionID, c.Name, c.Email, c.Permissions}
}

// scs is a session manager with its store in memory.
func (a *arena) scs(tb testing.TB, k identity.Permission) contestant {
	tb.Helper()
	m, v := scs.New(), a.visitor(tb)
	m.Lifetime = time.Hour
	check := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if v, _ := m.Get(r.Context(), "visitor").(visitor); !slices.Contains(v.Permissions, string(k)) {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		answer(w, r)
	})
	signIn := m.LoadAndSave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { m.Put(r.Context(), "visitor", v) }))
	return contestant{"scs", mounted(m.LoadAndSave(check)), []http.Header{cookieOf(tb, signIn)}}
}

// gorilla keeps the session in the cookie.
func (a *arena) gorilla(tb testing.TB, k identity.Permission) contestant {
	tb.Helper()
	cookies, v := sessions.NewCookieStore([]byte("0123456789abcdef0123456789abcdef")), a.visitor(tb)
	check := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, err := cookies.Get(r, "session")
		v, _ := s.Values["visitor"].(visitor)
		if err != nil || !slices.Contains(v.Permissions, string(k)) {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		answer(w, r)
	})
	signIn := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, err := cookies.Get(r, "session")
		s.Values["visitor"] = v
		if err == nil {
			err = s.Save(r, w)
		}
		if err != nil {
			tb.Error(err)
		}
	})
	return contestant{"gorilla", mounted(check), []http.Header{cookieOf(tb, signIn)}}
}

// cookieOf signs in and returns the header of the requests that follow.
func cookieOf(tb testing.TB, signIn http.Handler) http.Header {
	tb.Helper()
	w := httptest.NewRecorder()
	signIn.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	all := w.Result().Cookies()
	if len(all) != 1 {
		tb.Fatalf("signed in with the cookies %v, want one", all)
	}
	return http.Header{"User-Agent": {"bench/1"}, "Cookie": {all[0].Name + "=" + all[0].Value}}
}
