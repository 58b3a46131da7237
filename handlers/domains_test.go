package handlers_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/go-identity/identity/internal/outbound"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/ssotest"
	"github.com/go-identity/identity/store"
)

const ssoPath = "/team/resources/sso/v1/configurations"

// records are what name servers say.
type records map[string]string

func (r records) LookupTXT(_ context.Context, name string) ([]string, error) {
	if text, ok := r[name]; ok {
		return []string{text}, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

// A domainHouse is the API with name servers and an administrator who has a connection.
type domainHouse struct {
	*whole
	dns          records
	host, bearer string // headers
	tenant, id   string
}

func newDomainHouse(t *testing.T) domainHouse {
	t.Helper()
	h := domainHouse{dns: records{}}
	h.whole = newWhole(t, true, func(c *service.Config) {
		c.Resolver, c.Outbound = h.dns, outbound.New(outbound.Options{AllowPrivateNetworks: true})
	})
	h.host = h.hostToken()
	h.bearer = "Authorization: Bearer " + h.signUp("ann@acme.example")["accessToken"].(string)
	h.tenant = h.send(200, "GET", "/identity/resources/users/v2/me", "", h.bearer)["tenantId"].(string)
	c, err := h.svc.Connections.Create(t.Context(), store.Principal{Kind: store.SystemKind, TenantID: h.tenant}, service.NewConnection{
		Protocol: store.SAML, Settings: service.ConnectionSettings{SAML: &service.SAMLSettings{}},
	})
	if err != nil {
		t.Fatal(err)
	}
	h.id = c.ID
	return h
}

func TestDomainRows(t *testing.T) {
	t.Parallel()
	h := newDomainHouse(t)
	path := ssoPath + "/" + h.id + "/domains"
	d := h.send(201, "POST", path, `{"domain":"Corp.example"}`, h.bearer)
	if d["domain"] != "corp.example" || d["validated"] != false || len(d["txtRecord"].(string)) < 32 {
		t.Errorf("claimed %v", d)
	}
	one := path + "/" + d["id"].(string)
	v2 := strings.Replace(one, "/v1/", "/v2/", 1)
	h.send(409, "POST", path, `{"domain":"corp.example"}`, h.bearer)
	h.send(400, "POST", path, `{"domain":"gmail.com"}`, h.bearer)
	h.send(400, "POST", path, `{}`, h.bearer)
	h.send(404, "POST", ssoPath+"/none/domains", `{"domain":"b.example"}`, h.bearer)
	bad := h.send(400, "PUT", v2+"/validate", "", h.bearer)
	if text := fmt.Sprint(bad["errors"]); !strings.Contains(text, "_saml-domain-challenge.corp.example") || !strings.Contains(text, d["txtRecord"].(string)) {
		t.Errorf("the answer is %s", text)
	}
	h.send(403, "PUT", one+"/validate/email", "", h.bearer)
	h.dns["_saml-domain-challenge.corp.example."] = d["txtRecord"].(string)
	h.send(200, "PUT", v2+"/validate", "", h.bearer)
	h.send(200, "PUT", one+"/validate", "", h.bearer)
	h.send(200, "DELETE", one, "", h.bearer)
	h.send(404, "DELETE", one, "", h.bearer)

	h.send(400, "POST", path, `{"domain":"acme.example"}`, h.host)
	own := h.send(201, "POST", path, `{"domain":"acme.example"}`, h.host, "frontegg-tenant-id: "+h.tenant)
	policy := `{"allowVerifiedUsersToAddDomains":true,"skipDomainVerification":false,"bypassDomainCrossValidation":false}`
	h.send(403, "PUT", ssoPath+"/domains", policy, h.bearer)
	h.send(201, "PUT", ssoPath+"/domains", policy, h.host)
	h.send(400, "PUT", ssoPath+"/domains", `{"skipDomainVerification":true}`, h.host)
	for _, who := range []string{h.bearer, h.host} {
		got := h.send(200, "GET", ssoPath+"/domains", "", who)
		if got["allowVerifiedUsersToAddDomains"] != true || got["skipDomainVerification"] != false || got["bypassDomainCrossValidation"] != false {
			t.Errorf("the policy is %v", got)
		}
	}
	h.send(200, "PUT", path+"/"+own["id"].(string)+"/validate/email", "", h.bearer)
	got, err := h.svc.Domains.List(t.Context(), store.Principal{Kind: store.SystemKind, TenantID: h.tenant})
	if err != nil || len(got) != 1 || got[0].Proof != service.ProofEmail {
		t.Errorf("domains %+v, %v", got, err)
	}
}

func TestDomainForced(t *testing.T) {
	t.Parallel()
	h := newDomainHouse(t)
	h.send(201, "POST", ssoPath+"/"+h.id+"/domains", `{"domain":"corp.example"}`, h.bearer)
	for _, tt := range []struct {
		body string
		want bool
	}{{"", true}, {`{"validated":false}`, false}, {`{}`, true}, {`{"validated":false,"more":1}`, false}, {`{"validated":true}`, true}} {
		h.send(200, "PUT", ssoPath+"/domains/corp.example/force-validate", tt.body, h.host)
		ds, err := h.svc.Domains.List(t.Context(), store.Principal{Kind: store.SystemKind, TenantID: h.tenant})
		if err != nil || ds[0].ValidatedAt.IsZero() == tt.want {
			t.Errorf("after %q: %+v, %v", tt.body, ds, err)
		}
	}
	h.send(403, "PUT", ssoPath+"/domains/corp.example/force-validate", "", h.bearer)
	h.send(404, "PUT", ssoPath+"/domains/none.example/force-validate", "", h.host)
	h.send(400, "PUT", ssoPath+"/domains/none/force-validate", "", h.host)
	h.send(400, "PUT", ssoPath+"/domains/corp.example/force-validate", `{"validated":"yes"}`, h.host)
}

func TestSSOSettings(t *testing.T) {
	t.Parallel()
	h := newDomainHouse(t)
	emails := ssoPath + "/excluded-emails"
	h.send(201, "POST", emails, `{"email":"Root@Acme.example"}`, h.host)
	h.send(400, "POST", emails, `{"email":"root"}`, h.host)
	h.send(403, "POST", emails, `{"email":"ann@acme.example"}`, h.bearer)
	h.send(403, "GET", emails, "", h.bearer)
	var list []map[string]string
	if err := json.Unmarshal(ask(t, h.api, "GET", emails, "", h.host).Body.Bytes(), &list); err != nil || len(list) != 1 || list[0]["email"] != "root@acme.example" {
		t.Errorf("excluded %v, %v", list, err)
	}
	h.send(200, "DELETE", emails+"/root@acme.example", "", h.host)
	h.send(404, "DELETE", emails+"/root%40acme.example", "", h.host)
	if got := ask(t, h.api, "GET", emails, "", h.host).Body.String(); strings.TrimSpace(got) != "[]" {
		t.Errorf("excluded %s", got)
	}

	several := ssoPath + "/multiple-sso-per-domain"
	if got := h.send(200, "GET", several, "", h.host); got["active"] != false || got["unspecifiedTenantStrategy"] != "BLOCK" {
		t.Errorf("at first %v", got)
	}
	h.send(201, "PUT", several, `{"active":true,"unspecifiedTenantStrategy":"FIRST_CREATED","useActiveTenant":true}`, h.host)
	h.send(400, "PUT", several, `{"active":true,"unspecifiedTenantStrategy":"ANY","useActiveTenant":true}`, h.host)
	h.send(403, "PUT", several, `{"active":false,"unspecifiedTenantStrategy":"BLOCK","useActiveTenant":true}`, h.bearer)
	if got := h.send(200, "GET", several, "", h.host); got["active"] != true || got["unspecifiedTenantStrategy"] != "FIRST_CREATED" || got["useActiveTenant"] != true {
		t.Errorf("then %v", got)
	}

	public := "/team/resources/sso/v2/configurations/public"
	if got := h.send(200, "GET", public, ""); got["isActive"] != false {
		t.Errorf("without an enabled connection: %v", got)
	}
	by := store.Principal{Kind: store.SystemKind, TenantID: h.tenant}
	if _, err := h.svc.Connections.CreateFrom(t.Context(), by, service.Intake{Document: string(ssotest.NewSAML(t).Metadata())}); err != nil {
		t.Fatal(err)
	}
	if got := h.send(200, "GET", public, ""); got["isActive"] != true {
		t.Errorf("with one: %v", got)
	}
}

func TestSetupLinkRows(t *testing.T) {
	t.Parallel()
	h := newDomainHouse(t)
	const path = "/team/resources/sso/v1/setup-links"
	got := h.send(201, "POST", path, `{"email":"it@corp.example"}`, h.bearer)
	if !strings.HasPrefix(got["link"].(string), "https://app.example/account/sso/setup?token=") || got["email"] != "it@corp.example" {
		t.Errorf("made %v", got)
	}
	h.send(400, "POST", path, `{"email":"it@corp.example","more":1}`, h.bearer)
	h.send(400, "POST", path, `{"email":"it"}`, h.bearer)
	h.send(400, "POST", path, "", h.host)
	var list []map[string]any
	res := ask(t, h.api, "GET", path, "", h.bearer)
	if err := json.Unmarshal(res.Body.Bytes(), &list); err != nil || len(list) != 1 || list[0]["id"] != got["id"] || list[0]["openedAt"] != nil {
		t.Errorf("listed %s, %v", res.Body, err)
	}
	if strings.Contains(res.Body.String(), "token=") {
		t.Errorf("the list shows the link: %s", res.Body)
	}
	h.send(404, "DELETE", path+"/none", "", h.bearer)
	h.send(200, "DELETE", path+"/"+got["id"].(string), "", h.bearer)
	if res := ask(t, h.api, "GET", path, "", h.host, "frontegg-tenant-id: "+h.tenant); strings.TrimSpace(res.Body.String()) != "[]" {
		t.Errorf("listed %s", res.Body)
	}
	again := h.send(201, "POST", path, "", h.host, "frontegg-tenant-id: "+h.tenant)
	if again["email"] != "" || again["id"] == got["id"] {
		t.Errorf("made %v", again)
	}
}
