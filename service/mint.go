package service

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/token"
)

// The values of the type claim.
const (
	userToken   = "userToken"
	vendorToken = "vendor"
)

// A minter makes access tokens. Every token goes through it.
type minter struct {
	*base
	keys       *Keys
	treatments *treatments
	hook       *hook
	issuer     string
	audience   string
	maxBytes   int
	absolute   time.Duration // the longest life of a session
	told       notices
}

func newMinter(b *base, keys *Keys, how *treatments, c Config) *minter {
	return &minter{
		base: b, keys: keys, treatments: how, hook: newHook(c.BeforeMint, c.Log),
		issuer: c.BaseURL, audience: b.environment, maxBytes: c.MaxToken, absolute: c.Session.Absolute,
	}
}

// A minting is the token of a user before it is rendered. All of it is of one treatment.
type minting struct {
	how     *treatment
	rule    int  // the index of the rule that chose it; below zero for none
	preview bool // nobody gets it
	values  token.Values
}

// user adds the access token to a login. It is made by the template that the rules choose
// now. A user for whom that template makes no token gets an error, which is recorded.
func (m *minter) user(ctx context.Context, l Login, p store.Principal) (Login, error) {
	how, rule, err := m.treatments.choose(ctx, m.attributes(l.User, p))
	if err != nil {
		return Login{}, err
	}
	d, err := m.prepare(ctx, l, p, minting{how: how, rule: rule})
	if err != nil {
		return Login{}, err
	}
	payload, err := how.render(d.values, m.maxBytes)
	if err != nil {
		return Login{}, m.impossible(ctx, d, err)
	}
	if broken := d.values.Broken(); len(broken) > 0 {
		m.tell(ctx, d, "token.incomplete", strings.Join(broken, ", ")+" cannot be read")
	}
	l.ExpiresAt, l.ExpiresIn = d.values.ExpiresAt, d.values.ExpiresAt.Sub(d.values.IssuedAt)
	l.AccessToken, err = m.keys.signAs(ctx, how, token.AccessType, payload, l.ExpiresIn)
	return l, err
}

// attributes are what rules are told. An environment is one application, its own.
func (m *minter) attributes(u store.User, p store.Principal) token.Attributes {
	a := token.Attributes{
		UserID: u.ID, UserEmail: u.Email, ApplicationID: m.audience, TenantID: p.TenantID, TokenType: userToken,
	}
	for _, r := range p.Roles {
		a.RoleIDs = append(a.RoleIDs, r.ID)
	}
	return a
}

// prepare fills in the values, asks the host's hook and settles how long the token lives.
func (m *minter) prepare(ctx context.Context, l Login, p store.Principal, d minting) (minting, error) {
	now := m.now()
	var err error
	if d.values, err = m.values(ctx, l, p, d.how); err != nil {
		return d, err
	}
	v := &d.values
	ask := MintContext{
		User: l.User, TenantID: v.TenantID, SessionID: v.SessionID, TokenType: v.Type, Roles: v.Roles,
		Methods: v.Methods, Template: d.how.key, Preview: d.preview, Lifetime: d.how.life,
	}
	ask.User.VendorMetadata = ""
	var life time.Duration
	if v.Custom, life, err = m.hook.run(ctx, ask); err != nil {
		return d, err
	}
	v.IssuedAt, v.ExpiresAt = now, now.Add(life)
	if l.Session.EndsAt.Before(v.ExpiresAt) {
		v.ExpiresAt = l.Session.EndsAt
	}
	if v.ExpiresAt.Unix() <= now.Unix() {
		return d, errRefresh(errors.New("the session ends"))
	}
	return d, nil
}

// values are what is known of the user, in the tenant of the session.
func (m *minter) values(ctx context.Context, l Login, p store.Principal, how *treatment) (token.Values, error) {
	u := l.User
	v := token.Values{
		Issuer: m.issuer, Audience: m.audience, Subject: u.ID, Type: userToken, VendorID: m.audience,
		ApplicationID: m.audience, TenantID: p.TenantID, SessionID: l.Session.ID, ID: m.newID(),
		AuthTime: l.Session.AuthTime, Methods: slices.Clone(l.Session.Methods),
		Name: u.Name, Email: u.Email, EmailVerified: u.Verified, PictureURL: u.PictureURL,
		PhoneNumber: u.PhoneNumber, ExternalID: u.ExternalID, Provider: u.Provider,
		Metadata: u.Metadata, Permissions: p.Rights.List(), TenantIDs: l.tenantIDs,
	}
	if l.steppedUp {
		v.Context = store.MultiFactor
	}
	for _, r := range p.Roles {
		v.Roles = append(v.Roles, r.Key)
	}
	if how.id == "" {
		return v, nil // nothing asks for more
	}
	if err := m.more(ctx, &v); err != nil || how.broken != nil || !how.template.Provided() {
		return v, err
	}
	return v, m.provided(ctx, l, &v)
}

// more adds what only templates ask for.
func (m *minter) more(ctx context.Context, v *token.Values) error {
	t, err := m.store.Tenant(ctx, v.TenantID)
	if err != nil {
		return lost(err)
	}
	v.TenantName, v.TenantMetadata = t.Name, t.Metadata
	names, err := m.store.Identifiers(ctx, v.Subject)
	for _, i := range names {
		if i.Kind == store.Username {
			v.Username = i.Value
		}
	}
	return err
}

// provided adds what the provider said whom the session came through, if it came through one.
func (m *minter) provided(ctx context.Context, l Login, v *token.Values) error {
	p, err := m.store.ProviderSession(ctx, l.User.ID, cmp.Or(l.cameAs, l.Session.ID))
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return lost(err)
	}
	v.ConnectionID, v.ProviderSubject, v.Attributes = p.ConnectionID, p.Subject, flat(p.Attributes)
	return nil
}

// impossible says that a token cannot be made. That is the template's fault or the data's:
// it is recorded for those who can mend it, and says nothing to the user.
func (m *minter) impossible(ctx context.Context, d minting, cause error) error {
	m.tell(ctx, d, "token.failed", cause.Error())
	m.log.ErrorContext(ctx, "make a token", "user", d.values.Subject, "template", d.how.key, "error", cause)
	return fault.New(fault.Internal, "", "no token can be made for this user").Because(cause)
}

// tell records what is wrong with a user's tokens, once for each template and reason.
func (m *minter) tell(ctx context.Context, d minting, action, reason string) {
	if !m.told.first(strings.Join([]string{action, d.values.Subject, d.how.id, reason}, "\x00")) {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readTimeout)
	defer cancel()
	u := &unit{
		Records: m.store, at: m.now(), tenantID: d.values.TenantID, newID: m.newID,
		detail: map[string]string{"template": d.how.key, "reason": reason},
	}
	if err := m.record(ctx, u, store.System(), action, d.values.Subject); err != nil {
		m.log.WarnContext(ctx, "audit a token", "error", err)
	}
}

// management mints the token of a management credential. No template and no hook changes it,
// so that the host can mend what they break.
func (m *minter) management(ctx context.Context, id string, now, expires time.Time) (string, error) {
	payload, err := token.RenderManagement(token.Values{
		Issuer: m.issuer, Audience: m.audience, Subject: id, Type: vendorToken, ID: m.newID(),
		IssuedAt: now, ExpiresAt: expires, VendorID: m.audience,
	})
	if err != nil {
		return "", err
	}
	return m.keys.sign(ctx, "", token.ManagementType, payload, expires.Sub(now))
}

// notices are what was said already. When there are too many it is all said again.
type notices struct {
	mu   sync.Mutex
	said map[string]struct{}
}

const maxNotices = 4096

// first reports whether what is said for the first time.
func (n *notices) first(what string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, ok := n.said[what]; ok {
		return false
	}
	if n.said == nil || len(n.said) >= maxNotices {
		n.said = map[string]struct{}{}
	}
	n.said[what] = struct{}{}
	return true
}
