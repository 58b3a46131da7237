package token_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/token"
)

// ann is the user of the examples.
func ann() token.Values {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	return token.Values{
		Issuer: "https://id.example.com", Audience: "client-1", VendorID: "client-1", ApplicationID: "app-1",
		Subject: "user-1", Type: "userToken", TenantID: "acme", TenantName: "Acme", TenantIDs: []string{"acme"},
		ID: "token-1", SessionID: "session-1", IssuedAt: now, ExpiresAt: now.Add(5 * time.Minute),
		Name: "Ann", Email: "ann@example.com", EmailVerified: true,
		Roles: []string{"admin"}, Permissions: []store.Permission{"reports.read"},
		Metadata:     `{"theme":"dark","address":{"city":"Paris"},"nickname":null}`,
		ConnectionID: "acme-saml", ProviderSubject: "ann@idp.example",
		Attributes: `{"department":"R&D","groups":["staff","admins"],"urn:oid:2.5.4.10":"Acme Inc."}`,
	}
}

// show prints the claims that the example is about, laid over those that every template has.
func show(v token.Values, claims string) {
	all := `{"iss":"{{iss}}","sub":"{{sub}}","aud":"{{aud}}","exp":"{{exp}}","iat":"{{iat}}",` + claims + `}`
	template, err := token.CompileTemplate([]byte(all))
	if err != nil {
		fmt.Println(err)
		return
	}
	payload, err := template.Render(v, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	// The claims of the example stand between iat and the first that is always added.
	_, after, _ := bytes.Cut(payload, []byte(`"iat":1795435200`))
	own, _, _ := bytes.Cut(after, []byte(`,"type":`))
	fmt.Printf("%s\n", bytes.TrimPrefix(own, []byte(",")))
}

// The fewest claims that a template can have, and what is added to every token.
func ExampleCompileTemplate() {
	template, err := token.CompileTemplate([]byte(`{
		"iss": "{{iss}}", "sub": "{{sub}}", "aud": "{{aud}}", "exp": "{{exp}}", "iat": "{{iat}}",
		"mail": "{{user.email}}"
	}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	payload, err := template.Render(ann(), 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	var b bytes.Buffer
	_ = json.Indent(&b, payload, "", "  ")
	fmt.Println(b.String())
	// Output:
	// {
	//   "iss": "https://id.example.com",
	//   "sub": "user-1",
	//   "aud": "client-1",
	//   "exp": 1795435500,
	//   "iat": 1795435200,
	//   "mail": "ann@example.com",
	//   "type": "userToken",
	//   "tenantId": "acme",
	//   "sid": "session-1",
	//   "jti": "token-1"
	// }
}

// A value that is one variable has the variable's type.
func ExampleTemplate_types() {
	show(ann(), `"roles": "{{user.tenant.roles}}", "ok": "{{user.verified}}", "until": "{{exp}}", "city": "{{user.metadata.address}}"`)
	// Output:
	// "roles":["admin"],"ok":true,"until":1795435500,"city":{"city":"Paris"}
}

// Among other text a variable becomes part of the text.
func ExampleTemplate_text() {
	show(ann(), `"greeting": "Hello {{ user.name }} of {{user.tenant.name}}, verified: {{user.verified}}"`)
	// Output:
	// "greeting":"Hello Ann of Acme, verified: true"
}

// Objects and arrays are walked; other JSON passes as it is.
func ExampleTemplate_nested() {
	show(ann(), `"app": {"who": ["{{user.id}}", {"tenant": "{{user.tenant.id}}"}], "version": 1.50, "beta": true}`)
	// Output:
	// "app":{"who":["user-1",{"tenant":"acme"}],"version":1.50,"beta":true}
}

// A dotted name reaches into metadata; null and what is not there are no value.
func ExampleTemplate_metadata() {
	show(ann(), `"theme": "{{user.metadata.theme}}", "city": "{{user.metadata.address.city}}", "nick": "{{user.metadata.nickname}}"`)
	// Output:
	// "theme":"dark","city":"Paris"
}

// What the provider said of a user who came by single sign-on: one value is text, more are a
// list, and the name of an attribute is all that stands after the last word.
func ExampleTemplate_provider() {
	show(ann(), `"dept": "{{sso.attributes.department}}", "groups": "{{sso.attributes.groups}}",`+
		`"org": "{{sso.attributes.urn:oid:2.5.4.10}}", "shoe": "{{sso.attributes.shoe}}"`)
	// Output:
	// "dept":"R&D","groups":["staff","admins"],"org":"Acme Inc."
}

// A variable without a value leaves out the claim, the member or the element it stands in.
func ExampleTemplate_missing() {
	show(ann(), `"phone": "{{user.phoneNumber}}", "text": "call {{user.phoneNumber}}",`+
		`"contact": {"phone": "{{user.phoneNumber}}", "mail": "{{user.email}}"}, "list": ["{{user.phoneNumber}}", "{{user.email}}"]`)
	// Output:
	// "contact":{"mail":"ann@example.com"},"list":["ann@example.com"]
}

// A token without a required claim is not made.
func ExampleTemplate_required() {
	template, err := token.CompileTemplate([]byte(
		`{"iss":"{{iss}}","sub":"{{sub}}","aud":"{{applicationId}}","exp":"{{exp}}","iat":"{{iat}}"}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	v := ann()
	v.ApplicationID = ""
	_, err = template.Render(v, 0)
	fmt.Println(err)
	// Output:
	// token has malformed claims: required and without a value: aud
}

// Values are never read as templates.
func ExampleTemplate_literal() {
	v := ann()
	v.Name = `{{user.email}}","roles":["Owner`
	show(v, `"name": "{{user.name}}"`)
	// Output:
	// "name":"{{user.email}}\",\"roles\":[\"Owner"
}

// Everything that is wrong is said at once.
func ExampleTemplate_refused() {
	show(ann(), `"type": "admin", "roles": ["Owner"], "secret": "{{user.passwordHash}}", "vendor": "{{user.vendorMetadata.x}}", "x": "{{"`)
	// Output:
	// templateSchema.claims.type is reserved: no template sets it; templateSchema.claims.roles must be "{{user.tenant.roles}}"; templateSchema.claims.secret names an unknown variable: {{user.passwordHash}}; templateSchema.claims.vendor names an unknown variable: {{user.vendorMetadata.x}}; templateSchema.claims.x has {{ without }}
}

// A hook's claims can be named, and are added: but none on which others rely, and none of
// the template's.
func ExampleTemplate_custom() {
	v := ann()
	v.Custom = `{"plan":"pro","sub":"admin","label":"hook"}`
	show(v, `"label": "on {{customClaims.plan}}"`)
	payload, _ := token.Render(v, 0)
	fmt.Println(bytes.HasSuffix(payload, []byte(`,"plan":"pro","label":"hook"}`)), bytes.Contains(payload, []byte("admin\",\"l")))
	// Output:
	// "label":"on pro"
	// true false
}

// A preview says which variables had no value and how long the token will be.
func ExampleTemplate_Preview() {
	template, err := token.CompileTemplate([]byte(`{"iss":"{{iss}}","sub":"{{sub}}","aud":"{{aud}}","exp":"{{exp}}","iat":"{{iat}}",` +
		`"phone":"{{user.phoneNumber}}","shoe":"{{user.metadata.shoe}}"}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	claims, unresolved, size, err := template.Preview(ann())
	fmt.Println(len(claims), unresolved, size, err)
	// Output:
	// 169 [user.phoneNumber user.metadata.shoe] 706 <nil>
}

// The first rule that holds chooses the template.
func ExampleMatch() {
	rules := []token.Rule{
		{Treatment: "admins", Conditions: []token.Condition{
			{Attribute: "tenantId", Op: "in_list", List: []string{"acme"}},
			{Attribute: "roleIds", Op: "in_list", List: []string{"role-admin"}},
		}},
		{Treatment: "guests", Conditions: []token.Condition{
			{Attribute: "userEmail", Op: "ends_with", List: []string{"@example.com"}, Negate: true},
		}},
	}
	if err := token.CheckRules(rules); err != nil {
		fmt.Println(err)
		return
	}
	for _, a := range []token.Attributes{
		{TenantID: "acme", RoleIDs: []string{"role-admin"}, UserEmail: "ann@example.com"},
		{TenantID: "acme", RoleIDs: []string{"role-user"}, UserEmail: "bob@elsewhere.example"},
		{TenantID: "acme", RoleIDs: []string{"role-user"}, UserEmail: "cy@example.com"},
	} {
		i, ok := token.Match(rules, a)
		fmt.Println(i, ok)
	}
	// Output:
	// 0 true
	// 1 true
	// 0 false
}
