package service

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/store"
)

// An Enforcement says whom a second factor is asked of.
type Enforcement string

// The enforcements, from the mildest to the strictest.
const (
	DontForce      Enforcement = "DontForce"       // of users who enrolled a device
	ForceExceptSSO Enforcement = "ForceExceptSAML" // of everybody who did not come by single sign-on
	Force          Enforcement = "Force"           // of everybody
)

func (e Enforcement) strictness() int {
	switch e {
	case DontForce:
		return 1
	case ForceExceptSSO:
		return 2
	case Force:
		return 3
	}
	return 0
}

// An MFAPolicy is what the environment, or one tenant, asks of those who sign in. The
// policies of the environment and of every tenant that a user may enter hold together: the
// strictest wins, wherever the user signs in.
type MFAPolicy struct {
	ID          string
	Enforce     Enforcement
	Remember    bool          // users may have a browser remembered
	RememberFor time.Duration // in whole seconds
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// MFAPolicies are the policies of the environment and of its tenants. A user's policy is
// that of the tenant the user acts in; the host's back end names a tenant or means the
// environment.
type MFAPolicies struct {
	*base
	methods methods
}

// An MFAPolicyChange is what a caller says of a policy; nil leaves a field as it is, and in
// a new policy as it is by default: Force, nothing remembered, 14 days.
type MFAPolicyChange struct {
	Enforce     *Enforcement
	Remember    *bool
	RememberFor *time.Duration
}

const (
	defaultRemember = 14 * 24 * time.Hour
	maxRemember     = 365 * 24 * time.Hour
)

func (c MFAPolicyChange) check() error {
	var f fault.Checker
	f.Check(c.Enforce == nil || c.Enforce.strictness() > 0, "enforceMFAType", "must be one of DontForce, Force, ForceExceptSAML")
	f.Check(c.RememberFor == nil || *c.RememberFor >= time.Second && *c.RememberFor <= maxRemember && *c.RememberFor%time.Second == 0,
		"mfaDeviceExpiration", "must be 1 to 31536000 whole seconds")
	return f.Err()
}

// Read returns the policy of the tenant that by acts in, else of the environment. Where none
// was made it is NotFound.
func (s *MFAPolicies) Read(ctx context.Context, by store.Principal) (MFAPolicy, error) {
	p, err := readPolicy(ctx, s.store, by.TenantID)
	return p, missing(err, "MFA policy")
}

// Environment returns the policy of the environment, whoever asks.
func (s *MFAPolicies) Environment(ctx context.Context, by store.Principal) (MFAPolicy, error) {
	by.TenantID = ""
	return s.Read(ctx, by)
}

// Create makes the policy; one that is there already is a Conflict.
func (s *MFAPolicies) Create(ctx context.Context, by store.Principal, in MFAPolicyChange) (MFAPolicy, error) {
	return s.write(ctx, by, in, func(_ MFAPolicy, found bool) error {
		if found {
			return fault.New(fault.Conflict, "", "MFA policy already exists")
		}
		return nil
	})
}

// Change changes the policy; where none was made it is NotFound. A change of nothing is
// Invalid.
func (s *MFAPolicies) Change(ctx context.Context, by store.Principal, in MFAPolicyChange) (MFAPolicy, error) {
	if in == (MFAPolicyChange{}) {
		return MFAPolicy{}, fault.New(fault.Invalid, "", "missing parameters to update")
	}
	return s.write(ctx, by, in, func(_ MFAPolicy, found bool) error {
		if !found {
			return missing(store.ErrNotFound, "MFA policy")
		}
		return nil
	})
}

// Put changes the policy, or makes it.
func (s *MFAPolicies) Put(ctx context.Context, by store.Principal, in MFAPolicyChange) (MFAPolicy, error) {
	return s.write(ctx, by, in, func(MFAPolicy, bool) error { return nil })
}

// write changes a policy that fits. Every session is looked at anew: a policy that became
// stricter holds at each one's next use.
func (s *MFAPolicies) write(
	ctx context.Context, by store.Principal, in MFAPolicyChange, fits func(MFAPolicy, bool) error,
) (MFAPolicy, error) {
	if err := in.check(); err != nil {
		return MFAPolicy{}, err
	}
	if by.TenantID == "" {
		if err := hostOnly(by); err != nil {
			return MFAPolicy{}, err
		}
	}
	var p MFAPolicy
	err := s.change(ctx, by, "mfa_policy.changed", cmp.Or(by.TenantID, s.environment), func(tx *unit) (err error) {
		p, err = readPolicy(ctx, tx, by.TenantID)
		found := err == nil
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if err := fits(p, found); err != nil {
			return err
		}
		if !found {
			p = MFAPolicy{ID: s.newID(), Enforce: Force, RememberFor: defaultRemember, CreatedAt: tx.at}
		}
		set(&p.Enforce, in.Enforce)
		set(&p.Remember, in.Remember)
		set(&p.RememberFor, in.RememberFor)
		p.UpdatedAt, tx.detail = tx.at, map[string]any{"enforce": p.Enforce, "remember": p.Remember}
		return s.keep(ctx, tx, by.TenantID, p)
	})
	return p, err
}

func (s *MFAPolicies) keep(ctx context.Context, tx *unit, tenantID string, p MFAPolicy) error {
	if tenantID != "" {
		if _, err := tx.Tenant(ctx, tenantID); err != nil {
			return missing(err, "tenant")
		}
	}
	if tenantID == "" && p.Enforce != DontForce {
		m, err := s.methods.read(ctx, tx)
		if err != nil {
			return err
		}
		if !m.any() {
			return fault.New(fault.Conflict, "", "no method of a second factor is active")
		}
	}
	doc, err := json.Marshal(policyDoc{p.ID, p.Enforce, p.Remember, int64(p.RememberFor / time.Second), p.CreatedAt, p.UpdatedAt})
	if err != nil {
		return err
	}
	if err := tx.PutSetting(ctx, tenantID, policySetting, doc); err != nil {
		return err
	}
	return tx.revoke(ctx, store.Revocation{TenantID: tenantID})
}

const policySetting = "mfa-policy"

// policyDoc is a policy as it is kept.
type policyDoc struct {
	ID        string      `json:"id"`
	Enforce   Enforcement `json:"enforce"`
	Remember  bool        `json:"remember"`
	Seconds   int64       `json:"seconds"`
	CreatedAt time.Time   `json:"createdAt"`
	UpdatedAt time.Time   `json:"updatedAt"`
}

func readPolicy(ctx context.Context, r store.Records, scope string) (MFAPolicy, error) {
	text, err := r.Setting(ctx, scope, policySetting)
	if err != nil {
		return MFAPolicy{}, err
	}
	return parsePolicy(text)
}

func parsePolicy(text []byte) (MFAPolicy, error) {
	var d policyDoc
	err := json.Unmarshal(text, &d)
	return MFAPolicy{d.ID, d.Enforce, d.Remember, time.Duration(d.Seconds) * time.Second, d.CreatedAt, d.UpdatedAt}, err
}
