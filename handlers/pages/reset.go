package pages

import (
	"net/http"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

func (p *Pages) showForgot(w http.ResponseWriter, r *http.Request) error {
	v := page{Title: "forgot.title", Focus: "email", Tenant: tenant(r.URL.Query().Get("tenant"))}
	return p.render(w, r, http.StatusOK, "forgot.html", v)
}

// forgot mails a link, and says the same of every address.
func (p *Pages) forgot(w http.ResponseWriter, r *http.Request) error {
	form, err := read(w, r)
	if err != nil {
		return err
	}
	v := page{
		Title: "forgot.title", Tenant: tenant(form.Get("tenant")), Focus: "email", blamed: "email",
		Values: map[string]string{"email": form.Get("email")},
	}
	if v.Values["email"] == "" {
		return p.again(w, r, fault.New(fault.Invalid, "email", "is missing"), "forgot.html", v)
	}
	by := p.caller(r)
	by.TenantID = v.Tenant
	err = p.Services.Resets.Ask(r.Context(), by, service.ResetRequest{Kind: store.Email, Value: v.Values["email"]})
	if err != nil {
		return p.again(w, r, err, "forgot.html", v)
	}
	v.Title = "forgotten.title"
	return p.render(w, r, http.StatusOK, "forgotten.html", v)
}

// resetOver is said of a link that does not reset anything.
const resetOver = "the reset is over"

// showReset asks for the new password. It uses nothing up.
func (p *Pages) showReset(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	v := choice(q.Get("userId"), q.Get("token"))
	if err := p.Services.Resets.Check(r.Context(), v.UserID, v.Token); err != nil {
		return over(err, resetOver)
	}
	return p.render(w, r, http.StatusOK, "reset.html", v)
}

func choice(userID, token string) page {
	return page{Title: "reset.title", UserID: userID, Token: token, Focus: "password", blamed: "password"}
}

// reset sets the password and signs nobody in: a second factor is asked for as ever.
func (p *Pages) reset(w http.ResponseWriter, r *http.Request) error {
	form, err := read(w, r)
	if err != nil {
		return err
	}
	v := choice(form.Get("userId"), form.Get("token"))
	in := service.PasswordChoice{UserID: v.UserID, Token: v.Token, Password: form.Get("password")}
	if in.Password == "" {
		return p.again(w, r, fault.New(fault.Invalid, "newPassword", "is missing"), "reset.html", v)
	}
	if err := p.Services.Resets.Reset(r.Context(), p.caller(r), in); err != nil {
		return p.again(w, r, over(err, resetOver), "reset.html", v)
	}
	return seeOther(w, "/account/login?done=reset")
}

// unlockOver is said of a link that does not unlock anything.
const unlockOver = "the unlock is over"

// showUnlock shows the button that unlocks an account. It uses nothing up.
func (p *Pages) showUnlock(w http.ResponseWriter, r *http.Request) error {
	v := page{Title: "unlock.title", Token: r.URL.Query().Get("token")}
	if err := p.Services.Unlocks.Check(r.Context(), v.Token); err != nil {
		return over(err, unlockOver)
	}
	return p.render(w, r, http.StatusOK, "unlock.html", v)
}

func (p *Pages) unlock(w http.ResponseWriter, r *http.Request) error {
	form, err := read(w, r)
	if err != nil {
		return err
	}
	if err := p.Services.Unlocks.Unlock(r.Context(), p.caller(r), form.Get("token")); err != nil {
		return over(err, unlockOver)
	}
	return seeOther(w, "/account/login?done=unlock")
}
