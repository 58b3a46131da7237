package service

import (
	"cmp"
	"context"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/token"
)

// A Preview asks what the token of a user in a tenant would be, made by one template or,
// where none is named, by the one that the rules choose.
type Preview struct {
	UserID, TenantID string
	TemplateID       string       // of a template that there is
	Template         *NewTemplate // one that is not stored; what is left out of it but the claims does not matter
}

// A Previewed is the token that was asked about. Its ids and its times are of nobody's
// session: they only take the room that a session's would.
type Previewed struct {
	Claims     string   // a JSON object
	Rule       int      // the index of the rule that holds for the user; below zero for none
	Treatment  string   // the key of the template that it names
	Unresolved []string // variables of the template that have no value
	Size       int      // of the signed token, about, in bytes
	MaxSize    int      // beyond which it would not be made
}

// Preview returns what a token would be, as if the user signed in now: with a password, but
// for the variables of single sign-on, which are of the last time that the user came through
// a provider. Nobody gets it. A user who may not sign in to the tenant is NotFound.
func (s *Templates) Preview(ctx context.Context, by store.Principal, in Preview) (Previewed, error) {
	if err := hostOnly(by); err != nil {
		return Previewed{}, err
	}
	if in.TemplateID != "" && in.Template != nil {
		return Previewed{}, fault.New(fault.Invalid, "", "give one of templateId and template")
	}
	r, err := readResident(ctx, s.store, in.UserID, in.TenantID)
	if err != nil {
		return Previewed{}, missing(err, "member of this tenant who may sign in")
	}
	chosen, rule, err := s.minter.treatments.choose(ctx, s.minter.attributes(r.user, r.principal))
	if err != nil {
		return Previewed{}, err
	}
	how, err := s.asked(ctx, in, chosen)
	if err != nil {
		return Previewed{}, err
	}
	out, err := s.minter.preview(ctx, r, how)
	if out.Rule = rule; rule >= 0 {
		out.Treatment = chosen.key
	}
	return out, err
}

// asked returns the treatment that a preview is about.
func (s *Templates) asked(ctx context.Context, in Preview, chosen *treatment) (*treatment, error) {
	how := chosen
	switch {
	case in.TemplateID != "":
		t, err := s.store.Template(ctx, in.TemplateID)
		if err != nil {
			return nil, missing(err, "template")
		}
		how = newTreatment(t)
	case in.Template != nil:
		t := store.Template{
			ID: "preview", Key: cmp.Or(in.Template.Key, "preview"), Name: cmp.Or(in.Template.Name, "preview"),
			Lifetime:  cmp.Or(in.Template.Lifetime, s.minter.treatments.standard.life.Truncate(time.Second)),
			Algorithm: cmp.Or(in.Template.Algorithm, token.RS256), Claims: in.Template.Claims,
		}
		if err := checkTemplate(t); err != nil {
			return nil, err
		}
		how = newTreatment(t)
	}
	return how, how.broken
}

// preview makes the claims of a token that nobody gets.
func (m *minter) preview(ctx context.Context, r resident, how *treatment) (Previewed, error) {
	now := m.now()
	l := Login{User: r.user, tenantIDs: r.tenantIDs, Session: store.Session{
		ID: m.newID(), AuthTime: now, Methods: []string{byPassword}, EndsAt: now.Add(m.absolute),
	}}
	if how.template.Provided() {
		var err error
		if l.cameAs, err = newestProvided(ctx, m.store, r.user.ID, r.principal.TenantID); err != nil {
			return Previewed{}, err
		}
	}
	d, err := m.prepare(ctx, l, r.principal, minting{how: how, preview: true})
	if err != nil {
		return Previewed{}, err
	}
	claims, unresolved, size, err := how.template.Preview(d.values)
	if err != nil {
		return Previewed{}, fault.New(fault.Invalid, "", "no token can be made for this user: "+err.Error()).Because(err)
	}
	return Previewed{Claims: string(claims), Unresolved: unresolved, Size: size, MaxSize: m.maxBytes}, nil
}
