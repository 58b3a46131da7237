package identitytest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/go-identity/identity"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

// Password is that of every user that a World makes.
const Password = "a test's very own passphrase"

// A Tenant is a customer of the host.
type Tenant struct {
	store.Tenant
	world *World
}

// A User is somebody who can sign in, and the tenant they act in then. A test that makes an
// account some other way fills one in.
type User struct {
	ID, Email, Password, TenantID string
}

// Tenant makes a tenant.
func (w *World) Tenant(name string) *Tenant {
	w.t.Helper()
	t, err := w.Tenants.Create(w.t.Context(), identity.System(), service.NewTenant{Name: name})
	if err != nil {
		w.t.Fatalf("make tenant %s: %v", name, err)
	}
	return &Tenant{t, w}
}

// User makes a user of the World's own tenant; see [Tenant.User].
func (w *World) User(permissions ...identity.Permission) *User {
	w.t.Helper()
	return w.own().User(permissions...)
}

// UserAs makes a user of the World's own tenant; see [Tenant.UserAs].
func (w *World) UserAs(roles ...string) *User {
	w.t.Helper()
	return w.own().UserAs(roles...)
}

// own returns the tenant of those for whom a test names none.
func (w *World) own() *Tenant {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.home == nil {
		w.home = w.Tenant("Acme")
	}
	return &Tenant{w.home.Tenant, w}
}

// User makes a user who may do exactly this in the tenant, and nothing without a
// permission. Each is declared in Options.Permissions, built in, or a wildcard.
func (t *Tenant) User(permissions ...identity.Permission) *User {
	t.world.t.Helper()
	return t.enrol(t.role(permissions))
}

// UserAs makes a user with the roles of these keys: the environment's, or the tenant's own.
// Without any the user gets what the host gives to every new member.
func (t *Tenant) UserAs(roles ...string) *User {
	t.world.t.Helper()
	return t.enrol(t.named(roles)...)
}

// Join makes a user of another tenant a member of this one, too, who may do exactly this
// here. It returns the user as they act in this tenant.
func (t *Tenant) Join(u *User, permissions ...identity.Permission) *User {
	w := t.world
	w.t.Helper()
	role := t.role(permissions)
	p, err := w.Members.Add(w.t.Context(), t.system(), u.ID, service.TenantChoice{TenantID: t.ID, MustExist: true})
	if err != nil {
		w.t.Fatalf("add %s to %s: %v", u.Email, t.Name, err)
	}
	here := func(m service.Member) bool { return m.TenantID == t.ID }
	for _, r := range p.Tenants[slices.IndexFunc(p.Tenants, here)].Roles {
		if _, err := w.Members.Unassign(w.t.Context(), t.system(), u.ID, []string{r.ID}); err != nil {
			w.t.Fatal(err)
		}
	}
	if _, err := w.Members.Assign(w.t.Context(), t.system(), u.ID, []string{role}); err != nil {
		w.t.Fatal(err)
	}
	joined := *u
	joined.TenantID = t.ID
	return &joined
}

func (t *Tenant) system() identity.Principal {
	by := identity.System()
	by.TenantID = t.ID
	return by
}

// next counts what a World makes, so that every name is another.
func (w *World) next(count *int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	*count++
	return *count
}

func (t *Tenant) enrol(roleIDs ...string) *User {
	w := t.world
	w.t.Helper()
	n := w.next(&w.users)
	u := &User{Email: fmt.Sprintf("user%d@test.example", n), Password: Password, TenantID: t.ID}
	p, err := w.Users.Create(w.t.Context(), t.system(), service.NewUser{
		TenantID: t.ID, Email: u.Email, Name: fmt.Sprintf("User %d", n), Password: u.Password, RoleIDs: roleIDs,
	})
	if err != nil {
		w.t.Fatalf("make a user of %s: %v", t.Name, err)
	}
	u.ID = p.ID
	return u
}

// role makes a role that holds the permissions and returns its id. It is as strong as any,
// so that rules about who outranks whom stay out of the way.
func (t *Tenant) role(permissions []identity.Permission) string {
	w := t.world
	w.t.Helper()
	key := fmt.Sprintf("test-%d", w.next(&w.roles))
	rs, err := w.Roles.Create(w.t.Context(), t.system(), []service.NewRole{{Key: key, Name: key}})
	if err == nil && len(permissions) > 0 {
		_, err = w.Roles.SetPermissions(w.t.Context(), t.system(), rs[0].ID, w.permissions(permissions))
	}
	if err != nil {
		w.t.Fatalf("make a role with %v: %v", permissions, err)
	}
	return rs[0].ID
}

// permissions returns the ids of permissions, making the wildcards that are not there yet.
func (w *World) permissions(keys []identity.Permission) []string {
	w.t.Helper()
	all, err := w.Permissions.List(w.t.Context(), identity.System())
	if err != nil {
		w.t.Fatal(err)
	}
	ids := make([]string, 0, len(keys))
	for _, k := range keys {
		at := slices.IndexFunc(all, func(p store.PermissionRecord) bool { return p.Key == k })
		if at < 0 {
			all = append(all, w.wildcard(k))
			at = len(all) - 1
		}
		ids = append(ids, all[at].ID)
	}
	return ids
}

func (w *World) wildcard(k identity.Permission) store.PermissionRecord {
	w.t.Helper()
	if !strings.HasSuffix(string(k), "*") {
		w.t.Fatalf("permission %s is not declared: add it to Options.Permissions", k)
	}
	made, err := w.Permissions.Create(w.t.Context(), identity.System(), []service.NewPermission{{Key: k, Name: string(k)}})
	if err != nil {
		w.t.Fatalf("make permission %s: %v", k, err)
	}
	return made[0]
}

// named returns the ids of roles.
func (t *Tenant) named(keys []string) []string {
	w := t.world
	w.t.Helper()
	all, err := w.Roles.List(w.t.Context(), t.system())
	if err != nil {
		w.t.Fatal(err)
	}
	ids := make([]string, 0, len(keys))
	for _, k := range keys {
		at := slices.IndexFunc(all, func(r store.Role) bool { return r.Key == k })
		if at < 0 {
			w.t.Fatalf("there is no role %s in %s", k, t.Name)
		}
		ids = append(ids, all[at].ID)
	}
	return ids
}
