package service_test

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/internal/outbound"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/ssotest"
	"github.com/go-identity/identity/store"
)

// near lets the services call this machine, where the providers of tests are.
func near(c *service.Config) {
	open(c)
	c.Outbound = outbound.New(outbound.Options{AllowPrivateNetworks: true})
}

// administrator is somebody who may write the configuration of a new tenant.
func (w world) administrator(t testing.TB, email string) store.Principal {
	t.Helper()
	return w.user(t, w.signUp(t, email))
}

// certificates are those of a provider, as they are kept.
func certificates(p *ssotest.SAML) []string {
	var all []string
	for _, c := range p.Certificates() {
		all = append(all, base64.StdEncoding.EncodeToString(c.Raw))
	}
	return all
}

// typed are the settings of a SAML connection that an administrator typed in.
func typed(certificates ...string) service.ConnectionSettings {
	return service.ConnectionSettings{SAML: &service.SAMLSettings{
		Redirect: "https://idp.example/sso", Certificates: certificates,
	}}
}

// wired makes an enabled SAML connection to a provider.
func (w world) wired(t testing.TB, by store.Principal, p *ssotest.SAML) service.SSOConnection {
	t.Helper()
	c, err := w.Connections.CreateFrom(t.Context(), by, service.Intake{Document: string(p.Metadata())})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func yes() *bool { v := true; return &v }
func no() *bool  { v := false; return &v }

func TestConnectionLife(t *testing.T) {
	t.Parallel()
	w := newWorld(t, near)
	by, p := w.administrator(t, "ada@acme.example"), ssotest.NewSAML(t)
	c, err := w.Connections.Create(t.Context(), by, service.NewConnection{
		Protocol: store.SAML, Enabled: true, Settings: typed(p.Certificate(), p.Certificate()),
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := "https://app.example/auth/saml/callback/" + c.ID; c.ACS != want || !c.Enabled {
		t.Errorf("ACS = %q, enabled %t; want %q", c.ACS, c.Enabled, want)
	}
	if want := "https://app.example/auth/saml/metadata/" + c.ID; c.EntityID != want || len(c.With.SAML.Certificates) != 1 {
		t.Errorf("entity %q, %d certificates; want %q and each once", c.EntityID, len(c.With.SAML.Certificates), want)
	}
	c, err = w.Connections.Update(t.Context(), by, c.ID, service.ConnectionChange{Settings: func(s *service.ConnectionSettings) {
		s.SAML.ACS, s.Name = "https://app.example/auth/saml/callback", "Okta"
	}})
	if err != nil || c.ACS != "https://app.example/auth/saml/callback" || c.With.SAML.Redirect != "https://idp.example/sso" {
		t.Errorf("Update = %+v, %v; want the rest as it was", c.With.SAML, err)
	}
	all, err := w.Connections.List(t.Context(), by)
	if err != nil || len(all) != 1 || all[0].With.Name != "Okta" {
		t.Errorf("List = %+v, %v", all, err)
	}
	wantCode(t, "Delete", w.Connections.Delete(t.Context(), by, c.ID), "")
	_, err = w.Connections.Read(t.Context(), by, c.ID)
	wantCode(t, "Read after Delete", err, fault.NotFound)
	for _, action := range []string{"connection.created", "connection.updated", "connection.deleted"} {
		if n := w.audited(t, action); n != 1 {
			t.Errorf("%s was recorded %d times, want once", action, n)
		}
	}
}

func TestConnectionChecks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, open)
	by, p := w.administrator(t, "ada@acme.example"), ssotest.NewSAML(t)
	cert := certificates(p)[0]
	for name, tt := range map[string]struct {
		change func(*service.NewConnection)
		says   string
	}{
		"no protocol":    {func(n *service.NewConnection) { n.Protocol = "" }, "type"},
		"other settings": {func(n *service.NewConnection) { n.Protocol = store.OIDC }, "type"},
		"both settings":  {func(n *service.NewConnection) { n.Settings.OIDC = &service.OIDCSettings{} }, "type"},
		"http":           {func(n *service.NewConnection) { n.Settings.SAML.Redirect = "http://idp.example/" }, "ssoEndpoint"},
		"http here":      {func(n *service.NewConnection) { n.Settings.SAML.Redirect = "http://localhost/" }, "ssoEndpoint"},
		"script":         {func(n *service.NewConnection) { n.Settings.SAML.POST = "javascript:alert(1)" }, "ssoEndpoint"},
		"sign-out":       {func(n *service.NewConnection) { n.Settings.SAML.LogoutGet = "//idp.example" }, "sloEndpoint"},
		"user":           {func(n *service.NewConnection) { n.Settings.SAML.POST = "https://a:b@idp.example/" }, "ssoEndpoint"},
		"no address":     {func(n *service.NewConnection) { n.Settings.SAML.Redirect = "" }, "ssoEndpoint"},
		"no certificate": {func(n *service.NewConnection) { n.Settings.SAML.Certificates = nil }, "publicCertificate"},
		"garbage":        {func(n *service.NewConnection) { n.Settings.SAML.Certificates = []string{"garbage"} }, "publicCertificate"},
		"ACS":            {func(n *service.NewConnection) { n.Settings.SAML.ACS = "/callback" }, "acsUrl"},
		"entity":         {func(n *service.NewConnection) { n.Settings.SAML.SPEntityID = strings.Repeat("x", 1025) }, "spEntityId"},
		"metadata URL":   {func(n *service.NewConnection) { n.Settings.SAML.MetadataURL = "https://169.254.169.254/" }, "metadataUrl"},
		"direct":         {func(n *service.NewConnection) { n.Settings.SAML.Direct = true }, "unsolicited"},
		"custom":         {func(n *service.NewConnection) { n.Settings.Custom = json.RawMessage(`[]`) }, "configMetadata"},
		"long name":      {func(n *service.NewConnection) { n.Settings.Name = strings.Repeat("x", 256) }, "name"},
		"mapping":        {func(n *service.NewConnection) { n.Settings.Attributes.Email = []string{""} }, "attributes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := service.NewConnection{Protocol: store.SAML, Enabled: true, Settings: typed(cert)}
			tt.change(&n)
			_, err := w.Connections.Create(t.Context(), by, n)
			wantCode(t, "Create", err, fault.Invalid)
			if err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Errorf("Create says %q, want something of %q", err, tt.says)
			}
		})
	}
	n := service.NewConnection{Protocol: store.SAML, Settings: service.ConnectionSettings{SAML: &service.SAMLSettings{}}}
	c, err := w.Connections.Create(t.Context(), by, n)
	wantCode(t, "Create one that is turned off", err, "")
	_, err = w.Connections.Update(t.Context(), by, c.ID, service.ConnectionChange{Enabled: yes()})
	wantCode(t, "turn it on", err, fault.Invalid)
}

func TestCertificates(t *testing.T) {
	t.Parallel()
	p := ssotest.NewSAML(t)
	p.Announce()
	want := certificates(p)
	var both string
	for _, c := range p.Certificates() {
		both += "-----BEGIN CERTIFICATE-----\n" + base64.StdEncoding.EncodeToString(c.Raw) + "\n-----END CERTIFICATE-----\n"
	}
	for name, tt := range map[string]struct {
		text string
		want []string
	}{
		"nothing": {" \n", nil}, "base64": {want[0], want[:1]}, "PEM": {p.Certificate(), want[:1]}, "PEM of two": {both, want},
		"PEM on one line": {strings.ReplaceAll(p.Certificate(), "\n", ""), want[:1]},
		"base64 of PEM":   {base64.StdEncoding.EncodeToString([]byte(both)), want},
		"list":            {want[0] + ", " + want[1], want},
	} {
		if got, err := service.Certificates(tt.text); err != nil || strings.Join(got, " ") != strings.Join(tt.want, " ") {
			t.Errorf("%s: Certificates = %d of them, %v; want %d", name, len(got), err, len(tt.want))
		}
	}
	for _, bad := range []string{"x", "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----", strings.Repeat("A", 4000)} {
		_, err := service.Certificates(bad)
		wantCode(t, fmt.Sprintf("Certificates(%.30q)", bad), err, fault.Invalid)
	}
}

func TestConnectionLimits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, open)
	by := w.administrator(t, "ada@acme.example")
	n := service.NewConnection{Protocol: store.OIDC, Settings: service.ConnectionSettings{OIDC: &service.OIDCSettings{}}}
	for range 20 {
		_, err := w.Connections.Create(t.Context(), by, n)
		wantCode(t, "Create", err, "")
	}
	_, err := w.Connections.Create(t.Context(), by, n)
	wantCode(t, "Create the 21st", err, fault.Invalid)
	by.TenantID = "elsewhere"
	by.Kind = store.ManagementKind
	_, err = w.Connections.Create(t.Context(), by, n)
	wantCode(t, "Create where there is no tenant", err, fault.NotFound)
}

func TestOIDCConnection(t *testing.T) {
	t.Parallel()
	w := newWorld(t, near)
	by, p := w.administrator(t, "ada@acme.example"), ssotest.NewOIDC(t, ssotest.OIDCOptions{Now: w.clock.now})
	n := service.NewConnection{Protocol: store.OIDC, Enabled: true, Secret: p.ClientSecret(), Settings: service.ConnectionSettings{
		OIDC: &service.OIDCSettings{Issuer: p.Issuer(), ClientID: p.ClientID()},
	}}
	c, err := w.Connections.Create(t.Context(), by, n)
	if err != nil || !c.HasSecret || c.Secret != nil {
		t.Fatalf("Create = secret %q, %t, %v; want one that is not shown", c.Secret, c.HasSecret, err)
	}
	n.Settings.OIDC.Issuer += "/nowhere"
	_, err = w.Connections.Create(t.Context(), by, n)
	wantCode(t, "Create with a provider that is not there", err, fault.Invalid)
	_, err = w.Connections.Update(t.Context(), by, c.ID, service.ConnectionChange{Settings: func(s *service.ConnectionSettings) {
		s.OIDC.Issuer = n.Settings.OIDC.Issuer
	}})
	wantCode(t, "Update to a provider that is not there", err, fault.Invalid)
	_, err = w.Connections.Update(t.Context(), by, c.ID, service.ConnectionChange{Secret: new(string)})
	wantCode(t, "Update without a secret", err, fault.Invalid)
	p.Stop()
	c, err = w.Connections.Update(t.Context(), by, c.ID, service.ConnectionChange{Enabled: no()})
	wantCode(t, "turn it off while the provider is away", err, "")
	n.Enabled, n.Settings.OIDC.Issuer = false, "https://10.0.0.1/"
	_, err = w.Connections.Create(t.Context(), by, n)
	wantCode(t, "keep one whose provider is not asked yet", err, "")
	far := newWorld(t, open)
	_, err = far.Connections.Create(t.Context(), far.administrator(t, "ada@acme.example"), n)
	wantCode(t, "Create with a private address", err, fault.Invalid)
}

func TestIntake(t *testing.T) {
	t.Parallel()
	w := newWorld(t, near)
	by, p := w.administrator(t, "ada@acme.example"), ssotest.NewSAML(t)
	c, err := w.Connections.CreateFrom(t.Context(), by, service.Intake{URL: p.MetadataURL()})
	if err != nil {
		t.Fatal(err)
	}
	st := c.With.SAML
	if st.EntityID != p.EntityID() || st.MetadataURL != p.MetadataURL() || !c.DueAt.Equal(w.clock.now().Add(24*time.Hour)) || !c.Enabled {
		t.Errorf("CreateFrom = %+v, due %s", st, c.DueAt)
	}
	q := ssotest.NewSAML(t)
	w.clock.advance(time.Minute)
	c, err = w.Connections.UpdateFrom(t.Context(), by, c.ID, service.Intake{Document: string(q.Metadata())})
	if err != nil || c.With.SAML.EntityID != q.EntityID() || c.With.SAML.MetadataURL != "" {
		t.Errorf("UpdateFrom = %+v, %v", c.With.SAML, err)
	}
	due := q.Certificates()[0].NotAfter.Add(-30 * 24 * time.Hour)
	if !due.After(w.clock.now()) {
		due = w.clock.now().Add(24 * time.Hour)
	}
	if !c.DueAt.Equal(due) {
		t.Errorf("due at %s, want before the certificate runs out, %s", c.DueAt, due)
	}
	o, err := w.Connections.Create(t.Context(), by, service.NewConnection{
		Protocol: store.OIDC, Settings: service.ConnectionSettings{OIDC: &service.OIDCSettings{}},
	})
	wantCode(t, "Create", err, "")
	c, err = w.Connections.UpdateFrom(t.Context(), by, o.ID, service.Intake{Document: string(q.Metadata())})
	if err == nil && c.With.SAML != nil {
		t.Error("a connection of OpenID Connect takes metadata of SAML")
	}
}

// TestAttackIntake gives documents that are not what they should be.
func TestAttackIntake(t *testing.T) {
	t.Parallel()
	w := newWorld(t, near)
	by, p := w.administrator(t, "ada@acme.example"), ssotest.NewSAML(t)
	one := string(p.Metadata())
	two := `<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata">` + bare(one) + bare(string(ssotest.NewSAML(t).Metadata())) +
		`</md:EntitiesDescriptor>`
	huge := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(one + strings.Repeat(" ", 10<<20)))
	}))
	t.Cleanup(huge.Close)
	for name, tt := range map[string]struct {
		in   service.Intake
		want fault.Code
	}{
		"SAML-65 two providers":            {service.Intake{Document: two}, fault.Invalid},
		"SAML-65 the wrong name":           {service.Intake{Document: two, EntityID: "https://other.example"}, fault.Invalid},
		"SAML-65 the exact name":           {service.Intake{Document: two, EntityID: p.EntityID()}, ""},
		"SAML-65 no provider":              {service.Intake{Document: spMetadata}, fault.Invalid},
		"SAML-65 10 MB":                    {service.Intake{Document: one + strings.Repeat(" ", 10<<20)}, fault.Invalid},
		"SAML-65 10 MB of an address":      {service.Intake{URL: huge.URL}, fault.Invalid},
		"SAML-65 document type":            {service.Intake{Document: `<!DOCTYPE x [<!ENTITY e "x">]>` + bare(one)}, fault.Invalid},
		"SAML-65 no document":              {service.Intake{Document: "hello"}, fault.Invalid},
		"SAML-65 javascript":               {service.Intake{Document: relocated(one, "javascript:alert(1)")}, fault.Invalid},
		"SAML-65 plain http":               {service.Intake{Document: relocated(one, "http://idp.example/sso")}, fault.Invalid},
		"SAML-65 garbage of a certificate": {service.Intake{Document: strings.Replace(one, certificates(p)[0][:30], "%%%", 1)}, fault.Invalid},
		"SAML-65 ftp":                      {service.Intake{URL: "ftp://idp.example/"}, fault.Invalid},
		"SAML-65 a cloud's own address":    {service.Intake{URL: "https://169.254.169.254/latest"}, fault.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := w.Connections.CreateFrom(t.Context(), by, tt.in)
			wantCode(t, "CreateFrom", err, tt.want)
		})
	}
}

const spMetadata = `<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://sp.example">` +
	`<md:SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">` +
	`<md:AssertionConsumerService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://sp.example/acs" index="0"/>` +
	`</md:SPSSODescriptor></md:EntityDescriptor>`

// bare is a document without its declaration.
func bare(doc string) string {
	if _, rest, found := strings.Cut(doc, "?>"); found {
		return rest
	}
	return doc
}

// relocated sends people elsewhere to sign in.
func relocated(doc, address string) string {
	parts := strings.Split(doc, `Location="`)
	for i := 1; i < len(parts); i++ {
		_, rest, _ := strings.Cut(parts[i], `"`)
		parts[i] = address + `"` + rest
	}
	return strings.Join(parts, `Location="`)
}

func TestSPMetadata(t *testing.T) {
	t.Parallel()
	w := newWorld(t, near)
	by, p := w.administrator(t, "ada@acme.example"), ssotest.NewSAML(t)
	c := w.wired(t, by, p)
	doc, err := w.Connections.TenantMetadata(t.Context(), by, "")
	if err != nil || !strings.Contains(string(doc), `entityID="`+c.EntityID+`"`) || !strings.Contains(string(doc), c.ACS) {
		t.Fatalf("TenantMetadata = %s, %v", doc, err)
	}
	pem, err := w.Connections.Certificate(t.Context(), by)
	if err != nil || !strings.HasPrefix(pem, "-----BEGIN CERTIFICATE-----") {
		t.Fatalf("Certificate = %q, %v", pem, err)
	}
	kept, err := service.Certificates(pem)
	if err != nil || !strings.Contains(string(doc), kept[0]) {
		t.Errorf("the metadata lacks the certificate: %v", err)
	}
	der, _ := base64.StdEncoding.DecodeString(kept[0])
	if cert, err := x509.ParseCertificate(der); err != nil || cert.Subject.CommonName != "app.example" ||
		cert.NotAfter.Year() != w.clock.now().Year()+10 {
		t.Errorf("certificate of %s until %s, %v", cert.Subject.CommonName, cert.NotAfter, err)
	}
	other := worldOver(t, w.db, w.clock, near) // another process
	again, err := other.Connections.Certificate(t.Context(), by)
	if err != nil || again != pem {
		t.Errorf("another process has another certificate: %v", err)
	}
}

func TestAttackConnections(t *testing.T) {
	t.Parallel()
	w := newWorld(t, near)
	acme, p := w.administrator(t, "ada@acme.example"), ssotest.NewSAML(t)
	globex := w.administrator(t, "bob@globex.example")
	c := w.wired(t, acme, p)

	t.Run("SAML-64 another tenant's", func(t *testing.T) {
		t.Parallel()
		_, err := w.Connections.Read(t.Context(), globex, c.ID)
		wantCode(t, "Read", err, fault.NotFound)
		_, err = w.Connections.Update(t.Context(), globex, c.ID, service.ConnectionChange{Enabled: no()})
		wantCode(t, "Update", err, fault.NotFound)
		wantCode(t, "Delete", w.Connections.Delete(t.Context(), globex, c.ID), fault.NotFound)
		wantCode(t, "SetRoles", w.Connections.SetRoles(t.Context(), globex, c.ID, nil), fault.NotFound)
		_, err = w.Connections.AddGroup(t.Context(), globex, c.ID, service.GroupRule{Group: "Staff"})
		wantCode(t, "AddGroup", err, fault.NotFound)
		_, err = w.Connections.TenantMetadata(t.Context(), globex, c.ID)
		wantCode(t, "TenantMetadata", err, fault.NotFound)
		_, err = w.SSOAttempts.List(t.Context(), globex, c.ID)
		wantCode(t, "List attempts", err, fault.NotFound)
	})
	t.Run("SAML-64 who is not there answers as who is of another kind", func(t *testing.T) {
		t.Parallel()
		o, err := w.Connections.Create(t.Context(), globex, service.NewConnection{
			Protocol: store.OIDC, Settings: service.ConnectionSettings{OIDC: &service.OIDCSettings{}},
		})
		wantCode(t, "Create", err, "")
		_, missing := w.Connections.SPMetadata(t.Context(), "nobody")
		_, other := w.Connections.SPMetadata(t.Context(), o.ID)
		if fault.From(missing).Error() != fault.From(other).Error() || fault.From(missing).Code != fault.NotFound {
			t.Errorf("SPMetadata = %v and %v, want one answer", missing, other)
		}
		doc, err := w.Connections.SPMetadata(t.Context(), c.ID)
		if err != nil || strings.Contains(string(doc), "PRIVATE") || !strings.Contains(string(doc), c.EntityID) {
			t.Errorf("SPMetadata = %s, %v", doc, err)
		}
	})
	t.Run("OIDC-35 a secret is sealed and not shown", func(t *testing.T) {
		t.Parallel()
		o, err := w.Connections.Create(t.Context(), acme, service.NewConnection{
			Protocol: store.OIDC, Secret: "topsecret", Settings: service.ConnectionSettings{OIDC: &service.OIDCSettings{}},
		})
		wantCode(t, "Create", err, "")
		kept, err := w.db.Connection(t.Context(), acme.TenantID, o.ID)
		if err != nil || strings.Contains(string(kept.Secret)+kept.Settings, "topsecret") || len(kept.Secret) == 0 {
			t.Errorf("kept %q with %s, %v", kept.Secret, kept.Settings, err)
		}
		all, err := w.Connections.List(t.Context(), acme)
		for _, c := range all {
			if err != nil || c.Secret != nil {
				t.Errorf("List shows %q, %v", c.Secret, err)
			}
		}
	})
	t.Run("SAML-43 any domain is the environment's to allow", func(t *testing.T) {
		t.Parallel()
		any := service.ConnectionChange{Settings: func(s *service.ConnectionSettings) { s.AnyDomain = true }}
		mine := w.wired(t, globex, p)
		_, err := w.Connections.Update(t.Context(), globex, mine.ID, any)
		wantCode(t, "Update by a user", err, fault.Forbidden)
		host := store.Principal{Kind: store.ManagementKind, ID: "m", TenantID: globex.TenantID}
		_, err = w.Connections.Update(t.Context(), host, mine.ID, any)
		wantCode(t, "Update by the host", err, "")
		_, err = w.Connections.Update(t.Context(), globex, mine.ID, service.ConnectionChange{Enabled: no()})
		wantCode(t, "Update of something else", err, "")
	})
	t.Run("SAML-43 without the permission", func(t *testing.T) {
		t.Parallel()
		nobody := acme
		nobody.Rights = store.NewPermissionSet([]store.Permission{store.ReadSSO})
		_, err := w.Connections.Update(t.Context(), nobody, c.ID, service.ConnectionChange{Enabled: no()})
		wantCode(t, "Update", err, fault.Forbidden)
		_, err = w.Connections.CreateFrom(t.Context(), nobody, service.Intake{URL: p.MetadataURL()})
		wantCode(t, "CreateFrom", err, fault.Forbidden)
		wantCode(t, "Delete", w.Connections.Delete(t.Context(), nobody, c.ID), fault.Forbidden)
		nobody.Rights = nil
		_, err = w.Connections.List(t.Context(), nobody)
		wantCode(t, "List", err, fault.Forbidden)
	})
}
