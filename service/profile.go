package service

import (
	"context"
	"slices"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/store"
)

// A Profile is a user as one caller may see it. A user sees its own memberships whole, and
// of others only what concerns the tenant that both are in; nobody but the host's back end
// sees VendorMetadata.
type Profile struct {
	store.User
	TenantID    string   // the tenant it is seen in; the user's active one where nothing else was asked
	Tenants     []Member // in the order they were joined
	Permissions []store.PermissionRecord
}

// A Member is a user's membership of one tenant, with the roles it holds there, strongest
// first.
type Member struct {
	store.Membership
	Roles []store.Role
}

// Member returns the membership of the tenant that the profile is seen in.
func (p Profile) Member() (Member, bool) {
	i := slices.IndexFunc(p.Tenants, func(m Member) bool { return m.TenantID == p.TenantID })
	if i < 0 {
		return Member{}, false
	}
	return p.Tenants[i], true
}

// Profiles are what users see and change of themselves.
type Profiles struct{ *base }

// Me returns the user that by acts for, with its rights in the tenant that by acts in.
func (s *Profiles) Me(ctx context.Context, by store.Principal) (Profile, error) {
	u, err := s.store.User(ctx, by.UserID)
	if err != nil {
		return Profile{}, err
	}
	return s.profile(ctx, by, u)
}

// A ProfileChange is what a user may change of itself; nil leaves a field as it is.
type ProfileChange struct{ Name, PictureURL, PhoneNumber, Metadata *string }

// Change changes the user that by acts for.
func (s *Profiles) Change(ctx context.Context, by store.Principal, c ProfileChange) (Profile, error) {
	var wanted store.User
	c.apply(&wanted)
	var check fault.Checker
	checkUser(&check, wanted)
	if err := check.Err(); err != nil {
		return Profile{}, err
	}
	return s.edit(ctx, by, "user.changed", by.UserID, func(_ *unit, u *store.User) error {
		c.apply(u)
		return nil
	})
}

func (c ProfileChange) apply(u *store.User) {
	set(&u.Name, c.Name)
	set(&u.PictureURL, c.PictureURL)
	set(&u.PhoneNumber, c.PhoneNumber)
	set(&u.Metadata, c.Metadata)
	u.Metadata = object(u.Metadata)
}

// Home is where a user may act: its tenants and which of them is the active one.
type Home struct {
	Tenants []store.Tenant // by name
	Active  string         // an id; empty where the user may act in none
}

// Tenants returns the tenants in which the user that by acts for is activated and not
// disabled.
func (s *Profiles) Tenants(ctx context.Context, by store.Principal) (Home, error) {
	u, err := s.store.User(ctx, by.UserID)
	if err != nil {
		return Home{}, err
	}
	ms, err := s.store.Memberships(ctx, u.ID)
	if err != nil {
		return Home{}, err
	}
	ids := tenantIDs(slices.DeleteFunc(ms, func(m store.Membership) bool { return !m.Activated || m.Disabled }))
	if len(ids) == 0 {
		return Home{}, nil
	}
	page := store.Page{Limit: store.MaxLimit, Sort: "name"}
	l, err := s.store.Tenants(ctx, store.TenantQuery{Page: page, IDs: ids})
	if err != nil {
		return Home{}, err
	}
	h := Home{Tenants: l.Items}
	for _, id := range []string{u.ActiveTenantID, by.TenantID} {
		if slices.Contains(ids, id) {
			h.Active = id // the one that the caller acts in wins
		}
	}
	return h, nil
}

// Switch makes the tenant the active one of the user that by acts for, and moves by's
// session there: its next refresh gives a token of that tenant. A tenant that the user is
// not a member of, or has not accepted, is NotFound; where it is disabled, Forbidden.
func (s *Profiles) Switch(ctx context.Context, by store.Principal, tenantID string) (Profile, error) {
	by.TenantID = tenantID
	return s.edit(ctx, by, "user.switched_tenant", by.UserID, func(tx *unit, u *store.User) error {
		if err := enterable(ctx, tx, tenantID, u.ID); err != nil {
			return err
		}
		u.ActiveTenantID = tenantID
		if by.SessionID == "" {
			return nil
		}
		if err := tx.MoveSession(ctx, u.ID, by.SessionID, tenantID, tx.at); err != nil {
			return err
		}
		return tx.revoke(ctx, store.Revocation{UserID: u.ID, SessionID: by.SessionID})
	})
}

// enterable checks that the user may act in the tenant.
func enterable(ctx context.Context, tx store.Records, tenantID, userID string) error {
	m, err := tx.Membership(ctx, tenantID, userID)
	if err != nil {
		return err
	}
	if !m.Activated {
		return store.ErrNotFound
	}
	if m.Disabled {
		return fault.New(fault.Forbidden, "", "user is disabled in this tenant")
	}
	_, err = tx.Tenant(ctx, tenantID)
	return err
}

// edit changes one user in a transaction and returns it as by may see it.
func (b *base) edit(ctx context.Context, by store.Principal, action, id string, fn func(*unit, *store.User) error) (Profile, error) {
	var u store.User
	err := b.change(ctx, by, action, id, func(tx *unit) (err error) {
		if u, err = tx.User(ctx, id); err != nil {
			return err
		}
		if err := fn(tx, &u); err != nil {
			return err
		}
		u.UpdatedAt = tx.at
		return tx.UpdateUser(ctx, u)
	})
	if err != nil {
		return Profile{}, err
	}
	return b.profile(ctx, by, u)
}

// profile returns the user as by may see it, with its rights. Outside the tenant that by
// acts in there is no such user.
func (b *base) profile(ctx context.Context, by store.Principal, u store.User) (Profile, error) {
	ps, err := b.profiles(ctx, by, u)
	if err != nil {
		return Profile{}, err
	}
	if _, ok := ps[0].Member(); !ok && by.TenantID != "" {
		return Profile{}, store.ErrNotFound
	}
	err = b.grant(ctx, ps)
	return ps[0], err
}

// profiles returns the users as by may see them, without permissions: one query per noun,
// however many users.
func (b *base) profiles(ctx context.Context, by store.Principal, users ...store.User) ([]Profile, error) {
	if len(users) == 0 {
		return nil, nil
	}
	ids := make([]string, len(users))
	for i, u := range users {
		ids[i] = u.ID
	}
	ms, err := b.store.Memberships(ctx, ids...)
	if err != nil {
		return nil, err
	}
	ms = slices.DeleteFunc(ms, func(m store.Membership) bool { return hidden(by, m) })
	as, err := b.store.Assignments(ctx, ids...)
	if err != nil {
		return nil, err
	}
	roles, err := b.store.Roles(ctx, append(tenantIDs(ms), "")...)
	if err != nil {
		return nil, err
	}
	members := assemble(ms, as, roles)
	ps := make([]Profile, len(users))
	for i, u := range users {
		ps[i] = view(by, u, members[u.ID])
	}
	return ps, nil
}

// hidden reports whether a membership is none of by's business: a user must not learn in
// which other tenants its colleagues are.
func hidden(by store.Principal, m store.Membership) bool {
	return !fromHost(by) && m.UserID != by.UserID && m.TenantID != by.TenantID
}

// view puts a profile together and takes out what by may not see.
func view(by store.Principal, u store.User, tenants []Member) Profile {
	p := Profile{User: u, TenantID: u.ActiveTenantID, Tenants: tenants}
	if by.TenantID != "" {
		p.TenantID = by.TenantID
	}
	if !fromHost(by) {
		p.VendorMetadata, p.ActiveTenantID = "{}", p.TenantID
	}
	return p
}

// assemble gives every membership its roles, which come strongest first, by user.
func assemble(ms []store.Membership, as []store.Assignment, roles []store.Role) map[string][]Member {
	rank := make(map[string]int, len(roles))
	for i, r := range roles {
		rank[r.ID] = i
	}
	seats, members := seated(as), map[string][]Member{}
	for _, m := range ms {
		var held []int
		for _, id := range seats[seat{m.TenantID, m.UserID}] {
			if i, ok := rank[id]; ok {
				held = append(held, i)
			}
		}
		slices.Sort(held)
		rs := make([]store.Role, len(held))
		for i, at := range held {
			rs[i] = roles[at]
		}
		members[m.UserID] = append(members[m.UserID], Member{m, rs})
	}
	return members
}

// grant fills in the permissions of all profiles with one query. Which other roles hold a
// permission is left out: they may be other tenants'.
func (b *base) grant(ctx context.Context, ps []Profile) error {
	records, err := b.permissionsOf(ctx, ps)
	if err != nil {
		return err
	}
	for i := range ps {
		m, _ := ps[i].Member()
		own := map[string]bool{}
		for _, r := range m.Roles {
			for _, id := range r.Permissions {
				own[id] = true
			}
		}
		ps[i].Permissions = nil
		for _, r := range records {
			if own[r.ID] {
				r.RoleIDs = heldBy(m.Roles, r.ID)
				ps[i].Permissions = append(ps[i].Permissions, r)
			}
		}
	}
	return nil
}

// permissionsOf returns what the roles of the profiles hold, by key.
func (b *base) permissionsOf(ctx context.Context, ps []Profile) ([]store.PermissionRecord, error) {
	var ids []string
	for _, p := range ps {
		m, _ := p.Member()
		for _, r := range m.Roles {
			ids = append(ids, r.Permissions...)
		}
	}
	slices.Sort(ids)
	if ids = slices.Compact(ids); len(ids) == 0 {
		return nil, nil
	}
	return b.store.Permissions(ctx, ids...)
}

// heldBy returns the ids of those roles that hold the permission, in byte order.
func heldBy(roles []store.Role, permissionID string) []string {
	var ids []string
	for _, r := range roles {
		if slices.Contains(r.Permissions, permissionID) {
			ids = append(ids, r.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

// tenantIDs returns the tenants of the memberships, each once.
func tenantIDs(ms []store.Membership) []string {
	ids := make([]string, len(ms))
	for i, m := range ms {
		ids[i] = m.TenantID
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}
