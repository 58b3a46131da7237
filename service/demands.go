package service

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/go-identity/identity/internal/secret"
	"github.com/go-identity/identity/store"
)

// A demand is what all policies together ask of one user.
type demand struct {
	enforce     Enforcement
	bypass      bool // the host spares the user
	remember    bool
	rememberFor time.Duration
	version     string // of the policies, so that what was granted under others is void
}

// forces reports whether a session that was opened by the methods must have shown a second
// factor.
func (d demand) forces(methods []string) bool {
	switch {
	case d.bypass || d.enforce == DontForce:
		return false
	case d.enforce == ForceExceptSSO:
		return !slices.Contains(methods, "sso")
	}
	return true
}

// demandOf reads what is asked of a user, who may enter the tenants, now.
func demandOf(ctx context.Context, r store.Records, u store.User, tenantIDs []string) (demand, error) {
	scopes := append([]string{""}, tenantIDs...)
	slices.Sort(scopes)
	docs, err := r.Settings(ctx, policySetting, scopes...)
	if err != nil {
		return demand{}, err
	}
	d := demand{enforce: DontForce, bypass: u.MFABypass, remember: len(docs) > 0, rememberFor: maxRemember}
	for _, scope := range scopes {
		if text, ok := docs[scope]; ok {
			if err := d.add(text); err != nil {
				return demand{}, err
			}
		}
	}
	return d, nil
}

// demandNow is demandOf for a user of whom nothing has been read.
func demandNow(ctx context.Context, r store.Records, userID string) (demand, error) {
	u, err := r.User(ctx, userID)
	if err != nil {
		return demand{}, err
	}
	ms, err := r.Memberships(ctx, userID)
	if err != nil {
		return demand{}, err
	}
	return demandOf(ctx, r, u, enterableIDs(ms))
}

// add makes d as strict as the policy is.
func (d *demand) add(text []byte) error {
	p, err := parsePolicy(text)
	if err != nil {
		return err
	}
	if p.Enforce.strictness() > d.enforce.strictness() {
		d.enforce = p.Enforce
	}
	d.remember = d.remember && p.Remember
	d.rememberFor = min(d.rememberFor, p.RememberFor)
	d.version += p.ID + " " + p.UpdatedAt.Format(time.RFC3339Nano) + "\n"
	return nil
}

// The methods of a session beside "pwd" (RFC 8176). A recovery code has no name there.
const (
	byPassword = "pwd"
	byCode     = "otp"
	byRecovery = "recovery"
	byTwo      = "mfa"
)

// second reports whether a session's methods have a second factor among them. A recovery
// code is one; it opens a session and nothing that asks for a device.
func second(methods []string) bool {
	return slices.Contains(methods, byTwo) || slices.Contains(methods, byRecovery)
}

// demands decide who has to show a second factor.
type demands struct{ *base }

// atLogin reports whether the user must show a second factor before the session opens.
func (d *demands) atLogin(ctx context.Context, r store.Records, asked demand, s store.Session) (bool, error) {
	if asked.bypass {
		return false, nil
	}
	forced := asked.forces(s.Methods)
	if !forced && slices.Contains(s.Methods, "sso") {
		return false, nil
	}
	fs, err := r.Factors(ctx, s.UserID)
	if err != nil || !forced && len(fs) == 0 {
		return false, err
	}
	remembered, err := d.remembered(ctx, r, asked, s.UserID, s.Device)
	return !remembered, err
}

// ofSession reports whether a session that is open lacks a second factor that the policies
// ask for by now.
func (d *demands) ofSession(ctx context.Context, asked demand, s store.Session) (bool, error) {
	if second(s.Methods) || !asked.forces(s.Methods) {
		return false, nil
	}
	remembered, err := d.remembered(ctx, d.store, asked, s.UserID, s.Device)
	return !remembered, err
}

// remembered reports whether the user asked not to be asked again on the device, and nothing
// has changed since that would make it another decision.
func (d *demands) remembered(ctx context.Context, r store.Records, asked demand, userID, device string) (bool, error) {
	if device == "" || !asked.remember {
		return false, nil
	}
	have, err := r.RememberedDevice(ctx, userID, device)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	now := d.now()
	if !now.Before(have.ExpiresAt) || !now.Before(have.CreatedAt.Add(asked.rememberFor)) || now.Before(have.CreatedAt) {
		return false, nil
	}
	binding, err := d.binding(ctx, r, asked, userID)
	return secret.Equal(have.Binding, binding), err
}

// rememberDevice has the device remembered, if every policy allows it.
func (d *demands) rememberDevice(ctx context.Context, tx *unit, userID, device string) error {
	if device == "" {
		return nil
	}
	asked, err := demandNow(ctx, tx, userID)
	if err != nil || !asked.remember {
		return err
	}
	binding, err := d.binding(ctx, tx, asked, userID)
	if err != nil {
		return err
	}
	return tx.PutRememberedDevice(ctx, store.RememberedDevice{
		UserID: userID, Device: device, Binding: binding, CreatedAt: tx.at, ExpiresAt: tx.at.Add(asked.rememberFor),
	})
}

// binding is a hash of what a remembered device depends on: the password, the user's
// factors and the policies. When one of them changes nothing is remembered any more.
func (d *demands) binding(ctx context.Context, r store.Records, asked demand, userID string) ([]byte, error) {
	c, err := r.Credential(ctx, userID, store.Password)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	fs, err := r.Factors(ctx, userID)
	if err != nil {
		return nil, err
	}
	parts := []string{asked.version, c.Secret}
	for _, f := range fs {
		parts = append(parts, f.ID)
	}
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return sum[:], nil
}
