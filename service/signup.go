package service

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/internal/secret"
	"github.com/go-identity/identity/message"
	"github.com/go-identity/identity/store"
)

// SignUp lets people make an account and a tenant of their own.
type SignUp struct {
	*base
	signin    *SignIn
	passwords *Passwords
	outbox    *Outbox
	compose   *message.Composer
	policy    SignUpPolicy
	baseURL   string
}

// A SignUpPolicy says who may sign up, and how an address is proved.
type SignUpPolicy struct {
	Closed           bool          // nobody may
	SkipVerification bool          // an address counts as proved as soon as it is given
	LinkLife         time.Duration // of an activation link
}

// A NewSignUp is what a person gives to sign up.
type NewSignUp struct {
	Provider                       string // "local", or empty
	Email, Password, Name, Company string
	Metadata, PictureURL           string
	RoleIDs                        []string // must be empty: nobody chooses their own roles
	Kind                           store.SessionKind
}

// SignedUp is the outcome of a sign-up. While the address is to be proved it says nothing
// but that, so that it is the same for an address that has an account.
type SignedUp struct {
	ShouldActivate   bool
	UserID, TenantID string
	Login            *Login
}

// Create makes a user and a tenant whose first user that is. With verification, the
// answer is the same for a known address, whose owner gets a notice; without, a known
// address is a Conflict.
func (s *SignUp) Create(ctx context.Context, by store.Principal, in NewSignUp) (SignedUp, error) {
	if s.policy.Closed {
		return SignedUp{}, fault.New(fault.Forbidden, "", "sign-up is closed")
	}
	email, err := s.check(&in)
	if err != nil {
		return SignedUp{}, err
	}
	// Known or not, the address costs a hash.
	phc := ""
	if in.Password != "" || s.policy.SkipVerification {
		if phc, err = s.passwords.hash(ctx, in.Password, words(store.User{Email: in.Email, Name: in.Name})...); err != nil {
			return SignedUp{}, err
		}
	}
	if s.policy.SkipVerification {
		return s.enter(ctx, by, in, email, phc)
	}
	a := s.account(in, email)
	known, err := s.store.Identifier(ctx, a.identifier.Scope, store.Email, email)
	if errors.Is(err, store.ErrNotFound) {
		err = s.invite(ctx, by, a, phc)
		if !errors.Is(err, store.ErrConflict) {
			return SignedUp{ShouldActivate: true}, err
		}
		known, err = s.store.Identifier(ctx, a.identifier.Scope, store.Email, email) // somebody was faster
	}
	if err != nil {
		return SignedUp{}, err
	}
	return SignedUp{ShouldActivate: true}, s.remind(ctx, by, known, phc)
}

// check refuses what cannot be an account and returns the normalized address.
func (s *SignUp) check(in *NewSignUp) (string, error) {
	var c fault.Checker
	in.Email, in.Company, in.Name = strings.TrimSpace(in.Email), strings.TrimSpace(in.Company), strings.TrimSpace(in.Name)
	email, err := normalizeEmail(in.Email)
	c.Check(err == nil, "email", "must be an email")
	c.Check(in.Provider == "" || in.Provider == "local", "provider", "must be local")
	c.Check(len(in.RoleIDs) == 0, "roleIds", "must be empty")
	checkName(&c, "companyName", in.Company)
	checkText(&c, "name", in.Name, maxName)
	checkText(&c, "profilePictureUrl", in.PictureURL, maxURL)
	if in.Metadata == "" {
		in.Metadata = "{}"
	}
	checkMetadata(&c, "metadata", in.Metadata)
	return email, c.Err()
}

// scope is where an address is unique: the environment, or the tenant where users are per
// tenant, which a sign-up makes anew.
func (s *SignUp) scope(tenantID string) string {
	if s.signin.perTenant {
		return tenantID
	}
	return ""
}

// enter makes the account and signs it in.
func (s *SignUp) enter(ctx context.Context, by store.Principal, in NewSignUp, email, phc string) (SignedUp, error) {
	a := s.account(in, email)
	l, err := s.signin.open(ctx, by, opening{
		userID: a.user.ID, secret: phc, kind: in.Kind, methods: []string{"pwd"},
		prepare: func(tx *unit) error {
			if err := a.create(ctx, tx, true); err != nil {
				return err
			}
			return s.passwords.set(ctx, tx, a.user.ID, phc)
		},
	})
	if err != nil {
		return SignedUp{}, conflict(err, "User already exists")
	}
	return SignedUp{UserID: a.user.ID, TenantID: a.tenant.ID, Login: &l}, nil
}

// invite makes the account and mails the link that activates it.
func (s *SignUp) invite(ctx context.Context, by store.Principal, a account, phc string) error {
	return quietly(s.change(ctx, by, "user.signed_up", a.user.ID, func(tx *unit) error {
		if err := a.create(ctx, tx, false); err != nil {
			return err
		}
		_, err := s.mail(ctx, tx, by, a.user, phc)
		return err
	}))
}

// remind answers a sign-up with a known address: an account that was never activated gets
// a new link, any other a notice.
func (s *SignUp) remind(ctx context.Context, by store.Principal, known store.Identifier, phc string) error {
	u, err := s.store.User(ctx, known.UserID)
	if err != nil {
		return err
	}
	return quietly(s.change(ctx, by, "user.signed_up_again", u.ID, func(tx *unit) error {
		if !u.Verified {
			_, err := s.mail(ctx, tx, by, u, phc)
			return err
		}
		if err := s.outbox.ration(ctx, tx, known.Text); err != nil {
			return err
		}
		m, err := s.compose.SignUpNotice(message.SignUpNotice{To: known.Text, Name: u.Name, Link: s.baseURL + "/account/login"})
		if err != nil {
			return err
		}
		return s.outbox.enqueue(ctx, tx, m)
	}))
}

// pending is what an activation needs afterwards. The password that was given at sign-up
// counts only for the browser that gave it: the owner of the address may be somebody else,
// and must not activate a stranger's password.
type pending struct {
	Password string `json:"password,omitempty"`
}

// mail makes a new activation link, the only one that works from now on, and enqueues it.
func (s *SignUp) mail(ctx context.Context, tx *unit, by store.Principal, u store.User, phc string) (link string, err error) {
	if err := s.outbox.ration(ctx, tx, u.Email); err != nil {
		return "", err
	}
	binding := s.signin.device(by)
	if binding == "" {
		phc = ""
	}
	text, err := s.challenge(ctx, tx, u, binding, pending{Password: phc})
	if err != nil {
		return "", err
	}
	link = s.link(u.ID, text)
	m, err := s.compose.Activation(message.Activation{
		To: u.Email, Name: u.Name, Link: link, ValidFor: s.policy.LinkLife, SetPassword: phc == "",
	})
	if err != nil {
		return "", err
	}
	return link, s.outbox.enqueue(ctx, tx, m)
}

func (s *SignUp) challenge(ctx context.Context, tx *unit, u store.User, binding string, p pending) (string, error) {
	text, hash, err := secret.NewLinkToken()
	if err != nil {
		return "", err
	}
	doc, err := json.Marshal(p)
	if err != nil {
		return "", err
	}
	if err := tx.DropChallenges(ctx, store.Activation, u.ID); err != nil {
		return "", err
	}
	return text, tx.CreateChallenge(ctx, store.Challenge{
		ID: s.newID(), Purpose: store.Activation, Hash: hash, Subject: u.ID, Binding: binding, Data: string(doc),
		CreatedAt: tx.at, ExpiresAt: tx.at.Add(s.policy.LinkLife),
	})
}

func (s *SignUp) link(userID, text string) string {
	return s.baseURL + "/account/activate?" + url.Values{"userId": {userID}, "token": {text}}.Encode()
}

// An Activation is what the link of a new account brings back.
type Activation struct {
	UserID, Token, Password string
	Kind                    store.SessionKind
}

// errGone is the one answer to a link that does not work: never made, replaced, used or
// expired.
func errGone() error {
	return fault.New(fault.Gone, "", "this link was used or has expired")
}

// Activate proves the address, sets the password where the link asks for one, and signs
// the user in. A link works once; one that does not is Gone.
func (s *SignUp) Activate(ctx context.Context, by store.Principal, in Activation) (Login, error) {
	c, p, err := s.look(ctx, in.UserID, in.Token)
	if err != nil {
		return Login{}, err
	}
	phc, err := s.chosen(ctx, by, c, p, in.Password)
	if err != nil {
		return Login{}, err
	}
	return s.signin.open(ctx, by, opening{
		userID: c.Subject, secret: phc, kind: in.Kind, methods: []string{"pwd"},
		prepare: func(tx *unit) error {
			_, err := tx.ConsumeChallenge(ctx, store.Activation, c.Hash, tx.at)
			if errors.Is(err, store.ErrNotFound) {
				return errGone()
			}
			if err != nil {
				return err
			}
			return s.activate(ctx, tx, c.Subject, phc)
		},
	})
}

// look finds the challenge of a link without using it.
func (s *SignUp) look(ctx context.Context, userID, text string) (store.Challenge, pending, error) {
	var p pending
	c, err := s.store.Challenge(ctx, store.Activation, secret.Hash(text))
	if errors.Is(err, store.ErrNotFound) {
		return c, p, errGone()
	}
	if err != nil {
		return c, p, err
	}
	if c.Subject != userID || !c.UsedAt.IsZero() || !s.now().Before(c.ExpiresAt) {
		return c, p, errGone()
	}
	return c, p, json.Unmarshal([]byte(c.Data), &p)
}

// chosen returns the hash of the password that the account gets.
func (s *SignUp) chosen(ctx context.Context, by store.Principal, c store.Challenge, p pending, pw string) (string, error) {
	if pw != "" {
		u, err := s.store.User(ctx, c.Subject)
		if err != nil {
			return "", err
		}
		return s.passwords.hash(ctx, pw, words(u)...)
	}
	if p.Password != "" && c.Binding == s.signin.device(by) {
		return p.Password, nil
	}
	return "", fault.New(fault.Invalid, "password", "should not be empty")
}

// activate proves the address and admits the user to the tenants that wait for it.
func (s *SignUp) activate(ctx context.Context, tx *unit, userID, phc string) error {
	u, err := tx.User(ctx, userID)
	if err != nil {
		return err
	}
	u.Verified, u.UpdatedAt = true, tx.at
	if err := tx.UpdateUser(ctx, u); err != nil {
		return err
	}
	ids, err := tx.Identifiers(ctx, userID)
	if err != nil {
		return err
	}
	for _, i := range ids {
		if i.Kind == store.Email && i.Primary && i.VerifiedAt.IsZero() {
			if err := tx.VerifyIdentifier(ctx, userID, i, tx.at); err != nil {
				return err
			}
		}
	}
	if err := admitAll(ctx, tx, userID); err != nil {
		return err
	}
	if err := tx.revoke(ctx, store.Revocation{UserID: userID}); err != nil {
		return err
	}
	return s.passwords.set(ctx, tx, userID, phc)
}

func admitAll(ctx context.Context, tx *unit, userID string) error {
	ms, err := tx.Memberships(ctx, userID)
	if err != nil {
		return err
	}
	for _, m := range ms {
		if m.Activated {
			continue
		}
		m.Activated, m.UpdatedAt = true, tx.at
		if err := tx.UpdateMembership(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

// NeedsPassword reports whether activating by the link asks for a password. A link that
// does not work is Gone; it is not used by asking.
func (s *SignUp) NeedsPassword(ctx context.Context, by store.Principal, userID, text string) (bool, error) {
	c, p, err := s.look(ctx, userID, text)
	return p.Password == "" || c.Binding != s.signin.device(by), err
}

// Resend mails a new activation link. It says the same for an address that has no account
// or needs none, and for one that was mailed five within the hour.
func (s *SignUp) Resend(ctx context.Context, by store.Principal, email string) error {
	value, err := normalizeEmail(email)
	if err != nil {
		return err
	}
	i, err := s.store.Identifier(ctx, s.scope(by.TenantID), store.Email, value)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	u, err := s.store.User(ctx, i.UserID)
	if err != nil || u.Verified {
		return err
	}
	return quietly(s.change(ctx, by, "activation.resent", u.ID, func(tx *unit) error {
		_, err := s.mail(ctx, tx, by, u, "")
		return err
	}))
}

// Link makes a new activation link for a host that delivers it by itself, and returns the
// link and its token. Only management and system may.
func (s *SignUp) Link(ctx context.Context, by store.Principal, userID string) (link, text string, err error) {
	if by.Kind != store.ManagementKind && by.Kind != store.SystemKind {
		return "", "", fault.New(fault.Forbidden, "", "management only")
	}
	err = s.change(ctx, by, "activation.link_made", userID, func(tx *unit) error {
		u, err := tx.User(ctx, userID)
		if err != nil {
			return err
		}
		text, err = s.challenge(ctx, tx, u, "", pending{})
		return err
	})
	return s.link(userID, text), text, err
}

// An account is what a sign-up makes.
type account struct {
	user       store.User
	tenant     store.Tenant
	identifier store.Identifier
}

func (s *SignUp) account(in NewSignUp, email string) account {
	userID, tenantID, at := s.newID(), s.newID(), s.now()
	return account{
		user: store.User{
			ID: userID, Email: in.Email, Name: in.Name, PictureURL: in.PictureURL, Metadata: in.Metadata,
			VendorMetadata: "{}", Provider: "local", ActiveTenantID: tenantID, CreatedAt: at, UpdatedAt: at,
		},
		tenant: store.Tenant{
			ID: tenantID, Name: in.Company, CreatorName: in.Name, CreatorEmail: in.Email, Metadata: "{}",
			CreatedAt: at, UpdatedAt: at,
		},
		identifier: store.Identifier{
			Scope: s.scope(tenantID), Kind: store.Email, Value: email, UserID: userID, Text: in.Email, Primary: true, CreatedAt: at,
		},
	}
}

// create writes the account: user, address, tenant, membership and the first user's roles.
func (a account) create(ctx context.Context, tx *unit, verified bool) error {
	tx.tenantID = a.tenant.ID
	if verified {
		a.user.Verified, a.identifier.VerifiedAt = true, tx.at
	}
	if err := tx.CreateUser(ctx, a.user); err != nil {
		return err
	}
	if err := tx.CreateIdentifier(ctx, a.identifier); err != nil {
		return err
	}
	if err := tx.CreateTenant(ctx, a.tenant); err != nil {
		return err
	}
	err := tx.CreateMembership(ctx, store.Membership{
		TenantID: a.tenant.ID, UserID: a.user.ID, Activated: verified, CreatedAt: tx.at, UpdatedAt: tx.at,
	})
	if err != nil {
		return err
	}
	return a.assign(ctx, tx)
}

// assign gives the first user of the tenant the environment's roles for first users, or
// where there are none the default ones.
func (a account) assign(ctx context.Context, tx *unit) error {
	roles, err := tx.Roles(ctx, "")
	if err != nil {
		return err
	}
	first := func(r store.Role) bool { return r.FirstUser }
	if !anyRole(roles, first) {
		first = func(r store.Role) bool { return r.Default }
	}
	for _, r := range roles {
		if !first(r) {
			continue
		}
		err := tx.Assign(ctx, store.Assignment{TenantID: a.tenant.ID, UserID: a.user.ID, RoleID: r.ID, CreatedAt: tx.at})
		if err != nil {
			return err
		}
	}
	return nil
}

func anyRole(roles []store.Role, want func(store.Role) bool) bool {
	for _, r := range roles {
		if want(r) {
			return true
		}
	}
	return false
}
