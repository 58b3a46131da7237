package handlers_test

import (
	"encoding/base32"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-identity/identity/mfa"
	"github.com/go-identity/identity/service"
)

const (
	loginMFA   = "/identity/resources/auth/v1/user/mfa"
	ownMFA     = "/identity/resources/users/v1/mfa"
	stepUpPath = "/identity/resources/auth/v1/user/step-up/generate"
	policyPath = "/identity/resources/configurations/v1/mfa-policy"
	configPath = "/identity/resources/configurations/v1/mfa"
)

// A later is a clock that runs ahead.
type later struct {
	mu    sync.Mutex
	ahead time.Duration
}

func (l *later) now() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Now().Add(l.ahead)
}

func (l *later) wait(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ahead += d
}

// A twofold is the API with a clock that codes are read off.
type twofold struct {
	*whole
	clock *later
	host  string // the header of the host's back end
}

func newTwofold(t *testing.T) twofold {
	t.Helper()
	w := twofold{clock: &later{}}
	w.whole = newWhole(t, true, func(c *service.Config) { c.Now, c.CodeSkew, c.Brand = w.clock.now, 1, "Acme" })
	w.host = w.hostToken()
	return w
}

// code is what an app with the secret shows, once only.
func (w twofold) code(secret any) string {
	w.Helper()
	raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(fmt.Sprint(secret))
	if err != nil {
		w.Fatal(err)
	}
	w.clock.wait(30 * time.Second)
	code, err := mfa.Key{Secret: raw, Algorithm: "SHA1", Digits: 6, Period: 30}.Code(w.clock.now())
	if err != nil {
		w.Fatal(err)
	}
	return code
}

// enroll gives the user of the login an app and returns its secret and the recovery codes.
func (w twofold) enroll(l map[string]any) (secret any, recovery []any) {
	w.Helper()
	e := w.send(200, "POST", ownMFA+"/authenticator/enroll", "", bearer(l))
	if !strings.HasPrefix(fmt.Sprint(e["qrCode"]), "data:image/png;base64,") || !strings.HasPrefix(fmt.Sprint(e["otpauthUri"]), "otpauth://totp/Acme:") {
		w.Fatalf("enroll = %v", e)
	}
	done := w.send(200, "POST", ownMFA+"/authenticator/enroll/verify", `{"token":"`+w.code(e["secret"])+`"}`, bearer(l))
	recovery = done["recoveryCodes"].([]any)
	if len(recovery) > 0 && done["recoveryCode"] != recovery[0] {
		w.Errorf("recoveryCode = %v of %v", done["recoveryCode"], recovery)
	}
	return e["secret"], recovery
}

// asked signs in as far as the question for the second factor and returns the answer.
func (w twofold) asked(email string) map[string]any {
	w.Helper()
	l := w.signIn(200, email, wholePassword)
	for _, name := range []string{"accessToken", "refreshToken", "expires"} {
		if l[name] != "" {
			w.Fatalf("%s = %v in a login that waits", name, l[name])
		}
	}
	for name := range l {
		if strings.HasPrefix(name, "cookie fe_refresh") {
			w.Fatalf("%s in a login that waits", name)
		}
	}
	if l["mfaRequired"] != true || l["mfaToken"] == "" {
		w.Fatalf("sign in = %v, want a question", l)
	}
	return l
}

func body(pairs ...any) string {
	var b strings.Builder
	for i := 0; i < len(pairs); i += 2 {
		if text, ok := pairs[i+1].(string); ok {
			pairs[i+1] = fmt.Sprintf("%q", text)
		}
		fmt.Fprintf(&b, "%s%q:%v", strings.Repeat(",", min(i, 1)), pairs[i], pairs[i+1])
	}
	return "{" + b.String() + "}"
}

func TestMFALoginRoutes(t *testing.T) {
	t.Parallel()
	w := newTwofold(t)
	secret, recovery := w.enroll(w.signUp("ann@acme.example"))
	l := w.asked("ann@acme.example")
	devices := l["mfaDevices"].(map[string]any)
	for _, kind := range []string{"webauthn", "phones", "emails"} {
		if list, ok := devices[kind].([]any); !ok || len(list) != 0 {
			t.Errorf("mfaDevices.%s = %v, want an empty list", kind, devices[kind])
		}
	}
	apps := devices["authenticators"].([]any)
	if l["mfaEnrolled"] != true || len(apps) != 1 {
		t.Fatalf("the question = %v", l)
	}
	device := fmt.Sprint(apps[0].(map[string]any)["id"])
	one, every := loginMFA+"/authenticator/"+device+"/verify", loginMFA+"/verify"
	for _, path := range []string{one, every} {
		for _, bad := range []string{`{}`, body("value", "123456"), body("mfaToken", "x"), `{"value":1,"mfaToken":"x"}`, body("value", strings.Repeat("1", 65), "mfaToken", "x")} {
			w.send(400, "POST", path, bad)
		}
		w.send(401, "POST", path, body("value", w.code(secret), "mfaToken", "forged"))
		got := w.send(401, "POST", path, body("value", "abcdef", "mfaToken", l["mfaToken"]))
		if got["errorCode"] != "ER-01011" {
			t.Errorf("a wrong code = %v", got)
		}
		w.send(415, "POST", path, body("value", "1"), "Content-Type: text/plain")
	}
	w.send(401, "POST", loginMFA+"/authenticator/another/verify", body("value", w.code(secret), "mfaToken", l["mfaToken"]))
	in := w.send(201, "POST", one, body("value", w.code(secret), "mfaToken", l["mfaToken"]))
	if in["accessToken"] == "" || in["refreshToken"] == "" || in["mfaRequired"] != false || in["mfaToken"] != nil {
		t.Errorf("verify = %v", in)
	}
	w.send(401, "POST", one, body("value", w.code(secret), "mfaToken", l["mfaToken"]))
	w.send(201, "POST", every, body("value", w.code(secret), "mfaToken", w.asked("ann@acme.example")["mfaToken"]))

	own := loginMFA + "/recovery-code/verify"
	l = w.asked("ann@acme.example")
	w.send(400, "POST", own, body("recoveryCode", "x"))
	w.send(400, "POST", own, body("recoveryCode", "x", "mfaToken", "x", "more", "x"))
	w.send(401, "POST", own, body("recoveryCode", "x", "mfaToken", l["mfaToken"]))
	w.send(201, "POST", own, body("recoveryCode", recovery[1], "mfaToken", l["mfaToken"]))
	w.send(401, "POST", own, body("recoveryCode", recovery[1], "mfaToken", w.asked("ann@acme.example")["mfaToken"]))

	lost := loginMFA + "/recover"
	w.send(400, "POST", lost, body("email", "ann@acme.example"))
	w.send(400, "POST", lost, body("recoveryCode", recovery[0]))
	w.send(401, "POST", lost, body("email", "ann@acme.example", "recoveryCode", recovery[1]))
	if got := w.send(200, "POST", lost, body("email", "ann@acme.example", "recoveryCode", recovery[0])); len(got) != 0 {
		t.Errorf("recover answers %v", got)
	}
	if l := w.signIn(200, "ann@acme.example", wholePassword); l["mfaRequired"] != false || l["mfaEnrolled"] != nil {
		t.Errorf("the login after it = %v", l)
	}
}

func TestMFAEnrollAtLoginRoutes(t *testing.T) {
	t.Parallel()
	w := newTwofold(t)
	ann := w.signUp("ann@acme.example")
	w.send(201, "POST", policyPath, `{}`, w.host)
	asked := w.send(201, "POST", "/identity/resources/auth/v1/user/token/refresh", body("refreshToken", ann["refreshToken"]))
	if asked["mfaRequired"] != true || asked["mfaEnrolled"] != false || asked["accessToken"] != "" {
		t.Errorf("RT-15 a refresh under a policy = %v", asked)
	}
	l := w.asked("ann@acme.example")
	enroll := loginMFA + "/authenticator/enroll"
	w.send(400, "POST", enroll, `{}`)
	w.send(401, "POST", enroll, body("mfaToken", "forged"))
	e := w.send(201, "POST", enroll, body("mfaToken", l["mfaToken"]))
	w.send(400, "POST", enroll+"/verify", body("token", "123456"))
	w.send(401, "POST", enroll+"/verify", body("token", w.code(e["secret"]), "mfaToken", "forged"))
	w.send(401, "POST", enroll+"/verify", body("token", "12345", "mfaToken", l["mfaToken"]))
	other := w.asked("ann@acme.example")
	w.send(410, "POST", enroll+"/verify", body("token", w.code(e["secret"]), "mfaToken", other["mfaToken"]))
	in := w.send(201, "POST", enroll+"/verify", body("token", w.code(e["secret"]), "mfaToken", l["mfaToken"], "rememberDevice", true))
	codes, _ := in["recoveryCodes"].([]any)
	if in["accessToken"] == "" || len(codes) != 10 || in["recoveryCode"] != codes[0] || in["cookie __Host-identity-device"] == nil {
		t.Errorf("verify = %v", in)
	}
	w.send(403, "POST", enroll, body("mfaToken", other["mfaToken"]))
	w.send(201, "POST", "/identity/resources/configurations/v1/mfa/strategies", body("strategy", "SMS", "isActive", false), w.host)
}

func TestMFARoutes(t *testing.T) {
	t.Parallel()
	w := newTwofold(t)
	ann := w.signUp("ann@acme.example")
	for _, path := range []string{"/enroll", "/authenticator/enroll"} {
		w.send(401, "POST", ownMFA+path, "")
		w.send(400, "POST", ownMFA+path, "", w.host)
		w.send(410, "POST", ownMFA+path+"/verify", body("token", "123456"), bearer(ann))
		e := w.send(200, "POST", ownMFA+path, "", bearer(ann))
		w.send(400, "POST", ownMFA+path+"/verify", `{}`, bearer(ann))
		w.send(400, "POST", ownMFA+path+"/verify", body("token", "abcdef"), bearer(ann))
		got := w.send(200, "POST", ownMFA+path+"/verify", body("token", w.code(e["secret"])), bearer(ann))
		if codes := got["recoveryCodes"].([]any); len(codes) != 10 || codes[0] != got["recoveryCode"] {
			t.Errorf("%s = %v", path, got)
		}
		if me := w.send(200, "GET", "/identity/resources/users/v2/me", "", bearer(ann)); me["mfaEnrolled"] != true {
			t.Errorf("the profile says mfaEnrolled %v", me["mfaEnrolled"])
		}
		w.send(403, "POST", ownMFA+path, "", bearer(ann)) // one more, by a session without it
		w.send(400, "POST", ownMFA+"/disable", `{}`, bearer(ann))
		w.send(400, "POST", ownMFA+"/disable", body("token", "123"), bearer(ann))
		w.send(401, "POST", ownMFA+"/disable", body("token", "123"))
		w.send(200, "POST", ownMFA+"/disable", body("token", w.code(e["secret"])), bearer(ann))
		if me := w.send(200, "GET", "/identity/resources/users/v2/me", "", bearer(ann)); me["mfaEnrolled"] != false {
			t.Errorf("the profile says mfaEnrolled %v", me["mfaEnrolled"])
		}
	}
	secret, _ := w.enroll(ann)
	in := w.send(201, "POST", loginMFA+"/verify", body("value", w.code(secret), "mfaToken", w.asked("ann@acme.example")["mfaToken"]))
	w.send(401, "GET", ownMFA+"/devices", "")
	devices := w.send(200, "GET", ownMFA+"/devices", "", bearer(in))
	id := fmt.Sprint(devices["authenticators"].([]any)[0].(map[string]any)["id"])
	w.send(401, "POST", ownMFA+"/recovery-codes", body("token", "x"))
	w.send(400, "POST", ownMFA+"/recovery-codes", body("token", "x"), bearer(in))
	fresh := w.send(200, "POST", ownMFA+"/recovery-codes", body("token", w.code(secret)), bearer(in))
	path := ownMFA + "/authenticator/" + id + "/disable/verify"
	w.send(401, "POST", path, body("token", "x"))
	w.send(400, "POST", path, `{}`, bearer(in))
	w.send(404, "POST", ownMFA+"/authenticator/another/disable/verify", body("token", w.code(secret)), bearer(in))
	w.send(200, "PUT", policyPath, `{}`, w.host)
	w.send(403, "POST", path, body("token", w.code(secret)), bearer(in))
	w.send(200, "PATCH", policyPath, body("enforceMFAType", "DontForce"), w.host)
	w.send(200, "POST", path, body("token", fresh["recoveryCode"]), bearer(in))

	w.enroll(in)
	unenroll := fmt.Sprintf("/identity/resources/vendor-only/users/v1/%s/mfa/unenroll", ann["userId"])
	w.send(401, "POST", unenroll, "")
	w.send(403, "POST", unenroll, "", bearer(in))
	w.send(404, "POST", strings.Replace(unenroll, fmt.Sprint(ann["userId"]), "nobody", 1), "", w.host)
	w.send(200, "POST", unenroll, "", w.host)
	w.send(401, "GET", ownMFA+"/devices", "", bearer(in))
	acting := []string{w.host, "frontegg-user-id: " + fmt.Sprint(ann["userId"])}
	if got := w.send(200, "GET", ownMFA+"/devices", "", acting...); !reflect.DeepEqual(got["authenticators"], []any{}) {
		t.Errorf("devices after it = %v", got)
	}
	w.send(200, "POST", ownMFA+"/authenticator/enroll", "", acting...)
}

func TestRememberRoute(t *testing.T) {
	t.Parallel()
	w := newTwofold(t)
	secret, _ := w.enroll(w.signUp("ann@acme.example"))
	path := policyPath + "/allow-remember-device"
	l := w.asked("ann@acme.example")
	device := fmt.Sprint("Cookie: __Host-identity-device=", l["cookie __Host-identity-device"])
	ask := func(want int, l map[string]any, headers ...string) map[string]any {
		return w.send(want, "GET", fmt.Sprint(path, "?mfaToken=", l["mfaToken"]), "", headers...)
	}
	w.send(400, "GET", path, "")
	ask(401, map[string]any{"mfaToken": "forged"})
	if got := ask(200, l); got["isAllowedToRemember"] != false || got["mfaDeviceExpiration"] != 1209600.0 {
		t.Errorf("without a policy = %v", got)
	}
	w.send(201, "POST", policyPath, body("allowRememberMyDevice", true, "mfaDeviceExpiration", 3600), w.host)
	if got := ask(200, l); got["isAllowedToRemember"] != true || got["mfaDeviceExpiration"] != 3600.0 {
		t.Errorf("with one = %v", got)
	}
	w.send(201, "POST", loginMFA+"/verify", body("value", w.code(secret), "mfaToken", l["mfaToken"], "rememberDevice", true), device)
	sign := `{"email":"ann@acme.example","password":"` + wholePassword + `"}`
	again := w.send(200, "POST", "/identity/resources/auth/v1/user", sign, device)
	if again["mfaRequired"] != false || again["accessToken"] == "" {
		t.Errorf("a remembered device = %v", again)
	}
	w.asked("ann@acme.example")
	w.clock.wait(time.Hour)
	if again = w.send(200, "POST", "/identity/resources/auth/v1/user", sign, device); again["mfaRequired"] != true {
		t.Errorf("an hour later = %v", again)
	}
}

func TestStepUpRoute(t *testing.T) {
	t.Parallel()
	w := newTwofold(t)
	ann := w.signUp("ann@acme.example")
	w.send(401, "POST", stepUpPath, `{}`)
	w.send(403, "POST", stepUpPath, `{}`, w.host)
	got := w.send(403, "POST", stepUpPath, `{}`, bearer(ann))
	if fmt.Sprint(got["errors"]) != "[MFA is not enrolled]" {
		t.Errorf("without a device = %v", got)
	}
	for _, bad := range []string{`{"maxAge":-1}`, `{"maxAge":1.5}`, `{"maxAge":"60"}`, `{"maxAge":1e30}`, `{"maxAge":31536001}`} {
		w.send(400, "POST", stepUpPath, bad, bearer(ann))
	}
	secret, _ := w.enroll(ann)
	asked := w.send(200, "POST", stepUpPath, "", bearer(ann))
	if asked["mfaRequired"] != true || asked["accessToken"] != nil || len(asked["mfaDevices"].(map[string]any)["authenticators"].([]any)) != 1 {
		t.Errorf("step up = %v, want a question", asked)
	}
	in := w.send(201, "POST", loginMFA+"/verify", body("value", w.code(secret), "mfaToken", asked["mfaToken"]))
	soon := w.send(200, "POST", stepUpPath, `{"maxAge":300}`, bearer(in))
	if soon["mfaRequired"] != false || soon["accessToken"] == nil || soon["mfaToken"] != nil || soon["refreshToken"] != nil {
		t.Errorf("step up within the age = %v, want a token", soon)
	}
	if again := w.send(200, "POST", stepUpPath, `{"maxAge":0}`, bearer(in)); again["mfaRequired"] != true {
		t.Errorf("step up with no age = %v", again)
	}
}

func TestMFAPolicyRoutes(t *testing.T) {
	t.Parallel()
	w := newTwofold(t)
	ann := w.signUp("ann@acme.example")
	me := w.send(200, "GET", "/identity/resources/users/v2/me", "", bearer(ann))
	tenant := "frontegg-tenant-id: " + fmt.Sprint(me["tenantId"])
	for _, who := range [][]string{{w.host}, {w.host, tenant}} {
		w.send(404, "GET", policyPath, "", who...)
		w.send(404, "PATCH", policyPath, body("allowRememberMyDevice", true), who...)
		p := w.send(201, "POST", policyPath, body("enforceMFAType", "DontForce"), who...)
		if p["id"] == "" || p["enforceMFAType"] != "DontForce" || p["allowRememberMyDevice"] != false || p["mfaDeviceExpiration"] != 1209600.0 || p["createdAt"] == nil {
			t.Errorf("the policy = %v", p)
		}
		w.send(409, "POST", policyPath, `{}`, who...)
		w.send(400, "PATCH", policyPath, `{}`, who...)
		for _, bad := range []string{`{"enforceMFAType":"Never"}`, `{"mfaDeviceExpiration":0}`, `{"mfaDeviceExpiration":1.5}`, `{"allowRememberMyDevice":"yes"}`} {
			w.send(400, "POST", policyPath, bad, who...)
			w.send(400, "PATCH", policyPath, bad, who...)
			w.send(400, "PUT", policyPath, bad, who...)
		}
		changed := w.send(200, "PATCH", policyPath, body("mfaDeviceExpiration", 60), who...)
		put := w.send(200, "PUT", policyPath, body("allowRememberMyDevice", true), who...)
		read := w.send(200, "GET", policyPath, "", who...)
		if changed["mfaDeviceExpiration"] != 60.0 || put["allowRememberMyDevice"] != true || !reflect.DeepEqual(put, read) {
			t.Errorf("changed %v, put %v, read %v", changed, put, read)
		}
	}
	w.send(401, "GET", policyPath, "")
	if p := w.send(200, "PUT", policyPath, body("enforceMFAType", "Force"), bearer(ann)); p["enforceMFAType"] != "Force" {
		t.Errorf("the tenant's, by its administrator = %v", p)
	}
	if p := w.send(200, "GET", policyPath+"/vendor", "", bearer(ann)); p["enforceMFAType"] != "DontForce" {
		t.Errorf("the environment's = %v", p)
	}
	w.send(403, "PUT", policyPath, `{}`, bearer(ann), "frontegg-tenant-id: another")
	w.send(404, "PUT", policyPath, `{}`, w.host, "frontegg-tenant-id: another")
}

func TestMFAConfigurationRoutes(t *testing.T) {
	t.Parallel()
	w := newTwofold(t)
	ann := w.signUp("ann@acme.example")
	got := w.send(200, "GET", configPath, "", w.host)
	want := map[string]any{
		"authenticationApp": map[string]any{"active": true, "serviceName": "Acme"},
		"sms":               map[string]any{"active": false, "tokenLifetimeSeconds": 600.0},
		"email":             map[string]any{"active": false, "tokenLifetimeSeconds": 600.0, "sender": ""},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the configuration = %v, want %v", got, want)
	}
	for _, bad := range []string{
		`{"sms":{"active":true,"tokenLifetimeSeconds":600}}`, `{"sms":{"active":false,"tokenLifetimeSeconds":299}}`,
		`{"sms":{"active":false}}`, `{"authenticationApp":{"active":true}}`, `{"authenticationApp":{"active":true,"serviceName":"a:b"}}`,
		`{"email":{"active":false,"tokenLifetimeSeconds":300}}`, `{"email":[]}`,
	} {
		w.send(400, "POST", configPath, bad, w.host)
	}
	got = w.send(201, "POST", configPath, `{"authenticationApp":{"active":true,"serviceName":"Acme & Co"}}`, w.host)
	if got["authenticationApp"].(map[string]any)["serviceName"] != "Acme & Co" || !reflect.DeepEqual(got["sms"], want["sms"]) {
		t.Errorf("changed to %v", got)
	}
	strategies := configPath + "/strategies"
	for _, route := range []string{"GET " + configPath, "POST " + configPath} {
		method, path, _ := strings.Cut(route, " ")
		w.send(401, method, path, "")
		w.send(403, method, path, "", bearer(ann))
	}
	w.send(401, "GET", strategies, "")
	all := w.send(200, "GET", strategies, "", bearer(ann))["strategies"].([]any)
	if len(all) != 5 || !reflect.DeepEqual(all[0], map[string]any{"strategy": "AuthenticatorApp", "isActive": true}) {
		t.Errorf("strategies = %v", all)
	}
	w.send(403, "POST", strategies, body("strategy", "AuthenticatorApp", "isActive", false), bearer(ann))
	w.send(400, "POST", strategies, body("strategy", "Pigeon", "isActive", true), w.host)
	w.send(400, "POST", strategies, body("strategy", "SMS", "isActive", true), w.host)
	w.send(400, "POST", strategies, body("strategy", "SMS"), w.host)
	w.send(201, "POST", strategies, body("strategy", "AuthenticatorApp", "isActive", false), w.host)
	w.send(403, "POST", ownMFA+"/authenticator/enroll", "", bearer(ann))
	w.send(409, "POST", policyPath, `{}`, w.host)
	w.send(201, "POST", strategies, body("strategy", "AuthenticatorApp", "isActive", true), w.host)
	w.send(201, "POST", policyPath, `{}`, w.host)
	w.send(409, "POST", strategies, body("strategy", "AuthenticatorApp", "isActive", false), w.host)
}

func TestAttackMFAOverHTTP(t *testing.T) {
	t.Parallel()
	t.Run("MFA-25 client-supplied secret", func(t *testing.T) {
		t.Parallel()
		w := newTwofold(t)
		ann := w.signUp("ann@acme.example")
		const theirs = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
		e := w.send(200, "POST", ownMFA+"/authenticator/enroll", body("secret", theirs), bearer(ann))
		if e["secret"] == theirs {
			t.Error("the secret is the client's")
		}
		w.send(400, "POST", ownMFA+"/authenticator/enroll/verify", body("token", w.code(theirs), "secret", theirs), bearer(ann))
		w.send(200, "POST", ownMFA+"/authenticator/enroll/verify", body("token", w.code(e["secret"]), "secret", theirs), bearer(ann))
	})
	t.Run("MFA-26 QR leak", func(t *testing.T) {
		t.Parallel()
		w := newTwofold(t)
		ann := w.signUp("ann@acme.example")
		res := ask(t, w.api, "POST", ownMFA+"/authenticator/enroll", "", bearer(ann))
		if res.Code != 200 || res.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("the answer with the secret: %d, %s", res.Code, res.Header().Get("Cache-Control"))
		}
		for _, path := range []string{"/enroll", "/authenticator/enroll", "/authenticator/enroll/verify"} {
			if res := ask(t, w.api, "GET", ownMFA+path, "", bearer(ann)); res.Code != http.StatusMethodNotAllowed && res.Code != http.StatusNotFound {
				t.Errorf("GET %s = %d %s", path, res.Code, res.Body)
			}
		}
		if got := w.send(200, "GET", ownMFA+"/devices", "", bearer(ann)); len(got["authenticators"].([]any)) != 0 {
			t.Errorf("devices = %v", got)
		}
	})
	t.Run("MFA-16 mfaToken as access token", func(t *testing.T) {
		t.Parallel()
		w := newTwofold(t)
		w.enroll(w.signUp("ann@acme.example"))
		token := fmt.Sprint(w.asked("ann@acme.example")["mfaToken"])
		w.send(401, "GET", "/identity/resources/users/v2/me", "", "Authorization: Bearer "+token)
		w.send(401, "POST", "/identity/resources/auth/v1/user/token/refresh", body("refreshToken", token))
	})
	t.Run("MFA-32 administrative reset by a tenant", func(t *testing.T) {
		t.Parallel()
		w := newTwofold(t)
		ann := w.signUp("ann@acme.example")
		path := fmt.Sprintf("/identity/resources/vendor-only/users/v1/%s/mfa/unenroll", w.signUp("bob@acme.example")["userId"])
		w.send(403, "POST", path, "", bearer(ann))
	})
	t.Run("ENU-07 MFA step", func(t *testing.T) {
		t.Parallel()
		w := newTwofold(t)
		secret, recovery := w.enroll(w.signUp("ann@acme.example"))
		w.signUp("bob@acme.example") // has none
		// Before the first factor nothing tells who has a second.
		wrong := func(email string) string {
			return ask(t, w.api, "POST", "/identity/resources/auth/v1/user", body("email", email, "password", "x")).Body.String()
		}
		lost := func(email string) string {
			return ask(t, w.api, "POST", loginMFA+"/recover", body("email", email, "recoveryCode", "AAAAA-AAAAA-AAAAA-AAAAA-AAAAA")).Body.String()
		}
		for _, say := range []func(string) string{wrong, lost} {
			if a, b, c := say("ann@acme.example"), say("bob@acme.example"), say("nobody@acme.example"); a != b || b != c {
				t.Errorf("answers differ: %s, %s, %s", a, b, c)
			}
		}
		// After it, neither a wrong code nor a wrong token says whose it is.
		token := w.asked("ann@acme.example")["mfaToken"]
		for _, res := range []string{
			ask(t, w.api, "POST", loginMFA+"/verify", body("value", "000000", "mfaToken", token)).Body.String(),
			ask(t, w.api, "POST", loginMFA+"/verify", body("value", w.code(secret), "mfaToken", "forged")).Body.String(),
			ask(t, w.api, "POST", loginMFA+"/recovery-code/verify", body("recoveryCode", recovery[0], "mfaToken", "forged")).Body.String(),
		} {
			if strings.Contains(res, "ann") || strings.Contains(res, "acme") {
				t.Errorf("the answer %s", res)
			}
		}
	})
	t.Run("HTTP-26 secrets in logs", func(t *testing.T) {
		t.Parallel()
		w := newTwofold(t)
		secret, recovery := w.enroll(w.signUp("ann@acme.example"))
		l, code := w.asked("ann@acme.example"), w.code(secret)
		w.send(401, "POST", loginMFA+"/verify", body("value", "123987", "mfaToken", l["mfaToken"]))
		w.send(201, "POST", loginMFA+"/verify", body("value", code, "mfaToken", l["mfaToken"]))
		for _, hidden := range []any{secret, recovery[0], l["mfaToken"], "123987"} {
			if strings.Contains(w.log.String(), fmt.Sprint(hidden)) {
				t.Errorf("the log holds %v", hidden)
			}
			if hidden != "123987" && strings.Contains(w.rows(), fmt.Sprint(hidden)) {
				t.Errorf("MFA-12 the store holds %v", hidden)
			}
		}
	})
}
