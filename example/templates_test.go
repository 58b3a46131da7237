package main

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/go-identity/identity/internal/needs"
)

const (
	templatesV1 = "/identity/resources/jwt-templates/v1"
	targetingV1 = "/identity/resources/configurations/v1/jwt-template-targeting"
)

type object = map[string]any

// A verifier is a JOSE library of somebody else's.
type verifier struct {
	name    string
	command []string
}

// verifiers returns those that there are here.
func verifiers(t *testing.T) []verifier {
	t.Helper()
	script, err := filepath.Abs("testdata/jose.cjs")
	if err != nil {
		t.Fatal(err)
	}
	_, err = exec.LookPath("node")
	needs.Have(t, "node", err == nil, "no node on PATH")
	err = exec.CommandContext(t.Context(), "node", "-e", "require.resolve('jose')").Run()
	needs.Have(t, "node", err == nil, "no jose under NODE_PATH")
	binary := filepath.Join(t.TempDir(), "gojose")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", binary, ".")
	build.Dir = "gojose"
	out, err := build.CombinedOutput()
	needs.Have(t, "node", err == nil, "go-jose cannot be built: "+string(out))
	return []verifier{{"jose", []string{"node", script}}, {"go-jose", []string{binary}}}
}

// claims asks the library for the claims of a token, by the published keys of p alone.
func (v verifier) claims(t *testing.T, p *process, token, algorithm string) (object, error) {
	t.Helper()
	args := append(slices.Clone(v.command[1:]), p.base+"/.well-known/jwks.json", p.base, p.ClientID, algorithm)
	cmd := exec.CommandContext(t.Context(), v.command[0], args...)
	cmd.Stdin = strings.NewReader(token)
	var refused strings.Builder
	cmd.Stderr = &refused
	out, err := cmd.Output()
	if err != nil {
		t.Logf("%s: %s", v.name, refused.String())
		return nil, err
	}
	var claims object
	return claims, json.Unmarshal(out, &claims)
}

// A desk is where templates are tried: an example, its host, and a user who never signed in.
type desk struct {
	*testing.T
	*process
	host         string
	user, tenant string
	verifiers    []verifier
}

const deskMail = "ivy@globex.example"

func newDesk(t *testing.T, dir, db string, vs []verifier) *desk {
	t.Helper()
	p := start(t, dir, db)
	d := &desk{T: t, process: p, host: p.management(t), verifiers: vs}
	d.tenant = decode[record](t, p.want(t, 201, d.host, "POST", tenants, object{"name": "Globex"})).TenantID
	d.user = decode[record](t, p.want(t, 201, d.host, "POST", newUsers, object{
		"email": deskMail, "password": "a long enough password", "tenantId": d.tenant, "name": `Ivy "}`, "metadata": `{"dept":"r&d"}`,
	})).ID
	return d
}

// ask is a call of the host that must have the status.
func (d *desk) ask(status int, method, path string, body any) object {
	d.Helper()
	a := d.want(d.T, status, d.host, method, path, body)
	if status == 204 {
		return nil
	}
	return decode[object](d.T, a)
}

// preview returns what the user's token would be, and which rule chose it.
func (d *desk) preview(more object) (claims, rule object) {
	d.Helper()
	body := object{"userId": d.user, "tenantId": d.tenant}
	for k, v := range more {
		body[k] = v
	}
	got := d.ask(200, "POST", templatesV1+"/preview", body)
	rule, _ = got["matchedRule"].(object)
	return lasting(got["claims"].(object)), rule
}

// lasting leaves out what differs from token to token.
func lasting(claims object) object {
	for _, name := range []string{"iat", "exp", "jti", "sid", "auth_time"} {
		delete(claims, name)
	}
	return claims
}

// verified returns the claims of a token as every other library reads them.
func (d *desk) verified(token string, seconds float64) object {
	d.Helper()
	var first object
	for i, v := range d.verifiers {
		claims, err := v.claims(d.T, d.process, token, "RS256")
		if err != nil {
			d.Fatalf("%s refused the token: %v", v.name, err)
		}
		if life := claims["exp"].(float64) - claims["iat"].(float64); life != seconds {
			d.Errorf("%s: the token lives %v seconds, want %v", v.name, life, seconds)
		}
		if claims = lasting(claims); i == 0 {
			first = claims
		} else if !reflect.DeepEqual(claims, first) {
			d.Errorf("%s reads %v, another library %v", v.name, claims, first)
		}
	}
	return first
}

func (d *desk) refresh(s signedIn) signedIn {
	d.Helper()
	return decode[signedIn](d.T, d.want(d.T, 201, "", "POST", refreshV, object{"refreshToken": s.RefreshToken}))
}

// TestTemplates is the way of a template by plain HTTP: preview it, make it, target it, sign
// in, change it, sign under a secret, take it away.
func TestTemplates(t *testing.T) {
	t.Parallel()
	vs := verifiers(t)
	databases(t, func(t *testing.T, dir, db string) {
		d := newDesk(t, dir, db, vs)
		schema := object{"claims": object{
			"iss": "{{iss}}", "sub": "{{sub}}", "aud": "{{aud}}", "exp": "{{exp}}", "iat": "{{iat}}",
			"who": "{{user.name}} <{{user.email}}>", "dept": "{{user.metadata.dept}}", "roles": "{{user.tenant.roles}}",
			"nested": object{"verified": "{{user.verified}}", "list": []any{1, "{{user.tenant.name}}"}}, "missing": "{{user.metadata.x}}",
		}}
		body := object{"key": "rich", "name": "Rich", "expiration": 1234, "algorithm": "RS256", "templateSchema": schema}

		sketched, rule := d.preview(object{"template": body})
		if rule != nil {
			t.Errorf("rule %v holds before there are any", rule)
		}
		id := d.ask(201, "POST", templatesV1, body)["id"].(string)
		rules := object{"rules": []object{{"conditionLogic": "and", "treatment": "rich", "conditions": []object{
			{"attribute": "userEmail", "op": "ends_with", "value": object{"list": []string{"@globex.example"}}, "negate": false},
			{"attribute": "tenantId", "op": "in_list", "value": object{"list": []string{"nobody"}}, "negate": true},
		}}}}
		targeting := d.ask(201, "POST", targetingV1, rules)["id"].(string)
		previewed, rule := d.preview(nil)
		if !reflect.DeepEqual(previewed, sketched) || rule["treatment"] != "rich" {
			t.Errorf("the preview by %v is %v, before it was stored %v", rule, previewed, sketched)
		}

		s := d.signIn(t, deskMail, "a long enough password")
		if got := d.verified(s.AccessToken, 1234); !reflect.DeepEqual(got, previewed) {
			t.Errorf("the claims are %v, the preview was %v", got, previewed)
		}
		want := object{"who": `Ivy "} <ivy@globex.example>`, "dept": "r&d", "roles": []any{"viewer"}, "sub": d.user, "tenantId": d.tenant}
		for name, v := range want {
			if !reflect.DeepEqual(previewed[name], v) {
				t.Errorf("%s is %v, want %v", name, previewed[name], v)
			}
		}
		d.want(t, 200, s.AccessToken, "GET", "/identity/resources/users/v2/me", nil)

		claims := schema["claims"].(object)
		claims["version"] = 2
		d.ask(200, "PUT", templatesV1+"/"+id, object{"templateSchema": schema, "expiration": 60})
		s = d.refresh(s)
		if got := d.verified(s.AccessToken, 60); got["version"] != 2.0 || got["dept"] != "r&d" {
			t.Errorf("after the change the claims are %v", got)
		}
		d.underSecret(id, s)

		d.ask(409, "DELETE", templatesV1+"/"+id, nil)
		d.ask(200, "DELETE", targetingV1+"/"+targeting, nil)
		d.ask(204, "DELETE", templatesV1+"/"+id, nil)
		previewed, _ = d.preview(nil)
		s = d.signIn(t, deskMail, "a long enough password")
		if got := d.verified(s.AccessToken, 300); !reflect.DeepEqual(got, previewed) || got["email"] != deskMail {
			t.Errorf("by default the claims are %v, the preview was %v", got, previewed)
		}
	})
}

// underSecret signs with HS256 for a while: our own guard takes such a token, and nobody who
// has the published keys alone.
func (d *desk) underSecret(id string, s signedIn) {
	d.Helper()
	before := d.want(d.T, 200, "", "GET", "/.well-known/jwks.json", nil).body
	d.ask(200, "PUT", templatesV1+"/"+id, object{"algorithm": "HS256"})
	s = d.refresh(s)
	d.want(d.T, 200, s.AccessToken, "GET", "/identity/resources/users/v2/me", nil)
	for _, v := range d.verifiers {
		for _, algorithm := range []string{"HS256", "RS256"} {
			if claims, err := v.claims(d.T, d.process, s.AccessToken, algorithm); err == nil {
				d.Errorf("%s verified a token under a secret as %s: %v", v.name, algorithm, claims)
			}
		}
	}
	if after := d.want(d.T, 200, "", "GET", "/.well-known/jwks.json", nil).body; string(after) != string(before) {
		d.Errorf("the published keys were %s and are %s", before, after)
	}
	d.ask(200, "PUT", templatesV1+"/"+id, object{"algorithm": "RS256"})
}
