package pages

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

func (p *Pages) mappingRoutes() {
	const at = connectionPages + "/{id}/roles"
	p.handle("GET "+at, p.kept(p.showRoles))
	p.handle("POST "+at, p.kept(p.setRoles))
	p.handle("POST "+at+"/groups", p.kept(p.addGroup))
	p.handle("POST "+at+"/groups/remove", p.kept(p.removeGroup))
	p.handle("POST "+at+"/attributes", p.kept(p.setAttributes))
}

// A roleBox is a role that can be chosen.
type roleBox struct {
	ID, Name string
	On       bool // everybody gets it who comes through the connection
	Above    bool // stronger than what who looks at it may give
}

// A mapping is a group at the provider with the names of the roles that it gives.
type mapping struct {
	store.GroupMapping
	Names []string
}

// A trial is what came last, read with a mapping.
type trial struct {
	service.Trial
	Names []string // of the roles
}

func (p *Pages) showRoles(w http.ResponseWriter, r *http.Request, by store.Principal) error {
	v, err := p.roleStep(r, by)
	if err != nil {
		return err
	}
	return p.render(w, r, http.StatusOK, "roles.html", v)
}

// roleStep is the page about what people get who come through a connection.
func (p *Pages) roleStep(r *http.Request, by store.Principal) (page, error) {
	v, err := p.step(r, by, "step.roles", "step.roles")
	if err != nil {
		return v, err
	}
	all, err := p.Services.Roles.List(r.Context(), store.Principal{Kind: store.SystemKind, TenantID: by.TenantID})
	if err != nil {
		return v, err
	}
	names := map[string]string{}
	for _, role := range all {
		names[role.ID] = cmp.Or(role.Name, role.Key)
		box := roleBox{ID: role.ID, Name: names[role.ID], On: slices.Contains(v.SSO.One.RoleIDs, role.ID), Above: !gives(by, role)}
		if box.On || !box.Above {
			v.SSO.Roles = append(v.SSO.Roles, box)
		}
	}
	v.SSO.names = names
	for _, g := range v.SSO.One.Groups {
		v.SSO.Mappings = append(v.SSO.Mappings, mapping{g, named(names, g.RoleIDs)})
	}
	at := v.SSO.One.With.Attributes
	for id, list := range map[string][]string{
		"attrEmail": at.Email, "attrName": at.Name, "attrGiven": at.GivenName, "attrFamily": at.FamilyName, "attrGroups": at.Groups,
	} {
		v.Values[id] = strings.Join(list, ", ")
	}
	v.SSO.Last, err = p.last(r, by, v.SSO.One.ID)
	return v, err
}

// gives reports whether by can give a role, as far as a page can tell. The rules decide.
func gives(by store.Principal, role store.Role) bool {
	if by.Kind == store.SetupKind {
		return slices.ContainsFunc(by.Roles, func(have store.RoleRef) bool { return have.ID == role.ID })
	}
	return slices.ContainsFunc(by.Roles, func(have store.RoleRef) bool { return have.Level <= role.Level })
}

// named are the names of roles.
func named(names map[string]string, ids []string) []string {
	all := make([]string, len(ids))
	for i, id := range ids {
		all[i] = cmp.Or(names[id], id)
	}
	return all
}

// roleForm handles a form of the page, and shows the page again where that does not work.
func (p *Pages) roleForm(w http.ResponseWriter, r *http.Request, by store.Principal, act action) error {
	form, err := read(w, r)
	if err != nil {
		return err
	}
	done, err := act(form.Get)
	v, failed := p.roleStep(r, by)
	if failed != nil {
		return failed
	}
	if err == nil {
		return seeOther(w, noted(v.SSO.At("roles"), done))
	}
	v.Values["group"] = form.Get("group")
	return p.retry(w, r, err, "roles.html", v.blaming("group"))
}

// chosen are the ids of the roles whose boxes are ticked.
func (p *Pages) chosen(r *http.Request, by store.Principal, form func(string) string) ([]string, error) {
	all, err := p.Services.Roles.List(r.Context(), store.Principal{Kind: store.SystemKind, TenantID: by.TenantID})
	ids := []string{}
	for _, role := range all {
		if form("role-"+role.ID) == "yes" {
			ids = append(ids, role.ID)
		}
	}
	return ids, err
}

// setRoles sets what everybody gets who comes through the connection.
func (p *Pages) setRoles(w http.ResponseWriter, r *http.Request, by store.Principal) error {
	return p.roleForm(w, r, by, func(form func(string) string) (string, error) {
		ids, err := p.chosen(r, by, form)
		if err != nil {
			return "", err
		}
		return "saved", p.Services.Connections.SetRoles(r.Context(), by, r.PathValue("id"), ids)
	})
}

// addGroup maps a group at the provider to roles.
func (p *Pages) addGroup(w http.ResponseWriter, r *http.Request, by store.Principal) error {
	return p.roleForm(w, r, by, func(form func(string) string) (string, error) {
		ids, err := p.chosen(r, by, form)
		switch {
		case err != nil:
			return "", err
		case form("group") == "":
			return "", fault.New(fault.Invalid, "group", "is missing")
		case len(ids) == 0:
			return "", fault.New(fault.Invalid, "", "choose a role for the group")
		}
		_, err = p.Services.Connections.AddGroup(r.Context(), by, r.PathValue("id"), service.GroupRule{Group: form("group"), RoleIDs: ids})
		return "mapped", err
	})
}

func (p *Pages) removeGroup(w http.ResponseWriter, r *http.Request, by store.Principal) error {
	return p.roleForm(w, r, by, func(form func(string) string) (string, error) {
		err := p.Services.Connections.DeleteGroup(r.Context(), by, r.PathValue("id"), form("mapping"))
		if f := fault.From(err); f != nil && f.Code == fault.NotFound { // it went meanwhile
			err = nil
		}
		return "unmapped", err
	})
}

// setAttributes sets which attributes count, or shows what came last as they would have it.
func (p *Pages) setAttributes(w http.ResponseWriter, r *http.Request, by store.Principal) error {
	form, err := read(w, r)
	if err != nil {
		return err
	}
	m := service.AttributeMapping{
		Email: list(form.Get("attrEmail")), Name: list(form.Get("attrName")), GivenName: list(form.Get("attrGiven")),
		FamilyName: list(form.Get("attrFamily")), Groups: list(form.Get("attrGroups")),
	}
	v, failed := p.roleStep(r, by)
	if failed != nil {
		return failed
	}
	if form.Get("act") == "preview" {
		err = p.preview(r, by, v, m)
	} else {
		_, err = p.Services.Connections.Update(r.Context(), by, v.SSO.One.ID, service.ConnectionChange{
			Settings: func(st *service.ConnectionSettings) { st.Attributes = m },
		})
		if err == nil {
			return seeOther(w, noted(v.SSO.At("roles"), "saved"))
		}
	}
	for _, id := range []string{"attrEmail", "attrName", "attrGiven", "attrFamily", "attrGroups"} {
		v.Values[id] = form.Get(id)
	}
	if err != nil {
		return p.retry(w, r, err, "roles.html", v.blaming("attrEmail"))
	}
	return p.render(w, r, http.StatusOK, "roles.html", v)
}

// preview reads what came last with a mapping that is not saved.
func (p *Pages) preview(r *http.Request, by store.Principal, v page, m service.AttributeMapping) error {
	if v.SSO.Last == nil {
		return fault.New(fault.Invalid, "", "nobody came through the connection yet")
	}
	t, err := p.Services.SSOAttempts.Preview(r.Context(), by, v.SSO.Last.ID, m)
	if err != nil {
		return err
	}
	v.SSO.Trial = v.SSO.tried(t)
	return nil
}

// tried is a trial as the page shows it.
func (s *wizard) tried(t service.Trial) *trial {
	t.Diagnosis = sentence(t.Diagnosis)
	return &trial{t, named(s.names, t.RoleIDs)}
}

// list is text between commas.
func list(text string) []string {
	var all []string
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			all = append(all, part)
		}
	}
	return all
}
