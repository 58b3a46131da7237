package service

import (
	"context"
	"errors"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/store"
)

// Users are the rules about user records: who somebody is in the whole environment.
// Changing one takes the host's back end; a user changes itself through [Profiles].
type Users struct {
	*base
	passwords *Passwords
	perTenant bool // the same address may be two users in two tenants
}

// scope is where identifiers are unique: the environment, or one tenant.
func (s *Users) scope(tenantID string) string {
	if s.perTenant {
		return tenantID
	}
	return ""
}

// NewUser is what a caller may choose about a user.
type NewUser struct {
	TenantID       string // must exist
	Email          string // this or Username must be there
	Username       string
	Name           string
	Password       string // empty leaves the user without one
	PictureURL     string
	PhoneNumber    string
	Metadata       string // the text of a JSON object; empty is {}
	VendorMetadata string
	ExternalID     string
	MFABypass      bool
	RoleIDs        []string // empty gives the default roles
	Temporary      bool     // refused: no user of this environment goes by itself
}

// record returns the user that n asks for.
func (n NewUser) record(id string, at time.Time) store.User {
	return store.User{
		ID: id, Email: strings.Trim(n.Email, " "), Verified: true,
		Name: n.Name, PictureURL: n.PictureURL, PhoneNumber: n.PhoneNumber,
		Metadata: object(n.Metadata), VendorMetadata: object(n.VendorMetadata), ExternalID: n.ExternalID,
		Provider: localProvider, MFABypass: n.MFABypass, ActiveTenantID: n.TenantID,
		CreatedAt: at, UpdatedAt: at,
	}
}

// localProvider marks users that sign in with a password kept here.
const localProvider = "local"

// identifiers returns what the user will be found by within scope.
func (n NewUser) identifiers(scope string, u store.User) ([]store.Identifier, error) {
	i := store.Identifier{Scope: scope, UserID: u.ID, Primary: true, VerifiedAt: u.CreatedAt, CreatedAt: u.CreatedAt}
	var is []store.Identifier
	if u.Email != "" || n.Username == "" {
		value, err := normalizeEmail(u.Email)
		if err != nil {
			return nil, err
		}
		i.Kind, i.Value, i.Text = store.Email, value, u.Email
		is = append(is, i)
	}
	if n.Username != "" {
		if err := checkUsername(n.Username); err != nil {
			return nil, err
		}
		i.Kind, i.Value, i.Text = store.Username, normalizeUsername(n.Username), n.Username
		is = append(is, i)
	}
	return is, nil
}

// Create adds a verified user to a tenant, without an invitation. An address or username
// that is taken is a Conflict; a tenant or role that does not exist there is NotFound.
func (s *Users) Create(ctx context.Context, by store.Principal, n NewUser) (Profile, error) {
	if err := hostOnly(by); err != nil {
		return Profile{}, err
	}
	u := n.record(s.newID(), s.now())
	is, err := n.identifiers(s.scope(n.TenantID), u)
	if err == nil {
		err = n.check(by, u)
	}
	if err != nil {
		return Profile{}, err
	}
	secret, err := s.secret(ctx, u, n.Password)
	if err != nil {
		return Profile{}, err
	}
	err = s.change(ctx, by, "user.created", u.ID, func(tx *unit) error {
		tx.tenantID = n.TenantID
		return s.add(ctx, tx, u, is, secret, n.RoleIDs)
	})
	if err != nil {
		return Profile{}, err
	}
	return s.profile(ctx, by, u)
}

func (n NewUser) check(by store.Principal, u store.User) error {
	var c fault.Checker
	c.Check(!n.Temporary, "expirationInSeconds", "is not offered: users stay until they are removed")
	checkID(&c, "tenantId", n.TenantID)
	c.Check(by.TenantID == "" || by.TenantID == n.TenantID, "tenantId", "must be the tenant of the request")
	checkUser(&c, u)
	return c.Err()
}

// secret checks and hashes a chosen password; an empty one gives an empty hash.
func (s *Users) secret(ctx context.Context, u store.User, pw string) (string, error) {
	if pw == "" {
		return "", nil
	}
	return s.passwords.hash(ctx, pw, words(u)...)
}

// add writes the user with all that belongs to it.
func (s *Users) add(ctx context.Context, tx *unit, u store.User, is []store.Identifier, secret string, roleIDs []string) error {
	if _, err := tx.Tenant(ctx, u.ActiveTenantID); err != nil {
		return err
	}
	roles, err := chosenRoles(ctx, tx, u.ActiveTenantID, roleIDs)
	if err != nil {
		return err
	}
	if err := createUser(ctx, tx, u, is); err != nil {
		return err
	}
	if secret != "" {
		if err := s.passwords.set(ctx, tx, u.ID, secret); err != nil {
			return err
		}
	}
	return join(ctx, tx, u.ActiveTenantID, u.ID, roles)
}

// createUser writes a user and what it is found by. An identifier that is taken is a
// Conflict.
func createUser(ctx context.Context, tx *unit, u store.User, is []store.Identifier) error {
	if err := tx.CreateUser(ctx, u); err != nil {
		return err
	}
	for _, i := range is {
		err := tx.CreateIdentifier(ctx, i)
		if errors.Is(err, store.ErrConflict) {
			return fault.New(fault.Conflict, "", "User already exists").Because(err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// User returns a user. Where by acts in a tenant, who is not a member of it is NotFound.
func (s *Users) User(ctx context.Context, by store.Principal, id string) (Profile, error) {
	u, err := s.store.User(ctx, id)
	if err != nil {
		return Profile{}, err
	}
	return s.profile(ctx, by, u)
}

// ByEmail returns the user that has the address, under the same rule as [Users.User].
func (s *Users) ByEmail(ctx context.Context, by store.Principal, email string) (Profile, error) {
	value, err := normalizeEmail(email)
	if err != nil {
		return Profile{}, err
	}
	i, err := s.store.Identifier(ctx, s.scope(by.TenantID), store.Email, value)
	if err != nil {
		return Profile{}, err
	}
	return s.User(ctx, by, i.UserID)
}

// A UserSearch chooses users.
type UserSearch struct {
	store.UserQuery
	Identifier     string // an address, a username or a phone number, exactly
	IdentifierKind store.IdentifierKind
	Permissions    bool // fill Profile.Permissions
}

func (q UserSearch) check() error {
	var c fault.Checker
	checkBatch(&c, "ids", len(q.IDs))
	checkBatch(&c, "_externalIds", len(q.ExternalIDs))
	checkText(&c, "_email", q.Email+q.EmailPrefix, maxName)
	checkText(&c, "_namePrefix", q.NamePrefix, maxName)
	checkText(&c, "_filter", q.Filter, maxName)
	checkText(&c, "_identifier", q.Identifier, maxName)
	if err := c.Err(); err != nil {
		return err
	}
	return checkPage(q.Page, "createdAt", "name", "email", "id", "verified", "isLocked", "provider", "tenantId")
}

// Search lists users. A user finds members of its own tenant only; without a tenant it
// finds nobody.
func (s *Users) Search(ctx context.Context, by store.Principal, q UserSearch) (store.Listing[Profile], error) {
	var none store.Listing[Profile]
	tenantID, err := reach(by, q.TenantID)
	if err == nil {
		err = q.check()
	}
	if err != nil {
		return none, err
	}
	q.TenantID = tenantID
	if q.Sort == "tenantId" {
		q.Sort = "" // all are seen in one tenant, or in none
	}
	if q.Identifier != "" {
		found, err := s.identified(ctx, &q)
		if err != nil || !found {
			return none, err
		}
	}
	l, err := s.store.Users(ctx, q.UserQuery)
	if err != nil {
		return none, err
	}
	ps, err := s.profiles(ctx, by, l.Items...)
	if err == nil && q.Permissions {
		err = s.grant(ctx, ps)
	}
	return store.Listing[Profile]{Items: ps, Total: l.Total, Next: l.Next}, err
}

// reach returns the tenant that by may search, given the one that it asked for; empty is
// the whole environment.
func reach(by store.Principal, asked string) (string, error) {
	switch {
	case fromHost(by) && by.TenantID == "":
		return asked, nil
	case by.TenantID == "":
		return "", fault.New(fault.Forbidden, "", "choose a tenant first")
	case asked == "" || asked == by.TenantID:
		return by.TenantID, nil
	case fromHost(by):
		return "", fault.New(fault.Invalid, "_tenantId", "must be the tenant of the request")
	}
	return "", fault.New(fault.Forbidden, "", "another tenant")
}

// identified narrows q to the user with the identifier and reports whether there is one.
func (s *Users) identified(ctx context.Context, q *UserSearch) (bool, error) {
	value, err := q.Identifier, error(nil)
	switch q.IdentifierKind {
	case store.Username:
		value = normalizeUsername(value)
	case store.Email, "":
		q.IdentifierKind = store.Email
		value, err = normalizeEmail(value)
	}
	if err != nil {
		return false, nil // nobody can have it
	}
	i, err := s.store.Identifier(ctx, s.scope(q.TenantID), q.IdentifierKind, value)
	if errors.Is(err, store.ErrNotFound) || len(q.IDs) > 0 && !slices.Contains(q.IDs, i.UserID) {
		return false, nil
	}
	q.IDs = []string{i.UserID}
	return err == nil, err
}

// A UserChange is what the host's back end may change of a user; nil leaves a field as it
// is.
type UserChange struct {
	ProfileChange
	VendorMetadata *string
	ExternalID     *string
	MFABypass      *bool
}

func (c UserChange) apply(u *store.User) {
	c.ProfileChange.apply(u)
	set(&u.VendorMetadata, c.VendorMetadata)
	set(&u.ExternalID, c.ExternalID)
	set(&u.MFABypass, c.MFABypass)
	u.VendorMetadata = object(u.VendorMetadata)
}

// Change changes a user in the whole environment.
func (s *Users) Change(ctx context.Context, by store.Principal, id string, c UserChange) (Profile, error) {
	var wanted store.User
	c.apply(&wanted)
	var check fault.Checker
	checkUser(&check, wanted)
	if err := check.Err(); err != nil {
		return Profile{}, err
	}
	return s.amend(ctx, by, "user.changed", id, func(_ *unit, u *store.User) error {
		c.apply(u)
		return nil
	})
}

// Verify marks a user's primary address as proved. One that is proved already stays so.
func (s *Users) Verify(ctx context.Context, by store.Principal, id string) error {
	_, err := s.amend(ctx, by, "user.verified", id, func(tx *unit, u *store.User) error {
		is, err := tx.Identifiers(ctx, id)
		if err != nil {
			return err
		}
		for _, i := range is {
			if i.Kind != store.Email || !i.Primary || !i.VerifiedAt.IsZero() {
				continue
			}
			if err := tx.VerifyIdentifier(ctx, id, i, tx.at); err != nil {
				return err
			}
		}
		u.Verified = true
		return tx.revoke(ctx, store.Revocation{UserID: id})
	})
	return err
}

// Lock refuses the user everywhere until [Users.Unlock], and ends its sessions.
func (s *Users) Lock(ctx context.Context, by store.Principal, id string) error {
	_, err := s.amend(ctx, by, "user.locked", id, func(tx *unit, u *store.User) error {
		u.Locked = true
		if _, err := tx.RevokeSessions(ctx, id, tx.at); err != nil {
			return err
		}
		return tx.revoke(ctx, store.Revocation{UserID: id})
	})
	return err
}

// Unlock lets a locked user sign in again.
func (s *Users) Unlock(ctx context.Context, by store.Principal, id string) error {
	_, err := s.amend(ctx, by, "user.unlocked", id, func(tx *unit, u *store.User) error {
		u.Locked = false
		return tx.revoke(ctx, store.Revocation{UserID: id})
	})
	return err
}

// Delete removes a user from the tenant that by names, or where it names none the user
// itself with all that is the user's, in every tenant.
func (s *Users) Delete(ctx context.Context, by store.Principal, id string) error {
	if err := hostOnly(by); err != nil {
		return err
	}
	if by.TenantID != "" {
		return s.expel(ctx, by, id)
	}
	return s.change(ctx, by, "user.deleted", id, func(tx *unit) error {
		if _, err := tx.User(ctx, id); err != nil {
			return missing(err, "user")
		}
		if err := tx.DeleteUser(ctx, id); err != nil {
			return err
		}
		return tx.revoke(ctx, store.Revocation{UserID: id})
	})
}

func (s *Users) expel(ctx context.Context, by store.Principal, id string) error {
	return s.change(ctx, by, "member.removed", id, func(tx *unit) error {
		u, err := tx.User(ctx, id)
		if err != nil {
			return missing(err, "user")
		}
		if err := leave(ctx, tx, &u, by.TenantID); err != nil {
			return err
		}
		u.UpdatedAt = tx.at
		return tx.UpdateUser(ctx, u)
	})
}

// amend is edit for the host's back end only. It concerns the user in every tenant, so the
// tenant that by names does not matter.
func (s *Users) amend(ctx context.Context, by store.Principal, action, id string, fn func(*unit, *store.User) error) (Profile, error) {
	if err := hostOnly(by); err != nil {
		return Profile{}, err
	}
	by.TenantID = ""
	return s.edit(ctx, by, action, id, fn)
}

// phoneNumber is the published pattern: E.164 with optional dashes.
var phoneNumber = regexp.MustCompile(`^\+[1-9]-?(?:[0-9]-?){5,13}[0-9]$`)

// checkUser records what is wrong with the texts of a user. An empty one is never wrong.
func checkUser(c *fault.Checker, u store.User) {
	checkText(c, "name", u.Name, maxName)
	checkText(c, "externalId", u.ExternalID, maxName)
	checkText(c, "profilePictureUrl", u.PictureURL, maxURL)
	c.Check(u.PictureURL == "" || webAddress(u.PictureURL), "profilePictureUrl", "must be an http or https URL")
	c.Check(u.PhoneNumber == "" || phoneNumber.MatchString(u.PhoneNumber), "phoneNumber", "must be a phone number in E.164 form")
	checkMetadata(c, "metadata", u.Metadata)
	checkMetadata(c, "vendorMetadata", u.VendorMetadata)
}

// webAddress reports whether text is an absolute http or https URL without credentials,
// so that what shows it as a picture or a link cannot be made to run it.
func webAddress(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil
}
