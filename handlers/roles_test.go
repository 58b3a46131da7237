package handlers_test

import (
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/go-identity/identity/store"
)

const (
	rolesURL       = "/identity/resources/roles/v1"
	permissionsURL = "/identity/resources/permissions/v1"
	categoriesURL  = permissionsURL + "/categories"
)

// Whoever may not manage is told so before anything is read.
func TestManagementIsForTheHost(t *testing.T) {
	t.Parallel()
	f := newFace(t)
	f.who["user"] = &store.Principal{Kind: store.UserKind, ID: "u", UserID: "u", TenantID: "a"}
	ours := []string{"Roles", "Permissions", "Permissions categories", "Tenants: Accounts", "Core settings"}
	seen := 0
	for _, r := range f.api.Routes() {
		if !slices.Contains(ours, r.Category) {
			continue
		}
		seen++
		path := strings.NewReplacer("{", "", "}", "").Replace(r.Path)
		for as, want := range map[string]int{"": http.StatusUnauthorized, "nobody": http.StatusUnauthorized, "user": http.StatusForbidden} {
			if got := f.send(as, r.Method+" "+path, "{"); got.status != want {
				t.Errorf("%s %s as %q = %d %s, want %d", r.Method, r.Path, as, got.status, got.body, want)
			}
		}
	}
	if seen < 40 {
		t.Errorf("saw %d routes, want 40 and more", seen)
	}
}

func TestRolesOverHTTP(t *testing.T) {
	t.Parallel()
	f := newFace(t)
	f.tenant("a")
	var made []object
	f.must(201, &made, "host", "POST "+rolesURL,
		`[{"key":"editor","name":"Editor","level":7,"isDefault":true,"unknown":1},{"key":"viewer","name":"Viewer","level":9,"description":"Looks","firstUserRole":true}]`)
	id := made[0]["id"].(string)
	for _, name := range []string{"createdAt", "updatedAt"} {
		if made[0][name] == nil {
			t.Errorf("%s is null", name)
		}
		delete(made[0], name)
	}
	want := object{
		"id": id, "vendorId": f.svc.Environment, "tenantId": "", "key": "editor", "name": "Editor", "description": "",
		"isDefault": true, "firstUserRole": false, "level": 7.0, "permissions": []any{},
	}
	if !reflect.DeepEqual(made[0], want) {
		t.Errorf("created %v, want %v", made[0], want)
	}
	own := f.role("a", "ours")
	p, q := f.permission("reports.read"), f.permission("reports.write")
	var r object
	f.must(200, &r, "host", "PATCH "+rolesURL+"/"+id, `{"name":"Writer","level":0}`)
	if r["name"] != "Writer" || r["level"] != 0.0 || r["key"] != "editor" {
		t.Errorf("changed to %v, want a new name and level alone", r)
	}
	f.must(200, &r, "host", "PUT "+rolesURL+"/"+id+"/permissions", `{"permissionIds":["`+p+`","`+q+`"]}`)
	f.must(200, &r, "host", "PUT "+rolesURL+"/"+id+"/permissions", `{"permissionIds":["`+q+`"]}`)
	if got := r["permissions"]; !reflect.DeepEqual(got, []any{q}) {
		t.Errorf("permissions are %v, want the last ones set alone", got)
	}
	f.must(200, &r, "host", "PUT "+rolesURL+"/"+own+"/tenant", `{"tenantId":null}`)
	if r["tenantId"] != "" {
		t.Errorf("moved to %v, want the environment", r["tenantId"])
	}
	f.must(200, &r, "host", "PUT "+rolesURL+"/"+own+"/tenant", `{"tenantId":"a"}`)
	if r["tenantId"] != "a" {
		t.Errorf("moved to %v, want a", r["tenantId"])
	}
	for header, want := range map[string]int{"x: y": 2, "frontegg-tenant-id: a": 3} {
		var all []object
		f.must(200, &all, "host", "GET "+rolesURL, "", header)
		if len(all) != want {
			t.Errorf("listed %d roles with %s, want %d", len(all), header, want)
		}
	}
	f.must(204, nil, "host", "DELETE "+rolesURL+"/"+id, "")
	f.must(404, nil, "host", "DELETE "+rolesURL+"/"+id, "")
	f.must(204, nil, "host", "DELETE "+rolesURL+"/"+own, "", "frontegg-tenant-id: a")
}

func TestRolesOverHTTPRefuse(t *testing.T) {
	t.Parallel()
	f := newFace(t)
	f.tenant("a")
	id, own := f.role("", "shared"), f.role("a", "ours")
	const in = "frontegg-tenant-id: a"
	f.try(
		try{"an object", "host", "POST " + rolesURL, `{"key":"k","name":"n","level":1}`, 400, "array", ""},
		try{"no body", "host", "POST " + rolesURL, "", 400, "", ""},
		try{"what is missing", "host", "POST " + rolesURL, `[{}]`, 400, "key", ""},
		try{"no level", "host", "POST " + rolesURL, `[{"key":"k","name":"n"}]`, 400, "level", ""},
		try{"level above", "host", "POST " + rolesURL, `[{"key":"k","name":"n","level":32768}]`, 400, "level", ""},
		try{"level as text", "host", "POST " + rolesURL, `[{"key":"k","name":"n","level":"1"}]`, 400, "level", ""},
		try{"taken", "host", "POST " + rolesURL, `[{"key":"shared","name":"n","level":1}]`, 409, "Roles already exists", ""},
		try{"taken by the environment", "host", "POST " + rolesURL, `[{"key":"shared","name":"n","level":1}]`, 409, "Roles already exists", in},
		try{"unknown tenant", "host", "POST " + rolesURL, `[{"key":"k","name":"n","level":1}]`, 404, "no such tenant", "frontegg-tenant-id: b"},
		try{"bad tenant", "host", "GET " + rolesURL, "", 400, "", "frontegg-tenant-id: a/b"},
		try{"tenant's role without it", "host", "PATCH " + rolesURL + "/" + own, `{"name":"n"}`, 404, "no such role", ""},
		try{"environment role in a tenant", "host", "PATCH " + rolesURL + "/" + id, `{"name":"n"}`, 404, "no such role", in},
		try{"empty name", "host", "PATCH " + rolesURL + "/" + id, `{"name":""}`, 400, "name should not be empty", ""},
		try{"taken on change", "host", "PATCH " + rolesURL + "/" + own, `{"key":"shared"}`, 409, "Roles already exists", in},
		try{"unknown permission", "host", "PUT " + rolesURL + "/" + id + "/permissions", `{"permissionIds":["x"]}`, 404, "no such permission", ""},
		try{"no permissions", "host", "PUT " + rolesURL + "/" + id + "/permissions", `{}`, 400, "permissionIds", ""},
		try{"null permissions", "host", "PUT " + rolesURL + "/" + id + "/permissions", `{"permissionIds":null}`, 400, "permissionIds", ""},
		try{"move nowhere", "host", "PUT " + rolesURL + "/" + id + "/tenant", `{"tenantId":"nobody"}`, 404, "no such tenant", ""},
		try{"move without saying", "host", "PUT " + rolesURL + "/" + id + "/tenant", `{}`, 400, "tenantId", ""},
		try{"move the unknown", "host", "PUT " + rolesURL + "/x/tenant", `{"tenantId":null}`, 404, "no such role", ""},
		try{"key twice in the body", "host", "PATCH " + rolesURL + "/" + id, `{"name":"a","name":"b"}`, 400, "", ""},
		try{"not JSON", "host", "PATCH " + rolesURL + "/" + id, `{`, 400, "", ""},
	)
}
