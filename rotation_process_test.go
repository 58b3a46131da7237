package identity_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity"
	"github.com/go-identity/identity/internal/pgtest"
	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/store/postgres"
	"github.com/go-identity/identity/store/sqlite"
)

// rotationDatabase makes the test binary be one process of the rotation test: it tells where
// the database is.
const rotationDatabase = "IDENTITY_ROTATION_DATABASE"

// rotationPath is the child's own route, beside the library's: rotating is for hosts, in
// their process.
const rotationPath = "/rotate"

func TestMain(m *testing.M) {
	if database := os.Getenv(rotationDatabase); database != "" {
		if err := serveRotation(context.Background(), database); err != nil {
			fmt.Fprintln(os.Stderr, "child:", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(pgtest.Main(m))
}

// serveRotation is the child: it prints where it listens and serves until its input ends,
// which it does when its parent is gone as well.
func serveRotation(ctx context.Context, database string) error {
	id, err := wireRotation(ctx, database)
	if err != nil {
		return err
	}
	at, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return errors.Join(err, id.Close())
	}
	routes := http.NewServeMux()
	routes.Handle("/", id.Handler())
	routes.HandleFunc("POST "+rotationPath, func(w http.ResponseWriter, r *http.Request) {
		if _, err := id.Keys.Rotate(r.Context(), identity.System()); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	s := identity.NewServer("", routes)
	served := make(chan error, 1)
	go func() { served <- s.Serve(at) }()
	fmt.Fprintln(os.Stdout, "http://"+at.Addr().String())
	_, err = io.Copy(io.Discard, os.Stdin)
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	err = errors.Join(err, s.Shutdown(ctx))
	if ended := <-served; !errors.Is(ended, http.ErrServerClosed) {
		err = errors.Join(err, ended)
	}
	return errors.Join(err, id.Close())
}

// wireRotation opens a database by its address: a URL is PostgreSQL, anything else a file.
func wireRotation(ctx context.Context, database string) (*identity.Identity, error) {
	var db store.Store
	var err error
	if strings.HasPrefix(database, "postgres") {
		db, err = postgres.Open(ctx, database)
	} else {
		db, err = sqlite.Open(ctx, database)
	}
	if err != nil {
		return nil, err
	}
	id, err := identity.New(ctx, identity.Options{
		Store: db, BaseURL: "https://app.example", Secrets: [][]byte{[]byte("a secret of this test, 32+ bytes")},
		Logger:  slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})),
		SignUp:  identity.SignUpOptions{SkipVerification: true},
		Limits:  identity.LimitOptions{Off: true},
		Session: identity.SessionOptions{RevocationLag: 100 * time.Millisecond},
		Token:   identity.TokenOptions{Algorithm: "ES256", Lifetime: rotationLife, Publish: 500 * time.Millisecond},
	})
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return id, nil
}

// A rotator is one running child, as its parent sees it.
type rotator struct {
	base   string
	cmd    *exec.Cmd
	stdin  io.Closer
	stderr bytes.Buffer
}

// startRotator starts a child on a database and waits until it says where it listens.
func startRotator(t *testing.T, database string) *rotator {
	t.Helper()
	p := &rotator{cmd: exec.Command(os.Args[0])}
	p.cmd.Env = append(os.Environ(), rotationDatabase+"="+database)
	p.cmd.Stderr = &p.stderr
	in, err := p.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.stdin = in
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.stop(t) })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the child did not say where it listens: %v", err)
	}
	p.base = strings.TrimSpace(line)
	return p
}

// stop ends the child's input and wants it to end well; one that does not end is killed.
func (p *rotator) stop(t *testing.T) {
	late := time.AfterFunc(time.Minute, func() { _ = p.cmd.Process.Kill() })
	defer late.Stop()
	err := errors.Join(p.stdin.Close(), p.cmd.Wait())
	if err != nil {
		t.Errorf("the child at %s ended with %v", p.base, err)
	}
	if t.Failed() {
		t.Logf("errors of the child at %s:\n%s", p.base, &p.stderr)
	}
}
