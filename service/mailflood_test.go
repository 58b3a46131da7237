package service_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

// sent counts the messages that were made for each address.
func (w world) sent(t *testing.T) map[string]int {
	t.Helper()
	all := map[string]int{}
	for _, m := range w.waiting(t) {
		all[m.To]++
	}
	return all
}

func TestAttackMailAddress(t *testing.T) {
	t.Parallel()
	const given = "Ann.Lee@Example.com"
	spellings := []string{
		given, "ANN.LEE@EXAMPLE.COM", " ann.lee@example.com ", "ann.lee@example.com.", "ann.lee@\uff45xample.com", "ann.lee@EXAMPLE\u3002com",
	}
	strangers := []string{
		"ann.lee@e\u0445ample.com", "ann.\u217cee@example.com", "\uff41nn.lee@example.com", "ann.lee@example.com\u200b.evil.example",
		"ann.lee+x@example.com", "annlee@example.com", "ann.lee@example.com@evil.example", "ann.lee@example.com\r\nBcc: eve@evil.example",
	}
	ask := func(t *testing.T, w world, email string) {
		t.Helper()
		_ = w.SignUp.Resend(t.Context(), someone, email)
		w.clock.advance(time.Hour + time.Second)
	}
	t.Run("LCK-06 links go to the stored address", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		_, err := w.SignUp.Create(t.Context(), someone, service.NewSignUp{Email: given, Password: good, Company: "Acme"})
		wantCode(t, "Create", err, "")
		for _, email := range slices.Concat(spellings, strangers) {
			ask(t, w, email)
		}
		if got := w.sent(t); len(got) != 1 || got[given] != 1+len(spellings) {
			t.Errorf("sent %v, want %d to %s and to nobody else", got, 1+len(spellings), given)
		}
	})
	t.Run("LCK-06 notices go to the stored address", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		_, err := w.SignUp.Create(t.Context(), someone, service.NewSignUp{Email: given, Password: good, Company: "Acme"})
		wantCode(t, "Create", err, "")
		userID, token := w.link(t)
		_, err = w.SignUp.Activate(t.Context(), someone, service.Activation{UserID: userID, Token: token, Password: good})
		wantCode(t, "Activate", err, "")
		for _, email := range spellings {
			_, err := w.SignUp.Create(t.Context(), someone, service.NewSignUp{Email: email, Password: good, Company: "Acme"})
			wantCode(t, "sign-up as "+email, err, "")
			w.clock.advance(time.Hour + time.Second)
		}
		if got := w.sent(t); len(got) != 1 || got[given] != 1+len(spellings) {
			t.Errorf("sent %v, want %d to %s and to nobody else", got, 1+len(spellings), given)
		}
	})
}

func TestAttackMailFlood(t *testing.T) {
	t.Parallel()
	const most = 5
	from := func(i int) store.Principal {
		return store.Principal{IP: fmt.Sprintf("198.51.%d.%d", i/250, i%250), UserAgent: fmt.Sprint(i)}
	}
	again := func(t *testing.T, w world, i int) error {
		t.Helper()
		return errOf(w.SignUp.Create(t.Context(), from(i), service.NewSignUp{Email: "ann@example.com", Password: good, Company: "Acme"}))
	}
	t.Run("LCK-15 a hundred resends from a hundred addresses, at two processes", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		other := worldOver(t, w.db, w.clock)
		userID, old := invited(t, w, someone)
		for i := range 100 {
			w.clock.advance(time.Second)
			wantCode(t, "Resend", []world{w, other}[i%2].SignUp.Resend(t.Context(), from(i), "ANN@example.com"), "")
		}
		if got := w.sent(t)["ann@example.com"]; got != most {
			t.Errorf("%d messages left, want %d", got, most)
		}
		_, newest := w.link(t)
		activate := func(token string) error {
			return errOf(w.SignUp.Activate(t.Context(), someone, service.Activation{UserID: userID, Token: token, Password: good}))
		}
		wantCode(t, "the first link", activate(old), fault.Gone)
		wantCode(t, "the newest link that left", activate(newest), "")
	})
	for name, activated := range map[string]bool{"of an account that waits": false, "of an account that is used": true} {
		t.Run("LCK-15 a hundred sign-ups with the address "+name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			userID, token := invited(t, w, someone)
			if activated {
				_, err := w.SignUp.Activate(t.Context(), someone, service.Activation{UserID: userID, Token: token, Password: good})
				wantCode(t, "Activate", err, "")
			}
			for i := range 100 {
				w.clock.advance(time.Second)
				wantCode(t, "sign-up", again(t, w, i), "")
			}
			most := most
			if activated {
				most++ // the link that was used is of another kind
			}
			if got := w.sent(t)["ann@example.com"]; got != most {
				t.Errorf("%d messages left, want %d", got, most)
			}
			w.clock.advance(time.Hour)
			wantCode(t, "sign-up an hour later", again(t, w, 1), "")
			if got := w.sent(t)["ann@example.com"]; got != most+1 {
				t.Errorf("an hour later %d messages left, want %d", got, most+1)
			}
		})
	}
	t.Run("LCK-15 a sweep does not forget the count", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, func(c *service.Config) { c.Lockout = store.AttemptLimit{} })
		for i := range 9 {
			wantCode(t, "sign-up", again(t, w, i), "")
			w.clock.advance(5 * time.Minute)
			if err := w.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if got := w.sent(t)["ann@example.com"]; got != most {
			t.Errorf("%d messages left, want %d", got, most)
		}
	})
	t.Run("LCK-15 the address of nobody stays free", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		for i := range 100 {
			wantCode(t, "Resend", w.SignUp.Resend(t.Context(), from(i), "ann@example.com"), "")
		}
		wantCode(t, "sign-up", again(t, w, 1), "")
		if got := w.sent(t)["ann@example.com"]; got != 1 {
			t.Errorf("%d messages left, want 1", got)
		}
	})
	t.Run("LCK-15 one address in a hundred tenants", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, func(c *service.Config) { c.PerTenant = true })
		for i := range 100 {
			wantCode(t, "sign-up", again(t, w, i), "")
		}
		if got := w.sent(t)["ann@example.com"]; got != most {
			t.Errorf("%d messages left, want %d", got, most)
		}
		if n, err := w.db.CountUsers(t.Context()); err != nil || n != most {
			t.Errorf("%d accounts, %v; want none without a link", n, err)
		}
	})
}
