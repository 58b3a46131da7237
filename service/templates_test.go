package service_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/token"
)

func newClock() *clock { return &clock{at: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)} }

// signedBy lets the environment sign under an algorithm.
func signedBy(algorithm string) func(*service.Config) {
	return func(c *service.Config) { c.Algorithm = algorithm }
}

// with returns the fewest claims and some more: members of a JSON object.
func with(members string) string { return strings.Replace(token.BlankClaims, "{", "{"+members+",", 1) }

// sketch is a template that is fine.
func sketch(key, claims string) service.NewTemplate {
	return service.NewTemplate{Key: key, Name: "Name of " + key, Lifetime: time.Minute, Algorithm: "HS256", Claims: claims}
}

func (w world) template(t testing.TB, n service.NewTemplate) store.Template {
	t.Helper()
	made, err := w.Templates.Create(t.Context(), store.System(), n)
	if err != nil {
		t.Fatalf("create template %s: %v", n.Key, err)
	}
	return made
}

// everybody holds for every token of a user.
var everybody = service.Condition{Attribute: "tokenType", Op: "in_list", List: []string{"userToken"}}

// target sends the tokens for which all conditions hold to a template, and no others.
func (w world) target(t testing.TB, key string, conditions ...service.Condition) {
	t.Helper()
	rules := []service.Rule{{Treatment: key, Conditions: conditions}}
	if _, err := w.Targeting.Put(t.Context(), store.System(), rules); err != nil {
		t.Fatalf("target %s: %v", key, err)
	}
}

// part reads one part of a token, 0 is the header and 1 the claims, without verifying it.
func part(t testing.TB, raw string, i int) map[string]any {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(strings.Split(raw, ".")[i])
	if err != nil {
		t.Fatal(err)
	}
	var v map[string]any
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func claimsOf(t testing.TB, l service.Login) map[string]any {
	t.Helper()
	return part(t, l.AccessToken, 1)
}

func encode(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// show writes claims in one form.
func show(v any) string {
	text, _ := json.Marshal(v)
	return string(text)
}

// names returns the names of claims in byte order, as one line.
func names(claims map[string]any) string {
	var all []string
	for name := range claims {
		all = append(all, name)
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

const blankNames = "amr aud auth_time exp iat iss jti sid sub tenantId type"

func TestTemplates(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, db store.Store) {
		w := worldOver(t, db, newClock())
		made := w.template(t, sketch("lean", with(`"dept":"{{user.metadata.dept}}"`)))
		if made.ID == "" || made.CreatedAt.IsZero() || made.Lifetime != time.Minute {
			t.Errorf("created %+v, want an id, a time and a minute", made)
		}
		got, err := w.Templates.Read(t.Context(), store.System(), made.ID)
		if err != nil || got != made {
			t.Errorf("read %+v (%v), want %+v", got, err, made)
		}
		w.clock.advance(time.Hour)
		name, life := "New", 10*time.Second
		changed, err := w.Templates.Update(t.Context(), store.System(), made.ID, service.TemplateChange{Name: &name, Lifetime: &life})
		want := made
		want.Name, want.Lifetime, want.UpdatedAt = name, life, w.clock.now()
		if err != nil || changed != want {
			t.Errorf("updated to %+v (%v), want %+v", changed, err, want)
		}
		w.template(t, sketch("fat", token.DefaultClaims))
		l, err := w.Templates.List(t.Context(), store.System(), store.TemplateQuery{Keys: []string{"lean", "none"}})
		if err != nil || l.Total != 1 || l.Items[0] != want {
			t.Errorf("listed %+v (%v), want the one", l, err)
		}
		if err := w.Templates.Delete(t.Context(), store.System(), made.ID); err != nil {
			t.Errorf("delete: %v", err)
		}
		_, err = w.Templates.Read(t.Context(), store.System(), made.ID)
		wantCode(t, "read what was deleted", err, fault.NotFound)
		for action, n := range map[string]int{"template.created": 2, "template.updated": 1, "template.deleted": 1} {
			if got := w.audited(t, action); got != n {
				t.Errorf("%s was audited %d times, want %d", action, got, n)
			}
		}
	})
}

func TestTemplatesRefuse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made := w.template(t, sketch("taken", token.BlankClaims))
	for _, tt := range []struct {
		name   string
		change func(*service.NewTemplate)
		code   fault.Code
		says   string
	}{
		{"nothing at all", func(n *service.NewTemplate) { *n = service.NewTemplate{} }, fault.Invalid, "key name expiration algorithm templateSchema.claims"},
		{"taken key", func(n *service.NewTemplate) { n.Key = "taken" }, fault.Conflict, "already exists"},
		{"comma", func(n *service.NewTemplate) { n.Key = "a,b" }, fault.Invalid, "comma"},
		{"long key", func(n *service.NewTemplate) { n.Key = strings.Repeat("k", 256) }, fault.Invalid, "key"},
		{"bad text", func(n *service.NewTemplate) { n.Name = "a\x00" }, fault.Invalid, "name"},
		{"part of a second", func(n *service.NewTemplate) { n.Lifetime += time.Millisecond }, fault.Invalid, "expiration"},
		{"two claims at once", func(n *service.NewTemplate) { n.Claims = `{"sid":"x","a":"{{nobody}}"}` }, fault.Invalid,
			"sid templateSchema.claims.a templateSchema.claims.iss templateSchema.claims.exp"},
		{"not JSON", func(n *service.NewTemplate) { n.Claims = "{" }, fault.Invalid, "JSON"},
	} {
		n := sketch("fine", token.BlankClaims)
		tt.change(&n)
		_, err := w.Templates.Create(t.Context(), store.System(), n)
		wantCode(t, tt.name, err, tt.code)
		for word := range strings.FieldsSeq(tt.says) {
			if err == nil || !strings.Contains(err.Error(), word) {
				t.Errorf("%s says %v, want it to name %s", tt.name, err, word)
			}
		}
		c := service.TemplateChange{Key: &n.Key, Name: &n.Name, Lifetime: &n.Lifetime, Algorithm: &n.Algorithm, Claims: &n.Claims}
		if tt.code == fault.Invalid {
			_, err = w.Templates.Update(t.Context(), store.System(), made.ID, c)
			wantCode(t, "change to "+tt.name, err, tt.code)
		}
	}
	key := "taken"
	other := w.template(t, sketch("other", token.BlankClaims))
	_, err := w.Templates.Update(t.Context(), store.System(), other.ID, service.TemplateChange{Key: &key})
	wantCode(t, "change to a taken key", err, fault.Conflict)
	_, err = w.Templates.Update(t.Context(), store.System(), "none", service.TemplateChange{})
	wantCode(t, "change the unknown", err, fault.NotFound)
	wantCode(t, "delete the unknown", w.Templates.Delete(t.Context(), store.System(), "none"), fault.NotFound)
	_, err = w.Templates.List(t.Context(), store.System(), store.TemplateQuery{Page: store.Page{Sort: "claims"}})
	wantCode(t, "list by claims", err, fault.Invalid)
}

func TestTemplatesAreForTheHost(t *testing.T) {
	t.Parallel()
	w := newWorld(t, open)
	by := w.user(t, w.signUp(t, "a@example.com"))
	_, err1 := w.Templates.Create(t.Context(), by, sketch("k", token.BlankClaims))
	_, err2 := w.Templates.Read(t.Context(), by, "k")
	_, err3 := w.Templates.List(t.Context(), by, store.TemplateQuery{})
	_, err4 := w.Templates.Update(t.Context(), by, "k", service.TemplateChange{})
	_, err5 := w.Templates.Preview(t.Context(), by, service.Preview{})
	_, err6 := w.Targeting.Read(t.Context(), by)
	_, err7 := w.Targeting.Create(t.Context(), by, nil)
	_, err8 := w.Targeting.Put(t.Context(), by, nil)
	_, err9 := w.Targeting.Update(t.Context(), by, "k", nil)
	errs := []error{err1, err2, err3, err4, err5, err6, err7, err8, err9,
		w.Templates.Delete(t.Context(), by, "k"), w.Targeting.Delete(t.Context(), by, "k")}
	for i, err := range errs {
		wantCode(t, fmt.Sprintf("call %d", i+1), err, fault.Forbidden)
	}
}

func TestAttackTemplatesAtSave(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	refuses := func(t *testing.T, n service.NewTemplate) {
		t.Helper()
		_, err := w.Templates.Create(t.Context(), store.System(), n)
		wantCode(t, fmt.Sprintf("%s %s %.60s", n.Algorithm, n.Lifetime, n.Claims), err, fault.Invalid)
	}
	t.Run("TPL-11 expiration", func(t *testing.T) {
		t.Parallel()
		const most = 15552000 * time.Second
		for _, life := range []time.Duration{9 * time.Second, most + time.Second, -time.Second, 0, 1500 * time.Millisecond, 1<<63 - 1} {
			n := sketch("k", token.BlankClaims)
			n.Lifetime = life
			refuses(t, n)
		}
		for i, life := range []time.Duration{10 * time.Second, most} {
			n := sketch(fmt.Sprintf("tpl11-%d", i), token.BlankClaims)
			n.Lifetime = life
			w.template(t, n)
		}
	})
	t.Run("TPL-12 algorithm", func(t *testing.T) {
		t.Parallel()
		for _, algorithm := range []string{"none", "HS384", "RS512", "rs256", "", "ES256", "EdDSA", "RS256 ", "HS256\x00"} {
			n := sketch("k", token.BlankClaims)
			n.Algorithm = algorithm
			refuses(t, n)
		}
	})
	t.Run("TPL-05 vendorMetadata, TPL-06 secrets", func(t *testing.T) {
		t.Parallel()
		for _, path := range []string{"user.vendorMetadata", "user.vendorMetadata.x", "user.passwordHash", "user.credential",
			"user.tenant.vendorMetadata", "user.User.VendorMetadata", "session.hash", "env.SECRET"} {
			refuses(t, sketch("k", with(`"x":"{{`+path+`}}"`)))
		}
	})
}

func TestAttackTemplatesAtMint(t *testing.T) {
	t.Parallel()
	t.Run("TPL-08 metadata that is no object", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, open)
		l := w.signUp(t, "a@example.com")
		u := l.User
		u.Metadata = `["no","object"]` // no rule lets it in: it is what a faulty import leaves
		if err := w.db.UpdateUser(t.Context(), u); err != nil {
			t.Fatal(err)
		}
		w.template(t, sketch("lean", with(`"metadata":"{{user.metadata}}","dept":"{{user.metadata.dept}}"`)))
		w.target(t, "lean", everybody)
		for range 3 {
			l, err := w.login(t, "a@example.com", good)
			if err != nil {
				t.Fatalf("sign in: %v", err)
			}
			if got := names(claimsOf(t, l)); got != blankNames {
				t.Errorf("claims are %s, want %s", got, blankNames)
			}
		}
		if n := w.audited(t, "token.incomplete"); n != 1 {
			t.Errorf("audited %d times, want once", n)
		}
	})
	t.Run("TPL-10 huge output", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, open)
		w.signUp(t, "small@example.com")
		big := w.signUp(t, "big@example.com")
		metadata := `{"x":"` + strings.Repeat("x", 3<<10) + `"}`
		if _, err := w.Users.Change(t.Context(), store.System(), big.User.ID, service.UserChange{ProfileChange: service.ProfileChange{Metadata: &metadata}}); err != nil {
			t.Fatal(err)
		}
		var members []string
		for i := range 90 {
			members = append(members, fmt.Sprintf(`"c%d":"{{user.metadata}}"`, i))
		}
		w.template(t, sketch("huge", with(strings.Join(members, ","))))
		w.target(t, "huge", everybody)
		for range 3 {
			_, err := w.login(t, "big@example.com", good)
			if wantCode(t, "sign in", err, fault.Internal); !errors.Is(err, token.ErrTooLarge) {
				t.Errorf("sign in = %v, want that the token is too large", err)
			}
			_, err = w.refresh(t, big.Secret)
			wantCode(t, "refresh", err, fault.Internal)
		}
		if _, err := w.login(t, "small@example.com", good); err != nil {
			t.Errorf("another user signs in: %v", err)
		}
		if n := w.audited(t, "token.failed"); n != 1 {
			t.Errorf("audited %d times, want once", n)
		}
		if left, err := w.db.Sessions(t.Context(), big.User.ID, w.clock.now()); err != nil || len(left) != 1 {
			t.Errorf("%d sessions are left (%v), want the one of the sign-up", len(left), err)
		}
		w.target(t, "huge", service.Condition{Attribute: "userId", Op: "in_list", List: []string{"nobody"}})
		if _, err := w.refresh(t, big.Secret); err != nil {
			t.Errorf("the refresh token after the template was mended: %v", err)
		}
	})
	t.Run("TPL-13 the published keys", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, open)
		w.signUp(t, "a@example.com")
		before := w.jwks(t)
		w.template(t, sketch("secret", token.BlankClaims))
		w.target(t, "secret", everybody)
		l, err := w.login(t, "a@example.com", good)
		if err != nil {
			t.Fatal(err)
		}
		if got := part(t, l.AccessToken, 0); got["alg"] != "HS256" {
			t.Errorf("header is %v, want HS256", got)
		}
		if _, err := w.Gate.Resolve(t.Context(), l.AccessToken); err != nil {
			t.Errorf("resolve: %v", err)
		}
		if after := w.jwks(t); after != before || strings.Contains(after, "oct") {
			t.Errorf("published keys are %s, want %s", after, before)
		}
	})
}

func (w world) jwks(t testing.TB) string {
	t.Helper()
	text, err := w.Keys.JWKS(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestAttackTemplatesDeleted(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, db store.Store) {
		t.Run("TPL-14 while targeted", func(t *testing.T) {
			w := worldOver(t, db, newClock(), open)
			w.signUp(t, "a@example.com")
			made := w.template(t, sketch("lean", token.BlankClaims))
			w.target(t, "lean", everybody)
			wantCode(t, "delete", w.Templates.Delete(t.Context(), store.System(), made.ID), fault.Conflict)
			key := "other"
			_, err := w.Templates.Update(t.Context(), store.System(), made.ID, service.TemplateChange{Key: &key})
			wantCode(t, "rename", err, fault.Conflict)
			old, err := w.login(t, "a@example.com", good)
			if err != nil {
				t.Fatal(err)
			}
			w.target(t, "lean", service.Condition{Attribute: "userId", Op: "in_list", List: []string{"nobody"}})
			wantCode(t, "delete while a rule that holds for nobody names it",
				w.Templates.Delete(t.Context(), store.System(), made.ID), fault.Conflict)
			if _, err := w.Targeting.Put(t.Context(), store.System(), nil); err != nil {
				t.Fatal(err)
			}
			if err := w.Templates.Delete(t.Context(), store.System(), made.ID); err != nil {
				t.Errorf("delete what nothing targets: %v", err)
			}
			l, err := w.login(t, "a@example.com", good)
			if err != nil || claimsOf(t, l)["email"] != "a@example.com" {
				t.Errorf("sign in = %v, %v, want the default claims", claimsOf(t, l), err)
			}
			if _, err := w.Gate.Resolve(t.Context(), old.AccessToken); err != nil {
				t.Errorf("a token of the template that is gone: %v", err)
			}
		})
	})
}

// Two processes at once: one targets a template, the other deletes it.
func TestTemplateIsNeverMissing(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, db store.Store) {
		k := newClock()
		a, b := worldOver(t, db, k, open), worldOver(t, db, k, open)
		a.signUp(t, "a@example.com")
		for i := range 8 {
			made := a.template(t, sketch(fmt.Sprintf("k%d", i), token.BlankClaims))
			rules := []service.Rule{{Treatment: made.Key, Conditions: []service.Condition{everybody}}}
			var targeted, deleted error
			var wg sync.WaitGroup
			wg.Go(func() { _, targeted = a.Targeting.Put(t.Context(), store.System(), rules) })
			wg.Go(func() { deleted = b.Templates.Delete(t.Context(), store.System(), made.ID) })
			wg.Wait()
			if (targeted == nil) == (deleted == nil) {
				t.Errorf("targeted: %v, deleted: %v, want one of them", targeted, deleted)
			}
			if _, err := a.login(t, "a@example.com", good); err != nil {
				t.Errorf("sign in afterwards: %v", err)
			}
			if _, err := a.Targeting.Put(t.Context(), store.System(), nil); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// TestAttackTemplatesEdited changes a template back and forth while tokens are made of it.
func TestAttackTemplatesEdited(t *testing.T) {
	t.Parallel()
	t.Run("TPL-17 a thousand mints", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, open, signedBy("RS256"))
		sketches := []service.NewTemplate{sketch("k", with(`"v":"0","w":"0"`)), sketch("k", with(`"w":"1","v":"1"`))}
		sketches[1].Algorithm, sketches[1].Lifetime = "RS256", 2*time.Minute
		made := w.template(t, sketches[0])
		w.target(t, "k", everybody)
		const clients, each = 8, 125
		var wg sync.WaitGroup
		var done atomic.Int32
		for i := range clients {
			l := w.signUp(t, fmt.Sprintf("u%d@example.com", i))
			wg.Go(func() {
				defer done.Add(1)
				for range each {
					var err error
					if l, err = w.refresh(t, l.Secret); err != nil {
						t.Errorf("refresh: %v", err)
						return
					}
					whole(t, l, sketches)
				}
			})
		}
		edits := 0
		for done.Load() < clients {
			edits++
			n := sketches[edits%2]
			c := service.TemplateChange{Algorithm: &n.Algorithm, Claims: &n.Claims, Lifetime: &n.Lifetime}
			if _, err := w.Templates.Update(t.Context(), store.System(), made.ID, c); err != nil {
				t.Fatalf("edit %d: %v", edits, err)
			}
			l, err := w.login(t, "u0@example.com", good)
			if err != nil {
				t.Fatal(err)
			}
			if got := claimsOf(t, l)["v"]; got != fmt.Sprint(edits%2) {
				t.Fatalf("after edit %d the template is %v", edits, got)
			}
		}
		wg.Wait()
		t.Logf("%d edits", edits)
	})
}

// whole fails the test unless all of a token is of one of the templates.
func whole(t *testing.T, l service.Login, sketches []service.NewTemplate) {
	t.Helper()
	head, claims := part(t, l.AccessToken, 0), claimsOf(t, l)
	n := sketches[0]
	if claims["v"] == "1" {
		n = sketches[1]
	}
	life := time.Duration(claims["exp"].(float64)-claims["iat"].(float64)) * time.Second
	if claims["v"] != claims["w"] || head["alg"] != n.Algorithm || life != n.Lifetime || l.ExpiresIn != n.Lifetime {
		t.Errorf("a token is of two templates: %v %v", head, claims)
	}
}
