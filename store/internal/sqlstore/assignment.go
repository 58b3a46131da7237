package sqlstore

import (
	"cmp"
	"context"
	"slices"

	"github.com/go-identity/identity/store"
)

const assignmentColumns = `tenant_id, user_id, role_id, created_at`

func scanAssignment(scan scan) (a store.Assignment, err error) {
	err = scan(&a.TenantID, &a.UserID, &a.RoleID, at{&a.CreatedAt})
	return a, err
}

// Assign implements store.AssignmentStore.
func (db *DB) Assign(ctx context.Context, a store.Assignment) error {
	_, err := db.exec(ctx,
		`insert into identity_assignments (`+assignmentColumns+`) values ($1, $2, $3, $4) on conflict do nothing`,
		a.TenantID, a.UserID, a.RoleID, a.CreatedAt)
	return err
}

// Unassign implements store.AssignmentStore.
func (db *DB) Unassign(ctx context.Context, tenantID, userID, roleID string) error {
	_, err := db.exec(ctx, `delete from identity_assignments where tenant_id = $1 and user_id = $2 and role_id = $3`,
		tenantID, userID, roleID)
	return err
}

// Assignments implements store.AssignmentStore.
func (db *DB) Assignments(ctx context.Context, userIDs ...string) ([]store.Assignment, error) {
	all, err := manyIn(ctx, db, scanAssignment,
		`select `+assignmentColumns+` from identity_assignments where user_id in `, userIDs)
	slices.SortFunc(all, func(a, b store.Assignment) int {
		return cmp.Or(cmp.Compare(a.UserID, b.UserID), cmp.Compare(a.TenantID, b.TenantID), cmp.Compare(a.RoleID, b.RoleID))
	})
	return all, err
}

// Assigned implements store.AssignmentStore.
func (db *DB) Assigned(ctx context.Context, tenantID, roleID string) ([]string, error) {
	return many(ctx, db, scanText,
		`select user_id from identity_assignments where tenant_id = $1 and role_id = $2 order by user_id`, tenantID, roleID)
}

// rights is a role and the keys of its permissions.
type rights struct {
	role store.Role
	keys []string
}

func scanRights(scan scan) (r rights, err error) {
	r.role, err = scanRole(func(dest ...any) error { return scan(append(dest, joined{&r.keys})...) })
	return r, err
}

// Rights implements store.AssignmentStore. It is one query, so that roles and permissions
// are of one moment.
func (db *DB) Rights(ctx context.Context, tenantID, userID string) ([]store.Role, []store.Permission, error) {
	all, err := many(ctx, db, scanRights, `
		select `+roleColumns+`,
			(select string_agg(k.key, '`+separator+`') from identity_role_permissions p
				join identity_permissions k on k.id = p.permission_id
				where p.tenant_id = r.tenant_id and p.role_id = r.id)
		from identity_assignments a
		join identity_roles r on r.id = a.role_id and (r.tenant_id = '' or r.tenant_id = a.tenant_id)
		where a.tenant_id = $1 and a.user_id = $2`, tenantID, userID)
	if err != nil {
		return nil, nil, err
	}
	var roles []store.Role
	var keys []store.Permission
	for _, r := range all {
		roles = append(roles, r.role)
		for _, k := range r.keys {
			keys = append(keys, store.Permission(k))
		}
	}
	slices.SortFunc(roles, byStrength)
	slices.Sort(keys)
	return roles, slices.Compact(keys), nil
}
