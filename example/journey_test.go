package main

import (
	"net/http"
	"sync"
	"testing"
)

const (
	rolesV1  = "/identity/resources/roles/v1"
	permsV1  = "/identity/resources/permissions/v1"
	usersV1  = "/identity/resources/users/v1"
	loginV1  = "/identity/resources/auth/v1/user"
	refreshV = loginV1 + "/token/refresh"
	newUsers = "/identity/resources/vendor-only/users/v1"
	tenants  = "/tenants/resources/tenants/v1"
	sessions = "/identity/resources/users/sessions/v1/me/all"
)

type signedIn struct {
	AccessToken  string `json:"accessToken"`
	RefreshToken string `json:"refreshToken"`
}

type record struct {
	ID       string `json:"id"`
	TenantID string `json:"tenantId"`
	Key      string `json:"key"`
}

// management returns a management token.
func (p *process) management(t *testing.T) string {
	t.Helper()
	a := p.want(t, 200, "", "POST", "/auth/vendor", map[string]string{"clientId": p.ClientID, "secret": p.Secret})
	return decode[struct {
		Token string `json:"token"`
	}](t, a).Token
}

func (p *process) signIn(t *testing.T, email, pw string) signedIn {
	t.Helper()
	return decode[signedIn](t, p.want(t, 200, "", "POST", loginV1, map[string]string{"email": email, "password": pw}))
}

// TestJourney is the way through by plain HTTP: make a permission, a role, a tenant and a
// user, sign in, pass one guard and not another, change the role, end everything.
func TestJourney(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, dir, db string) {
		p := start(t, dir, db)
		m := p.management(t)
		type object = map[string]any

		made := decode[[]record](t, p.want(t, 201, m, "POST", permsV1, []object{{"key": "reports.archive", "name": "Archive reports"}}))
		archive := made[0].ID
		role := decode[[]record](t, p.want(t, 201, m, "POST", rolesV1, []object{{"key": "reader", "name": "Reader", "level": 10}}))[0].ID
		read := ""
		for _, r := range decode[[]record](t, p.want(t, 200, m, "GET", permsV1, nil)) {
			if r.Key == "reports.read" {
				read = r.ID
			}
		}
		p.want(t, 200, m, "PUT", rolesV1+"/"+role+"/permissions", object{"permissionIds": []string{read, archive}})
		tenant := decode[record](t, p.want(t, 201, m, "POST", tenants, object{"name": "Globex"})).TenantID
		user := decode[record](t, p.want(t, 201, m, "POST", newUsers, object{
			"email": "hank@globex.example", "password": "a long enough password", "tenantId": tenant, "roleIds": []string{role},
		})).ID

		s := p.signIn(t, "hank@globex.example", "a long enough password")
		p.want(t, 200, s.AccessToken, "GET", "/api/reports", nil)
		p.want(t, 403, s.AccessToken, "POST", "/api/reports", object{"title": "x"})
		p.want(t, 401, "", "GET", "/api/reports", nil)

		p.want(t, 200, m, "PUT", rolesV1+"/"+role+"/permissions", object{"permissionIds": []string{archive}})
		p.within(t, 403, s.AccessToken, "GET", "/api/reports")
		p.want(t, 200, m, "PUT", rolesV1+"/"+role+"/permissions", object{"permissionIds": []string{read}})
		p.within(t, 200, s.AccessToken, "GET", "/api/reports")
		p.want(t, 200, m, "DELETE", usersV1+"/"+user+"/roles", object{"roleIds": []string{role}}, "frontegg-tenant-id", tenant)
		p.within(t, 403, s.AccessToken, "GET", "/api/reports")
		p.want(t, 201, m, "POST", usersV1+"/"+user+"/roles", object{"roleIds": []string{role}}, "frontegg-tenant-id", tenant)
		p.within(t, 200, s.AccessToken, "GET", "/api/reports")

		next := decode[signedIn](t, p.want(t, 201, "", "POST", refreshV, object{"refreshToken": s.RefreshToken}))
		p.want(t, 200, next.AccessToken, "DELETE", sessions, nil)
		p.want(t, 401, next.AccessToken, "GET", "/api/reports", nil)
		p.want(t, 401, s.AccessToken, "GET", "/api/reports", nil)
		p.want(t, 401, "", "POST", refreshV, object{"refreshToken": next.RefreshToken})
	})
}

// TestTwoProcesses signs in at one process and calls the other, revokes at one and is
// refused at the other, and refreshes one token at both.
func TestTwoProcesses(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, dir, db string) {
		a := start(t, dir, db)
		b := start(t, dir, db)
		viewer := a.Users[1]
		s := a.signIn(t, viewer.Email, viewer.Password)
		b.want(t, 200, s.AccessToken, "GET", "/api/reports", nil)
		a.want(t, 200, s.AccessToken, "DELETE", sessions, nil)
		a.want(t, 401, s.AccessToken, "GET", "/api/reports", nil)
		b.within(t, 401, s.AccessToken, "GET", "/api/reports")

		s = b.signIn(t, viewer.Email, viewer.Password)
		live := storm(t, []*process{a, b}, s.RefreshToken)
		if len(live) != 1 {
			t.Fatalf("100 refreshes of one token left %d successors, want 1", len(live))
		}
		for token := range live {
			b.want(t, 201, "", "POST", refreshV, map[string]string{"refreshToken": token})
		}
	})
}

// storm refreshes one token 100 times at once, in turn at each process, and returns the
// successors that were handed out.
func storm(t *testing.T, ps []*process, token string) map[string]int {
	t.Helper()
	var mu sync.Mutex
	var wg sync.WaitGroup
	live := map[string]int{}
	for i := range 100 {
		wg.Go(func() {
			a, err := ps[i%len(ps)].try(t.Context(), "", "POST", refreshV, map[string]string{"refreshToken": token})
			mu.Lock()
			defer mu.Unlock()
			if err != nil || a.status != http.StatusCreated {
				t.Errorf("refresh = %d %s, %v", a.status, a.body, err)
				return
			}
			live[decode[signedIn](t, a).RefreshToken]++
		})
	}
	wg.Wait()
	return live
}
