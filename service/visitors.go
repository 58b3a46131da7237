package service

import (
	"context"
	"errors"
	"strings"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/sso"
	"github.com/go-identity/identity/store"
)

// visitors decide which user somebody is whom a provider vouches for: a tenant's own provider
// or a social one.
type visitors struct {
	*base
	perTenant bool
}

// A visitor is somebody whom a provider vouches for. What the provider may say is settled by
// then.
type visitor struct {
	connectionID string // of the connection, or of the social provider: with subject the key
	subject      string
	tenantID     string // of the connection; empty for a social provider
	provider     string // of a user that is made: "saml", "google", …

	email string // as it was asserted; empty where none was
	// proved says that the address is the visitor's: the provider says so and may. Only then
	// does it lead to a user who is there, and become what a new one is found by.
	proved        bool
	name, picture string
	// strange is asked before a user is made; its error refuses. Nil lets everybody in.
	strange func(tx *unit) error
}

// A guest is the user that a visitor turned out to be. What it may do is for the caller to
// settle.
type guest struct {
	user   store.User
	link   store.LinkedIdentity
	made   bool // the user is new
	linked bool // the link is
}

// recognize returns the user that a visitor is, linked with the identity at the provider.
// The identity decides: its key is the provider and the subject there. Somebody who comes for
// the first time becomes the user who has proved the same address, if the provider proves it
// as well; whoever has it and does not prove it is refused. Everybody else becomes a new user.
func (s *visitors) recognize(ctx context.Context, tx *unit, by store.Principal, v visitor) (guest, error) {
	if v.subject == "" || !store.Storable(v.subject) {
		return guest{}, sso.Refuse("the subject has a name that cannot be kept", nil)
	}
	l, err := tx.LinkedIdentity(ctx, v.connectionID, v.subject)
	if errors.Is(err, store.ErrNotFound) {
		return s.introduce(ctx, tx, by, v)
	}
	if err != nil {
		return guest{}, err
	}
	if l.TenantID != v.tenantID {
		return guest{}, sso.Refuse("the identity was linked through another tenant", nil)
	}
	u, err := tx.User(ctx, l.UserID)
	if err != nil {
		return guest{}, err
	}
	l.Email, l.LastUsedAt = v.text(), tx.at
	if err := tx.UpdateLinkedIdentity(ctx, l); err != nil {
		return guest{}, err
	}
	u, err = s.confirm(ctx, tx, v, u)
	return guest{user: u, link: l}, err
}

// confirm makes the address of a user whom the provider did not prove before one that they are
// found by, now that it does and nobody else has it.
func (s *visitors) confirm(ctx context.Context, tx *unit, v visitor, u store.User) (store.User, error) {
	value, err := normalizeEmail(u.Email)
	theirs, wrong := normalizeEmail(v.email)
	if !v.proved || u.Verified || err != nil || wrong != nil || value != theirs {
		return u, nil
	}
	is, err := tx.Identifiers(ctx, u.ID)
	if err != nil || len(is) > 0 {
		return u, err
	}
	i := store.Identifier{
		Scope: s.scope(v), Kind: store.Email, Value: value, UserID: u.ID, Text: u.Email, Primary: true, VerifiedAt: tx.at, CreatedAt: tx.at,
	}
	switch _, err := tx.Identifier(ctx, i.Scope, i.Kind, i.Value); {
	case err == nil:
		return u, nil
	case !errors.Is(err, store.ErrNotFound):
		return u, err
	}
	u.Verified, u.UpdatedAt = true, tx.at
	if err := errors.Join(tx.CreateIdentifier(ctx, i), tx.UpdateUser(ctx, u)); err != nil {
		return u, err
	}
	return u, tx.revoke(ctx, store.Revocation{UserID: u.ID})
}

// text is the address as it is kept; empty where it is none that anybody can have: messages go
// to what is kept, and programs show it.
func (v visitor) text() string {
	if _, err := normalizeEmail(v.email); err != nil {
		return ""
	}
	return strings.Trim(v.email, " ")
}

// introduce links a visitor who was never here.
func (s *visitors) introduce(ctx context.Context, tx *unit, by store.Principal, v visitor) (guest, error) {
	u, found, err := s.owner(ctx, tx, by, v)
	if err != nil {
		return guest{}, err
	}
	if !found {
		if u, err = s.welcome(ctx, tx, by, v); err != nil {
			return guest{}, err
		}
	}
	l := store.LinkedIdentity{
		ConnectionID: v.connectionID, Subject: v.subject, TenantID: v.tenantID, UserID: u.ID, Email: v.text(),
		CreatedAt: tx.at, LastUsedAt: tx.at,
	}
	if err := tx.CreateLinkedIdentity(ctx, l); err != nil {
		return guest{}, err
	}
	return guest{user: u, link: l, made: !found, linked: true}, s.record(ctx, tx, by, "identity.linked", u.ID)
}

// owner returns the user who has the visitor's address, if there is one and the visitor may be
// taken for them. An account that was made with the address and never proved it makes way.
func (s *visitors) owner(ctx context.Context, tx *unit, by store.Principal, v visitor) (u store.User, found bool, err error) {
	value, err := normalizeEmail(v.email)
	if err != nil {
		return u, false, nil // such an address is nobody's
	}
	i, err := tx.Identifier(ctx, s.scope(v), store.Email, value)
	if errors.Is(err, store.ErrNotFound) {
		return u, false, nil
	}
	if err == nil {
		u, err = tx.User(ctx, i.UserID)
	}
	switch {
	case err != nil:
		return u, false, err
	case !v.proved:
		return u, false, sso.Refuse("the address belongs to a user here, and the provider does not prove that it is this person's: "+
			"prove its domain, and let the provider say that the address is verified", nil)
	case i.VerifiedAt.IsZero():
		return store.User{}, false, s.release(ctx, tx, by, u)
	}
	return u, true, nil
}

// scope is where the visitor's address is unique.
func (s *visitors) scope(v visitor) string {
	if s.perTenant {
		return v.tenantID
	}
	return ""
}

// release removes an account that was made with an address and never proved it, when the owner
// of the address comes through a provider that does. Whoever made it may have been somebody
// else, in wait for that moment: nothing of it may become the owner's, neither its password
// nor a link that was mailed. And it must not keep the owner out for ever: nobody could prove
// the address here any more, once its domain signs in elsewhere. Only an account that nobody
// ever got into goes, one that waits alone in the tenant of its own sign-up; anything else, such
// as one that was locked or that the host knows, is for somebody to look at.
func (s *visitors) release(ctx context.Context, tx *unit, by store.Principal, u store.User) error {
	unused, err := s.unused(ctx, tx, u)
	if err != nil {
		return err
	}
	if !unused {
		return sso.Refuse("the address belongs to an account here whose owner never confirmed it, and which is in use: "+
			"confirm its address, or remove it", nil)
	}
	if err := tx.DeleteUser(ctx, u.ID); err != nil {
		return err
	}
	if err := s.record(ctx, tx, by, "user.released", u.ID); err != nil {
		return err
	}
	return tx.revoke(ctx, store.Revocation{UserID: u.ID})
}

// unused reports whether nobody ever got into an account, nor anybody else waits for it.
func (s *visitors) unused(ctx context.Context, tx *unit, u store.User) (bool, error) {
	is, err := tx.Identifiers(ctx, u.ID)
	if err != nil {
		return false, err
	}
	ls, err := tx.LinkedIdentities(ctx, u.ID)
	if err != nil {
		return false, err
	}
	live, err := tx.Sessions(ctx, u.ID, tx.at)
	if err != nil {
		return false, err
	}
	for _, i := range is {
		if !i.VerifiedAt.IsZero() {
			return false, nil
		}
	}
	touched := u.Verified || u.Locked || u.ExternalID != "" || !u.LastLogin.IsZero()
	if touched || len(ls) > 0 || len(live) > 0 {
		return false, nil
	}
	return s.alone(ctx, tx, u)
}

// alone reports whether every membership of the user waits, in a tenant that has nobody else.
func (s *visitors) alone(ctx context.Context, tx *unit, u store.User) (bool, error) {
	ms, err := tx.Memberships(ctx, u.ID)
	if err != nil {
		return false, err
	}
	for _, m := range ms {
		n, err := tx.Members(ctx, m.TenantID)
		if err != nil || n > 1 || m.Activated {
			return false, err
		}
	}
	return true, nil
}

// welcome makes the user that a visitor becomes. An address that the provider does not prove
// is shown and no more: nobody is found by it, so that its owner can still sign up with it,
// and whoever asserted it gets nothing that is the owner's.
func (s *visitors) welcome(ctx context.Context, tx *unit, by store.Principal, v visitor) (store.User, error) {
	if v.strange != nil {
		if err := v.strange(tx); err != nil {
			return store.User{}, err
		}
	}
	u := store.User{
		ID: tx.newID(), Email: v.text(), Verified: v.proved, Name: v.name, PictureURL: v.picture, Metadata: "{}", VendorMetadata: "{}",
		Provider: v.provider, ActiveTenantID: v.tenantID, CreatedAt: tx.at, UpdatedAt: tx.at,
	}
	u.Name, u.PictureURL = wellFormed(u, u.Name, ""), wellFormed(u, "", u.PictureURL)
	var is []store.Identifier
	if v.proved {
		value, err := normalizeEmail(v.email)
		if err != nil {
			return u, sso.Refuse("the address is none that an account can have", err)
		}
		is = append(is, store.Identifier{
			Scope: s.scope(v), Kind: store.Email, Value: value, UserID: u.ID, Text: u.Email, Primary: true,
			VerifiedAt: tx.at, CreatedAt: tx.at,
		})
	}
	if err := createUser(ctx, tx, u, is); err != nil {
		return u, err
	}
	return u, s.record(ctx, tx, by, "user.created", u.ID)
}

// wellFormed returns the name or the picture if a user may have it, else nothing: nobody is
// kept out for what they are called elsewhere.
func wellFormed(u store.User, name, picture string) string {
	var c fault.Checker
	u.Name, u.PictureURL = name, picture
	checkUser(&c, u)
	if c.Err() != nil {
		return ""
	}
	return name + picture
}
