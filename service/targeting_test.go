package service_test

import (
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/token"
)

// in_list, contains and ends_with of one attribute.
func among(attribute string, list ...string) service.Condition {
	return service.Condition{Attribute: attribute, Op: "in_list", List: list}
}

func not(c service.Condition) service.Condition { c.Negate = !c.Negate; return c }

func TestTargeting(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, db store.Store) {
		w := worldOver(t, db, newClock())
		ctx, host := t.Context(), store.System()
		_, err := w.Targeting.Read(ctx, host)
		wantCode(t, "read what is not there", err, fault.NotFound)
		_, err = w.Targeting.Update(ctx, host, "none", nil)
		wantCode(t, "change what is not there", err, fault.NotFound)
		wantCode(t, "delete what is not there", w.Targeting.Delete(ctx, host, "none"), fault.NotFound)

		w.template(t, sketch("lean", token.BlankClaims))
		w.template(t, sketch("fat", token.DefaultClaims))
		rules := []service.Rule{
			{Treatment: "lean", Conditions: []service.Condition{among("userEmail", "é@x"), not(among("roleIds", "a", "b"))}},
			{Treatment: "fat", Conditions: []service.Condition{{Attribute: "userEmail", Op: "ends_with", List: []string{"@x"}}}},
		}
		made, err := w.Targeting.Create(ctx, host, rules)
		if err != nil || made.ID == "" || !reflect.DeepEqual(made.Rules, rules) || made.CreatedAt != w.clock.now() {
			t.Errorf("created %+v (%v), want %+v", made, err, rules)
		}
		_, err = w.Targeting.Create(ctx, host, nil)
		wantCode(t, "create what is there", err, fault.Conflict)
		got, err := w.Targeting.Read(ctx, host)
		if err != nil || !reflect.DeepEqual(got, made) {
			t.Errorf("read %+v (%v), want %+v", got, err, made)
		}
		w.clock.advance(time.Minute)
		same, err := w.Targeting.Update(ctx, host, made.ID, nil)
		if err != nil || !reflect.DeepEqual(same.Rules, rules) {
			t.Errorf("a change of nothing = %+v (%v), want the rules as they were", same, err)
		}
		one := rules[1:]
		put, err := w.Targeting.Put(ctx, host, one)
		if err != nil || put.ID != made.ID || put.CreatedAt != made.CreatedAt || put.UpdatedAt != w.clock.now() || !reflect.DeepEqual(put.Rules, one) {
			t.Errorf("put %+v (%v), want %+v under the same id", put, err, one)
		}
		_, err = w.Targeting.Update(ctx, host, "other", &rules)
		wantCode(t, "change another id", err, fault.NotFound)
		wantCode(t, "delete another id", w.Targeting.Delete(ctx, host, "other"), fault.NotFound)
		if err := w.Targeting.Delete(ctx, host, made.ID); err != nil {
			t.Errorf("delete: %v", err)
		}
		if n := w.audited(t, "targeting.updated"); n != 2 {
			t.Errorf("changes were audited %d times, want 2", n)
		}
	})
}

func TestTargetingRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.template(t, sketch("lean", token.BlankClaims))
	for _, tt := range []struct {
		name string
		rule service.Rule
		says string
	}{
		{"unknown template", service.Rule{Treatment: "none", Conditions: []service.Condition{everybody}}, "rules[1].treatment"},
		{"no conditions", service.Rule{Treatment: "lean"}, "rules[1].conditions"},
		{"no list", service.Rule{Treatment: "lean", Conditions: []service.Condition{among("userId")}}, "rules[1].conditions[0].value.list"},
		{"attribute", service.Rule{Treatment: "lean", Conditions: []service.Condition{among("vendorMetadata", "x")}}, "rules[1].conditions[0].attribute"},
	} {
		rules := []service.Rule{{Treatment: "lean", Conditions: []service.Condition{everybody}}, tt.rule}
		_, err := w.Targeting.Put(t.Context(), store.System(), rules)
		if wantCode(t, tt.name, err, fault.Invalid); err != nil && !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s says %v, want it to name %s", tt.name, err, tt.says)
		}
	}
	_, err := w.Targeting.Read(t.Context(), store.System())
	wantCode(t, "read after nothing but mistakes", err, fault.NotFound)
}

func TestAttackTargeting(t *testing.T) {
	t.Parallel()
	t.Run("TPL-15 operators and lengths", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, open)
		w.template(t, sketch("lean", token.BlankClaims))
		bomb := strings.Repeat("a", 64<<10)
		for _, c := range []service.Condition{
			{Attribute: "userEmail", Op: "regex", List: []string{"(a+)+$"}},
			{Attribute: "userEmail", Op: "matches", List: []string{"(a+)+$"}},
			{Attribute: "userEmail", Op: "contains", List: []string{bomb}},
			{Attribute: "userEmail", Op: "in_list", List: make([]string, 1001)},
		} {
			rules := []service.Rule{{Treatment: "lean", Conditions: []service.Condition{c}}}
			_, err := w.Targeting.Put(t.Context(), store.System(), rules)
			wantCode(t, c.Op, err, fault.Invalid)
		}
		w.target(t, "lean", service.Condition{Attribute: "userEmail", Op: "contains", List: []string{"(a+)+$"}})
		l := w.signUp(t, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@example.com")
		if claimsOf(t, l)["email"] == nil {
			t.Error("a pattern held as one, want it to be text")
		}
	})
	t.Run("targeting is made once", func(t *testing.T) {
		t.Parallel()
		everywhere(t, func(t *testing.T, db store.Store) {
			k := newClock()
			a, b := worldOver(t, db, k), worldOver(t, db, k)
			errs := make([]error, 8)
			var wg sync.WaitGroup
			for i := range errs {
				s := []world{a, b}[i%2]
				wg.Go(func() { _, errs[i] = s.Targeting.Create(t.Context(), store.System(), nil) })
			}
			wg.Wait()
			made := 0
			for i, err := range errs {
				if err == nil {
					made++
					continue
				}
				wantCode(t, fmt.Sprintf("create %d", i), err, fault.Conflict)
			}
			if made != 1 {
				t.Errorf("made %d times, want once", made)
			}
		})
	})
}

// TestTargetingChooses asks for each attribute whether it reaches the rules.
func TestTargetingChooses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, open)
	l := w.signUp(t, "a@example.com")
	by := w.user(t, l)
	w.template(t, sketch("lean", token.BlankClaims))
	role := by.Roles[0].ID
	for _, tt := range []struct {
		name string
		all  []service.Condition
		want bool
	}{
		{"user", []service.Condition{among("userId", "x", by.UserID)}, true},
		{"another user", []service.Condition{among("userId", "x")}, false},
		{"not another user", []service.Condition{not(among("userId", "x"))}, true},
		{"application", []service.Condition{among("applicationId", w.Environment)}, true},
		{"tenant", []service.Condition{among("tenantId", by.TenantID)}, true},
		{"role", []service.Condition{among("roleIds", "x", role)}, true},
		{"role and token type", []service.Condition{among("roleIds", role), everybody}, true},
		{"role and another token type", []service.Condition{among("roleIds", role), not(everybody)}, false},
		{"part of an address", []service.Condition{{Attribute: "userEmail", Op: "contains", List: []string{"A@EX"}}}, true},
		{"end of an address", []service.Condition{{Attribute: "userEmail", Op: "ends_with", List: []string{".org", ".COM"}}}, true},
		{"start of an address", []service.Condition{{Attribute: "userEmail", Op: "ends_with", List: []string{"a@"}}}, false},
	} {
		w.target(t, "lean", tt.all...)
		got, err := w.login(t, "a@example.com", good)
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if lean := claimsOf(t, got)["email"] == nil; lean != tt.want {
			t.Errorf("%s: the template was chosen: %t, want %t", tt.name, lean, tt.want)
		}
	}
}

// The rules are asked anew at every refresh, in order.
func TestTargetingAtEveryMint(t *testing.T) {
	t.Parallel()
	w := newWorld(t, open)
	l := w.signUp(t, "a@example.com")
	by := w.user(t, l)
	for _, key := range []string{"first", "second", "third"} {
		w.template(t, sketch(key, with(`"of":"`+key+`"`)))
	}
	role, tenantID := w.newRole(t, by.TenantID, "special"), "elsewhere"
	if _, err := w.Tenants.Create(t.Context(), store.System(), service.NewTenant{ID: tenantID, Name: "E"}); err != nil {
		t.Fatal(err)
	}
	rules := []service.Rule{
		{Treatment: "first", Conditions: []service.Condition{among("roleIds", role)}},
		{Treatment: "second", Conditions: []service.Condition{among("tenantId", tenantID)}},
		{Treatment: "third", Conditions: []service.Condition{among("tenantId", tenantID, by.TenantID)}},
		{Treatment: "first", Conditions: []service.Condition{everybody}},
	}
	if _, err := w.Targeting.Create(t.Context(), store.System(), rules); err != nil {
		t.Fatal(err)
	}
	next := func(what, want, tenantID string) {
		t.Helper()
		by := someone
		by.TenantID = tenantID
		var err error
		if l, err = w.SignIn.Refresh(t.Context(), by, l.Secret); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if got := claimsOf(t, l)["of"]; got != want {
			t.Errorf("%s: the token is of %v, want %s", what, got, want)
		}
	}
	next("a refresh", "third", "")
	w.assign(t, by.TenantID, by.UserID, role)
	next("a refresh with another role", "first", "")
	w.join(t, by.UserID, tenantID)
	next("a switch to another tenant", "second", tenantID)
	next("a refresh there", "second", "")
}

func (w world) newRole(t testing.TB, tenantID, key string) string {
	t.Helper()
	by := store.System()
	by.TenantID = tenantID
	made, err := w.Roles.Create(t.Context(), by, []service.NewRole{{Key: key, Name: key, Level: 100}})
	if err != nil {
		t.Fatal(err)
	}
	return made[0].ID
}

func (w world) assign(t testing.TB, tenantID, userID, roleID string) {
	t.Helper()
	by := store.System()
	by.TenantID = tenantID
	if _, err := w.Members.Assign(t.Context(), by, userID, []string{roleID}); err != nil {
		t.Fatal(err)
	}
}

func (w world) join(t testing.TB, userID, tenantID string) {
	t.Helper()
	if _, err := w.Members.Add(t.Context(), store.System(), userID, service.TenantChoice{TenantID: tenantID}); err != nil {
		t.Fatal(err)
	}
}
