package service_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

// said is what the provider of the tests says beside who it is.
const said = `{"department":["R&D"],"groups":["staff","{{user.email}}"],"none":[],"http://claims.example/2005/name":["Ann"]}`

// saying has the provider say something.
func saying(attributes string) func(*service.Visit) {
	return func(v *service.Visit) { v.Attributes = attributes }
}

// provided has all tokens say what the provider said.
func (w world) provided(t testing.TB) store.Template {
	t.Helper()
	made := w.template(t, sketch("provided", with(`"dept":"{{sso.attributes.department}}","groups":"{{sso.attributes.groups}}",
		"full":"{{sso.attributes.http://claims.example/2005/name}}","text":"of {{sso.attributes.department}}","none":"{{sso.attributes.none}}",
		"gone":"{{sso.attributes.gone}}","from":"{{sso.connectionId}}","as":"{{sso.subject}}"`)))
	w.target(t, "provided", everybody)
	return made
}

func TestProvidedInTokens(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, db store.Store) {
		w := vouchedIn(t, worldOver(t, db, newClock(), open, skewed))
		w.provided(t)
		l := w.comes(t, saying(said))
		check := func(what string, l service.Login, err error) {
			t.Helper()
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			got := claimsOf(t, l)
			if got["dept"] != "R&D" || got["text"] != "of R&D" || got["full"] != "Ann" || got["from"] != w.visit.ConnectionID ||
				got["as"] != "ann@idp" || show(got["groups"]) != `["staff","{{user.email}}"]` {
				t.Errorf("%s: the claims are %v", what, got)
			}
			if got["none"] != nil || got["gone"] != nil {
				t.Errorf("%s: what was not said is in %v", what, got)
			}
		}
		check("signed in", l, nil)
		next, err := w.refresh(t, l.Secret)
		check("refreshed", next, err)
		phone, _ := w.enroll(t, w.user(t, w.here))
		again := w.comes(t, saying(said))
		up, err := w.MFA.StepUp(t.Context(), w.user(t, again), 0)
		if err != nil {
			t.Fatal(err)
		}
		in, err := w.verify(t, up.MFAToken, phone.next(t))
		check("stepped up", in, err)
		own, err := w.refresh(t, w.here.Secret)
		if err == nil {
			err = fmt.Errorf("%s", names(claimsOf(t, own)))
		}
		if want := "aud auth_time exp iat iss jti sid sub tenantId type"; !strings.Contains(strings.ReplaceAll(err.Error(), "amr ", ""), want) {
			t.Errorf("her own session: %v, want no claim of a provider", err)
		}
	})
}

// What the provider said is read for those templates alone that name it.
func TestProvidedCosts(t *testing.T) {
	t.Parallel()
	n := &counts{}
	w := vouchedIn(t, worldOver(t, counting{memory(t), n}, newClock(), open))
	reads := func(what string, want int) {
		t.Helper()
		n.take()
		l := w.comes(t, saying(said))
		if got := n.take()["provider session"]; got != want {
			t.Errorf("%s: a sign-in reads it %d times, want %d", what, got, want)
		}
		if _, err := w.refresh(t, l.Secret); err != nil {
			t.Fatal(err)
		}
		if got := n.take()["provider session"]; got != want {
			t.Errorf("%s: a refresh reads it %d times, want %d", what, got, want)
		}
	}
	reads("by default", 0)
	w.template(t, sketch("lean", with(`"x":"{{user.metadata.sso.attributes}} sso.attributes"`)))
	w.target(t, "lean", everybody)
	reads("by a template that names other things", 0)
	w.provided(t)
	reads("by one that names it", 1)
}

func TestProvidedInPreviews(t *testing.T) {
	t.Parallel()
	w := newVouched(t)
	made := w.provided(t)
	preview := func(tenantID string) service.Previewed {
		t.Helper()
		in := service.Preview{UserID: w.visit.UserID, TenantID: tenantID, TemplateID: made.ID}
		p, err := w.Templates.Preview(t.Context(), store.System(), in)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	if p := preview("acme"); strings.Contains(p.Claims, "dept") || len(p.Unresolved) != 7 {
		t.Errorf("before anybody came: %s, unresolved %v", p.Claims, p.Unresolved)
	}
	w.comes(t, saying(`{"department":["old"]}`))
	w.clock.advance(time.Second)
	l := w.comes(t, saying(said))
	if err := w.SignIn.Logout(t.Context(), someone, l.Secret); err != nil {
		t.Fatal(err)
	}
	p := preview("acme")
	if !strings.Contains(p.Claims, `"dept":"R&D"`) && !strings.Contains(p.Claims, `"dept":"R\u0026D"`) {
		t.Errorf("afterwards: %s", p.Claims)
	}
	if got := strings.Join(p.Unresolved, " "); got != "sso.attributes.none sso.attributes.gone" {
		t.Errorf("unresolved = %s", got)
	}
	if p := preview(w.here.Session.TenantID); strings.Contains(p.Claims, "dept") {
		t.Errorf("another tenant is told: %s", p.Claims)
	}
}

func TestAttackProvidedAttributes(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ attributes, claim, want string }{
		"TPL-03 syntax in a value":     {`{"department":["{{user.email}}"]}`, "dept", `"{{user.email}}"`},
		"TPL-03 half of it":            {`{"department":["{{"]}`, "dept", `"{{"`},
		"TPL-04 JSON in a value":       {`{"department":["x\",\"roles\":[\"Owner\"],\"y\":\""]}`, "dept", `"x\",\"roles\":[\"Owner\"],\"y\":\""`},
		"TPL-01 names of claims":       {`{"sub":["admin"],"roles":["Owner"],"tenantId":["other"],"act":["x"]}`, "tenantId", `"acme"`},
		"TPL-07 the prototype":         {`{"__proto__":["x"],"constructor":["y"],"department":["d"]}`, "dept", `"d"`},
		"TPL-07 braces in a name":      {`{"a}}b":["x"],"{{sub}}":["y"],"department":["d"]}`, "dept", `"d"`},
		"TPL-07 a name twice":          {`{"department":["a"],"Department":["b"]}`, "dept", `"a"`},
		"TPL-08 no object":             {`[1]`, "dept", ``},
		"TPL-08 other types":           {`{"department":{"a":1}}`, "dept", ``},
		"TPL-10 more than can be kept": {`{"department":["` + strings.Repeat("x", 17<<10) + `"]}`, "dept", ``},
		"TPL-18 script":                {`{"department":["<script>alert(1)</script>"]}`, "dept", `"<script>alert(1)</script>"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newVouched(t)
			w.provided(t)
			got := claimsOf(t, w.comes(t, saying(tt.attributes)))
			if tt.want == "" && got[tt.claim] != nil || tt.want != "" && plainly(got[tt.claim]) != tt.want {
				t.Errorf("%s = %s, want %s", tt.claim, plainly(got[tt.claim]), tt.want)
			}
			for claim, value := range map[string]string{"sub": w.visit.UserID, "tenantId": "acme", "type": "userToken"} {
				if got[claim] != value {
					t.Errorf("%s = %v, want %s", claim, got[claim], value)
				}
			}
			if got["roles"] != nil || got["act"] != nil {
				t.Errorf("the provider added to %v", got)
			}
		})
	}
	t.Run("TPL-10 a token that comes out too long", func(t *testing.T) {
		t.Parallel()
		w := newVouched(t)
		w.template(t, sketch("all", with(`"all":"{{sso.attributes}}"`)))
		w.target(t, "all", everybody)
		v := w.visit
		v.Attributes = `{"big":["` + strings.Repeat("x", 15<<10) + `"]}`
		wantCode(t, "come", errOf(w.Come(t.Context(), someone, v)), fault.Internal)
		if n := w.sessions(t, w.visit.UserID); n != 1 {
			t.Errorf("%d sessions, want none that nobody has the secret of", n)
		}
		v.Attributes = said
		l, err := w.Come(t.Context(), someone, v)
		if err != nil {
			t.Fatal(err)
		}
		want := `{"department":"R&D","groups":["staff","{{user.email}}"],"http://claims.example/2005/name":"Ann"}`
		if got := plainly(claimsOf(t, l)["all"]); got != want {
			t.Errorf("all = %s, want %s", got, want)
		}
	})
	t.Run("TPL-08 is audited once", func(t *testing.T) {
		t.Parallel()
		w := newVouched(t)
		w.provided(t)
		l := w.comes(t, saying(`{"department":[{"a":1}]}`))
		if _, err := w.refresh(t, l.Secret); err != nil {
			t.Fatal(err)
		}
		if n := w.audited(t, "token.incomplete"); n != 1 {
			t.Errorf("audited %d times, want once", n)
		}
	})
	t.Run("TPL-06 nothing else of the session", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		for _, name := range strings.Fields("sso sso. sso.hint sso.index sso.Attributes sso.attributes. sso.secret sso.connection sso.__proto__") {
			_, err := w.Templates.Create(t.Context(), store.System(), sketch("x", with(`"x":"{{`+name+`}}"`)))
			wantCode(t, name, err, fault.Invalid)
		}
	})
}

// plainly is show without the escapes for pages.
func plainly(v any) string {
	return strings.NewReplacer(`\u0026`, "&", `\u003c`, "<", `\u003e`, ">").Replace(show(v))
}

func TestEndProvided(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, db store.Store) {
		w := vouchedIn(t, worldOver(t, db, newClock(), open, skewed))
		at := func(index string) func(*service.Visit) { return func(v *service.Visit) { v.Index = index } }
		one, two, cookie := w.comes(t, at("1")), w.comes(t, at("2")), w.comes(t, at("1"), browserKind)
		for _, l := range []service.Login{one, two} { // what is known of them has to be forgotten
			wantCode(t, "before", errOf(w.Gate.Resolve(t.Context(), l.AccessToken)), "")
		}
		ends := func(what, subject, index string, want int) {
			t.Helper()
			n, err := w.EndProvided(t.Context(), w.visit.ConnectionID, subject, index)
			if err != nil || n != want {
				t.Errorf("%s ended %d sessions, %v, want %d", what, n, err, want)
			}
		}
		ends("nobody's", "bob@idp", "", 0)
		ends("another index", "ann@idp", "3", 0)
		ends("one index", "ann@idp", "1", 2)
		wantCode(t, "its family", errOf(w.refresh(t, one.Secret)), fault.Unauthenticated)
		_, _, err := w.Gate.ResolveCookie(t.Context(), cookie.Secret)
		wantCode(t, "its cookie", err, fault.Unauthenticated)
		wantCode(t, "its token", errOf(w.Gate.Resolve(t.Context(), one.AccessToken)), fault.Unauthenticated)
		wantCode(t, "the other", errOf(w.Gate.Resolve(t.Context(), two.AccessToken)), "")
		ends("again", "ann@idp", "1", 0)

		phone, _ := w.enroll(t, w.user(t, w.here))
		waiting := w.comesAsked(t)
		ends("the person", "ann@idp", "", 0) // her enrollment ended the other
		wantCode(t, "a login that waited", errOf(w.verify(t, waiting.MFAToken, phone.next(t))), fault.Unauthenticated)
		l, err := w.verify(t, w.comesAsked(t).MFAToken, phone.next(t))
		if err != nil {
			t.Fatal(err)
		}
		ends("the connection", "", "", 1)
		wantCode(t, "all of it", errOf(w.refresh(t, l.Secret)), fault.Unauthenticated)
		wantCode(t, "her own", errOf(w.refresh(t, w.here.Secret)), "")
	})
}

// TestAttackProviderMethods: a token says how its user signed in, and no more.
func TestAttackProviderMethods(t *testing.T) {
	t.Parallel()
	const acr = store.MultiFactor
	for name, tt := range map[string]struct {
		methods []string
		ago     time.Duration
		amr     string
		acr     any
	}{
		"MFA-35 a provider that says nothing":    {[]string{"sso"}, 0, `["sso"]`, nil},
		"MFA-35 a provider that says password":   {[]string{"sso", "pwd"}, 0, `["sso","pwd"]`, nil},
		"MFA-35 one device is not two factors":   {[]string{"sso", "otp"}, 0, `["sso","otp"]`, nil},
		"MFA-35 two factors, as it says":         {[]string{"sso", "pwd", "otp", "mfa"}, 0, `["sso","pwd","otp","mfa"]`, acr},
		"MFA-35 two factors, but hours ago":      {[]string{"sso", "mfa"}, 3 * time.Hour, `["sso","mfa"]`, nil},
		"MFA-35 two factors, in times to come":   {[]string{"sso", "mfa"}, -3 * time.Hour, `["sso","mfa"]`, acr},
		"MFA-35 two factors, a token's life ago": {[]string{"sso", "mfa"}, 5 * time.Minute, `["sso","mfa"]`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newVouched(t)
			now := w.clock.now()
			l := w.comes(t, func(v *service.Visit) { v.Methods, v.AuthTime = tt.methods, now.Add(-tt.ago) })
			got := claimsOf(t, l)
			at := min(now.Unix(), now.Add(-tt.ago).Unix())
			if show(got["amr"]) != tt.amr || got["acr"] != tt.acr || got["auth_time"] != float64(at) {
				t.Errorf("amr %s acr %v auth_time %v, want %s %v %d", show(got["amr"]), got["acr"], got["auth_time"], tt.amr, tt.acr, at)
			}
			if w.user(t, l).SteppedUp(now, 0) != (tt.acr != nil) {
				t.Error("the principal has stepped up, or has not, unlike its token")
			}
			next, err := w.refresh(t, l.Secret)
			if err != nil || claimsOf(t, next)["acr"] != nil || show(claimsOf(t, next)["amr"]) != tt.amr {
				t.Errorf("after a refresh: %v, %v, want the same methods and nothing that was just shown", claimsOf(t, next), err)
			}
		})
	}
}

// Who has to show a second factor of ours after a provider vouched.
func TestMFAAfterSSO(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		policy  service.Enforcement
		methods string
		device  bool
		want    bool
	}{
		{service.DontForce, "sso", false, false},
		{service.DontForce, "sso", true, false},
		{service.ForceExceptSSO, "sso pwd", false, false},
		{service.ForceExceptSSO, "sso pwd", true, false},
		{service.ForceExceptSSO, "social", false, true},
		{service.DontForce, "social", true, true},
		{service.Force, "sso", false, true},
		{service.Force, "sso pwd", true, true},
		{service.Force, "sso hwk mfa", true, true},
	} {
		t.Run(fmt.Sprintf("%s %s device %t", tt.policy, tt.methods, tt.device), func(t *testing.T) {
			t.Parallel()
			w := newVouched(t)
			if tt.device {
				w.enroll(t, w.user(t, w.here))
			}
			w.forced(t, tt.policy)
			l := w.comes(t, func(v *service.Visit) { v.Methods = strings.Fields(tt.methods) })
			if l.MFARequired != tt.want {
				t.Fatalf("a second factor is asked for: %t, want %t", l.MFARequired, tt.want)
			}
			if !tt.want {
				if next, err := w.refresh(t, l.Secret); err != nil || next.MFARequired {
					t.Errorf("refresh = %+v, %v, want no question", next, err)
				}
			}
		})
	}
}

// A step-up takes the provider's word for two factors while that is fresh, and nobody's after.
func TestStepUpAfterSSO(t *testing.T) {
	t.Parallel()
	w := newVouched(t)
	by := w.user(t, w.comes(t))
	wantCode(t, "by one factor", errOf(w.MFA.StepUp(t.Context(), by, time.Hour)), fault.Forbidden)
	by = w.user(t, w.comes(t, func(v *service.Visit) { v.Methods = []string{"sso", "mfa"} }))
	w.clock.advance(2 * time.Minute)
	l, err := w.MFA.StepUp(t.Context(), by, 3*time.Minute)
	if err != nil || l.MFARequired || !w.user(t, l).SteppedUp(w.clock.now(), 3*time.Minute) {
		t.Errorf("StepUp = %+v, %v, want a token", l, err)
	}
	for _, age := range []time.Duration{0, time.Minute} {
		wantCode(t, "after "+age.String(), errOf(w.MFA.StepUp(t.Context(), by, age)), fault.Forbidden)
	}
}
