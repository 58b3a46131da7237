package handlers_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/go-identity/identity/internal/needs"
	"github.com/go-identity/identity/store"
)

const (
	tenantsURL   = "/tenants/resources/tenants/v1"
	tenantsV2URL = "/tenants/resources/tenants/v2"
)

func TestTenantsOverHTTP(t *testing.T) {
	t.Parallel()
	f := newFace(t)
	var made object
	f.must(201, &made, "host", "POST "+tenantsURL, `{"tenantId":"acme","name":"Acme","website":"https://acme.example","isReseller":true,"creatorName":"Ada"}`)
	for _, name := range []string{"createdAt", "updatedAt"} {
		if made[name] == nil {
			t.Errorf("%s is null", name)
		}
		delete(made, name)
	}
	want := object{
		"vendorId": f.svc.Environment, "tenantId": "acme", "name": "Acme", "website": "https://acme.example",
		"creatorName": "Ada", "creatorEmail": nil, "isReseller": true, "metadata": "{}", "deletedAt": nil,
	}
	if !reflect.DeepEqual(made, want) {
		t.Errorf("created %v, want %v", made, want)
	}
	one, second := tenantsURL+"/acme", tenantsV2URL+"/acme"
	f.try(
		try{"made id", "host", "POST " + tenantsURL, `{}`, 201, `"tenantId":"`, ""},
		try{"no body", "host", "POST " + tenantsURL, "", 201, `"tenantId":"`, ""},
		try{"taken", "host", "POST " + tenantsURL, `{"tenantId":"acme"}`, 409, "Tenant already exists", ""},
		try{"bad id", "host", "POST " + tenantsURL, `{"tenantId":"a/b"}`, 400, "tenantId", ""},
		try{"child", "host", "POST " + tenantsURL, `{"tenantId":"child","parentTenantId":"acme"}`, 201, "", ""},
		try{"unknown parent", "host", "POST " + tenantsURL, `{"parentTenantId":"x"}`, 404, "no such parent tenant", ""},
		try{"RBAC-17 under its child", "host", "PUT " + second, `{"parentTenantId":"child"}`, 409, "parentTenantId", ""},
		try{"RBAC-03 header and body", "host", "POST " + tenantsURL, `{"tenantId":"b"}`, 400, "tenantId", "frontegg-tenant-id: c"},
		try{"RBAC-03 header and path", "host", "GET " + second, "", 400, "tenantId", "frontegg-tenant-id: c"},
		try{"change", "host", "PUT " + second, `{"name":"Acme Ltd","alias":"acme-ltd"}`, 200, "{}", ""},
		try{"change, the former way", "host", "PUT " + one, `{"address":"Main Street"}`, 200, "{}", ""},
		try{"change nothing", "host", "PUT " + one, `{}`, 400, "nothing to change", ""},
		try{"change the unknown", "host", "PUT " + tenantsURL + "/x", `{"name":"n"}`, 404, "no such tenant", ""},
		try{"change the unknown", "host", "PUT " + tenantsV2URL + "/x", `{"name":"n"}`, 404, "no such tenant", ""},
		try{"by alias", "host", "GET " + tenantsV2URL + "/alias/acme-ltd", "", 200, `"tenantId":"acme"`, ""},
		try{"unknown alias", "host", "GET " + tenantsV2URL + "/alias/x", "", 404, "no such tenant", ""},
		try{"read", "host", "GET " + second, "", 200, `"name":"Acme Ltd"`, ""},
		try{"read the unknown", "host", "GET " + tenantsV2URL + "/x", "", 404, "no such tenant", ""},
		try{"find", "host", "GET " + one, "", 200, `[{"vendorId"`, ""},
		try{"find the unknown", "host", "GET " + tenantsURL + "/x", "", 200, `[]`, ""},
		try{"find a bad id", "host", "GET " + tenantsURL + "/a%20b", "", 400, "tenantId", ""},
		try{"all", "host", "GET " + tenantsURL, "", 200, `[{"vendorId"`, ""},
		try{"delete", "host", "DELETE " + one, "", 200, "{}", ""},
		try{"delete again", "host", "DELETE " + one, "", 404, "no such tenant", ""},
		try{"gone", "host", "GET " + one, "", 200, `[]`, ""},
		try{"its child stays", "host", "GET " + tenantsV2URL + "/child", "", 200, "", ""},
		try{"back again", "host", "POST " + tenantsURL, `{"tenantId":"acme","name":"Again"}`, 201, `"name":"Again"`, ""},
	)
}

func TestTenantsMetadataOverHTTP(t *testing.T) {
	t.Parallel()
	f := newFace(t)
	f.tenant("acme")
	const at = tenantsURL + "/acme/metadata"
	has := func(metadata string) string {
		text, _ := json.Marshal(metadata)
		return `"metadata":` + string(text)
	}
	f.try(
		try{"an object", "host", "POST " + at, `{"metadata":{"plan":"free","seats":5}}`, 201, has(`{"plan":"free","seats":5}`), ""},
		try{"a text", "host", "POST " + at, `{"metadata":"{\"seats\":6}"}`, 201, has(`{"plan":"free","seats":6}`), ""},
		try{"a number", "host", "POST " + at, `{"metadata":5}`, 400, "metadata", ""},
		try{"null", "host", "POST " + at, `{"metadata":null}`, 400, "metadata", ""},
		try{"a list", "host", "POST " + at, `{"metadata":[]}`, 400, "metadata", ""},
		try{"a text of no object", "host", "POST " + at, `{"metadata":"x"}`, 400, "metadata", ""},
		try{"SQL-07 a key twice in a text", "host", "POST " + at, `{"metadata":"{\"a\":1,\"a\":2}"}`, 400, "metadata", ""},
		try{"SQL-07 NUL in a text", "host", "POST " + at, `{"metadata":"{\"a\":\"\\u0000\"}"}`, 400, "metadata", ""},
		try{"SQL-07 lone surrogate in a text", "host", "POST " + at, `{"metadata":"{\"a\":\"\\ud800\"}"}`, 400, "metadata", ""},
		try{"nothing", "host", "POST " + at, `{}`, 400, "metadata", ""},
		try{"no tenant", "host", "POST " + tenantsURL + "/x/metadata", `{"metadata":{}}`, 404, "no such tenant", ""},
		try{"remove", "host", "DELETE " + at + "/plan", "", 200, "{}", ""},
		try{"remove again", "host", "DELETE " + at + "/plan", "", 200, "{}", ""},
		try{"remove of no tenant", "host", "DELETE " + tenantsURL + "/x/metadata/plan", "", 404, "no such tenant", ""},
		try{"what is left", "host", "GET " + tenantsV2URL + "/acme", "", 200, has(`{"seats":6}`), ""},
	)
}

func TestTenantsDeleteOwnOverHTTP(t *testing.T) {
	t.Parallel()
	f := newFace(t)
	f.tenant("a")
	f.tenant("b")
	may := store.NewPermissionSet([]store.Permission{"fe.account-settings.delete.account"})
	f.who["owner"] = &store.Principal{Kind: store.UserKind, ID: "u", UserID: "u", TenantID: "a", Rights: may}
	f.who["member"] = &store.Principal{Kind: store.UserKind, ID: "v", UserID: "v", TenantID: "a", Rights: store.NewPermissionSet([]store.Permission{"fe.secure.*"})}
	f.try(
		try{"not permitted", "member", "DELETE " + tenantsURL, "", 403, "", ""},
		try{"RBAC-01 another tenant", "owner", "DELETE " + tenantsURL, "", 403, "", "frontegg-tenant-id: b"},
		try{"host without a tenant", "host", "DELETE " + tenantsURL, "", 400, "frontegg-tenant-id", ""},
		try{"host for a tenant", "host", "DELETE " + tenantsURL, "", 200, "{}", "frontegg-tenant-id: b"},
		try{"permitted", "owner", "DELETE " + tenantsURL, "", 200, "{}", ""},
		try{"gone", "host", "GET " + tenantsURL, "", 200, "[]", ""},
	)
}

func TestTenantsPageOverHTTP(t *testing.T) {
	t.Parallel()
	f := newFace(t)
	for i := range 5 {
		f.tenant(fmt.Sprintf("t%d", i))
	}
	type listing struct {
		Items    []struct{ TenantID string }
		Metadata struct{ TotalItems, TotalPages int } `json:"_metadata"`
		Links    struct{ Next string }                `json:"_links"`
	}
	read := func(query string) (ids []string, l listing) {
		f.must(200, &l, "host", "GET "+tenantsV2URL+query, "")
		for _, n := range l.Items {
			ids = append(ids, n.TenantID)
		}
		return ids, l
	}
	for query, want := range map[string]string{
		"":                                       "[t0 t1 t2 t3 t4]",
		"?_limit=2&_offset=1":                    "[t2 t3]",
		"?_limit=2&_offset=9":                    "[]",
		"?_sortBy=tenantId&_order=DESC&_limit=2": "[t4 t3]",
		"?_filter=T3":                            "[t3]",
		"?_tenantIds=t1,t4":                      "[t1 t4]",
		"?_tenantIds=t1&_tenantIds=t4":           "[t1 t4]",
	} {
		if got, _ := read(query); fmt.Sprint(got) != want {
			t.Errorf("%s lists %v, want %s", query, got, want)
		}
	}
	var walked []string
	query := "?_limit=2"
	for query != "" {
		ids, l := read(query)
		if l.Metadata.TotalItems != 5 || l.Metadata.TotalPages != 3 {
			t.Errorf("%s counts %+v, want 5 on 3 pages", query, l.Metadata)
		}
		walked, query = append(walked, ids...), l.Links.Next
	}
	if fmt.Sprint(walked) != "[t0 t1 t2 t3 t4]" {
		t.Errorf("following the links lists %v, want each once", walked)
	}
}

// SQL-01 SQL-02 SQL-03 SQL-04 SQL-06: hostile list parameters are refused, or are text.
func TestAttackTenantListParams(t *testing.T) {
	t.Parallel()
	f := newFace(t)
	f.tenant("a")
	raw, err := os.ReadFile(needs.Shared(t, "corpora", "corpora", "own-lists", "list_params_hostile.json"))
	if err != nil {
		t.Fatal(err)
	}
	var corpus struct {
		Cases []struct {
			Param string
			Value json.RawMessage
		}
	}
	if err := json.Unmarshal(raw, &corpus); err != nil || len(corpus.Cases) == 0 {
		t.Fatalf("read the corpus: %d cases, %v", len(corpus.Cases), err)
	}
	for _, tt := range corpus.Cases {
		var values []string
		if json.Unmarshal(tt.Value, &values) != nil {
			values = make([]string, 1)
			if err := json.Unmarshal(tt.Value, &values[0]); err != nil {
				t.Fatal(err)
			}
		}
		got := f.send("host", "GET "+tenantsV2URL+"?"+url.Values{tt.Param: values}.Encode(), "")
		literal := got.status == 200 && strings.Contains(got.body, `"items":[]`)
		unknown := got.status == 200 && !strings.Contains(" _limit _offset _sortBy _order _filter _tenantIds _after ", " "+tt.Param+" ")
		if got.status != 400 && !literal && !unknown {
			t.Errorf("%s=%.60q = %d %.200s, want 400 or a search that finds nothing", tt.Param, values, got.status, got.body)
		}
	}
	f.must(200, nil, "host", "GET "+tenantsV2URL+"/a", "")
}
