package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/go-identity/identity/store"
)

// environment is the setting that names an installation.
const environmentSetting = "environment"

// environmentID returns the id of the environment that the store keeps, made when there
// is none. Of two processes that make one at the same time one wins and both use it.
func environmentID(ctx context.Context, b *base) (string, error) {
	doc, err := b.store.Setting(ctx, "", environmentSetting)
	if errors.Is(err, store.ErrNotFound) {
		if doc, err = json.Marshal(environment{ID: b.newID()}); err != nil {
			return "", err
		}
		err = b.store.CreateSetting(ctx, "", environmentSetting, doc)
		if errors.Is(err, store.ErrConflict) {
			doc, err = b.store.Setting(ctx, "", environmentSetting)
		}
	}
	if err != nil {
		return "", fmt.Errorf("name the environment: %w", err)
	}
	var e environment
	if err := json.Unmarshal(doc, &e); err != nil {
		return "", fmt.Errorf("read the environment's name: %w", err)
	}
	return e.ID, nil
}

type environment struct {
	ID string `json:"id"`
}
