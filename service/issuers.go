package service

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/go-identity/identity/store"
)

const (
	issuersSetting = "issuers"
	maxIssuers     = 16
)

// declare adds this process's issuer to those of the environment: processes that people
// reach by different addresses take each other's tokens. The oldest makes room.
func (s *Keys) declare(ctx context.Context) error {
	known, err := readIssuers(ctx, s.store)
	if err != nil || slices.Contains(known, s.issuer) {
		return err
	}
	return s.change(ctx, store.System(), "issuer.declared", s.issuer, func(tx *unit) error {
		known, err := readIssuers(ctx, tx)
		if err != nil || slices.Contains(known, s.issuer) {
			return err
		}
		known = append(known, s.issuer)
		doc, err := json.Marshal(known[max(0, len(known)-maxIssuers):])
		if err != nil {
			return err
		}
		if err := tx.PutSetting(ctx, "", issuersSetting, doc); err != nil {
			return err
		}
		return tx.revoke(ctx, store.Revocation{})
	})
}

func readIssuers(ctx context.Context, r store.Records) ([]string, error) {
	var known []string
	doc, err := r.Setting(ctx, "", issuersSetting)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err == nil {
		err = json.Unmarshal(doc, &known)
	}
	return known, err
}
