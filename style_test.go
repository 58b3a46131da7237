package identity_test

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/go-identity/identity/internal/style"
)

// house is the house style as far as a machine can check it: docs/architecture.md says why.
func house() style.House {
	return style.House{
		Module:     "github.com/go-identity/identity",
		Rooms:      rooms(),
		Guests:     guests(),
		Forbidden:  forbidden(),
		Rethrow:    rethrow(),
		Builders:   builders(),
		Queues:     queues(),
		Solo:       solo(),
		Empty:      strings.Fields("util utils common helper helpers manager impl data info misc"),
		Unfinished: regexp.MustCompile(`(?i)\b(TODO|FIXME|XXX|not implemented|unimplemented|for now|placeholder)\b`),
		Products:   regexp.MustCompile(`(?i)frontegg`),
	}
}

// rooms lists, for each room, the rooms that it may import. A package that is not here may
// not exist.
func rooms() map[string][]string {
	list := strings.Fields
	return map[string][]string{
		"store":                   {},
		"store/internal/sqlstore": list("store"),
		"store/sqlite":            list("store store/internal/sqlstore"),
		"store/postgres":          list("store store/internal/sqlstore"),
		"store/storetest":         list("store"),

		"internal/fault":    list("store"),
		"internal/secret":   list("store internal/fault"),
		"internal/password": list("store internal/fault"),
		"token":             list("store internal/fault"),
		"mfa":               list("store internal/fault"),
		"message":           list("store internal/fault"),
		"message/smtp":      list("store message"),
		"sso":               list("store internal/fault"),
		// Below sso engines build on each other: a social provider that speaks OpenID Connect is
		// an OpenID Connect provider, and every code is exchanged alike.
		"sso/internal/oauth": list("store internal/fault sso"),
		"sso/oidc":           list("store internal/fault sso sso/internal/oauth"),
		"sso/social":         list("store internal/fault sso sso/internal/oauth sso/oidc"),
		"sso/saml":           list("store internal/fault sso"),
		"internal/outbound":  list("store internal/fault"),

		"service": list("store internal/fault internal/secret internal/password internal/outbound token mfa message " +
			"sso sso/saml sso/oidc sso/social"),

		"middleware":     list("store internal/fault"),
		"handlers":       list("store internal/fault service middleware"),
		"handlers/pages": list("store internal/fault service middleware handlers"),

		".": list("store store/sqlite internal/fault internal/outbound internal/secret internal/password internal/testoption token message " +
			"service middleware handlers handlers/pages sso/social"),
		"identitytest": list(". store store/sqlite internal/testoption mfa service middleware"),
		"ssotest":      {}, // what a provider says is written by other hands than those that read it
		"example":      list(". store store/sqlite store/postgres service"),

		"internal/testoption": {}, // whoever imports it can weaken every password

		"internal/chromium": list("internal/needs"),
		"internal/foreign":  list("internal/needs internal/program"),
		"internal/needs":    {},
		"internal/pgtest":   list("internal/needs"),
		"internal/style":    {},
		"internal/program":  {},
	}
}

// guests lists the packages from outside that only some rooms may import: each is a decision
// that must not spread.
func guests() map[string][]string {
	list := strings.Fields
	return map[string][]string{
		"net/http":                   list("internal/foreign internal/program internal/outbound sso/internal/oauth sso/oidc sso/social identitytest ssotest handlers handlers/pages middleware example ."),
		"database/sql":               list("store store/storetest store/internal/sqlstore store/sqlite store/postgres internal/pgtest ."),
		"html/template":              list("handlers/pages message example"),
		"text/template":              list("message"),
		"testing":                    list("internal/chromium internal/foreign identitytest ssotest store/storetest internal/needs internal/pgtest internal/program internal/style"),
		"log":                        {},
		"math/rand":                  {},
		"math/rand/v2":               {},
		"unsafe":                     {},
		"github.com/lestrrat-go/":    list("token"),
		"github.com/jackc/":          list("store/postgres internal/pgtest"),
		"github.com/wneessen/":       list("message/smtp"),
		"modernc.org/":               list("store/sqlite"),
		"golang.org/x/crypto/":       list("internal/password"),
		"github.com/boombuler/":      list("mfa"),
		"github.com/beevik/":         list("sso/saml ssotest"),
		"github.com/coreos/":         list("sso/internal/oauth sso/oidc"),
		"github.com/crewjam/":        list("sso/saml ssotest"),
		"github.com/go-jose/":        list("sso/internal/oauth sso/oidc sso/social ssotest"),
		"github.com/russellhaering/": list("sso/saml ssotest"),
		"golang.org/x/oauth2":        list("sso/internal/oauth sso/oidc sso/social"),
	}
}

// forbidden lists members of packages, and who may use them all the same.
func forbidden() map[string][]string {
	list := strings.Fields
	all := map[string][]string{
		"time.Now":           list("internal/chromium identity.go options.go wire.go identitytest ssotest example internal/pgtest"),
		"time.Since":         list("example internal/pgtest"),
		"time.Until":         list("example internal/pgtest"),
		"context.WithValue":  list("middleware"),
		"context.Background": list("store/internal/sqlstore example internal/pgtest"),
		"os.Exit":            list("example"),
		"os.Getenv":          list("example internal/needs internal/pgtest"),
	}
	for _, name := range list(`time.Sleep context.TODO os.Setenv
		http.DefaultClient http.DefaultTransport http.DefaultServeMux http.Get http.Post http.PostForm http.Head
		http.Handle http.HandleFunc slog.Default slog.SetDefault slog.Info slog.Warn slog.Error slog.Debug
		fmt.Print fmt.Println fmt.Printf`) {
		all[name] = nil
	}
	return all
}

// rethrow lists the files that hand on a panic that was not theirs.
func rethrow() map[string]string {
	return map[string]string{
		"handlers/dispatch.go": "http.ErrAbortHandler is net/http's own signal",
	}
}

// builders lists the files that compose queries.
func builders() map[string]string {
	return map[string]string{
		"store/internal/sqlstore/page.go": "columns and directions come from tables of constants, values are bound",
	}
}

// queues lists the files where a request waits in a queue with its context.
func queues() map[string]string {
	return map[string]string{
		"store/internal/sqlstore/group.go": "a write that waits for the group leaves when its caller does",
	}
}

// solo lists the files whose names are neither a noun's plural nor the room's own.
func solo() map[string]string {
	return map[string]string{
		"service/service.go":        "what every service shares",
		"service/bulk.go":           "what every service shares: one change over many records",
		"service/check.go":          "what every service shares: the limits of text",
		"service/metadata.go":       "what every service shares: the limits of metadata",
		"service/rank.go":           "what every service shares: who outranks whom",
		"service/catalogue.go":      "one per environment: what the host declares",
		"service/configuration.go":  "one per environment: what clients may know of it",
		"service/environment.go":    "one per environment: its id",
		"service/feed.go":           "one per process: keeps it current",
		"service/gate.go":           "one per process: resolves credentials",
		"service/mint.go":           "one per process: fills access tokens",
		"service/outbox.go":         "one per environment: a queue",
		"service/identifier.go":     "how an address is normalized",
		"service/profile.go":        "a user as it is seen in a tenant",
		"service/tenantmetadata.go": "a part of tenants",
		"service/refresh.go":        "a part of signin",
		"service/signin.go":         "a flow",
		"service/demands.go":        "what all policies together ask of a user",
		"service/mfa.go":            "a flow",
		"service/enrollments.go":    "a part of mfa: devices come and go",
		"service/stepup.go":         "a part of mfa: a second factor in between",
		"service/mfamethods.go":     "one per environment: the kinds of second factor",
		"service/mfanotices.go":     "a part of mfa: what users are told",
		"service/mfapolicies.go":    "one per environment and tenant: a setting",
		"service/targeting.go":      "one per environment: which template makes which token",
		"service/signup.go":         "a flow",
		"service/sso.go":            "a flow",
		"service/ssobegin.go":       "a part of sso: to the provider",
		"service/ssofinish.go":      "a part of sso: back from the provider",
		"service/ssologout.go":      "a part of sso: out of both sessions",
		"service/provisioning.go":   "a part of sso: who somebody becomes",
		"handlers/admit.go":         "the core: for whom a request acts",
		"handlers/check.go":         "the core: the limits that tags declare",
		"handlers/decode.go":        "the core: how a request comes in",
		"handlers/dispatch.go":      "the core: from a path to a row",
		"handlers/encode.go":        "the core: how an answer goes out",
		"handlers/flow.go":          "the core: the pattern that flows share",
		"handlers/schema.go":        "the core: what the document says of types",
		"handlers/openapi.go":       "the core: the document made of the rows",
		"handlers/route.go":         "the core: what a row is",
		"handlers/scan.go":          "the core: strict JSON",
		"handlers/scanobject.go":    "the core: strict JSON",
		"handlers/shape.go":         "the core: what a type says about its JSON",
		"handlers/profile.go":       "the caller's own user",
		"handlers/signin.go":        "a flow",
		"handlers/mfa.go":           "a flow",
		"handlers/mfapolicies.go":   "one per environment and tenant: a setting",
		"handlers/targeting.go":     "one per environment: which template makes which token",
		"handlers/signup.go":        "a flow",
		"handlers/reply.go":         "the core: answers that people see",
		"handlers/ssosignin.go":     "a flow",
	}
}

// TestStyle checks the conventions that a machine can check and lists what breaks them.
func TestStyle(t *testing.T) {
	t.Parallel()
	house().Check(t, ".")
}

// TestProportions holds the medians, which no single file can break.
func TestProportions(t *testing.T) {
	t.Parallel()
	p, err := style.Proportions(".")
	if err != nil {
		t.Fatal(err)
	}
	if p.MedianFile > 160 || p.MedianFunc > 10 {
		t.Errorf("the median file has %d lines and the median function %d, want at most 160 and 10", p.MedianFile, p.MedianFunc)
	}
	t.Logf("%+v", p)
}

// TestRootLinksNothingOptional keeps the PostgreSQL driver, the SMTP client and the testing
// package out of every host that does without them.
func TestRootLinksNothingOptional(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for dep := range strings.Lines(string(out)) {
		dep = strings.TrimSpace(dep)
		if strings.HasPrefix(dep, "github.com/jackc/") || strings.HasPrefix(dep, "github.com/wneessen/") || dep == "testing" {
			t.Errorf("the root package links %s", dep)
		}
	}
}
