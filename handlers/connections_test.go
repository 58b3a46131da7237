package handlers_test

import (
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity/ssotest"
	"github.com/go-identity/identity/store"
)

const (
	connectionsURL = "/team/resources/sso/v1/configurations"
	samlURL        = "/team/resources/sso/v1/saml/configurations"
)

// quoted is text as JSON.
func quoted(text string) string {
	b, err := json.Marshal(text)
	if err != nil {
		return ""
	}
	return string(b)
}

// connection makes a SAML connection as the admin and returns its id.
func (o office) connection(t *testing.T, p *ssotest.SAML) string {
	t.Helper()
	body := fmt.Sprintf(`{"enabled":true,"ssoEndpoint":"https://idp.example/sso","publicCertificate":%s,"signRequest":false,`+
		`"acsUrl":"","spEntityId":"","type":"saml","oidcClientId":"","oidcSecret":"","configMetadata":{},`+
		`"overrideActiveTenant":false,"subAccountAccessLimit":0,"idpClientId":"","idpClientSecret":""}`, quoted(p.Certificate()))
	return o.told(t, "admin", "POST "+connectionsURL, body, 201)["id"].(string)
}

func TestConnectionsOverHTTP(t *testing.T) {
	t.Parallel()
	o, p := newOffice(t), ssotest.NewSAML(t)
	id := o.connection(t, p)
	one := connectionsURL + "/" + id
	c := o.told(t, "admin", "GET "+one, "", 200)
	for name, want := range map[string]any{
		"id": id, "tenantId": "acme", "enabled": true, "type": "saml", "ssoEndpoint": "https://idp.example/sso",
		"publicCertificate": p.Certificate(), "acsUrl": "https://app.example/auth/saml/callback/" + id,
		"spEntityId": "https://app.example/auth/saml/metadata/" + id, "oidcSecret": "", "oidcClientId": "", "signRequest": false,
		"domains": []any{}, "roleIds": []any{}, "groups": []any{}, "configMetadata": map[string]any{}, "generatedVerification": "",
	} {
		if got := c[name]; !reflect.DeepEqual(got, want) {
			t.Errorf("%s = %v, want %v", name, got, want)
		}
	}
	o.told(t, "admin", "PATCH "+one, `{"enabled":false}`, 200)
	o.told(t, "host", "PATCH "+one, `{"signRequest":true,"publicCertificate":null,"configMetadata":{"name":"Okta","idpEntityId":"urn:idp","mine":[1]}}`,
		200, "frontegg-tenant-id: acme")
	c = o.told(t, "admin", "GET "+one, "", 200)
	if c["enabled"] != false || c["signRequest"] != true || c["publicCertificate"] != p.Certificate() {
		t.Errorf("after two changes %v", c)
	}
	if want := map[string]any{"name": "Okta", "idpEntityId": "urn:idp", "mine": []any{1.0}}; !reflect.DeepEqual(c["configMetadata"], want) {
		t.Errorf("configMetadata = %v, want %v", c["configMetadata"], want)
	}
	s := o.told(t, "admin", "GET "+one+"/settings", "", 200)
	if s["name"] != "Okta" || s["saml"].(map[string]any)["entityId"] != "urn:idp" {
		t.Errorf("settings = %v, want what configMetadata says", s)
	}
	d := o.told(t, "admin", "POST "+one+"/domains", `{"domain":"acme.example.com"}`, 201)
	c = o.told(t, "admin", "GET "+one, "", 200)
	if c["generatedVerification"] != d["txtRecord"] || len(c["domains"].([]any)) != 1 {
		t.Errorf("with a domain %v", c)
	}
	o.told(t, "admin", "DELETE "+one, "", 200)
	o.told(t, "admin", "GET "+one, "", 404)
}

func TestConnectionRefusals(t *testing.T) {
	t.Parallel()
	o, p := newOffice(t), ssotest.NewSAML(t)
	one := connectionsURL + "/" + o.connection(t, p)
	theirs := []string{"frontegg-tenant-id: other"}
	o.exchange(t, []exchange{
		{"nobody", "", "GET " + connectionsURL, "", nil, 401},
		{"no permission", "worker", "GET " + connectionsURL, "", nil, 403},
		{"no permission to write", "worker", "PATCH " + one, `{}`, nil, 403},
		{"no tenant", "host", "GET " + connectionsURL, "", nil, 400},
		{"another tenant", "host", "GET " + one, "", theirs, 404},
		{"change in another tenant", "host", "PATCH " + one, `{"enabled":false}`, theirs, 404},
		{"another type", "admin", "PATCH " + one, `{"type":"oidc"}`, nil, 400},
		{"no type", "admin", "POST " + connectionsURL, `{"type":"ldap"}`, nil, 400},
		{"not complete", "admin", "POST " + connectionsURL, `{"type":"saml","enabled":true}`, nil, 400},
		{"a bad certificate", "admin", "PATCH " + one, `{"publicCertificate":"x"}`, nil, 400},
		{"a known key of the wrong type", "admin", "PATCH " + one, `{"configMetadata":{"unsolicited":"yes"}}`, nil, 400},
		{"a key in other letters is another key", "admin", "PATCH " + one, `{"configMetadata":{"Unsolicited":"yes"}}`, nil, 200},
		{"a list for an object", "admin", "PATCH " + one, `{"configMetadata":[]}`, nil, 400},
		{"a bad address", "admin", "PATCH " + one, `{"ssoEndpoint":"javascript:alert(1)"}`, nil, 400},
		{"any domain by a user", "admin", "PUT " + one + "/settings", `{"saml":{"redirect":"https://idp.example/","certificates":[` +
			quoted(p.Certificate()) + `]},"skipEmailDomainValidation":true}`, nil, 403},
		{"unknown settings", "admin", "PUT " + one + "/settings", `{"saml":{"signature":false}}`, nil, 400},
		{"no such role", "admin", "PUT " + one + "/roles", `{"roleIds":["x"]}`, nil, 404},
		{"no such group", "admin", "PATCH " + one + "/groups/x", `{"group":"Staff","roleIds":[]}`, nil, 404},
		{"no metadata", "admin", "POST " + connectionsURL + "/metadata", `{"metadata":"<a/>"}`, nil, 400},
		{"no address", "admin", "POST " + connectionsURL + "/metadata-url", `{"url":"http://idp.example/"}`, nil, 400},
		{"v2 by a user", "admin", "POST /team/resources/sso/v2/configurations", `{"tenantId":"acme"}`, nil, 403},
		{"v2 without a tenant", "host", "POST /team/resources/sso/v2/configurations", `{"type":"saml"}`, nil, 400},
		{"switch by a user", "admin", "POST /team/resources/sso/v1/oidc/configurations", `{"active":true}`, nil, 403},
		{"metadata of none", "host", "GET " + samlURL + "/sp-metadata", "", theirs, 404},
		{"an attempt of nobody", "admin", "GET /team/resources/sso/v1/attempts/x", "", nil, 404},
	})
}

func TestOIDCOverHTTP(t *testing.T) {
	t.Parallel()
	o, p := newOffice(t), ssotest.NewOIDC(t)
	body := fmt.Sprintf(`{"type":"oidc","enabled":true,"ssoEndpoint":"%s/.well-known/openid-configuration","oidcClientId":%q,"oidcSecret":%q,`+
		`"configMetadata":{"scopes":"email groups","groupsClaim":"teams"}}`, p.Issuer(), p.ClientID(), p.ClientSecret())
	w := o.call(t, "admin", "POST "+connectionsURL, body)
	if w.Code != 201 || strings.Contains(w.Body.String(), p.ClientSecret()) {
		t.Fatalf("create = %d %s, want one without its secret", w.Code, w.Body)
	}
	var c map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &c); err != nil || c["ssoEndpoint"] != p.Issuer() || c["oidcSecretSet"] != true || c["oidcSecret"] != "" {
		t.Errorf("create = %v, %v", c, err)
	}
	one := connectionsURL + "/" + c["id"].(string)
	c = o.told(t, "admin", "PATCH "+one, `{"oidcSecret":"","enabled":true}`, 200)
	if c["oidcSecretSet"] != true {
		t.Error("an empty secret takes the secret away")
	}
	t.Run("OIDC-35 the secret is never told", func(t *testing.T) {
		for _, path := range []string{connectionsURL, one, one + "/settings"} {
			if w := o.call(t, "admin", "GET "+path, ""); w.Code != 200 || strings.Contains(w.Body.String(), p.ClientSecret()) {
				t.Errorf("GET %s = %d %s", path, w.Code, w.Body)
			}
		}
	})
	s := o.told(t, "admin", "GET "+one+"/settings", "", 200)["oidc"].(map[string]any)
	if s["groups"] != "teams" || !reflect.DeepEqual(s["scopes"], []any{"email", "groups"}) {
		t.Errorf("settings = %v", s)
	}
	got := o.told(t, "admin", "GET /team/resources/sso/v1/oidc/configurations", "", 201)
	if got["active"] != true || got["redirectUri"] != "https://app.example/oauth/account/oidc/callback" {
		t.Errorf("the switch is %v", got)
	}
	o.told(t, "host", "POST /team/resources/sso/v1/oidc/configurations", `{"active":false,"redirectUri":"https://login.example/oidc"}`, 201)
	got = o.told(t, "admin", "GET /team/resources/sso/v1/oidc/configurations", "", 201)
	if got["active"] != false || got["redirectUri"] != "https://login.example/oidc" {
		t.Errorf("the switch is %v", got)
	}
}

func TestConnectionMetadata(t *testing.T) {
	t.Parallel()
	o, p := newOffice(t), ssotest.NewSAML(t)
	c := o.told(t, "admin", "POST "+connectionsURL+"/metadata", `{"metadata":`+quoted(string(p.Metadata()))+`}`, 201)
	if c["enabled"] != true || c["publicCertificate"] != p.Certificate() {
		t.Errorf("from a document %v", c)
	}
	one := connectionsURL + "/" + c["id"].(string)
	q := ssotest.NewSAML(t)
	c = o.told(t, "admin", "PUT "+one+"/metadata-url", `{"url":`+quoted(q.MetadataURL())+`,"configMetadata":{"name":"Entra"}}`, 200)
	if c["publicCertificate"] != q.Certificate() {
		t.Errorf("from an address %v", c)
	}
	s := o.told(t, "admin", "GET "+one+"/settings", "", 200)
	if s["name"] != "Entra" || s["saml"].(map[string]any)["metadataUrl"] != q.MetadataURL() {
		t.Errorf("settings = %v", s)
	}
	o.told(t, "admin", "POST "+connectionsURL+"/metadata-url", `{"url":`+quoted(p.MetadataURL())+`}`, 201)
	w := o.call(t, "host", "GET "+samlURL+"/sp-metadata?connectionId="+c["id"].(string), "", "frontegg-tenant-id: acme")
	if w.Code != 200 || w.Header().Get("Content-Type") != "application/samlmetadata+xml" || !strings.Contains(w.Body.String(), c["acsUrl"].(string)) {
		t.Errorf("sp-metadata = %d %s %s", w.Code, w.Header().Get("Content-Type"), w.Body)
	}
	again := o.told(t, "admin", "PUT "+one+"/settings", `{"saml":{"redirect":"https://idp.example/","certificates":[`+
		quoted(base64.StdEncoding.EncodeToString(q.Certificates()[0].Raw))+`],"unsolicited":true},"attributes":{"email":["mail"]}}`, 200)
	if l := again["saml"].(map[string]any); l["unsolicited"] != true || l["metadataUrl"] != nil || again["name"] != nil {
		t.Errorf("replaced settings = %v, want nothing of before", again)
	}
}

func TestConnectionRolesOverHTTP(t *testing.T) {
	t.Parallel()
	o, p := newOffice(t), ssotest.NewSAML(t)
	one := connectionsURL + "/" + o.connection(t, p)
	own := o.roles["own-acme"]
	o.told(t, "admin", "PUT "+one+"/roles", `{"roleIds":["`+own+`"]}`, 201)
	if got := o.told(t, "admin", "GET "+one+"/roles", "", 200); !reflect.DeepEqual(got["roleIds"], []any{own}) {
		t.Errorf("roles = %v", got)
	}
	g := o.told(t, "admin", "POST "+one+"/groups", `{"group":"Staff","roleIds":["`+own+`"]}`, 201)
	id := g["id"].(string)
	o.told(t, "admin", "POST "+one+"/groups", `{"group":"Staff","roleIds":[]}`, 409)
	g = o.told(t, "admin", "PATCH "+one+"/groups/"+id, `{"group":"People","roleIds":[]}`, 200)
	if g["group"] != "People" || !reflect.DeepEqual(g["roleIds"], []any{}) {
		t.Errorf("group = %v", g)
	}
	if w := o.call(t, "admin", "GET "+one+"/groups", ""); w.Code != 200 || !strings.HasPrefix(w.Body.String(), `[{"id":"`+id) {
		t.Errorf("groups = %d %s", w.Code, w.Body)
	}
	o.told(t, "admin", "DELETE "+one+"/groups/"+id, "", 200)
	t.Run("SAML-46 a role of another tenant", func(t *testing.T) {
		o.told(t, "admin", "POST "+one+"/groups", `{"group":"Staff","roleIds":["`+o.roles["own-other"]+`"]}`, 404)
	})
}

func TestAttemptsOverHTTP(t *testing.T) {
	t.Parallel()
	o, p := newOffice(t), ssotest.NewSAML(t)
	id := o.connection(t, p)
	err := o.db.CreateSSOAttempt(t.Context(), store.SSOAttempt{
		TenantID: "acme", ConnectionID: id, ID: "attempt", Diagnosis: "the clock is wrong", Email: "a…@acme.example",
		IP: "192.0.2.7", Attributes: `{"email":["a…@acme.example"]}`, At: time.Now(),
	}, 20)
	if err != nil {
		t.Fatal(err)
	}
	w := o.call(t, "admin", "GET "+connectionsURL+"/"+id+"/attempts", "")
	if w.Code != 200 || !strings.Contains(w.Body.String(), `"diagnosis":"the clock is wrong"`) {
		t.Errorf("attempts = %d %s", w.Code, w.Body)
	}
	const one = "/team/resources/sso/v1/attempts/attempt"
	a := o.told(t, "admin", "GET "+one, "", 200)
	if !reflect.DeepEqual(a["attributes"], map[string]any{"email": []any{"a…@acme.example"}}) || a["answer"] != "" {
		t.Errorf("attempt = %v", a)
	}
	r := o.told(t, "admin", "POST "+one+"/replay", `{"settings":{"saml":{}}}`, 200)
	if r["accepted"] != false || !strings.Contains(r["diagnosis"].(string), "not kept") {
		t.Errorf("replay = %v", r)
	}
	o.told(t, "admin", "POST "+one+"/preview", `{"attributes":{"email":["mail"]}}`, 200)
	o.told(t, "worker", "GET "+one, "", 403)
	o.told(t, "host", "GET "+one, "", 404, "frontegg-tenant-id: other")
}

func TestConnectionsOfTheHost(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	const v2 = "/team/resources/sso/v2/configurations"
	c := o.told(t, "host", "POST "+v2, `{"tenantId":"acme","type":"saml","enabled":false,"skipEmailDomainValidation":true}`, 201)
	if c["tenantId"] != "acme" || c["skipEmailDomainValidation"] != true {
		t.Errorf("created %v", c)
	}
	id := c["id"].(string)
	o.told(t, "host", "PATCH "+v2+"/"+id, `{"tenantId":"other","enabled":false}`, 404)
	c = o.told(t, "host", "PATCH "+v2+"/"+id, `{"tenantId":"acme","skipEmailDomainValidation":false,"overrideActiveTenant":true}`, 200)
	if c["skipEmailDomainValidation"] != false || c["overrideActiveTenant"] != true {
		t.Errorf("changed %v", c)
	}
}

func TestSAMLConfigurationsOverHTTP(t *testing.T) {
	t.Parallel()
	o, p := newOffice(t), ssotest.NewSAML(t)
	shared := o.told(t, "admin", "GET "+samlURL+"/vendor-config", "", 200)
	if want := map[string]any{"acsUrl": "https://app.example/auth/saml/callback", "spEntityId": "https://app.example/auth/saml/metadata"}; !reflect.DeepEqual(shared, want) {
		t.Errorf("vendor-config = %v, want %v", shared, want)
	}
	if c := o.told(t, "admin", "GET "+samlURL, "", 200); c["enabled"] != false || c["acsUrl"] != shared["acsUrl"] {
		t.Errorf("before there is one: %v", c)
	}
	o.told(t, "admin", "POST "+samlURL+"/roles/default", `{"roleIds":[]}`, 404)
	c := o.told(t, "admin", "POST "+samlURL, `{"enabled":true,"ssoEndpoint":"https://idp.example/sso","publicCertificate":`+
		quoted(p.Certificate())+`,"signRequest":false,"domain":"acme.example.com","validated":true,"generatedVerification":"x"}`, 200)
	if c["domain"] != "acme.example.com" || c["validated"] != false || c["acsUrl"] != shared["acsUrl"] || c["generatedVerification"] == "x" {
		t.Errorf("made %v", c)
	}
	c = o.told(t, "admin", "POST "+samlURL, `{"enabled":false,"domain":"acme.example.com"}`, 200)
	if c["enabled"] != false || c["ssoEndpoint"] != "https://idp.example/sso" {
		t.Errorf("changed %v", c)
	}
	c = o.told(t, "admin", "PUT "+samlURL+"/metadata", `{"metadata":`+quoted(string(p.Metadata()))+`}`, 200)
	if c["ssoEndpoint"] == "https://idp.example/sso" || c["acsUrl"] != shared["acsUrl"] {
		t.Errorf("from metadata %v", c)
	}
	if w := o.call(t, "admin", "GET "+connectionsURL, ""); strings.Count(w.Body.String(), `"type":"saml"`) != 1 {
		t.Errorf("there are several: %s", w.Body)
	}
	own := o.roles["own-acme"]
	o.told(t, "admin", "POST "+samlURL+"/roles/default", `{"roleIds":["`+own+`"]}`, 200)
	if got := o.told(t, "admin", "GET "+samlURL+"/roles/default", "", 200); !reflect.DeepEqual(got["roleIds"], []any{own}) {
		t.Errorf("roles = %v", got)
	}
	const groups = "/team/resources/sso/v2/saml/configurations/groups"
	id := o.told(t, "admin", "POST "+groups, `{"group":"Staff"}`, 200)["id"].(string)
	o.told(t, "admin", "PATCH "+groups+"/"+id, `{"group":"People"}`, 200)
	if w := o.call(t, "admin", "GET "+groups, ""); w.Code != 200 || !strings.Contains(w.Body.String(), "People") {
		t.Errorf("groups = %d %s", w.Code, w.Body)
	}
	o.told(t, "admin", "DELETE "+groups+"/"+id, "", 200)
	w := o.call(t, "admin", "GET "+samlURL+"/sp-certificate", "")
	if b, _ := pem.Decode(w.Body.Bytes()); w.Code != 200 || b == nil || w.Header().Get("Content-Type") != "application/x-pem-file" {
		t.Errorf("sp-certificate = %d %s", w.Code, w.Body)
	}
}

// TestEverySettingOverHTTP sets by configMetadata what the published API has no field for.
func TestEverySettingOverHTTP(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for _, tt := range []struct{ kind, body, want string }{
		{"saml", `{"allowCbc":true,"unsolicited":true,"direct":true,"postRequests":true,"authnContexts":"urn:a urn:b","subjectAttribute":"uid",` +
			`"emailAttribute":"mail","nameAttribute":"cn","groupsAttribute":"memberOf","signedResponse":true,"nameIdFormat":"urn:f","knownOnly":true}`,
			`"cbc":true "unsolicited":true "direct":true "postRequests":true "contexts":["urn:a","urn:b"] "subject":["uid"] ` +
				`"email":["mail"] "name":["cn"] "groups":["memberOf"] "signedResponse":true "nameIdFormat":"urn:f" "knownOnly":true`},
		{"oidc", `{"scopes":"email groups","groupsClaim":"teams","tokenAuth":"client_secret_post","approvedHosts":"a.example b.example",` +
			`"verifiedClaim":"xms_edov","textVerified":true}`,
			`"scopes":["email","groups"] "groups":"teams" "auth":"client_secret_post" "approved":["a.example","b.example"] ` +
				`"verifiedClaim":"xms_edov" "textVerified":true`},
	} {
		t.Run(tt.kind, func(t *testing.T) {
			c := o.told(t, "admin", "POST "+connectionsURL, `{"type":"`+tt.kind+`"}`, 201)
			one := connectionsURL + "/" + c["id"].(string)
			o.told(t, "admin", "PATCH "+one, `{"configMetadata":`+tt.body+`}`, 200)
			got := o.call(t, "admin", "GET "+one+"/settings", "").Body.String()
			for _, member := range strings.Fields(tt.want) {
				if !strings.Contains(got, member) {
					t.Errorf("settings = %s, want %s", got, member)
				}
			}
		})
	}
}
