package service

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/internal/secret"
	"github.com/go-identity/identity/store"
)

// The kinds of opaque secret, each accepted in its own place only.
const (
	refreshSecret    secret.Kind = 'r'
	browserSecret    secret.Kind = 'b'
	managementSecret secret.Kind = 'm'
)

// SignIn opens, continues and closes sessions.
type SignIn struct {
	*base
	feed      *Feed
	demands   *demands
	passwords *Passwords
	minter    *minter
	people    *people
	ring      *secret.Ring
	policy    SessionPolicy
	perTenant bool
	verified  bool // users must have proved their address
}

// A PasswordLogin is what a person gives to sign in: an e-mail address or a username, and
// a password. Kind says how the session is carried; empty is a family of refresh tokens.
type PasswordLogin struct {
	Email, Username, Password string
	Kind                      store.SessionKind
}

// A Login is the outcome of a sign-in or a refresh.
type Login struct {
	User    store.User // after a refresh without its vendor metadata
	Session store.Session

	AccessToken string // with a family only
	ExpiresIn   time.Duration
	ExpiresAt   time.Time // of the access token

	Secret string // the refresh token, or the value of the cookie: shown here only

	// MFARequired means that nothing was opened, or continued: the user has to show a second
	// factor first, and [MFA] takes MFAToken with it.
	MFARequired bool
	MFAToken    string
	MFAEnrolled bool        // false: the user has to enroll a device first
	MFADevices  []MFADevice // that the user can show a code of

	RecoveryCodes []string // that a device which was enrolled at this login came with

	steppedUp bool     // a second factor was shown just now
	tenantIDs []string // those that the user may enter
	cameAs    string   // in a preview: the session whose provider is looked at
}

// errRefresh is the one answer to a refresh token that does not hold.
func errRefresh(cause error) error {
	return fault.New(fault.Unauthenticated, "", "sign in again").Because(cause)
}

// Password signs a user in. An unknown user, a wrong password, a locked or disabled
// account do the same work and get the same Unauthenticated error. An address that is not
// proved yet is told so, but only to somebody who knows the password. An address in a domain
// that is bound to a provider is Forbidden with [SSORequired], whoever has it. Unavailable
// means that too many passwords are being checked.
func (s *SignIn) Password(ctx context.Context, by store.Principal, in PasswordLogin) (Login, error) {
	kind, value, err := in.identifier()
	if err != nil {
		return Login{}, err
	}
	scope := s.scope(by)
	if err := ssoRequiredOf(ctx, s.store, kind, value); err != nil {
		return Login{}, s.failed(ctx, by, "", err)
	}
	account := s.passwords.attempts.account(scope, kind, value)
	var found store.Identifier
	c, err := s.passwords.prove(ctx, by, account, in.Password, func() (store.Credential, error) {
		i, err := s.store.Identifier(ctx, scope, kind, value)
		if err != nil {
			return store.Credential{}, err
		}
		found = i
		return s.store.Credential(ctx, i.UserID, store.Password)
	})
	if err != nil {
		return Login{}, s.failed(ctx, by, found.UserID, err)
	}
	l, err := s.open(ctx, by, opening{
		userID: c.UserID, secret: s.passwords.rehash(ctx, c, in.Password), account: c.account, kind: in.Kind,
		methods: []string{byPassword}, local: localOf(kind, value),
	})
	if err != nil {
		return Login{}, s.failed(ctx, by, c.UserID, err)
	}
	return l, nil
}

// identifier returns what the user is looked up by. Text that cannot be an address is
// looked up as it is, so that it costs and says the same as one nobody has.
func (in PasswordLogin) identifier() (store.IdentifierKind, string, error) {
	if (in.Email == "") == (in.Username == "") {
		return "", "", fault.New(fault.Invalid, "", "give one of email and username")
	}
	kind, value := store.Username, lowerASCII(in.Username)
	if in.Email != "" {
		kind, value = store.Email, in.Email
		if normal, err := normalizeEmail(value); err == nil {
			value = normal
		}
	}
	if !store.Storable(value) {
		return "", "", fault.New(fault.Invalid, string(kind), "must be valid UTF-8 without U+0000")
	}
	return kind, value, nil
}

// scope is where identifiers are unique: the environment, or the tenant where users are
// per tenant.
func (s *SignIn) scope(by store.Principal) string {
	if s.perTenant {
		return by.TenantID
	}
	return ""
}

// failed records a sign-in that failed. It is written even when the client hung up.
func (s *SignIn) failed(ctx context.Context, by store.Principal, userID string, err error) error {
	f := fault.From(err)
	if f.Code != fault.Unauthenticated && f.Code != fault.Forbidden {
		return err
	}
	reason := "wrong password"
	if cause := errors.Unwrap(f); cause != nil {
		reason = cause.Error()
	}
	s.note(ctx, by, "signin.failed", userID, map[string]string{"reason": reason})
	return err
}

// An opening is a session about to be made for a user who proved themselves.
//
// prepare, resolve and keep run inside the transaction, once in each attempt at it: they may
// write through tx only, and what they leave in variables of their own has to be set anew
// each time.
type opening struct {
	userID  string
	secret  string // the credential that was proved; it must still be the user's
	account []byte // whose failed attempts are forgotten
	kind    store.SessionKind
	methods []string
	prepare func(tx *unit) error // changes that belong to the same transaction

	// resolve says who signs in, where only the transaction can know, in place of userID. It
	// runs after prepare and may make the user. What it wrote stays where the user has to show
	// a second factor first.
	resolve func(tx *unit) (userID string, err error)
	// keep makes the changes that belong to a session which was opened. l.Session is written
	// by then. It does not run where a second factor is asked for first, nor after that one
	// was shown: what must not be lost belongs into resolve, or into came.
	keep func(tx *unit, l Login) error

	// came says through which provider; nil is a sign-in of our own. Whose it is, of which
	// session and since when is filled in, as is a zero ExpiresAt. It is kept while a second
	// factor is waited for, so that Hint must not be sealed for one session. The identity in
	// it has to be linked with the user by then.
	came           *store.ProviderSession
	onlyTenant     string    // the one tenant that the session may ever act in; empty is any
	overrideActive bool      // with onlyTenant: that is where the user acts from now on
	authTime       time.Time // when the user proved themselves, where that was before; zero is now
	heard          time.Time // when the provider vouched, where that was before; zero is now

	asked    bool      // for the second factor: it is not asked for again
	replaces string    // the session that this one takes the place of
	ends     time.Time // at the latest; zero is as late as any
	local    string    // a domain that was found to be bound to no provider
}

// open makes a session in one transaction that reads again what the proof relied on, so
// that a password change or a lock that came in between wins.
func (s *SignIn) open(ctx context.Context, by store.Principal, o opening) (Login, error) {
	id := s.newID()
	var l Login
	actor := by
	actor.Kind, actor.ID = store.UserKind, o.userID
	err := s.change(ctx, actor, "session.created", id, func(tx *unit) (err error) {
		l, err = s.attempt(ctx, tx, by, o, id)
		return err
	})
	if err != nil {
		return Login{}, err
	}
	if l.MFARequired {
		return l, nil
	}
	minted, err := s.mint(ctx, l)
	if err != nil {
		actor.ID = l.User.ID
		s.abandon(ctx, actor, l.Session)
	}
	return minted, err
}

// attempt is open inside the transaction.
func (s *SignIn) attempt(ctx context.Context, tx *unit, by store.Principal, o opening, id string) (Login, error) {
	if err := o.begin(ctx, tx); err != nil {
		return Login{}, err
	}
	tx.actorID = o.userID
	text, hash, err := s.ring.NewToken(secretOf(o.kind), o.userID, id) // the user's id is in it
	if err != nil {
		return Login{}, fmt.Errorf("make a session secret: %w", err)
	}
	l := Login{Secret: text, Session: s.session(by, o, id, hash, tx.at)}
	l.steppedUp = slices.Contains(o.methods, byTwo) && tx.at.Sub(l.Session.AuthTime) < s.policy.AccessToken
	all, err := s.welcome(ctx, tx, by, o, &l)
	if err != nil {
		return Login{}, err
	}
	owed, err := s.owed(ctx, tx, o, all, l)
	if err != nil {
		return Login{}, err
	}
	if owed {
		l, err = s.ask(ctx, tx, by, l.User, o.first(by))
		return l, errors.Join(err, s.passwords.clear(ctx, tx, o.account))
	}
	tx.tenantID, tx.detail = l.Session.TenantID, o.detail()
	return l, s.keep(ctx, tx, o, l)
}

// detail is what the audit event of the session says.
func (o opening) detail() map[string]any {
	d := map[string]any{"methods": o.methods}
	if o.came != nil {
		d["connection"] = o.came.ConnectionID
	}
	return d
}

// begin makes the changes that belong to the opening, finds out whose it is and ends the
// session that it takes the place of.
func (o *opening) begin(ctx context.Context, tx *unit) error {
	if o.prepare != nil {
		if err := o.prepare(tx); err != nil {
			return err
		}
	}
	if o.resolve != nil {
		var err error
		if o.userID, err = o.resolve(tx); err != nil {
			return err
		}
	}
	return o.replace(ctx, tx)
}

// welcome finds out who signs in, and where, and returns the tenants whose policies count.
func (s *SignIn) welcome(ctx context.Context, tx *unit, by store.Principal, o opening, l *Login) ([]string, error) {
	u, err := s.admit(ctx, tx, o)
	if err != nil {
		return nil, err
	}
	ms, err := tx.Memberships(ctx, u.ID)
	if err != nil {
		return nil, err
	}
	all := enterableIDs(ms)
	l.User, l.tenantIDs = u, confine(all, o.onlyTenant)
	l.Session.TenantID, err = tenant(l.tenantIDs, by, u)
	return all, err
}

// owed reports whether the user, who may enter the tenants, has to show a second factor first.
func (s *SignIn) owed(ctx context.Context, tx *unit, o opening, tenantIDs []string, l Login) (bool, error) {
	if o.asked {
		return false, nil
	}
	asked, err := demandOf(ctx, tx, l.User, tenantIDs)
	if err != nil {
		return false, err
	}
	return s.demands.atLogin(ctx, tx, asked, l.Session)
}

// abandon ends a session that came to no token: nobody has its secret.
func (s *SignIn) abandon(ctx context.Context, by store.Principal, o store.Session) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readTimeout)
	defer cancel()
	by.TenantID = o.TenantID
	err := s.change(ctx, by, "session.ended", o.ID, func(tx *unit) error {
		_, err := endSessions(ctx, tx, o.UserID, o.ID)
		return err
	})
	if err != nil {
		s.log.WarnContext(ctx, "end a session without a token", "error", err)
	}
}

func secretOf(k store.SessionKind) secret.Kind {
	if k == store.Browser {
		return browserSecret
	}
	return refreshSecret
}

// admit reads the user again and refuses one who may not sign in.
func (s *SignIn) admit(ctx context.Context, tx *unit, o opening) (store.User, error) {
	u, err := tx.User(ctx, o.userID)
	if errors.Is(err, store.ErrNotFound) {
		return u, errWrong(err)
	}
	if err != nil {
		return u, err
	}
	if u.Locked {
		return u, errWrong(errors.New("the user is locked"))
	}
	if o.secret != "" {
		c, err := tx.Credential(ctx, u.ID, store.Password)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return u, err
		}
		if err != nil || c.Secret != o.secret {
			return u, errWrong(errors.Join(err, errors.New("the password was changed meanwhile")))
		}
	}
	if err := o.vouched(ctx, tx); err != nil {
		return u, err
	}
	if err := o.ours(ctx, tx, u); err != nil {
		return u, err
	}
	if s.verified && !u.Verified && o.came == nil { // a provider vouches for the person, whatever the address
		e := fault.New(fault.Forbidden, "", "verify your email first")
		e.Wire = Unconfirmed
		return u, e
	}
	return u, nil
}

// tenant chooses where the session acts: where the caller asked, else where the user was
// last, else the first tenant that the user may enter.
func tenant(ids []string, by store.Principal, u store.User) (string, error) {
	switch {
	case by.TenantID != "" && slices.Contains(ids, by.TenantID):
		return by.TenantID, nil
	case by.TenantID != "" || len(ids) == 0:
		return "", errWrong(errors.New("the user may enter no tenant"))
	case slices.Contains(ids, u.ActiveTenantID):
		return u.ActiveTenantID, nil
	}
	return ids[0], nil
}

func (s *SignIn) session(by store.Principal, o opening, id string, hash []byte, at time.Time) store.Session {
	kind := o.kind
	if kind == "" {
		kind = store.Family
	}
	ends := at.Add(s.policy.Absolute)
	if !o.ends.IsZero() && o.ends.Before(ends) {
		ends = o.ends
	}
	proved := at
	if !o.authTime.IsZero() && o.authTime.Before(at) {
		proved = o.authTime
	}
	return store.Session{
		UserID: o.userID, ID: id, Kind: kind, OnlyTenantID: o.onlyTenant, Hash: hash, Device: s.device(by),
		UserAgent: clip(by.UserAgent), IP: by.IP, Methods: o.methods, AuthTime: proved, CreatedAt: at, LastUsedAt: at,
		ExpiresAt: s.policy.slide(kind, at, ends), EndsAt: ends,
	}
}

// NewDevice returns a value for the device cookie of a browser that has none.
func (s *SignIn) NewDevice() (string, error) {
	text, _, err := secret.NewLinkToken()
	return text, err
}

// device returns the hash that a session remembers its device by.
func (s *SignIn) device(by store.Principal) string {
	if by.Device == "" {
		return ""
	}
	return subject(s.ring.MAC("device", by.Device))
}

// clip bounds what a client says of itself.
func clip(text string) string {
	const most = 512
	if len(text) > most {
		text = text[:most]
	}
	if !store.Storable(text) {
		return ""
	}
	return text
}

// keep writes the session and what goes with it.
func (s *SignIn) keep(ctx context.Context, tx *unit, o opening, l Login) error {
	if err := s.policy.limit(ctx, tx, l.User.ID); err != nil {
		return err
	}
	if err := tx.CreateSession(ctx, l.Session); err != nil {
		return err
	}
	if err := o.remember(ctx, tx, l.Session); err != nil {
		return err
	}
	if err := s.passwords.clear(ctx, tx, o.account); err != nil {
		return err
	}
	if err := tx.RecordLogin(ctx, l.User.ID, o.active(l), tx.at); err != nil || o.keep == nil {
		return err
	}
	return o.keep(tx, l)
}

// active is where the user acts from now on. A session that is confined to one tenant leaves
// that as it was, unless it is told otherwise.
func (o opening) active(l Login) string {
	if o.onlyTenant == "" || o.overrideActive {
		return l.Session.TenantID
	}
	return cmp.Or(l.User.ActiveTenantID, l.Session.TenantID)
}

// mint adds the access token to a login that has a family.
func (s *SignIn) mint(ctx context.Context, l Login) (Login, error) {
	if l.Session.Kind == store.Browser {
		return l, nil
	}
	r, err := s.people.resident(ctx, l.User.ID, l.Session.TenantID)
	if err != nil {
		return Login{}, lost(err)
	}
	return s.minter.user(ctx, l, r.principal)
}

// Logout ends the session of a refresh token or a cookie. Text that belongs to no living
// session is no error, and neither is a token that was replaced: whoever holds it may
// close what it opened.
func (s *SignIn) Logout(ctx context.Context, by store.Principal, text string) error {
	userID, id, _, err := s.ring.ParseToken(refreshSecret, text)
	if err != nil {
		if userID, id, _, err = s.ring.ParseToken(browserSecret, text); err != nil {
			return nil
		}
	}
	by.Kind, by.ID = store.UserKind, userID
	err = s.change(ctx, by, "session.ended", id, func(tx *unit) error {
		ended, err := endSessions(ctx, tx, userID, id)
		if err == nil && len(ended) == 0 {
			return store.ErrNotFound
		}
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		s.doubt([]store.Revocation{{UserID: userID, SessionID: id}}) // another process may have ended it just now
		return nil
	}
	return err
}
