package crashtest_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-identity/identity"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/store/postgres"
	"github.com/go-identity/identity/store/sqlite"
)

// What the parent tells its child through the environment.
const (
	childDatabase = "IDENTITY_CRASH_DATABASE"
	childRound    = "IDENTITY_CRASH_ROUND"
)

const passphrase = "a passphrase that survives"

// workers sign up and refresh side by side, so that a kill finds several changes under way.
const workers = 4

func TestMain(m *testing.M) {
	if database := os.Getenv(childDatabase); database != "" {
		if err := work(context.Background(), database, os.Getenv(childRound), os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "child:", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// open opens a store by its address: a URL is PostgreSQL, anything else a file.
func open(ctx context.Context, database string) (store.Store, error) {
	if strings.HasPrefix(database, "postgres://") {
		return postgres.Open(ctx, database)
	}
	return sqlite.Open(ctx, database)
}

// wire is the library as both processes run it. A SQLite file brings its own key file, whose
// making is under test as well.
func wire(ctx context.Context, s store.Store, database string) (*identity.Identity, error) {
	o := identity.Options{
		Store: s, Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})),
		SignUp: identity.SignUpOptions{SkipVerification: true},
		Limits: identity.LimitOptions{Off: true},
		// A server that restarts takes longer than a client that retries.
		Session: identity.SessionOptions{ReuseGrace: time.Hour},
	}
	if strings.HasPrefix(database, "postgres://") {
		o.Secrets = [][]byte{[]byte("the crash test's own secret, 32 b")}
	}
	return identity.New(ctx, o)
}

// visitor is where every request of the test comes from: a retry must look like the client
// that lost its answer.
func visitor() store.Principal { return store.Principal{IP: "127.0.0.1", UserAgent: "crash test"} }

// work signs up and refreshes until it is killed, and acknowledges each effect on a line of
// its own once the library has answered.
func work(ctx context.Context, database, round string, out io.Writer) error {
	s, err := open(ctx, database)
	if err != nil {
		return err
	}
	id, err := wire(ctx, s, database)
	if err != nil {
		return err
	}
	errs := make([]error, workers)
	var begun, done sync.WaitGroup
	begun.Add(workers)
	for w := range workers {
		done.Go(func() { errs[w] = toil(ctx, id, fmt.Sprintf("%s-%d", round, w), out, begun.Done) })
	}
	begun.Wait()
	fmt.Fprintln(out, "READY")
	done.Wait()
	return fmt.Errorf("the workers stopped: %v", errs)
}

// toil makes one account after another and keeps each busy for a while. It calls begun once
// the first is there.
func toil(ctx context.Context, id *identity.Identity, name string, out io.Writer, begun func()) error {
	first := sync.OnceFunc(begun)
	defer first()
	for n := 0; ; n++ {
		email := fmt.Sprintf("%s-%d@crash.example", name, n)
		up, err := id.SignUp.Create(ctx, visitor(), service.NewSignUp{
			Email: email, Password: passphrase, Name: email, Company: name, Kind: store.Family,
		})
		if err != nil {
			return fmt.Errorf("sign up %s: %w", email, err)
		}
		fmt.Fprintln(out, "ACK user", up.UserID, up.TenantID, email)
		fmt.Fprintln(out, "ACK session", up.UserID, up.Login.Session.ID, up.Login.Secret)
		first()
		if err := refresh(ctx, id, up.UserID, up.Login.Secret, out); err != nil {
			return fmt.Errorf("refresh for %s: %w", email, err)
		}
	}
}

func refresh(ctx context.Context, id *identity.Identity, userID, secret string, out io.Writer) error {
	for range 20 {
		l, err := id.SignIn.Refresh(ctx, visitor(), secret)
		if err != nil {
			return err
		}
		secret = l.Secret
		fmt.Fprintln(out, "ACK session", userID, l.Session.ID, secret)
	}
	return nil
}
