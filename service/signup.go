package service

import (
	"context"
	"errors"
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
	links     links
	codes     codes
	baseURL   string
}

// A SignUpPolicy says who may sign up, and how an address is proved.
type SignUpPolicy struct {
	Closed           bool          // nobody may
	SkipVerification bool          // an address counts as proved as soon as it is given
	Code             bool          // a code is mailed, to type where the account was made; else a link
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
// but that, so that it is the same for an address that has an account. Where a code proves
// it, UserID and ActivationToken are what [SignUp.ActivateByCode] wants beside the code; that
// UserID is of this attempt only, and no user's.
type SignedUp struct {
	ShouldActivate   bool
	UserID, TenantID string
	ActivationToken  string
	Login            *Login
}

// Create makes a user and a tenant whose first user that is. With verification, the
// answer is the same for a known address, whose owner gets a notice; without, a known
// address is a Conflict. An address in a domain that is bound to a provider is Forbidden.
func (s *SignUp) Create(ctx context.Context, by store.Principal, in NewSignUp) (SignedUp, error) {
	if s.policy.Closed {
		return SignedUp{}, fault.New(fault.Forbidden, "", "sign-up is closed")
	}
	email, err := s.check(&in)
	if err != nil {
		return SignedUp{}, err
	}
	if err := ssoRequired(ctx, s.store, email); err != nil {
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
	w, err := s.welcome(by, phc)
	if err != nil {
		return SignedUp{}, err
	}
	return w.outcome(s.policy), s.begin(ctx, by, s.account(in, email), w)
}

// A welcome is what a new account's address has to prove, and for whom.
type welcome struct {
	id, token string // by which the browser that signed up names it, where a code proves it
	binding   string // hash of that browser
	password  string // hash of what it gave; it counts for that browser only
}

// welcome prepares a proof. The password that was given at sign-up counts only for the browser
// that gave it: the owner of the address may be somebody else, and must not activate a
// stranger's password.
func (s *SignUp) welcome(by store.Principal, phc string) (welcome, error) {
	token, _, err := secret.NewLinkToken()
	w := welcome{id: s.newID(), token: token, binding: s.signin.device(by)}
	if w.binding != "" {
		w.password = phc
	}
	return w, err
}

func (w welcome) outcome(p SignUpPolicy) SignedUp {
	if !p.Code {
		return SignedUp{ShouldActivate: true}
	}
	return SignedUp{ShouldActivate: true, UserID: w.id, ActivationToken: w.token}
}

// begin makes the account, or answers for the one that is there.
func (s *SignUp) begin(ctx context.Context, by store.Principal, a account, w welcome) error {
	find := func() (store.Identifier, error) {
		return s.store.Identifier(ctx, a.identifier.Scope, store.Email, a.identifier.Value)
	}
	known, err := find()
	if errors.Is(err, store.ErrNotFound) {
		if err = s.invite(ctx, by, a, w); !errors.Is(err, store.ErrConflict) {
			return err
		}
		known, err = find() // somebody was faster
	}
	if err != nil {
		return err
	}
	return s.remind(ctx, by, known, w)
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
		userID: a.user.ID, secret: phc, kind: in.Kind, methods: []string{byPassword}, local: localOf(store.Email, email),
		prepare: func(tx *unit) error {
			if err := a.create(ctx, tx, true); err != nil {
				return err
			}
			if err := s.record(ctx, tx, by, "user.signed_up", a.user.ID); err != nil {
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

// invite makes the account and mails what activates it.
func (s *SignUp) invite(ctx context.Context, by store.Principal, a account, w welcome) error {
	return quietly(s.change(ctx, by, "user.signed_up", a.user.ID, func(tx *unit) error {
		if err := a.create(ctx, tx, false); err != nil {
			return err
		}
		return s.mail(ctx, tx, a.user, w)
	}))
}

// remind answers a sign-up with a known address: an account that was never activated gets
// a new proof, any other a notice.
func (s *SignUp) remind(ctx context.Context, by store.Principal, known store.Identifier, w welcome) error {
	u, err := s.store.User(ctx, known.UserID)
	if err != nil {
		return err
	}
	return quietly(s.change(ctx, by, "user.signed_up_again", u.ID, func(tx *unit) error {
		if !u.Verified {
			return s.mail(ctx, tx, u, w)
		}
		if err := s.outbox.ration(ctx, tx, message.SignUpNoticeKind, known.Text); err != nil {
			return err
		}
		if s.policy.Code { // whose code nobody learns: a token that leads nowhere would tell
			if _, err := s.codes.issue(ctx, tx, w.challenge(""), errand{Password: w.password}); err != nil {
				return err
			}
		}
		m, err := s.compose.SignUpNotice(message.SignUpNotice{To: known.Text, Name: u.Name, Link: s.baseURL + "/account/login"})
		if err != nil {
			return err
		}
		return s.outbox.enqueue(ctx, tx, m)
	}))
}

func (w welcome) challenge(userID string) store.Challenge {
	return store.Challenge{ID: w.id, Hash: secret.Hash(w.token), Subject: userID, Binding: w.binding}
}

// mail makes what activates the account, the only one that does from now on, and enqueues it.
func (s *SignUp) mail(ctx context.Context, tx *unit, u store.User, w welcome) error {
	if err := s.outbox.ration(ctx, tx, message.ActivationKind, u.Email); err != nil {
		return err
	}
	if s.policy.Code {
		return s.mailCode(ctx, tx, u, w.challenge(u.ID), w.password)
	}
	text, err := s.links.issue(ctx, tx, u.ID, w.binding, errand{Password: w.password})
	if err != nil {
		return err
	}
	m, err := s.compose.Activation(message.Activation{
		To: u.Email, Name: u.Name, Link: s.links.url(u.ID, text), ValidFor: s.links.life, SetPassword: w.password == "",
	})
	if err != nil {
		return err
	}
	return s.outbox.enqueue(ctx, tx, m)
}

func (s *SignUp) mailCode(ctx context.Context, tx *unit, u store.User, c store.Challenge, phc string) error {
	code, err := s.codes.issue(ctx, tx, c, errand{Password: phc})
	if err != nil {
		return err
	}
	m, err := s.compose.ActivationCode(message.ActivationCode{To: u.Email, Name: u.Name, Code: code, ValidFor: codeLife})
	if err != nil {
		return err
	}
	return s.outbox.enqueue(ctx, tx, m)
}

// again mails another proof to an address that waits for one. A code goes with the token that
// the browser has, and the one before stops working; without such a browser there is nothing
// that a code could be typed into.
func (s *SignUp) again(ctx context.Context, tx *unit, u store.User) error {
	if !s.policy.Code {
		return s.mail(ctx, tx, u, welcome{})
	}
	if err := s.outbox.ration(ctx, tx, message.ActivationKind, u.Email); err != nil {
		return err
	}
	c, err := tx.ChallengeOf(ctx, store.ActivationCode, u.ID)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	e, err := readErrand(c)
	if err != nil {
		return err
	}
	return s.mailCode(ctx, tx, u, c, e.Password)
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
