package handlers_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-identity/identity/handlers"
	"github.com/go-identity/identity/internal/password"
	"github.com/go-identity/identity/internal/secret"
	"github.com/go-identity/identity/middleware"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/store/sqlite"
)

// A whole is the API as a host runs it: its own credentials, a file, a log at debug.
type whole struct {
	*testing.T
	api  http.Handler
	svc  *service.Services
	log  *journal
	mail []string // of a delivery that is over
	sent sync.Mutex
	file string
}

const wholePassword = "a rather long password of ann"

func newWhole(t *testing.T, unverified bool, change ...func(*service.Config)) *whole {
	t.Helper()
	w := &whole{T: t, log: &journal{}, file: filepath.Join(t.TempDir(), "identity.db")}
	db, err := sqlite.Open(t.Context(), w.file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	log := slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug, AddSource: true}))
	w.svc = w.services(db, log, unverified, change...)
	g, err := middleware.New(middleware.Config{
		Resolve: func(ctx context.Context, c middleware.Credential) (*store.Principal, middleware.Renewal, error) {
			p, err := w.svc.Gate.Resolve(ctx, c.Bearer)
			return p, middleware.Renewal{}, err
		},
		Log: log, Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	w.api, err = handlers.New(handlers.Config{Services: w.svc, Guard: g, Log: log, Now: time.Now, BaseURL: "https://app.example"})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *whole) services(db store.Store, log *slog.Logger, unverified bool, change ...func(*service.Config)) *service.Services {
	w.Helper()
	ring, err := secret.New([][]byte{[]byte("0123456789abcdef0123456789abcdef")})
	if err != nil {
		w.Fatal(err)
	}
	hasher, err := password.New(password.Config{Memory: 64, Time: 1})
	if err != nil {
		w.Fatal(err)
	}
	c := service.Config{
		Store: db, Now: time.Now, Log: log, Ring: ring, Hasher: hasher,
		Send: func(_ context.Context, m store.Message) error {
			w.sent.Lock() // messages leave side by side
			defer w.sent.Unlock()
			w.mail = append(w.mail, m.Text)
			return nil
		},
		BaseURL: "https://app.example", Algorithm: "EdDSA", MaxToken: 7168, CachedTokens: 64,
		SignUp: service.SignUpPolicy{SkipVerification: unverified, LinkLife: time.Hour}, Unverified: unverified,
		Session: service.SessionPolicy{
			Idle: time.Hour, Absolute: time.Hour, ReuseGrace: time.Second, RevocationLag: time.Minute, AccessToken: time.Hour,
		},
		ResetLife: time.Hour, Lockout: store.AttemptLimit{Max: 5, Window: time.Hour, Lock: time.Hour},
	}
	for _, f := range change {
		f(&c)
	}
	s, err := service.New(w.Context(), c)
	if err != nil {
		w.Fatal(err)
	}
	if err := s.Seed(w.Context(), nil, nil); err != nil {
		w.Fatal(err)
	}
	return s
}

// send asks and returns the answer's body; the status must be want.
func (w *whole) send(want int, method, target, body string, headers ...string) map[string]any {
	w.Helper()
	res := ask(w.T, w.api, method, target, body, headers...)
	if res.Code != want {
		w.Fatalf("%s %s = %d %s, want %d", method, target, res.Code, res.Body, want)
	}
	out := map[string]any{}
	_ = json.Unmarshal(res.Body.Bytes(), &out)
	for _, c := range res.Result().Cookies() {
		out["cookie "+c.Name] = c.Value
	}
	return out
}

// signUp makes an account and returns its log-in.
func (w *whole) signUp(email string) map[string]any {
	w.Helper()
	body := fmt.Sprintf(`{"provider":"local","email":%q,"companyName":"Acme","password":%q}`, email, wholePassword)
	return w.send(200, "POST", "/identity/resources/users/v1/signUp", body)["authResponse"].(map[string]any)
}

func (w *whole) signIn(want int, email, pass string) map[string]any {
	w.Helper()
	return w.send(want, "POST", "/identity/resources/auth/v1/user", fmt.Sprintf(`{"email":%q,"password":%q}`, email, pass))
}

// rows returns everything that the file holds.
func (w *whole) rows() string {
	w.Helper()
	db, err := sql.Open("sqlite", w.file)
	if err != nil {
		w.Fatal(err)
	}
	defer db.Close()
	var b strings.Builder
	for _, table := range column(w.T, db, `select name from sqlite_master where type = 'table' and name not like 'sqlite_%' order by name`) {
		columns := column(w.T, db, `select name from pragma_table_info('`+table+`')`)
		row := `coalesce(cast("` + strings.Join(columns, `" as text), '-') || '|' || coalesce(cast("`) + `" as text), '-')`
		fmt.Fprintln(&b, table, slices.Sorted(slices.Values(column(w.T, db, `select `+row+` from "`+table+`"`))))
	}
	return b.String()
}

func column(t *testing.T, db *sql.DB, query string) []string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			t.Fatal(err)
		}
		all = append(all, text)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestAttackGET(t *testing.T) {
	t.Parallel()
	w := newWhole(t, true)
	ann := w.signUp("ann@acme.example")
	_, key, err := w.svc.Credentials.Create(t.Context(), store.System(), "test")
	if err != nil {
		t.Fatal(err)
	}
	pair := fmt.Sprintf(`{"clientId":%q,"secret":%q}`, w.svc.Environment, key)
	token := w.send(200, "POST", "/auth/vendor", pair)["token"].(string)
	me := w.send(200, "GET", "/identity/resources/users/v2/me", "", "Authorization: Bearer "+ann["accessToken"].(string))
	if _, err := w.svc.Connections.Certificate(t.Context(), store.System()); err != nil { // made once, when it is first asked for
		t.Fatal(err)
	}
	t.Run("SES-18 state-changing GET", func(t *testing.T) {
		before := w.rows()
		n := 0
		for _, r := range described(t).Routes() {
			if r.Method != "GET" {
				continue
			}
			path := regexp.MustCompile(`\{[^}]*\}`).ReplaceAllString(r.Path, me["id"].(string))
			for _, bearer := range []string{ann["accessToken"].(string), token} {
				ids := []string{"frontegg-tenant-id: " + me["tenantId"].(string), "frontegg-user-id: " + me["id"].(string)}
				query := "?ids=" + me["id"].(string) + "&email=ann@acme.example&userId=" + me["id"].(string) + "&token=x"
				res := ask(t, w.api, "GET", path+query, "", append(ids, "Authorization: Bearer "+bearer)...)
				if res.Code >= 500 {
					t.Errorf("GET %s = %d %s", path, res.Code, res.Body)
				}
				if n++; w.rows() != before {
					t.Fatalf("GET %s changed the store", path)
				}
			}
		}
		if n < 30 {
			t.Errorf("only %d requests were made", n)
		}
	})
}

func TestAttackLog(t *testing.T) {
	t.Parallel()
	t.Run("HTTP-26 secrets in logs", func(t *testing.T) {
		t.Parallel()
		w := newWhole(t, false)
		body := fmt.Sprintf(`{"provider":"local","email":"ann@acme.example","companyName":"Acme","password":%q}`, wholePassword)
		w.send(200, "POST", "/identity/resources/users/v1/signUp", body)
		if _, err := w.svc.Outbox.Deliver(t.Context()); err != nil || len(w.mail) != 1 {
			t.Fatalf("%d messages, %v", len(w.mail), err)
		}
		link := regexp.MustCompile(`userId=([^&\s]+)&token=([^&\s]+)`).FindStringSubmatch(w.mail[0])
		if link == nil {
			link = regexp.MustCompile(`token=([^&\s]+)&userId=([^&\s]+)`).FindStringSubmatch(w.mail[0])
			link[1], link[2] = link[2], link[1]
		}
		w.signIn(401, "ann@acme.example", "not the password of ann")
		proof := fmt.Sprintf(`{"userId":%q,"token":%q,"password":%q}`, link[1], link[2], wholePassword)
		login := w.send(200, "POST", "/identity/resources/users/v1/activate", proof)
		w.send(410, "POST", "/identity/resources/users/v1/activate", proof)
		again := w.signIn(200, "ann@acme.example", wholePassword)
		fresh := w.send(201, "POST", "/identity/resources/auth/v1/user/token/refresh", fmt.Sprintf(`{"refreshToken":%q}`, again["refreshToken"]))
		w.send(401, "GET", "/identity/resources/users/v2/me", "", "Authorization: Bearer x."+fresh["accessToken"].(string))
		w.send(400, "POST", "/identity/resources/auth/v1/user", `{"password":"`+wholePassword+`","password":""}`)
		w.send(404, "GET", "/identity/resources/nothing?token="+fresh["accessToken"].(string), "")
		w.send(201, "POST", "/identity/resources/auth/v1/logout", fmt.Sprintf(`{"refreshToken":%q}`, fresh["refreshToken"]))
		hidden := []string{wholePassword, "not the password of ann", link[2]}
		for _, answer := range []map[string]any{login, again, fresh} {
			for name, v := range answer {
				if name == "accessToken" || name == "refreshToken" || strings.HasPrefix(name, "cookie ") {
					hidden = append(hidden, v.(string))
				}
			}
		}
		if len(hidden) < 12 {
			t.Errorf("only %d secrets were looked for", len(hidden))
		}
		for _, text := range hidden {
			if text != "" && strings.Contains(w.log.String(), text) {
				t.Errorf("the log holds %q:\n%s", text, w.log)
			}
		}
	})
}
