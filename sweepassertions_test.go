package identity_test

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-identity/identity"
	"github.com/go-identity/identity/internal/pgtest"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/ssotest"
	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/store/postgres"
	"github.com/go-identity/identity/store/sqlite"
)

// A border is a land whose tenants sign in at providers of their own, which A's bends.
type border struct {
	*land
	t    *testing.T
	saml map[string]*ssotest.SAML // by tenant
	oidc map[string]*ssotest.OIDC // by tenant
	twin *ssotest.SAML            // of both: one name, one key
	ids  map[string]string        // of connections, by what their domain is
	ceo  store.User               // of B, whom everybody wants to be
}

// The domains of the connections of A and B.
const (
	samlA, oidcA, twinA = "saml-a.example", "oidc-a.example", "twin-a.example"
	samlB, oidcB, twinB = "saml-b.example", "oidc-b.example", "twin-b.example"
)

func newBorder(t *testing.T, l *land) *border {
	t.Helper()
	now := l.world.Now
	b := &border{land: l, t: t, saml: map[string]*ssotest.SAML{}, oidc: map[string]*ssotest.OIDC{}, ids: map[string]string{}}
	b.twin = ssotest.NewSAML(t, ssotest.SAMLOptions{Now: now})
	for tenantID, names := range map[string][3]string{l.a: {samlA, oidcA, twinA}, l.b: {samlB, oidcB, twinB}} {
		b.saml[tenantID] = ssotest.NewSAML(t, ssotest.SAMLOptions{Now: now})
		b.oidc[tenantID] = ssotest.NewOIDC(t, ssotest.OIDCOptions{Now: now})
		b.join(tenantID, names[0], speaks(b.saml[tenantID]))
		b.join(tenantID, names[2], speaks(b.twin))
		p := b.oidc[tenantID]
		b.join(tenantID, names[1], service.NewConnection{Protocol: store.OIDC, Secret: p.ClientSecret(), Settings: service.ConnectionSettings{
			OIDC: &service.OIDCSettings{Issuer: p.Issuer(), ClientID: p.ClientID()},
		}})
	}
	b.ceo = b.settler(l.b, "ceo@"+samlB)
	l.bIDs["user"] = append(l.bIDs["user"], b.ceo.ID)
	b.settler(l.a, "lee@"+oidcA)
	if res := b.byOIDC(b.oidc[l.b], oidcB, said("same", "guest@"+oidcB)); !admitted(res) {
		t.Fatalf("an honest sign-in came to %d", res.StatusCode)
	}
	i, err := l.store.Identifier(t.Context(), "", store.Email, "guest@"+oidcB)
	if err != nil {
		t.Fatal(err)
	}
	l.bIDs["user"] = append(l.bIDs["user"], i.UserID) // at B's provider its subject is "same"
	return b
}

func speaks(p *ssotest.SAML) service.NewConnection {
	return service.NewConnection{Protocol: store.SAML, Settings: service.ConnectionSettings{SAML: &service.SAMLSettings{
		EntityID: p.EntityID(), Redirect: p.URL(), Certificates: []string{p.Certificate()},
	}}}
}

// join connects a tenant, for a domain that it has proved. Groups there give a role here.
func (b *border) join(tenantID, name string, n service.NewConnection) {
	b.t.Helper()
	by := store.Principal{Kind: store.SystemKind, ID: "system", TenantID: tenantID}
	n.Enabled = true
	c, err := b.id.Connections.Create(b.t.Context(), by, n)
	if err != nil {
		b.t.Fatal(err)
	}
	b.ids[name] = c.ID
	if _, err := b.id.Domains.Add(b.t.Context(), by, c.ID, name); err != nil {
		b.t.Fatal(err)
	}
	if err := b.id.Domains.Force(b.t.Context(), by, name, true); err != nil {
		b.t.Fatal(err)
	}
	rule := service.GroupRule{Group: "staff of B", RoleIDs: b.bIDs["role"]}
	switch {
	case tenantID == b.b:
		b.bIDs["connection"] = append(b.bIDs["connection"], c.ID)
	case name == twinA: // it is for those who come through the twin
		rule = service.GroupRule{Group: "Owner", RoleIDs: []string{b.ownRole()}}
	default:
		return
	}
	if _, err := b.id.Connections.AddGroup(b.t.Context(), by, c.ID, rule); err != nil {
		b.t.Fatal(err)
	}
}

// ownRole is a role of A's.
func (b *border) ownRole() string {
	b.t.Helper()
	roles, err := b.store.Roles(b.t.Context(), b.a)
	if err != nil || len(roles) == 0 {
		b.t.Fatalf("A's roles: %v, %v", roles, err)
	}
	return roles[0].ID
}

// settler is a user with a verified address and a password.
func (b *border) settler(tenantID, email string) store.User {
	b.t.Helper()
	u, err := b.id.Users.Create(b.t.Context(), identity.System(), service.NewUser{TenantID: tenantID, Email: email, Password: sweepPassword})
	if err != nil {
		b.t.Fatal(err)
	}
	return u.User
}

// leaves begins a sign-in for an address in a browser, and returns where that goes.
func (b *border) leaves(client *http.Client, email string) string {
	b.t.Helper()
	body := strings.NewReader(`{"email":"` + email + `"}`)
	res, err := client.Post("/identity/resources/auth/v2/user/sso/prelogin", "application/json", body)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	var d struct{ Address string }
	if err := json.NewDecoder(res.Body).Decode(&d); err != nil || d.Address == "" {
		b.t.Fatalf("the way for %s: %d, %v", email, res.StatusCode, err)
	}
	return d.Address
}

// bySAML signs somebody in who begins with an address in the domain, where that leads to p.
func (b *border) bySAML(p *ssotest.SAML, domain string, u ssotest.User, change ...func(*ssotest.Assertion)) *http.Response {
	b.t.Helper()
	client := b.world.Anonymous()
	return p.SignIn(client, b.leaves(client, "x@"+domain), u, change...)
}

func (b *border) byOIDC(p *ssotest.OIDC, domain string, u ssotest.User, change ...func(map[string]any)) *http.Response {
	b.t.Helper()
	client := b.world.Anonymous()
	return p.SignIn(client, b.leaves(client, "x@"+domain), u, change...)
}

func (b *border) acs(domain string) string {
	return "https://app.example/auth/saml/callback/" + b.ids[domain]
}

func said(subject, email string) ssotest.User {
	return ssotest.User{Subject: subject, Email: email, EmailVerified: true, Name: "Nobody In Particular"}
}

// admitted reports whether an answer carries a session.
func admitted(res *http.Response) bool {
	return slices.ContainsFunc(res.Cookies(), func(c *http.Cookie) bool {
		return strings.HasPrefix(c.Name, "fe_refresh") || strings.HasPrefix(c.Name, "__Host-identity") && c.Name != "__Host-identity-sso"
	})
}

// A claimant is something that A's provider says, or does with what it says.
type claimant struct {
	what string
	do   func() *http.Response
}

// refusals are what must come to nothing.
func (b *border) refusals() []claimant {
	a, saml, oidc := b.saml[b.a], b.bySAML, b.byOIDC
	all := []claimant{
		{"SAML-42 with the address as the subject", func() *http.Response {
			return saml(a, samlA, said(b.ceo.Email, b.ceo.Email), func(as *ssotest.Assertion) { as.NameIDFormat = ssotest.EmailAddress })
		}},
		{"SAML-42 with the address as the subject alone", func() *http.Response {
			return saml(a, samlA, said(b.ceo.Email, ""), func(as *ssotest.Assertion) { as.NameIDFormat = ssotest.EmailAddress })
		}},
		{"SAML-42 with two addresses, B's first", func() *http.Response {
			return saml(a, samlA, said("two", ""), func(as *ssotest.Assertion) { as.Attributes["email"] = []string{b.ceo.Email, "x@" + samlA} })
		}},
		{"OIDC-26 an address of B's", func() *http.Response { return oidc(b.oidc[b.a], oidcA, said("s", b.ceo.Email)) }},
		{"OIDC-26 a user of A's own, not verified", func() *http.Response {
			u := said("t", "lee@"+oidcA)
			u.EmailVerified = false
			return oidc(b.oidc[b.a], oidcA, u)
		}},
		{"OIDC-26 a user of A's own, verified as text says", func() *http.Response {
			return oidc(b.oidc[b.a], oidcA, said("t", "lee@"+oidcA), func(c map[string]any) { c["email_verified"] = "true" })
		}},
	}
	for _, email := range []string{
		b.ceo.Email, "new@" + samlB, "admin@b.example", "CEO@" + strings.ToUpper(samlB), b.ceo.Email + ".", "x@" + oidcA, "x@sub." + samlA,
		"x@not" + samlA, b.ceo.Email + "@" + samlA + "@" + samlB, "ceo\uff20" + samlB, samlA, "x@" + samlA + "," + b.ceo.Email, "",
	} {
		all = append(all, claimant{"SAML-42 the address " + email, func() *http.Response { return saml(a, samlA, said("one", email)) }})
	}
	return append(append(all, b.detours()...), b.twins()...)
}

// detours are answers for A that are brought to B.
func (b *border) detours() []claimant {
	var all []claimant
	for name, acs := range map[string]string{
		"B's address": b.acs(samlB), "A's address": b.acs(samlA), "the address of all": "https://app.example/auth/saml/callback",
	} {
		all = append(all, claimant{"SAML-41 A's answer in a sign-in that began at B, at " + name, func() *http.Response {
			client := b.world.Anonymous()
			atA := b.saml[b.a].Request(ssotest.Message{URL: b.leaves(client, "x@"+samlA)})
			atB := b.saml[b.b].Request(ssotest.Message{URL: b.leaves(client, "x@"+samlB)})
			m := b.saml[b.a].Respond(atA, said("ceo", b.ceo.Email))
			m.URL, m.Fields["RelayState"] = acs, []string{atB.RelayState}
			return m.Send(b.t, client)
		}})
	}
	return append(all, claimant{"SAML-41 A's answer at B's address", func() *http.Response {
		client := b.world.Anonymous()
		m := b.saml[b.a].Respond(b.saml[b.a].Request(ssotest.Message{URL: b.leaves(client, "x@"+samlA)}), said("ceo", "x@"+samlA))
		m.URL = b.acs(samlB)
		return m.Send(b.t, client)
	}}, claimant{"OIDC-38 A's code in a sign-in that began at B", func() *http.Response {
		client := b.world.Anonymous()
		mine := b.oidc[b.a].Authorize(b.leaves(client, "x@"+oidcA), said("same", "guest@"+oidcB))
		theirs := b.oidc[b.b].Authorize(b.leaves(client, "x@"+oidcB), said("any", "any@"+oidcB))
		mine.Set("state", theirs.Get("state"))
		return ssotest.Message{URL: "https://app.example/oauth/account/oidc/callback?" + mine.Encode()}.Send(b.t, client)
	}})
}

// twins are answers of one provider that serves both tenants, under one name and with one key.
func (b *border) twins() []claimant {
	bend := func(change func(a *ssotest.Assertion, atA, atB ssotest.Request)) func() *http.Response {
		return func() *http.Response {
			client := b.world.Anonymous()
			atA := b.twin.Request(ssotest.Message{URL: b.leaves(client, "x@"+twinA)})
			atB := b.twin.Request(ssotest.Message{URL: b.leaves(client, "x@"+twinB)})
			m := b.twin.Respond(atA, said("ceo", "ceo@"+twinB), func(a *ssotest.Assertion) { change(a, atA, atB) })
			m.URL, m.Fields["RelayState"] = b.acs(twinB), []string{atB.RelayState}
			return m.Send(b.t, client)
		}
	}
	return []claimant{
		{"SAML-41 the answer for A", bend(func(*ssotest.Assertion, ssotest.Request, ssotest.Request) {})},
		{"SAML-41 the answer for A, to B's request", bend(func(a *ssotest.Assertion, _, atB ssotest.Request) { a.InResponseTo = atB.ID })},
		{"SAML-41 the answer for A, to B's request and address", bend(func(a *ssotest.Assertion, _, atB ssotest.Request) {
			a.InResponseTo, a.Destination, a.Recipient = atB.ID, atB.ACS, atB.ACS
		})},
		{"SAML-41 the answer for B, to A's request", bend(func(a *ssotest.Assertion, _, atB ssotest.Request) {
			a.Audience, a.Destination, a.Recipient = atB.EntityID, atB.ACS, atB.ACS
		})},
		{"SAML-41 the answer for B, but for the address of A", bend(func(a *ssotest.Assertion, _, atB ssotest.Request) {
			a.InResponseTo, a.Audience, a.Recipient = atB.ID, atB.EntityID, atB.ACS
		})},
		{"SAML-41 the answer for B, but for the recipient at A", bend(func(a *ssotest.Assertion, _, atB ssotest.Request) {
			a.InResponseTo, a.Audience, a.Destination = atB.ID, atB.EntityID, atB.ACS
		})},
		{"SAML-42 somebody of B's at A", func() *http.Response { return b.bySAML(b.twin, twinA, said("ceo", "ceo@"+twinB)) }},
	}
}

// harmless are what A's provider may say of its own people: it gives them nothing of B's.
func (b *border) harmless() []claimant {
	owned := func(u ssotest.User) ssotest.User {
		u.Groups = append([]string{"staff of B", "Admin", "admin", "Owner", "own-" + b.b, "fe.secure.*"}, b.bIDs["role"]...)
		u.Attributes = map[string][]string{}
		for _, name := range []string{"tenantId", "tenant_id", "tenantIds", "tid", "organization", "frontegg-tenant-id", "roles", "role", "permissions"} {
			u.Attributes[name] = append([]string{b.b}, b.bIDs["role"]...)
		}
		return u
	}
	return []claimant{
		{"SAML-46 groups, roles and tenants of B's", func() *http.Response { return b.bySAML(b.saml[b.a], samlA, owned(said("own", "own@"+samlA))) }},
		{"SAML-42 a user's id as the subject", func() *http.Response { return b.bySAML(b.saml[b.a], samlA, said(b.ceo.ID, "id@"+samlA)) }},
		{"SAML-42 an address of B's in another attribute", func() *http.Response {
			return b.bySAML(b.saml[b.a], samlA, said("attribute", "attribute@"+samlA), func(a *ssotest.Assertion) {
				a.Attributes["upn"], a.Attributes["secondaryEmail"] = []string{b.ceo.Email}, []string{b.ceo.Email}
			})
		}},
		{"OIDC-38 a subject that is somebody at B", func() *http.Response { return b.byOIDC(b.oidc[b.a], oidcA, said("same", "same@"+oidcA)) }},
		{"OIDC-38 claims about B", func() *http.Response {
			return b.byOIDC(b.oidc[b.a], oidcA, owned(said("claims", "claims@"+oidcA)), func(c map[string]any) {
				c["tenantId"], c["roles"], c["preferred_username"] = b.b, b.bIDs["role"], b.ceo.Email
			})
		}},
	}
}

// TestAttackAssertions lets the providers of tenant A assert what is B's: its users, domains,
// groups and ids, in every place that an assertion has. Nothing of B's changes, and where
// the answer is a refusal nothing changes at all but the logs.
func TestAttackAssertions(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "identity.db")
		s, err := sqlite.Open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		l := newLand(t, s, behind(t, "sqlite", "file:"+path+"?_pragma=busy_timeout(5000)"))
		l.columns = sqliteColumns
		newBorder(t, l).hold()
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		dsn := pgtest.URL(t)
		s, err := postgres.Open(t.Context(), dsn)
		if err != nil {
			t.Fatal(err)
		}
		l := newLand(t, s, behind(t, "pgx", dsn))
		l.columns = postgresColumns
		newBorder(t, l).hold()
	})
}

func (b *border) hold() {
	for _, c := range b.refusals() {
		b.refused(c)
	}
	for _, c := range b.harmless() {
		b.welcome(c)
	}
	err := b.id.SSOPolicies.SetDomains(b.t.Context(), identity.System(), service.DomainPolicy{BypassCrossValidation: true})
	if err != nil {
		b.t.Fatal(err)
	}
	b.refused(claimant{"SAML-42 a user of B's, where any domain is taken", func() *http.Response {
		return b.bySAML(b.saml[b.a], samlA, said("any", b.ceo.Email))
	}})
	b.welcome(claimant{"SAML-42 nobody of B's, where any domain is taken", func() *http.Response {
		return b.bySAML(b.saml[b.a], samlA, said("anybody", "nobody@"+samlB))
	}})
	if _, err := b.store.Identifier(b.t.Context(), "", store.Email, "nobody@"+samlB); err == nil {
		b.t.Error("an address that A's provider cannot prove leads to its user")
	}
}

// refused checks that an attempt came to nothing but a record of it.
func (b *border) refused(c claimant) {
	b.t.Helper()
	before, noted := b.everything(), b.noted()
	res := c.do()
	if admitted(res) || res.StatusCode < 400 {
		b.t.Errorf("%s: %d to %q, want a refusal", c.what, res.StatusCode, res.Header.Get("Location"))
	}
	if after := b.everything(); after != before {
		b.t.Errorf("%s: it left something behind:\n%s", c.what, difference(before, after))
	}
	if now := b.noted(); now != noted+1 {
		b.t.Errorf("%s: %d refusals were recorded, want 1", c.what, now-noted)
	}
}

// welcome checks that an attempt came to a session of A's alone, of nobody who was B's.
func (b *border) welcome(c claimant) {
	b.t.Helper()
	before, had := b.dump(b.t), b.sessions()
	if res := c.do(); !admitted(res) {
		b.t.Errorf("%s: %d, want a session", c.what, res.StatusCode)
		return
	}
	if after := b.dump(b.t); after != before {
		b.t.Errorf("%s: it changed something of B's:\n%s", c.what, difference(before, after))
	}
	for _, s := range b.sessions() {
		if slices.Contains(had, s) {
			continue
		}
		if s.tenantID != b.a || s.only != b.a || slices.Contains(b.bIDs["user"], s.userID) {
			b.t.Errorf("%s: the session is of %s in %s, confined to %q", c.what, s.userID, s.tenantID, s.only)
		}
		roles, keys, err := b.store.Rights(b.t.Context(), b.a, s.userID)
		if err != nil || slices.ContainsFunc(roles, func(r store.Role) bool { return !r.Default }) {
			b.t.Errorf("%s: the roles are %v with %v, %v; want what everybody has", c.what, roles, keys, err)
		}
	}
}

type seat struct{ userID, tenantID, only string }

func (b *border) sessions() (all []seat) {
	b.t.Helper()
	rows, err := b.db.QueryContext(b.t.Context(), `select user_id, tenant_id, only_tenant_id from identity_sessions`)
	if err != nil {
		b.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var s seat
		if err := rows.Scan(&s.userID, &s.tenantID, &s.only); err != nil {
			b.t.Fatal(err)
		}
		all = append(all, s)
	}
	return all
}

// noted counts the refusals that were recorded.
func (b *border) noted() int {
	b.t.Helper()
	l, err := b.store.Audit(b.t.Context(), store.AuditQuery{Action: "sso.refused"})
	if err != nil {
		b.t.Fatal(err)
	}
	return l.Total
}

// everything writes out every row there is, but for the logs and what is in flight.
func (b *border) everything() string {
	b.t.Helper()
	var out strings.Builder
	for table := range b.tables(b.t) {
		where := "1 = 1"
		switch table {
		case "identity_audit_events", "identity_sso_attempts":
			continue
		case "identity_challenges":
			where = "purpose not in ('sso', 'sso-replay')"
		}
		out.WriteString(b.rows(b.t, table, where, nil))
	}
	lines := strings.Split(out.String(), "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}
