package store

import "context"

// SettingStore keeps one JSON document per scope and kind. The scope is a tenant id, or
// empty for the environment.
type SettingStore interface {
	// Setting returns the document, else ErrNotFound.
	Setting(ctx context.Context, scope, kind string) ([]byte, error)
	// Settings returns the documents of the kind by scope. Scopes without one are left out.
	Settings(ctx context.Context, kind string, scopes ...string) (map[string][]byte, error)
	// PutSetting creates or replaces.
	PutSetting(ctx context.Context, scope, kind string, doc []byte) error
	// CreateSetting adds a document; one that exists is ErrConflict.
	CreateSetting(ctx context.Context, scope, kind string, doc []byte) error
	// DeleteSetting removes the document. One that is not there is no error.
	DeleteSetting(ctx context.Context, scope, kind string) error
}
