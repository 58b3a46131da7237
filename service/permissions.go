package service

import (
	"context"
	"fmt"
	"strings"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/store"
)

// Permissions are the rules about permissions. They belong to the environment, so only
// the host changes them.
type Permissions struct{ *base }

// permissionsExist is a message that programs match on.
const permissionsExist = "Permissions already exist"

// NewPermission is what a caller may choose about a permission.
type NewPermission struct {
	Key               store.Permission
	Name, Description string
	CategoryID        string              // empty for none
	Use               store.PermissionUse // empty means NEVER: customers do not see it until told to
}

func (n NewPermission) check(c *fault.Checker, at string) {
	c.Check(validKey(n.Key), at+"key", keyForm)
	checkName(c, at+"name", n.Name)
	checkText(c, at+"description", n.Description, maxDescription)
	c.Check(n.Use == "" || validUse(n.Use), at+"assignmentType", useForm)
}

// PermissionChange is what a caller may change about a permission. A nil field stays as
// it is; an empty category takes the permission out of its own.
type PermissionChange struct {
	Key                           *store.Permission
	Name, Description, CategoryID *string
}

func (c PermissionChange) apply(p store.PermissionRecord) store.PermissionRecord {
	set(&p.Key, c.Key)
	set(&p.Name, c.Name)
	set(&p.Description, c.Description)
	set(&p.CategoryID, c.CategoryID)
	return p
}

// List returns every permission with the ids of the roles that hold it.
func (s *Permissions) List(ctx context.Context, by store.Principal) ([]store.PermissionRecord, error) {
	if err := hostOnly(by); err != nil {
		return nil, err
	}
	return s.store.Permissions(ctx)
}

// Create adds permissions, all or none. A key that is taken is a conflict.
func (s *Permissions) Create(
	ctx context.Context, by store.Principal, ns []NewPermission,
) ([]store.PermissionRecord, error) {
	if err := mayCreatePermissions(by, ns); err != nil {
		return nil, err
	}
	ps, ids, at := make([]store.PermissionRecord, len(ns)), make([]string, len(ns)), s.now()
	for i, n := range ns {
		ids[i] = s.newID()
		ps[i] = store.PermissionRecord{
			ID: ids[i], Key: n.Key, Name: n.Name, Description: n.Description,
			CategoryID: n.CategoryID, Use: n.Use, CreatedAt: at, UpdatedAt: at,
		}
		if n.Use == "" {
			ps[i].Use = store.NeverAssigned
		}
	}
	return ps, s.changeEach(ctx, by, "permission.created", ids, func(tx *unit) error {
		return addPermissions(ctx, tx, ps)
	})
}

func mayCreatePermissions(by store.Principal, ns []NewPermission) error {
	if err := hostOnly(by); err != nil {
		return err
	}
	var c fault.Checker
	checkBatch(&c, "permissions", len(ns))
	for i, n := range ns {
		n.check(&c, fmt.Sprintf("[%d].", i))
	}
	return c.Err()
}

func addPermissions(ctx context.Context, tx *unit, ps []store.PermissionRecord) error {
	for _, p := range ps {
		if err := inCategory(ctx, tx, p); err != nil {
			return err
		}
		if err := tx.CreatePermission(ctx, p); err != nil {
			return conflict(err, permissionsExist)
		}
	}
	return nil
}

// Update changes a permission. A new key counts at once for everyone who holds it.
func (s *Permissions) Update(
	ctx context.Context, by store.Principal, id string, c PermissionChange,
) (store.PermissionRecord, error) {
	var changed store.PermissionRecord
	err := s.edit(ctx, by, "permission.updated", id, func(tx *unit, p store.PermissionRecord) error {
		changed = c.apply(p)
		changed.UpdatedAt = tx.at
		return updatePermission(ctx, tx, p, changed)
	})
	return changed, err
}

func updatePermission(ctx context.Context, tx *unit, old, p store.PermissionRecord) error {
	var c fault.Checker
	NewPermission{Key: p.Key, Name: p.Name, Description: p.Description, Use: p.Use}.check(&c, "")
	if err := c.Err(); err != nil {
		return err
	}
	if err := inCategory(ctx, tx, p); err != nil {
		return err
	}
	if err := tx.UpdatePermission(ctx, p); err != nil {
		return conflict(err, permissionsExist)
	}
	if p.Key == old.Key {
		return nil
	}
	tx.detail = map[string]any{"from": old.Key, "to": p.Key}
	return revokeRights(ctx, tx, "")
}

// Link adds the permission to roles, whichever tenant they are of. Roles that hold it
// already keep it.
func (s *Permissions) Link(
	ctx context.Context, by store.Principal, id string, roleIDs []string,
) (store.PermissionRecord, error) {
	var linked store.PermissionRecord
	if err := mayName(by, "roleIds", roleIDs); err != nil {
		return linked, err
	}
	err := s.change(ctx, by, "permission.linked", id, func(tx *unit) error {
		if _, err := tx.Permission(ctx, id); err != nil {
			return missing(err, "permission")
		}
		err := link(ctx, tx, id, unique(roleIDs))
		if err == nil {
			linked, err = tx.Permission(ctx, id)
		}
		return err
	})
	return linked, err
}

func link(ctx context.Context, tx *unit, id string, roleIDs []string) error {
	roles, err := tx.RolesByID(ctx, roleIDs...)
	if err != nil {
		return err
	}
	if len(roles) < len(roleIDs) {
		return fault.New(fault.NotFound, "", "no such role")
	}
	tenantIDs := make([]string, len(roles))
	for i, r := range roles {
		if err := tx.LinkPermission(ctx, id, r.TenantID, r.ID); err != nil {
			return err
		}
		tenantIDs[i] = r.TenantID
	}
	tx.detail = map[string]any{"roles": roleIDs}
	return revokeRights(ctx, tx, tenantIDs...)
}

// Classify says whether customers may put the permissions into roles of their own, all or
// none. It returns the first one named.
func (s *Permissions) Classify(
	ctx context.Context, by store.Principal, ids []string, use store.PermissionUse,
) (store.PermissionRecord, error) {
	var first store.PermissionRecord
	if err := mayName(by, "permissionIds", ids); err != nil {
		return first, err
	}
	var c fault.Checker
	c.Check(len(ids) > 0, "permissionIds", "should not be empty")
	c.Check(validUse(use), "type", useForm)
	if err := c.Err(); err != nil {
		return first, err
	}
	err := s.changeEach(ctx, by, "permission.classified", unique(ids), func(tx *unit) error {
		tx.detail = map[string]any{"use": use}
		if err := tx.SetPermissionUse(ctx, unique(ids), use, tx.at); err != nil {
			return missing(err, "permission")
		}
		var err error
		first, err = tx.Permission(ctx, ids[0])
		return err
	})
	return first, err
}

// Delete removes a permission, from every role too.
func (s *Permissions) Delete(ctx context.Context, by store.Principal, id string) error {
	return s.edit(ctx, by, "permission.deleted", id, func(tx *unit, p store.PermissionRecord) error {
		tx.detail = map[string]any{"key": p.Key}
		if err := tx.DeletePermission(ctx, id); err != nil {
			return err
		}
		return revokeRights(ctx, tx, "")
	})
}

// edit changes a permission that is not the library's own.
func (s *Permissions) edit(
	ctx context.Context, by store.Principal, action, id string, fn func(*unit, store.PermissionRecord) error,
) error {
	if err := hostOnly(by); err != nil {
		return err
	}
	return s.change(ctx, by, action, id, func(tx *unit) error {
		p, err := tx.Permission(ctx, id)
		if err != nil {
			return missing(err, "permission")
		}
		if p.BuiltIn {
			return fault.New(fault.Forbidden, "", "a built-in permission cannot be changed")
		}
		return fn(tx, p)
	})
}

// inCategory refuses a permission whose category does not exist.
func inCategory(ctx context.Context, tx store.Records, p store.PermissionRecord) error {
	if p.CategoryID == "" {
		return nil
	}
	_, err := tx.Category(ctx, p.CategoryID)
	return missing(err, "category")
}

// mayName refuses callers other than the host, and lists of ids that are too long.
func mayName(by store.Principal, field string, ids []string) error {
	if err := hostOnly(by); err != nil {
		return err
	}
	var c fault.Checker
	checkBatch(&c, field, len(ids))
	return c.Err()
}

const (
	keyForm = "must be segments of letters, digits, _ : and - joined by dots, which may end in .*, or * alone"
	useForm = "must be one of NEVER, ASSIGNABLE, ALWAYS"
)

// validKey reports whether k is a permission key: segments joined by dots, the last of
// which may be an asterisk. Case counts. Nothing else is a pattern, so nothing else may
// look like one.
func validKey(k store.Permission) bool {
	if len(k) > maxName {
		return false
	}
	if k == "*" {
		return true
	}
	for segment := range strings.SplitSeq(strings.TrimSuffix(string(k), ".*"), ".") {
		odd := func(r rune) bool { return !alphanumeric(r) && !strings.ContainsRune("_:-", r) }
		if segment == "" || strings.ContainsFunc(segment, odd) {
			return false
		}
	}
	return true
}

func validUse(u store.PermissionUse) bool {
	return u == store.NeverAssigned || u == store.Assignable || u == store.AlwaysAssigned
}
