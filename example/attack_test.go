package main

import (
	"net/http"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
)

// TestAttackFile lets eight callers write one SQLite file through two processes: each may
// wait, and none is told that the database is busy.
func TestAttackFile(t *testing.T) {
	t.Parallel()
	t.Run("RT-04 two processes on one file", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		ps := []*process{start(t, dir, filepath.Join(dir, "identity.db")), start(t, dir, filepath.Join(dir, "identity.db"))}
		viewer := ps[0].Users[1]
		var wg sync.WaitGroup
		for i := range 8 {
			held := ps[i%2].signIn(t, viewer.Email, viewer.Password)
			wg.Go(func() {
				for n := range 25 {
					a, err := ps[(i+n)%2].try(t.Context(), "", "POST", refreshV, map[string]string{"refreshToken": held.RefreshToken})
					if err != nil || a.status != http.StatusCreated {
						t.Errorf("caller %d, refresh %d = %d %s, %v", i, n, a.status, a.body, err)
						return
					}
					held = decode[signedIn](t, a)
					// A change that reads before it writes.
					a, err = ps[n%2].try(t.Context(), held.AccessToken, "PUT", "/identity/resources/users/v2/me", map[string]any{"name": "Vic"})
					if err != nil || a.status != http.StatusOK {
						t.Errorf("caller %d, change %d = %d %s, %v", i, n, a.status, a.body, err)
						return
					}
				}
			})
		}
		wg.Wait()
		if live := storm(t, ps, ps[0].signIn(t, viewer.Email, viewer.Password).RefreshToken); len(live) != 1 {
			t.Errorf("100 refreshes of one token left %d successors, want 1", len(live))
		}
	})
}

// TestAttackTerminate ends a process while people sign in: who was let in gets an answer, and
// the process ends by itself, which the end of the test checks.
func TestAttackTerminate(t *testing.T) {
	t.Parallel()
	t.Run("OPS-09 sign-ins in flight", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		p := start(t, dir, filepath.Join(dir, "identity.db"))
		viewer := p.Users[1]
		const callers = 12
		answered := make(chan answer, callers)
		for range callers {
			go func() {
				a, err := p.try(t.Context(), "", "POST", loginV1, map[string]string{"email": viewer.Email, "password": viewer.Password})
				if err != nil {
					t.Errorf("a sign-in in flight: %v", err)
				}
				answered <- a
			}()
		}
		var got []answer
		for range callers {
			if got = append(got, <-answered); len(got) == 2 { // by now the others are in
				if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, a := range got {
			if a.status != http.StatusOK {
				t.Errorf("a sign-in in flight = %d %s", a.status, a.body)
			}
		}
		if _, err := p.try(t.Context(), "", "GET", "/", nil); err == nil {
			t.Error("it still answers")
		}
	})
}
