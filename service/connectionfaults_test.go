package service_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/ssotest"
	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/store/storetest"
)

// connectionState is all that changes of connections write.
func (w world) connectionState(t *testing.T, tenantID, userID string) string {
	t.Helper()
	cs, err1 := w.db.Connections(t.Context(), tenantID)
	gs, err2 := w.db.GroupMappings(t.Context(), tenantID)
	log, err3 := w.db.Audit(t.Context(), store.AuditQuery{})
	n, _, err4 := w.db.WaitingMessages(t.Context())
	ss, err5 := w.db.Sessions(t.Context(), userID, w.clock.now())
	if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%+v %+v %d events %d messages %d sessions", cs, gs, log.Total, n, len(ss))
}

// TestAttackBrokenConnection breaks every change at every call to the store: all of it is
// done, or nothing.
func TestAttackBrokenConnection(t *testing.T) {
	t.Parallel()
	p := ssotest.NewSAML(t)
	type change = func(c *service.Connections, by store.Principal, id, groupID, roleID string) error
	for name, change := range map[string]change{
		"create": func(c *service.Connections, by store.Principal, _, _, _ string) error {
			_, err := c.CreateFrom(t.Context(), by, service.Intake{Document: string(p.Metadata())})
			return err
		},
		"turn off": func(c *service.Connections, by store.Principal, id, _, _ string) error {
			_, err := c.Update(t.Context(), by, id, service.ConnectionChange{Enabled: no()})
			return err
		},
		"delete": func(c *service.Connections, by store.Principal, id, _, _ string) error {
			return c.Delete(t.Context(), by, id)
		},
		"set roles": func(c *service.Connections, by store.Principal, id, _, role string) error {
			return c.SetRoles(t.Context(), by, id, []string{role})
		},
		"map a group": func(c *service.Connections, by store.Principal, id, _, role string) error {
			_, err := c.AddGroup(t.Context(), by, id, service.GroupRule{Group: "New", RoleIDs: []string{role}})
			return err
		},
		"map it otherwise": func(c *service.Connections, by store.Principal, id, group, role string) error {
			_, err := c.UpdateGroup(t.Context(), by, id, group, service.GroupRule{Group: "Other", RoleIDs: []string{role}})
			return err
		},
		"unmap": func(c *service.Connections, by store.Principal, id, group, _ string) error {
			return c.DeleteGroup(t.Context(), by, id, group)
		},
	} {
		t.Run("STO-01 "+name, func(t *testing.T) {
			t.Parallel()
			r := &relay{memory(t)}
			w := worldOver(t, r, noon(), near)
			l := w.signUp(t, "ada@acme.example")
			by := w.user(t, l)
			c := w.wired(t, by, p)
			role := w.leveledRole(t, by.TenantID, "own", 10)
			g, err := w.Connections.AddGroup(t.Context(), by, c.ID, service.GroupRule{Group: "Staff"})
			wantCode(t, "AddGroup", err, "")
			w.through(t, c, w.signUp(t, "eve@acme.example"))
			db := r.Store
			before := w.connectionState(t, by.TenantID, l.User.ID)
			n := 1
			for ; n < 100; n++ {
				faulty := storetest.Fault(db, n, errors.New("disk full"))
				r.Store = faulty
				err := change(w.Connections, by, c.ID, g.ID, role)
				r.Store = db
				if !faulty.Reached() {
					wantCode(t, "without a fault", err, "")
					break
				}
				if now := w.connectionState(t, by.TenantID, l.User.ID); (err == nil) == (now == before) {
					t.Fatalf("fault at call %d = %v:\n%s\nbefore:\n%s", n, err, now, before)
				} else if err == nil {
					break // it came after all was done
				}
			}
			if n < 3 {
				t.Errorf("the change met %d faults", n-1)
			}
		})
	}
}
