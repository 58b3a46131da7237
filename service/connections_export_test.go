package service

import (
	"context"

	"github.com/go-identity/identity/sso"
	"github.com/go-identity/identity/sso/oidc"
	"github.com/go-identity/identity/sso/saml"
	"github.com/go-identity/identity/store"
)

// Engine lets tests reach saml.
func (s *Connections) Engine(ctx context.Context, c store.Connection) (*saml.Connection, error) {
	st, err := readConnectionSettings(c)
	if err != nil {
		return nil, err
	}
	return s.saml(ctx, c, st)
}

// Relying lets tests reach relying.
func (s *Connections) Relying(c store.Connection) (oidc.Provider, error) {
	st, err := readConnectionSettings(c)
	if err != nil {
		return oidc.Provider{}, err
	}
	return s.relying(c, st)
}

// Accept lets tests reach accept.
func (s *Connections) Accept(ctx context.Context, c store.Connection, in saml.Answer) (sso.Assertion, error) {
	return s.accept(ctx, store.Principal{}, c, in)
}

// Record lets tests reach record.
func (s *SSOAttempts) Record(ctx context.Context, c store.Connection, a store.SSOAttempt, document string) {
	s.record(ctx, c, a, document)
}

// Said lets tests reach said.
func (st ConnectionSettings) Said(a sso.Assertion) string { return st.said(a) }

// Redacted lets tests reach redact.
func Redacted(text string) string { return redact(text) }
