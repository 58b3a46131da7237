package service

import (
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/sso"
	"github.com/go-identity/identity/sso/oidc"
	"github.com/go-identity/identity/sso/saml"
	"github.com/go-identity/identity/store"
)

// How much a connection may hold.
const (
	maxAddress      = 2048
	maxEntityID     = 1024 // SAML core §8.3.6
	maxClientSecret = 4096
	maxCertificates = 8
	maxNames        = 20 // of attributes, scopes, hosts, contexts
)

// check refuses a connection that cannot work, by the names of the wire. One that is turned
// off may lack what it does not need yet.
func (s *Connections) check(w path) error {
	var c fault.Checker
	checkText(&c, "name", w.st.Name, maxName)
	checkMetadata(&c, "configMetadata", string(w.st.Custom))
	c.Check(w.st.SubAccountAccessLimit >= 0, "subAccountAccessLimit", "must not be less than 0")
	a := w.st.Attributes
	for _, l := range [][]string{a.Subject, a.Email, a.Name, a.GivenName, a.FamilyName, a.Groups} {
		checkNames(&c, "attributes", l, maxEntityID)
	}
	switch {
	case w.Protocol == store.SAML && w.st.SAML != nil && w.st.OIDC == nil:
		s.checkSAML(&c, w.Enabled, *w.st.SAML)
	case w.Protocol == store.OIDC && w.st.OIDC != nil && w.st.SAML == nil:
		s.checkOIDC(&c, w, *w.st.OIDC)
	default:
		c.Check(false, "type", "must be saml or oidc, as the settings are")
	}
	return c.Err()
}

func (s *Connections) checkSAML(c *fault.Checker, enabled bool, st SAMLSettings) {
	for _, e := range []struct{ field, address string }{
		{"ssoEndpoint", st.Redirect}, {"ssoEndpoint", st.POST}, {"sloEndpoint", st.LogoutGet}, {"sloEndpoint", st.LogoutPost},
		{"sloEndpoint", st.AnswerGet}, {"sloEndpoint", st.AnswerPost},
	} {
		c.Check(e.address == "" || s.visitable(e.address), e.field, "must be an absolute https URL")
	}
	if st.MetadataURL != "" {
		err := s.guard.CheckURL(st.MetadataURL)
		c.Check(err == nil, "metadataUrl", sentence(err))
	}
	c.Check(redirectable(st.ACS), "acsUrl", "must be an absolute https URL")
	checkText(c, "spEntityId", st.SPEntityID, maxEntityID)
	checkText(c, "idpEntityId", st.EntityID, maxEntityID)
	checkText(c, "nameIdFormat", st.NameIDFormat, maxName)
	checkNames(c, "contexts", st.Contexts, maxEntityID)
	c.Check(len(st.Certificates) <= maxCertificates, "publicCertificate", fmt.Sprintf("must be at most %d certificates", maxCertificates))
	_, err := st.provider()
	c.Check(err == nil, "publicCertificate", sentence(err))
	c.Check(st.Unsolicited || !st.Direct, "direct", "needs unsolicited")
	if enabled {
		c.Check(st.Redirect != "" || st.POST != "", "ssoEndpoint", "should not be empty")
		c.Check(len(st.Certificates) > 0, "publicCertificate", "should not be empty")
	}
}

func (s *Connections) checkOIDC(c *fault.Checker, w path, st OIDCSettings) {
	if st.Issuer != "" {
		err := s.guard.CheckURL(st.Issuer)
		c.Check(err == nil, "ssoEndpoint", sentence(err))
	}
	checkText(c, "oidcClientId", st.ClientID, maxEntityID)
	checkText(c, "groupsClaim", st.Groups, maxName)
	checkText(c, "verifiedClaim", st.VerifiedClaim, maxName)
	checkNames(c, "scopes", st.Scopes, maxName)
	checkNames(c, "approved", st.Approved, maxName)
	styles := []string{"", string(oidc.Basic), string(oidc.Post), string(oidc.None)}
	c.Check(slices.Contains(styles, st.Auth), "auth", "must be one of "+strings.Join(styles[1:], ", "))
	if w.Enabled {
		c.Check(st.Issuer != "", "ssoEndpoint", "should not be empty: it is the issuer")
		c.Check(st.ClientID != "", "oidcClientId", "should not be empty")
		c.Check(len(w.Secret) > 0 || st.Auth == string(oidc.None), "oidcSecret", "should not be empty")
	}
}

// checkNames records what is wrong with a list of words.
func checkNames(c *fault.Checker, field string, names []string, longest int) {
	c.Check(len(names) <= maxNames, field, fmt.Sprintf("must contain no more than %d elements", maxNames))
	for _, n := range names {
		c.Check(n != "", field, "should not hold an empty text")
		checkText(c, field, n, longest)
	}
}

// sentence is what may be said about an error.
func sentence(err error) string {
	if err == nil {
		return ""
	}
	if why := sso.Diagnosis(err); why != "" {
		return why
	}
	return fault.From(err).Message
}

// visitable reports whether a browser may be sent to the address: a provider may be one that
// only the tenant's own network reaches. Plain http is for this machine, where we may call it.
func (s *Connections) visitable(raw string) bool {
	u, err := url.Parse(raw)
	if err != nil || len(raw) > maxAddress || u.Host == "" || u.User != nil || u.Fragment != "" || !store.Storable(raw) {
		return false
	}
	return u.Scheme == "https" || u.Scheme == "http" && s.guard.Private() && redirectable(raw)
}

// Certificates reads what administrators paste: one or several certificates as PEM, as base64,
// or as base64 of PEM. It returns them as [SAMLSettings] keeps them.
func Certificates(text string) ([]string, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return nil, nil
	}
	if inner, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), "")); err == nil {
		if trimmed := strings.TrimSpace(string(inner)); strings.HasPrefix(trimmed, "-----BEGIN") {
			text = trimmed
		}
	}
	var parts []string
	for rest := []byte(text); strings.HasPrefix(text, "-----BEGIN"); {
		var b *pem.Block
		if b, rest = pem.Decode(rest); b == nil {
			break
		}
		parts = append(parts, base64.StdEncoding.EncodeToString(b.Bytes))
	}
	if len(parts) == 0 {
		parts = strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ';' })
	}
	return settled(parts)
}

// settled parses certificates and writes them one way, each once.
func settled(parts []string) ([]string, error) {
	var all []string
	for _, p := range parts {
		cert, err := saml.ParseCertificate(p)
		if err != nil {
			return nil, fault.New(fault.Invalid, "publicCertificate", sentence(err)).Because(err)
		}
		if one := base64.StdEncoding.EncodeToString(cert.Raw); !slices.Contains(all, one) {
			all = append(all, one)
		}
	}
	return all, nil
}
