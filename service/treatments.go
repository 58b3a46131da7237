package service

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/token"
)

// A treatment is how a token is made: a template, compiled once for all of them. It is
// immutable, so that no token is half of one template and half of another.
type treatment struct {
	id        string // of the template; empty for what the environment does by itself
	key       string
	algorithm string // empty for that of the environment
	life      time.Duration
	template  *token.Template
	broken    error // why the template cannot be used
}

// A selection is the rules with their treatments, as of one reading of the store.
type selection struct {
	rules []token.Rule
	by    []*treatment // of the rule at the same place
}

// treatments chooses how each token is made. What it read is good until the feed says that
// something changed.
type treatments struct {
	*base
	feed     *Feed
	standard treatment // where no rule holds

	selection atomic.Pointer[selection]
	told      atomic.Uint64 // moves when something may have changed
	known     atomic.Uint64 // told, as it was before the selection was read
	mu        sync.Mutex
}

// newTreatments reads the rules and the templates that they name.
func newTreatments(ctx context.Context, b *base, feed *Feed, life time.Duration) (*treatments, error) {
	s := &treatments{base: b, feed: feed, standard: treatment{life: life, template: token.DefaultTemplate()}}
	if err := s.load(ctx); err != nil {
		return nil, fmt.Errorf("read targeting: %w", err)
	}
	return s, nil
}

// heard is told of every revocation: one that names nobody may be about templates.
func (s *treatments) heard(r store.Revocation) {
	if r.TenantID == "" && r.UserID == "" {
		s.told.Add(1)
	}
}

// choose returns how to make the token of a, and the index of the rule that says so; below
// zero where none does.
func (s *treatments) choose(ctx context.Context, a token.Attributes) (*treatment, int, error) {
	c, err := s.current(ctx)
	if err != nil {
		return nil, 0, err
	}
	if i, ok := token.Match(c.rules, a); ok {
		return c.by[i], i, nil
	}
	return &s.standard, -1, nil
}

// current returns the selection as every process of the environment has it, but for the lag.
func (s *treatments) current(ctx context.Context) (*selection, error) {
	if err := s.feed.Fresh(ctx); err != nil {
		return nil, err
	}
	if s.known.Load() == s.told.Load() {
		return s.selection.Load(), nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known.Load() != s.told.Load() {
		if err := s.load(ctx); err != nil {
			return nil, lost(err)
		}
	}
	return s.selection.Load(), nil
}

// load reads rules and templates as of one moment. The caller's own cancellation must not
// fail those who wait for it.
func (s *treatments) load(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readTimeout)
	defer cancel()
	told := s.told.Load()
	var t *targeting
	var keyed map[string]store.Template
	err := s.store.Tx(ctx, func(tx store.Records) (err error) {
		if t, err = readTargeting(ctx, tx); err == nil {
			keyed, err = templatesByKey(ctx, tx, t.treatments())
		}
		return err
	})
	if err != nil {
		return err
	}
	s.selection.Store(s.compile(ctx, t, keyed))
	s.known.Store(told)
	return nil
}

// compile makes the selection. A template that cannot be used stops those for whom it is
// meant and nobody else: another would tell of them what it was not meant to tell.
func (s *treatments) compile(ctx context.Context, t *targeting, keyed map[string]store.Template) *selection {
	made := map[string]*treatment{}
	c := &selection{rules: t.show().Rules}
	for _, r := range c.rules {
		if made[r.Treatment] == nil {
			made[r.Treatment] = newTreatment(keyed[r.Treatment])
			if err := made[r.Treatment].broken; err != nil {
				s.log.ErrorContext(ctx, "template cannot be used", "template", r.Treatment, "error", err)
			}
		}
		c.by = append(c.by, made[r.Treatment])
	}
	return c
}

func newTreatment(t store.Template) *treatment {
	n := &treatment{id: t.ID, key: t.Key, algorithm: t.Algorithm, life: t.Lifetime}
	n.template, n.broken = token.CompileTemplate([]byte(t.Claims))
	return n
}

// render makes the claims of a token.
func (t *treatment) render(v token.Values, maxBytes int) ([]byte, error) {
	if t.broken != nil {
		return nil, t.broken
	}
	return t.template.Render(v, maxBytes)
}

// templatesByKey returns those templates of the keys that there are.
func templatesByKey(ctx context.Context, r store.Records, keys []string) (map[string]store.Template, error) {
	all := map[string]store.Template{}
	if len(keys) == 0 {
		return all, nil
	}
	l, err := r.Templates(ctx, store.TemplateQuery{Keys: keys, Page: store.Page{Limit: store.MaxLimit}})
	for _, t := range l.Items {
		all[t.Key] = t
	}
	return all, err
}
