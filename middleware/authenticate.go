package middleware

import (
	"net/http"
	"strings"
	"time"

	"github.com/go-identity/identity/internal/fault"
)

// SessionCookieName names the cookie of a browser session. Its prefix makes browsers refuse
// the cookie from a subdomain, over plain http or for part of the site (RFC 6265bis §4.1.3).
const SessionCookieName = "__Host-identity"

// SessionCookie returns the cookie of a browser session. A lifetime of zero or less tells
// the browser to forget it.
func SessionCookie(value string, lifetime time.Duration) *http.Cookie {
	return HostCookie(SessionCookieName, value, lifetime)
}

// HostCookie returns a cookie for this host alone, out of reach of scripts. Its name should
// begin with "__Host-". A value that is not of letters, digits, '.', '_' and '-' is dropped:
// ours are, and another could break out of its header.
func HostCookie(name, value string, lifetime time.Duration) *http.Cookie {
	c := &http.Cookie{
		Name: name, Value: value, Path: "/",
		Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
		MaxAge: int(lifetime / time.Second),
	}
	if lifetime < time.Second || strings.ContainsFunc(value, foreign) {
		c.Value, c.MaxAge = "", -1
	}
	return c
}

// foreign reports whether r has no place in a cookie of ours.
func foreign(r rune) bool {
	letter := 'a' <= r|0x20 && r|0x20 <= 'z' && r < 0x80
	return !letter && (r < '0' || r > '9') && r != '.' && r != '_' && r != '-'
}

// Authenticate finds out who is calling and tells next through the context. Everybody
// passes, signed in or not: the guards refuse. A credential that does not hold is never
// anonymous to them; they answer why it was refused.
func (g *Guard) Authenticate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, g.identify(w, r))
	})
}

// Anonymous tells next where the request comes from and looks at no credential.
func (g *Guard) Anonymous(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := g.caller(r)
		next.ServeHTTP(w, r.WithContext(c))
	})
}

// identify returns r with its caller, who is looked for once.
func (g *Guard) identify(w http.ResponseWriter, r *http.Request) *http.Request {
	if c := callerFrom(r.Context()); c != nil && c.guard == g {
		return r
	}
	c := g.caller(r)
	g.resolve(w, r, c)
	return r.WithContext(c)
}

func (g *Guard) resolve(w http.ResponseWriter, r *http.Request, c *caller) {
	var shown Credential
	shown, c.err = find(r)
	if c.err == nil && shown.Cookie != "" {
		c.err = g.SameOrigin(r)
	}
	if c.err != nil || shown == (Credential{}) {
		return
	}
	var renewed Renewal
	c.principal, renewed, c.err = g.config.Resolve(r.Context(), shown)
	if c.err != nil {
		c.principal = nil
		return
	}
	if shown.Cookie != "" && !renewed.Until.IsZero() {
		http.SetCookie(w, SessionCookie(shown.Cookie, renewed.Until.Sub(g.config.Now())))
	}
}

// find returns the credential of r: a bearer token, a token in the header that the
// published clients use, or the session cookie, in this order.
func find(r *http.Request) (Credential, error) {
	if values := r.Header["Authorization"]; len(values) > 0 {
		if len(values) > 1 {
			return Credential{}, fault.New(fault.Invalid, "Authorization", "must be sent once")
		}
		if token, ok := bearer(values[0]); ok {
			return Credential{Bearer: token}, nil
		}
	}
	if values := r.Header["X-Access-Token"]; len(values) > 0 {
		if len(values) > 1 {
			return Credential{}, fault.New(fault.Invalid, "x-access-token", "must be sent once")
		}
		return Credential{Bearer: values[0]}, nil
	}
	value, err := Cookie(r, SessionCookieName)
	return Credential{Cookie: value}, err
}

// bearer returns the token of a Bearer header, and reports false for other schemes. A
// header without a token is a credential that does not hold, not the lack of one.
func bearer(header string) (string, bool) {
	const scheme = "Bearer"
	if len(header) < len(scheme) || !strings.EqualFold(header[:len(scheme)], scheme) {
		return "", false
	}
	token := header[len(scheme):]
	if token != "" && token[0] != ' ' {
		return "", false
	}
	if token = strings.TrimLeft(token, " "); token == "" {
		token = "-" // no token at all: refused as any other that does not hold
	}
	return token, true
}

// Cookie returns the value of one cookie without building the others, empty without one.
// Two that differ are refused: one of them was planted, and nobody can tell which.
func Cookie(r *http.Request, name string) (string, error) {
	found := ""
	for _, rest := range r.Header["Cookie"] {
		for rest != "" {
			var pair string
			pair, rest, _ = strings.Cut(rest, ";")
			key, value, _ := strings.Cut(strings.Trim(pair, " \t"), "=")
			if key != name || value == "" {
				continue
			}
			if found != "" && found != value {
				return "", fault.New(fault.Invalid, name, "must be sent once")
			}
			found = value
		}
	}
	return found, nil
}
