package pages

import (
	"net/http"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

func (p *Pages) showSignUp(w http.ResponseWriter, _ *http.Request) error {
	return p.render(w, http.StatusOK, signUpPage, page{Title: "Sign up"})
}

func (p *Pages) signUp(w http.ResponseWriter, r *http.Request) error {
	form, err := read(w, r)
	if err != nil {
		return err
	}
	v := page{Title: "Sign up", Name: form.Get("name"), Company: form.Get("company"), Email: form.Get("email")}
	in := service.NewSignUp{
		Email: v.Email, Password: form.Get("password"), Name: v.Name, Company: v.Company, Kind: store.Browser,
	}
	if err := complete(in); err != nil {
		return p.again(w, r, err, signUpPage, v)
	}
	by, err := p.device(w, r)
	if err != nil {
		return err
	}
	done, err := p.SignUp.Create(r.Context(), by, in)
	if err != nil {
		return p.again(w, r, taken(err), signUpPage, v)
	}
	if done.Login != nil {
		return p.enter(w, r, *done.Login, home)
	}
	v.Title = "Check your mail"
	return p.render(w, http.StatusOK, sentPage, v)
}

// complete names the inputs that are empty, by their labels. The rules check the rest.
func complete(in service.NewSignUp) error {
	var c fault.Checker
	c.Check(in.Name != "", "", "Enter your name.")
	c.Check(in.Company != "", "", "Enter the name of your company.")
	c.Check(in.Email != "", "", "Enter your e-mail address.")
	c.Check(in.Password != "", "", "Choose a password.")
	return c.Err()
}

// taken tells that an address is known. The rules say so only where the host chose to
// take addresses unverified.
func taken(err error) error {
	if f := fault.From(err); f.Code == fault.Conflict {
		return fault.New(fault.Conflict, "", "There is an account with this address already. Sign in instead.").Because(err)
	}
	return err
}
