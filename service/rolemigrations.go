package service

import (
	"context"
	"slices"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/store"
)

// Move gives a role to another tenant, or with an empty one to the environment. Those who
// hold it outside its new tenant lose it. Only the host may: the role leaves its scope.
func (s *Roles) Move(ctx context.Context, by store.Principal, id, toTenantID string) (store.Role, error) {
	if err := hostOnly(by); err != nil {
		return store.Role{}, err
	}
	var moved store.Role
	err := s.change(ctx, by, "role.moved", id, func(tx *unit) error {
		r, err := roleByID(ctx, tx, id)
		if err != nil {
			return err
		}
		moved = r
		if r.TenantID == toTenantID {
			return nil
		}
		tx.detail = map[string]any{"from": r.TenantID, "to": toTenantID}
		moved.TenantID, moved.UpdatedAt = toTenantID, tx.at
		return move(ctx, tx, r, moved)
	})
	return moved, err
}

func move(ctx context.Context, tx *unit, from, to store.Role) error {
	if err := vacantIn(ctx, tx, to); err != nil {
		return err
	}
	if err := tx.MoveRole(ctx, from.TenantID, to.ID, to.TenantID); err != nil {
		return conflict(err, rolesExist)
	}
	if err := tx.UpdateRole(ctx, to); err != nil {
		return err
	}
	return revokeRights(ctx, tx, from.TenantID, to.TenantID)
}

// roleByID finds a role in whatever tenant it is.
func roleByID(ctx context.Context, tx store.Records, id string) (store.Role, error) {
	found, err := tx.RolesByID(ctx, id)
	if err != nil {
		return store.Role{}, err
	}
	if len(found) == 0 {
		return store.Role{}, fault.New(fault.NotFound, "", "no such role")
	}
	return found[0], nil
}

// revokeRights tells every process that what users may do in the tenants changed. The
// environment's roles count in all of them.
func revokeRights(ctx context.Context, tx *unit, tenantIDs ...string) error {
	if slices.Contains(tenantIDs, "") {
		tenantIDs = []string{""}
	}
	for _, id := range unique(tenantIDs) {
		if err := tx.revoke(ctx, store.Revocation{TenantID: id}); err != nil {
			return err
		}
	}
	return nil
}

// migrateBatch is how many users get a role in one transaction.
const migrateBatch = 200

// migrate gives a default role to everyone in its scope, a batch at a time, so that no
// transaction keeps others waiting for long. Whoever joins meanwhile gets it on joining. When a
// batch fails those before it stay; asking again goes over all of them.
func (s *Roles) migrate(ctx context.Context, by store.Principal, r store.Role) error {
	q := store.UserQuery{TenantID: r.TenantID, Page: store.Page{Limit: migrateBatch}}
	for {
		next, err := s.migratePage(ctx, by, r, q)
		if err != nil || next == "" {
			return err
		}
		q.After = next
	}
}

func (s *Roles) migratePage(
	ctx context.Context, by store.Principal, r store.Role, q store.UserQuery,
) (next string, err error) {
	err = s.change(ctx, by, "role.migrated", r.ID, func(tx *unit) error {
		users, err := tx.Users(ctx, q)
		if err != nil {
			return err
		}
		next = users.Next
		if len(users.Items) == 0 {
			return nil
		}
		given, err := assignAll(ctx, tx, r, users.Items)
		if err != nil || given == 0 {
			return err
		}
		tx.detail = map[string]any{"users": given}
		return revokeRights(ctx, tx, r.TenantID)
	})
	return next, err
}

// assignAll gives the role to the users in each of their tenants where it counts, and
// returns how many it reached.
func assignAll(ctx context.Context, tx *unit, r store.Role, users []store.User) (int, error) {
	if _, err := tx.Role(ctx, r.TenantID, r.ID); err != nil {
		return 0, missing(err, "role")
	}
	ids := make([]string, len(users))
	for i, u := range users {
		ids[i] = u.ID
	}
	members, err := tx.Memberships(ctx, ids...)
	if err != nil {
		return 0, err
	}
	given := 0
	for _, m := range members {
		if r.TenantID != "" && m.TenantID != r.TenantID {
			continue
		}
		a := store.Assignment{TenantID: m.TenantID, UserID: m.UserID, RoleID: r.ID, CreatedAt: tx.at}
		if err := tx.Assign(ctx, a); err != nil {
			return given, err
		}
		given++
	}
	return given, nil
}
