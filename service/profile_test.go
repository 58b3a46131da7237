package service_test

import (
	"slices"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

func TestProfilesMe(t *testing.T) {
	t.Parallel()
	c := newCollection(t)
	c.tenant(t, "acme")
	c.tenant(t, "other")
	read, write := c.permission(t, "reports.read"), c.permission(t, "reports.write")
	reader, writer := c.leveled(t, host, "reader", 20), c.leveled(t, host, "writer", 10)
	for id, ps := range map[string][]string{reader: {read.ID}, writer: {read.ID, write.ID}} {
		if err := c.db.SetRolePermissions(t.Context(), "", id, ps); err != nil {
			t.Fatal(err)
		}
	}
	c.member(t, "ada", "acme", "other")
	c.give(t, "acme", "ada", reader)
	c.give(t, "other", "ada", writer)
	for _, tt := range []struct {
		tenant, role string
		want         []store.Permission
	}{
		{"acme", reader, []store.Permission{"reports.read"}},
		{"other", writer, []store.Permission{"reports.read", "reports.write"}},
	} {
		p, err := c.Profiles.Me(t.Context(), c.acting(t, "ada", tt.tenant))
		if err != nil {
			t.Fatal(err)
		}
		var got []store.Permission
		for _, r := range p.Permissions {
			got = append(got, r.Key)
			if !slices.Equal(r.RoleIDs, []string{tt.role}) {
				t.Errorf("%s: %s is held by %v, want %s only", tt.tenant, r.Key, r.RoleIDs, tt.role)
			}
		}
		if !slices.Equal(got, tt.want) || p.TenantID != tt.tenant || len(p.Tenants) != 2 {
			t.Errorf("Me in %s = %v of %d tenants, want %v of 2", tt.tenant, got, len(p.Tenants), tt.want)
		}
	}
}

func TestProfilesChange(t *testing.T) {
	t.Parallel()
	c := newCollection(t)
	c.tenant(t, "acme")
	ada := c.user(t, "ada@example.com", "acme")
	by := c.acting(t, ada.ID, "acme")
	p, err := c.Profiles.Change(t.Context(), by, service.ProfileChange{Name: ptr("Ada"), PhoneNumber: ptr("+1-415-555-2671"), Metadata: ptr(`{"a":1}`)})
	if err != nil || p.Name != "Ada" || p.Metadata != `{"a":1}` || p.PhoneNumber != "+1-415-555-2671" {
		t.Fatalf("Change = %+v, %v", p.User, err)
	}
	for name, change := range map[string]service.ProfileChange{
		"name": {Name: ptr("a\x00")}, "picture": {PictureURL: ptr("data:text/html,x")},
		"phone": {PhoneNumber: ptr("12")}, "metadata": {Metadata: ptr("[]")},
	} {
		if _, err := c.Profiles.Change(t.Context(), by, change); code(err) != fault.Invalid {
			t.Errorf("Change of %s = %v, want invalid", name, err)
		}
	}
}

func TestProfilesHideWhatIsTheHosts(t *testing.T) {
	t.Parallel()
	c := newCollection(t)
	c.tenant(t, "acme")
	p, err := c.Users.Create(t.Context(), host, service.NewUser{TenantID: "acme", Email: "ada@example.com", VendorMetadata: `{"score":1}`})
	if err != nil {
		t.Fatal(err)
	}
	me, err := c.Profiles.Me(t.Context(), c.acting(t, p.ID, "acme"))
	if err != nil || me.VendorMetadata != "{}" {
		t.Errorf("the user sees %q, %v, want {}", me.VendorMetadata, err)
	}
	by := hostIn("acme")
	by.UserID = p.ID
	if me, err = c.Profiles.Me(t.Context(), by); err != nil || me.VendorMetadata != `{"score":1}` {
		t.Errorf("the host sees %q, %v, want the document", me.VendorMetadata, err)
	}
}

func TestProfilesTenants(t *testing.T) {
	t.Parallel()
	c := newCollection(t)
	for _, id := range []string{"zebra", "acme", "left", "closed"} {
		c.tenant(t, id)
	}
	ada := c.user(t, "ada@example.com", "zebra")
	for _, m := range []store.Membership{{TenantID: "acme", Activated: true}, {TenantID: "left"}, {TenantID: "closed", Activated: true, Disabled: true}} {
		m.UserID, m.CreatedAt, m.UpdatedAt = ada.ID, time.Now(), time.Now()
		if err := c.db.CreateMembership(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	h, err := c.Profiles.Tenants(t.Context(), c.acting(t, ada.ID, "acme"))
	if err != nil || len(h.Tenants) != 2 || h.Tenants[0].ID != "acme" || h.Tenants[1].ID != "zebra" || h.Active != "acme" {
		t.Errorf("Tenants = %+v, %v, want acme, the active one, and zebra", h, err)
	}
	by := host
	by.UserID = ada.ID
	if h, err = c.Profiles.Tenants(t.Context(), by); err != nil || h.Active != "zebra" {
		t.Errorf("Tenants = %+v, %v, want zebra active", h, err)
	}
	c.member(t, "eve")
	by.UserID = "eve"
	if h, err = c.Profiles.Tenants(t.Context(), by); err != nil || len(h.Tenants) > 0 || h.Active != "" {
		t.Errorf("Tenants = %+v, %v, want none", h, err)
	}
}

func TestProfilesSwitch(t *testing.T) {
	t.Parallel()
	c := newCollection(t)
	for _, id := range []string{"acme", "second", "pending", "closed", "strange", "gone"} {
		c.tenant(t, id)
	}
	ada := c.user(t, "ada@example.com", "acme")
	c.session(t, ada.ID, "acme", "s1")
	for _, m := range []store.Membership{{TenantID: "second", Activated: true}, {TenantID: "pending"}, {TenantID: "closed", Activated: true, Disabled: true}, {TenantID: "gone", Activated: true}} {
		m.UserID, m.CreatedAt, m.UpdatedAt = ada.ID, time.Now(), time.Now()
		if err := c.db.CreateMembership(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.db.DeleteTenant(t.Context(), "gone", time.Now()); err != nil {
		t.Fatal(err)
	}
	by := c.acting(t, ada.ID, "acme")
	by.SessionID = "s1"
	for _, tt := range []struct {
		tenant string
		want   fault.Code
	}{
		{"pending", fault.NotFound}, {"closed", fault.Forbidden}, {"strange", fault.NotFound}, {"gone", fault.NotFound}, {"second", ""},
	} {
		p, err := c.Profiles.Switch(t.Context(), by, tt.tenant)
		if code(err) != tt.want {
			t.Errorf("Switch to %s = %v, want %q", tt.tenant, err, tt.want)
		}
		if err == nil && p.TenantID != tt.tenant {
			t.Errorf("Switch to %s is seen in %q", tt.tenant, p.TenantID)
		}
	}
	s, err := c.db.Session(t.Context(), ada.ID, "s1")
	if err != nil || s.TenantID != "second" {
		t.Errorf("session = %+v, %v, want it in second", s, err)
	}
	u, err := c.db.User(t.Context(), ada.ID)
	if err != nil || u.ActiveTenantID != "second" {
		t.Errorf("user = %+v, %v, want second active", u, err)
	}
}

func TestAttackProfiles(t *testing.T) {
	t.Parallel()
	c := newCollection(t)
	c.tenant(t, "acme")
	c.tenant(t, "other")
	ada := c.user(t, "ada@example.com", "acme")
	if _, err := c.Members.Add(t.Context(), host, ada.ID, service.TenantChoice{TenantID: "other"}); err != nil {
		t.Fatal(err)
	}
	t.Run("RBAC-19 disabled in one tenant only", func(t *testing.T) {
		if err := c.Members.Disable(t.Context(), hostIn("acme"), ada.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Profiles.Switch(t.Context(), c.acting(t, ada.ID, "other"), "acme"); code(err) != fault.Forbidden {
			t.Errorf("Switch = %v, want forbidden", err)
		}
		if _, err := c.Profiles.Me(t.Context(), c.acting(t, ada.ID, "other")); err != nil {
			t.Errorf("Me in the other tenant = %v, want no error", err)
		}
	})
	t.Run("RBAC-27 roles of one tenant do not bleed into another", func(t *testing.T) {
		c.give(t, "acme", ada.ID, c.leveled(t, host, "admin", 0))
		p, err := c.Profiles.Me(t.Context(), c.acting(t, ada.ID, "other"))
		if m, _ := p.Member(); err != nil || len(m.Roles) > 0 {
			t.Errorf("roles in other = %v, %v, want none", m.Roles, err)
		}
	})
}

// TestProfilesSwitchTakesEffectAtRefresh proves that a switch changes no token that exists.
func TestProfilesSwitchTakesEffectAtRefresh(t *testing.T) {
	t.Parallel()
	w := newWorld(t, open)
	l := w.signUp(t, "ada@example.com")
	by := w.user(t, l)
	if _, err := w.Members.Add(t.Context(), host, by.UserID, service.TenantChoice{TenantID: "second"}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Profiles.Switch(t.Context(), by, "second"); err != nil {
		t.Fatal(err)
	}
	if p := w.user(t, l); p.TenantID != by.TenantID {
		t.Errorf("the old token is for %s, want %s", p.TenantID, by.TenantID)
	}
	next, err := w.refresh(t, l.Secret)
	if err != nil {
		t.Fatal(err)
	}
	if p := w.user(t, next); p.TenantID != "second" {
		t.Errorf("the next token is for %s, want second", p.TenantID)
	}
	if err := w.Sessions.EndAll(t.Context(), by); err != nil {
		t.Fatal(err)
	}
	_, err = w.Profiles.Switch(t.Context(), by, "second")
	wantCode(t, "Switch with a session that ended", err, fault.Unauthenticated)
}
