// Package crashtest_test kills the library while it works and looks at what is left.
package crashtest_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"io"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/needs"
	"github.com/go-identity/identity/internal/pgtest"
	"github.com/go-identity/identity/store"
)

// rounds is how often a child is killed: IDENTITY_CRASH_ROUNDS, or 20, or 3 in short mode.
func rounds() int {
	if n, err := strconv.Atoi(os.Getenv("IDENTITY_CRASH_ROUNDS")); err == nil && n > 0 {
		return n
	}
	if testing.Short() {
		return 3
	}
	return 20
}

// A claim is what a child acknowledged before it died.
type claim struct {
	users    map[string]account // by user id
	sessions map[string]held    // by session id: the last that was acknowledged
	effects  int
}

type account struct{ tenantID, email string }

type held struct{ userID, secret string }

// A scene is one database under attack.
type scene struct {
	database string
	strike   func(t *testing.T, round int) bool // kills what else dies with the child, and says whether it did
	recover  func(t *testing.T)                 // brings that back
	examine  func(t *testing.T)                 // the database's own opinion of itself
}

// play kills a child per round and verifies after each that what it acknowledged is there,
// and that nothing is there by halves.
func (s scene) play(t *testing.T) {
	t.Helper()
	users, effects := 0, 0
	for round := range rounds() {
		c := s.kill(t, round)
		s.examine(t)
		s.verify(t, c)
		users, effects = users+len(c.users), effects+c.effects
	}
	if users == 0 {
		t.Error("no child lived long enough to acknowledge anything")
	}
	t.Logf("%d rounds, %d acknowledged users, %d acknowledged sessions and rotations", rounds(), users, effects)
}

// kill runs a child until a random moment within 300 ms, counted from when all its workers are
// at work. Every fifth round counts from its start, so that migrations and the first key are
// interrupted as well.
func (s scene) kill(t *testing.T, round int) *claim {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), childDatabase+"="+s.database, childRound+"="+strconv.Itoa(round))
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	c := &claim{users: map[string]account{}, sessions: map[string]held{}}
	if round%5 != 0 && !c.read(t, lines, "READY") {
		t.Fatalf("round %d: the child never got to work: %s", round, complaints.String())
	}
	struck := make(chan bool, 1)
	time.AfterFunc(moment(t), func() {
		struck <- s.strike(t, round)
		_ = cmd.Process.Kill()
	})
	c.read(t, lines, "")
	err = cmd.Wait()
	also := <-struck
	if !also && cmd.ProcessState.Exited() {
		t.Fatalf("round %d: the child ended by itself: %v: %s", round, err, complaints.String())
	}
	if also {
		s.recover(t)
	}
	return c
}

func moment(t *testing.T) time.Duration {
	t.Helper()
	n, err := rand.Int(rand.Reader, big.NewInt(300))
	if err != nil {
		t.Fatal(err)
	}
	return time.Duration(n.Int64()+1) * time.Millisecond
}

// read takes what a child acknowledges until it says the word, or dies, and reports whether
// it said it. A last line without an end was never said.
func (c *claim) read(t *testing.T, r *bufio.Reader, word string) bool {
	t.Helper()
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			if err != io.EOF {
				t.Fatal(err)
			}
			return false
		}
		switch f := strings.Fields(line); {
		case len(f) == 5 && f[1] == "user":
			c.users[f[2]] = account{f[3], f[4]}
		case len(f) == 5 && f[1] == "session":
			c.sessions[f[3]] = held{f[2], f[4]}
			c.effects++
		case len(f) == 1 && f[0] == word:
			return true
		}
	}
}

func (s scene) verify(t *testing.T, c *claim) {
	t.Helper()
	db, err := open(t.Context(), s.database)
	if err != nil {
		t.Fatalf("open after a crash: %v", err)
	}
	defer db.Close()
	for id, a := range c.users {
		if u, err := db.User(t.Context(), id); err != nil || u.Email != a.email {
			t.Errorf("acknowledged user %s (%s) = %+v, %v", id, a.email, u, err)
		}
		if _, err := db.Tenant(t.Context(), a.tenantID); err != nil {
			t.Errorf("acknowledged tenant %s: %v", a.tenantID, err)
		}
	}
	wholeUsers(t, db)
	for id, h := range c.sessions {
		kept(t, db, id, h)
	}
	s.resume(t, db, c)
}

// kept wants the last acknowledged secret of a session to be its current one, or the one
// before: a rotation may have been committed whose answer was never given.
func kept(t *testing.T, db store.Store, id string, h held) {
	t.Helper()
	got, err := db.Session(t.Context(), h.userID, id)
	if err != nil {
		t.Errorf("acknowledged session %s: %v", id, err)
		return
	}
	if want := sha256.Sum256([]byte(h.secret)); !bytes.Equal(got.Hash, want[:]) && !bytes.Equal(got.PreviousHash, want[:]) {
		t.Errorf("session %s has lost an acknowledged rotation", id)
	}
}

// wholeUsers wants every user to have what a sign-up makes: all of it or none.
func wholeUsers(t *testing.T, db store.Store) {
	t.Helper()
	page := store.Page{Limit: store.MaxLimit}
	for {
		l, err := db.Users(t.Context(), store.UserQuery{Page: page})
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range l.Items {
			if err := whole(t.Context(), db, u); err != nil {
				t.Errorf("half-written user %s (%s): %v", u.ID, u.Email, err)
			}
		}
		if page.After = l.Next; page.After == "" {
			return
		}
	}
}

func whole(ctx context.Context, db store.Store, u store.User) error {
	is, err := db.Identifiers(ctx, u.ID)
	if err != nil || len(is) != 1 {
		return fmt.Errorf("%d identifiers: %w", len(is), err)
	}
	if _, err := db.Credential(ctx, u.ID, store.Password); err != nil {
		return fmt.Errorf("credential: %w", err)
	}
	ms, err := db.Memberships(ctx, u.ID)
	if err != nil || len(ms) != 1 {
		return fmt.Errorf("%d memberships: %w", len(ms), err)
	}
	if _, err := db.Tenant(ctx, ms[0].TenantID); err != nil {
		return fmt.Errorf("tenant: %w", err)
	}
	as, err := db.Assignments(ctx, u.ID)
	if err != nil || len(as) == 0 {
		return fmt.Errorf("%d assignments: %w", len(as), err)
	}
	told, err := db.Audit(ctx, store.AuditQuery{ActorID: u.ID})
	if err != nil || told.Total == 0 {
		return fmt.Errorf("%d audit events: %w", told.Total, err)
	}
	return nil
}

// resume starts the library anew and wants every acknowledged session to go on: with the
// last secret, or, where its successor's answer was lost, by the grace for lost answers.
func (s scene) resume(t *testing.T, db store.Store, c *claim) {
	t.Helper()
	id, err := wire(t.Context(), db, s.database)
	if err != nil {
		t.Fatalf("start after a crash: %v", err)
	}
	for session, h := range c.sessions {
		if _, err := id.SignIn.Refresh(t.Context(), visitor(), h.secret); err != nil {
			t.Errorf("refresh session %s after a crash: %v", session, err)
		}
	}
}

// TestAttackCrashSQLite kills the process that writes a file.
func TestAttackCrashSQLite(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "crash.db")
	s := scene{
		database: file,
		strike:   func(*testing.T, int) bool { return false },
		examine: func(t *testing.T) {
			t.Helper()
			for _, check := range []string{"pragma integrity_check", "pragma foreign_key_check"} {
				if got := ask(t, file, check); len(got) != 0 && got[0] != "ok" {
					t.Errorf("%s: %v", check, got)
				}
			}
		},
	}
	t.Run("STO-08 RT-09 kill -9 while it writes", s.play)
}

// ask returns the first column of a query's answer.
func ask(t *testing.T, file, query string) []string {
	t.Helper()
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var first string
		if err := rows.Scan(&first); err != nil {
			t.Fatal(err)
		}
		all = append(all, first)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// TestAttackCrashPostgres kills the process that writes, and in every other round the server
// under it. The server keeps what it acknowledged: fsync and synchronous_commit are on.
func TestAttackCrashPostgres(t *testing.T) {
	t.Parallel()
	needs.Have(t, "postgres", pgtest.Installed(), "no initdb on PATH or under /usr/lib/postgresql")
	server, err := pgtest.Start(t.Context(), filepath.Join(t.TempDir(), "pg"), pgtest.Durable())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	s := scene{
		database: server.URL(),
		strike: func(t *testing.T, round int) bool {
			t.Helper()
			if round%2 == 0 {
				return false
			}
			if err := server.Kill(); err != nil {
				t.Error(err)
			}
			return true
		},
		recover: func(t *testing.T) {
			t.Helper()
			if err := server.Restart(t.Context()); err != nil {
				t.Fatal(err)
			}
		},
		examine: func(*testing.T) {},
	}
	t.Run("STO-08 RT-09 RT-10 kill -9 while it writes", s.play)
}
