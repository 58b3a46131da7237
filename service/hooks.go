package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"runtime/debug"
	"slices"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/token"
)

// A MintContext is what a BeforeMint hook is told of a token that is about to be made, and
// what it may change of it.
type MintContext struct {
	User      store.User // without its vendor metadata; LastLogin and ActiveTenantID may be of a sign-in before
	TenantID  string     // acted in
	SessionID string
	TokenType string   // what the type claim will be
	Roles     []string // keys
	Methods   []string // how the user signed in
	Template  string   // the key of the template that was chosen; empty for the default
	Preview   bool     // somebody looks at what the token would be; nobody gets it

	// Claims are added to the token, and to what the template finds under customClaims. A
	// claim that others rely on, and one that the template sets, stays what it is.
	Claims map[string]any
	// Lifetime of the token. It is kept within 10 seconds and 180 days, in whole seconds, and
	// within the life of the session.
	Lifetime time.Duration
}

// A hook calls the host before a token is made. One that fails, hangs or panics fails the
// sign-in that it belongs to, and no other.
type hook struct {
	call  func(context.Context, *MintContext) error // nil for none
	log   *slog.Logger
	slots chan struct{}
}

const (
	hookTimeout = 2 * time.Second
	hookSlots   = 256 // calls at a time; those that hang keep their place
)

func newHook(call func(context.Context, *MintContext) error, log *slog.Logger) *hook {
	return &hook{call: call, log: log, slots: make(chan struct{}, hookSlots)}
}

// A verdict is what a hook said.
type verdict struct {
	custom string // claims, a JSON object; empty for none
	life   time.Duration
	err    error
}

// run asks the hook and returns the claims to add and the life of the token.
func (h *hook) run(ctx context.Context, m MintContext) (custom string, life time.Duration, err error) {
	if h.call == nil {
		return "", m.Lifetime, nil
	}
	ctx, cancel := context.WithTimeout(ctx, hookTimeout)
	defer cancel()
	select {
	case h.slots <- struct{}{}:
	case <-ctx.Done():
		return "", 0, h.failed(ctx, errors.New("every call of the hook is under way"))
	}
	done := make(chan verdict, 1)
	go func() {
		defer func() { <-h.slots }()
		done <- h.ask(ctx, &m)
	}()
	select {
	case v := <-done:
		if v.err != nil {
			return "", 0, h.failed(ctx, v.err)
		}
		return v.custom, v.life, nil
	case <-ctx.Done():
		return "", 0, h.failed(ctx, fmt.Errorf("the hook did not return: %w", context.Cause(ctx)))
	}
}

// ask calls the hook. What it put into the claims may fail to become JSON in ways of its
// own, so that is done here too.
func (h *hook) ask(ctx context.Context, m *MintContext) (v verdict) {
	defer func() {
		if p := recover(); p != nil {
			v = verdict{err: fmt.Errorf("the hook panicked: %v\n%s", p, debug.Stack())}
		}
	}()
	m.Claims = map[string]any{}
	if err := h.call(ctx, m); err != nil {
		return verdict{err: err}
	}
	v.life = min(max(m.Lifetime.Truncate(time.Second), minLifetime), maxLifetime)
	if len(m.Claims) == 0 {
		return v
	}
	for _, name := range slices.Sorted(maps.Keys(m.Claims)) {
		if token.Reserved(name) {
			h.log.WarnContext(ctx, "claim of a BeforeMint hook is not its to set", "claim", name)
		}
	}
	text, err := json.Marshal(m.Claims)
	v.custom, v.err = string(text), err
	return v
}

// failed says no for a hook. An Error of the host's own that means no reaches the caller;
// anything else is the host's trouble, and the caller may try again.
func (h *hook) failed(ctx context.Context, err error) error {
	var f *fault.Error
	if errors.As(err, &f) && slices.Contains([]fault.Code{fault.Forbidden, fault.Limited, fault.Unavailable}, f.Code) {
		return f.Because(fmt.Errorf("refused by the BeforeMint hook: %w", err))
	}
	h.log.ErrorContext(ctx, "BeforeMint hook", "error", err)
	return fault.Retry(fault.Unavailable, "signing in is not possible now", time.Second).Because(err)
}
