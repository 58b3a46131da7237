package service

import (
	"context"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"strings"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/sso"
	"github.com/go-identity/identity/sso/saml"
	"github.com/go-identity/identity/store"
)

// An Intake is how a connection learns of its SAML provider: by a document or by the address
// of one.
type Intake struct {
	Document string // XML
	URL      string // in place of the document: it is read again from time to time
	EntityID string // which of several providers in it; empty takes the only one
	// Settings changes what else the caller wants to, after the document was read. Nil is
	// nothing.
	Settings func(*ConnectionSettings)
}

// CreateFrom adds a SAML connection, which is enabled, from its provider's metadata. The
// document of an address is fetched now; an address that may not be called is Invalid.
func (s *Connections) CreateFrom(ctx context.Context, by store.Principal, in Intake) (SSOConnection, error) {
	change, err := s.take(ctx, by, in)
	if err != nil {
		return SSOConnection{}, err
	}
	st := ConnectionSettings{SAML: &SAMLSettings{}}
	change(&st)
	return s.Create(ctx, by, NewConnection{Protocol: store.SAML, Enabled: true, Settings: st})
}

// UpdateFrom replaces what a SAML connection knows of its provider by the provider's metadata.
func (s *Connections) UpdateFrom(ctx context.Context, by store.Principal, id string, in Intake) (SSOConnection, error) {
	change, err := s.take(ctx, by, in)
	if err != nil {
		return SSOConnection{}, err
	}
	return s.Update(ctx, by, id, ConnectionChange{Settings: change})
}

// take reads the metadata and returns the change that it makes.
func (s *Connections) take(ctx context.Context, by store.Principal, in Intake) (func(*ConnectionSettings), error) {
	if !by.Can(store.WriteSSO) {
		return nil, mayNot()
	}
	if err := provenTwice(ctx, s.store, by); err != nil { // before anything is called
		return nil, err
	}
	p, err := s.metadata(ctx, in)
	if err != nil {
		return nil, err
	}
	return func(st *ConnectionSettings) {
		if st.SAML != nil { // a connection of another kind is refused by the check that follows
			st.SAML.adopt(p)
			st.SAML.MetadataURL, st.SAML.MetadataAt = in.URL, s.now()
		}
		if in.Settings != nil {
			in.Settings(st)
		}
	}, nil
}

// metadata returns what a provider's metadata says.
func (s *Connections) metadata(ctx context.Context, in Intake) (saml.Provider, error) {
	field, doc := "metadata", []byte(in.Document)
	if in.URL != "" {
		field = "url"
		var err error
		if doc, err = s.guard.Fetch(ctx, in.URL); err != nil {
			return saml.Provider{}, unfetched(err)
		}
	}
	p, err := saml.ParseMetadata(doc, saml.Source{EntityID: in.EntityID, Loopback: s.guard.Private(), Now: s.now()})
	if why := sso.Diagnosis(err); why != "" {
		return p, fault.New(fault.Invalid, field, why).Because(err)
	}
	return p, err
}

// unfetched says that a document could not be had from an address. Why is for the log: a
// difference would map a network.
func unfetched(err error) error {
	f := fault.From(err)
	if f.Code == fault.Unavailable {
		f = fault.New(fault.Invalid, "url", f.Message).Because(err)
	}
	return f
}

// adopt replaces what is known of a provider. What the connection itself wants stays.
func (s *SAMLSettings) adopt(p saml.Provider) {
	s.EntityID, s.Pinned, s.Redirect, s.POST = p.EntityID, false, p.Redirect, p.POST
	s.LogoutGet, s.LogoutPost, s.AnswerGet, s.AnswerPost = p.LogoutGet, p.LogoutPost, p.AnswerGet, p.AnswerPost
	s.SignRequests = s.SignRequests || p.SignRequests
	s.Certificates = nil
	for _, c := range p.Certificates {
		s.Certificates = append(s.Certificates, base64.StdEncoding.EncodeToString(c.Raw))
	}
}

// SPMetadata returns what a SAML provider may read about a connection, as XML. Anybody may
// read it who has its address. A connection that is not there, and one of another kind, are
// NotFound alike.
func (s *Connections) SPMetadata(ctx context.Context, id string) ([]byte, error) {
	c, err := s.store.ConnectionByID(ctx, id)
	if err == nil && c.Protocol != store.SAML {
		err = store.ErrNotFound
	}
	if err != nil {
		return nil, missing(err, "SSO configuration")
	}
	st, err := readConnectionSettings(c)
	if err != nil {
		return nil, err
	}
	e, err := s.draft(c, st)
	if err != nil {
		return nil, err
	}
	if e.Keys, err = s.keys.keys(ctx); err != nil {
		return nil, err
	}
	return e.Metadata()
}

// TenantMetadata is [Connections.SPMetadata] of a connection of the caller's tenant; an empty
// id is its first SAML connection.
func (s *Connections) TenantMetadata(ctx context.Context, by store.Principal, id string) ([]byte, error) {
	if !by.Can(store.ReadSSO) {
		return nil, mayNot()
	}
	c, err := s.first(ctx, by.TenantID, id)
	if err != nil {
		return nil, err
	}
	return s.SPMetadata(ctx, c.ID)
}

// first returns the named SAML connection of a tenant, or without a name the oldest.
func (s *Connections) first(ctx context.Context, tenantID, id string) (store.Connection, error) {
	cs, err := s.store.Connections(ctx, tenantID)
	if err != nil {
		return store.Connection{}, err
	}
	for _, c := range cs {
		if c.Protocol == store.SAML && (id == "" || c.ID == id) {
			return c, nil
		}
	}
	return store.Connection{}, missing(store.ErrNotFound, "SSO configuration")
}

// First returns the oldest SAML connection of the caller's tenant.
func (s *Connections) First(ctx context.Context, by store.Principal) (SSOConnection, error) {
	if !by.Can(store.ReadSSO) {
		return SSOConnection{}, mayNot()
	}
	c, err := s.first(ctx, by.TenantID, "")
	if err != nil {
		return SSOConnection{}, err
	}
	return s.Read(ctx, by, c.ID)
}

// Certificate returns our certificate as PEM: what a provider checks our requests by, and
// encrypts to.
func (s *Connections) Certificate(ctx context.Context, by store.Principal) (string, error) {
	if !by.Can(store.ReadSSO) {
		return "", mayNot()
	}
	keys, err := s.keys.keys(ctx)
	if err != nil {
		return "", err
	}
	if len(keys) == 0 {
		return "", errors.New("there is no SAML key")
	}
	var b strings.Builder
	err = pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: keys[0].Certificate.Raw})
	return b.String(), err
}

// PEM returns the certificates for people to read and to copy.
func (s SAMLSettings) PEM() string {
	var b strings.Builder
	for _, text := range s.Certificates {
		der, err := base64.StdEncoding.DecodeString(text)
		if err == nil {
			err = pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: der})
		}
		if err != nil {
			return ""
		}
	}
	return b.String()
}

// Callback returns where the answers of OpenID Connect come to, unless the environment says
// that they come elsewhere.
func (s *Connections) Callback() string { return s.baseURL + "/oauth/account/oidc/callback" }

// Shared returns the addresses that every SAML connection of the environment may have: where
// answers come to, and our name. A connection that names neither has ones of its own.
func (s *Connections) Shared() (acs, entityID string) {
	return s.baseURL + "/auth/saml/callback", s.baseURL + "/auth/saml/metadata"
}
