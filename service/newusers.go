package service

import (
	"context"
	"errors"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/store"
)

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
		return s.add(ctx, tx, draft{u, is, secret, n.RoleIDs})
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

// A draft is a user about to be written, in the tenant that is its active one.
type draft struct {
	user        store.User
	identifiers []store.Identifier
	secret      string   // a password hash, or empty
	roleIDs     []string // empty for the default ones
}

// add writes the user with all that belongs to it.
func (s *Users) add(ctx context.Context, tx *unit, d draft) error {
	tenantID := d.user.ActiveTenantID
	if _, err := tx.Tenant(ctx, tenantID); err != nil {
		return missing(err, "tenant")
	}
	roles, err := chosenRoles(ctx, tx, tenantID, d.roleIDs)
	if err != nil {
		return err
	}
	if err := createUser(ctx, tx, d.user, d.identifiers); err != nil {
		return err
	}
	if d.secret != "" {
		if err := s.passwords.set(ctx, tx, d.user.ID, d.secret); err != nil {
			return err
		}
	}
	return join(ctx, tx, tenantID, d.user.ID, roles)
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
