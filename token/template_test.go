package token_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/token"
)

// over lays claims, each a name and a value in JSON, over the blank template.
func over(claims ...string) []byte {
	named := map[string]bool{}
	var out []string
	for i := 0; i < len(claims); i += 2 {
		var name string
		if err := json.Unmarshal([]byte(claims[i]), &name); err == nil {
			named[name] = true
		}
		out = append(out, claims[i]+":"+claims[i+1])
	}
	for _, name := range []string{"iss", "sub", "aud", "exp", "iat"} {
		if !named[name] {
			out = append(out, fmt.Sprintf(`%q:"{{%s}}"`, name, name))
		}
	}
	return []byte("{" + strings.Join(out, ",") + "}")
}

func compile(t testing.TB, claims []byte) *token.Template {
	t.Helper()
	template, err := token.CompileTemplate(claims)
	if err != nil {
		t.Fatalf("CompileTemplate(%.300s) = %v, want nil", claims, err)
	}
	return template
}

// rich is a user of whom everything is known.
func rich() token.Values {
	v := values()
	v.VendorID, v.TenantName, v.TenantMetadata = "client", "Acme", `{"plan":{"seats":5}}`
	v.Username, v.PhoneNumber, v.ExternalID, v.Provider = "ann1", "+15550100", "x-1", "local"
	v.Metadata = `{"theme":"dark","n":1.50,"on":true,"none":null,"empty":"","list":[1,"a"],"a":{"b":{"c":"deep"}},` +
		`"dé":"é","quoted":"say \"hi\" \u0041","tpl":"{{user.email}}","":"nameless","a.b":"dotted","a}}b":"braces","s p":"space"}`
	v.ConnectionID, v.ProviderSubject = "c-1", "ann@idp"
	v.Attributes = `{"dept":"R&D","groups":["staff","{{user.email}}"],"urn:oid:2.5.4.10":"Acme","http://x.example/a b":"spaced",` +
		`"a":"top","a.b":"dotted","__proto__":"proto","a}}b":"braces","":"nameless","none":null}`
	return v
}

// claimsOf renders and returns each claim as JSON.
func claimsOf(t testing.TB, template *token.Template, v token.Values) map[string]json.RawMessage {
	t.Helper()
	payload, err := template.Render(v, 0)
	if err != nil {
		t.Fatalf("Render = %v, want nil", err)
	}
	if _, err := token.ParseClaims(payload); err != nil {
		t.Fatalf("ParseClaims(%s) = %v, want nil", payload, err)
	}
	var m map[string]json.RawMessage
	if err := json.Unmarshal(payload, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// TestTemplateValues: what one claim x becomes. Empty means that it is left out.
func TestTemplateValues(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		// A single variable keeps its type.
		`"{{sub}}"`: `"u"`, `"{{iss}}"`: `"https://id.example.com"`, `"{{aud}}"`: `"app"`, `"{{type}}"`: `"userToken"`,
		`"{{iat}}"`: `1795435200`, `"{{exp}}"`: `1795435500`, `"{{sid}}"`: `"s"`, `"{{clientId}}"`: `"client"`,
		`"{{applicationId}}"`: `"p"`, `"{{user.id}}"`: `"u"`, `"{{user.name}}"`: `"Ann"`,
		`"{{user.email}}"`: `"ann@example.com"`, `"{{user.username}}"`: `"ann1"`, `"{{user.phoneNumber}}"`: `"+15550100"`,
		`"{{user.verified}}"`: `true`, `"{{user.profilePictureUrl}}"`: `"https://example.com/a.png"`,
		`"{{user.externalId}}"`: `"x-1"`, `"{{user.tenantId}}"`: `"t"`, `"{{user.tenantIds}}"`: `["t","s"]`,
		`"{{user.provider}}"`: `"local"`, `"{{user.tenant.id}}"`: `"t"`, `"{{user.tenant.name}}"`: `"Acme"`,
		`"{{user.tenant.metadata}}"`: `{"plan":{"seats":5}}`, `"{{user.tenant.roles}}"`: `["admin"]`,
		`"{{user.tenant.permissions}}"`: `["reports.read","fe.secure.*"]`,
		`"{{ user.name }}"`:             `"Ann"`, `"\u007b{user.\u006eame}}"`: `"Ann"`,
		// Documents.
		`"{{user.metadata.theme}}"`: `"dark"`, `"{{user.metadata.n}}"`: `1.50`, `"{{user.metadata.on}}"`: `true`,
		`"{{user.metadata.list}}"`: `[1,"a"]`, `"{{user.metadata.a}}"`: `{"b":{"c":"deep"}}`,
		`"{{user.metadata.a.b.c}}"`: `"deep"`, `"{{user.metadata.dé}}"`: `"é"`, `"{{user.metadata.empty}}"`: `""`,
		`"{{user.metadata.quoted}}"`: `"say \"hi\" \u0041"`, `"{{user.tenant.metadata.plan.seats}}"`: `5`,
		`"{{user.metadata.none}}"`: ``, `"{{user.metadata.gone}}"`: ``, `"{{user.metadata.a.b.c.d}}"`: ``,
		`"{{user.metadata.list.0}}"`: ``, `"{{user.metadata.theme.length}}"`: ``, `"{{user.metadata.A}}"`: ``,
		`"{{user.metadata.tpl}}"`: `"{{user.email}}"`, `"{{customClaims.x}}"`: ``,
		// What a provider said: names are whole, whatever dots they have.
		`"{{sso.connectionId}}"`: `"c-1"`, `"{{sso.subject}}"`: `"ann@idp"`, `"{{sso.attributes.dept}}"`: `"R&D"`,
		`"{{sso.attributes.groups}}"`: `["staff","{{user.email}}"]`, `"{{sso.attributes.urn:oid:2.5.4.10}}"`: `"Acme"`,
		`"{{sso.attributes.a.b}}"`: `"dotted"`, `"{{sso.attributes.a}}"`: `"top"`, `"{{sso.attributes.__proto__}}"`: `"proto"`,
		`"{{sso.attributes.a.c}}"`: ``, `"{{sso.attributes.groups.0}}"`: ``, `"{{sso.attributes.Dept}}"`: ``,
		`"{{sso.attributes.none}}"`: ``, `"{{sso.attributes.constructor}}"`: ``, `"in {{sso.attributes.dept}}"`: `"in R&D"`,
		`"in {{sso.attributes.groups}}"`: ``, `["{{sso.attributes.groups}}"]`: `[["staff","{{user.email}}"]]`,
		// Text.
		`"plain"`: `"plain"`, `""`: `""`, `"}}"`: `"}}"`, `"a } b {"`: `"a } b {"`, `"\u0022\\"`: `"\"\\"`,
		`"id-{{user.name}}-{{user.tenantId}}"`: `"id-Ann-t"`, `" {{user.name}}"`: `" Ann"`, `"{{sub}}{{sub}}"`: `"uu"`,
		`"at {{iat}}, {{user.verified}}"`: `"at 1795435200, true"`, `"n={{user.metadata.n}}"`: `"n=1.50"`,
		`"<{{user.metadata.empty}}>"`: `"<>"`, `"<{{user.metadata.quoted}}>"`: `"<say \"hi\" \u0041>"`,
		`"a}} {{user.name}}"`: `"a}} Ann"`, `"\"{{user.name}}\""`: `"\"Ann\""`,
		`"<{{user.metadata.none}}>"`: ``, `"<{{user.metadata.a}}>"`: ``, `"<{{user.metadata.list}}>"`: ``,
		`"<{{user.metadata.gone}}> {{user.name}}"`: ``,
		// All other JSON.
		`1.50`: `1.50`, `-0.5E+3`: `-0.5E+3`, `true`: `true`, `null`: `null`, `[]`: `[]`, `{}`: `{}`,
		`[ 1, {"a" : [ ] } ]`:             `[1,{"a":[]}]`,
		`{"a":"{{user.name}}","b":[1,2]}`: `{"a":"Ann","b":[1,2]}`,
		`["{{user.metadata.gone}}","{{user.name}}",["{{user.metadata.gone}}"]]`:     `["Ann",[]]`,
		`{"a":"{{user.metadata.gone}}","b":{"c":"{{user.metadata.gone}}"},"d e":1}`: `{"b":{},"d e":1}`,
		`[{"m":"{{user.metadata.a}}","n":null}]`:                                    `[{"m":{"b":{"c":"deep"}},"n":null}]`,
	} {
		t.Run(value, func(t *testing.T) {
			t.Parallel()
			if got := claimsOf(t, compile(t, over(`"x"`, value)), rich())["x"]; string(got) != want {
				t.Errorf("x = %s, want %s", got, want)
			}
		})
	}
}

func TestTemplateWithoutValues(t *testing.T) {
	t.Parallel()
	v := token.Values{Issuer: "i", Audience: "a", Subject: "s", Type: "t", IssuedAt: at, ExpiresAt: at.Add(time.Second)}
	for _, variable := range strings.Fields(`sid clientId applicationId user.name user.email user.username user.phoneNumber
		user.verified user.profilePictureUrl user.externalId user.tenantId user.provider user.tenant.id user.tenant.name
		user.metadata.x user.tenant.metadata.x customClaims.x sso.connectionId sso.subject sso.attributes sso.attributes.x`) {
		if got, ok := claimsOf(t, compile(t, over(`"x"`, `"{{`+variable+`}}"`)), v)["x"]; ok {
			t.Errorf("%s of nobody = %s, want no claim", variable, got)
		}
	}
	for variable, want := range map[string]string{
		"user.metadata": "{}", "user.tenant.metadata": "{}", "user.tenantIds": "[]", "user.tenant.roles": "[]",
		"user.tenant.permissions": "[]",
	} {
		if got := claimsOf(t, compile(t, over(`"x"`, `"{{`+variable+`}}"`)), v)["x"]; string(got) != want {
			t.Errorf("%s of nobody = %s, want %s", variable, got, want)
		}
	}
}

func TestTemplateAddsItsClaims(t *testing.T) {
	t.Parallel()
	v := rich()
	v.Context = "urn:mfa"
	payload, err := compile(t, []byte(token.BlankClaims)).Render(v, 0)
	want := `{"sub":"u","aud":"app","iss":"https://id.example.com","iat":1795435200,"exp":1795435500,` +
		`"type":"userToken","tenantId":"t","sid":"s","jti":"j","auth_time":1795431600,"amr":["pwd"],"acr":"urn:mfa"}`
	if err != nil || string(payload) != want {
		t.Errorf("Render = %s, %v\nwant     %s", payload, err, want)
	}
}

// TestDefaultClaims: the text and the template say the same.
func TestDefaultClaims(t *testing.T) {
	t.Parallel()
	a, b := compile(t, []byte(token.DefaultClaims)), token.DefaultTemplate()
	for _, v := range []token.Values{values(), rich()} {
		got, want := claimsOf(t, a, v), claimsOf(t, b, v)
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("the claims of DefaultClaims are %s\nthose of DefaultTemplate  %s", got, want)
		}
	}
}

func TestAudience(t *testing.T) {
	t.Parallel()
	for variable, want := range map[string]string{"aud": `"app"`, "clientId": `"client"`, "applicationId": `"p"`} {
		template := compile(t, over(`"aud"`, `"{{`+variable+`}}"`))
		if got := claimsOf(t, template, rich())["aud"]; string(got) != want {
			t.Errorf("aud of %s = %s, want %s", variable, got, want)
		}
	}
	v := rich()
	v.ApplicationID = ""
	_, err := compile(t, over(`"aud"`, `"{{applicationId}}"`)).Render(v, 0)
	if !errors.Is(err, token.ErrClaims) || !strings.Contains(fmt.Sprint(err), "aud") {
		t.Errorf("Render without the audience = %v, want ErrClaims that names aud", err)
	}
}

func TestPreview(t *testing.T) {
	t.Parallel()
	template := compile(t, over(`"aud"`, `"{{applicationId}}"`, `"a"`, `"{{user.phoneNumber}} {{user.externalId}}"`, `"b"`, `["{{user.phoneNumber}}"]`,
		`"name"`, `"{{user.metadata.theme}}"`, `"l"`, `"<{{user.metadata.theme}}>"`))
	v := values()
	v.Metadata, v.Context = `{"theme":[]}`, ""
	want := "[user.phoneNumber user.externalId user.metadata.theme]"
	claims, unresolved, size, err := template.Preview(v)
	rendered, wrong := template.Render(v, 0)
	if err != nil || wrong != nil || string(claims) != string(rendered) || fmt.Sprint(unresolved) != want {
		t.Errorf("Preview = %s, %s, %v\nwant      %s, %s", claims, unresolved, err, rendered, want)
	}
	raw := sign(t, newSet(t, generate(t, token.RS256)), token.AccessType, string(claims))
	if size < len(raw) || size > len(raw)+100 {
		t.Errorf("size = %d, want a little more than the token's %d", size, len(raw))
	}
	v.ApplicationID = ""
	claims, unresolved, size, err = template.Preview(v)
	if !errors.Is(err, token.ErrClaims) || claims != nil || size != 0 || fmt.Sprint(unresolved) != "[applicationId "+want[1:] {
		t.Errorf("Preview without the audience = %s, %s, %d, %v, want ErrClaims and what is missing", claims, unresolved, size, err)
	}
	v = values()
	v.Metadata = `{"a":"` + strings.Repeat("x", 20000) + `"}`
	if claims, _, size, err := token.DefaultTemplate().Preview(v); err != nil || size < 26000 || len(claims) < 20000 {
		t.Errorf("Preview of a long token = %d, %d bytes, %v, want it whole", len(claims), size, err)
	}
}

// TestTypedClaims: what our own reader would refuse is not made.
func TestTypedClaims(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, value, want string }{
		{"name", `"{{user.metadata.theme}}"`, `"dark"`}, {"name", `"{{user.metadata.n}}"`, ``},
		{"email", `"{{user.metadata.a}}"`, ``}, {"applicationId", `"{{user.metadata.on}}"`, ``},
		{"profilePictureUrl", `"{{user.metadata.list}}"`, ``}, {"name", `"{{user.name}} of {{user.tenant.name}}"`, `"Ann of Acme"`},
		{"email_verified", `"{{user.metadata.on}}"`, `true`}, {"email_verified", `"{{user.metadata.theme}}"`, ``},
		{"email_verified", `false`, `false`}, {"email_verified", `"{{user.verified}}"`, `true`},
	} {
		t.Run(tt.name+" "+tt.value, func(t *testing.T) {
			t.Parallel()
			if got := claimsOf(t, compile(t, over(`"`+tt.name+`"`, tt.value)), rich())[tt.name]; string(got) != tt.want {
				t.Errorf("%s = %s, want %s", tt.name, got, tt.want)
			}
		})
	}
}

func TestCompileNamesEveryFault(t *testing.T) {
	t.Parallel()
	_, err := token.CompileTemplate([]byte(`{"iss":"{{iss}}","sub":"{{user.email}}","exp":1,"type":"x","a b":1,"ok":"{{user.name}}",` +
		`"x":{"y":["{{user.password}}","{{"]},"Name":1,"name":5,"l":"a {{user.tenant.roles}}"}`))
	got := fault.From(err)
	want := []string{
		`templateSchema.claims.sub must be "{{sub}}"`,
		`templateSchema.claims.exp must be "{{exp}}"`,
		`templateSchema.claims.type is reserved: no template sets it`,
		`templateSchema.claims["a b"] must be a name of 1 to 128 visible ASCII characters without quotes, backslashes and braces`,
		`templateSchema.claims.x.y.0 names an unknown variable: {{user.password}}`,
		`templateSchema.claims.x.y.1 has {{ without }}`,
		`templateSchema.claims.name differs from another claim in case only`,
		`templateSchema.claims.l must be {{user.tenant.roles}} and nothing else: a list or an object cannot stand inside text`,
		`templateSchema.claims.aud is required: "{{aud}}" or "{{clientId}}" or "{{applicationId}}"`,
		`templateSchema.claims.iat is required: "{{iat}}"`,
	}
	if got == nil || got.Code != fault.Invalid || !slices.Equal(got.Messages(), want) {
		t.Errorf("CompileTemplate = %v\nwant %s", got, strings.Join(want, "\n     "))
	}
}

func TestCompileRefuses(t *testing.T) {
	t.Parallel()
	var many []string
	for i := range 101 {
		many = append(many, fmt.Sprintf(`"c%d"`, i), "1")
	}
	for name, claims := range map[string][]byte{
		"nothing": nil, "null": []byte("null"), "array": []byte("[]"), "text": []byte(`"{{sub}}"`), "empty": []byte("{}"),
		"trailing": append(over(), '1'), "not JSON": []byte(strings.Replace(token.BlankClaims, `"{{exp}}"`, "{{exp}}", 1)),
		"not UTF-8": over(`"x"`, "\"\xff\""), "U+0000": over(`"x"`, `"\u0000"`), "half a pair": over(`"x"`, `"\ud800"`),
		"twice": over(`"x"`, "1", `"x"`, "2"), "twice, escaped": over(`"x"`, "1", `"\u0078"`, "2"),
		"twice, nested": over(`"x"`, `{"a":1,"a":2}`), "in two cases": over(`"x"`, "1", `"X"`, "2"),
		"too deep": over(`"x"`, strings.Repeat("[", 8)+strings.Repeat("]", 8)), "too many": over(many...),
		"too long":  over(`"x"`, `"`+strings.Repeat("x", 16<<10)+`"`),
		"long name": over(`"`+strings.Repeat("x", 129)+`"`, "1"), "no name": over(`""`, "1"), "é": over(`"é"`, "1"),
		"no double": over(`"x"`, "[1e400]"), "nested brace": over(`"x"`, `{"{{sub}}":1}`), "nested quote": over(`"x"`, `{"\"":1}`),
		"nested control": over(`"x"`, `{"\n":1}`), "nested no name": over(`"x"`, `{"":1}`),
		"never short enough": over(`"x"`, `"`+strings.Repeat("x", 8000)+`"`),
		"name is a number":   over(`"name"`, "1"), "email is a list": over(`"email"`, `"{{user.tenant.roles}}"`),
		"verified is text": over(`"email_verified"`, `"{{user.name}}"`), "picture is an object": over(`"profilePictureUrl"`, "{}"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			template, err := token.CompileTemplate(claims)
			if got := fault.From(err); template != nil || got == nil || got.Code != fault.Invalid {
				t.Errorf("CompileTemplate(%.200s) = %v, %v, want Invalid", claims, template, err)
			}
		})
	}
	many = many[:200]
	compile(t, over(many...))
	compile(t, over(`"x"`, strings.Repeat("[", 7)+strings.Repeat("]", 7)))
}

func TestMalformedVariables(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"{{", "{{}}", "{{ }}", "{{{user.name}}}", "{{user.name}}}", "{{{user.name}}", "{{user.name}", "{{user.{{sub}}}}",
		"{{user.name {{sub}}", "{{.}}", "{{user.}}", "{{.user}}", "{{user..name}}", "{{USER.NAME}}", "{{user}}", "{{User.name}}",
		"{{user.tenant}}", "{{user.name.first}}", "{{tenantId}}", "{{roles}}", "{{jti}}", "{{acr}}", "{{amr}}", "{{auth_time}}",
		"{{vendorId}}", "{{customClaims}}", "{{customClaims.}}", "{{customClaims.a..b}}", "{{user.metadata.}}", "{{user.metadata..a}}",
		"{{user.metadata.s p}}", "{{user.metadata.a\tb}}", "{{user.metadata.a\u200bb}}", "{{user.metadata.a}b}}", "{{user.metadatax}}",
		`{{user.metadata."a.b"}}`, `{{user.metadata.a\\b}}`, "{{user.metadata.a.a.a.a.a.a.a.a.a}}", "{{sub | upper}}", "{{sub}} {{",
		"{{user.metadata." + strings.Repeat("a", 129) + "}}", "{{user.meta\u00addata}}", "{{\u00a0sub}}",
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			b, err := json.Marshal(text)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := token.CompileTemplate(over(`"x"`, string(b))); fault.From(err) == nil || fault.From(err).Code != fault.Invalid {
				t.Errorf("CompileTemplate of %q = %v, want Invalid", text, err)
			}
		})
	}
}
