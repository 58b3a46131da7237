package service_test

import (
	"encoding/base32"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/mfa"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

const fresh = "an entirely new passphrase"

// newest returns the newest message of the kind in the outbox.
func (w world) newest(t testing.TB, kind string) store.Message {
	t.Helper()
	var found store.Message
	for _, m := range w.waiting(t) {
		if m.Kind != kind {
			continue
		}
		if m.CreatedAt.Equal(found.CreatedAt) {
			t.Fatalf("two %s of one instant: none of them is the newest", kind)
		}
		found = m
	}
	if found.ID == "" {
		t.Fatalf("no %s was mailed", kind)
	}
	return found
}

// kinds counts the messages in the outbox by kind.
func (w world) kinds(t testing.TB) map[string]int {
	t.Helper()
	all := map[string]int{}
	for _, m := range w.waiting(t) {
		all[m.Kind]++
	}
	return all
}

// tokenIn returns what the link in a message carries.
func tokenIn(t testing.TB, m store.Message) (userID, token string) {
	t.Helper()
	u, err := url.Parse(regexp.MustCompile(`https://\S+token=\S+`).FindString(m.Text))
	if err != nil || u.Query().Get("token") == "" {
		t.Fatalf("no link in %q", m.Text)
	}
	return u.Query().Get("userId"), u.Query().Get("token")
}

// codeIn returns the code in a message.
func codeIn(t testing.TB, m store.Message) string {
	t.Helper()
	code := regexp.MustCompile(`(?m)^ +(\d{6})$`).FindStringSubmatch(m.Text)
	if code == nil {
		t.Fatalf("no code in %q", m.Text)
	}
	return code[1]
}

// other returns a code that is not the one.
func other(code string) string {
	if code == "123456" {
		return "123457"
	}
	return "123456"
}

// forgot asks for a reset by address.
func (w world) forgot(t testing.TB, email string) error {
	t.Helper()
	return w.Resets.Ask(t.Context(), someone, service.ResetRequest{Kind: store.Email, Value: email})
}

// resetLink asks for a reset and returns what the link carries.
func (w world) resetLink(t testing.TB, email string) (userID, token string) {
	t.Helper()
	if err := w.forgot(t, email); err != nil {
		t.Fatal(err)
	}
	return tokenIn(t, w.newest(t, "password-reset"))
}

func (w world) reset(t testing.TB, userID, token, pw string) error {
	t.Helper()
	return w.Resets.Reset(t.Context(), someone, service.PasswordChoice{UserID: userID, Token: token, Password: pw})
}

// shownBy is the code that an authenticator app shows now.
func (w world) shownBy(t testing.TB, e service.Enrollment) string {
	t.Helper()
	raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(e.Secret)
	if err != nil {
		t.Fatal(err)
	}
	code, err := mfa.Key{Secret: raw, Algorithm: "SHA1", Digits: 6, Period: 30}.Code(w.clock.now())
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// storm calls fn many times at once and counts the outcomes.
func storm(n int, fn func() error) map[fault.Code]int {
	var mu sync.Mutex
	var wg sync.WaitGroup
	got := map[fault.Code]int{}
	for range n {
		wg.Go(func() {
			err := fn()
			mu.Lock()
			defer mu.Unlock()
			got[code(err)]++
		})
	}
	wg.Wait()
	return got
}

func TestReset(t *testing.T) {
	t.Parallel()
	w := newWorld(t, open)
	here := w.signUp(t, "ann@example.com")
	userID, token := w.resetLink(t, " ANN@example.com")
	wantCode(t, "Check", w.Resets.Check(t.Context(), userID, token), "")
	wantCode(t, "short password", w.reset(t, userID, token, "short"), fault.Invalid)
	wantCode(t, "the current password", w.reset(t, userID, token, good), fault.Invalid)
	wantCode(t, "Reset", w.reset(t, userID, token, fresh), "")
	wantCode(t, "the session", errOf(w.Gate.Resolve(t.Context(), here.AccessToken)), fault.Unauthenticated)
	wantCode(t, "its refresh token", errOf(w.refresh(t, here.Secret)), fault.Unauthenticated)
	wantCode(t, "the old password", errOf(w.login(t, "ann@example.com", good)), fault.Unauthenticated)
	wantCode(t, "the new password", errOf(w.login(t, "ann@example.com", fresh)), "")
	if got := w.kinds(t); got["password-changed"] != 1 || got["password-reset"] != 1 {
		t.Errorf("messages = %v, want a link and a notice", got)
	}
	if n := w.audited(t, "password.reset"); n != 1 {
		t.Errorf("the reset was recorded %d times, want once", n)
	}
}

func TestResetByUsername(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.Users.Create(t.Context(), host, service.NewUser{
		TenantID: w.tenant(t), Email: "Bob@Example.com", Username: "Bob", Password: good,
	})
	wantCode(t, "Create", err, "")
	wantCode(t, "Ask", w.Resets.Ask(t.Context(), someone, service.ResetRequest{Kind: store.Username, Value: "BOB"}), "")
	m := w.newest(t, "password-reset")
	if m.To != "Bob@Example.com" {
		t.Errorf("LCK-06 mailed to %q, want the stored address", m.To)
	}
	userID, token := tokenIn(t, m)
	wantCode(t, "Reset", w.reset(t, userID, token, fresh), "")
}

func TestResetRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, in := range map[string]service.ResetRequest{
		"no address": {Kind: store.Email, Value: "ann"}, "no kind": {Value: "ann@example.com"},
		"a broken byte": {Kind: store.Username, Value: "\xff"}, "another kind": {Kind: "id", Value: "x"},
	} {
		wantCode(t, name, w.Resets.Ask(t.Context(), someone, in), fault.Invalid)
	}
	_, _, err := w.Resets.Link(t.Context(), someone, "x")
	wantCode(t, "a link for a stranger", err, fault.Forbidden)
	_, _, err = w.Resets.Link(t.Context(), host, "x")
	wantCode(t, "a link of nobody", err, fault.NotFound)
}

func TestAttackReset(t *testing.T) {
	t.Parallel()
	story := func(name string, fn func(t *testing.T, w world, up service.Login)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, open)
			fn(t, w, w.signUp(t, "ann@example.com"))
		})
	}
	story("ML-01 looking uses nothing up", func(t *testing.T, w world, _ service.Login) {
		userID, token := w.resetLink(t, "ann@example.com")
		for range 3 {
			wantCode(t, "Check", w.Resets.Check(t.Context(), userID, token), "")
		}
		wantCode(t, "Reset", w.reset(t, userID, token, fresh), "")
		wantCode(t, "Check of a used link", w.Resets.Check(t.Context(), userID, token), fault.Gone)
	})
	story("ML-03 the edge of its life", func(t *testing.T, w world, _ service.Login) {
		userID, token := w.resetLink(t, "ann@example.com")
		w.clock.advance(time.Hour)
		wantCode(t, "at its end", w.reset(t, userID, token, fresh), fault.Gone)
		wantCode(t, "Check at its end", w.Resets.Check(t.Context(), userID, token), fault.Gone)
		w.clock.advance(time.Second)
		wantCode(t, "after", w.reset(t, userID, token, fresh), fault.Gone)
		userID, token = w.resetLink(t, "ann@example.com")
		w.clock.advance(time.Hour - time.Microsecond)
		wantCode(t, "just before", w.reset(t, userID, token, fresh), "")
	})
	story("ML-04 the newest only", func(t *testing.T, w world, _ service.Login) {
		userID, first := w.resetLink(t, "ann@example.com")
		w.clock.advance(time.Second)
		_, second := w.resetLink(t, "ann@example.com")
		wantCode(t, "the older", w.reset(t, userID, first, fresh), fault.Gone)
		_, made, err := w.Resets.Link(t.Context(), host, userID)
		wantCode(t, "Link", err, "")
		wantCode(t, "older than the host's", w.reset(t, userID, second, fresh), fault.Gone)
		wantCode(t, "the host's", w.reset(t, userID, made, fresh), "")
	})
	story("ML-08 a link of somebody else, or for something else", func(t *testing.T, w world, up service.Login) {
		bob := w.signUp(t, "bob@example.com")
		userID, token := w.resetLink(t, "ann@example.com")
		wantCode(t, "as bob", w.reset(t, bob.User.ID, token, fresh), fault.Gone)
		wantCode(t, "as nobody", w.reset(t, "", token, fresh), fault.Gone)
		wantCode(t, "a cut one", w.reset(t, userID, token[1:], fresh), fault.Gone)
		_, err := w.SignUp.Activate(t.Context(), someone, service.Activation{UserID: userID, Token: token, Password: fresh})
		wantCode(t, "as an activation", err, fault.Gone)
		wantCode(t, "as an unlock", w.Unlocks.Unlock(t.Context(), someone, token), fault.Gone)
		_, activation, err := w.SignUp.Link(t.Context(), host, up.User.ID)
		wantCode(t, "Link", err, "")
		wantCode(t, "an activation as a reset", w.reset(t, userID, activation, fresh), fault.Gone)
		wantCode(t, "Reset", w.reset(t, userID, token, fresh), "")
	})
	story("ML-11 a change of address ends it", func(t *testing.T, w world, up service.Login) {
		userID, token := w.resetLink(t, "ann@example.com")
		wantCode(t, "Set", errOf(w.Emails.Set(t.Context(), host, up.User.ID, "anna@example.com")), "")
		wantCode(t, "the old link", w.reset(t, userID, token, fresh), fault.Gone)
	})
	story("ML-11 so does a change of password, and the end of the account", func(t *testing.T, w world, up service.Login) {
		userID, token := w.resetLink(t, "ann@example.com")
		wantCode(t, "Change", w.Passwords.Change(t.Context(), w.user(t, up), good, fresh), "")
		wantCode(t, "the old link", w.reset(t, userID, token, "yet another passphrase"), fault.Gone)
		w.clock.advance(time.Second)
		_, token = w.resetLink(t, "ann@example.com")
		wantCode(t, "Delete", w.Users.Delete(t.Context(), host, up.User.ID), "")
		wantCode(t, "the link of nobody", w.reset(t, userID, token, "yet another passphrase"), fault.Gone)
	})
	story("PW-24 the link has the configured host", func(t *testing.T, w world, _ service.Login) {
		wantCode(t, "Ask", w.forgot(t, "ann@example.com"), "")
		m := w.newest(t, "password-reset")
		for _, link := range regexp.MustCompile(`https?://[^/\s"<]+`).FindAllString(m.Text+m.HTML, -1) {
			if link != "https://app.example" {
				t.Errorf("a link leads to %s", link)
			}
		}
	})
	story("PW-23 a reset opens no session", func(t *testing.T, w world, up service.Login) {
		userID, token := w.resetLink(t, "ann@example.com")
		wantCode(t, "Reset", w.reset(t, userID, token, fresh), "")
		live, err := w.db.Sessions(t.Context(), up.User.ID, w.clock.now())
		if err != nil || len(live) != 0 {
			t.Errorf("%d sessions after a reset, %v; want none", len(live), err)
		}
	})
	story("PW-23 who has a second factor is asked for it after a reset", func(t *testing.T, w world, up service.Login) {
		by := w.user(t, up)
		e, err := w.MFA.Enroll(t.Context(), by)
		wantCode(t, "Enroll", err, "")
		_, err = w.MFA.FinishEnroll(t.Context(), by, w.shownBy(t, e))
		wantCode(t, "FinishEnroll", err, "")
		asked, err := w.login(t, "ann@example.com", good)
		if err != nil || !asked.MFARequired {
			t.Fatalf("sign-in = %+v, %v; want a demand", asked, err)
		}
		w.clock.advance(time.Minute)
		userID, token := w.resetLink(t, "ann@example.com")
		wantCode(t, "Reset", w.reset(t, userID, token, fresh), "")
		_, err = w.MFA.Verify(t.Context(), someone, service.MFACode{Token: asked.MFAToken, Code: w.shownBy(t, e)})
		wantCode(t, "the login that was under way with the old password", err, fault.Unauthenticated)
		asked, err = w.login(t, "ann@example.com", fresh)
		if err != nil || !asked.MFARequired || asked.Secret != "" || asked.AccessToken != "" {
			t.Errorf("sign-in = %+v, %v; want a demand and nothing else", asked, err)
		}
	})
	story("LCK-03 a reset clears the lockout, a lock by the host stays", func(t *testing.T, w world, up service.Login) {
		for range 6 {
			_, _ = w.login(t, "ann@example.com", "x")
		}
		wantCode(t, "locked", errOf(w.login(t, "ann@example.com", good)), fault.Unauthenticated)
		userID, token := w.resetLink(t, "ann@example.com")
		wantCode(t, "Reset", w.reset(t, userID, token, fresh), "")
		wantCode(t, "after the reset", errOf(w.login(t, "ann@example.com", fresh)), "")
		wantCode(t, "Lock", w.Users.Lock(t.Context(), host, up.User.ID), "")
		w.clock.advance(time.Second)
		_, token = w.resetLink(t, "ann@example.com")
		wantCode(t, "Reset", w.reset(t, userID, token, "yet another passphrase"), "")
		wantCode(t, "after the host's lock", errOf(w.login(t, "ann@example.com", "yet another passphrase")), fault.Unauthenticated)
	})
	story("LCK-15 a flood of requests", func(t *testing.T, w world, _ service.Login) {
		for range 100 {
			w.clock.advance(time.Second)
			wantCode(t, "Ask", w.forgot(t, "ann@example.com"), "")
		}
		if n := w.kinds(t)["password-reset"]; n != 5 {
			t.Errorf("%d links were mailed, want 5", n)
		}
		userID, token := tokenIn(t, w.newest(t, "password-reset"))
		wantCode(t, "the newest that was mailed", w.reset(t, userID, token, fresh), "")
		wantCode(t, "a sign-in meanwhile", errOf(w.login(t, "ann@example.com", fresh)), "")
	})
}

// A link that is used by fifty at once is used by one, on both databases; and the sessions
// that a reset ends stay ended for those who sign in meanwhile with the old password.
func TestAttackResetRace(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, db store.Store) {
		w := worldOver(t, db, &clock{at: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)}, open,
			func(c *service.Config) { c.Lockout.Max = 0 })
		t.Run("ML-02 once, of fifty at the same time", func(t *testing.T) {
			w.signUp(t, "ann@example.com")
			userID, token := w.resetLink(t, "ann@example.com")
			got := storm(50, func() error { return w.reset(t, userID, token, fresh) })
			if got[""] != 1 || got[fault.Gone]+got[fault.Invalid] != 49 {
				t.Errorf("outcomes = %v, want one", got)
			}
			if n := w.kinds(t)["password-changed"]; n != 1 {
				t.Errorf("%d notices, want 1", n)
			}
		})
		t.Run("PW-23 a sign-in that races with a reset", func(t *testing.T) {
			w.clock.advance(time.Second)
			up := w.signUp(t, "bob@example.com")
			userID, token := w.resetLink(t, "bob@example.com")
			var wg sync.WaitGroup
			for range 8 {
				wg.Go(func() { _, _ = w.login(t, "bob@example.com", good) })
			}
			wg.Go(func() { wantCode(t, "Reset", w.reset(t, userID, token, fresh), "") })
			wg.Wait()
			live, err := w.db.Sessions(t.Context(), up.User.ID, w.clock.now())
			if err != nil || len(live) != 0 {
				t.Errorf("%d sessions are alive after a reset, %v; want none", len(live), err)
			}
		})
	})
}

func TestAttackForgot(t *testing.T) {
	t.Parallel()
	t.Run("ENU-05 the same for every account", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, func(c *service.Config) { c.Unverified = true })
		tenant := w.tenant(t)
		for _, n := range []service.NewUser{
			{Email: "known@example.com", Password: good}, {Email: "without@example.com"}, {Email: "disabled@example.com", Password: good},
			{Email: "locked@example.com", Password: good}, {Email: "often@example.com", Password: good}, {Username: "nameonly", Password: good},
		} {
			n.TenantID = tenant
			p, err := w.Users.Create(t.Context(), host, n)
			wantCode(t, "Create", err, "")
			switch n.Email {
			case "disabled@example.com":
				wantCode(t, "Disable", w.Members.Disable(t.Context(), hostIn(tenant), p.ID), "")
			case "locked@example.com":
				wantCode(t, "Lock", w.Users.Lock(t.Context(), host, p.ID), "")
			}
		}
		for range 6 {
			wantCode(t, "often", w.forgot(t, "often@example.com"), "")
		}
		_, err := w.SignUp.Create(t.Context(), someone, service.NewSignUp{Email: "pending@example.com", Password: good, Company: "Acme"})
		wantCode(t, "Create", err, "")
		for _, in := range []service.ResetRequest{
			{Kind: store.Email, Value: "known@example.com"}, {Kind: store.Email, Value: "nobody@example.com"},
			{Kind: store.Email, Value: "without@example.com"}, {Kind: store.Email, Value: "disabled@example.com"},
			{Kind: store.Email, Value: "locked@example.com"}, {Kind: store.Email, Value: "often@example.com"},
			{Kind: store.Email, Value: "pending@example.com"}, {Kind: store.Username, Value: "nameonly"},
			{Kind: store.Username, Value: "nobody"}, {Kind: store.Phone, Value: "+14155552671"},
		} {
			hashes, events := w.hasher.Runs(), w.audited(t, "password.reset_requested")
			wantCode(t, "Ask for "+in.Value, w.Resets.Ask(t.Context(), someone, in), "")
			if n := w.hasher.Runs() - hashes; n != 0 {
				t.Errorf("%s cost %d hashes, want none", in.Value, n)
			}
			if n := w.audited(t, "password.reset_requested") - events; n != 1 {
				t.Errorf("%s cost %d writes, want one", in.Value, n)
			}
		}
		if got := w.kinds(t); got["activation"] != 2 {
			t.Errorf("messages = %v; an address that waits for its proof gets another one", got)
		}
		if len(*w.mail) != 0 {
			t.Errorf("%d messages left inline, want all queued", len(*w.mail))
		}
	})
	t.Run("ENU-06 codes and links over the limit say the same", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		invited(t, w, someone)
		for range 8 {
			wantCode(t, "known", w.SignUp.Resend(t.Context(), someone, "ann@example.com"), "")
			wantCode(t, "unknown", w.SignUp.Resend(t.Context(), someone, "nobody@example.com"), "")
		}
		if n := w.audited(t, "activation.resent"); n != 16 {
			t.Errorf("%d requests were recorded, want 16", n)
		}
		if n := w.kinds(t)["activation"]; n != 5 {
			t.Errorf("%d activations were mailed, want 5", n)
		}
	})
	t.Run("LCK-05 LCK-06 mail goes to nobody else", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, open)
		w.signUp(t, "kim@example.com")
		for _, email := range []string{"\u212aim@example.com", "k\u0131m@example.com", "kim@example.com.evil.example"} {
			if err := w.forgot(t, email); code(err) != "" && code(err) != fault.Invalid {
				t.Errorf("Ask for %q = %v", email, err)
			}
		}
		wantCode(t, "a full-width domain", w.forgot(t, "KIM@ｅｘａｍｐｌｅ.com"), "")
		for _, m := range w.waiting(t) {
			if m.To != "kim@example.com" {
				t.Errorf("mailed to %q", m.To)
			}
		}
		if n := w.kinds(t)["password-reset"]; n != 1 {
			t.Errorf("%d links, want 1", n)
		}
	})
	t.Run("PW-24 nothing of the request is in the message", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, open)
		w.signUp(t, "ann@example.com")
		by := store.Principal{IP: "203.0.113.66", UserAgent: "evil.example/1", TenantID: "evil"}
		wantCode(t, "Ask", w.Resets.Ask(t.Context(), by, service.ResetRequest{Kind: store.Email, Value: "ann@example.com"}), "")
		m := w.newest(t, "password-reset")
		if strings.Contains(m.Text+m.HTML+m.Subject, "evil") || strings.Contains(m.Text, "203.0") {
			t.Errorf("the message repeats the request:\n%s", m.Text)
		}
	})
}
