package main

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/go-identity/identity"
)

// me is the caller, as this app sees it.
type me struct {
	Kind        string                `json:"kind"`
	ID          string                `json:"id"`
	UserID      string                `json:"userId"`
	SessionID   string                `json:"sessionId"`
	Email       string                `json:"email"`
	Name        string                `json:"name"`
	TenantID    string                `json:"tenantId"`
	Roles       []string              `json:"roles"`
	Permissions []identity.Permission `json:"permissions"`
}

func (a *app) me(w http.ResponseWriter, r *http.Request) {
	p, _ := identity.PrincipalFrom(r.Context())
	out := me{
		Kind: string(p.Kind), ID: p.ID, UserID: p.UserID, SessionID: p.SessionID, Email: p.Email, Name: p.Name, TenantID: p.TenantID,
		Roles: []string{}, Permissions: append([]identity.Permission{}, p.Rights.List()...),
	}
	for _, role := range p.Roles {
		out.Roles = append(out.Roles, role.Key)
	}
	writeJSON(w, http.StatusOK, out)
}

func (a *app) listReports(w http.ResponseWriter, r *http.Request) {
	p, _ := identity.PrincipalFrom(r.Context())
	writeJSON(w, http.StatusOK, a.reports.list(p.TenantID))
}

func (a *app) createReport(w http.ResponseWriter, r *http.Request) {
	p, _ := identity.PrincipalFrom(r.Context())
	var in struct {
		Title string `json:"title"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10)).Decode(&in); err != nil {
		writeError(w, http.StatusBadRequest, "the body must be JSON")
		return
	}
	made, err := a.reports.create(p.TenantID, in.Title, p.Name)
	if err != nil {
		writeError(w, http.StatusBadRequest, err.Error())
		return
	}
	writeJSON(w, http.StatusCreated, made)
}

func (a *app) approveReport(w http.ResponseWriter, r *http.Request) {
	p, _ := identity.PrincipalFrom(r.Context())
	done, err := a.reports.approve(p.TenantID, r.PathValue("id"), p.Name)
	if errors.Is(err, errNoReport) {
		writeError(w, http.StatusNotFound, err.Error())
		return
	}
	writeJSON(w, http.StatusOK, done)
}

func writeError(w http.ResponseWriter, status int, message string) {
	writeJSON(w, status, map[string][]string{"errors": {message}})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // a caller that went away needs no answer
}
