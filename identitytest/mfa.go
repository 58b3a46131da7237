package identitytest

import (
	"encoding/base32"
	"strings"
	"time"

	"github.com/go-identity/identity"
	"github.com/go-identity/identity/mfa"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

// An authenticator is the app on a user's phone.
type authenticator struct {
	key  mfa.Key
	last int64 // step of the code that was shown last
}

// EnrollTOTP gives the user an authenticator app and returns the recovery codes that come
// with the first. [World.SignedIn] shows its code from then on; sessions of before end.
func (w *World) EnrollTOTP(u *User) (recovery []string) {
	w.t.Helper()
	by := identity.System()
	by.UserID, by.TenantID = u.ID, u.TenantID
	e, err := w.MFA.Enroll(w.t.Context(), by)
	if err != nil {
		w.t.Fatalf("enroll %s: %v", u.Email, err)
	}
	w.carry(u, e.Secret)
	if recovery, err = w.MFA.FinishEnroll(w.t.Context(), by, w.TOTP(u)); err != nil {
		w.t.Fatalf("enroll %s: %v", u.Email, err)
	}
	return recovery
}

// carry puts a secret into the user's authenticator.
func (w *World) carry(u *User, secret string) {
	w.t.Helper()
	raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.TrimRight(secret, "="))
	if err != nil {
		w.t.Fatalf("secret %q is not base32: %v", secret, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.phones[u.ID] = &authenticator{key: mfa.Key{Secret: raw, Algorithm: "SHA1", Digits: 6, Period: 30}}
}

// TOTP returns the code that the user's authenticator shows: that of [World.EnrollTOTP], or
// one of the secret that the test saw in an answer of its application and passes once. A code
// works once, so that where it was shown before the clock moves on to the next, at most half
// a minute.
func (w *World) TOTP(u *User, secret ...string) string {
	w.t.Helper()
	for _, s := range secret {
		w.carry(u, s)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	a := w.phones[u.ID]
	if a == nil {
		w.t.Fatalf("%s has no authenticator: call EnrollTOTP first", u.Email)
	}
	if next := time.Unix((a.last+1)*int64(a.key.Period), 0); w.Now().Before(next) {
		w.Advance(next.Sub(w.Now()))
	}
	a.last = a.key.Step(w.Now())
	code, err := a.key.Code(w.Now())
	if err != nil {
		w.t.Fatal(err)
	}
	return code
}

// second brings a login to its end that waits for the user's second factor.
func (w *World) second(u *User, by identity.Principal, l service.Login, kind store.SessionKind) service.Login {
	w.t.Helper()
	if !l.MFARequired {
		return l
	}
	if !l.MFAEnrolled {
		w.t.Fatalf("%s must enroll a second factor first: call EnrollTOTP", u.Email)
	}
	l, err := w.MFA.Verify(w.t.Context(), by, service.MFACode{Token: l.MFAToken, Code: w.TOTP(u), Kind: kind})
	if err != nil {
		w.t.Fatalf("sign %s in with a second factor: %v", u.Email, err)
	}
	return l
}
