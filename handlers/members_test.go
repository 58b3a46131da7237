package handlers_test

import (
	"strings"
	"testing"
)

func TestMembersStatuses(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	acme, other := []string{"frontegg-tenant-id: acme"}, []string{"frontegg-tenant-id: other"}
	rolesOf := usersPath + "/{worker}/roles"
	const tenantsUsers = "/identity/resources/tenants/users/v1"
	o.exchange(t, []exchange{
		{name: "assign", who: "admin", request: "POST " + rolesOf, body: `{"roleIds":["{role:own-acme}"]}`, want: 201},
		{name: "assign for a tenant", who: "host", request: "POST " + rolesOf, body: `{"roleIds":["{role:own-acme}"]}`, headers: acme, want: 201},
		{name: "assign for no tenant", who: "host", request: "POST " + rolesOf, body: `{"roleIds":["{role:own-acme}"]}`, want: 400},
		{name: "assign nothing", who: "admin", request: "POST " + rolesOf, body: `{"roleIds":[]}`, want: 400},
		{name: "assign without a body", who: "admin", request: "POST " + rolesOf, want: 400},
		{name: "assign in another tenant", who: "host", request: "POST " + rolesOf, body: `{"roleIds":["{role:own-other}"]}`, headers: other, want: 404},
		{name: "assign without the permission", who: "worker", request: "POST " + usersPath + "/{admin}/roles", body: `{"roleIds":["{role:own-acme}"]}`, want: 403},
		{name: "unassign", who: "admin", request: "DELETE " + rolesOf, body: `{"roleIds":["{role:own-acme}"]}`, want: 200},
		{name: "unassign again", who: "admin", request: "DELETE " + rolesOf, body: `{"roleIds":["{role:own-acme}"]}`, want: 200},
		{name: "disable", who: "admin", request: "POST " + tenantsUsers + "/{worker}/disable", want: 200},
		{name: "enable", who: "host", request: "POST " + tenantsUsers + "/{worker}/enable", headers: acme, want: 200},
		{name: "enable for no tenant", who: "host", request: "POST " + tenantsUsers + "/{worker}/enable", want: 400},
		{name: "disable without the permission", who: "worker", request: "POST " + tenantsUsers + "/{admin}/disable", want: 403},
		{name: "role ids", who: "admin", request: "GET /identity/resources/users/v3/roles?ids={worker}&ids={victim}", want: 200},
		{name: "role ids of nobody", who: "admin", request: "GET /identity/resources/users/v3/roles", want: 400},
		{name: "add", who: "host", request: "POST " + usersPath + "/{worker}/tenant", body: `{"tenantId":"other","validateTenantExist":true,"skipInviteEmail":true}`, want: 201},
		{name: "add to no tenant", who: "host", request: "POST " + usersPath + "/{worker}/tenant", body: `{"tenantId":"none","validateTenantExist":true}`, want: 404},
		{name: "add as a user", who: "admin", request: "POST " + usersPath + "/{worker}/tenant", body: `{"tenantId":"other"}`, want: 403},
		{name: "activate", who: "host", request: "PUT " + usersPath + "/{worker}/tenant", body: `{"tenantId":"other"}`, want: 200},
		{name: "activate a new one", who: "host", request: "PUT " + usersPath + "/{worker}/tenant", body: `{"tenantId":"fresh"}`, want: 200},
		{name: "activate where it is no member", who: "host", request: "PUT " + usersPath + "/{victim}/tenant", body: `{"tenantId":"acme"}`, want: 404},
	})
}

func TestMembersShapes(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	m := o.told(t, "admin", "POST "+usersPath+"/{worker}/roles", `{"roleIds":["{role:own-acme}"]}`, 201)
	if roles := m["roles"].([]any); m["tenantId"] != "acme" || m["userId"] != o.worker || len(roles) != 2 {
		t.Errorf("assigned %v, want two roles of the worker in acme", m)
	}
	held := o.told(t, "admin", "GET /identity/resources/users/v3/roles?ids={worker},{victim}", "", 200)
	if ids := held[o.worker].([]any); len(ids) != 2 || len(held) != 1 {
		t.Errorf("role ids = %v, want two of the worker only", held)
	}
	p := o.told(t, "host", "PUT "+usersPath+"/{worker}/tenant", `{"tenantId":"fresh"}`, 200)
	if p["tenantId"] != "fresh" || len(p["tenantIds"].([]any)) != 2 || p["roles"].([]any)[0].(map[string]any)["key"] != "admin" {
		t.Errorf("active in a new tenant: %v, want the first user's role there", p)
	}
}

func TestAttackMemberRoutes(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.exchange(t, []exchange{
		{
			name: "RBAC-01 the header of another tenant", who: "admin", request: "POST " + usersPath + "/{victim}/roles",
			body: `{"roleIds":["{role:member}"]}`, headers: []string{"frontegg-tenant-id: other"}, want: 403,
		},
		{
			name: "RBAC-01 the header of another user", who: "admin", request: "GET /identity/resources/users/v2/me",
			headers: []string{"frontegg-user-id: {victim}"}, want: 403,
		},
		{
			name: "RBAC-03 header and body disagree", who: "host", request: "POST " + usersPath + "/{worker}/tenant",
			body: `{"tenantId":"other"}`, headers: []string{"frontegg-tenant-id: acme"}, want: 400,
		},
		{
			name: "RBAC-03 header and body of a new user disagree", who: "host", request: "POST " + vendorPath,
			body: `{"tenantId":"other","email":"n@b.example"}`, headers: []string{"frontegg-tenant-id: acme"}, want: 400,
		},
		{name: "RBAC-04 assign to a stranger", who: "admin", request: "POST " + usersPath + "/{victim}/roles", body: `{"roleIds":["{role:member}"]}`, want: 404},
		{name: "RBAC-04 unassign from a stranger", who: "admin", request: "DELETE " + usersPath + "/{victim}/roles", body: `{"roleIds":["{role:member}"]}`, want: 404},
		{name: "RBAC-04 disable a stranger", who: "admin", request: "POST /identity/resources/tenants/users/v1/{victim}/disable", want: 404},
		{name: "RBAC-04 enable a stranger", who: "admin", request: "POST /identity/resources/tenants/users/v1/{victim}/enable", want: 404},
		{name: "RBAC-07 the own roles", who: "admin", request: "POST " + usersPath + "/{admin}/roles", body: `{"roleIds":["{role:member}"]}`, want: 403},
		{name: "RBAC-10 a role of another tenant", who: "admin", request: "POST " + usersPath + "/{worker}/roles", body: `{"roleIds":["{role:own-other}"]}`, want: 404},
	})
	t.Run("RBAC-04 strangers look like nobody", func(t *testing.T) {
		victim := o.call(t, "admin", "POST "+usersPath+"/{victim}/roles", `{"roleIds":["{role:member}"]}`)
		nobody := o.call(t, "admin", "POST "+usersPath+"/"+strings.Repeat("0", 36)+"/roles", `{"roleIds":["{role:member}"]}`)
		if victim.Code != nobody.Code || victim.Body.String() != nobody.Body.String() {
			t.Errorf("a stranger answers %d %s, nobody %d %s", victim.Code, victim.Body, nobody.Code, nobody.Body)
		}
	})
}
