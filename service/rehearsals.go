package service

import (
	"context"

	"github.com/go-identity/identity/sso"
	"github.com/go-identity/identity/store"
)

// A Rehearsal is a sign-in that signs nobody in: whoever sets a connection up sees what comes
// from the provider before anybody depends on it.
type Rehearsal struct {
	ConnectionID string
	Next         string // a path here, to go to whatever came
	Browser      string // the value of the cookie that [Departure] named; empty where the browser has none
}

// Rehearse sends who may change a connection to its provider, whether or not it is enabled. What
// comes back is among the attempts of the connection, and Next is where the browser goes then.
// A connection that lacks what it takes is Invalid.
func (s *SSO) Rehearse(ctx context.Context, by store.Principal, in Rehearsal) (Departure, error) {
	if !by.Can(store.WriteSSO) {
		return Departure{}, mayNot()
	}
	if err := provenTwice(ctx, s.store, by); err != nil {
		return Departure{}, err
	}
	w, err := findPath(ctx, s.store, by.TenantID, in.ConnectionID)
	if err != nil {
		return Departure{}, err
	}
	ready := w
	ready.Enabled = true
	if err := s.connections.check(ready); err != nil {
		return Departure{}, err
	}
	f := voyage{
		ConnectionID: w.ID, TenantID: w.TenantID, Kind: store.Browser, Next: s.targets.safe(in.Next), Rehearsal: true,
	}
	d, err := s.depart(ctx, by, w.Connection, takeoff{voyage: f, browser: in.Browser})
	return d, s.told(ctx, by, report{connection: w.Connection, settings: w.st, err: err})
}

// rehearsed hears what the provider says, and tells who rehearsed what a sign-in would come to.
func (s *SSO) rehearsed(
	ctx context.Context, by store.Principal, c store.Connection, st ConnectionSettings, in arriving,
) (Arrived, error) {
	r := report{connection: c, settings: st, document: in.SAMLResponse}
	a, err := s.heard(ctx, by, c, st, in)
	if err == nil {
		r.assertion = &a
		_, err = s.proves(ctx, s.store, c, st, a)
	}
	if r.err = err; err != nil {
		r.err = refusal(err)
	}
	if err := s.told(ctx, by, r); err != nil && sso.Diagnosis(err) == "" {
		return Arrived{}, err
	}
	return Arrived{Rehearsed: true, Kind: in.voyage.Kind, Next: s.targets.safe(in.voyage.Next)}, nil
}
