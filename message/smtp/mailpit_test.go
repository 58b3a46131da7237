package smtp_test

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity"
	"github.com/go-identity/identity/internal/needs"
	"github.com/go-identity/identity/internal/program"
	"github.com/go-identity/identity/internal/testoption"
	"github.com/go-identity/identity/message/smtp"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store/sqlite"
)

// A pit is a Mailpit: a real SMTP server that shows what it got.
type pit struct {
	*program.Program
	smtp, web, dir string
	bin            string
	roots          *x509.CertPool
}

// newPit starts the Mailpit on PATH. Without one the test is skipped.
func newPit(t *testing.T) *pit {
	t.Helper()
	bin, err := exec.LookPath("mailpit")
	needs.Have(t, "mailpit", err == nil, "no mailpit on PATH; it is built from github.com/axllent/mailpit")
	p := &pit{smtp: program.Address(t), web: program.Address(t), dir: t.TempDir(), bin: bin}
	cert, roots := certificate(t)
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	p.roots = roots
	for name, block := range map[string]*pem.Block{
		"cert.pem": {Type: "CERTIFICATE", Bytes: cert.Certificate[0]}, "key.pem": {Type: "PRIVATE KEY", Bytes: key},
	} {
		if err := os.WriteFile(filepath.Join(p.dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p.start(t)
	return p
}

// start starts it, again after a Kill: it still has the messages from before.
func (p *pit) start(t *testing.T) {
	t.Helper()
	p.Program = program.Start(t, p.web, p.dir, p.bin, "-s", p.smtp, "-l", p.web, "-d", "mail.db", "--enable-chaos",
		"--disable-version-check", "--smtp-tls-cert", "cert.pem", "--smtp-tls-key", "key.pem", "--smtp-auth-accept-any")
	p.Await(t, p.smtp) // it listens there by itself
}

func (p *pit) config() smtp.Config {
	return smtp.Config{Addr: p.smtp, From: "Acme <no-reply@acme.example>", Username: "acme", Password: "open sesame", Roots: p.roots}
}

// chaos makes a share of answers refusals; none ends it.
func (p *pit) chaos(t *testing.T, step string, percent int) {
	t.Helper()
	trouble := map[string]any{}
	if percent > 0 {
		trouble[step] = map[string]int{"ErrorCode": 451, "Probability": percent}
	}
	p.Call(t, http.MethodPut, "/api/v1/chaos", trouble).JSON(t, http.StatusOK, nil)
}

// A caught is a message as Mailpit understood it.
type caught struct {
	ID, MessageID, Subject, Text, HTML string
	To                                 []struct{ Address string }
	Date                               time.Time
}

func (p *pit) all(t *testing.T) []caught {
	t.Helper()
	var list struct{ Messages []caught }
	p.Call(t, http.MethodGet, "/api/v1/messages?limit=1000", nil).JSON(t, http.StatusOK, &list)
	return list.Messages
}

// message wants one message to an address, and returns it whole.
func (p *pit) message(t *testing.T, to string) (m caught) {
	t.Helper()
	var found struct{ Messages []caught }
	p.Call(t, http.MethodGet, "/api/v1/search?query="+url.QueryEscape("to:"+to), nil).JSON(t, http.StatusOK, &found)
	if len(found.Messages) != 1 {
		t.Fatalf("%d messages to %s, want 1", len(found.Messages), to)
	}
	p.Call(t, http.MethodGet, "/api/v1/message/"+found.Messages[0].ID, nil).JSON(t, http.StatusOK, &m)
	return m
}

// A host is an Identity that mails through a server, with a clock that is ahead by so much.
type host struct {
	*identity.Identity
	ahead time.Duration
}

func newHost(t *testing.T, c smtp.Config, base string) *host {
	t.Helper()
	db, err := sqlite.Open(t.Context(), ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	h := &host{}
	h.Identity, err = identity.New(t.Context(), identity.Options{
		Store: db, BaseURL: base, Name: "Acme", Send: newSender(t, c), Now: func() time.Time { return time.Now().Add(h.ahead) },
		Token: identity.TokenOptions{Algorithm: "EdDSA"}, Password: identity.PasswordOptions{Test: testoption.CheapHashing()},
		Logger: quiet(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Close() })
	return h
}

func (h *host) signUp(t *testing.T, email string) {
	t.Helper()
	by := identity.Principal{IP: "127.0.0.1", UserAgent: "test"}
	in := service.NewSignUp{Email: email, Password: "correct horse battery staple", Name: "Ada", Company: "Acme"}
	if _, err := h.SignUp.Create(t.Context(), by, in); err != nil {
		t.Fatal(err)
	}
}

// deliver sends what is due and wants so many messages to wait afterwards.
func (h *host) deliver(t *testing.T, waiting int) {
	t.Helper()
	if _, err := h.Outbox.Deliver(t.Context()); err != nil {
		t.Fatal(err)
	}
	n, _, err := h.Outbox.Waiting(t.Context())
	if err != nil || waiting >= 0 && n != waiting {
		t.Errorf("%d messages wait, %v, want %d", n, err, waiting)
	}
}

// TestMailpit signs somebody up with the link that a real server delivered.
func TestMailpit(t *testing.T) {
	t.Parallel()
	p := newPit(t)
	app, start := listen(t)
	h := newHost(t, p.config(), app.URL)
	app.Config.Handler = h.Handler()
	start()
	h.signUp(t, "ada@acme.example")
	h.deliver(t, 0)
	m := p.message(t, "ada@acme.example")
	if m.Subject != "Confirm your e-mail address for Acme" || !strings.HasSuffix(m.MessageID, "@acme.example") {
		t.Errorf("message = %+v", m)
	}
	text := regexp.MustCompile(`http://\S+`).FindString(m.Text)
	href := regexp.MustCompile(`href="(http://[^"]*activate[^"]*)"`).FindStringSubmatch(m.HTML)
	if text == "" || href == nil || html.UnescapeString(href[1]) != text {
		t.Fatalf("links %q and %q in\n%s\n%s", text, href, m.Text, m.HTML)
	}
	q, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	if res := get(t, text); res != http.StatusOK {
		t.Errorf("GET %s = %d", text, res)
	}
	a := service.Activation{UserID: q.Query().Get("userId"), Token: q.Query().Get("token"), Password: "correct horse battery staple"}
	if l, err := h.SignUp.Activate(t.Context(), identity.Principal{}, a); err != nil || l.User.Email != "ada@acme.example" {
		t.Errorf("Activate() = %+v, %v", l.User, err)
	}
}

// TestMailpitReads compares what a real server reads with what was written.
func TestMailpitReads(t *testing.T) {
	t.Parallel()
	p := newPit(t)
	if err := newSender(t, p.config())(t.Context(), letter()); err != nil {
		t.Fatal(err)
	}
	m, want := p.message(t, letter().To), letter()
	lines := strings.NewReplacer("\r\n", "\n")
	if lines.Replace(m.Text) != want.Text || lines.Replace(m.HTML) != want.HTML || m.Subject != want.Subject {
		t.Errorf("message = %+v, want %+v", m, want)
	}
	if m.MessageID != want.ID+"@acme.example" || !m.Date.Equal(want.CreatedAt) {
		t.Errorf("Message-ID %s of %v", m.MessageID, m.Date)
	}
}

// TestMailpitTrouble lets a real server refuse, and be away, for a while.
func TestMailpitTrouble(t *testing.T) {
	t.Parallel()
	p := newPit(t)
	h := newHost(t, p.config(), "http://localhost:8080")
	const many = 24
	for i := range many {
		h.signUp(t, fmt.Sprintf("user%d@acme.example", i))
	}
	for _, step := range []string{"Authentication", "Sender", "Recipient"} {
		p.chaos(t, step, 100)
		h.deliver(t, many)
		h.ahead += time.Hour
	}
	p.Kill()
	h.deliver(t, many)
	h.ahead += time.Hour
	p.start(t)
	for range 3 {
		p.chaos(t, "Recipient", 50)
		h.deliver(t, -1)
		h.ahead += time.Hour
	}
	p.chaos(t, "", 0)
	h.deliver(t, 0)
	h.ahead += 24 * time.Hour
	h.deliver(t, 0)

	ids, receivers := map[string]bool{}, map[string]bool{}
	all := p.all(t)
	for _, m := range all {
		ids[m.MessageID], receivers[m.To[0].Address] = true, true
	}
	if len(all) != many || len(ids) != many || len(receivers) != many {
		t.Errorf("%d messages, %d of them different, to %d receivers, want %d", len(all), len(ids), len(receivers), many)
	}
}
