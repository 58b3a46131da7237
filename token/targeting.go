package token

import (
	"fmt"
	"slices"
	"strings"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/store"
)

// A Rule chooses the template of a token. It holds where all its conditions do.
type Rule struct {
	Conditions []Condition
	Treatment  string // the key of a template
}

// A Condition compares an attribute with a list of texts.
//
//   - in_list holds if the attribute is one of the list, contains if one of the list is
//     part of it, ends_with if it ends with one of the list.
//   - roleIds has many values: the condition holds if it does for one of them.
//   - userEmail is compared whatever the case of its ASCII letters, all else byte by byte.
//   - An attribute that the token has not got (a tenant's token has no user) fulfils no
//     condition.
//   - Negate turns the answer over, so that it holds for an attribute that is not there.
type Condition struct {
	Attribute string // userId, applicationId, tenantId, roleIds, tokenType, userEmail
	Op        string // in_list, contains, ends_with
	List      []string
	Negate    bool
}

// Attributes is what rules are told of a token that is to be made. Empty is not there.
type Attributes struct {
	UserID, UserEmail       string
	ApplicationID, TenantID string
	RoleIDs                 []string
	TokenType               string // what its type claim will be
}

// The limits of targeting: each mint pays for every rule.
const (
	maxRules      = 100
	maxConditions = 20 // of a rule
	maxListed     = 1000
	maxListedText = 512     // bytes of each
	maxTargeting  = 1 << 20 // bytes of all
)

// CheckRules returns nil, or a *fault.Error that names everything that is wrong with rules.
// Whether their treatments exist is not looked at.
func CheckRules(rules []Rule) error {
	var c fault.Checker
	c.Check(len(rules) <= maxRules, "rules", fmt.Sprintf("must be at most %d", maxRules))
	size := 0
	for i, r := range rules[:min(len(rules), maxRules)] {
		size += r.check(&c, fmt.Sprintf("rules[%d]", i))
	}
	c.Check(size <= maxTargeting, "rules", fmt.Sprintf("must list at most %d bytes in all", maxTargeting))
	return c.Err()
}

// check returns how many bytes the rule lists.
func (r Rule) check(c *fault.Checker, field string) (size int) {
	c.Check(r.Treatment != "" && len(r.Treatment) <= maxListedText && store.Storable(r.Treatment), field+".treatment",
		fmt.Sprintf("must be text of 1 to %d bytes", maxListedText))
	n := len(r.Conditions)
	c.Check(n > 0 && n <= maxConditions, field+".conditions", fmt.Sprintf("must be 1 to %d", maxConditions))
	for i, condition := range r.Conditions[:min(n, maxConditions)] {
		size += condition.check(c, fmt.Sprintf("%s.conditions[%d]", field, i))
	}
	return size
}

var (
	attributes = []string{"userId", "applicationId", "tenantId", "roleIds", "tokenType", "userEmail"}
	operators  = []string{"in_list", "contains", "ends_with"}
)

func (d Condition) check(c *fault.Checker, field string) (size int) {
	c.Check(slices.Contains(attributes, d.Attribute), field+".attribute", "must be one of "+strings.Join(attributes, ", "))
	c.Check(slices.Contains(operators, d.Op), field+".op", "must be one of "+strings.Join(operators, ", "))
	n := len(d.List)
	c.Check(n > 0 && n <= maxListed, field+".value.list", fmt.Sprintf("must be 1 to %d texts", maxListed))
	bad := -1
	for i, text := range d.List[:min(n, maxListed)] {
		size += len(text)
		if bad < 0 && (text == "" || len(text) > maxListedText || !store.Storable(text)) {
			bad = i
		}
	}
	c.Check(bad < 0, fmt.Sprintf("%s.value.list[%d]", field, bad), fmt.Sprintf("must be text of 1 to %d bytes", maxListedText))
	return size
}

// Match returns the index of the first rule that holds for a, and whether there is one.
func Match(rules []Rule, a Attributes) (index int, ok bool) {
	a.UserEmail = lower(a.UserEmail)
	for i, r := range rules {
		// A rule that was never checked may have no conditions: it holds for nobody.
		if len(r.Conditions) > 0 && !slices.ContainsFunc(r.Conditions, func(d Condition) bool { return !d.holds(a) }) {
			return i, true
		}
	}
	return 0, false
}

// holds is false for what CheckRules would have refused, negated or not.
func (d Condition) holds(a Attributes) bool {
	if !slices.Contains(attributes, d.Attribute) || !slices.Contains(operators, d.Op) {
		return false
	}
	if d.Attribute == "roleIds" {
		return slices.ContainsFunc(a.RoleIDs, d.compare) != d.Negate
	}
	return d.compare(a.text(d.Attribute)) != d.Negate
}

func (a *Attributes) text(attribute string) string {
	switch attribute {
	case "userId":
		return a.UserID
	case "userEmail":
		return a.UserEmail
	case "applicationId":
		return a.ApplicationID
	case "tenantId":
		return a.TenantID
	case "tokenType":
		return a.TokenType
	}
	return ""
}

// compare reports whether value fulfils the condition, before it is negated.
func (d Condition) compare(value string) bool {
	if value == "" {
		return false
	}
	for _, listed := range d.List {
		if d.Attribute == "userEmail" {
			listed = lower(listed)
		}
		if listed != "" && related(d.Op, value, listed) {
			return true
		}
	}
	return false
}

func related(op, value, listed string) bool {
	switch op {
	case "in_list":
		return value == listed
	case "contains":
		return strings.Contains(value, listed)
	case "ends_with":
		return strings.HasSuffix(value, listed)
	}
	return false
}

// lower makes ASCII letters small. Other letters stay: there are some whose small form is
// ASCII, and no address may pass for another.
func lower(text string) string {
	if !strings.ContainsFunc(text, capital) {
		return text
	}
	return strings.Map(func(r rune) rune {
		if capital(r) {
			return r + 'a' - 'A'
		}
		return r
	}, text)
}

func capital(r rune) bool { return r >= 'A' && r <= 'Z' }
