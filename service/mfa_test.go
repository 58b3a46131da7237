package service_test

import (
	"encoding/base32"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/internal/secret"
	"github.com/go-identity/identity/mfa"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

// A phone is a user's authenticator app.
type phone struct {
	key   mfa.Key
	clock *clock
}

func newPhone(t testing.TB, w world, secret string) phone {
	t.Helper()
	raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(secret)
	if err != nil {
		t.Fatal(err)
	}
	return phone{mfa.Key{Secret: raw, Algorithm: "SHA1", Digits: 6, Period: 30}, w.clock}
}

// shows returns the code that is shown so many steps from now.
func (p phone) shows(t testing.TB, away int) string {
	t.Helper()
	code, err := p.key.Code(p.clock.now().Add(time.Duration(away) * 30 * time.Second))
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// next returns a code that was not shown before.
func (p phone) next(t testing.TB) string {
	t.Helper()
	p.clock.advance(30 * time.Second)
	return p.shows(t, 0)
}

// enroll gives the user that by is a phone, and its recovery codes.
func (w world) enroll(t testing.TB, by store.Principal) (phone, []string) {
	t.Helper()
	e, err := w.MFA.Enroll(t.Context(), by)
	if err != nil {
		t.Fatalf("begin to enroll: %v", err)
	}
	p := newPhone(t, w, e.Secret)
	codes, err := w.MFA.FinishEnroll(t.Context(), by, p.shows(t, 0))
	if err != nil {
		t.Fatalf("enroll: %v", err)
	}
	return p, codes
}

// A factored is a world with ann, who has a phone.
type factored struct {
	world
	ann      service.Login // her session, which she enrolled in
	by       store.Principal
	phone    phone
	recovery []string
}

// skewed takes codes one step off, as the options do unless they say otherwise.
func skewed(c *service.Config) { c.CodeSkew = 1 }

func newFactored(t testing.TB, change ...func(*service.Config)) factored {
	t.Helper()
	return factoredIn(t, newWorld(t, append(change, open, skewed)...))
}

func factoredIn(t testing.TB, w world) factored {
	t.Helper()
	f := factored{world: w, ann: w.signUp(t, "ann@example.com")}
	f.by = w.user(t, f.ann)
	f.phone, f.recovery = w.enroll(t, f.by)
	return f
}

// asked signs ann in as far as the question for her second factor.
func (w world) asked(t testing.TB, email string) service.Login {
	t.Helper()
	l, err := w.login(t, email, good)
	if err != nil || !l.MFARequired || l.MFAToken == "" {
		t.Fatalf("sign in as %s: %+v, %v, want a question", email, l, err)
	}
	if l.AccessToken != "" || l.Secret != "" || l.Session.ID != "" {
		t.Fatalf("a login that waits has a session: %+v", l)
	}
	return l
}

func (w world) verify(t testing.TB, token, code string) (service.Login, error) {
	t.Helper()
	return w.MFA.Verify(t.Context(), someone, service.MFACode{Token: token, Code: code})
}

// sessions counts the living sessions of a user.
func (w world) sessions(t testing.TB, userID string) int {
	t.Helper()
	all, err := w.db.Sessions(t.Context(), userID, w.clock.now())
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

func TestMFALogin(t *testing.T) {
	t.Parallel()
	w := newFactored(t)
	l := w.asked(t, "ann@example.com")
	if !l.MFAEnrolled || len(l.MFADevices) != 1 || l.MFADevices[0].Kind != store.TOTP || l.User.ID != w.by.UserID {
		t.Errorf("the question = %+v", l)
	}
	if w.sessions(t, w.by.UserID) != 1 {
		t.Error("a login that waits opened a session")
	}
	in, err := w.MFA.Verify(t.Context(), someone, service.MFACode{
		Token: l.MFAToken, FactorID: l.MFADevices[0].ID, Code: w.phone.next(t),
	})
	if err != nil || in.MFARequired || in.AccessToken == "" || in.Secret == "" {
		t.Fatalf("Verify = %+v, %v", in, err)
	}
	if p := w.user(t, in); p.UserID != w.by.UserID || !p.AuthTime.Equal(w.clock.now()) {
		t.Errorf("the token is %+v", p)
	}
	if got := w.audited(t, "signin.challenged"); got != 1 {
		t.Errorf("%d questions were recorded", got)
	}
	me, err := w.Profiles.Me(t.Context(), w.by)
	if err != nil || !me.MFAEnrolled {
		t.Errorf("the profile says enrolled %t, %v", me.MFAEnrolled, err)
	}
	if n := w.kinds(t)["factor-added"]; n != 1 {
		t.Errorf("%d notices of a new device", n)
	}
	_, err = w.refresh(t, in.Secret)
	wantCode(t, "Refresh", err, "")
}

func TestAttackMFACodes(t *testing.T) {
	t.Parallel()
	story := func(name string, fn func(*testing.T, factored)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fn(t, newFactored(t))
		})
	}
	story("MFA-02 TOTP replay across devices and sessions", func(t *testing.T, w factored) {
		wantCode(t, "the code that enrolled", errOf(w.verify(t, w.asked(t, "ann@example.com").MFAToken, w.phone.shows(t, 0))), fault.Unauthenticated)
		code := w.phone.next(t)
		first, second := w.asked(t, "ann@example.com"), w.asked(t, "ann@example.com")
		wantCode(t, "a code", errOf(w.verify(t, first.MFAToken, code)), "")
		wantCode(t, "the code again", errOf(w.verify(t, second.MFAToken, code)), fault.Unauthenticated)
		wantCode(t, "the code to remove the device", w.MFA.Disable(t.Context(), w.by, "", code), fault.Invalid)
		wantCode(t, "the next code", errOf(w.verify(t, second.MFAToken, w.phone.next(t))), "")
	})
	story("MFA-04 an older step after a newer", func(t *testing.T, w factored) {
		w.clock.advance(2 * time.Minute)
		wantCode(t, "the coming code", errOf(w.verify(t, w.asked(t, "ann@example.com").MFAToken, w.phone.shows(t, 1))), "")
		for away := -1; away <= 1; away++ {
			wantCode(t, "one before it", errOf(w.verify(t, w.asked(t, "ann@example.com").MFAToken, w.phone.shows(t, away))), fault.Unauthenticated)
		}
	})
	t.Run("MFA-05 no skew", func(t *testing.T) {
		t.Parallel()
		w := newFactored(t)
		strict := worldOver(t, w.db, w.clock, open) // CodeSkew is zero
		w.clock.advance(time.Minute)
		for away, want := range map[int]fault.Code{-1: fault.Unauthenticated, 1: fault.Unauthenticated} {
			wantCode(t, "a code one step off", errOf(strict.verify(t, w.asked(t, "ann@example.com").MFAToken, w.phone.shows(t, away))), want)
		}
		wantCode(t, "the code of now", errOf(strict.verify(t, w.asked(t, "ann@example.com").MFAToken, w.phone.shows(t, 0))), "")
	})
	story("MFA-14 the mfaToken of one user, the code of another", func(t *testing.T, w factored) {
		bob := w.user(t, w.signUp(t, "bob@example.com"))
		his, _ := w.enroll(t, bob)
		w.clock.advance(time.Minute)
		hers := w.asked(t, "ann@example.com")
		wantCode(t, "his code for her login", errOf(w.verify(t, hers.MFAToken, his.shows(t, 0))), fault.Unauthenticated)
		ds, err := w.MFA.Devices(t.Context(), bob)
		if err != nil || len(ds) != 1 {
			t.Fatalf("his devices: %v, %v", ds, err)
		}
		_, err = w.MFA.Verify(t.Context(), someone, service.MFACode{Token: hers.MFAToken, FactorID: ds[0].ID, Code: his.shows(t, 0)})
		wantCode(t, "his device for her login", err, fault.Unauthenticated)
		wantCode(t, "her code", errOf(w.verify(t, hers.MFAToken, w.phone.shows(t, 0))), "")
	})
	story("MFA-13 brute force", bruteForce)
	story("MFA-12 secret at rest", atRest)
	story("MFA-06 MFA-10 a row that no authenticator made", strangeRows)
	story("MFA-07 issuer injection", injectedIssuer)
}

func bruteForce(t *testing.T, w factored) {
	w.clock.advance(time.Minute)
	right := w.phone.shows(t, 0)
	one := w.asked(t, "ann@example.com")
	for range 5 {
		wantCode(t, "a wrong code", errOf(w.verify(t, one.MFAToken, other(right))), fault.Unauthenticated)
	}
	wantCode(t, "the right code after five wrong ones", errOf(w.verify(t, one.MFAToken, right)), fault.Unauthenticated)
	got := map[fault.Code]int{}
	for range 95 {
		got[code(errOf(w.verify(t, w.asked(t, "ann@example.com").MFAToken, other(right))))]++
	}
	if got[fault.Unauthenticated] != 5 || got[fault.Limited] != 90 {
		t.Errorf("95 more guesses = %v, want 5 looked at", got)
	}
	wantCode(t, "the right code after a hundred", errOf(w.verify(t, w.asked(t, "ann@example.com").MFAToken, right)), fault.Limited)
	if n := w.kinds(t)["factor-guessed"]; n != 1 {
		t.Errorf("%d notices of guessing, want 1", n)
	}
	l := w.asked(t, "ann@example.com")
	recovered, err := w.MFA.VerifyRecovery(t.Context(), someone, service.MFACode{Token: l.MFAToken, Code: w.recovery[3]})
	if err != nil || recovered.AccessToken == "" {
		t.Errorf("her recovery code while codes are locked: %v", err)
	}
	w.clock.advance(12 * time.Hour)
	wantCode(t, "the next day", errOf(w.verify(t, w.asked(t, "ann@example.com").MFAToken, w.phone.shows(t, 0))), "")
	for range 3 { // a success forgives
		for range 4 {
			wantCode(t, "a wrong code", errOf(w.verify(t, w.asked(t, "ann@example.com").MFAToken, other(w.phone.shows(t, 0)))), fault.Unauthenticated)
		}
		wantCode(t, "a right code", errOf(w.verify(t, w.asked(t, "ann@example.com").MFAToken, w.phone.next(t))), "")
	}
}

// factor returns ann's row.
func (w factored) factor(t *testing.T) store.Factor {
	t.Helper()
	all, err := w.db.Factors(t.Context(), w.by.UserID)
	if err != nil || len(all) != 1 {
		t.Fatalf("factors: %v, %v", all, err)
	}
	return all[0]
}

// swap puts another row in the place of ann's.
func (w factored) swap(t *testing.T, f store.Factor) {
	t.Helper()
	if _, err := w.db.DeleteFactors(t.Context(), f.UserID); err != nil {
		t.Fatal(err)
	}
	if err := w.db.CreateFactor(t.Context(), f); err != nil {
		t.Fatal(err)
	}
}

func atRest(t *testing.T, w factored) {
	f := w.factor(t)
	text := w.phone.key.Text()
	if strings.Contains(string(f.Sealed), string(w.phone.key.Secret)) || strings.Contains(string(f.Sealed), text) {
		t.Error("the secret is there to be read")
	}
	bob := w.user(t, w.signUp(t, "bob@example.com"))
	w.enroll(t, bob)
	w.clock.advance(time.Minute)
	moved := f
	moved.UserID = bob.UserID
	w.swap(t, moved)
	wantCode(t, "her key in his row", errOf(w.verify(t, w.asked(t, "bob@example.com").MFAToken, w.phone.shows(t, 0))), fault.Unauthenticated)
	renamed := f
	renamed.ID = "another"
	w.swap(t, renamed)
	wantCode(t, "her key in another row", errOf(w.verify(t, w.asked(t, "ann@example.com").MFAToken, w.phone.shows(t, 0))), fault.Unauthenticated)
	damaged := f
	damaged.Sealed = slices.Clone(f.Sealed)
	damaged.Sealed[len(f.Sealed)-1] ^= 1
	w.swap(t, damaged)
	wantCode(t, "a damaged key", errOf(w.verify(t, w.asked(t, "ann@example.com").MFAToken, w.phone.shows(t, 0))), fault.Unauthenticated)
	w.swap(t, f)
	wantCode(t, "her own row", errOf(w.verify(t, w.asked(t, "ann@example.com").MFAToken, w.phone.shows(t, 0))), "")
}

func strangeRows(t *testing.T, w factored) {
	ring, err := secret.New([][]byte{[]byte("0123456789abcdef0123456789abcdef")})
	if err != nil {
		t.Fatal(err)
	}
	f := w.factor(t)
	w.clock.advance(time.Minute)
	for _, key := range []string{
		``, `{}`, `null`, `[]`,
		`{"secret":"","algorithm":"SHA1","digits":6,"period":30}`,
		`{"secret":"ICAgICAgICAgICAgICAgICAgICA=","algorithm":"SHA1","digits":6,"period":30}`,
		`{"secret":"MTIzNDU2Nzg5MDEyMzQ1Njc4OTA=","algorithm":"99","digits":6,"period":30}`,
		`{"secret":"MTIzNDU2Nzg5MDEyMzQ1Njc4OTA=","algorithm":"SHA1","digits":0,"period":30}`,
		`{"secret":"MTIzNDU2Nzg5MDEyMzQ1Njc4OTA=","algorithm":"SHA1","digits":20,"period":30}`,
		`{"secret":"MTIzNDU2Nzg5MDEyMzQ1Njc4OTA=","algorithm":"SHA1","digits":6,"period":0}`,
	} {
		odd := f
		if odd.Sealed, err = ring.Seal("second factor", f.UserID+"/"+f.ID, []byte(key)); err != nil {
			t.Fatal(err)
		}
		w.swap(t, odd)
		for _, guess := range []string{"", "000000", "328482", w.phone.shows(t, 0)} { // the second: of an empty key
			l := w.asked(t, "ann@example.com")
			if err := errOf(w.verify(t, l.MFAToken, guess)); code(err) != fault.Unauthenticated && code(err) != fault.Limited {
				t.Errorf("key %s, code %q: %v", key, guess, err)
			}
		}
	}
	unknown := f
	unknown.Kind = "voice"
	w.swap(t, unknown)
	w.clock.advance(24 * time.Hour)
	wantCode(t, "a kind that is not known", errOf(w.verify(t, w.asked(t, "ann@example.com").MFAToken, w.phone.shows(t, 0))), fault.Unauthenticated)
	w.swap(t, f)
	wantCode(t, "the row as it was", errOf(w.verify(t, w.asked(t, "ann@example.com").MFAToken, w.phone.shows(t, 0))), "")
}

func injectedIssuer(t *testing.T, w factored) {
	const name = "Acme&secret=JBSWY3DPEHPK3PXP"
	_, err := w.MFAPolicies.Configure(t.Context(), host, service.MFAMethodsChange{App: &service.AppMethod{Active: true, ServiceName: name}})
	if err != nil {
		t.Fatal(err)
	}
	by := w.user(t, w.signUp(t, "bob&secret=JBSWY3DPEHPK3PXP@example.com"))
	e, err := w.MFA.Enroll(t.Context(), by)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(e.URL, "secret=JBSWY3DPEHPK3PXP") || strings.Count(e.URL, "secret=") != 1 || !strings.Contains(e.URL, "secret="+e.Secret+"&") {
		t.Errorf("the URL is %s", e.URL)
	}
	planted := newPhone(t, w.world, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
	wantCode(t, "a code of the planted secret", errOf(w.MFA.FinishEnroll(t.Context(), by, planted.shows(t, 0))), fault.Invalid)
	wantCode(t, "a code of ours", errOf(w.MFA.FinishEnroll(t.Context(), by, newPhone(t, w.world, e.Secret).shows(t, 0))), "")
}
