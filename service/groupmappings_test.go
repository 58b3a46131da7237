package service_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/ssotest"
	"github.com/go-identity/identity/store"
)

// leveledRole makes a role in a tenant, or with "" the environment.
func (w world) leveledRole(t testing.TB, tenantID, key string, level int) string {
	t.Helper()
	by := store.System()
	by.TenantID = tenantID
	rs, err := w.Services.Roles.Create(t.Context(), by, []service.NewRole{{Key: key, Name: key, Level: level}})
	if err != nil {
		t.Fatal(err)
	}
	return rs[0].ID
}

func TestConnectionRoles(t *testing.T) {
	t.Parallel()
	w := newWorld(t, near)
	by, p := w.administrator(t, "ada@acme.example"), ssotest.NewSAML(t)
	c := w.wired(t, by, p)
	own, shared := w.leveledRole(t, by.TenantID, "own", 10), w.leveledRole(t, "", "shared", 10)
	want := []string{own, shared}
	slices.Sort(want)
	wantCode(t, "SetRoles", w.Connections.SetRoles(t.Context(), by, c.ID, []string{shared, own, shared}), "")
	got, err := w.Connections.Roles(t.Context(), by, c.ID)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("Roles = %q, %v; want %q", got, err, want)
	}
	wantCode(t, "SetRoles to none", w.Connections.SetRoles(t.Context(), by, c.ID, nil), "")
	wantCode(t, "SetRoles to one that is not there", w.Connections.SetRoles(t.Context(), by, c.ID, []string{"x"}), fault.NotFound)
}

func TestGroupMappings(t *testing.T) {
	t.Parallel()
	w := newWorld(t, near)
	by, p := w.administrator(t, "ada@acme.example"), ssotest.NewSAML(t)
	c, d := w.wired(t, by, p), w.wired(t, by, p)
	role := w.leveledRole(t, by.TenantID, "own", 10)
	g, err := w.Connections.AddGroup(t.Context(), by, c.ID, service.GroupRule{Group: "Staff", RoleIDs: []string{role}})
	if err != nil || !slices.Equal(g.RoleIDs, []string{role}) {
		t.Fatalf("AddGroup = %+v, %v", g, err)
	}
	w.clock.advance(time.Second)
	_, err = w.Connections.AddGroup(t.Context(), by, c.ID, service.GroupRule{Group: "Staff"})
	wantCode(t, "AddGroup again", err, fault.Conflict)
	_, err = w.Connections.AddGroup(t.Context(), by, c.ID, service.GroupRule{Group: "staff"})
	wantCode(t, "AddGroup in other letters", err, "")
	_, err = w.Connections.AddGroup(t.Context(), by, d.ID, service.GroupRule{Group: "Staff"})
	wantCode(t, "AddGroup of another connection", err, "")
	for _, name := range []string{"", strings.Repeat("x", 1025), "a\x00b"} {
		_, err = w.Connections.AddGroup(t.Context(), by, c.ID, service.GroupRule{Group: name})
		wantCode(t, "AddGroup of no name", err, fault.Invalid)
	}
	g, err = w.Connections.UpdateGroup(t.Context(), by, c.ID, g.ID, service.GroupRule{Group: "People"})
	if err != nil || g.Group != "People" || !slices.Equal(g.RoleIDs, []string{role}) {
		t.Errorf("UpdateGroup = %+v, %v; want the roles as they were", g, err)
	}
	_, err = w.Connections.UpdateGroup(t.Context(), by, d.ID, g.ID, service.GroupRule{Group: "People"})
	wantCode(t, "UpdateGroup through another connection", err, fault.NotFound)
	all, err := w.Connections.Groups(t.Context(), by, c.ID)
	if err != nil || len(all) != 2 || all[0].Group != "People" {
		t.Errorf("Groups = %+v, %v", all, err)
	}
	wantCode(t, "DeleteGroup", w.Connections.DeleteGroup(t.Context(), by, c.ID, g.ID), "")
	wantCode(t, "DeleteGroup again", w.Connections.DeleteGroup(t.Context(), by, c.ID, g.ID), fault.NotFound)
}

func TestAttackGroupMappings(t *testing.T) {
	t.Parallel()
	w := newWorld(t, near)
	by, p := w.administrator(t, "ada@acme.example"), ssotest.NewSAML(t)
	other := w.administrator(t, "bob@globex.example")
	c := w.wired(t, by, p)
	strong, own := w.leveledRole(t, "", "owner", 0), w.leveledRole(t, by.TenantID, "own", 10)
	theirs := w.leveledRole(t, other.TenantID, "theirs", 10)
	host := store.Principal{Kind: store.ManagementKind, ID: "m", TenantID: by.TenantID}
	weak := by
	weak.Roles = []store.RoleRef{{ID: own, TenantID: by.TenantID, Key: "own", Level: 10}}

	for name, tt := range map[string]struct {
		by   store.Principal
		role string
		want fault.Code
	}{
		"SAML-46 a stronger role":        {weak, strong, fault.Forbidden},
		"SAML-46 a role of one's own":    {weak, own, ""},
		"SAML-46 another tenant's role":  {weak, theirs, fault.NotFound},
		"SAML-46 the same by the host":   {host, theirs, fault.NotFound},
		"SAML-46 a strong administrator": {by, strong, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := w.Connections.AddGroup(t.Context(), tt.by, c.ID, service.GroupRule{Group: name, RoleIDs: []string{tt.role}})
			wantCode(t, "AddGroup", err, tt.want)
			wantCode(t, "SetRoles", w.Connections.SetRoles(t.Context(), tt.by, c.ID, []string{tt.role}), tt.want)
		})
	}
	t.Run("SAML-46 another group for a stronger role", func(t *testing.T) {
		t.Parallel()
		g, err := w.Connections.AddGroup(t.Context(), host, c.ID, service.GroupRule{Group: "Owners", RoleIDs: []string{strong}})
		wantCode(t, "AddGroup by the host", err, "")
		_, err = w.Connections.UpdateGroup(t.Context(), weak, c.ID, g.ID, service.GroupRule{Group: "Everybody"})
		wantCode(t, "UpdateGroup", err, fault.Forbidden)
		_, err = w.Connections.UpdateGroup(t.Context(), weak, c.ID, g.ID, service.GroupRule{Group: "Everybody", RoleIDs: []string{own}})
		wantCode(t, "UpdateGroup to a role of one's own", err, "")
	})
	t.Run("SAML-46 by a link to set up", func(t *testing.T) {
		t.Parallel()
		guest := store.Principal{Kind: store.SetupKind, TenantID: by.TenantID}
		_, err := w.Connections.AddGroup(t.Context(), guest, c.ID, service.GroupRule{Group: "Guests", RoleIDs: []string{own}})
		wantCode(t, "AddGroup", err, fault.Forbidden)
	})
}
