package service_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/internal/secret"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

// askEmail asks for a new address and returns the code that was mailed to it.
func (w world) askEmail(t testing.TB, by store.Principal, email string) string {
	t.Helper()
	if err := w.Emails.Ask(t.Context(), by, email); err != nil {
		t.Fatal(err)
	}
	m := w.newest(t, "email-code")
	if m.To != strings.TrimSpace(email) {
		t.Fatalf("the code went to %q, want %q", m.To, email)
	}
	return codeIn(t, m)
}

func TestEmailChange(t *testing.T) {
	t.Parallel()
	w := newWorld(t, open)
	here := w.signUp(t, "ann@example.com")
	elsewhere, err := w.login(t, "ann@example.com", good)
	wantCode(t, "second device", err, "")
	by := w.user(t, here)
	code := w.askEmail(t, by, " Anna@Example.com")
	wantCode(t, "the old address while it waits", errOf(w.login(t, "ann@example.com", good)), "")
	wantCode(t, "Confirm", w.Emails.Confirm(t.Context(), by, "anna@EXAMPLE.com", code[:3]+" "+code[3:]), "")
	wantCode(t, "the old address", errOf(w.login(t, "ann@example.com", good)), fault.Unauthenticated)
	l, err := w.login(t, "anna@example.com", good)
	wantCode(t, "the new address", err, "")
	if l.User.Email != "Anna@Example.com" || !l.User.Verified {
		t.Errorf("user = %+v, want the address as it was given, proved", l.User)
	}
	if p := w.user(t, here); p.Email != "Anna@Example.com" {
		t.Errorf("the session still says %q", p.Email)
	}
	wantCode(t, "the other session", errOf(w.Gate.Resolve(t.Context(), elsewhere.AccessToken)), "")
	if m := w.newest(t, "email-changed"); m.To != "ann@example.com" {
		t.Errorf("the notice went to %q, want the old address", m.To)
	}
	again := w.signUp(t, "ann@example.com") // the old address is free
	if again.User.ID == here.User.ID {
		t.Error("the old address still leads to the account")
	}
}

func TestEmailSet(t *testing.T) {
	t.Parallel()
	w := newWorld(t, open)
	up := w.signUp(t, "ann@example.com")
	w.signUp(t, "bob@example.com")
	id := up.User.ID
	_, err := w.Emails.Set(t.Context(), w.user(t, up), id, "x@example.com")
	wantCode(t, "by a user", err, fault.Forbidden)
	for email, want := range map[string]fault.Code{"bob@EXAMPLE.com": fault.Conflict, "x": fault.Invalid} {
		_, err := w.Emails.Set(t.Context(), host, id, email)
		wantCode(t, email, err, want)
	}
	_, err = w.Emails.Set(t.Context(), host, "nobody", "x@example.com")
	wantCode(t, "nobody", err, fault.NotFound)
	p, err := w.Emails.Set(t.Context(), hostIn("elsewhere"), id, "ANN@example.com")
	if err != nil || p.Email != "ANN@example.com" {
		t.Fatalf("another spelling = %q, %v", p.Email, err)
	}
	if n := w.kinds(t)["email-changed"]; n != 0 {
		t.Errorf("%d notices of another spelling, want none", n)
	}
	wantCode(t, "the spelling signs in", errOf(w.login(t, "ann@example.com", good)), "")
	_, err = w.Emails.Set(t.Context(), host, id, "new@example.com")
	wantCode(t, "Set", err, "")
	if m := w.newest(t, "email-changed"); m.To != "ANN@example.com" {
		t.Errorf("the notice went to %q, want the old address", m.To)
	}
	is, err := w.db.Identifiers(t.Context(), id)
	if err != nil || len(is) != 1 || is[0].Value != "new@example.com" || !is[0].Primary || is[0].VerifiedAt.IsZero() {
		t.Errorf("identifiers = %+v, %v; want one, proved", is, err)
	}
}

// An address for who had none, and for who never proved the one they had.
func TestEmailSetFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tenant := w.tenant(t)
	p, err := w.Users.Create(t.Context(), host, service.NewUser{TenantID: tenant, Username: "ann", Password: good})
	wantCode(t, "Create", err, "")
	_, err = w.Emails.Set(t.Context(), host, p.ID, "ann@example.com")
	wantCode(t, "Set", err, "")
	wantCode(t, "sign-in by the address", errOf(w.login(t, "ann@example.com", good)), "")
	_, err = w.SignIn.Password(t.Context(), someone, service.PasswordLogin{Username: "ann", Password: good})
	wantCode(t, "sign-in by the name", err, "")

	_, err = w.SignUp.Create(t.Context(), someone, service.NewSignUp{Email: "bob@example.com", Password: good, Company: "Acme"})
	wantCode(t, "sign-up", err, "")
	userID, token := w.link(t)
	_, err = w.Emails.Set(t.Context(), host, userID, "bobby@example.com")
	wantCode(t, "Set for who waits", err, "")
	_, err = w.SignUp.Activate(t.Context(), someone, service.Activation{UserID: userID, Token: token, Password: good})
	wantCode(t, "ML-11 the link to the old address", err, fault.Gone)
	if got := w.kinds(t); got["email-changed"] != 0 {
		t.Errorf("messages = %v; an address that was never proved gets no notice", got)
	}
}

func TestEmailsFixed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, open, func(c *service.Config) { c.FixedEmails = true })
	by := w.user(t, w.signUp(t, "ann@example.com"))
	wantCode(t, "Ask", w.Emails.Ask(t.Context(), by, "x@example.com"), fault.Forbidden)
	hosts := host
	hosts.UserID = by.UserID
	wantCode(t, "the host asks for it", w.Emails.Ask(t.Context(), hosts, "x@example.com"), "")
}

func TestAttackEmailChange(t *testing.T) {
	t.Parallel()
	story := func(name string, fn func(t *testing.T, w world, by store.Principal)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, open)
			fn(t, w, w.user(t, w.signUp(t, "ann@example.com")))
		})
	}
	confirm := func(t *testing.T, w world, by store.Principal, email, code string) error {
		t.Helper()
		return w.Emails.Confirm(t.Context(), by, email, code)
	}
	story("ENU-11 a taken address", func(t *testing.T, w world, by store.Principal) {
		w.signUp(t, "bob@example.com")
		events := 0
		for _, email := range []string{"free@example.com", "BOB@example.com"} {
			w.clock.advance(time.Second)
			wantCode(t, "Ask for "+email, w.Emails.Ask(t.Context(), by, email), "")
			wantCode(t, "a guess", confirm(t, w, by, email, "000000"), fault.Invalid)
			n := w.audited(t, "email.change_requested")
			if n-events != 1 {
				t.Errorf("%s cost %d writes, want one", email, n-events)
			}
			events = n
		}
		if m := w.newest(t, "email-taken"); m.To != "bob@example.com" || strings.Contains(m.Text, "ann") {
			t.Errorf("the notice went to %q:\n%s", m.To, m.Text)
		}
		if n := w.kinds(t)["email-code"]; n != 1 {
			t.Errorf("%d codes were mailed, want the one for the free address", n)
		}
	})
	story("ENU-11 an address that was taken meanwhile", func(t *testing.T, w world, by store.Principal) {
		code := w.askEmail(t, by, "new@example.com")
		w.signUp(t, "new@example.com")
		wantCode(t, "Confirm", confirm(t, w, by, "new@example.com", code), fault.Conflict)
		wantCode(t, "the address", errOf(w.login(t, "ann@example.com", good)), "")
	})
	story("ML-02 ML-03 ML-04 once, in time, the newest", func(t *testing.T, w world, by store.Principal) {
		first := w.askEmail(t, by, "one@example.com")
		w.clock.advance(time.Second)
		second := w.askEmail(t, by, "two@example.com")
		wantCode(t, "the older", confirm(t, w, by, "one@example.com", first), fault.Invalid)
		wantCode(t, "for another address", confirm(t, w, by, "one@example.com", second), fault.Invalid)
		w.clock.advance(10 * time.Minute)
		wantCode(t, "too late", confirm(t, w, by, "two@example.com", second), fault.Invalid)
		third := w.askEmail(t, by, "two@example.com")
		w.clock.advance(10*time.Minute - time.Microsecond)
		got := storm(5, func() error { return confirm(t, w, by, "two@example.com", third) })
		if got[""] != 1 {
			t.Errorf("outcomes = %v, want one", got)
		}
		wantCode(t, "again", confirm(t, w, by, "two@example.com", third), fault.Invalid)
	})
	story("ML-14 five guesses at one code", func(t *testing.T, w world, by store.Principal) {
		code := w.askEmail(t, by, "new@example.com")
		got := storm(20, func() error { return confirm(t, w, by, "new@example.com", other(code)) })
		if got[fault.Invalid] != 20 {
			t.Errorf("outcomes = %v, want refusals", got)
		}
		wantCode(t, "the right code after them", confirm(t, w, by, "new@example.com", code), fault.Invalid)
		c, err := w.db.ChallengeOf(t.Context(), store.EmailChange, by.UserID)
		if err != nil || c.Tries != 5 {
			t.Errorf("%d tries were counted, %v; want 5", c.Tries, err)
		}
		if n := w.audited(t, "code.refused"); n != 21 {
			t.Errorf("%d refusals were recorded, want 21", n)
		}
	})
	story("ML-14 ten guesses at all codes of an account", func(t *testing.T, w world, by store.Principal) {
		var code string
		for range 3 {
			w.clock.advance(time.Second)
			code = w.askEmail(t, by, "new@example.com")
			for range 4 {
				wantCode(t, "a guess", confirm(t, w, by, "new@example.com", other(code)), fault.Invalid)
			}
		}
		wantCode(t, "the right code after twelve", confirm(t, w, by, "new@example.com", code), fault.Invalid)
		w.clock.advance(time.Hour)
		code = w.askEmail(t, by, "new@example.com")
		wantCode(t, "an hour later", confirm(t, w, by, "new@example.com", code), "")
	})
	story("ML-14 the code is kept as a keyed hash", func(t *testing.T, w world, by store.Principal) {
		code := w.askEmail(t, by, "new@example.com")
		c, err := w.db.ChallengeOf(t.Context(), store.EmailChange, by.UserID)
		if err != nil {
			t.Fatal(err)
		}
		var kept struct{ Code []byte }
		if err := json.Unmarshal([]byte(c.Data), &kept); err != nil || len(kept.Code) != 32 {
			t.Fatalf("kept %q, %v; want 32 bytes", c.Data, err)
		}
		for text, want := range map[string]bool{"0123456789abcdef0123456789abcdef": true, "another secret of another host !": false} {
			ring, err := secret.New([][]byte{[]byte(text)})
			if err != nil {
				t.Fatal(err)
			}
			if got := secret.Equal(kept.Code, ring.MAC("code", "email-change", c.ID, code)); got != want {
				t.Errorf("under the key %q the code fits %t, want %t", text, got, want)
			}
		}
		if strings.Contains(c.Data+string(c.Hash)+c.ID, code) {
			t.Errorf("the row holds the code: %+v", c)
		}
	})
	story("ML-11 a change of address ends every proof to the old one", func(t *testing.T, w world, by store.Principal) {
		userID, token := w.resetLink(t, "ann@example.com")
		code := w.askEmail(t, by, "new@example.com")
		wantCode(t, "Confirm", confirm(t, w, by, "new@example.com", code), "")
		wantCode(t, "the old link", w.reset(t, userID, token, fresh), fault.Gone)
	})
	story("ML-14 a code is its user's alone", func(t *testing.T, w world, by store.Principal) {
		code := w.askEmail(t, by, "new@example.com")
		bob := w.user(t, w.signUp(t, "bob@example.com"))
		wantCode(t, "bob", confirm(t, w, bob, "new@example.com", code), fault.Invalid)
		wantCode(t, "ann", confirm(t, w, by, "new@example.com", code), "")
	})
	story("LCK-15 a flood of codes", func(t *testing.T, w world, by store.Principal) {
		got := map[fault.Code]int{}
		for range 100 {
			w.clock.advance(time.Second)
			got[code(w.Emails.Ask(t.Context(), by, "new@example.com"))]++
		}
		if n := w.kinds(t)["email-code"]; n != 5 || got[fault.Limited] != 95 {
			t.Errorf("%d codes were mailed, want 5; answers %v", n, got)
		}
		bob := w.user(t, w.signUp(t, "bob@example.com"))
		wantCode(t, "somebody else for the same address", w.Emails.Ask(t.Context(), bob, "new@example.com"), "")
		if n := w.kinds(t)["email-code"]; n != 5 {
			t.Errorf("%d codes were mailed to one address, want 5", n)
		}
	})
	story("ENU-11 what cannot be", func(t *testing.T, w world, by store.Principal) {
		wantCode(t, "one's own", w.Emails.Ask(t.Context(), by, "Ann@example.com"), fault.Invalid)
		wantCode(t, "none", w.Emails.Ask(t.Context(), by, "ann"), fault.Invalid)
		wantCode(t, "never asked", confirm(t, w, by, "new@example.com", "123456"), fault.Invalid)
		for _, m := range w.waiting(t) {
			if slices.Contains([]string{"email-code", "email-taken"}, m.Kind) {
				t.Errorf("a %s was mailed", m.Kind)
			}
		}
	})
}

// Two users who want one address at the same time: one gets it, on both databases.
func TestAttackEmailRace(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, db store.Store) {
		w := worldOver(t, db, &clock{at: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)}, open)
		type asker struct {
			by   store.Principal
			code string
		}
		askers := make(chan asker, 8)
		for i := range cap(askers) {
			w.clock.advance(time.Hour) // the address has had its share, else
			by := w.user(t, w.signUp(t, string(rune('a'+i))+"@example.com"))
			askers <- asker{by, w.askEmail(t, by, "wanted@example.com")}
		}
		w.clock.advance(-8 * time.Hour) // their codes are in time, all of them
		got := storm(cap(askers), func() error {
			a := <-askers
			return w.Emails.Confirm(t.Context(), a.by, "wanted@example.com", a.code)
		})
		if got[""] != 1 || got[fault.Conflict] != 7 {
			t.Errorf("ENU-11 outcomes = %v, want one winner", got)
		}
	})
}
