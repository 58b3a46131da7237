package handlers_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-identity/identity/internal/needs"
)

// A published operation, as the contract lists it.
type published struct {
	Category, Method, Path, Confidence string
	Query                              []struct{ Name, Type, Constraints string }
	Request                            map[string]string
	Response                           struct {
		Status int
		Fields map[string]string
	}
}

// key names an operation whatever its wildcards are called.
func (o published) key() string {
	path := o.Path
	if strings.HasPrefix(path, "/resources/") {
		path = "/identity" + path
	}
	return o.Method + " " + plain(strings.TrimSuffix(path, "/"))
}

func plain(path string) string { return regexp.MustCompile(`\{[^}]*\}`).ReplaceAllString(path, "{}") }

// complete are the categories that must be whole.
func complete() []string {
	return []string{"Roles", "Permissions", "Permissions categories", "MFA settings", "MFA configuration",
		"Social login providers", "Custom social OAuth provider", "SSO configurations (self-service)",
		"SAML configurations (self-service)", "OIDC configurations (self-service)", "SSO settings (management)", "SSO browser endpoints"}
}

// entire are the folders of larger categories that must be whole.
func entire() []string {
	return []string{
		"/identity/resources/jwt-templates/",
		"/identity/resources/configurations/v1/jwt-template-targeting",
		"/identity/resources/configurations/v1/mfa",
		"/identity/resources/auth/v1/user/mfa/authenticator/",
		"/identity/resources/auth/v1/user/mfa/recover",
		"/identity/resources/auth/v1/user/mfa/verify",
		"/identity/resources/auth/v1/user/step-up/",
		"/identity/resources/users/v1/mfa/authenticator/",
		"/identity/resources/users/v1/mfa/devices",
		"/identity/resources/users/v1/mfa/disable",
		"/identity/resources/users/v1/mfa/enroll",
	}
}

// TestContract compares the routes with the published API: paths, field names, types,
// limits and statuses. Header requirements are ours (see docs/architecture.md).
func TestContract(t *testing.T) {
	t.Parallel()
	ours := operations(t)
	have, total := map[string]int{}, map[string]int{}
	matched := map[string]bool{}
	excused := differences()
	maps.Copy(excused, connectionDifferences())
	for _, want := range contract(t) {
		total[want.Category]++
		got, ok := ours[want.key()]
		if !ok {
			want.missed(t)
			continue
		}
		have[want.Category]++
		matched[want.key()] = true
		for _, d := range want.compare(got) {
			at := want.key() + ": " + d
			if _, ok := excused[at]; !ok {
				t.Errorf("%s", at)
			}
			delete(excused, at)
		}
	}
	for at := range excused {
		t.Errorf("no longer a difference: %s", at)
	}
	for key, o := range ours {
		if o.own == matched[key] {
			t.Errorf("%s: in the contract %t, marked as our own %t", key, matched[key], o.own)
		}
	}
	coverage(t, have, total)
}

// missed complains of an operation that we do not have, if it is in a folder that must be whole.
func (o published) missed(t *testing.T) {
	t.Helper()
	_, path, _ := strings.Cut(o.key(), " ")
	for _, folder := range entire() {
		if strings.HasPrefix(path+"/", folder) {
			t.Errorf("%s is missing from %s", o.key(), folder)
		}
	}
}

// coverage prints how much of each category there is.
func coverage(t *testing.T, have, total map[string]int) {
	t.Helper()
	n := 0
	for _, c := range slices.Sorted(maps.Keys(have)) {
		t.Logf("%s %d/%d", c, have[c], total[c])
		n += have[c]
	}
	all := 0
	for _, k := range total {
		all += k
	}
	t.Logf("all categories %d/%d", n, all)
	for _, c := range complete() {
		if have[c] != total[c] || total[c] == 0 {
			t.Errorf("%s %d/%d, want all", c, have[c], total[c])
		}
	}
}

func contract(t *testing.T) []published {
	t.Helper()
	text, err := os.ReadFile(needs.Shared(t, "contract", "contract", "operations.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all []published
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// compare lists where an operation of ours differs from a published one. What was only
// inferred is compared by its names.
func (o published) compare(got operation) []string {
	var wrong []string
	differ := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	inferred := o.Confidence == "inferred"
	loose := inferred || casual(o.Response.Fields)
	if got.status != o.Response.Status && !inferred {
		differ("status %d, want %d", got.status, o.Response.Status)
	}
	for name, text := range o.Request {
		compareField(differ, "request "+name, got.request, name, wish(text), inferred)
	}
	for name := range got.request {
		if _, known := o.Request[name]; !known && !inferred && name != "(body)" && !within(o.Request, name) {
			differ("request %s is not in the contract", name)
		}
	}
	for _, q := range o.Query {
		compareField(differ, "query "+q.Name, got.query, q.Name, wish(q.Type+", "+q.Constraints), inferred)
	}
	for name, text := range o.Response.Fields {
		w := wish(text)
		if _, ok := got.response[name]; !ok && (!w.required || !has(got.response, parent(name))) {
			continue
		}
		compareAnswer(differ, "response "+name, got.response, name, w)
	}
	for name := range got.response {
		if _, known := o.Response.Fields[name]; !known && !loose && name != "(body)" && !within(o.Response.Fields, name) {
			differ("response %s is not in the contract", name)
		}
	}
	slices.Sort(wrong)
	return wrong
}

// within reports whether the contract leaves name open: it does not say what is inside the
// field that holds name, or names only what is inside name.
func within(fields map[string]string, name string) bool {
	for field := range fields {
		if strings.HasPrefix(field, name+".") || strings.HasPrefix(field, name+"[]") {
			return true
		}
	}
	for name = parent(name); name != ""; name = parent(name) {
		if text, ok := fields[name]; ok {
			return wish(text).open()
		}
	}
	return fields["(body)"] == "object"
}

// casual reports whether the contract lists fields as clients use them, and not as the
// service promises them: then there may be more.
func casual(fields map[string]string) bool {
	for _, text := range fields {
		if strings.Contains(text, ", required") || strings.Contains(text, ", optional") {
			return false
		}
	}
	return true
}

// parent names the field that holds name; empty for the body.
func parent(name string) string {
	i := strings.LastIndexByte(name, '.')
	return strings.TrimSuffix(name[:max(i, 0)], "[]")
}

// has reports whether there is a field of the name; there always is a body.
func has(fields map[string]facet, name string) bool {
	_, ok := fields[name]
	return ok || name == ""
}

// open reports whether the contract does not say what is inside.
func (f facet) open() bool {
	return f.kind == "object" || f.kind == "any" || strings.HasPrefix(f.kind, "array")
}

// A facet is what is known of one field.
type facet struct {
	kind      string
	items     string
	required  bool
	nullable  bool
	enum      []string
	min, max  string
	maxLength string
	minItems  string
	pattern   string
	format    string
}

// wish reads a field of the contract: "number, required, [0..32767]".
func wish(text string) facet {
	parts := strings.Split(text, ", ")
	note := regexp.MustCompile(` (\(|per ).*$`) // what the contract's author adds in words
	f := facet{kind: note.ReplaceAllString(parts[0], "")}
	for _, p := range parts[1:] {
		switch name, value, _ := strings.Cut(p, "="); {
		case note.ReplaceAllString(p, "") == "required":
			f.required = true
		case p == "nullable":
			f.nullable = true
		case strings.HasPrefix(p, "enum "):
			f.enum = strings.Split(strings.TrimPrefix(p, "enum "), "|")
		case strings.HasPrefix(p, "["):
			f.min, f.max, _ = strings.Cut(strings.Trim(p, "[]"), "..")
		case name == "maxLength":
			f.maxLength = value
		case name == "minItems":
			f.minItems = value
		case name == "pattern":
			f.pattern = value
		case name == "format":
			f.format = value
		}
	}
	return f
}

func compareField(differ func(string, ...any), at string, ours map[string]facet, name string, want facet, inferred bool) {
	got, ok := ours[name]
	switch {
	case !ok:
		differ("%s is missing", at)
		return
	case inferred:
		return
	case !compatible(got, want):
		differ("%s is %s, want %s", at, got.kind, want.kind)
	case got.required != want.required && name != "(body)":
		differ("%s required %t, want %t", at, got.required, want.required)
	}
	for _, limit := range []struct{ name, got, want string }{
		{"minimum", got.min, want.min},
		{"maximum", got.max, want.max},
		{"maxLength", got.maxLength, want.maxLength},
		{"minItems", got.minItems, want.minItems},
	} {
		if limit.want != "" && limit.got != limit.want {
			differ("%s %s %q, want %q", at, limit.name, limit.got, limit.want)
		}
	}
	if len(want.enum) > 0 && !slices.Equal(slices.Sorted(slices.Values(got.enum)), slices.Sorted(slices.Values(want.enum))) {
		differ("%s takes %v, want %v", at, got.enum, want.enum)
	}
	if want.nullable && !got.nullable {
		differ("%s takes no null", at)
	}
}

func compareAnswer(differ func(string, ...any), at string, ours map[string]facet, name string, want facet) {
	got, ok := ours[name]
	switch {
	case !ok:
		differ("%s is missing", at)
	case !compatible(got, want):
		differ("%s is %s, want %s", at, got.kind, want.kind)
	case want.required && !got.required && name != "(body)":
		differ("%s may be left out", at)
	case got.nullable && want.required && !want.nullable:
		differ("%s may be null", at)
	}
}

// compatible reports whether a value of our kind is one of the contract's.
func compatible(got, want facet) bool {
	kind, items, _ := strings.Cut(want.kind, " of ")
	switch {
	case kind == "form field":
		return got.kind == "string"
	case kind == "any" || want.kind == "null or string" || strings.HasPrefix(want.kind, "object ("):
		return true
	case kind == "array":
		return got.kind == "array" && (items == "" || got.items == items || got.items == "")
	case kind == "number":
		return got.kind == "number" || got.kind == "integer"
	case kind == "string or null":
		return got.kind == "string"
	case kind == "string":
		return got.kind == "string" || got.kind == "array" && got.items == "string" // a list in one value
	}
	return got.kind == kind || got.kind == ""
}

// An operation of ours, flattened as the contract's are.
type operation struct {
	own                      bool
	status                   int
	request, query, response map[string]facet
}

// operations reads our operations out of the OpenAPI document: it is what callers see.
func operations(t *testing.T) map[string]operation {
	t.Helper()
	doc := document(t)
	all := map[string]operation{}
	for _, r := range described(t).Routes() {
		item := lookUp(doc["paths"], r.Path, plain(r.Path))
		o := operation{
			own: r.Own, status: r.Status,
			request: map[string]facet{}, query: map[string]facet{}, response: map[string]facet{},
		}
		d := item[strings.ToLower(r.Method)].(map[string]any)
		if b, ok := d["requestBody"].(map[string]any); ok {
			flatten(doc, o.request, "", content(b), false)
		}
		answers := d["responses"].(map[string]any)
		if a, ok := answers[fmt.Sprint(r.Status)].(map[string]any); ok && a["content"] != nil {
			flatten(doc, o.response, "", content(a), false)
		}
		for _, p := range list(d["parameters"]) {
			if p["in"] == "query" {
				f := facts(doc, p["schema"].(map[string]any))
				f.required = p["required"] == true
				o.query[p["name"].(string)] = f
			}
		}
		all[r.Method+" "+plain(r.Path)] = o
	}
	return all
}

// lookUp finds a path item by any spelling of its wildcards.
func lookUp(paths any, path, as string) map[string]any {
	all := paths.(map[string]any)
	if item, ok := all[path].(map[string]any); ok {
		return item
	}
	for p, item := range all {
		if plain(p) == as {
			return item.(map[string]any)
		}
	}
	return nil
}

func content(of map[string]any) map[string]any {
	for _, media := range of["content"].(map[string]any) { // there is one
		return media.(map[string]any)["schema"].(map[string]any)
	}
	return nil
}

func list(v any) []map[string]any {
	var all []map[string]any
	items, _ := v.([]any)
	for _, item := range items {
		all = append(all, item.(map[string]any))
	}
	return all
}

// flatten walks a schema as the contract names fields: "(body)", "[].id", "a.b", "a[].b".
func flatten(doc map[string]any, into map[string]facet, at string, schema map[string]any, required bool) {
	f := facts(doc, schema)
	f.required = required
	schema = resolved(doc, schema)
	into[cmp.Or(at, "(body)")] = f
	if items, ok := schema["items"].(map[string]any); ok {
		inner := resolved(doc, items)
		if inner["properties"] != nil {
			members(doc, into, at+"[].", inner)
		}
	}
	if schema["properties"] != nil {
		members(doc, into, strings.TrimPrefix(at+".", "."), schema)
	}
}

func members(doc map[string]any, into map[string]facet, prefix string, schema map[string]any) {
	needed, _ := schema["required"].([]any)
	for name, s := range schema["properties"].(map[string]any) {
		flatten(doc, into, prefix+name, s.(map[string]any), slices.Contains(needed, any(name)))
	}
}

// resolved follows a reference, and the one arm of a choice that is not null.
func resolved(doc, schema map[string]any) map[string]any {
	for _, arm := range list(schema["oneOf"]) {
		if arm["$ref"] != nil {
			schema = arm
		}
	}
	ref, ok := schema["$ref"].(string)
	if !ok {
		return schema
	}
	name := ref[strings.LastIndexByte(ref, '/')+1:]
	return doc["components"].(map[string]any)["schemas"].(map[string]any)[name].(map[string]any)
}

func facts(doc, schema map[string]any) facet {
	f := facet{nullable: schema["oneOf"] != nil}
	schema = resolved(doc, schema)
	switch kind := schema["type"].(type) {
	case string:
		f.kind = kind
	case []any:
		f.kind, f.nullable = kind[0].(string), true
	}
	if items, ok := schema["items"].(map[string]any); ok {
		f.items, _ = resolved(doc, items)["type"].(string)
	}
	words, _ := schema["enum"].([]any)
	for _, w := range words {
		f.enum = append(f.enum, w.(string))
	}
	digits := func(name string) string {
		n, ok := schema[name].(float64)
		if !ok {
			return ""
		}
		return fmt.Sprint(int64(n))
	}
	f.min, f.max = digits("minimum"), digits("maximum")
	f.maxLength, f.minItems = digits("maxLength"), digits("minItems")
	f.pattern, _ = schema["pattern"].(string)
	f.format, _ = schema["format"].(string)
	return f
}

// TestRoutes lists the routes that need no credential. A new one must be added here, by
// someone who meant it.
func TestAttackOpenRoutes(t *testing.T) {
	t.Parallel()
	t.Run("HTTP-27 open routes inventory", func(t *testing.T) {
		t.Parallel()
		var got []string
		for _, r := range described(t).Routes() {
			if r.Audience == "public" {
				got = append(got, r.Method+" "+r.Path)
			}
		}
		slices.SortFunc(got, cmp.Compare[string])
		want := open()
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("public routes:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	})
}

func open() []string {
	return []string{
		"GET /.well-known/jwks.json",
		"GET /.well-known/openid-configuration",
		"GET /auth/saml/metadata/{connectionId}",
		"GET /auth/saml/slo/{connectionId}",
		"GET /auth/sso/{handle}",
		"GET /identity/resources/auth/v2/user/sso/default/{type}/prelogin",
		"GET /identity/resources/configurations/v1/mfa-policy/allow-remember-device",
		"GET /identity/resources/sso/v1",
		"GET /identity/resources/sso/v2",
		"GET /team/resources/sso/v2/configurations/public",
		"GET /identity/resources/users/v1/activate/strategy",
		"GET /identity/resources/users/v1/passwords/config",
		"GET /oauth/account/oidc/callback",
		"GET /oauth/account/saml/callback",
		"GET /oauth/account/social/success",
		"GET /openapi.json",
		"POST /auth/saml/callback",
		"POST /auth/saml/callback/{connectionId}",
		"POST /auth/saml/slo/{connectionId}",
		"POST /auth/vendor",
		"POST /identity/resources/auth/v1/logout",
		"POST /identity/resources/auth/v1/user",
		"POST /identity/resources/auth/v1/user/oidc/postlogin",
		"POST /identity/resources/auth/v1/user/saml/postlogin",
		"POST /identity/resources/auth/v1/user/saml/prelogin",
		"POST /identity/resources/auth/v1/user/sso/{provider}/postlogin",
		"POST /identity/resources/auth/v2/user/oidc/postlogin",
		"POST /identity/resources/auth/v2/user/sso/prelogin",
		"POST /identity/resources/auth/v1/user/mfa/authenticator/enroll",
		"POST /identity/resources/auth/v1/user/mfa/authenticator/enroll/verify",
		"POST /identity/resources/auth/v1/user/mfa/authenticator/{deviceId}/verify",
		"POST /identity/resources/auth/v1/user/mfa/recover",
		"POST /identity/resources/auth/v1/user/mfa/recovery-code/verify",
		"POST /identity/resources/auth/v1/user/mfa/verify",
		"POST /identity/resources/auth/v1/user/token/refresh",
		"POST /identity/resources/users/v1/activate",
		"POST /identity/resources/users/v1/activate/code",
		"POST /identity/resources/users/v1/activate/reset",
		"POST /identity/resources/users/v1/passwords/reset",
		"POST /identity/resources/users/v1/passwords/reset/validate",
		"POST /identity/resources/users/v1/passwords/reset/verify",
		"POST /identity/resources/users/v2/passwords/reset/email",
		"POST /identity/resources/users/v3/me/unlock",
		"POST /oauth/account/oidc/callback",
		"POST /oauth/account/oidc/logout/{connectionId}",
		"POST /oauth/account/social/success",
		"POST /identity/resources/users/v1/signUp",
	}
}

// differences lists where we differ from the published API, each with its reason. The
// list may only shrink.
func differences() map[string]string {
	const (
		typed = "not everybody has a second screen to scan the picture from"
		ten   = "ten recovery codes come with a device; the published API knows one of them"
		speak = "a custom provider may speak OpenID Connect"
	)
	return map[string]string{
		"POST /identity/resources/auth/v1/user/mfa/authenticator/enroll: response otpauthUri is not in the contract":           typed,
		"POST /identity/resources/auth/v1/user/mfa/authenticator/enroll: response secret is not in the contract":               typed,
		"POST /identity/resources/auth/v1/user/mfa/authenticator/enroll/verify: response recoveryCodes is not in the contract": ten,
		"POST /identity/resources/users/v1/mfa/enroll: response otpauthUri is not in the contract":                             typed,
		"POST /identity/resources/users/v1/mfa/enroll: response secret is not in the contract":                                 typed,
		"POST /identity/resources/users/v1/mfa/authenticator/enroll: response otpauthUri is not in the contract":               typed,
		"POST /identity/resources/users/v1/mfa/authenticator/enroll: response secret is not in the contract":                   typed,
		"POST /identity/resources/users/v1/mfa/enroll/verify: response recoveryCodes is not in the contract":                   ten,
		"POST /identity/resources/users/v1/mfa/authenticator/enroll/verify: response recoveryCodes is not in the contract":     ten,

		"POST /identity/resources/auth/v1/user/sso/{}/postlogin: request (note) is missing":           "it is a remark: the fields travel in the body",
		"POST /identity/resources/auth/v1/user/sso/{}/postlogin: request codeVerifierPkce is missing": "it is called code_verifier_pkce on the wire",

		"POST /identity/resources/sso/custom/v1: request issuer is not in the contract":     speak,
		"PATCH /identity/resources/sso/custom/v1/{}: request issuer is not in the contract": speak,

		"POST /identity/resources/auth/v1/logout: request refreshToken is not in the contract": "a client without cookies can end its session too",
	}
}
