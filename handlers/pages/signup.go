package pages

import (
	"net/http"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

func (p *Pages) showSignUp(w http.ResponseWriter, r *http.Request) error {
	return p.render(w, r, http.StatusOK, "signup.html", page{Title: "signup.title", Focus: "name"})
}

func (p *Pages) signUp(w http.ResponseWriter, r *http.Request) error {
	form, err := read(w, r)
	if err != nil {
		return err
	}
	in := service.NewSignUp{
		Email: form.Get("email"), Password: form.Get("password"), Name: form.Get("name"), Company: form.Get("company"), Kind: store.Browser,
	}
	v := page{Title: "signup.title", blamed: "email", Values: map[string]string{"name": in.Name, "company": in.Company, "email": in.Email}}
	if err := complete(in); err != nil {
		return p.again(w, r, err, "signup.html", v)
	}
	by, err := p.device(w, r)
	if err != nil {
		return err
	}
	done, err := p.Services.SignUp.Create(r.Context(), by, in)
	if err != nil {
		return p.again(w, r, taken(err), "signup.html", v)
	}
	if done.Login != nil {
		return p.enter(w, r, *done.Login, home)
	}
	if done.ActivationToken != "" {
		v.Title, v.UserID, v.Token, v.Focus = "verify.title", done.UserID, done.ActivationToken, "code"
		return p.render(w, r, http.StatusOK, "verify.html", v)
	}
	v.Title = "sent.title"
	return p.render(w, r, http.StatusOK, "sent.html", v)
}

// complete names the inputs that are empty. The rules check the rest.
func complete(in service.NewSignUp) error {
	var c fault.Checker
	c.Check(in.Name != "", "name", "is missing")
	c.Check(in.Company != "", "companyName", "is missing")
	c.Check(in.Email != "", "email", "is missing")
	c.Check(in.Password != "", "newPassword", "is missing")
	return c.Err()
}

// taken tells that an address is known. The rules say so only where the host chose to
// take addresses unverified.
func taken(err error) error {
	if f := fault.From(err); f.Code == fault.Conflict {
		return fault.New(fault.Conflict, "", "there is an account").Because(err)
	}
	return err
}

// verify takes the code that was mailed to a new account's address. The browser that signed
// up holds what the code goes with.
func (p *Pages) verify(w http.ResponseWriter, r *http.Request) error {
	form, err := read(w, r)
	if err != nil {
		return err
	}
	v := page{
		Title: "verify.title", UserID: form.Get("userId"), Token: form.Get("token"), AskPassword: form.Has("password"),
		Values: map[string]string{"email": form.Get("email")}, Focus: "code", blamed: "code",
	}
	if form.Get("code") == "" {
		return p.again(w, r, fault.New(fault.Invalid, "code", "is missing"), "verify.html", v)
	}
	by, err := p.device(w, r)
	if err != nil {
		return err
	}
	l, err := p.Services.SignUp.ActivateByCode(r.Context(), by, service.CodeActivation{
		Activation: service.Activation{UserID: v.UserID, Token: v.Token, Password: form.Get("password"), Kind: store.Browser},
		Code:       form.Get("code"),
	})
	if err != nil {
		return p.again(w, r, err, "verify.html", v)
	}
	return p.enter(w, r, l, home)
}

// resend mails another proof. It says the same of every address.
func (p *Pages) resend(w http.ResponseWriter, r *http.Request) error {
	form, err := read(w, r)
	if err != nil {
		return err
	}
	v := page{
		Title: "sent.title", Note: "sent.done", Tenant: tenant(form.Get("tenant")),
		Values: map[string]string{"email": form.Get("email")},
	}
	name := "sent.html"
	if form.Get("token") != "" {
		v.Title, v.UserID, v.Token, name = "verify.title", form.Get("userId"), form.Get("token"), "verify.html"
	}
	by := p.caller(r)
	by.TenantID = v.Tenant
	if err := p.Services.SignUp.Resend(r.Context(), by, v.Values["email"]); err != nil {
		return p.again(w, r, err, name, v)
	}
	return p.render(w, r, http.StatusOK, name, v)
}
