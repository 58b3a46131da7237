package ssotest

import (
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// asked is a request to sign somebody in that the provider takes.
type asked struct {
	redirectURI, state, nonce, challenge string
	form                                 bool // the answer goes by form
}

// ask judges a request. Without a proper redirect URI nothing goes back.
func (p *OIDC) ask(q url.Values) (asked, error) {
	a := asked{
		redirectURI: q.Get("redirect_uri"), state: q.Get("state"), nonce: q.Get("nonce"), challenge: q.Get("code_challenge"),
		form: q.Get("response_mode") == "form_post",
	}
	u, err := url.Parse(a.redirectURI)
	switch allowed := p.options.RedirectURIs; {
	case err != nil || !u.IsAbs() || u.Fragment != "":
		return a, errors.New("redirect_uri is missing, or no absolute URL")
	case allowed != nil && !slices.Contains(allowed, a.redirectURI):
		return a, fmt.Errorf("redirect_uri %s is not registered", a.redirectURI)
	case q.Get("client_id") != p.options.ClientID:
		return a, fmt.Errorf("client_id %s is not known", q.Get("client_id"))
	case q.Get("response_type") != "code":
		return a, errors.New("response_type is not code")
	case a.state == "":
		return a, errors.New("state is missing")
	case p.options.Plain && a.challenge == "":
		return a, nil
	case q.Get("code_challenge_method") != "S256":
		return a, errors.New("code_challenge is missing, or not by S256")
	case p.options.Plain:
		return a, nil
	}
	return a, a.connects(q.Get("scope"))
}

// connects wants what OpenID Connect adds to OAuth 2.0.
func (a asked) connects(scope string) error {
	switch {
	case !slices.Contains(strings.Fields(scope), "openid"):
		return errors.New("scope has no openid")
	case a.nonce == "":
		return errors.New("nonce is missing")
	case a.challenge == "":
		return errors.New("code_challenge is missing")
	}
	return nil
}

// reply answers a browser, by redirect or by form.
func (p *OIDC) reply(w http.ResponseWriter, r *http.Request, with func(asked) url.Values) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	a, err := p.ask(r.Form)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if a.form {
		hand(w, r, Message{URL: a.redirectURI, Fields: with(a)})
		return
	}
	hand(w, r, Message{URL: extended(a.redirectURI, with(a))})
}

// extended adds parameters to an address.
func extended(address string, q url.Values) string {
	mark := "?"
	if strings.Contains(address, "?") {
		mark = "&"
	}
	return address + mark + q.Encode()
}

// A grant is what a code stands for.
type grant struct {
	asked
	id, person map[string]any // claims of the ID token, and of userinfo
}

// grant makes a code, and the parameters that take it to the application.
func (p *OIDC) grant(a asked, u User, change []func(map[string]any)) url.Values {
	g := grant{asked: a, person: u.claims()}
	g.id = p.claims(u)
	g.id["nonce"] = a.nonce
	if !p.options.Lean {
		maps.Copy(g.id, g.person)
	}
	for _, c := range change {
		if p.options.Plain {
			c(g.person)
			continue
		}
		c(g.id)
	}
	code := rand.Text()
	p.registry.mu.Lock()
	defer p.registry.mu.Unlock()
	p.codes[code] = g
	return p.named(url.Values{"code": {code}, "state": {a.state}})
}

func (p *OIDC) denial(a asked, code string) url.Values {
	return p.named(url.Values{"error": {code}, "state": {a.state}})
}

// named adds who answers (RFC 9207).
func (p *OIDC) named(q url.Values) url.Values {
	if !p.options.Plain {
		q.Set("iss", p.Issuer())
	}
	return q
}

// claims are those of an ID token that say how and when somebody signed in.
func (p *OIDC) claims(u User) map[string]any {
	now := p.now()
	all := map[string]any{
		"iss": p.Issuer(), "sub": u.subject(), "aud": p.options.ClientID, "iat": now.Unix(), "exp": now.Add(minutes).Unix(),
		"auth_time": u.since(now).Unix(), "sid": u.session(),
	}
	if u.Context != "" {
		all["acr"] = u.Context
	}
	if u.Methods != nil {
		all["amr"] = u.Methods
	}
	return all
}

// claims are those that say who somebody is.
func (u User) claims() map[string]any {
	all := map[string]any{"sub": u.subject()}
	if u.Email != "" {
		all["email"], all["email_verified"] = u.Email, u.EmailVerified
	}
	if u.Name != "" {
		all["name"] = u.Name
	}
	if len(u.Groups) > 0 {
		all["groups"] = u.Groups
	}
	for name, values := range u.Attributes {
		all[name] = values
		if len(values) == 1 {
			all[name] = values[0]
		}
	}
	return all
}
