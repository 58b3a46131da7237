package pages

import (
	"net/http"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

// showActivate shows the button behind a mailed link. It uses nothing up: mail scanners
// follow links, people press buttons.
func (p *Pages) showActivate(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	v, err := p.activation(r, p.caller(r), q.Get("userId"), q.Get("token"))
	if err != nil {
		return err
	}
	return p.render(w, http.StatusOK, activatePage, v)
}

func (p *Pages) activate(w http.ResponseWriter, r *http.Request) error {
	form, err := read(w, r)
	if err != nil {
		return err
	}
	by, err := p.device(w, r)
	if err != nil {
		return err
	}
	v, err := p.activation(r, by, form.Get("userId"), form.Get("token"))
	if err != nil {
		return err
	}
	in := service.Activation{UserID: v.UserID, Token: v.Token, Kind: store.Browser}
	if v.AskPassword {
		in.Password = form.Get("password")
	}
	l, err := p.SignUp.Activate(r.Context(), by, in)
	if err != nil {
		return p.again(w, r, stale(err), activatePage, v)
	}
	return p.enter(w, r, l, home)
}

// activation is the page for a link that still works, else a Gone error.
func (p *Pages) activation(r *http.Request, by store.Principal, userID, token string) (page, error) {
	v := page{Title: "Confirm your address", UserID: userID, Token: token}
	if !store.Storable(userID) || !store.Storable(token) {
		return v, stale(store.ErrNotFound)
	}
	var err error
	v.AskPassword, err = p.SignUp.NeedsPassword(r.Context(), by, userID, token)
	return v, stale(err)
}

// stale gives a link that was used, has expired or never was the same words.
func stale(err error) error {
	if err == nil {
		return nil
	}
	switch fault.From(err).Code {
	case fault.Gone, fault.NotFound, fault.Unauthenticated:
		return fault.New(fault.Gone, "", "It was used already, or it is too old. Sign in, or sign up again to get a new one.").Because(err)
	}
	return err
}
