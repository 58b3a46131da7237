package pages

import (
	"net/http"
	"net/url"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

func (p *Pages) wizardRoutes() {
	p.handle("GET "+connectionPages, p.kept(p.showConnections))
	p.handle("POST "+connectionPages, p.kept(p.createConnection))
	p.handle("GET "+connectionPages+"/{id}", p.kept(p.showConnection))
	p.handle("POST "+connectionPages+"/{id}", p.kept(p.switchConnection))
	p.handle("GET "+connectionPages+"/{id}/delete", p.kept(p.showDelete))
	p.handle("POST "+connectionPages+"/{id}/delete", p.kept(p.deleteConnection))
}

// A connectionRow is one connection in the list.
type connectionRow struct {
	service.SSOConnection
	Proved  int // of its domains
	Expires *certificate
	Last    *attemptRow
}

// CalledConnection is what a connection is called.
func (v page) CalledConnection(c service.SSOConnection) string {
	if c.With.Name != "" {
		return c.With.Name
	}
	return v.T(protocol(c.Protocol))
}

// protocol is the key of what a protocol is called.
func protocol(p store.Protocol) string {
	if p == store.SAML {
		return "protocol.saml"
	}
	return "protocol.oidc"
}

func (p *Pages) showConnections(w http.ResponseWriter, r *http.Request, by store.Principal) error {
	v, err := p.connections(r, by)
	if err != nil {
		return err
	}
	return p.render(w, r, http.StatusOK, "connections.html", v)
}

// connections is the page with all connections of a tenant.
func (p *Pages) connections(r *http.Request, by store.Principal) (page, error) {
	v, err := p.wizard(r, by, "connections.title")
	if err != nil {
		return v, err
	}
	cs, err := p.Services.Connections.List(r.Context(), by)
	if err != nil {
		return v, err
	}
	for _, c := range cs {
		row := connectionRow{SSOConnection: c, Proved: proved(c.Domains)}
		for _, have := range certificates(c, p.Now()) {
			if row.Expires == nil || have.Days > row.Expires.Days { // the one that lasts longest counts
				row.Expires = &have
			}
		}
		if row.Last, err = p.last(r, by, c.ID); err != nil {
			return v, err
		}
		v.SSO.All = append(v.SSO.All, row)
	}
	return v, nil
}

// last is the newest attempt through a connection, or nil.
func (p *Pages) last(r *http.Request, by store.Principal, id string) (*attemptRow, error) {
	all, err := p.Services.SSOAttempts.List(r.Context(), by, id)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	row := attempted(all[0])
	return &row, nil
}

// createConnection adds a connection that is off and knows nothing yet.
func (p *Pages) createConnection(w http.ResponseWriter, r *http.Request, by store.Principal) error {
	form, err := read(w, r)
	if err != nil {
		return err
	}
	n := service.NewConnection{Protocol: store.Protocol(form.Get("protocol"))}
	n.Settings.Name = form.Get("called")
	switch n.Protocol {
	case store.SAML:
		n.Settings.SAML = &service.SAMLSettings{}
	case store.OIDC:
		n.Settings.OIDC = &service.OIDCSettings{}
	default:
		err = fault.New(fault.Invalid, "protocol", "is missing")
	}
	var c service.SSOConnection
	if err == nil {
		c, err = p.Services.Connections.Create(r.Context(), by, n)
	}
	if err != nil {
		v, failed := p.connections(r, by)
		if failed != nil {
			return failed
		}
		v.Values["called"], v.Values["protocol"], v.SSO.Kind = form.Get("called"), form.Get("protocol"), form.Get("kind")
		return p.retry(w, r, err, "connections.html", v.blaming("called"))
	}
	at := wizard{One: c, Kind: kindOf(form.Get("kind"), c)}
	return seeOther(w, at.At("ours"))
}

func (p *Pages) showConnection(w http.ResponseWriter, r *http.Request, by store.Principal) error {
	v, err := p.hub(r, by)
	if err != nil {
		return err
	}
	return p.render(w, r, http.StatusOK, "connection.html", v)
}

// hub is the page about one connection.
func (p *Pages) hub(r *http.Request, by store.Principal) (page, error) {
	v, err := p.step(r, by, "connection.title", "")
	if err == nil {
		v.SSO.Last, err = p.last(r, by, v.SSO.One.ID)
	}
	return v, err
}

// switchConnection turns a connection on or off.
func (p *Pages) switchConnection(w http.ResponseWriter, r *http.Request, by store.Principal) error {
	form, err := read(w, r)
	if err != nil {
		return err
	}
	on, done := form.Get("enabled") == "yes", "off"
	if on {
		done = "on"
	}
	c, err := p.Services.Connections.Update(r.Context(), by, r.PathValue("id"), service.ConnectionChange{Enabled: &on})
	if err != nil {
		v, failed := p.hub(r, by)
		if failed != nil {
			return failed
		}
		return p.retry(w, r, err, "connection.html", v)
	}
	return seeOther(w, connectionPages+"/"+url.PathEscape(c.ID)+"?done="+done)
}

func (p *Pages) showDelete(w http.ResponseWriter, r *http.Request, by store.Principal) error {
	v, err := p.step(r, by, "delete.title", "")
	if err != nil {
		return err
	}
	return p.render(w, r, http.StatusOK, "delete.html", v)
}

func (p *Pages) deleteConnection(w http.ResponseWriter, r *http.Request, by store.Principal) error {
	if _, err := read(w, r); err != nil {
		return err
	}
	if err := p.Services.Connections.Delete(r.Context(), by, r.PathValue("id")); err != nil {
		return err
	}
	return seeOther(w, connectionPages+"?done=deleted")
}
