package service

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/go-identity/identity/sso/oidc"
	"github.com/go-identity/identity/sso/saml"
	"github.com/go-identity/identity/store"
)

// connectionPurpose is what a connection's secret is sealed for.
const connectionPurpose = "connection"

// errProtocol means that a connection lacks the settings of its protocol.
var errProtocol = errors.New("a connection has no settings of its protocol")

// saml returns the engine of a SAML connection. It must not be called inside a transaction.
//
// Our keys are made for a connection that signs. One that does not gets them where they
// exist: what was encrypted to us was encrypted to them.
func (s *Connections) saml(ctx context.Context, c store.Connection, st ConnectionSettings) (*saml.Connection, error) {
	e, err := s.draft(c, st)
	if err != nil {
		return nil, err
	}
	e.Once = s.once(c.ID)
	have := s.keys.made
	if signs := e.SignRequests || st.SAML.LogoutGet != "" || st.SAML.LogoutPost != ""; signs {
		have = s.keys.keys
	}
	e.Keys, err = have(ctx)
	return e, err
}

// draft is saml without our keys, and without a memory of what came before.
func (s *Connections) draft(c store.Connection, st ConnectionSettings) (*saml.Connection, error) {
	if c.Protocol != store.SAML || st.SAML == nil {
		return nil, fmt.Errorf("connection %s: %w", c.ID, errProtocol)
	}
	p, err := st.SAML.provider()
	if err != nil {
		return nil, fmt.Errorf("connection %s: %w", c.ID, err)
	}
	return &saml.Connection{
		ID: c.ID, Provider: p, EntityID: s.entityID(c.ID, *st.SAML), ACS: s.acs(c.ID, *st.SAML),
		SLO: s.baseURL + "/auth/saml/slo/" + c.ID, SignRequests: st.SAML.SignRequests, PostRequests: st.SAML.PostRequests,
		SignedResponse: st.SAML.SignedResponse, Unsolicited: st.SAML.Unsolicited && st.SAML.Direct, FirstIssuer: true,
		CBC: st.SAML.CBC, Contexts: st.SAML.Contexts, NameIDFormat: st.SAML.NameIDFormat,
		Attributes: saml.Mapping(st.Attributes),
	}, nil
}

// provider returns what is known of the provider, as the engine wants it.
func (s SAMLSettings) provider() (saml.Provider, error) {
	p := saml.Provider{
		EntityID: s.EntityID, Redirect: s.Redirect, POST: s.POST, LogoutGet: s.LogoutGet, LogoutPost: s.LogoutPost,
		AnswerGet: s.AnswerGet, AnswerPost: s.AnswerPost, Certificates: make([]*x509.Certificate, len(s.Certificates)),
	}
	for i, text := range s.Certificates {
		var err error
		if p.Certificates[i], err = saml.ParseCertificate(text); err != nil {
			return p, err
		}
	}
	return p, nil
}

// acs is where the answers of a connection come to.
func (s *Connections) acs(id string, st SAMLSettings) string {
	if st.ACS != "" {
		return st.ACS
	}
	return s.baseURL + "/auth/saml/callback/" + id
}

// entityID is how the provider of a connection knows us.
func (s *Connections) entityID(id string, st SAMLSettings) string {
	if st.SPEntityID != "" {
		return st.SPEntityID
	}
	return s.baseURL + "/auth/saml/metadata/" + id
}

// once remembers what came through a connection, for as long as it could be of use again.
func (s *Connections) once(id string) func(context.Context, string, time.Time) (bool, error) {
	return func(ctx context.Context, key string, until time.Time) (bool, error) {
		hash := sha256.Sum256([]byte(id + key))
		err := s.store.CreateChallenge(ctx, store.Challenge{
			ID: s.newID(), Purpose: store.SSOReplay, Hash: hash[:], Subject: id, CreatedAt: s.now(), ExpiresAt: until,
		})
		if errors.Is(err, store.ErrConflict) {
			return false, nil
		}
		return err == nil, err
	}
}

// relying returns the provider of an OpenID Connect connection, with the secret that we show it.
func (s *Connections) relying(c store.Connection, st ConnectionSettings) (oidc.Provider, error) {
	if c.Protocol != store.OIDC || st.OIDC == nil {
		return oidc.Provider{}, fmt.Errorf("connection %s: %w", c.ID, errProtocol)
	}
	p := oidc.Provider{
		Connection: c.ID, Issuer: st.OIDC.Issuer, ClientID: st.OIDC.ClientID, Auth: oidc.AuthStyle(st.OIDC.Auth),
		Scopes: st.OIDC.Scopes, Approved: st.OIDC.Approved, Groups: st.OIDC.Groups,
		VerifiedClaim: st.OIDC.VerifiedClaim, TextVerified: st.OIDC.TextVerified,
	}
	if p.Auth == "" {
		p.Auth = oidc.Announced
	}
	if len(c.Secret) == 0 {
		return p, nil
	}
	secret, err := s.ring.Open(connectionPurpose, c.ID, c.Secret)
	if err != nil {
		return p, fmt.Errorf("open the secret of connection %s: %w", c.ID, err)
	}
	p.ClientSecret = string(secret)
	return p, nil
}
