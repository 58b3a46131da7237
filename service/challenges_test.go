package service_test

import (
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/mfa"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

func TestAttackMFAToken(t *testing.T) {
	t.Parallel()
	story := func(name string, fn func(*testing.T, factored)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fn(t, newFactored(t))
		})
	}
	story("MFA-16 mfaToken as access token", func(t *testing.T, w factored) {
		token := w.asked(t, "ann@example.com").MFAToken
		_, err := w.Gate.Resolve(t.Context(), token)
		wantCode(t, "as a bearer", err, fault.Unauthenticated)
		_, _, err = w.Gate.ResolveCookie(t.Context(), token)
		wantCode(t, "as a cookie", err, fault.Unauthenticated)
		_, err = w.refresh(t, token)
		wantCode(t, "as a refresh token", err, fault.Unauthenticated)
		_, err = w.SignUp.Activate(t.Context(), someone, service.Activation{UserID: w.by.UserID, Token: token, Password: good})
		wantCode(t, "as an activation", err, fault.Gone)
		wantCode(t, "as a reset", w.reset(t, w.by.UserID, token, fresh), fault.Gone)
	})
	story("MFA-17 mfaToken after a change of the password", func(t *testing.T, w factored) {
		token := w.asked(t, "ann@example.com").MFAToken
		if err := w.Passwords.Change(t.Context(), w.by, good, fresh); err != nil {
			t.Fatal(err)
		}
		wantCode(t, "Verify", errOf(w.verify(t, token, w.phone.next(t))), fault.Unauthenticated)
	})
	story("MFA-17 mfaToken after a reset", func(t *testing.T, w factored) {
		token := w.asked(t, "ann@example.com").MFAToken
		userID, link := w.resetLink(t, "ann@example.com")
		if err := w.reset(t, userID, link, fresh); err != nil {
			t.Fatal(err)
		}
		wantCode(t, "Verify", errOf(w.verify(t, token, w.phone.next(t))), fault.Unauthenticated)
	})
	story("MFA-17 mfaToken after a sign-out everywhere", func(t *testing.T, w factored) {
		token := w.asked(t, "ann@example.com").MFAToken
		if err := w.Sessions.EndAll(t.Context(), w.by); err != nil {
			t.Fatal(err)
		}
		wantCode(t, "Verify", errOf(w.verify(t, token, w.phone.next(t))), fault.Unauthenticated)
		token = w.asked(t, "ann@example.com").MFAToken
		if err := w.Sessions.EndAll(t.Context(), w.by); err != nil { // though no session is open
			t.Fatal(err)
		}
		wantCode(t, "Verify", errOf(w.verify(t, token, w.phone.next(t))), fault.Unauthenticated)
	})
	story("MFA-17 mfaToken of a user who was locked", func(t *testing.T, w factored) {
		token := w.asked(t, "ann@example.com").MFAToken
		if err := w.Users.Lock(t.Context(), host, w.by.UserID); err != nil {
			t.Fatal(err)
		}
		wantCode(t, "Verify", errOf(w.verify(t, token, w.phone.next(t))), fault.Unauthenticated)
	})
	story("MFA-17 mfaToken of a user whose devices were taken off", func(t *testing.T, w factored) {
		token := w.asked(t, "ann@example.com").MFAToken
		if err := w.MFA.Unenroll(t.Context(), host, w.by.UserID); err != nil {
			t.Fatal(err)
		}
		wantCode(t, "Verify", errOf(w.verify(t, token, w.phone.next(t))), fault.Unauthenticated)
	})
	story("MFA-19 skip the first factor", func(t *testing.T, w factored) {
		token := w.asked(t, "ann@example.com").MFAToken
		code := w.phone.next(t)
		for _, forged := range []string{"", " ", token[1:], token + "A", strings.ToUpper(token), strings.Repeat("A", 43), "\xff", "a\x00b"} {
			wantCode(t, "token "+forged, errOf(w.verify(t, forged, code)), fault.Unauthenticated)
			wantCode(t, "enroll with "+forged, errOf(w.MFA.EnrollAtLogin(t.Context(), someone, forged)), fault.Unauthenticated)
		}
		_, err := w.MFA.VerifyRecovery(t.Context(), someone, service.MFACode{Code: w.recovery[0]})
		wantCode(t, "a recovery code alone", err, fault.Unauthenticated)
		wantCode(t, "the token", errOf(w.verify(t, token, code)), "")
		wantCode(t, "the token again", errOf(w.verify(t, token, w.phone.next(t))), fault.Unauthenticated)
		token = w.asked(t, "ann@example.com").MFAToken
		w.clock.advance(10 * time.Minute)
		wantCode(t, "the token after ten minutes", errOf(w.verify(t, token, w.phone.shows(t, 0))), fault.Unauthenticated)
	})
	story("MFA-19 the token of another browser, or another kind of session", func(t *testing.T, w factored) {
		here, there := someone, someone
		here.Device, there.Device = "this browser", "another"
		in := service.PasswordLogin{Email: "ann@example.com", Password: good}
		l, err := w.SignIn.Password(t.Context(), here, in)
		if err != nil || !l.MFARequired {
			t.Fatal(l, err)
		}
		c := service.MFACode{Token: l.MFAToken, Code: w.phone.next(t)}
		for _, by := range []store.Principal{there, someone} {
			wantCode(t, "elsewhere", errOf(w.MFA.Verify(t.Context(), by, c)), fault.Unauthenticated)
			wantCode(t, "elsewhere", errOf3(w.MFA.MayRemember(t.Context(), by, l.MFAToken)), fault.Unauthenticated)
		}
		c.Kind = store.Browser
		wantCode(t, "as a cookie", errOf(w.MFA.Verify(t.Context(), here, c)), fault.Unauthenticated)
		c.Kind = store.Family
		wantCode(t, "here", errOf(w.MFA.Verify(t.Context(), here, c)), "")
		in.Kind = store.Browser
		if l, err = w.SignIn.Password(t.Context(), here, in); err != nil || !l.MFARequired {
			t.Fatal(l, err)
		}
		c = service.MFACode{Token: l.MFAToken, Code: w.phone.next(t)}
		wantCode(t, "a cookie's as a family", errOf(w.MFA.Verify(t.Context(), here, c)), fault.Unauthenticated)
		c.Kind = store.Browser
		got, err := w.MFA.Verify(t.Context(), here, c)
		if err != nil || got.AccessToken != "" || got.Session.Kind != store.Browser {
			t.Errorf("Verify = %+v, %v, want a browser session", got, err)
		}
	})
}

func errOf3[A, B any](_ A, _ B, err error) error { return err }

func TestAttackRecovery(t *testing.T) {
	t.Parallel()
	story := func(name string, fn func(*testing.T, factored)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fn(t, newFactored(t))
		})
	}
	story("MFA-28 recovery codes at rest", func(t *testing.T, w factored) {
		kept, err := w.db.RecoveryCodes(t.Context(), w.by.UserID)
		if err != nil || len(kept) != 10 || len(w.recovery) != 10 {
			t.Fatalf("%d codes are kept of %d, %v", len(kept), len(w.recovery), err)
		}
		for _, c := range w.recovery {
			for _, k := range kept {
				if strings.Contains(string(k.Hash), strings.ReplaceAll(c, "-", "")) {
					t.Errorf("code %s is there to be read", c)
				}
			}
		}
		typed := strings.ToLower(strings.ReplaceAll(w.recovery[4], "-", " "))
		_, err = w.MFA.VerifyRecovery(t.Context(), someone, service.MFACode{Token: w.asked(t, "ann@example.com").MFAToken, Code: typed})
		wantCode(t, "a code without dashes, in small letters", err, "")
		if left, _ := w.MFA.RecoveryCodesLeft(t.Context(), w.by); left != 9 {
			t.Errorf("%d codes are left, want 9", left)
		}
	})
	story("MFA-30 recovery login is not a bypass", func(t *testing.T, w factored) {
		w.force(t, "", service.Force)
		in, err := w.MFA.VerifyRecovery(t.Context(), someone, service.MFACode{Token: w.asked(t, "ann@example.com").MFAToken, Code: w.recovery[0], Remember: true})
		if err != nil {
			t.Fatal(err)
		}
		p := w.user(t, in)
		if got := strings.Join(p.Methods, " "); got != "pwd recovery" || p.SteppedUp(w.clock.now(), 0) {
			t.Errorf("the session says %q", got)
		}
		if n := w.kinds(t)["recovery-used"]; n != 1 {
			t.Errorf("%d notices", n)
		}
		if _, err := w.refresh(t, in.Secret); err != nil {
			t.Errorf("Refresh: %v", err)
		}
		// She replaces the lost device, with another recovery code for a proof.
		lost, err := w.MFA.Devices(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		_, codes := w.enroll(t, p)
		if len(codes) != 0 {
			t.Error("a further device brought recovery codes")
		}
		wantCode(t, "remove the lost one", w.MFA.Disable(t.Context(), p, lost[0].ID, w.recovery[1]), "")
		wantCode(t, "the same code once more", errOf(w.MFA.NewRecoveryCodes(t.Context(), p, w.recovery[1])), fault.Invalid)
		fresh, err := w.MFA.NewRecoveryCodes(t.Context(), p, w.recovery[2])
		if err != nil || len(fresh) != 10 {
			t.Fatalf("NewRecoveryCodes = %v, %v", fresh, err)
		}
		wantCode(t, "an old code", errOf(w.MFA.NewRecoveryCodes(t.Context(), p, w.recovery[3])), fault.Invalid)
		w.asked(t, "ann@example.com")
	})
	story("MFA-30 recover disables and ends sessions", func(t *testing.T, w factored) {
		w.force(t, "", service.Force)
		for email, code := range map[string]string{
			"ann@example.com": "AAAAA-AAAAA-AAAAA-AAAAA-AAAAA", "bob@example.com": w.recovery[0], "not an address": w.recovery[0],
		} {
			err := w.MFA.Recover(t.Context(), someone, email, code)
			wantCode(t, email, err, fault.Unauthenticated)
			if got := fault.From(err).Error(); got != "wrong email or recovery code" {
				t.Errorf("%s is told %q", email, got)
			}
		}
		token := w.asked(t, "ann@example.com").MFAToken
		if err := w.MFA.Recover(t.Context(), someone, " ANN@Example.com", w.recovery[0]); err != nil {
			t.Fatal(err)
		}
		wantCode(t, "a login of before", errOf(w.verify(t, token, w.phone.next(t))), fault.Unauthenticated)
		if n := w.sessions(t, w.by.UserID); n != 0 {
			t.Errorf("%d sessions go on", n)
		}
		if n := w.kinds(t)["factor-removed"]; n != 1 || w.audited(t, "mfa.recovered") != 1 || w.audited(t, "mfa.recovery_failed") != 3 {
			t.Errorf("%d notices, %d and %d events", n, w.audited(t, "mfa.recovered"), w.audited(t, "mfa.recovery_failed"))
		}
		wantCode(t, "another of the codes", w.MFA.Recover(t.Context(), someone, "ann@example.com", w.recovery[1]), fault.Unauthenticated)
		if l := w.asked(t, "ann@example.com"); l.MFAEnrolled {
			t.Error("the device is still enrolled")
		}
	})
	story("MFA-32 administrative reset", func(t *testing.T, w factored) {
		admin := w.user(t, w.signUp(t, "bob@example.com"))
		wantCode(t, "by a user", w.MFA.Unenroll(t.Context(), admin, w.by.UserID), fault.Forbidden)
		wantCode(t, "of nobody", w.MFA.Unenroll(t.Context(), host, "nobody"), fault.NotFound)
		wantCode(t, "by the host", w.MFA.Unenroll(t.Context(), host, w.by.UserID), "")
		wantCode(t, "again", w.MFA.Unenroll(t.Context(), host, w.by.UserID), "")
		if n := w.kinds(t)["factor-removed"]; n != 1 || w.sessions(t, w.by.UserID) != 0 {
			t.Errorf("%d notices, %d sessions", n, w.sessions(t, w.by.UserID))
		}
		if l, err := w.login(t, "ann@example.com", good); err != nil || l.MFARequired {
			t.Errorf("the next login: %+v, %v", l, err)
		}
	})
}

// on is a browser with a device cookie.
func on(device string) store.Principal {
	by := someone
	by.Device = device
	return by
}

// remembered signs ann in on the device and has it remembered.
func (w factored) remembered(t testing.TB, device string) service.Login {
	t.Helper()
	l, err := w.SignIn.Password(t.Context(), on(device), service.PasswordLogin{Email: "ann@example.com", Password: good})
	if err != nil || !l.MFARequired {
		t.Fatalf("sign in: %+v, %v", l, err)
	}
	in, err := w.MFA.Verify(t.Context(), on(device), service.MFACode{Token: l.MFAToken, Code: w.phone.next(t), Remember: true})
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func TestAttackRememberedDevice(t *testing.T) {
	t.Parallel()
	// asks reports whether a sign-in on the device is asked for the second factor.
	asks := func(t *testing.T, w factored, email, pw, device string) bool {
		t.Helper()
		l, err := w.SignIn.Password(t.Context(), on(device), service.PasswordLogin{Email: email, Password: pw})
		if err != nil {
			t.Fatal(err)
		}
		return l.MFARequired
	}
	story := func(name string, fn func(*testing.T, factored)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newFactored(t)
			_, err := w.MFAPolicies.Put(t.Context(), host, service.MFAPolicyChange{Enforce: ptr(service.Force), Remember: ptr(true), RememberFor: ptr(time.Hour)})
			if err != nil {
				t.Fatal(err)
			}
			w.remembered(t, "d1")
			if asks(t, w, "ann@example.com", good, "d1") {
				t.Fatal("a remembered device is asked")
			}
			fn(t, w)
			if !asks(t, w, "ann@example.com", good, "d1") && !asks(t, w, "ann@example.com", good, "d2") {
				t.Error("no device is asked any more")
			}
		})
	}
	story("SES-28 MFA-33 another device, another user", func(t *testing.T, w factored) {
		bob := w.signUp(t, "bob@example.com")
		e, err := w.MFA.EnrollAtLogin(t.Context(), someone, bob.MFAToken)
		if err != nil {
			t.Fatal(err)
		}
		c := service.MFACode{Token: bob.MFAToken, Code: newPhone(t, w.world, e.Secret).shows(t, 0)}
		wantCode(t, "his device", errOf(w.MFA.FinishEnrollAtLogin(t.Context(), someone, c)), "")
		for _, device := range []string{"", "d2"} {
			if !asks(t, w, "ann@example.com", good, device) {
				t.Errorf("device %q is not asked", device)
			}
		}
		if !asks(t, w, "bob@example.com", good, "d1") {
			t.Error("another user on the device is not asked")
		}
	})
	story("MFA-33 past expiry", func(t *testing.T, w factored) {
		w.clock.advance(time.Hour)
		if !asks(t, w, "ann@example.com", good, "d1") {
			t.Error("an hour later it is not asked")
		}
	})
	story("MFA-33 a policy of any tenant disallows", func(t *testing.T, w factored) {
		_, err := w.MFAPolicies.Put(t.Context(), hostIn(w.by.TenantID), service.MFAPolicyChange{Enforce: ptr(service.DontForce)})
		if err != nil {
			t.Fatal(err)
		}
		if !asks(t, w, "ann@example.com", good, "d1") {
			t.Error("it is not asked though the tenant remembers nothing")
		}
		l := w.asked(t, "ann@example.com")
		if ok, _, err := w.MFA.MayRemember(t.Context(), someone, l.MFAToken); ok || err != nil {
			t.Errorf("MayRemember = %t, %v", ok, err)
		}
		for tenantID, ok := range map[string]bool{"": false, w.by.TenantID: true} {
			if _, err := w.MFAPolicies.Put(t.Context(), hostIn(tenantID), service.MFAPolicyChange{Remember: ptr(ok)}); err != nil {
				t.Fatal(err)
			}
		}
		w.remembered(t, "d1")
		if !asks(t, w, "ann@example.com", good, "d1") {
			t.Error("it is not asked though the environment remembers nothing")
		}
	})
	story("SES-28 after a change of the password", func(t *testing.T, w factored) {
		if err := w.Passwords.Change(t.Context(), w.by, good, fresh); err != nil {
			t.Fatal(err)
		}
		if !asks(t, w, "ann@example.com", fresh, "d1") {
			t.Error("it is not asked")
		}
		userID, link := w.resetLink(t, "ann@example.com")
		if err := w.reset(t, userID, link, good); err != nil { // back to the first
			t.Fatal(err)
		}
	})
	story("SES-28 MFA-33 after an administrative reset", func(t *testing.T, w factored) {
		if err := w.MFA.Unenroll(t.Context(), host, w.by.UserID); err != nil {
			t.Fatal(err)
		}
		if !asks(t, w, "ann@example.com", good, "d1") {
			t.Error("it is not asked")
		}
	})
	story("SES-28 after a recovery", func(t *testing.T, w factored) {
		if err := w.MFA.Recover(t.Context(), someone, "ann@example.com", w.recovery[0]); err != nil {
			t.Fatal(err)
		}
		if !asks(t, w, "ann@example.com", good, "d1") {
			t.Error("it is not asked")
		}
	})
	story("SES-28 another policy", func(t *testing.T, w factored) {
		w.clock.advance(time.Minute)
		w.force(t, "", service.ForceExceptSSO)
		if !asks(t, w, "ann@example.com", good, "d1") {
			t.Error("it is not asked")
		}
	})
	t.Run("MFA-33 nobody asked to be remembered, nobody may", func(t *testing.T) {
		t.Parallel()
		w := newFactored(t)
		w.remembered(t, "d1") // no policy allows it
		if !asks(t, w, "ann@example.com", good, "d1") {
			t.Error("it is not asked though no policy remembers anything")
		}
		if _, err := w.MFAPolicies.Put(t.Context(), host, service.MFAPolicyChange{Enforce: ptr(service.DontForce), Remember: ptr(true)}); err != nil {
			t.Fatal(err)
		}
		l := w.asked(t, "ann@example.com")
		ok, life, err := w.MFA.MayRemember(t.Context(), someone, l.MFAToken)
		if !ok || life != 14*24*time.Hour || err != nil {
			t.Errorf("MayRemember = %t, %s, %v", ok, life, err)
		}
		wantCode(t, "without a device to remember", errOf(w.MFA.Verify(t.Context(), someone, service.MFACode{Token: l.MFAToken, Code: w.phone.next(t), Remember: true})), "")
		if !asks(t, w, "ann@example.com", good, "d1") {
			t.Error("it is not asked though nobody said so")
		}
	})
}

func TestAttackAMR(t *testing.T) {
	t.Parallel()
	t.Run("MFA-35 amr truth", func(t *testing.T) {
		t.Parallel()
		w := newFactored(t)
		if _, err := w.MFAPolicies.Put(t.Context(), host, service.MFAPolicyChange{Enforce: ptr(service.Force), Remember: ptr(true)}); err != nil {
			t.Fatal(err)
		}
		says := func(what, amr string, steppedUp bool, l service.Login) {
			t.Helper()
			p := w.user(t, l)
			if got := strings.Join(p.Methods, " "); got != amr || p.SteppedUp(w.clock.now(), 0) != steppedUp {
				t.Errorf("%s: amr %q, stepped up %t, want %q, %t", what, got, p.SteppedUp(w.clock.now(), 0), amr, steppedUp)
			}
		}
		in := w.remembered(t, "d1")
		says("password and code", "pwd otp mfa", true, in)
		again, err := w.SignIn.Refresh(t.Context(), on("d1"), in.Secret)
		if err != nil {
			t.Fatal(err)
		}
		says("refreshed", "pwd otp mfa", false, again)
		w.clock.advance(time.Minute)
		before := w.user(t, again).AuthTime
		if again, err = w.SignIn.Refresh(t.Context(), on("d1"), again.Secret); err != nil || !w.user(t, again).AuthTime.Equal(before) {
			t.Errorf("a refresh moves auth_time: %v", err)
		}
		known, err := w.SignIn.Password(t.Context(), on("d1"), service.PasswordLogin{Email: "ann@example.com", Password: good})
		if err != nil {
			t.Fatal(err)
		}
		says("password on a remembered device", "pwd", false, known)
		if again, err = w.SignIn.Refresh(t.Context(), on("d1"), known.Secret); err != nil || again.MFARequired {
			t.Errorf("its refresh = %+v, %v", again, err)
		}
		rec, err := w.MFA.VerifyRecovery(t.Context(), someone, service.MFACode{Token: w.asked(t, "ann@example.com").MFAToken, Code: w.recovery[0]})
		if err != nil {
			t.Fatal(err)
		}
		says("password and recovery code", "pwd recovery", false, rec)
		if len(w.recovery) != mfa.RecoveryCodes {
			t.Errorf("%d recovery codes", len(w.recovery))
		}
	})
}
