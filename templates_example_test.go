package identity_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/go-identity/identity"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store/sqlite"
)

// A template of tokens, made for one tenant, and a hook that adds to every token.
func Example_templates() {
	ctx, host := context.Background(), identity.System()
	db, err := sqlite.Open(ctx, ":memory:")
	if err != nil {
		fmt.Println(err)
		return
	}
	var o identity.Options
	o.Store, o.Logger = db, slog.New(slog.DiscardHandler)
	o.Token.BeforeMint = func(_ context.Context, m *identity.MintContext) error {
		if m.TenantID == "suspended" {
			return identity.Refuse("this tenant is suspended")
		}
		m.Claims["plan"] = "gold"
		return nil
	}
	id, err := identity.New(ctx, o)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer id.Close()

	_, err = id.Tenants.Create(ctx, host, service.NewTenant{ID: "acme", Name: "Acme"})
	if err != nil {
		fmt.Println(err)
		return
	}
	ann, err := id.Users.Create(ctx, host, service.NewUser{
		TenantID: "acme", Email: "ann@acme.example", Name: "Ann", Metadata: `{"dept":"research"}`,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = id.Templates.Create(ctx, host, service.NewTemplate{
		Key: "lean", Name: "Lean", Lifetime: time.Minute, Algorithm: "RS256",
		Claims: `{"iss": "{{iss}}", "sub": "{{sub}}", "aud": "{{aud}}", "exp": "{{exp}}", "iat": "{{iat}}",
			"who": "{{user.name}} of {{user.metadata.dept}}", "tier": "{{customClaims.plan}}"}`,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = id.Targeting.Put(ctx, host, []service.Rule{{
		Treatment:  "lean",
		Conditions: []service.Condition{{Attribute: "tenantId", Op: "in_list", List: []string{"acme"}}},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}

	p, err := id.Templates.Preview(ctx, host, service.Preview{UserID: ann.ID, TenantID: "acme"})
	if err != nil {
		fmt.Println(err)
		return
	}
	var claims struct{ Who, Tier, Plan string }
	err = json.Unmarshal([]byte(p.Claims), &claims)
	fmt.Println(p.Treatment, claims, p.Unresolved, err)
	// Output:
	// lean {Ann of research gold gold} [] <nil>
}
