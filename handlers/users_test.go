package handlers_test

import (
	"encoding/json"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/go-identity/identity/internal/needs"
)

const (
	usersPath  = "/identity/resources/users/v1"
	vendorPath = "/identity/resources/vendor-only/users/v1"
)

func TestUsersCreateAndRead(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	body := `{"tenantId":"acme","email":"New@acme.example","name":"New","vendorMetadata":"{\"a\":1}","roleIds":["{role:admin}"]}`
	p := o.told(t, "host", "POST "+vendorPath, body, 201)
	id := p["id"].(string)
	if p["sub"] != id || p["verified"] != true || p["provider"] != "local" || p["tenantId"] != "acme" ||
		p["vendorMetadata"] != `{"a":1}` || p["metadata"] != "{}" || p["lastLogin"] != nil || p["activatedForTenant"] != true {
		t.Errorf("created %v", p)
	}
	if roles := p["roles"].([]any); len(roles) != 1 || roles[0].(map[string]any)["key"] != "admin" || len(p["permissions"].([]any)) == 0 {
		t.Errorf("created with roles %v and permissions %v", roles, p["permissions"])
	}
	for _, tt := range []struct {
		path    string
		headers []string
	}{
		{vendorPath + "/" + id, nil},
		{vendorPath + "/" + id, []string{"frontegg-tenant-id: other"}}, // regardless of tenant
		{usersPath + "/" + id, []string{"frontegg-tenant-id: acme"}},
		{usersPath + "/" + id, nil},
		{usersPath + "/email?email=NEW@ACME.example.", nil},
	} {
		if got := o.told(t, "host", "GET "+tt.path, "", 200, tt.headers...); got["id"] != id {
			t.Errorf("GET %s = %v, want %s", tt.path, got, id)
		}
	}
}

func TestUsersStatuses(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	acme, other := []string{"frontegg-tenant-id: acme"}, []string{"frontegg-tenant-id: other"}
	o.exchange(t, []exchange{
		{name: "create without a token", request: "POST " + vendorPath, body: `{"tenantId":"acme","email":"a@b.example"}`, want: 401},
		{name: "create as a user", who: "admin", request: "POST " + vendorPath, body: `{"tenantId":"acme","email":"a@b.example"}`, want: 403},
		{name: "create without a tenant", who: "host", request: "POST " + vendorPath, body: `{"email":"a@b.example"}`, want: 400},
		{name: "create without an address", who: "host", request: "POST " + vendorPath, body: `{"tenantId":"acme"}`, want: 400},
		{name: "create in no tenant", who: "host", request: "POST " + vendorPath, body: `{"tenantId":"none","email":"a@b.example"}`, want: 404},
		{name: "create a known one", who: "host", request: "POST " + vendorPath, body: `{"tenantId":"acme","email":"WORKER@acme.example"}`, want: 409},
		{name: "create for a while", who: "host", request: "POST " + vendorPath, body: `{"tenantId":"acme","email":"a@b.example","expirationInSeconds":300}`, want: 400},
		{name: "read in another tenant", who: "host", request: "GET " + usersPath + "/{worker}", headers: other, want: 404},
		{name: "read as a user", who: "admin", request: "GET " + usersPath + "/{worker}", want: 403},
		{name: "find nobody", who: "host", request: "GET " + usersPath + "/email?email=none@b.example", want: 404},
		{name: "find without an address", who: "host", request: "GET " + usersPath + "/email", want: 400},
		{name: "change", who: "host", request: "PUT " + usersPath + "/{worker}", body: `{"name":"W","profilePictureUrl":null,"mfaBypass":true}`, want: 200},
		{name: "change to what is no name", who: "host", request: "PUT " + usersPath + "/{worker}", body: `{"name":5}`, want: 400},
		{name: "change to a script", who: "host", request: "PUT " + usersPath + "/{worker}", body: `{"profilePictureUrl":"javascript:x"}`, want: 400},
		{name: "change nobody", who: "host", request: "PUT " + usersPath + "/nobody", body: `{}`, want: 404},
		{name: "verify", who: "host", request: "POST " + usersPath + "/{worker}/verify", want: 200},
		{name: "lock", who: "host", request: "POST " + usersPath + "/{worker}/lock", want: 200},
		{name: "unlock", who: "host", request: "POST " + usersPath + "/{worker}/unlock", want: 200},
		{name: "lock nobody", who: "host", request: "POST " + usersPath + "/nobody/lock", want: 404},
		{name: "lock as a user", who: "admin", request: "POST " + usersPath + "/{worker}/lock", want: 403},
		{name: "activation link", who: "host", request: "POST " + usersPath + "/{worker}/links/generate-activation-token", want: 201},
		{name: "activation link of nobody", who: "host", request: "POST " + usersPath + "/nobody/links/generate-activation-token", want: 404},
		{name: "remove from another tenant", who: "host", request: "DELETE " + usersPath + "/{worker}", headers: other, want: 404},
		{name: "remove", who: "host", request: "DELETE " + usersPath + "/{worker}", headers: acme, want: 200},
		{name: "is gone there", who: "host", request: "GET " + usersPath + "/{worker}", headers: acme, want: 404},
		{name: "is there elsewhere", who: "host", request: "GET " + vendorPath + "/{worker}", want: 200},
		{name: "delete as a user", who: "admin", request: "DELETE " + usersPath + "/{worker}", want: 403},
		{name: "delete", who: "host", request: "DELETE " + usersPath + "/{worker}", want: 200},
		{name: "delete again", who: "host", request: "DELETE " + usersPath + "/{worker}", want: 404},
	})
}

func TestUsersPasswordVerify(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.told(t, "host", "POST "+vendorPath, `{"tenantId":"acme","email":"pw@acme.example","password":"plum-Tractor-hums-9"}`, 201)
	for pw, want := range map[string]bool{"plum-Tractor-hums-9": true, "wrong": false} {
		got := o.told(t, "host", "POST "+vendorPath+"/passwords/verify", `{"email":"pw@acme.example","password":"`+pw+`"}`, 200)
		if got["valid"] != want {
			t.Errorf("verify %q = %v, want %t", pw, got, want)
		}
	}
	got := o.told(t, "host", "POST "+vendorPath+"/passwords/verify", `{"email":"nobody@acme.example","password":"wrong"}`, 200)
	if got["valid"] != false {
		t.Errorf("verify for nobody = %v, want false", got)
	}
	o.told(t, "admin", "POST "+vendorPath+"/passwords/verify", `{"email":"pw@acme.example","password":"wrong"}`, 403)
}

func TestUsersLists(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	const v3 = "/identity/resources/users/v3"
	for _, tt := range []struct {
		name, who, path string
		headers         []string
		want            string // the ids, in order of creation
	}{
		{"a user sees its tenant", "admin", v3, nil, "{admin} {worker}"},
		{"v1 too", "admin", usersPath, nil, "{admin} {worker}"},
		{"the host sees all", "host", v3, nil, "{admin} {worker} {victim}"},
		{"or a tenant", "host", v3 + "?_tenantId=other", nil, "{victim}"},
		{"by header", "host", usersPath, []string{"frontegg-tenant-id: other"}, "{victim}"},
		{"a page", "host", v3 + "?_limit=1&_offset=2", nil, "{victim}"},
		{"sorted", "host", v3 + "?_sortBy=email&_order=DESC", nil, "{worker} {victim} {admin}"},
		{"sorted by tenant", "host", v3 + "?_sortBy=tenantId", nil, "{admin} {worker} {victim}"},
		{"by ids", "admin", v3 + "?ids={worker},{victim}", nil, "{worker}"},
		{"by address", "host", v3 + "?_email=Victim@other.example", nil, "{victim}"},
		{"by identifier", "host", v3 + "?_identifier=victim@other.example&_identifierType=email", nil, "{victim}"},
		{"by a phone number that nobody has", "host", v3 + "?_identifier=%2B14155552671&_identifierType=phoneNumber", nil, ""},
		{"by filter", "host", usersPath + "?_filter=work", nil, "{worker}"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := o.told(t, tt.who, "GET "+tt.path, "", 200, tt.headers...)
			ids := []string{}
			for _, item := range got["items"].([]any) {
				ids = append(ids, item.(map[string]any)["id"].(string))
			}
			if want := strings.Fields(o.fill(tt.want)); strings.Join(ids, " ") != strings.Join(want, " ") {
				t.Errorf("items = %v, want %v", ids, want)
			}
		})
	}
}

func TestUsersListRefuses(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	const v3 = "/identity/resources/users/v3"
	o.exchange(t, []exchange{
		{name: "nobody", request: "GET " + v3, want: 401},
		{name: "without the permission", who: "worker", request: "GET " + v3, want: 403},
		{name: "without the permission, v1", who: "worker", request: "GET " + usersPath, want: 403},
		{name: "another tenant", who: "admin", request: "GET " + v3 + "?_tenantId=other", want: 403},
		{name: "tenants disagree", who: "host", request: "GET " + v3 + "?_tenantId=other", headers: []string{"frontegg-tenant-id: acme"}, want: 400},
		{name: "too many", who: "host", request: "GET " + v3 + "?_limit=201", want: 400},
		{name: "identifier of no kind", who: "host", request: "GET " + v3 + "?_identifier=a&_identifierType=name", want: 400},
	})
}

func TestAttackUserListBounds(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	var rows []exchange
	for _, path := range []string{"/identity/resources/users/v3", usersPath} {
		for name, params := range map[string][]string{
			"SQL-02": {"_order=asc", "_order=ASC%3B%20drop", "_order=", "_order=ASC&_order=DESC"},
			"SQL-03": {
				"_limit=-1", "_limit=0", "_limit=1e9", "_limit=201", "_limit=99999999999999999999", "_limit=1.5",
				"_offset=-1", "_offset=9223372036854775807", "_offset=1%3B",
			},
		} {
			for _, p := range params {
				rows = append(rows, exchange{name: name + " " + path + " " + p, who: "admin", request: "GET " + path + "?" + p, want: 400})
			}
		}
		rows = append(rows, exchange{name: "SQL-03 " + path + " past the end", who: "admin", request: "GET " + path + "?_offset=1000", want: 200})
	}
	o.exchange(t, rows)
}

func TestAttackUserRoutes(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	t.Run("RBAC-24 what the host alone may know", func(t *testing.T) {
		t.Parallel()
		for _, path := range []string{"/identity/resources/users/v3", usersPath, "/identity/resources/users/v2/me"} {
			w := o.call(t, "admin", "GET "+path, "")
			if strings.Contains(w.Body.String(), "score") || !strings.Contains(w.Body.String(), `"vendorMetadata":"{}"`) {
				t.Errorf("%s tells a user %s", path, w.Body)
			}
		}
	})
	t.Run("SQL-01 hostile list parameters", func(t *testing.T) {
		t.Parallel()
		var corpus struct {
			Cases []struct {
				Param string
				Value any
			}
		}
		text, err := os.ReadFile(needs.Shared(t, "corpora", "corpora", "own-lists", "list_params_hostile.json"))
		if err == nil {
			err = json.Unmarshal(text, &corpus)
		}
		if err != nil || len(corpus.Cases) == 0 {
			t.Fatal("the corpus is empty", err)
		}
		for _, c := range corpus.Cases {
			q := url.Values{}
			switch v := c.Value.(type) {
			case string:
				q.Add(c.Param, v)
			case []any:
				for _, one := range v {
					q.Add(c.Param, one.(string))
				}
			}
			for _, path := range []string{"/identity/resources/users/v3", usersPath} {
				w := o.call(t, "admin", "GET "+path+"?"+q.Encode(), "")
				if w.Code != 200 && w.Code != 400 && w.Code != 403 {
					t.Errorf("%s?%s = %d %s, want 200, 400 or 403", path, q.Encode(), w.Code, w.Body)
				}
				if strings.Contains(w.Body.String(), "victim@") {
					t.Errorf("%s?%s shows another tenant's user", path, q.Encode())
				}
			}
		}
	})
}
