package ssotest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-identity/identity/sso"
	"github.com/go-identity/identity/sso/saml"
	"github.com/go-identity/identity/ssotest"
)

// A leaver is an application's half of signing out, in both directions.
type leaver struct {
	c  *saml.Connection
	id string // of the wish that the application sent
}

func newLeaver(t *testing.T, p *ssotest.SAML, form bool) (l *leaver, address string) {
	t.Helper()
	mux := http.NewServeMux()
	app := httptest.NewServer(mux)
	t.Cleanup(app.Close)
	l = &leaver{c: keyed(t, p, app.URL)}
	l.c.PostRequests = form
	mux.HandleFunc("/logout", l.leave)
	mux.HandleFunc("/slo", l.slo)
	return l, app.URL
}

func (l *leaver) leave(w http.ResponseWriter, r *http.Request) {
	m, err := l.c.Leave(saml.Logout{Subject: "ada"}, noon())
	l.id = m.ID
	l.hand(w, r, m, err)
}

func (l *leaver) hand(w http.ResponseWriter, r *http.Request, m saml.Message, err error) {
	switch {
	case err != nil:
		http.Error(w, sso.Diagnosis(err), http.StatusBadRequest)
	case m.Fields == nil:
		http.Redirect(w, r, m.URL, http.StatusFound)
	default:
		_, _ = fmt.Fprintf(w, `<form method="post" action="%s">`, m.URL)
		for name := range m.Fields {
			_, _ = fmt.Fprintf(w, `<input type="hidden" name="%s" value="%s">`, name, m.Fields.Get(name))
		}
	}
}

func (l *leaver) slo(w http.ResponseWriter, r *http.Request) {
	in := saml.Incoming{Query: r.URL.RawQuery, Now: noon()}
	in.Body, in.RelayState = r.PostFormValue("SAMLRequest")+r.PostFormValue("SAMLResponse"), r.PostFormValue("RelayState")
	if r.FormValue("SAMLResponse") != "" {
		if _, err := l.c.AcceptLogoutAnswer(in, l.id); err != nil {
			http.Error(w, sso.Diagnosis(err), http.StatusBadRequest)
			return
		}
		_, _ = fmt.Fprint(w, "bye")
		return
	}
	wish, err := l.c.AcceptLogout(r.Context(), in)
	if err != nil {
		http.Error(w, sso.Diagnosis(err), http.StatusBadRequest)
		return
	}
	m, err := l.c.AnswerLogout(wish, wish.Subject == "ada", noon())
	l.hand(w, r, m, err)
}

// TestSignOutWalks lets a browser go from each side to the other, and back.
func TestSignOutWalks(t *testing.T) {
	t.Parallel()
	for _, form := range []bool{false, true} {
		p := ssotest.NewSAML(t, ssotest.SAMLOptions{Now: noon})
		_, app := newLeaver(t, p, form)
		if got := body(t, p.SignOut(client(t), app+"/logout")); got != "bye" {
			t.Errorf("form %v: the application says %q", form, got)
		}
		for subject, want := range map[string]string{"ada": ssotest.StatusSuccess, "bob": ssotest.StatusResponder} {
			if got := p.End(client(t), ssotest.Logout{Subject: subject, Form: form}); got.Status != want || got.Form != form {
				t.Errorf("form %v: the provider hears %+v, want %s", form, got, want)
			}
		}
		said := fails(t, func(t testing.TB) {
			p.In(t).End(http.DefaultClient, ssotest.Logout{Subject: "ada", Unsigned: true, Form: form})
		})
		if !strings.Contains(said, "not signed") {
			t.Errorf("form %v: an unsigned wish: %s", form, said)
		}
	}
}
