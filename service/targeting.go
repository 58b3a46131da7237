package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/token"
)

// Targeting is which template makes which token: one list of rules for the environment, of
// which the first that holds decides. They are asked for every token. Only the host sees
// and changes them.
type Targeting struct{ *base }

// A Rule names the template, by its key, of the tokens for which all its conditions hold.
type Rule = token.Rule

// A Condition compares something of a token that is to be made with a list.
type Condition = token.Condition

// Rules are the rules of an environment, in order.
type Rules struct {
	ID                   string
	Rules                []Rule
	CreatedAt, UpdatedAt time.Time
}

const (
	targetingSetting = "targeting"
	targetingExists  = "Targeting already exists"
)

// Read returns the rules; NotFound where none were made.
func (s *Targeting) Read(ctx context.Context, by store.Principal) (Rules, error) {
	if err := hostOnly(by); err != nil {
		return Rules{}, err
	}
	t, err := readTargeting(ctx, s.store)
	if err == nil && t == nil {
		err = store.ErrNotFound
	}
	if err != nil {
		return Rules{}, missing(err, "targeting")
	}
	return t.show(), nil
}

// Create makes the rules. Where there are rules, and if it is an empty list, it is a conflict.
func (s *Targeting) Create(ctx context.Context, by store.Principal, rules []Rule) (Rules, error) {
	return s.edit(ctx, by, "targeting.created", func(tx *unit, was *targeting) (*targeting, error) {
		if was != nil {
			return nil, fault.New(fault.Conflict, "", targetingExists)
		}
		return newTargeting(tx, rules), nil
	})
}

// Put makes the rules, or replaces those there are.
func (s *Targeting) Put(ctx context.Context, by store.Principal, rules []Rule) (Rules, error) {
	return s.edit(ctx, by, "targeting.updated", func(tx *unit, was *targeting) (*targeting, error) {
		t := newTargeting(tx, rules)
		if was != nil {
			t.ID, t.CreatedAt = was.ID, was.CreatedAt
		}
		return t, nil
	})
}

// Update replaces the rules, whose id it must be. Nil leaves them as they are.
func (s *Targeting) Update(ctx context.Context, by store.Principal, id string, rules *[]Rule) (Rules, error) {
	return s.edit(ctx, by, "targeting.updated", func(tx *unit, was *targeting) (*targeting, error) {
		if was == nil || was.ID != id {
			return nil, missing(store.ErrNotFound, "targeting")
		}
		if rules != nil {
			was.Rules = toStored(*rules)
		}
		was.UpdatedAt = tx.at
		return was, nil
	})
}

// Delete removes the rules, whose id it must be: every token is made by default again.
func (s *Targeting) Delete(ctx context.Context, by store.Principal, id string) error {
	_, err := s.edit(ctx, by, "targeting.deleted", func(_ *unit, was *targeting) (*targeting, error) {
		if was == nil || was.ID != id {
			return nil, missing(store.ErrNotFound, "targeting")
		}
		return nil, nil
	})
	return err
}

// edit replaces what is stored, nil for nothing, by what fn makes of it.
func (s *Targeting) edit(
	ctx context.Context, by store.Principal, action string, fn func(tx *unit, was *targeting) (*targeting, error),
) (Rules, error) {
	if err := hostOnly(by); err != nil {
		return Rules{}, err
	}
	var shown Rules
	err := s.change(ctx, by, action, targetingSetting, func(tx *unit) error {
		was, err := readTargeting(ctx, tx)
		if err != nil {
			return err
		}
		now, err := fn(tx, was)
		if err != nil {
			return err
		}
		shown = now.show()
		tx.detail = map[string]any{"id": shown.ID, "rules": len(shown.Rules)}
		if err := keepTargeting(ctx, tx, now); err != nil {
			return err
		}
		return tx.revoke(ctx, store.Revocation{})
	})
	return shown, err
}

// keepTargeting checks the rules and stores them. Each template that they name must be there.
func keepTargeting(ctx context.Context, tx *unit, t *targeting) error {
	if t == nil {
		return tx.DeleteSetting(ctx, "", targetingSetting)
	}
	if err := token.CheckRules(t.show().Rules); err != nil {
		return err
	}
	known, err := templatesByKey(ctx, tx, t.treatments())
	if err != nil {
		return err
	}
	var c fault.Checker
	for i, r := range t.Rules {
		_, ok := known[r.Treatment]
		c.Check(ok, fmt.Sprintf("rules[%d].treatment", i), "must be the key of a template")
	}
	if err := c.Err(); err != nil {
		return err
	}
	doc, err := json.Marshal(t)
	if err != nil {
		return err
	}
	return tx.PutSetting(ctx, "", targetingSetting, doc)
}

// A targeting is the rules as the store keeps them.
type targeting struct {
	ID        string    `json:"id"`
	CreatedAt time.Time `json:"createdAt"`
	UpdatedAt time.Time `json:"updatedAt"`
	Rules     []rule    `json:"rules"`
}

type rule struct {
	Conditions []condition `json:"conditions"`
	Treatment  string      `json:"treatment"`
}

type condition struct {
	Attribute string   `json:"attribute"`
	Op        string   `json:"op"`
	List      []string `json:"list"`
	Negate    bool     `json:"negate"`
}

func newTargeting(tx *unit, rules []Rule) *targeting {
	return &targeting{ID: tx.newID(), CreatedAt: tx.at, UpdatedAt: tx.at, Rules: toStored(rules)}
}

// readTargeting returns the rules, nil where none were made.
func readTargeting(ctx context.Context, r store.Records) (*targeting, error) {
	doc, err := r.Setting(ctx, "", targetingSetting)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	t := &targeting{}
	if err := json.Unmarshal(doc, t); err != nil {
		return nil, fmt.Errorf("read targeting: %w", err)
	}
	return t, nil
}

// treatments returns the keys that the rules name, each once.
func (t *targeting) treatments() []string {
	var keys []string
	for _, r := range t.show().Rules {
		keys = append(keys, r.Treatment)
	}
	return unique(keys)
}

// targets reports whether a rule names the key.
func (t *targeting) targets(key string) bool { return slices.Contains(t.treatments(), key) }

func (t *targeting) show() Rules {
	if t == nil {
		return Rules{}
	}
	all := Rules{ID: t.ID, CreatedAt: t.CreatedAt, UpdatedAt: t.UpdatedAt}
	for _, r := range t.Rules {
		n := Rule{Treatment: r.Treatment}
		for _, d := range r.Conditions {
			n.Conditions = append(n.Conditions, Condition(d))
		}
		all.Rules = append(all.Rules, n)
	}
	return all
}

func toStored(rules []Rule) []rule {
	all := make([]rule, len(rules))
	for i, r := range rules {
		all[i] = rule{Treatment: r.Treatment, Conditions: make([]condition, len(r.Conditions))}
		for j, d := range r.Conditions {
			all[i].Conditions[j] = condition(d)
		}
	}
	return all
}
