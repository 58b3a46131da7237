package identity_test

import (
	"fmt"
	"net/http"
	"reflect"
	"testing"
	"time"
	"unsafe"

	"github.com/go-identity/identity"
)

const (
	revokePath = "/identity/resources/users/sessions/v1/me/all"
	wrong      = "not the password of anybody"
)

func (h *home) login(t *testing.T, email, password string) (int, object) {
	t.Helper()
	w := h.ask(t, "POST", loginPath, object{"email": email, "password": password})
	if w.Code != http.StatusOK {
		return w.Code, nil
	}
	return w.Code, h.told(t, http.StatusOK, "POST", loginPath, object{"email": email, "password": password})
}

func (h *home) refresh(t *testing.T, login object) int {
	t.Helper()
	return h.ask(t, "POST", refreshPath, object{"refreshToken": login["refreshToken"]}).Code
}

func (h *home) me(t *testing.T, login object) int {
	t.Helper()
	return h.ask(t, "GET", mePath, nil, bearer(login)).Code
}

// want fails the test unless a call got the status.
func want(t *testing.T, what string, got, status int) {
	t.Helper()
	if got != status {
		t.Errorf("%s = %d, want %d", what, got, status)
	}
}

func TestAttackClockJumps(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		to   time.Time
		last int // what a refresh with a session made meanwhile gets afterwards
	}{
		{"ten minutes back", time.Date(2026, 3, 4, 11, 50, 0, 0, time.UTC), http.StatusCreated},
		{"ten minutes on", time.Date(2026, 3, 4, 12, 10, 0, 0, time.UTC), http.StatusUnauthorized},
		{"1970", time.Unix(1, 0).UTC(), http.StatusUnauthorized},
		{"2038", time.Unix(1<<31, 0).UTC(), http.StatusUnauthorized},
		{"2106", time.Unix(1<<32, 0).UTC(), http.StatusUnauthorized},
		{"9999", time.Date(9999, 6, 1, 0, 0, 0, 999_999_999, time.UTC), http.StatusUnauthorized},
	} {
		t.Run("OPS-01 "+tt.name, func(t *testing.T) {
			t.Parallel()
			h := newHome(t, func(o *identity.Options) { o.Limits.Off, o.Lockout.Failures = false, 2 })
			began := h.clock.now()
			before := h.signUp(t, "ann@acme.example")
			h.signUp(t, "bob@acme.example")
			want(t, "a token", h.me(t, before), http.StatusOK)

			h.clock.set(tt.to)
			want(t, "a token from another time", h.me(t, before), http.StatusUnauthorized)
			status, meanwhile := h.login(t, "ann@acme.example", homePassword)
			want(t, "a sign-in", status, http.StatusOK)
			want(t, "its token", h.me(t, meanwhile), http.StatusOK)
			for range 2 {
				status, _ = h.login(t, "bob@acme.example", wrong)
				want(t, "a wrong password", status, http.StatusUnauthorized)
			}
			h.told(t, http.StatusOK, "GET", "/.well-known/jwks.json", nil)
			want(t, "a page", h.ask(t, "GET", "/account/login", nil).Code, http.StatusOK)

			h.clock.set(began.Add(time.Minute))
			want(t, "the first token, in its time", h.me(t, before), http.StatusOK)
			want(t, "the token made meanwhile", h.me(t, meanwhile), http.StatusUnauthorized)
			want(t, "the session made meanwhile", h.refresh(t, meanwhile), tt.last)
			want(t, "the first session", h.refresh(t, before), http.StatusCreated)
			h.clock.set(began.Add(time.Hour))
			status, _ = h.login(t, "bob@acme.example", homePassword)
			want(t, "who was locked meanwhile", status, http.StatusOK)
		})
	}
}

func TestAttackLastSecond(t *testing.T) {
	t.Parallel()
	t.Run("OPS-01 what would expire in the year 10000", func(t *testing.T) {
		t.Parallel()
		h := newHome(t)
		h.signUp(t, "ann@acme.example")
		h.clock.set(time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC))
		status, login := h.login(t, "ann@acme.example", homePassword)
		want(t, "a sign-in", status, http.StatusOK)
		want(t, "its token", h.me(t, login), http.StatusUnauthorized)
		h.clock.advance(time.Minute)
		want(t, "a token in the year 10000", h.me(t, login), http.StatusUnauthorized)
		if status, _ = h.login(t, "ann@acme.example", homePassword); status >= 500 {
			t.Errorf("a sign-in in the year 10000 = %d", status)
		}
	})
}

// suspended is a time d after at by the wall, on a machine that slept: its monotonic clock
// stood still.
func suspended(t *testing.T, at time.Time, d time.Duration) time.Time {
	t.Helper()
	v := reflect.ValueOf(&at).Elem()
	wall, ext := v.FieldByName("wall"), v.FieldByName("ext")
	if !wall.IsValid() || !ext.IsValid() {
		t.Skip("time.Time is laid out otherwise")
	}
	*(*uint64)(unsafe.Pointer(wall.UnsafeAddr())) += uint64(d/time.Second) << 30
	return at
}

func TestAttackSuspend(t *testing.T) {
	t.Parallel()
	t.Run("OPS-02 a laptop sleeps for an hour", func(t *testing.T) {
		t.Parallel()
		awake := time.Now()
		later := suspended(t, awake, time.Hour)
		if later.Round(0).Sub(awake.Round(0)) != time.Hour || later.Sub(awake) != 0 {
			t.Fatalf("%v is not an hour after %v by the wall alone", later, awake)
		}
		short := func(o *identity.Options) {
			o.Session.Idle, o.Lockout.Failures, o.Limits.Off = 30*time.Minute, 2, false
		}
		h := homeOver(t, memory(t), &clock{at: awake}, short)
		login := h.signUp(t, "ann@acme.example")
		h.signUp(t, "bob@acme.example")
		for range 2 {
			_, _ = h.login(t, "bob@acme.example", wrong)
		}
		for h.ask(t, "POST", signUpPath, newcomer("ann@acme.example")).Code != http.StatusTooManyRequests && t.Context().Err() == nil {
		}
		h.clock.set(later)
		want(t, "the token", h.me(t, login), http.StatusUnauthorized)
		want(t, "the session", h.refresh(t, login), http.StatusUnauthorized)
		status, _ := h.login(t, "bob@acme.example", homePassword)
		want(t, "who was locked", status, http.StatusOK)
		want(t, "who called too often", h.ask(t, "POST", signUpPath, newcomer("ann@acme.example")).Code, http.StatusConflict)
	})
	t.Run("OPS-02 a cookie is renewed after the sleep", func(t *testing.T) {
		t.Parallel()
		awake := time.Now()
		h := homeOver(t, memory(t), &clock{at: awake})
		h.signUp(t, "ann@acme.example")
		cookie := h.enter(t, "ann@acme.example")
		renewed := func() bool {
			return h.ask(t, "GET", mePath, nil, "Cookie: "+cookie).Header().Get("Set-Cookie") != ""
		}
		if renewed() {
			t.Error("a new cookie was renewed")
		}
		h.clock.set(suspended(t, awake, 2*time.Minute))
		if !renewed() {
			t.Error("the cookie was not renewed after two minutes by the wall")
		}
		h.clock.set(suspended(t, awake, 4*time.Minute))
		if !renewed() {
			t.Error("the cookie was not renewed again after two more")
		}
	})
}

func TestAttackSkew(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		skew, apart time.Duration
		ok          bool
	}{
		{0, 9 * time.Second, true},
		{0, 90 * time.Second, false},
		{time.Minute, time.Minute, true},
		{time.Minute, 90 * time.Second, false},
		{2 * time.Minute, 90 * time.Second, true},
		{2 * time.Minute, 2 * time.Minute, true},
		{2 * time.Minute, 121 * time.Second, false},
	} {
		t.Run(fmt.Sprintf("OPS-03 %v apart with %v allowed", tt.apart, tt.skew), func(t *testing.T) {
			t.Parallel()
			allow := func(o *identity.Options) { o.Token.Skew = tt.skew }
			behind := newHome(t, allow)
			ahead := homeOver(t, behind.db, &clock{at: behind.clock.now().Add(tt.apart)}, allow)
			status := http.StatusUnauthorized
			if tt.ok {
				status = http.StatusOK
			}
			early, late := behind.signUp(t, "ann@acme.example"), ahead.signUp(t, "bob@acme.example")
			want(t, "a token from ahead", behind.me(t, late), status)
			want(t, "a token from behind", ahead.me(t, early), http.StatusOK)
			if !tt.ok {
				return
			}
			want(t, "ending sessions behind", behind.ask(t, "DELETE", revokePath, nil, bearer(early)).Code, http.StatusOK)
			want(t, "ending sessions ahead", ahead.ask(t, "DELETE", revokePath, nil, bearer(late)).Code, http.StatusOK)
			for _, h := range []*home{behind, ahead} {
				h.clock.advance(time.Second)
				for _, l := range []object{early, late} {
					want(t, "a token whose session was ended elsewhere", h.me(t, l), http.StatusUnauthorized)
					want(t, "a refresh of it", h.refresh(t, l), http.StatusUnauthorized)
				}
			}
		})
	}
	t.Run("OPS-03 never more", func(t *testing.T) {
		t.Parallel()
		for _, skew := range []time.Duration{-time.Second, 2*time.Minute + 1, time.Hour} {
			o := identity.Options{Store: memory(t), Token: identity.TokenOptions{Skew: skew}}
			if _, err := identity.New(t.Context(), o); err == nil {
				t.Errorf("a skew of %v is taken", skew)
			}
		}
	})
}
