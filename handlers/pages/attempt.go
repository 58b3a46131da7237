package pages

import (
	"net/http"
	"time"

	"github.com/go-identity/identity/handlers"
	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/middleware"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

func (p *Pages) attemptRoutes() {
	const at = connectionPages + "/{id}/attempts"
	p.handle("GET "+at, p.kept(p.showAttempts))
	p.handle("POST "+at, p.limited(middleware.SignIn, p.kept(p.rehearse)))
	p.handle("GET "+at+"/{attempt}", p.kept(p.showAttempt))
	p.handle("POST "+at+"/{attempt}", p.limited(middleware.SignIn, p.kept(p.replay)))
}

// An attemptRow is one try to sign in as an administrator sees it.
type attemptRow struct {
	store.SSOAttempt
	When, WhenRaw string
}

func attempted(a store.SSOAttempt) attemptRow {
	if a.Diagnosis != "" {
		a.Diagnosis = sentence(a.Diagnosis)
	}
	return attemptRow{SSOAttempt: a, When: moment(a.At), WhenRaw: a.At.UTC().Format(time.RFC3339)}
}

// An attemptView is one try with what came.
type attemptView struct {
	attemptRow
	Said  string // the attributes
	Shown string // the whole answer
}

func (p *Pages) showAttempts(w http.ResponseWriter, r *http.Request, by store.Principal) error {
	v, err := p.attempts(r, by)
	if err != nil {
		return err
	}
	return p.render(w, r, http.StatusOK, "attempts.html", v)
}

// attempts is the page with what came through a connection.
func (p *Pages) attempts(r *http.Request, by store.Principal) (page, error) {
	v, err := p.step(r, by, "step.test", "step.test")
	if err != nil {
		return v, err
	}
	all, err := p.Services.SSOAttempts.List(r.Context(), by, v.SSO.One.ID)
	for _, a := range all {
		v.SSO.Attempts = append(v.SSO.Attempts, attempted(a))
	}
	return v, err
}

// rehearse sends an administrator to the provider, to see what comes back. Nobody is signed in.
func (p *Pages) rehearse(w http.ResponseWriter, r *http.Request, by store.Principal) error {
	if _, err := read(w, r); err != nil {
		return err
	}
	v, err := p.attempts(r, by)
	if err != nil {
		return err
	}
	next := v.SSO.At("attempts")
	d, err := p.Services.SSO.Rehearse(r.Context(), by, service.Rehearsal{
		ConnectionID: v.SSO.One.ID, Next: noted(next, "tested"), Browser: only(r, handlers.SSOCookieName),
	})
	switch f := fault.From(err); {
	case err == nil:
		v.Lead, v.Next = "rehearse.lead", next
		return p.send(w, r, v, d)
	case f.Code == fault.Unauthenticated: // the diagnosis is the newest attempt
		return seeOther(w, noted(next, "tested"))
	}
	return p.retry(w, r, err, "attempts.html", v)
}

func (p *Pages) showAttempt(w http.ResponseWriter, r *http.Request, by store.Principal) error {
	v, err := p.attempt(r, by)
	if err != nil {
		return err
	}
	return p.render(w, r, http.StatusOK, "attempt.html", v)
}

// attempt is the page about one try. What came is as a stranger wrote it.
func (p *Pages) attempt(r *http.Request, by store.Principal) (page, error) {
	v, err := p.roleStep(r, by)
	if err != nil {
		return v, err
	}
	v.Title, v.SSO.Now = "attempt.title", "step.test"
	a, err := p.Services.SSOAttempts.Read(r.Context(), by, r.PathValue("attempt"))
	if err == nil && a.ConnectionID != v.SSO.One.ID {
		err = store.ErrNotFound
	}
	if err != nil {
		return v, err
	}
	v.SSO.Attempt = &attemptView{attempted(a.SSOAttempt), pretty(a.Attributes), pretty(a.Shown)}
	return v, nil
}

// replay reads what came with the settings of now.
func (p *Pages) replay(w http.ResponseWriter, r *http.Request, by store.Principal) error {
	if _, err := read(w, r); err != nil {
		return err
	}
	v, err := p.attempt(r, by)
	if err != nil {
		return err
	}
	t, err := p.Services.SSOAttempts.Replay(r.Context(), by, v.SSO.Attempt.ID, service.ConnectionChange{})
	if err != nil {
		return p.retry(w, r, err, "attempt.html", v)
	}
	v.SSO.Trial = v.SSO.tried(t)
	return p.render(w, r, http.StatusOK, "attempt.html", v)
}
