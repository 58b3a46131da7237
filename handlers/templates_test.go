package handlers_test

import (
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
)

const (
	templatesURL = "/identity/resources/jwt-templates/v1"
	previewURL   = templatesURL + "/preview"
	targetingURL = "/identity/resources/configurations/v1/jwt-template-targeting"

	fewest = `"iss":"{{iss}}","sub":"{{sub}}","aud":"{{aud}}","exp":"{{exp}}","iat":"{{iat}}"`
)

// sketch is the body of a template, with some members laid over what is fine.
func sketch(key, members string) string {
	body := `{"key":"` + key + `","name":"n","expiration":300,"algorithm":"HS256","templateSchema":{"claims":{` + fewest + `}}}`
	for _, name := range []string{"name", "expiration", "algorithm", "templateSchema"} {
		if !strings.Contains(members, `"`+name+`":`) {
			continue
		}
		start := strings.Index(body, `"`+name+`":`)
		end := strings.IndexAny(body[start:], ",")
		if name == "templateSchema" {
			end = len(body) - 1 - start
		}
		body = body[:start] + members + body[start+end:]
	}
	return body
}

func claiming(members string) string { return `"templateSchema":{"claims":{` + members + `}}` }

// template makes a template and returns its id.
func (f *face) template(key, members string) string {
	f.Helper()
	var made object
	f.must(201, &made, "host", "POST "+templatesURL, sketch(key, members))
	return made["id"].(string)
}

func TestTemplatesOverHTTP(t *testing.T) {
	t.Parallel()
	f := newFace(t)
	var made object
	f.must(201, &made, "host", "POST "+templatesURL, `{"key":"lean","name":"Lean","expiration":15552000,"algorithm":"RS256",
		"templateSchema":{"claims":{`+fewest+`,"n":{"b":[1,"{{user.email}}"],"a":"<script>"}}}}`)
	id := made["id"].(string)
	var read, changed object
	f.must(200, &read, "host", "GET "+templatesURL+"/"+id, "")
	if !reflect.DeepEqual(read, made) {
		t.Errorf("read %v, want %v", read, made)
	}
	for _, name := range []string{"createdAt", "updatedAt"} {
		if s, _ := made[name].(string); !strings.HasSuffix(s, "Z") {
			t.Errorf("%s is %v, want a time", name, made[name])
		}
		delete(made, name)
	}
	want := object{
		"id": id, "vendorId": f.svc.Environment, "key": "lean", "name": "Lean", "description": nil,
		"expiration": 15552000.0, "algorithm": "RS256", "templateSchema": object{"claims": object{
			"iss": "{{iss}}", "sub": "{{sub}}", "aud": "{{aud}}", "exp": "{{exp}}", "iat": "{{iat}}",
			"n": object{"a": "<script>", "b": []any{1.0, "{{user.email}}"}},
		}},
	}
	if !reflect.DeepEqual(made, want) {
		t.Errorf("created %v, want %v", made, want)
	}
	one := templatesURL + "/" + id
	f.must(200, &changed, "host", "PUT "+one, `{"description":"d"}`)
	if changed["description"] != "d" || changed["name"] != "Lean" || changed["expiration"] != 15552000.0 ||
		!reflect.DeepEqual(changed["templateSchema"], want["templateSchema"]) {
		t.Errorf("changed to %v, want another description alone", changed)
	}
	f.must(200, &changed, "host", "PUT "+one, `{"key":"k","name":"n","expiration":10,"algorithm":"HS256",`+claiming(fewest)+`}`)
	if changed["key"] != "k" || changed["expiration"] != 10.0 || changed["algorithm"] != "HS256" {
		t.Errorf("changed to %v, want all of it", changed)
	}
	f.must(200, &changed, "host", "PUT "+one, `{}`)
	f.must(200, &changed, "host", "PUT "+one, `{"description":"","unknown":1}`)
	if changed["description"] != nil || changed["key"] != "k" {
		t.Errorf("changed to %v, want no description", changed)
	}
	f.must(204, nil, "host", "DELETE "+one, "")
	f.must(404, nil, "host", "DELETE "+one, "")
	f.must(404, nil, "host", "GET "+one, "")
	f.must(404, nil, "host", "PUT "+one, `{}`)
}

func TestTemplatesOverHTTPRefuse(t *testing.T) {
	t.Parallel()
	f := newFace(t)
	id := f.template("taken", "")
	other := f.template("other", "")
	f.must(200, nil, "host", "PUT "+targetingURL, ruling("taken", "userId", "x"))
	one := templatesURL + "/" + id
	f.try(
		try{"taken", "host", "POST " + templatesURL, sketch("taken", ""), 409, "already exists", ""},
		try{"change to what is taken", "host", "PUT " + templatesURL + "/" + other, `{"key":"taken"}`, 409, "already exists", ""},
		try{"targeted", "host", "DELETE " + one, "", 409, "targeted", ""},
		try{"rename the targeted", "host", "PUT " + one, `{"key":"k"}`, 409, "targeted", ""},
		try{"no body", "host", "POST " + templatesURL, "", 400, "key", ""},
		try{"null key", "host", "POST " + templatesURL, strings.Replace(sketch("k", ""), `"k"`, `null`, 1), 400, "key", ""},
		try{"comma", "host", "POST " + templatesURL, sketch("a,b", ""), 400, "comma", ""},
		try{"claims as text", "host", "POST " + templatesURL, sketch("k", `"templateSchema":{"claims":"{}"}`), 400, "claims", ""},
		try{"claims as a list", "host", "POST " + templatesURL, sketch("k", `"templateSchema":{"claims":[]}`), 400, "claims", ""},
		try{"null claims", "host", "POST " + templatesURL, sketch("k", `"templateSchema":{"claims":null}`), 400, "claims", ""},
		try{"no claims", "host", "POST " + templatesURL, sketch("k", `"templateSchema":{}`), 400, "claims", ""},
		try{"null schema on change", "host", "PUT " + one, `{"templateSchema":null}`, 200, "", ""},
		try{"schema without claims", "host", "PUT " + one, `{"templateSchema":{}}`, 400, "claims", ""},
		try{"a claim twice", "host", "POST " + templatesURL, sketch("k", claiming(fewest+`,"a":1,"a":2`)), 400, "twice", ""},
		try{"not JSON", "host", "POST " + templatesURL, `{`, 400, "", ""},
		try{"nobody", "", "GET " + templatesURL, "", 401, "", ""},
		try{"unknown", "host", "GET " + templatesURL + "/x", "", 404, "no such template", ""},
		try{"bad sort", "host", "GET " + templatesURL + "?_sortBy=claims", "", 400, "_sortBy", ""},
		try{"bad order", "host", "GET " + templatesURL + "?_order=asc", "", 400, "_order", ""},
		try{"no limit", "host", "GET " + templatesURL + "?_limit=0", "", 400, "_limit", ""},
		try{"negative page", "host", "GET " + templatesURL + "?_offset=-1", "", 400, "_offset", ""},
		try{"part of a page", "host", "GET " + templatesURL + "?_offset=1.5", "", 400, "_offset", ""},
		try{"bad cursor", "host", "GET " + templatesURL + "?_after=x", "", 400, "", ""},
	)
}

// TestTemplatesNameEveryMistake sends a body in which everything is wrong.
func TestTemplatesNameEveryMistake(t *testing.T) {
	t.Parallel()
	f := newFace(t)
	id := f.template("taken", "")
	body := `{"key":"","name":"","expiration":9,"algorithm":"none","templateSchema":{"claims":{"sub":"x","tenantId":"y","a":"{{b}}"}}}`
	got := f.send("host", "POST "+templatesURL, body)
	for _, name := range []string{"key", "name", "expiration", "algorithm"} {
		if got.status != 400 || !strings.Contains(got.body, `"`+name+" ") {
			t.Errorf("answered %d %s, want it to name %s", got.status, got.body, name)
		}
	}
	claims := `"templateSchema":{"claims":{"sub":"x","tenantId":"y","a":"{{b}}"}}`
	for _, request := range []string{"POST " + templatesURL, "PUT " + templatesURL + "/" + id} {
		got := f.send("host", request, sketch("k", claims))
		for _, name := range []string{"sub", "tenantId", "a", "iss", "aud", "exp", "iat"} {
			if got.status != 400 || !strings.Contains(got.body, `"templateSchema.claims.`+name+" ") {
				t.Errorf("%s = %d %s, want it to name %s", request, got.status, got.body, name)
			}
		}
	}
}

func TestAttackTemplatesOverHTTP(t *testing.T) {
	t.Parallel()
	f := newFace(t)
	id := f.template("taken", "")
	both := func(name, members string) {
		t.Helper()
		says := members[1 : strings.IndexByte(members[1:], '"')+1]
		f.try(
			try{name, "host", "POST " + templatesURL, sketch("k", members), 400, says, ""},
			try{name, "host", "PUT " + templatesURL + "/" + id, "{" + members + "}", 400, says, ""},
		)
	}
	for _, n := range []string{"9", "15552001", "-1", "1.5", `"60"`, "1e3", "0", "10.0", "1e1", "-0", "99999999999999999999", "true"} {
		both("TPL-11 expiration "+n, `"expiration":`+n)
	}
	for i, n := range []string{"10", "15552000"} {
		f.must(201, nil, "host", "POST "+templatesURL, sketch(fmt.Sprint("tpl11-", i), `"expiration":`+n))
		f.must(200, nil, "host", "PUT "+templatesURL+"/"+id, `{"expiration":`+n+`}`)
	}
	for _, a := range []string{`"none"`, `"HS384"`, `"RS512"`, `"rs256"`, `""`, `["RS256"]`, "256"} {
		both("TPL-12 algorithm "+a, `"algorithm":`+a)
	}
	for _, name := range strings.Fields("iss sub aud exp iat nbf jti type tenantId tenantIds sid act amr acr auth_time cnf scope roles permissions") {
		for _, value := range []string{`"x"`, `1`, `["x"]`, `"{{user.email}}"`, `"{{` + name + `}} "`} {
			rest := slices.DeleteFunc(strings.Split(fewest, ","), func(m string) bool { return strings.HasPrefix(m, `"`+name+`"`) })
			both("TPL-01 "+name, claiming(strings.Join(append(rest, `"`+name+`":`+value), ",")))
		}
	}
	for _, path := range []string{"user.vendorMetadata", "user.vendorMetadata.x", "user.passwordHash"} {
		both("TPL-05 vendorMetadata, TPL-06 secrets: "+path, claiming(fewest+`,"x":"{{`+path+`}}"`))
	}
	t.Run("TPL-13 the published keys", func(t *testing.T) {
		if got := f.send("", "GET /.well-known/jwks.json", ""); strings.Contains(got.body, "oct") || strings.Contains(got.body, "HS256") {
			t.Errorf("published keys are %s", got.body)
		}
	})
}

func TestTemplatesList(t *testing.T) {
	t.Parallel()
	f := newFace(t)
	var ids []string
	for _, key := range []string{"b", "a", "d", "c"} {
		ids = append(ids, f.template(key, ""))
	}
	for _, tt := range []struct{ query, want string }{
		{"", "b a d c"},
		{"?_sortBy=key", "a b c d"},
		{"?_sortBy=key&_order=DESC", "d c b a"},
		{"?_sortBy=createdAt&_order=DESC", "c d a b"},
		{"?_sortBy=id&_order=ASC", "b a d c"},
		{"?_limit=3&_offset=1", "c"},
		{"?_limit=2&_offset=2", ""},
		{"?keys=a,c&keys=d", "a d c"},
		{"?keys=a&keys=none", "a"},
		{"?ids=" + ids[0] + "," + ids[3], "b c"},
		{"?ids=" + ids[0] + "&ids=" + ids[3] + "&keys=c", "c"},
		{"?keys=none", ""},
		{"?keys=", "b a d c"},
	} {
		var l struct {
			Items []struct{ Key string }
			Links map[string]string `json:"_links"`
			Meta  map[string]int    `json:"_metadata"`
		}
		f.must(200, &l, "host", "GET "+templatesURL+tt.query, "")
		var got []string
		for _, i := range l.Items {
			got = append(got, i.Key)
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%s lists %v, want %s", tt.query, got, tt.want)
		}
		if len(l.Links) != 4 || len(l.Meta) != 2 {
			t.Errorf("%s has links %v and metadata %v", tt.query, l.Links, l.Meta)
		}
	}
	var keys []string
	next := "?_limit=3"
	for next != "" {
		var l struct {
			Items []struct{ Key string }
			Links struct{ Next, Prev, First, Last string } `json:"_links"`
			Meta  struct{ TotalItems, TotalPages int }     `json:"_metadata"`
		}
		f.must(200, &l, "host", "GET "+templatesURL+next, "")
		for _, i := range l.Items {
			keys = append(keys, i.Key)
		}
		if q, err := url.ParseQuery(strings.TrimPrefix(l.Links.Last, "?")); err != nil || q.Get("_offset") != "1" || q.Get("_limit") != "3" ||
			l.Meta.TotalItems != 4 || l.Meta.TotalPages != 2 {
			t.Errorf("the last of %+v is %q", l.Meta, l.Links.Last)
		}
		next = l.Links.Next
	}
	if got := strings.Join(keys, " "); got != "b a d c" {
		t.Errorf("page by page there are %s", got)
	}
}

// ruling is the body of a targeting with one rule.
func ruling(treatment, attribute string, list ...string) string {
	return fmt.Sprintf(`{"rules":[{"conditionLogic":"and","treatment":%q,"conditions":[
		{"attribute":%q,"op":"in_list","value":{"list":["%s"]},"negate":false}]}]}`, treatment, attribute, strings.Join(list, `","`))
}

func TestTargetingOverHTTP(t *testing.T) {
	t.Parallel()
	f := newFace(t)
	f.template("lean", "")
	f.must(404, nil, "host", "GET "+targetingURL, "")
	f.must(404, nil, "host", "PATCH "+targetingURL+"/x", `{}`)
	f.must(404, nil, "host", "DELETE "+targetingURL+"/x", "")
	var made, read object
	f.must(201, &made, "host", "POST "+targetingURL, ruling("lean", "userEmail", "a", "b"))
	rules := []any{object{"conditionLogic": "and", "treatment": "lean", "conditions": []any{
		object{"attribute": "userEmail", "op": "in_list", "value": object{"list": []any{"a", "b"}}, "negate": false},
	}}}
	if len(made) != 4 || made["createdAt"] == nil || made["updatedAt"] == nil || !reflect.DeepEqual(made["targeting"], object{"rules": rules}) {
		t.Errorf("created %v, want %v", made, rules)
	}
	f.must(200, &read, "host", "GET "+targetingURL, "")
	if !reflect.DeepEqual(read, made) {
		t.Errorf("read %v, want %v", read, made)
	}
	f.must(409, nil, "host", "POST "+targetingURL, `{"rules":[]}`)
	one := targetingURL + "/" + made["id"].(string)
	answers := func(request, body string, rules int) {
		t.Helper()
		if got := f.send("host", request, body); got.status != 200 || got.body != "{}" {
			t.Errorf("%s = %d %s, want 200 {}", request, got.status, got.body)
		}
		f.must(200, &read, "host", "GET "+targetingURL, "")
		if got := read["targeting"].(object)["rules"].([]any); len(got) != rules || read["id"] != made["id"] {
			t.Errorf("after %s there are %v, want %d", request, got, rules)
		}
	}
	answers("PATCH "+one, `{}`, 1)
	answers("PATCH "+one, `{"rules":null}`, 1)
	answers("PATCH "+one, `{"rules":[]}`, 0)
	answers("PUT "+targetingURL, ruling("lean", "tenantId", "x"), 1)
	answers("PUT "+targetingURL, `{}`, 0)
	answers("PATCH "+one, ruling("lean", "roleIds", "x"), 1)
	f.must(404, nil, "host", "PATCH "+targetingURL+"/x", `{}`)
	f.must(404, nil, "host", "DELETE "+targetingURL+"/x", "")
	if got := f.send("host", "DELETE "+one, ""); got.status != 200 || got.body != "{}" {
		t.Errorf("delete = %d %s, want 200 {}", got.status, got.body)
	}
	f.must(404, nil, "host", "DELETE "+one, "")
	f.must(200, nil, "host", "PUT "+targetingURL, `{"rules":[]}`)
	f.must(200, &read, "host", "GET "+targetingURL, "")
	if read["id"] == made["id"] {
		t.Error("what was deleted came back")
	}
}

func TestTargetingOverHTTPRefuses(t *testing.T) {
	t.Parallel()
	f := newFace(t)
	f.template("lean", "")
	var made object
	f.must(201, &made, "host", "POST "+targetingURL, ruling("lean", "userId", "x"))
	fine := ruling("lean", "userId", "x")
	for _, tt := range []struct{ name, body, says string }{
		{"unknown template", ruling("none", "userId", "x"), "rules[0].treatment"},
		{"no template", strings.Replace(fine, `"treatment":"lean",`, "", 1), "treatment"},
		{"or", strings.Replace(fine, `"and"`, `"or"`, 1), "conditionLogic"},
		{"no logic", strings.Replace(fine, `"conditionLogic":"and",`, "", 1), "conditionLogic"},
		{"attribute", strings.Replace(fine, `"userId"`, `"vendorMetadata"`, 1), "attribute"},
		{"TPL-15 a pattern", strings.Replace(fine, `"in_list"`, `"regex"`, 1), "op"},
		{"TPL-15 a long value", ruling("lean", "userId", strings.Repeat("a", 64<<10)), "list[0]"},
		{"no negate", strings.Replace(fine, `,"negate":false`, "", 1), "negate"},
		{"negate as text", strings.Replace(fine, `:false`, `:"false"`, 1), "negate"},
		{"no list", strings.Replace(fine, `{"list":["x"]}`, `{}`, 1), "list"},
		{"empty list", strings.Replace(fine, `["x"]`, `[]`, 1), "list"},
		{"list of numbers", strings.Replace(fine, `["x"]`, `[1]`, 1), "list"},
		{"list as text", strings.Replace(fine, `["x"]`, `"x"`, 1), "list"},
		{"no conditions", `{"rules":[{"conditionLogic":"and","treatment":"lean","conditions":[]}]}`, "conditions"},
		{"rules as an object", `{"rules":{}}`, "rules"},
		{"too many rules", `{"rules":[` + strings.Repeat(`{},`, 100) + `{}]}`, "rules"},
	} {
		for _, request := range []string{"POST " + targetingURL, "PUT " + targetingURL, "PATCH " + targetingURL + "/" + made["id"].(string)} {
			got := f.send("host", request, tt.body)
			if request[:4] == "POST" && got.status == 409 {
				continue // it is there, whatever the rules
			}
			if got.status != 400 || !strings.Contains(got.body, tt.says) {
				t.Errorf("%s: %.20s = %d %.300s, want 400 that names %s", tt.name, request, got.status, got.body, tt.says)
			}
		}
	}
}

func TestPreviewOverHTTP(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	made := o.told(t, "host", "POST "+templatesURL, sketch("lean", claiming(fewest+`,"mail":"{{user.email}}","x":"{{user.metadata.x}}"`)), 201)
	ask := func(more string) string { return `{"userId":"{worker}","tenantId":"acme"` + more + `}` }
	got := o.told(t, "host", "POST "+previewURL, ask(""), 200)
	if got["matchedRule"] != nil || got["claims"].(object)["email"] != "worker@acme.example" || got["size"].(float64) < 500 {
		t.Errorf("the default is %v", got)
	}
	got = o.told(t, "host", "POST "+previewURL, ask(`,"templateId":"`+made["id"].(string)+`"`), 200)
	if got["claims"].(object)["mail"] != "worker@acme.example" || !reflect.DeepEqual(got["unresolved"], []any{"user.metadata.x"}) {
		t.Errorf("by id it is %v", got)
	}
	o.told(t, "host", "PUT "+targetingURL, ruling("lean", "tenantId", "acme"), 200)
	got = o.told(t, "host", "POST "+previewURL, ask(`,"template":`+sketch("k", "")), 200)
	if !reflect.DeepEqual(got["matchedRule"], object{"index": 0.0, "treatment": "lean"}) || got["claims"].(object)["mail"] != nil {
		t.Errorf("one that is not stored is %v", got)
	}
	got = o.told(t, "host", "POST "+previewURL, ask(`,"template":{"templateSchema":{"claims":{`+fewest+`,"v":1}}}`), 200)
	if got["claims"].(object)["v"] != 1.0 || !reflect.DeepEqual(got["unresolved"], []any{}) {
		t.Errorf("one with claims alone is %v", got)
	}
	o.exchange(t, []exchange{
		{"a user", "admin", "POST " + previewURL, ask(""), nil, 403},
		{"nobody", "", "POST " + previewURL, ask(""), nil, 401},
		{"another tenant's user", "host", "POST " + previewURL, `{"userId":"{victim}","tenantId":"acme"}`, nil, 404},
		{"unknown user", "host", "POST " + previewURL, `{"userId":"x","tenantId":"acme"}`, nil, 404},
		{"unknown template", "host", "POST " + previewURL, ask(`,"templateId":"x"`), nil, 404},
		{"two templates", "host", "POST " + previewURL, ask(`,"templateId":"x","template":` + sketch("k", "")), nil, 400},
		{"bad template", "host", "POST " + previewURL, ask(`,"template":{"templateSchema":{"claims":{}}}`), nil, 400},
		{"no user", "host", "POST " + previewURL, `{"tenantId":"acme"}`, nil, 400},
		{"no tenant", "host", "POST " + previewURL, `{"userId":"{worker}"}`, nil, 400},
		{"unknown field", "host", "POST " + previewURL, ask(`,"more":1`), nil, 400},
		{"another tenant in the header", "host", "POST " + previewURL, ask(""), []string{"frontegg-tenant-id: other"}, 400},
	})
}
