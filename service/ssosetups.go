package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/internal/secret"
	"github.com/go-identity/identity/message"
	"github.com/go-identity/identity/store"
)

// How long a set-up takes.
const (
	setupLinkLife    = 7 * 24 * time.Hour
	setupSessionLife = 24 * time.Hour
)

// SSOSetups let somebody without an account set a tenant's single sign-on up: whoever runs the
// identity provider gets a link. The link works once, in the browser that opens it, and what
// it leads to is that tenant's connections, domains and mappings, and nothing else. A tenant
// has one set-up at a time: a new link ends the one before. It works as long as the member who
// made it may do all that.
type SSOSetups struct {
	*base
	links   links
	outbox  *Outbox
	compose *message.Composer
}

func newSSOSetups(b *base, c Config, outbox *Outbox, compose *message.Composer) *SSOSetups {
	return &SSOSetups{
		base: b, outbox: outbox, compose: compose,
		links: links{b, store.SSOSetup, c.BaseURL + "/account/sso/setup", setupLinkLife},
	}
}

// A SSOSetup is a link, or the browser that opened it.
type SSOSetup struct {
	ID        string
	TenantID  string
	Email     string // where the link went; empty for nowhere
	CreatedAt time.Time
	OpenedAt  time.Time // zero until then
	ExpiresAt time.Time // of the link, then of the browser's access
}

// setupDoc is what the challenges of a set-up keep: for its list, and who lets somebody in.
type setupDoc struct {
	Email     string    `json:"email,omitempty"`
	CreatedAt time.Time `json:"createdAt"`
	UserID    string    `json:"userId,omitempty"` // who made it; empty is the host's back end
}

// Create makes the link for the tenant that by acts in, and mails it where an address is
// given. The host's back end may, and a member who may write the configuration of single
// sign-on; who came by such a link may not.
func (s *SSOSetups) Create(ctx context.Context, by store.Principal, email string) (SSOSetup, string, error) {
	if email != "" {
		if _, err := normalizeEmail(email); err != nil {
			return SSOSetup{}, "", err
		}
	}
	id := s.newID()
	var in SSOSetup
	var link string
	err := s.write(ctx, by, "sso_setup.created", id, func(tx *unit) error {
		tenant, err := tx.Tenant(ctx, by.TenantID)
		if err != nil {
			return missing(err, "tenant")
		}
		in = SSOSetup{ID: id, TenantID: tenant.ID, Email: email, CreatedAt: tx.at, ExpiresAt: tx.at.Add(setupLinkLife)}
		tx.detail = map[string]string{"email": email}
		text, err := s.begin(ctx, tx, by, in)
		link = s.links.url("", text)
		if err != nil || email == "" {
			return err
		}
		return s.mail(ctx, tx, message.SetupLink{To: email, Company: tenant.Name, Link: link, ValidFor: setupLinkLife})
	})
	return in, link, err
}

// begin ends the set-up before and makes the link of the next.
func (s *SSOSetups) begin(ctx context.Context, tx *unit, by store.Principal, in SSOSetup) (string, error) {
	text, hash, err := secret.NewLinkToken()
	if err != nil {
		return "", err
	}
	if err := drop(ctx, tx, in.TenantID, store.SSOSetup, store.SSOSetupSession); err != nil {
		return "", err
	}
	d := setupDoc{Email: in.Email, CreatedAt: in.CreatedAt}
	if by.Kind == store.UserKind {
		d.UserID = by.UserID
	}
	doc, err := json.Marshal(d)
	if err != nil {
		return "", err
	}
	return text, tx.CreateChallenge(ctx, store.Challenge{
		ID: in.ID, Purpose: store.SSOSetup, Hash: hash, Subject: in.TenantID, Data: string(doc),
		CreatedAt: in.CreatedAt, ExpiresAt: in.ExpiresAt,
	})
}

func (s *SSOSetups) mail(ctx context.Context, tx *unit, v message.SetupLink) error {
	err := s.outbox.ration(ctx, tx, message.SetupLinkKind, v.To)
	if errors.Is(err, errEnough) {
		return fault.Retry(fault.Limited, "the address has had its share of mail", unasked().Lock)
	}
	if err != nil {
		return err
	}
	m, err := s.compose.SetupLink(v)
	if err != nil {
		return fmt.Errorf("write of a set-up: %w", err)
	}
	return s.outbox.enqueue(ctx, tx, m)
}

// write is change for who may let others set single sign-on up.
func (s *SSOSetups) write(ctx context.Context, by store.Principal, action, id string, fn func(*unit) error) error {
	if by.Kind == store.SetupKind || !by.Can(store.WriteSSO) {
		return mayNot()
	}
	return s.change(ctx, by, action, id, func(tx *unit) error {
		if err := provenTwice(ctx, tx, by); err != nil {
			return err
		}
		return fn(tx)
	})
}

// List returns the set-up of the tenant that by acts in, if there is one.
func (s *SSOSetups) List(ctx context.Context, by store.Principal) ([]SSOSetup, error) {
	if by.Kind == store.SetupKind || !by.Can(store.ReadSSO) {
		return nil, mayNot()
	}
	return s.current(ctx, s.store, by.TenantID)
}

func (s *SSOSetups) current(ctx context.Context, r store.Records, tenantID string) ([]SSOSetup, error) {
	for _, p := range []store.Purpose{store.SSOSetupSession, store.SSOSetup} {
		c, err := r.ChallengeOf(ctx, p, tenantID)
		if err == nil && c.UsedAt.IsZero() && s.now().Before(c.ExpiresAt) {
			in, err := setupOf(c)
			return []SSOSetup{in}, err
		}
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, err
		}
	}
	return nil, nil
}

func readSetup(c store.Challenge) (d setupDoc, err error) {
	if err := json.Unmarshal([]byte(c.Data), &d); err != nil {
		return d, fmt.Errorf("read set-up %s: %w", c.ID, err)
	}
	return d, nil
}

func setupOf(c store.Challenge) (SSOSetup, error) {
	d, err := readSetup(c)
	if err != nil {
		return SSOSetup{}, err
	}
	in := SSOSetup{ID: c.ID, TenantID: c.Subject, Email: d.Email, CreatedAt: d.CreatedAt, ExpiresAt: c.ExpiresAt}
	if c.Purpose == store.SSOSetupSession {
		in.OpenedAt = c.CreatedAt
	}
	return in, nil
}

// Revoke ends a set-up of the tenant that by acts in: neither its link nor the browser that
// opened it gets in from then on.
func (s *SSOSetups) Revoke(ctx context.Context, by store.Principal, id string) error {
	return s.write(ctx, by, "sso_setup.revoked", id, func(tx *unit) error {
		all, err := s.current(ctx, tx, by.TenantID)
		if err != nil {
			return err
		}
		if len(all) == 0 || all[0].ID != id {
			return missing(store.ErrNotFound, "set-up link")
		}
		return drop(ctx, tx, by.TenantID, store.SSOSetup, store.SSOSetupSession)
	})
}
