package service

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/store"
)

// refreshRetry is how long metadata that was no use is left alone.
const refreshRetry = 6 * time.Hour

// refresh reads the metadata of a connection again, where it has an address, and says when the
// connection is due next.
func (s *Connections) refresh(ctx context.Context, w path) error {
	next := w
	next.DueAt = w.st.due(s.now())
	if w.st.SAML == nil || w.st.SAML.MetadataURL == "" {
		return s.put(ctx, w, next)
	}
	st, err := s.reread(ctx, w)
	if ctx.Err() != nil {
		return ctx.Err() // says nothing of the provider
	}
	if err != nil {
		s.note(ctx, watcher(w), "connection.metadata_refused", w.ID, map[string]string{"reason": fault.From(err).Error()})
		next.DueAt = s.now().Add(refreshRetry)
		return s.put(ctx, w, next)
	}
	if next, err = w.with(st); err != nil {
		return err
	}
	next.DueAt = st.due(s.now())
	if !changedProvider(w.st, st) {
		return s.put(ctx, w, next)
	}
	what := w.differences(next, ConnectionChange{})
	return s.change(ctx, watcher(w), "connection.refreshed", w.ID, func(tx *unit) error {
		next.UpdatedAt, tx.detail = tx.at, map[string]any{"changes": what}
		if err := replace(ctx, tx, w, next); err != nil {
			return err
		}
		return s.notices.write(ctx, tx, turn{by: watcher(w), before: w, next: next, what: what})
	})
}

// put is replace where nothing changed but when the connection is due.
func (s *Connections) put(ctx context.Context, w, next path) error {
	return s.store.Tx(ctx, func(tx store.Records) error { return replace(ctx, tx, w, next) })
}

// reread returns the settings as the provider's metadata has them now. The provider is the one
// that it was: another one at the same address is an error.
func (s *Connections) reread(ctx context.Context, w path) (ConnectionSettings, error) {
	st := w.st.copy()
	p, err := s.metadata(ctx, Intake{URL: st.SAML.MetadataURL, EntityID: st.SAML.EntityID})
	if err != nil {
		return st, err
	}
	st.SAML.adopt(p)
	st.SAML.MetadataAt = s.now()
	return st, s.check(path{w.Connection, st})
}

// with returns the connection with other settings.
func (w path) with(st ConnectionSettings) (path, error) {
	doc, err := json.Marshal(st)
	if err != nil {
		return w, fmt.Errorf("write settings of connection %s: %w", w.ID, err)
	}
	w.st, w.Settings = st, string(doc)
	return w, nil
}

// changedProvider reports whether anything but the time of reading is other than it was.
func changedProvider(before, after ConnectionSettings) bool {
	was, is := *before.SAML, *after.SAML
	was.MetadataAt = is.MetadataAt
	return !reflect.DeepEqual(was, is)
}
