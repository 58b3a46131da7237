package handlers_test

import (
	"strings"
	"testing"

	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

const mePath = "/identity/resources/users/v2/me"

func TestProfile(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	me := o.told(t, "worker", "GET "+mePath, "", 200)
	if me["id"] != o.worker || me["tenantId"] != "acme" || len(me["roles"].([]any)) != 1 || me["activatedForTenant"] != true {
		t.Errorf("me = %v", me)
	}
	if brief := o.told(t, "worker", "GET /identity/resources/users/v3/me", "", 200); brief["roles"] != nil || brief["id"] != o.worker {
		t.Errorf("me, third version = %v, want no roles", brief)
	}
	rights := o.told(t, "admin", "GET /identity/resources/users/v1/me/authorization", "", 200)
	if len(rights) != 2 || len(rights["roles"].([]any)) != 1 || len(rights["permissions"].([]any)) == 0 {
		t.Errorf("authorization = %v, want a role and its permissions", rights)
	}
	me = o.told(t, "worker", "PUT "+mePath, `{"name":"Worker","profilePictureUrl":"https://a.example/w.png"}`, 200)
	if me["name"] != "Worker" || me["profilePictureUrl"] != "https://a.example/w.png" {
		t.Errorf("changed me = %v", me)
	}
	if me = o.told(t, "worker", "PUT "+mePath, `{"profilePictureUrl":null}`, 200); me["name"] != "Worker" || me["profilePictureUrl"] != "" {
		t.Errorf("changed me = %v, want no picture and the same name", me)
	}
}

func TestProfileTenants(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	if _, err := o.svc.Members.Add(t.Context(), store.System(), o.worker, service.TenantChoice{TenantID: "other"}); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"v1/me/tenants", "v3/me/tenants"} {
		got := o.told(t, "worker", "GET /identity/resources/users/"+path, "", 200)
		if active := got["activeTenant"].(map[string]any); len(got["tenants"].([]any)) != 2 || active["tenantId"] != "acme" {
			t.Errorf("%s = %v, want two tenants, acme active", path, got)
		}
	}
	w := o.call(t, "worker", "GET /identity/resources/users/v2/me/tenants", "")
	if want := `[{"tenantId":"acme","name":"acme"},{"tenantId":"other","name":"other"}]`; w.Code != 200 || w.Body.String() != want+"\n" && w.Body.String() != want {
		t.Errorf("v2/me/tenants = %d %s, want %s", w.Code, w.Body, want)
	}
	p := o.told(t, "worker", "PUT "+usersPath+"/tenant", `{"tenantId":"other"}`, 200)
	if p["tenantId"] != "other" || p["id"] != o.worker {
		t.Errorf("switched %v, want the worker in other", p)
	}
}

func TestProfileStatuses(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	forWorker := []string{"frontegg-user-id: {worker}"}
	o.exchange(t, []exchange{
		{name: "nobody", request: "GET " + mePath, want: 401},
		{name: "the host for nobody", who: "host", request: "GET " + mePath, want: 400},
		{name: "the host for a user", who: "host", request: "GET " + mePath, headers: []string{"frontegg-user-id: {worker}"}, want: 200},
		{name: "the host for a user in a tenant", who: "host", request: "GET " + mePath, headers: []string{"frontegg-user-id: {worker}", "frontegg-tenant-id: acme"}, want: 200},
		{name: "the host for a user in another tenant", who: "host", request: "GET " + mePath, headers: []string{"frontegg-user-id: {worker}", "frontegg-tenant-id: other"}, want: 404},
		{name: "bad metadata", who: "worker", request: "PUT " + mePath, body: `{"metadata":"[]"}`, want: 400},
		{name: "bad phone number", who: "worker", request: "PUT " + mePath, body: `{"phoneNumber":"123"}`, want: 400},
		{name: "long name", who: "worker", request: "PUT " + mePath, body: `{"name":"` + strings.Repeat("n", 256) + `"}`, want: 400},
		{name: "switch to where it is no member", who: "worker", request: "PUT " + usersPath + "/tenant", body: `{"tenantId":"other"}`, want: 404},
		{name: "switch to nothing", who: "worker", request: "PUT " + usersPath + "/tenant", body: `{}`, want: 400},
		{name: "switch to where it is", who: "worker", request: "PUT " + usersPath + "/tenant", body: `{"tenantId":"acme"}`, want: 200},
		{name: "the host switches a user", who: "host", request: "PUT " + usersPath + "/tenant", body: `{"tenantId":"acme"}`, headers: forWorker, want: 200},
	})
}

func TestAttackProfileRoutes(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	t.Run("RBAC-24 a user assigns itself nothing", func(t *testing.T) {
		t.Parallel()
		before, err := o.db.User(t.Context(), o.worker)
		if err != nil {
			t.Fatal(err)
		}
		o.told(t, "worker", "PUT "+mePath, `{
			"id":"{victim}","email":"eve@acme.example","verified":false,"mfaEnrolled":true,"mfaBypass":true,"isLocked":false,
			"vendorMetadata":"{\"score\":100}","externalId":"x","roles":["{role:admin}"],"roleIds":["{role:admin}"],"permissions":["*"],
			"tenantId":"other","tenantIds":["other"],"superUser":true,"provider":"saml","invisible":true}`, 200)
		after, err := o.db.User(t.Context(), o.worker)
		after.UpdatedAt = before.UpdatedAt
		if err != nil || after != before {
			t.Errorf("the user became %+v, %v, want %+v", after, err, before)
		}
		roles, _, err := o.db.Rights(t.Context(), "acme", o.worker)
		if err != nil || len(roles) != 1 || roles[0].Key != "member" {
			t.Errorf("roles = %v, %v, want member", roles, err)
		}
	})
	t.Run("INV-14 a sign-up assigns itself nothing", func(t *testing.T) {
		t.Parallel()
		o.told(t, "", "POST /identity/resources/users/v1/signUp", `{
			"provider":"local","email":"eve@b.example","companyName":"Eve","password":"plum-Tractor-hums-9","tenantId":"acme",
			"verified":true,"vendorMetadata":"{\"score\":100}","superUser":true,"mfaBypass":true,"externalId":"x"}`, 200)
		p, err := o.svc.Users.ByEmail(t.Context(), store.System(), "eve@b.example")
		if err != nil {
			t.Fatal(err)
		}
		if p.Verified || p.VendorMetadata != "{}" || p.MFABypass || p.ExternalID != "" || len(p.Tenants) != 1 || p.Tenants[0].TenantID == "acme" {
			t.Errorf("signed up as %+v in %+v, want an unverified user of a new tenant", p.User, p.Tenants)
		}
	})
	t.Run("RBAC-19 disabled in one tenant only", func(t *testing.T) {
		t.Parallel()
		id := o.user(t, "both@acme.example", "acme", "member")
		if _, err := o.svc.Members.Add(t.Context(), store.System(), id, service.TenantChoice{TenantID: "other"}); err != nil {
			t.Fatal(err)
		}
		o.told(t, "admin", "POST /identity/resources/tenants/users/v1/"+id+"/disable", "", 200)
		in := "Authorization: Bearer " + id + "@other"
		o.told(t, "", "PUT "+usersPath+"/tenant", `{"tenantId":"acme"}`, 403, in)
		if me := o.told(t, "", "GET "+mePath, "", 200, in); me["tenantId"] != "other" {
			t.Errorf("me = %v, want it in other", me)
		}
	})
}
