package service

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/token"
)

// Templates are the rules about templates of tokens: what a token says, how long it lasts
// and how it is signed. They belong to the environment, so only the host sees and changes
// them. Which template makes which token is for [Targeting] to say; a template that no rule
// names does nothing.
type Templates struct {
	*base
	keys   *Keys
	minter *minter
}

// templateExists is what a caller is told of a key that is taken.
const templateExists = "Template already exists"

// NewTemplate is what a caller may choose about a template.
type NewTemplate struct {
	Key         string // what rules name it by; without commas
	Name        string
	Description string
	Lifetime    time.Duration // of a token: 10 seconds to 180 days, in whole seconds
	Algorithm   string        // RS256 or HS256
	Claims      string        // the text of a JSON object, as [token.Template] describes it
}

// TemplateChange is what a caller may change about a template. A nil field stays as it is.
type TemplateChange struct {
	Key, Name, Description *string
	Lifetime               *time.Duration
	Algorithm, Claims      *string
}

func (c TemplateChange) apply(t store.Template) store.Template {
	set(&t.Key, c.Key)
	set(&t.Name, c.Name)
	set(&t.Description, c.Description)
	set(&t.Lifetime, c.Lifetime)
	set(&t.Algorithm, c.Algorithm)
	set(&t.Claims, c.Claims)
	return t
}

// The shortest and the longest life of a token.
const (
	minLifetime = 10 * time.Second
	maxLifetime = token.MaxLifetime
)

// checkTemplate returns everything that is wrong with a template.
func checkTemplate(t store.Template) error {
	var c fault.Checker
	checkName(&c, "key", t.Key)
	c.Check(!strings.Contains(t.Key, ","), "key", "must not hold a comma, which parts the keys of a list")
	checkName(&c, "name", t.Name)
	checkText(&c, "description", t.Description, maxDescription)
	ok := t.Lifetime >= minLifetime && t.Lifetime <= maxLifetime && t.Lifetime%time.Second == 0
	c.Check(ok, "expiration", "must be between 10 and 15552000 whole seconds")
	c.Check(t.Algorithm == token.RS256 || t.Algorithm == token.HS256, "algorithm",
		"must be one of the following values: RS256, HS256")
	_, err := token.CompileTemplate([]byte(t.Claims))
	return alongside(&c, err)
}

// alongside returns what the checker holds and what err says as one error.
func alongside(c *fault.Checker, err error) error {
	if err == nil {
		return c.Err()
	}
	f := fault.From(err)
	if f.Code != fault.Invalid {
		return err
	}
	for _, m := range f.Messages() {
		c.Check(false, "", m)
	}
	return c.Err()
}

// templateSorts are the orders of a list; the first is that of creation.
var templateSorts = []string{"", "id", "key", "name", "createdAt", "updatedAt"}

// List returns a page of the templates, all or those of some ids and keys.
func (s *Templates) List(
	ctx context.Context, by store.Principal, q store.TemplateQuery,
) (store.Listing[store.Template], error) {
	var none store.Listing[store.Template]
	if err := hostOnly(by); err != nil {
		return none, err
	}
	var c fault.Checker
	checkBatch(&c, "ids", len(q.IDs))
	checkBatch(&c, "keys", len(q.Keys))
	c.Check(slices.Contains(templateSorts, q.Sort), "_sortBy", "must be one of "+strings.Join(templateSorts[1:], ", "))
	if err := c.Err(); err != nil {
		return none, err
	}
	return s.store.Templates(ctx, q)
}

// Read returns the template.
func (s *Templates) Read(ctx context.Context, by store.Principal, id string) (store.Template, error) {
	if err := hostOnly(by); err != nil {
		return store.Template{}, err
	}
	t, err := s.store.Template(ctx, id)
	return t, missing(err, "template")
}

// Create adds a template. A key that is taken is a conflict.
func (s *Templates) Create(ctx context.Context, by store.Principal, n NewTemplate) (store.Template, error) {
	if err := hostOnly(by); err != nil {
		return store.Template{}, err
	}
	at := s.now()
	t := store.Template{
		ID: s.newID(), Key: n.Key, Name: n.Name, Description: n.Description, Lifetime: n.Lifetime,
		Algorithm: n.Algorithm, Claims: n.Claims, CreatedAt: at, UpdatedAt: at,
	}
	if err := checkTemplate(t); err != nil {
		return store.Template{}, err
	}
	return t, s.change(ctx, by, "template.created", t.ID, func(tx *unit) error {
		tx.detail = map[string]any{"key": t.Key}
		if err := tx.CreateTemplate(ctx, t); err != nil {
			return conflict(err, templateExists)
		}
		return s.keys.equip(ctx, tx, t)
	})
}

// Update changes a template. Tokens that are made from then on are of the new one, here at
// once and elsewhere within the lag; those there are stay good until they expire. A key
// that a rule names cannot be changed: Conflict.
func (s *Templates) Update(ctx context.Context, by store.Principal, id string, c TemplateChange) (store.Template, error) {
	var changed store.Template
	err := s.edit(ctx, by, "template.updated", id, func(tx *unit, t store.Template) error {
		changed = c.apply(t)
		changed.UpdatedAt = tx.at
		if err := checkTemplate(changed); err != nil {
			return err
		}
		if changed.Key != t.Key {
			if err := untargeted(ctx, tx, t.Key); err != nil {
				return err
			}
		}
		if err := tx.UpdateTemplate(ctx, changed); err != nil {
			return conflict(err, templateExists)
		}
		return s.keys.equip(ctx, tx, changed)
	})
	return changed, err
}

// Delete removes a template. While a rule names it that is a conflict: nobody's sign-in
// may depend on a template that is not there.
func (s *Templates) Delete(ctx context.Context, by store.Principal, id string) error {
	return s.edit(ctx, by, "template.deleted", id, func(tx *unit, t store.Template) error {
		if err := untargeted(ctx, tx, t.Key); err != nil {
			return err
		}
		if err := tx.DeleteTemplate(ctx, id); err != nil {
			return err
		}
		return s.keys.strip(ctx, tx, id)
	})
}

// edit changes the template of that id, and makes every process look at it again.
func (s *Templates) edit(
	ctx context.Context, by store.Principal, action, id string, fn func(tx *unit, t store.Template) error,
) error {
	if err := hostOnly(by); err != nil {
		return err
	}
	return s.change(ctx, by, action, id, func(tx *unit) error {
		t, err := tx.Template(ctx, id)
		if err != nil {
			return missing(err, "template")
		}
		tx.detail = map[string]any{"key": t.Key}
		if err := fn(tx, t); err != nil {
			return err
		}
		return tx.revoke(ctx, store.Revocation{})
	})
}

// untargeted refuses what must not happen to a template while a rule names it.
func untargeted(ctx context.Context, tx store.Records, key string) error {
	t, err := readTargeting(ctx, tx)
	if err == nil && t.targets(key) {
		return fault.New(fault.Conflict, "", "Template is targeted: change the targeting first")
	}
	return err
}
