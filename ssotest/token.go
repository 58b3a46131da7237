package ssotest

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// serveToken gives tokens for a code, once (RFC 6749 §4.1.3, RFC 7636 §4.6).
func (p *OIDC) serveToken(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil || !p.authentic(r) {
		w.Header().Set("WWW-Authenticate", `Basic realm="ssotest"`)
		answer(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client"})
		return
	}
	g, ok := p.redeem(r.PostForm)
	if !ok {
		answer(w, http.StatusBadRequest, map[string]any{"error": "invalid_grant"})
		return
	}
	tokens, err := p.tokens(g)
	if err != nil {
		answer(w, http.StatusInternalServerError, map[string]any{"error": "server_error"})
		return
	}
	answer(w, http.StatusOK, tokens)
}

func (p *OIDC) tokens(g grant) (map[string]any, error) {
	access := rand.Text()
	p.registry.mu.Lock()
	p.access[access] = g.person
	p.registry.mu.Unlock()
	all := map[string]any{"access_token": access, "token_type": "Bearer", "expires_in": int(minutes.Seconds())}
	if p.options.Plain {
		return all, nil
	}
	// An ES256 or RS256 token's hash is half of SHA-256 (Core §3.1.3.6).
	sum := sha256.Sum256([]byte(access))
	claims := map[string]any{"at_hash": base64.RawURLEncoding.EncodeToString(sum[:16])}
	maps.Copy(claims, g.id)
	token, err := p.signed("JWT", claims)
	all["id_token"] = token
	return all, err
}

// authentic reports whether the application asks: with its secret, in the header or in the
// form, not in both (RFC 6749 §2.3).
func (p *OIDC) authentic(r *http.Request) bool {
	id, secret := r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	if user, password, basic := r.BasicAuth(); basic {
		// Both are escaped like a form's fields (RFC 6749 §2.3.1).
		u, errUser := url.QueryUnescape(user)
		s, errSecret := url.QueryUnescape(password)
		if errUser != nil || errSecret != nil || secret != "" || id != "" && id != u {
			return false
		}
		id, secret = u, s
	}
	return id == p.options.ClientID && (secret == p.options.ClientSecret || p.options.Public && secret == "")
}

// redeem takes a code, which is gone then, whoever brought it.
func (p *OIDC) redeem(form url.Values) (grant, bool) {
	p.registry.mu.Lock()
	defer p.registry.mu.Unlock()
	code := form.Get("code")
	g, known := p.codes[code]
	delete(p.codes, code)
	challenge := form.Get("code_verifier")
	if challenge != "" {
		sum := sha256.Sum256([]byte(challenge))
		challenge = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	asked := form.Get("grant_type") == "authorization_code" && g.redirectURI == form.Get("redirect_uri")
	return g, known && asked && g.challenge == challenge
}

func (p *OIDC) serveUserinfo(w http.ResponseWriter, r *http.Request) {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	p.registry.mu.Lock()
	claims, known := p.access[token]
	p.registry.mu.Unlock()
	if !known {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		answer(w, http.StatusUnauthorized, map[string]any{"error": "invalid_token"})
		return
	}
	answer(w, http.StatusOK, claims)
}

// signed returns claims as a token of a type.
func (p *OIDC) signed(kind string, claims map[string]any) (string, error) {
	k := p.keys.current()
	options := (&jose.SignerOptions{}).WithType(jose.ContentType(kind)).WithHeader("kid", k.id)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: k.algorithm(), Key: k.private}, options)
	if err != nil {
		return "", fmt.Errorf("sign a token: %w", err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("write a token: %w", err)
	}
	object, err := signer.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("sign a token: %w", err)
	}
	return object.CompactSerialize()
}

const event = "http://schemas.openid.net/event/backchannel-logout"

// LogoutToken returns what the provider sends to the application's back channel, as the
// field logout_token of a form, to end the sessions of a subject, or one of them, or with an
// empty subject that one alone (OpenID Connect Back-Channel Logout 1.0 §2.4).
func (p *OIDC) LogoutToken(subject, session string, change ...func(claims map[string]any)) string {
	p.t.Helper()
	now := p.now()
	claims := map[string]any{
		"iss": p.Issuer(), "aud": p.options.ClientID, "iat": now.Unix(), "exp": now.Add(minutes).Unix(), "jti": rand.Text(),
		"events": map[string]any{event: map[string]any{}},
	}
	for name, value := range map[string]string{"sub": subject, "sid": session} {
		if value != "" {
			claims[name] = value
		}
	}
	for _, c := range change {
		c(claims)
	}
	token, err := p.signed("logout+jwt", claims)
	if err != nil {
		p.t.Fatal(err)
	}
	return token
}

// serveLogout signs a browser out and sends it back (RP-Initiated Logout 1.0 §2).
func (p *OIDC) serveLogout(w http.ResponseWriter, r *http.Request) {
	s := SignOut{ReturnURI: r.FormValue("post_logout_redirect_uri"), State: r.FormValue("state")}
	if token := r.FormValue("id_token_hint"); token != "" {
		claims, err := p.verified(token)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		s.Subject, _ = claims["sub"].(string)
		s.Session, _ = claims["sid"].(string)
	} else if r.FormValue("client_id") != p.options.ClientID {
		http.Error(w, "neither id_token_hint nor client_id says who asks", http.StatusBadRequest)
		return
	}
	p.registry.mu.Lock()
	p.signOut = append(p.signOut, s)
	p.registry.mu.Unlock()
	if s.ReturnURI == "" {
		_, _ = fmt.Fprint(w, "signed out")
		return
	}
	q := url.Values{}
	if s.State != "" {
		q.Set("state", s.State)
	}
	http.Redirect(w, r, strings.TrimSuffix(extended(s.ReturnURI, q), "?"), http.StatusFound)
}

// verified reads a token that the provider gave out, however old.
func (p *OIDC) verified(token string) (map[string]any, error) {
	object, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.ES256, jose.RS256})
	if err != nil {
		return nil, fmt.Errorf("read id_token_hint: %w", err)
	}
	all := p.keys.published()
	at := slices.IndexFunc(all, func(k key) bool { return k.id == object.Signatures[0].Header.KeyID })
	if at < 0 {
		return nil, errors.New("id_token_hint is signed with another key")
	}
	payload, err := object.Verify(all[at].private.Public())
	if err != nil {
		return nil, fmt.Errorf("verify id_token_hint: %w", err)
	}
	var claims map[string]any
	return claims, json.Unmarshal(payload, &claims)
}
