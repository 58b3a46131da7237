package pages

import (
	"cmp"
	"net/http"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/middleware"
	"github.com/go-identity/identity/store"
)

// An accountRow is one account elsewhere as its user sees it.
type accountRow struct {
	Provider, Subject string
	Name, Email       string
	Tenant            bool // a tenant's provider vouches for it
}

// accounts are the accounts elsewhere that somebody signs in with.
func (p *Pages) accounts(r *http.Request, by store.Principal) ([]accountRow, error) {
	all, err := p.Services.Profiles.Accounts(r.Context(), by)
	var rows []accountRow
	for _, a := range all {
		rows = append(rows, accountRow{
			Provider: a.ConnectionID, Subject: a.Subject, Name: cmp.Or(a.Name, familiar()[a.Type], a.Type, a.TenantID),
			Email: a.Email, Tenant: a.TenantID != "",
		})
	}
	return rows, err
}

// unlink parts an account elsewhere from who is signed in.
func (p *Pages) unlink(w http.ResponseWriter, r *http.Request, by store.Principal) error {
	form, err := read(w, r)
	if err != nil {
		return err
	}
	err = p.Services.Profiles.Unlink(r.Context(), by, form.Get("provider"), form.Get("subject"))
	if f := fault.From(err); f != nil && f.Wire == middleware.StepUpRequired {
		l, err := p.Services.MFA.StepUp(r.Context(), by, 0)
		if err != nil {
			return err
		}
		return p.ask(w, l, securityPages)
	}
	if f := fault.From(err); f != nil && f.Code != fault.NotFound { // it went meanwhile
		return err
	}
	return seeOther(w, securityPages+"?done=unlinked")
}
