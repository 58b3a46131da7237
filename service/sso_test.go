package service_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/internal/outbound"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/sso"
	"github.com/go-identity/identity/ssotest"
	"github.com/go-identity/identity/store"
)

// A harbour is a world with two tenants: "acme" signs in at a SAML provider, "globex" at an
// OpenID provider. Each has the domain of its name, proved.
type harbour struct {
	world
	saml *ssotest.SAML
	oidc *ssotest.OIDC
	ids  map[string]string // of the connections, by tenant
}

func newHarbour(t testing.TB, change ...func(*service.Config)) harbour {
	t.Helper()
	return harbourOver(t, memory(t), change...)
}

func harbourOver(t testing.TB, db store.Store, change ...func(*service.Config)) harbour {
	t.Helper()
	k := &clock{at: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)}
	w := worldOver(t, db, k, append([]func(*service.Config){harbourly}, change...)...)
	h := harbour{
		world: w, saml: ssotest.NewSAML(t, ssotest.SAMLOptions{Now: k.now}), oidc: ssotest.NewOIDC(t, ssotest.OIDCOptions{Now: k.now}),
		ids: map[string]string{},
	}
	h.connect(t, "acme", h.bySAML())
	h.connect(t, "globex", h.byOIDC())
	return h
}

// harbourly lets a world reach providers on this machine.
func harbourly(c *service.Config) {
	c.Outbound = outbound.New(outbound.Options{AllowPrivateNetworks: true})
	c.SignUp.SkipVerification = true
}

func (h harbour) bySAML() service.NewConnection {
	return service.NewConnection{Protocol: store.SAML, Enabled: true, Settings: service.ConnectionSettings{SAML: &service.SAMLSettings{
		EntityID: h.saml.EntityID(), Redirect: h.saml.URL(), Certificates: []string{h.saml.Certificate()}, LogoutGet: h.saml.LogoutURL(),
	}}}
}

func (h harbour) byOIDC() service.NewConnection {
	return service.NewConnection{Protocol: store.OIDC, Enabled: true, Secret: h.oidc.ClientSecret(), Settings: service.ConnectionSettings{
		OIDC: &service.OIDCSettings{Issuer: h.oidc.Issuer(), ClientID: h.oidc.ClientID()},
	}}
}

// within is the host's back end in a tenant.
func within(tenantID string) store.Principal {
	by := store.System()
	by.TenantID = tenantID
	return by
}

// connect makes a tenant with a connection that has the domain of its name.
func (h harbour) connect(t testing.TB, tenantID string, n service.NewConnection) {
	t.Helper()
	if _, err := h.Tenants.Create(t.Context(), store.System(), service.NewTenant{ID: tenantID, Name: tenantID}); err != nil {
		t.Fatal(err)
	}
	c, err := h.Connections.Create(t.Context(), within(tenantID), n)
	if err != nil {
		t.Fatal(err)
	}
	h.ids[tenantID] = c.ID
	h.claim(t, tenantID, tenantID+".com")
}

// claim gives the tenant's connection a domain, proved.
func (h harbour) claim(t testing.TB, tenantID, name string) {
	t.Helper()
	if _, err := h.Domains.Add(t.Context(), within(tenantID), h.ids[tenantID], name); err != nil {
		t.Fatal(err)
	}
	if err := h.Domains.Force(t.Context(), within(tenantID), name, true); err != nil {
		t.Fatal(err)
	}
}

// set changes the settings of a tenant's connection.
func (h harbour) set(t testing.TB, tenantID string, change func(*service.ConnectionSettings)) {
	t.Helper()
	_, err := h.Connections.Update(t.Context(), within(tenantID), h.ids[tenantID], service.ConnectionChange{Settings: change})
	if err != nil {
		t.Fatal(err)
	}
}

// A quay catches what a browser brings back, in place of the application.
type quay struct {
	out  http.RoundTripper
	path string
	form url.Values
}

func (q *quay) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host != "app.example" {
		return q.out.RoundTrip(r)
	}
	q.path, q.form = r.URL.Path, r.URL.Query()
	if r.Method == http.MethodPost {
		text, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		if q.form, err = url.ParseQuery(string(text)); err != nil {
			return nil, err
		}
	}
	return &http.Response{StatusCode: 200, Body: http.NoBody, Header: http.Header{}, Request: r}, nil
}

// leave begins a sign-in.
func (h harbour) leave(t testing.TB, in service.Start) service.Departure {
	t.Helper()
	d, err := h.SSO.Begin(t.Context(), someone, in)
	if err != nil {
		t.Fatalf("begin for %s: %v", in.Email, err)
	}
	return d
}

// fromSAML is what the browser brings back from the SAML provider.
func (h harbour) fromSAML(t testing.TB, d service.Departure, u ssotest.User, change ...func(*ssotest.Assertion)) service.Arrival {
	t.Helper()
	q := &quay{out: &http.Transport{DisableKeepAlives: true}}
	h.saml.In(t).SignIn(&http.Client{Transport: q}, d.Address, u, change...)
	return service.Arrival{
		ConnectionID: strings.TrimPrefix(q.path, "/auth/saml/callback/"), Browser: d.Browser,
		SAMLResponse: q.form.Get("SAMLResponse"), RelayState: q.form.Get("RelayState"),
	}
}

func (h harbour) fromOIDC(t testing.TB, d service.Departure, u ssotest.User, change ...func(map[string]any)) service.Arrival {
	t.Helper()
	q := &quay{out: &http.Transport{DisableKeepAlives: true}}
	h.oidc.In(t).SignIn(&http.Client{Transport: q}, d.Address, u, change...)
	return service.Arrival{Browser: d.Browser, Answer: q.form}
}

// land finishes a sign-in, a second after whatever was before.
func (h harbour) land(t testing.TB, in service.Arrival) (service.Arrived, error) {
	t.Helper()
	h.clock.advance(time.Second)
	return h.SSO.Finish(t.Context(), someone, in)
}

// samlLogin signs somebody in at the SAML provider, of whatever domain leads there.
func (h harbour) samlLogin(t testing.TB, u ssotest.User, change ...func(*ssotest.Assertion)) (service.Login, error) {
	t.Helper()
	a, err := h.land(t, h.fromSAML(t, h.leave(t, service.Start{TenantID: "acme"}), u, change...))
	return a.Login, err
}

func (h harbour) oidcLogin(t testing.TB, u ssotest.User, change ...func(map[string]any)) (service.Login, error) {
	t.Helper()
	a, err := h.land(t, h.fromOIDC(t, h.leave(t, service.Start{TenantID: "globex"}), u, change...))
	return a.Login, err
}

// member makes a user with a proved address in a tenant of its own.
func (h harbour) member(t testing.TB, email string) service.Profile {
	t.Helper()
	if _, err := h.Tenants.Create(t.Context(), store.System(), service.NewTenant{ID: "elsewhere", Name: "Elsewhere"}); err != nil {
		wantCode(t, "make a tenant", err, fault.Conflict)
	}
	p, err := h.Users.Create(t.Context(), store.System(), service.NewUser{TenantID: "elsewhere", Email: email, Password: good})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// refused wants the one refusal, with the diagnosis for the administrator: in the audit of the
// tenant, and among the attempts of its connection.
func (h harbour) refused(t testing.TB, tenantID string, err error, diagnosis string) {
	t.Helper()
	wantCode(t, "sign in", err, fault.Unauthenticated)
	if err == nil {
		return
	}
	if err.Error() != sso.Refuse("", nil).Error() {
		t.Errorf("what the browser sees is %q", err)
	}
	if got := sso.Diagnosis(err); !strings.Contains(got, diagnosis) {
		t.Errorf("diagnosis = %q, want %q in it", got, diagnosis)
	}
	all, failed := h.db.SSOAttempts(t.Context(), tenantID, h.ids[tenantID])
	if failed != nil || len(all) == 0 || all[0].Accepted || !strings.Contains(all[0].Diagnosis, diagnosis) {
		t.Errorf("the newest of %d attempts, %v, want it refused because %q: %+v", len(all), failed, diagnosis, all[:min(1, len(all))])
	}
	l, failed := h.db.Audit(t.Context(), store.AuditQuery{Action: "sso.refused", TenantID: tenantID})
	if failed != nil || l.Total == 0 {
		t.Errorf("audit = %+v, %v, want the refusal", l, failed)
	}
}

// rolesOf returns the keys of the roles that a user has in a tenant, in byte order.
func (h harbour) rolesOf(t testing.TB, tenantID, userID string) []string {
	t.Helper()
	roles, _, err := h.db.Rights(t.Context(), tenantID, userID)
	if err != nil {
		t.Fatal(err)
	}
	keys := make([]string, len(roles))
	for i, r := range roles {
		keys[i] = r.Key
	}
	slices.Sort(keys)
	return keys
}

func TestSSOMakesUsers(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, db store.Store) {
		h := harbourOver(t, db)
		for _, tt := range []struct {
			name, tenant, provider, email string
			login                         func(u ssotest.User) (service.Login, error)
		}{
			{"SAML", "acme", "saml", "ada@acme.com", func(u ssotest.User) (service.Login, error) { return h.samlLogin(t, u) }},
			{"OpenID Connect", "globex", "oidc", "bob@globex.com", func(u ssotest.User) (service.Login, error) { return h.oidcLogin(t, u) }},
		} {
			l, err := tt.login(ssotest.Person(tt.email))
			if err != nil {
				t.Fatalf("%s: %v", tt.name, err)
			}
			u := l.User
			if u.Provider != tt.provider || !u.Verified || u.Email != tt.email || l.Session.TenantID != tt.tenant || l.Session.OnlyTenantID != tt.tenant {
				t.Errorf("%s: signed in %+v in %+v", tt.name, u, l.Session)
			}
			if got := h.rolesOf(t, tt.tenant, u.ID); !slices.Equal(got, []string{"member"}) {
				t.Errorf("%s: roles = %v, want the default one", tt.name, got)
			}
			h.clock.advance(time.Minute)
			again, err := tt.login(ssotest.Person(tt.email))
			if err != nil || again.User.ID != u.ID {
				t.Errorf("%s: the second time = %+v, %v, want the same user", tt.name, again.User, err)
			}
			p, err := h.db.ProviderSession(t.Context(), u.ID, again.Session.ID)
			if err != nil || p.ConnectionID != h.ids[tt.tenant] || p.Subject != ssotest.Person(tt.email).Subject || p.Index == "" {
				t.Errorf("%s: provider session = %+v, %v", tt.name, p, err)
			}
			ids, err := h.db.Identifiers(t.Context(), u.ID)
			if err != nil || len(ids) != 1 || ids[0].VerifiedAt.IsZero() {
				t.Errorf("%s: identifiers = %+v, %v", tt.name, ids, err)
			}
		}
	})
}

func TestSSORoles(t *testing.T) {
	t.Parallel()
	for _, every := range []bool{false, true} {
		everywhere(t, func(t *testing.T, db store.Store) {
			h := harbourOver(t, db, func(c *service.Config) { c.EveryGroup = every })
			roles, err := h.Roles.Create(t.Context(), within("acme"), []service.NewRole{
				{Key: "all", Name: "All"}, {Key: "staff", Name: "Staff"}, {Key: "heads", Name: "Heads"}, {Key: "byhand", Name: "By hand"},
			})
			if err != nil {
				t.Fatal(err)
			}
			id := map[string]string{}
			for _, r := range roles {
				id[r.Key] = r.ID
			}
			if err := h.Connections.SetRoles(t.Context(), within("acme"), h.ids["acme"], []string{id["all"]}); err != nil {
				t.Fatal(err)
			}
			for group, role := range map[string]string{"Staff": "staff", "Heads": "heads", "Both": "byhand"} {
				_, err := h.Connections.AddGroup(t.Context(), within("acme"), h.ids["acme"], service.GroupRule{Group: group, RoleIDs: []string{id[role]}})
				if err != nil {
					t.Fatal(err)
				}
			}
			in := func(want []string, groups ...string) service.Login {
				t.Helper()
				h.clock.advance(time.Minute)
				u := ssotest.Person("ada@acme.com")
				u.Groups = groups
				l, err := h.samlLogin(t, u)
				if err != nil {
					t.Fatal(err)
				}
				if got := h.rolesOf(t, "acme", l.User.ID); !slices.Equal(got, want) {
					t.Errorf("every %t: roles of somebody in %v = %v, want %v", every, groups, got, want)
				}
				return l
			}
			l := in([]string{"all", "member", "staff"}, "Staff", "staff", "unknown")
			if _, err := h.Members.Assign(t.Context(), within("acme"), l.User.ID, []string{id["byhand"]}); err != nil {
				t.Fatal(err)
			}
			before := h.user(t, l)
			if !every {
				in([]string{"all", "byhand", "member", "staff"}, "Heads")
				return
			}
			in([]string{"all", "byhand", "heads", "member"}, "Heads", "Both")
			p, err := h.Gate.Resolve(t.Context(), l.AccessToken)
			if err != nil || slices.EqualFunc(p.Roles, before.Roles, func(a, b store.RoleRef) bool { return a.ID == b.ID }) {
				t.Errorf("the session of before has roles %v, %v, want the new ones", p.Roles, err)
			}
			in([]string{"all", "byhand", "member"}) // what was given by hand stays
		})
	}
}

func TestSSOKnownOnly(t *testing.T) {
	t.Parallel()
	h := newHarbour(t)
	h.set(t, "acme", func(st *service.ConnectionSettings) { st.KnownOnly = true })
	_, err := h.samlLogin(t, ssotest.Person("ada@acme.com"))
	h.refused(t, "acme", err, "lets only members in")
	ada := h.member(t, "ada@acme.com")
	_, err = h.samlLogin(t, ssotest.Person("ada@acme.com"))
	h.refused(t, "acme", err, "lets only members in")
	if _, err := h.Members.Add(t.Context(), store.System(), ada.ID, service.TenantChoice{TenantID: "acme", MustExist: true}); err != nil {
		t.Fatal(err)
	}
	if l, err := h.samlLogin(t, ssotest.Person("ada@acme.com")); err != nil || l.User.ID != ada.ID {
		t.Errorf("a member signs in as %+v, %v", l.User, err)
	}
}

// TestSSOAttributes keeps what the provider says within bounds.
func TestSSOAttributes(t *testing.T) {
	t.Parallel()
	h := newHarbour(t)
	u := ssotest.Person("ada@acme.com")
	u.Attributes = map[string][]string{"a": {"one", "two"}, "b": {strings.Repeat("<", 20_000)}, "z": {"last"}}
	l, err := h.samlLogin(t, u)
	if err != nil {
		t.Fatal(err)
	}
	p, err := h.db.ProviderSession(t.Context(), l.User.ID, l.Session.ID)
	if err != nil {
		t.Fatal(err)
	}
	var all map[string][]string
	if err := json.Unmarshal([]byte(p.Attributes), &all); err != nil || len(p.Attributes) > 16<<10 || !slices.Equal(all["a"], []string{"one", "two"}) {
		t.Errorf("kept %.200s, %v", p.Attributes, err)
	}
}

// TestSSOSecondFactor holds a sign-in up for a second factor: what comes of it is still the
// provider's and the tenant's.
func TestSSOSecondFactor(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, db store.Store) {
		h := harbourOver(t, db)
		h.force(t, "acme", service.Force)
		u := ssotest.Person("ada@acme.com")
		until := h.clock.now().Add(2 * time.Hour)
		l, err := h.samlLogin(t, u, func(a *ssotest.Assertion) { a.SessionNotOnOrAfter = until })
		if err != nil || !l.MFARequired || l.MFAEnrolled || l.Secret != "" {
			t.Fatalf("signed in as %+v, %v, want the question for a second factor", l, err)
		}
		e, err := h.MFA.EnrollAtLogin(t.Context(), someone, l.MFAToken)
		if err != nil {
			t.Fatal(err)
		}
		c := service.MFACode{Token: l.MFAToken, Code: newPhone(t, h.world, e.Secret).shows(t, 0)}
		in, err := h.MFA.FinishEnrollAtLogin(t.Context(), someone, c)
		if err != nil {
			t.Fatal(err)
		}
		o := in.Session
		if o.OnlyTenantID != "acme" || !o.EndsAt.Equal(until) || !slices.Equal(o.Methods, []string{"sso", "otp", "mfa"}) {
			t.Errorf("the session is %+v, want it confined, by both, until %s", o, until)
		}
		p, err := h.db.ProviderSession(t.Context(), o.UserID, o.ID)
		if err != nil || p.Subject != u.Subject || p.ConnectionID != h.ids["acme"] {
			t.Errorf("it came from %+v, %v", p, err)
		}
		again, err := h.samlLogin(t, u)
		if err != nil || !again.MFARequired {
			t.Fatalf("the second time = %+v, %v", again, err)
		}
		h.enable(t, "acme", false)
		code := newPhone(t, h.world, e.Secret)
		h.clock.advance(time.Minute)
		_, err = h.MFA.Verify(t.Context(), someone, service.MFACode{Token: again.MFAToken, Code: code.shows(t, 0)})
		wantCode(t, "show it after the connection was disabled", err, fault.Unauthenticated)
	})
}

// TestSSOConfirms lets a provider prove an address later.
func TestSSOConfirms(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, db store.Store) {
		h := harbourOver(t, db)
		u := ssotest.Person("late@globex.com")
		u.EmailVerified = false
		first, err := h.oidcLogin(t, u)
		if err != nil || first.User.Verified {
			t.Fatalf("not proved: %+v, %v", first.User, err)
		}
		u.EmailVerified = true
		second, err := h.oidcLogin(t, u)
		if err != nil || second.User.ID != first.User.ID || !second.User.Verified {
			t.Errorf("proved: %+v, %v, want the same user, verified", second.User, err)
		}
		i, err := h.db.Identifier(t.Context(), "", store.Email, "late@globex.com")
		if err != nil || i.UserID != first.User.ID || i.VerifiedAt.IsZero() {
			t.Errorf("found by %+v, %v", i, err)
		}
	})
}

// TestSSOSubject knows a person by an attribute where the provider's name for them is a new one
// each time, and signs them out by that name.
func TestSSOSubject(t *testing.T) {
	t.Parallel()
	h := newHarbour(t)
	in := func(name string) service.Login {
		t.Helper()
		l, err := h.samlLogin(t, ssotest.Person("ada@acme.com"), func(a *ssotest.Assertion) {
			a.Subject, a.NameIDFormat = name, ssotest.Transient
			a.Attributes["urn:oasis:names:tc:SAML:attribute:pairwise-id"] = []string{"ada@pairwise"}
		})
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	first, second := in("_one"), in("_two")
	if first.User.ID != second.User.ID {
		t.Errorf("signed in as %s and %s, want one user", first.User.ID, second.User.ID)
	}
	m := h.saml.Logout(h.wish("acme", ssotest.Logout{Subject: "_one", NameIDFormat: ssotest.Transient, Form: true}))
	_, err := h.SSO.Receive(t.Context(), someone, service.LogoutMessage{ConnectionID: h.ids["acme"], SAMLRequest: m.Fields.Get("SAMLRequest")})
	wantCode(t, "sign out", err, "")
	_, err = h.refresh(t, first.Secret)
	wantCode(t, "the session that was signed out", err, fault.Unauthenticated)
	_, err = h.refresh(t, second.Secret)
	wantCode(t, "the other session", err, "")
}

// TestSSORefusesUsers keeps out who may not enter, whatever the provider says.
func TestSSORefusesUsers(t *testing.T) {
	t.Parallel()
	h := newHarbour(t)
	u := ssotest.Person("ada@acme.com")
	l, err := h.samlLogin(t, u)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Members.Disable(t.Context(), within("acme"), l.User.ID); err != nil {
		t.Fatal(err)
	}
	_, err = h.samlLogin(t, u)
	h.refused(t, "acme", err, "disabled in the tenant")
	if err := h.Members.Enable(t.Context(), within("acme"), l.User.ID); err != nil {
		t.Fatal(err)
	}
	locked, err := h.db.User(t.Context(), l.User.ID)
	if err != nil {
		t.Fatal(err)
	}
	locked.Locked = true
	if err := h.db.UpdateUser(t.Context(), locked); err != nil {
		t.Fatal(err)
	}
	_, err = h.samlLogin(t, u)
	h.refused(t, "acme", err, "the user is locked")
}

// TestSSOPerTenant keeps users of two tenants apart that have one address.
func TestSSOPerTenant(t *testing.T) {
	t.Parallel()
	h := newHarbour(t, func(c *service.Config) { c.PerTenant = true })
	other := h.member(t, "ada@acme.com")
	l, err := h.samlLogin(t, ssotest.Person("ada@acme.com"))
	if err != nil || l.User.ID == other.ID {
		t.Fatalf("signed in as %+v, %v, want another user than that of another tenant", l.User, err)
	}
	i, err := h.db.Identifier(t.Context(), "acme", store.Email, "ada@acme.com")
	if err != nil || i.UserID != l.User.ID {
		t.Errorf("found by %+v, %v", i, err)
	}
}
