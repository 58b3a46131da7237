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
	return p.render(w, r, http.StatusOK, "activate.html", v)
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
	l, err := p.Services.SignUp.Activate(r.Context(), by, in)
	if err != nil {
		return p.again(w, r, over(err, "the link is over"), "activate.html", v)
	}
	return p.enter(w, r, l, home)
}

// activation is the page for a link that still works, else a Gone error.
func (p *Pages) activation(r *http.Request, by store.Principal, userID, token string) (page, error) {
	v := page{Title: "activate.title", UserID: userID, Token: token, Focus: "password", blamed: "password"}
	if !store.Storable(userID) || !store.Storable(token) {
		return v, over(store.ErrNotFound, "the link is over")
	}
	var err error
	v.AskPassword, err = p.Services.SignUp.NeedsPassword(r.Context(), by, userID, token)
	return v, over(err, "the link is over")
}

// over gives a link that was used, has expired or never was the same words.
func over(err error, words string) error {
	if err == nil {
		return nil
	}
	switch fault.From(err).Code {
	case fault.Gone, fault.NotFound, fault.Unauthenticated:
		return fault.New(fault.Gone, "", words).Because(err)
	}
	return err
}
