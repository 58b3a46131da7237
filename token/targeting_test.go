package token_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/token"
)

func condition(attribute, op string, list ...string) token.Condition {
	return token.Condition{Attribute: attribute, Op: op, List: list}
}

func not(d token.Condition) token.Condition {
	d.Negate = !d.Negate
	return d
}

func rule(treatment string, conditions ...token.Condition) token.Rule {
	return token.Rule{Conditions: conditions, Treatment: treatment}
}

func TestMatchCondition(t *testing.T) {
	t.Parallel()
	ann := token.Attributes{
		UserID: "u1", UserEmail: "Ann@Example.com", ApplicationID: "app", TenantID: "acme", RoleIDs: []string{"r1", "r2"}, TokenType: "userToken",
	}
	for _, tt := range []struct {
		name string
		d    token.Condition
		want bool
	}{
		{"user", condition("userId", "in_list", "u0", "u1"), true},
		{"another user", condition("userId", "in_list", "u0", "u11", "U1"), false},
		{"part of a user", condition("userId", "in_list", "u"), false},
		{"user contains", condition("userId", "contains", "x", "1"), true},
		{"user ends with", condition("userId", "ends_with", "1"), true},
		{"user does not end with", condition("userId", "ends_with", "u"), false},
		{"application", condition("applicationId", "in_list", "app"), true},
		{"tenant", condition("tenantId", "contains", "cm"), true},
		{"token type", condition("tokenType", "in_list", "userToken"), true},
		{"token type, another case", condition("tokenType", "in_list", "usertoken"), false},
		{"one role of two", condition("roleIds", "in_list", "r0", "r2"), true},
		{"no role", condition("roleIds", "in_list", "r0", "r"), false},
		{"a role ends with", condition("roleIds", "ends_with", "2"), true},
		{"a role contains", condition("roleIds", "contains", "r"), true},
		{"domain", condition("userEmail", "ends_with", "@example.COM"), true},
		{"domain of a longer name", condition("userEmail", "ends_with", "@ample.com"), false},
		{"address", condition("userEmail", "in_list", "ann@example.com"), true},
		{"TPL-15 a pattern is text", condition("userEmail", "contains", "(a+)+$", ".*", "^ann"), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if i, got := token.Match([]token.Rule{rule("x", tt.d)}, ann); got != tt.want || i != 0 {
				t.Errorf("Match = %d, %v, want %v", i, got, tt.want)
			}
			if _, got := token.Match([]token.Rule{rule("x", not(tt.d))}, ann); got == tt.want {
				t.Errorf("Match negated = %v, want %v", got, !tt.want)
			}
		})
	}
}

// TestMatchMissing: a tenant's token has no user.
func TestMatchMissing(t *testing.T) {
	t.Parallel()
	for _, attribute := range strings.Fields("userId applicationId tenantId roleIds tokenType userEmail") {
		for _, op := range strings.Fields("in_list contains ends_with") {
			d := condition(attribute, op, "x")
			if _, got := token.Match([]token.Rule{rule("x", d)}, token.Attributes{}); got {
				t.Errorf("%s %s of nothing matches, want it not to", attribute, op)
			}
			if _, got := token.Match([]token.Rule{rule("x", not(d))}, token.Attributes{}); !got {
				t.Errorf("%s %s of nothing, negated, does not match, want it to", attribute, op)
			}
		}
	}
}

func TestMatchRules(t *testing.T) {
	t.Parallel()
	rules := []token.Rule{
		rule("both", condition("tenantId", "in_list", "acme"), condition("roleIds", "in_list", "admin")),
		rule("acme", condition("tenantId", "in_list", "acme")),
		rule("acme again", condition("tenantId", "in_list", "acme")),
		rule("outside", not(condition("userEmail", "ends_with", "@example.com")), not(condition("tenantId", "in_list", "staff"))),
	}
	for _, tt := range []struct {
		name string
		a    token.Attributes
		want int
	}{
		{"all conditions", token.Attributes{TenantID: "acme", RoleIDs: []string{"x", "admin"}}, 0},
		{"the first rule that holds", token.Attributes{TenantID: "acme", RoleIDs: []string{"x"}}, 1},
		{"negated", token.Attributes{TenantID: "b", UserEmail: "a@b"}, 3},
		{"one of two negated", token.Attributes{TenantID: "staff", UserEmail: "a@b"}, -1},
		{"none", token.Attributes{TenantID: "b", UserEmail: "a@example.com"}, -1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if i, ok := token.Match(rules, tt.a); ok != (tt.want >= 0) || ok && i != tt.want {
				t.Errorf("Match = %d, %v, want %d", i, ok, tt.want)
			}
		})
	}
	if _, ok := token.Match(nil, token.Attributes{UserID: "u"}); ok {
		t.Error("Match without rules finds one")
	}
}

// TestMatchUnchecked: rules that CheckRules would refuse hold for nobody.
func TestMatchUnchecked(t *testing.T) {
	t.Parallel()
	a := token.Attributes{UserID: "u", UserEmail: "u@example.com"}
	for _, r := range []token.Rule{
		rule("x"), rule("x", condition("userId", "in_list")), rule("x", condition("userId", "contains", "")),
		rule("x", not(condition("userId", "regex", "u"))), rule("x", not(condition("password", "in_list", "u"))),
	} {
		if _, ok := token.Match([]token.Rule{r}, a); ok {
			t.Errorf("Match of %+v finds it, want nothing", r)
		}
	}
}

func TestCheckRules(t *testing.T) {
	t.Parallel()
	good := condition("userId", "in_list", "u")
	if err := token.CheckRules([]token.Rule{rule("a", good), rule("b", not(good), condition("userEmail", "ends_with", "@b"))}); err != nil {
		t.Errorf("CheckRules = %v, want nil", err)
	}
	if err := token.CheckRules(nil); err != nil {
		t.Errorf("CheckRules of none = %v, want nil", err)
	}
	err := token.CheckRules([]token.Rule{
		rule("", good), rule("x"), rule("x", condition("roles", "regex")),
		rule("x", good, condition("userId", "contains", "a", "", "")), rule("x", condition("userId", "contains", strings.Repeat("a", 513))),
		rule("x", condition("userId", "in_list", slices.Repeat([]string{"u"}, 1001)...)), rule("x", slices.Repeat([]token.Condition{good}, 21)...),
		rule("x", condition("userId", "in_list", "\x00")), rule(strings.Repeat("x", 513), good),
	})
	want := []string{
		"rules[0].treatment must be text of 1 to 512 bytes",
		"rules[1].conditions must be 1 to 20",
		"rules[2].conditions[0].attribute must be one of userId, applicationId, tenantId, roleIds, tokenType, userEmail",
		"rules[2].conditions[0].op must be one of in_list, contains, ends_with",
		"rules[2].conditions[0].value.list must be 1 to 1000 texts",
		"rules[3].conditions[1].value.list[1] must be text of 1 to 512 bytes",
		"rules[4].conditions[0].value.list[0] must be text of 1 to 512 bytes",
		"rules[5].conditions[0].value.list must be 1 to 1000 texts",
		"rules[6].conditions must be 1 to 20",
		"rules[7].conditions[0].value.list[0] must be text of 1 to 512 bytes",
		"rules[8].treatment must be text of 1 to 512 bytes",
	}
	if got := fault.From(err); got == nil || got.Code != fault.Invalid || !slices.Equal(got.Messages(), want) {
		t.Errorf("CheckRules = %v\nwant %s", got, strings.Join(want, "\n     "))
	}
	if err := token.CheckRules(slices.Repeat([]token.Rule{rule("x", good)}, 101)); fault.From(err) == nil {
		t.Error("CheckRules of 101 rules succeeds")
	}
	wide := condition("userId", "in_list", slices.Repeat([]string{strings.Repeat("u", 512)}, 1000)...)
	if err := token.CheckRules([]token.Rule{rule("x", wide, wide, wide)}); fault.From(err) == nil {
		t.Error("CheckRules of 1.5 MB of text succeeds")
	}
}

// TestAttackTargeting: the worst rules that can be saved meet the longest address.
func TestAttackTargeting(t *testing.T) {
	t.Parallel()
	t.Run("TPL-15 no pattern, bounded work", func(t *testing.T) {
		t.Parallel()
		patterns := make([]string, 1000)
		for i := range patterns {
			patterns[i] = fmt.Sprintf("(a+)+$%d", i)
		}
		worst := []token.Rule{}
		for range 100 {
			worst = append(worst, rule("x", condition("userEmail", "contains", patterns...)))
		}
		if err := token.CheckRules(worst); err != nil {
			t.Fatalf("CheckRules = %v, want nil", err)
		}
		start, a := time.Now(), token.Attributes{UserEmail: strings.Repeat("a", 320)}
		if i, ok := token.Match(worst, a); ok {
			t.Errorf("Match = %d, want none", i)
		}
		if took := time.Since(start); took > time.Second {
			t.Errorf("Match took %v, want at most 1 s", took)
		}
	})
	t.Run("TPL-15 letters that become ASCII", func(t *testing.T) {
		t.Parallel()
		rules := []token.Rule{rule("x", condition("userEmail", "ends_with", "@kelvin.example"))}
		if _, ok := token.Match(rules, token.Attributes{UserEmail: "ann@\u212aelvin.example"}); ok {
			t.Error("the Kelvin sign matches a k, want it not to")
		}
	})
}
