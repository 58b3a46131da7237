package handlers_test

import (
	"reflect"
	"testing"

	"github.com/go-identity/identity/store"
)

func TestPermissionsOverHTTP(t *testing.T) {
	t.Parallel()
	f := newFace(t)
	f.tenant("a")
	role, own := f.role("", "shared"), f.role("a", "ours")
	var category object
	f.must(201, &category, "host", "POST "+categoriesURL, `{"name":"Reports"}`)
	var made []object
	f.must(201, &made, "host", "POST "+permissionsURL,
		`[{"key":"reports.read","name":"See","categoryId":"`+category["id"].(string)+`","assignmentType":"ASSIGNABLE"},{"key":"reports.*","name":"All"}]`)
	id := made[0]["id"].(string)
	delete(made[0], "createdAt")
	delete(made[0], "updatedAt")
	want := object{
		"id": id, "key": "reports.read", "name": "See", "description": "", "roleIds": []any{},
		"categoryId": category["id"], "fePermission": false,
	}
	if !reflect.DeepEqual(made[0], want) {
		t.Errorf("created %v, want %v", made[0], want)
	}
	var p object
	f.must(200, &p, "host", "PATCH "+permissionsURL+"/"+id, `{"name":"Look","categoryId":""}`)
	if p["name"] != "Look" || p["categoryId"] != "" || p["key"] != "reports.read" {
		t.Errorf("changed to %v, want a new name and no category", p)
	}
	f.must(200, &p, "host", "PUT "+permissionsURL+"/"+id+"/roles", `{"roleIds":["`+role+`"]}`)
	f.must(200, &p, "host", "PUT "+permissionsURL+"/"+id+"/roles", `{"roleIds":["`+own+`"]}`)
	if got, _ := p["roleIds"].([]any); len(got) != 2 {
		t.Errorf("the roles are %v, want both", p["roleIds"])
	}
	f.must(200, &p, "host", "PUT "+permissionsURL+"/classification", `{"permissionIds":["`+id+`"],"type":"ALWAYS"}`)
	if p["id"] != id {
		t.Errorf("classified %v, want %s", p["id"], id)
	}
	var all []object
	f.must(200, &all, "host", "GET "+permissionsURL, "")
	if len(all) != 2 || all[0]["key"] != "reports.*" {
		t.Errorf("listed %v, want both by key", all)
	}
	f.must(204, nil, "host", "DELETE "+permissionsURL+"/"+id, "")
	f.must(404, nil, "host", "DELETE "+permissionsURL+"/"+id, "")
}

func TestPermissionsOverHTTPRefuse(t *testing.T) {
	t.Parallel()
	f := newFace(t)
	id := f.permission("taken")
	if err := f.svc.Seed(t.Context(), nil, nil); err != nil {
		t.Fatal(err)
	}
	var builtIn string
	ps, err := f.db.Permissions(t.Context())
	for _, p := range ps {
		if p.Key == "fe.secure.*" {
			builtIn = p.ID
		}
	}
	if err != nil || builtIn == "" {
		t.Fatalf("no built-in permission: %v", err)
	}
	f.try(
		try{"what is missing", "host", "POST " + permissionsURL, `[{}]`, 400, "name", ""},
		try{"a bad key", "host", "POST " + permissionsURL, `[{"key":"a*","name":"n"}]`, 400, "[0].key", ""},
		try{"an empty key", "host", "POST " + permissionsURL, `[{"key":"","name":"n"}]`, 400, "key", ""},
		try{"a bad use", "host", "POST " + permissionsURL, `[{"key":"a","name":"n","assignmentType":"MAYBE"}]`, 400, "assignmentType", ""},
		try{"unknown category", "host", "POST " + permissionsURL, `[{"key":"a","name":"n","categoryId":"x"}]`, 404, "no such category", ""},
		try{"taken", "host", "POST " + permissionsURL, `[{"key":"new","name":"n"},{"key":"taken","name":"n"}]`, 409, "already exist", ""},
		try{"none of them was kept", "host", "POST " + permissionsURL, `[{"key":"new","name":"n"}]`, 201, "", ""},
		try{"taken on change", "host", "PATCH " + permissionsURL + "/" + id, `{"key":"new"}`, 409, "already exist", ""},
		try{"a bad key on change", "host", "PATCH " + permissionsURL + "/" + id, `{"key":".*"}`, 400, "key", ""},
		try{"unknown", "host", "PATCH " + permissionsURL + "/x", `{"name":"n"}`, 404, "no such permission", ""},
		try{"unknown role", "host", "PUT " + permissionsURL + "/" + id + "/roles", `{"roleIds":["x"]}`, 404, "no such role", ""},
		try{"no roles", "host", "PUT " + permissionsURL + "/" + id + "/roles", `{}`, 400, "roleIds", ""},
		try{"classify nothing", "host", "PUT " + permissionsURL + "/classification", `{"permissionIds":[],"type":"NEVER"}`, 400, "permissionIds", ""},
		try{"classify the unknown", "host", "PUT " + permissionsURL + "/classification", `{"permissionIds":["x"],"type":"NEVER"}`, 404, "no such permission", ""},
		try{"classify wrongly", "host", "PUT " + permissionsURL + "/classification", `{"permissionIds":["` + id + `"],"type":"never"}`, 400, "type", ""},
		try{"change what is built in", "host", "PATCH " + permissionsURL + "/" + builtIn, `{"name":"n"}`, 403, "built-in", ""},
		try{"delete what is built in", "host", "DELETE " + permissionsURL + "/" + builtIn, "", 403, "built-in", ""},
		try{"the wrong method", "host", "PUT " + permissionsURL, `[]`, 405, "", ""},
	)
}

func TestCategoriesOverHTTP(t *testing.T) {
	t.Parallel()
	f := newFace(t)
	var g object
	f.must(201, &g, "host", "POST "+categoriesURL, `{"id":"reports","name":"Reports","description":"All of them"}`)
	delete(g, "createdAt")
	if want := (object{"id": "reports", "name": "Reports", "description": "All of them", "feCategory": false}); !reflect.DeepEqual(g, want) {
		t.Errorf("created %v, want %v", g, want)
	}
	one := categoriesURL + "/reports"
	f.try(
		try{"name taken", "host", "POST " + categoriesURL, `{"name":"Reports"}`, 409, "already exist", ""},
		try{"id taken", "host", "POST " + categoriesURL, `{"id":"reports","name":"Other"}`, 409, "already exist", ""},
		try{"no name", "host", "POST " + categoriesURL, `{}`, 400, "name should not be empty", ""},
		try{"bad id", "host", "POST " + categoriesURL, `{"id":"a b","name":"Other"}`, 400, "id", ""},
		try{"change", "host", "PATCH " + one, `{"description":"Some"}`, 200, "{}", ""},
		try{"list", "host", "GET " + categoriesURL, "", 200, `"description":"Some"`, ""},
		try{"empty name", "host", "PATCH " + one, `{"name":""}`, 400, "name", ""},
		try{"change the unknown", "host", "PATCH " + categoriesURL + "/x", `{}`, 404, "no such category", ""},
		try{"delete", "host", "DELETE " + one, "", 200, "{}", ""},
		try{"delete again", "host", "DELETE " + one, "", 404, "no such category", ""},
	)
}

// A category or a permission is the environment's: naming a tenant changes nothing.
func TestPermissionsIgnoreTheTenant(t *testing.T) {
	t.Parallel()
	f := newFace(t)
	f.permission("reports.read")
	var all []store.PermissionRecord
	f.must(200, &all, "host", "GET "+permissionsURL, "", "frontegg-tenant-id: anyone")
	if len(all) != 1 {
		t.Errorf("listed %d permissions, want 1", len(all))
	}
}
