package smtp_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity"
	"github.com/go-identity/identity/internal/testoption"
	"github.com/go-identity/identity/message/smtp"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store/sqlite"
)

// What the parent tells its child through the environment.
const (
	childFile   = "IDENTITY_TEST_SMTP_FILE"
	childServer = "IDENTITY_TEST_SMTP_SERVER"
	childDies   = "IDENTITY_TEST_SMTP_DIES" // "before" or "after" its first message leaves
)

func TestMain(m *testing.M) {
	if os.Getenv(childFile) == "" {
		os.Exit(m.Run())
	}
	fmt.Fprintln(os.Stderr, "child:", deliverAndDie(context.Background()))
	os.Exit(1) // it should be dead
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// open is the library over a file, as both processes run it.
func open(ctx context.Context, file string, o identity.Options) (*identity.Identity, error) {
	db, err := sqlite.Open(ctx, file)
	if err != nil {
		return nil, err
	}
	o.Store, o.Logger, o.Secrets = db, quiet(), [][]byte{[]byte("a secret of both, of 32 bytes or so")}
	o.Token.Algorithm, o.Password.Test = "EdDSA", testoption.CheapHashing()
	return identity.New(ctx, o)
}

// deliverAndDie is the child: its first message is its last.
func deliverAndDie(ctx context.Context) error {
	send, err := smtp.New(smtp.Config{Addr: os.Getenv(childServer), From: "no-reply@acme.example", Security: smtp.Plain})
	if err != nil {
		return err
	}
	die := func() error {
		p, err := os.FindProcess(os.Getpid())
		if err != nil {
			return err
		}
		if err := p.Kill(); err != nil {
			return err
		}
		select {} // until it is felt
	}
	id, err := open(ctx, os.Getenv(childFile), identity.Options{Send: func(ctx context.Context, m identity.Message) error {
		if os.Getenv(childDies) == "before" {
			return die()
		}
		if err := send(ctx, m); err != nil {
			return err
		}
		return die()
	}})
	if err != nil {
		return err
	}
	_, err = id.Outbox.Deliver(ctx)
	return err
}

// A message whose process dies is sent by another one. If it had left already, which nobody
// can know, its receiver gets a copy with the same Message-ID.
func TestCrash(t *testing.T) {
	t.Parallel()
	for dies, copies := range map[string]int{"before": 1, "after": 2} {
		t.Run(dies+" it left", func(t *testing.T) {
			t.Parallel()
			s := serve(t, &server{clear: true})
			file := filepath.Join(t.TempDir(), "identity.db")
			send := newSender(t, s.config())
			later := time.Duration(0)
			id, err := open(t.Context(), file, identity.Options{
				Send: send, Now: func() time.Time { return time.Now().Add(later) },
			})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = id.Close() })
			in := service.NewSignUp{Email: "ada@acme.example", Password: "correct horse battery staple", Company: "Acme"}
			if _, err := id.SignUp.Create(t.Context(), identity.Principal{IP: "127.0.0.1"}, in); err != nil {
				t.Fatal(err)
			}

			child := exec.CommandContext(t.Context(), os.Args[0])
			child.Env = append(os.Environ(), childFile+"="+file, childServer+"="+s.addr, childDies+"="+dies)
			if out, err := child.CombinedOutput(); err == nil || child.ProcessState.ExitCode() != -1 {
				t.Fatalf("the child was not killed: %v, %s", err, out)
			}
			if n, err := id.Outbox.Deliver(t.Context()); n != 0 || err != nil {
				t.Errorf("Deliver() = %d, %v: the message was the child's still", n, err)
			}
			later = 31 * time.Second
			if n, err := id.Outbox.Deliver(t.Context()); n != 1 || err != nil {
				t.Errorf("Deliver() = %d, %v, want 1", n, err)
			}
			later = 24 * time.Hour
			if n, err := id.Outbox.Deliver(t.Context()); n != 0 || err != nil {
				t.Errorf("Deliver() = %d, %v of a message that had left", n, err)
			}
			sameCopies(t, s, copies)
		})
	}
}

// sameCopies wants so many copies of one message, which differ in nothing that tells
// messages apart.
func sameCopies(t *testing.T, s *server, want int) {
	t.Helper()
	all, ids := s.messages(), map[string]int{}
	for _, text := range all {
		m, err := mail.ReadMessage(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		ids[m.Header.Get("Message-Id")+" of "+m.Header.Get("Date")]++
	}
	if len(all) != want || len(ids) != 1 {
		t.Errorf("%d copies by Message-ID and date = %v, want %d of one", len(all), ids, want)
	}
}

// listen returns a server that has an address before it has a handler.
func listen(t *testing.T) (s *httptest.Server, start func()) {
	t.Helper()
	s = httptest.NewUnstartedServer(nil)
	t.Cleanup(s.Close)
	s.URL = "http://" + s.Listener.Addr().String()
	return s, func() {
		s.URL = ""
		s.Start()
	}
}

func get(t *testing.T, target string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := new(http.Client).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	return res.StatusCode
}
