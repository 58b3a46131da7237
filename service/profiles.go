package service

import (
	"context"
	"slices"

	"github.com/go-identity/identity/store"
)

// A Profile is a user as one caller may see it. A user sees its own memberships whole, and
// of others only what concerns the tenant that both are in; nobody but the host's back end
// sees VendorMetadata.
type Profile struct {
	store.User
	TenantID    string   // the tenant it is seen in; the user's active one where nothing else was asked
	Tenants     []Member // in the order they were joined
	MFAEnrolled bool
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

// edit changes one user in a transaction and returns it as by may see it. Every process
// forgets what it knew of the user.
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
		if err := tx.UpdateUser(ctx, u); err != nil || len(tx.revoked) > 0 {
			return err // fn may have told already
		}
		return tx.revoke(ctx, store.Revocation{UserID: id})
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
	enrolled, err := b.store.Enrolled(ctx, ids...)
	if err != nil {
		return nil, err
	}
	members := assemble(ms, as, roles)
	ps := make([]Profile, len(users))
	for i, u := range users {
		ps[i] = view(by, u, members[u.ID])
		_, ps[i].MFAEnrolled = slices.BinarySearch(enrolled, u.ID)
	}
	return ps, nil
}

// hidden reports whether a membership is none of by's business: a user must not learn in
// which other tenants its colleagues are, nor the tenant whose provider vouched for the
// session in which others the user is.
func hidden(by store.Principal, m store.Membership) bool {
	if by.OnlyTenantID != "" && m.TenantID != by.OnlyTenantID {
		return true
	}
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
