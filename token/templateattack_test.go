package token_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/token"
)

func refused(t *testing.T, claims []byte) {
	t.Helper()
	template, err := token.CompileTemplate(claims)
	if got := fault.From(err); template != nil || got == nil || got.Code != fault.Invalid {
		t.Errorf("CompileTemplate(%.200s) = %v, %v, want Invalid", claims, template, err)
	}
}

func TestAttackProtectedClaims(t *testing.T) {
	t.Parallel()
	own := map[string][]string{
		"iss": {"iss"}, "sub": {"sub"}, "aud": {"aud", "clientId", "applicationId"}, "exp": {"exp"}, "iat": {"iat"},
		"tenantIds": {"user.tenantIds"}, "roles": {"user.tenant.roles"}, "permissions": {"user.tenant.permissions"},
	}
	for _, name := range strings.Fields("iss sub aud exp iat nbf jti type tenantId tenantIds sid act amr acr auth_time cnf scope roles permissions") {
		t.Run("TPL-01 "+name, func(t *testing.T) {
			t.Parallel()
			quoted := `"` + name + `"`
			for _, value := range []string{
				`"x"`, "1", "0", "null", "true", "[]", "{}", `""`, `["x"]`, `"{{user.email}}"`, `"{{user.metadata.x}}"`,
				`"{{customClaims.x}}"`, `"{{` + name + `}}x"`, `" {{` + name + `}}"`, `["{{` + name + `}}"]`,
				`"{{user.metadata}}"`, `"{{user.tenant.name}}"`,
			} {
				refused(t, over(quoted, value))
			}
			for _, variable := range own[name] {
				compile(t, over(quoted, `"{{`+variable+`}}"`))
				compile(t, over(quoted, `"{{ `+variable+` }}"`))
				refused(t, over(quoted, `"{{`+variable+`}}x"`))
				refused(t, over(quoted, `["{{`+variable+`}}"]`))
			}
			for _, variant := range []string{strings.ToUpper(name), strings.ToUpper(name[:1]) + name[1:], strings.ReplaceAll(name, "s", "ſ"), name + " ", name + `\u0000`} {
				if variant != name {
					refused(t, over(`"`+variant+`"`, `"x"`))
				}
			}
			if !token.Reserved(name) || !token.Reserved(strings.ToUpper(name)) {
				t.Errorf("Reserved(%s) = false, want true", name)
			}
		})
	}
}

func TestAttackTemplateData(t *testing.T) {
	t.Parallel()
	everywhere := over(`"a"`, `"{{user.name}}"`, `"b"`, `"is {{user.name}}!"`, `"c"`, `{"d":["{{user.name}}"]}`, `"m"`, `"{{user.metadata.k}}"`)
	for id, hostile := range map[string]string{
		"TPL-03 syntax":        "{{user.email}}",
		"TPL-03 half":          "{{",
		"TPL-04 JSON":          `x","roles":["Owner"],"y":"`,
		"TPL-04 a claim":       `x"},"sub":"admin`,
		"TPL-04 backslash":     `\`,
		"TPL-04 ends in one":   `x\"`,
		"TPL-18 script":        "<script>alert(1)</script>",
		"TPL-18 line breaks":   "\u2028\u2029\r\n\t",
		"TPL-04 controls":      "\x01\x1f\x7f",
		"TPL-04 not the ASCII": "é😀\u200b",
	} {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			v := values()
			v.Name = hostile
			k, err := json.Marshal(hostile)
			if err != nil {
				t.Fatal(err)
			}
			v.Metadata = `{"k":` + string(k) + `}`
			m := claimsOf(t, compile(t, everywhere), v)
			one, _ := json.Marshal(hostile)
			for name, want := range map[string]any{"a": hostile, "b": "is " + hostile + "!", "c": map[string]any{"d": []any{hostile}}, "m": hostile} {
				var got any
				if err := json.Unmarshal(m[name], &got); err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("%s = %s, want %s as data", name, m[name], one)
				}
			}
			if string(m["sub"]) != `"u"` || m["roles"] != nil || m["y"] != nil {
				t.Errorf("claims = %s, want no claim that the template has not got", m)
			}
		})
	}
}

func TestAttackReach(t *testing.T) {
	t.Parallel()
	for id, variables := range map[string]string{
		"TPL-05 vendorMetadata": `user.vendorMetadata user.vendorMetadata.x user.VendorMetadata vendorMetadata user.tenant.vendorMetadata`,
		"TPL-06 secrets": `user.password user.passwordHash user.PasswordHash user.credentials user.mfaSecret user.secret user.refreshToken
			user.providerTokens user.identifiers.0.value user.session.secret keys.private env.DB_URL os.Args Options.Secrets`,
		"TPL-06 no reflection": `user.Name user.Email user.Metadata v.Name . .Name user.__proto__ user.constructor user.Delete user.text Values
			user.tenant.Users.0.Email user.Custom Issuer Subject user.AuthTime`,
		"TPL-06 of the provider": `sso sso. .sso sso.hint sso.index sso.Subject sso.Attributes sso.attributes. sso.tokens sso.secret
			sso.connection sso.__proto__ user.sso.subject SSO.subject sso.attributes.` + strings.Repeat("x", 300),
	} {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			for _, variable := range strings.Fields(variables) {
				refused(t, over(`"x"`, `"{{`+variable+`}}"`))
				refused(t, over(`"x"`, `["a{{`+variable+`}}"]`))
			}
		})
	}
}

func TestAttackMetadata(t *testing.T) {
	t.Parallel()
	template := compile(t, over(`"x"`, `"{{user.metadata.a.b}}"`, `"m"`, `"{{user.metadata}}"`, `"ok"`, `"{{user.name}}"`))
	var keys []string
	for i := range 10000 {
		keys = append(keys, fmt.Sprintf(`"k%d":%d`, i, i))
	}
	large := `{` + strings.Join(keys, ",") + `,"a":{"b":1}}`
	t.Run("TPL-07 dots always part names", func(t *testing.T) {
		t.Parallel()
		v := values()
		v.Metadata = `{"a.b":1,"a}}b":2,"":3,"a":{"B":4}}`
		if got, ok := claimsOf(t, template, v)["x"]; ok {
			t.Errorf("x = %s, want no claim", got)
		}
	})
	t.Run("TPL-07 ten thousand keys", func(t *testing.T) {
		t.Parallel()
		v := values()
		v.Metadata = large
		if got := claimsOf(t, compile(t, over(`"x"`, `"{{user.metadata.a.b}}"`)), v)["x"]; string(got) != "1" {
			t.Errorf("x = %s, want 1", got)
		}
		if _, err := template.Render(v, 0); !errors.Is(err, token.ErrTooLarge) {
			t.Errorf("Render of all = %v, want ErrTooLarge", err)
		}
	})
	for _, broken := range []string{
		"[]", "null", "5", `"x"`, "{", `{"a":{"b":1}`, `{"a":{"b":1}}}`, `{"a":{"b":1},"a":2}`, `{"a":{"b":1,"b":2}}`, `{"a":{"b":1}},"sub":"admin"`,
		`{"a":{"b":1},"c":"` + "\xff" + `"}`, `{"a":{"b":1},"c":"\u0000"}`, `{"a":{"b":1},"c":"\ud800"}`, `{'a':1}`, "{{sub}}",
		`{"a":{"b":1},"c":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`, `{"a":{"b":1},"` + strings.Repeat("k", 300) + `":1}`,
	} {
		t.Run(fmt.Sprintf("TPL-08 %.40q", broken), func(t *testing.T) {
			t.Parallel()
			v := values()
			v.Metadata = broken
			m := claimsOf(t, template, v)
			if m["x"] != nil || m["m"] != nil || string(m["ok"]) != `"Ann"` {
				t.Errorf("claims = %s, want all but those made of metadata", m)
			}
			if m := claimsOf(t, token.DefaultTemplate(), v); m["metadata"] != nil {
				t.Errorf("metadata of the default template = %s, want no claim", m["metadata"])
			}
			if got := fmt.Sprint(v.Broken()); got != "[user.metadata]" {
				t.Errorf("Broken = %s, want user.metadata", got)
			}
			if _, unresolved, _, err := template.Preview(v); err != nil || fmt.Sprint(unresolved) != "[user.metadata.a.b user.metadata]" {
				t.Errorf("Preview = %s, %v, want both variables unresolved", unresolved, err)
			}
		})
	}
	if got := values().Broken(); got != nil {
		t.Errorf("Broken of sound values = %s, want nothing", got)
	}
}

// TestAttackAttributes: what a provider said is data, whatever it is called.
func TestAttackAttributes(t *testing.T) {
	t.Parallel()
	template := compile(t, over(`"x"`, `"{{sso.attributes.a}}"`, `"all"`, `"{{sso.attributes}}"`, `"ok"`, `"{{user.name}}"`))
	if !template.Provided() || compile(t, over(`"x"`, `"sso.attributes {{user.metadata.sso}}"`)).Provided() || token.DefaultTemplate().Provided() {
		t.Error("Provided does not say which template names what a provider said")
	}
	for id, row := range map[string]struct{ attributes, x string }{
		"TPL-03 syntax":         {`{"a":"{{user.email}}"}`, `"{{user.email}}"`},
		"TPL-04 JSON":           {`{"a":"x\",\"roles\":[\"Owner\"]"}`, `"x\",\"roles\":[\"Owner\"]"`},
		"TPL-04 quotes":         {`{"a":"x\"}, \"sub\":\"admin"}`, `"x\"}, \"sub\":\"admin"`},
		"TPL-01 claims":         {`{"a":"b","sub":"admin","roles":["Owner"],"permissions":["*"]}`, `"b"`},
		"TPL-07 the prototype":  {`{"__proto__":{"a":"x"},"constructor":"y"}`, ``},
		"TPL-08 twice":          {`{"a":"1","a":"2"}`, ``},
		"TPL-08 no object":      {`["a"]`, ``},
		"TPL-08 unpaired":       {`{"a":"\ud800"}`, ``},
		"TPL-18 script":         {`{"a":"<script>"}`, `"<script>"`},
		"TPL-07 deep":           {`{"a":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`, ``},
		"TPL-07 line breaks":    {`{"a":"x\r\nSet-Cookie: y"}`, `"x\r\nSet-Cookie: y"`},
		"TPL-03 in a name":      {`{"{{sub}}":"x","a":"y"}`, `"y"`},
		"TPL-07 an empty name":  {`{"":"x"}`, ``},
		"TPL-07 another's case": {`{"A":"x"}`, ``},
	} {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			v := values()
			v.Attributes = row.attributes
			m := claimsOf(t, template, v)
			if string(m["x"]) != row.x || string(m["ok"]) != `"Ann"` || string(m["sub"]) != `"u"` || m["roles"] != nil {
				t.Errorf("claims = %s, want x %s and nothing else changed", m, row.x)
			}
		})
	}
	t.Run("TPL-10 too large", func(t *testing.T) {
		t.Parallel()
		v := values()
		v.Attributes = `{"a":"` + strings.Repeat("x", 16<<10) + `"}`
		if _, err := template.Render(v, 0); !errors.Is(err, token.ErrTooLarge) {
			t.Errorf("Render = %v, want ErrTooLarge", err)
		}
	})
	t.Run("TPL-01 in the place of a guarded claim", func(t *testing.T) {
		t.Parallel()
		for _, name := range strings.Fields("sub iss aud roles permissions tenantIds tenantId act amr acr") {
			refused(t, over(`"`+name+`"`, `"{{sso.attributes.`+name+`}}"`))
			refused(t, over(`"`+name+`"`, `"{{sso.subject}}"`))
		}
		refused(t, over(`"x"`, `"all of {{sso.attributes}}"`)) // an object cannot stand in text
	})
}

func TestAttackHugeOutput(t *testing.T) {
	t.Parallel()
	v := values()
	v.Metadata = `{"bio":"` + strings.Repeat("x", 64<<10) + `"}`
	many := strings.TrimSuffix(strings.Repeat(`"{{user.metadata}}",`, 500), ",")
	for name, claims := range map[string][]byte{
		"in one array": over(`"x"`, "["+many+"]"),
		"in one text":  over(`"x"`, `"`+strings.Repeat("{{user.metadata.bio}}", 700)+`"`),
		"in objects":   over(`"x"`, `{"a":{"b":["{{user.metadata}}","{{user.metadata}}"]},"c":"{{user.metadata}}"}`),
	} {
		t.Run("TPL-10 "+name, func(t *testing.T) {
			t.Parallel()
			template := compile(t, claims)
			_, err := template.Render(v, 0)
			if !errors.Is(err, token.ErrTooLarge) || !strings.Contains(fmt.Sprint(err), "largest claims are x (") {
				t.Errorf("Render = %v, want ErrTooLarge that names x first", err)
			}
			if _, _, _, err := template.Preview(v); name != "in objects" && !errors.Is(err, token.ErrTooLarge) {
				t.Errorf("Preview = %v, want ErrTooLarge", err)
			}
		})
	}
}

// TestAttackConcurrentEdit: a template is one thing that is replaced as a whole.
func TestAttackConcurrentEdit(t *testing.T) {
	t.Parallel()
	t.Run("TPL-17 a thousand mints", func(t *testing.T) {
		t.Parallel()
		var current atomic.Pointer[token.Template]
		versions := []*token.Template{
			compile(t, over(`"a"`, `"old {{user.name}}"`, `"b"`, `["old","{{user.metadata.theme}}"]`)),
			compile(t, over(`"a"`, `"new {{user.email}}"`, `"b"`, `["new","{{user.metadata.theme}}"]`)),
		}
		current.Store(versions[0])
		v, seen := rich(), [2]atomic.Int32{}
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				for i := range 125 {
					current.Store(versions[i%2])
					payload, err := current.Load().Render(v, 0)
					is := strings.Contains(string(payload), `"a":"old Ann","b":["old","dark"]`)
					isNew := strings.Contains(string(payload), `"a":"new ann@example.com","b":["new","dark"]`)
					if err != nil || is == isNew {
						t.Errorf("Render = %s, %v, want all of one version", payload, err)
					}
					if is {
						seen[0].Add(1)
					} else {
						seen[1].Add(1)
					}
				}
			})
		}
		group.Wait()
		if seen[0].Load()+seen[1].Load() != 1000 {
			t.Errorf("%d + %d tokens, want 1000", seen[0].Load(), seen[1].Load())
		}
	})
}

// TestAttackCustomClaims: a hook adds, and overrides nothing.
func TestAttackCustomClaims(t *testing.T) {
	t.Parallel()
	v := rich()
	v.Custom = `{"sub":"admin","iss":"x","aud":"x","exp":9999999999,"iat":1,"nbf":1,"jti":"x","type":"x","tenantId":"x","tenantIds":["x"],` +
		`"sid":"x","act":{},"amr":["mfa"],"acr":"x","auth_time":1,"cnf":{},"scope":"*","roles":["Owner"],"permissions":["*"],` +
		`"SUB":"x","Roles":["x"],"ſub":"x","a b":1,"{{sub}}":1,"":1,"plan":"pro","PLAN2":{"a":[1]},"from":"hook","FROM":"hook",` +
		`"gone":"hook","name":5,"email_verified":"yes","email":"new@example.com","none":null,"lit":"{{user.email}}"}`
	t.Run("TPL-01 of a hook", func(t *testing.T) {
		t.Parallel()
		template := compile(t, over(`"from"`, `"template {{customClaims.plan}}"`, `"gone"`, `"{{user.metadata.gone}}"`, `"n"`, `"{{customClaims.PLAN2.a}}"`))
		m := claimsOf(t, template, v)
		blank := v
		blank.Custom = ""
		want := claimsOf(t, template, blank)
		for name, value := range map[string]string{
			"plan": `"pro"`, "PLAN2": `{"a":[1]}`, "email": `"new@example.com"`, "lit": `"{{user.email}}"`, "from": `"template pro"`, "n": "[1]",
		} {
			want[name] = json.RawMessage(value)
		}
		if fmt.Sprintf("%s", m) != fmt.Sprintf("%s", want) {
			t.Errorf("claims = %s\nwant     %s", m, want)
		}
	})
	t.Run("TPL-01 over the default template", func(t *testing.T) {
		t.Parallel()
		m := claimsOf(t, token.DefaultTemplate(), v)
		if string(m["email"]) != `"ann@example.com"` || string(m["roles"]) != `["admin"]` || string(m["plan"]) != `"pro"` {
			t.Errorf("claims = %s, want the template's own and the plan", m)
		}
	})
	t.Run("TPL-10 custom claims too large", func(t *testing.T) {
		t.Parallel()
		v := values()
		v.Custom = `{"big":"` + strings.Repeat("x", 9000) + `"}`
		_, err := token.Render(v, 0)
		if !errors.Is(err, token.ErrTooLarge) || !strings.Contains(fmt.Sprint(err), "largest claims are big (90") {
			t.Errorf("Render = %v, want ErrTooLarge that names big first", err)
		}
	})
	t.Run("TPL-01 of a management token", func(t *testing.T) {
		t.Parallel()
		got, err := token.RenderManagement(v)
		if err != nil || strings.Contains(string(got), "plan") || strings.Contains(string(got), "admin") {
			t.Errorf("RenderManagement = %s, %v, want no claim of a hook", got, err)
		}
	})
}

// A hostileRow is a row of the shared corpus.
type hostileRow struct {
	Template  json.RawMessage
	Generated string `json:"template_gen"`
	Data      struct {
		User struct {
			Name     string
			Metadata json.RawMessage
		}
	}
	Expect string
	Value  *string
}

// knownHostile lists where we differ from the corpus, with the reason. It may only become
// shorter.
func knownHostile() map[string]string {
	return map[string]string{
		`{"x":"{{user.missing}}"}`: "refused when it is saved: there is no such variable, and user.mfaSecret looks no different",
	}
}

// claims lays the row over the blank template, byte for byte.
func (r hostileRow) claims(t *testing.T) []byte {
	t.Helper()
	var claims []string
	switch r.Generated {
	case "":
		var m map[string]json.RawMessage
		if err := json.Unmarshal(r.Template, &m); err != nil {
			t.Fatal(err)
		}
		inside := strings.TrimSpace(string(r.Template))
		inside = strings.TrimSuffix(strings.TrimPrefix(inside, "{"), "}")
		for _, name := range []string{"iss", "sub", "aud", "exp", "iat"} {
			if m[name] == nil {
				inside += fmt.Sprintf(`,%q:"{{%s}}"`, name, name)
			}
		}
		return []byte("{" + inside + "}")
	case "one key per i in 0..10000":
		for i := range 10000 {
			claims = append(claims, fmt.Sprintf(`"k%d"`, i), fmt.Sprint(i))
		}
	case "100 x {{user.metadata}} with 64 KiB metadata":
		for i := range 100 {
			claims = append(claims, fmt.Sprintf(`"k%d"`, i), `"{{user.metadata}}"`)
		}
	default:
		t.Fatalf("a row is generated in an unknown way: %s", r.Generated)
	}
	return over(claims...)
}

func (r hostileRow) values() token.Values {
	v := rich()
	if r.Data.User.Name != "" {
		v.Name = r.Data.User.Name
	}
	if r.Data.User.Metadata != nil {
		v.Metadata = string(r.Data.User.Metadata)
	}
	if r.Generated != "" {
		v.Metadata = `{"bio":"` + strings.Repeat("x", 64<<10) + `"}`
	}
	return v
}

// outcome says what becomes of a row, in the corpus's words, and the value of its claim x.
func (r hostileRow) outcome(t *testing.T) (outcome string, x json.RawMessage) {
	t.Helper()
	template, err := token.CompileTemplate(r.claims(t))
	if err != nil {
		if fault.From(err).Code != fault.Invalid {
			t.Errorf("CompileTemplate(%s) = %v, want Invalid", r.Template, err)
		}
		return "reject-at-save", nil
	}
	if _, err := template.Render(r.values(), 0); err != nil {
		return "refuse-at-issue", nil
	}
	m := claimsOf(t, template, r.values())
	if string(m["sub"]) != `"u"` || string(m["iss"]) != `"`+issuer+`"` || string(m["tenantId"]) != `"t"` {
		t.Errorf("%s changes what the token is: %s", r.Template, m)
	}
	if strings.Contains(string(r.Template), `"x"`) && m["x"] == nil {
		return "drop-claim", nil
	}
	return "ok", m["x"]
}

func TestHostileTemplates(t *testing.T) {
	t.Parallel()
	var file struct{ Cases []hostileRow }
	if err := json.Unmarshal(corpus(t, "own-lists/jwt_templates_hostile.json"), &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) != 56 {
		t.Errorf("the corpus has %d rows, want 56", len(file.Cases))
	}
	known := knownHostile()
	for i, r := range file.Cases {
		t.Run(fmt.Sprintf("TPL row %d", i), func(t *testing.T) {
			t.Parallel()
			got, x := r.outcome(t)
			want := r.Expect
			if want == "literal" {
				want = "ok"
				r.literal(t, x)
			}
			var compact strings.Builder
			for _, line := range strings.Fields(string(r.Template)) {
				compact.WriteString(line)
			}
			if _, listed := known[compact.String()]; listed != (got != want) {
				t.Errorf("%s%s: %s, want %s; listed as different %v", r.Template, r.Generated, got, want, listed)
			}
		})
	}
	t.Logf("%d rows, %d known differences", len(file.Cases), len(known))
}

// literal checks that the claim is the user's text as it is.
func (r hostileRow) literal(t *testing.T, x json.RawMessage) {
	t.Helper()
	want := r.Data.User.Name
	if r.Value != nil {
		want = *r.Value
	}
	var got string
	if err := json.Unmarshal(x, &got); err != nil || got != want {
		t.Errorf("x = %s, want %q", x, want)
	}
}

func FuzzTemplate(f *testing.F) {
	f.Add(token.DefaultClaims, "Ann", `{"a":{"b":1}}`, `{"plan":"pro"}`)
	f.Add(string(over(`"x"`, `"a {{user.metadata.a.b}} {{ user.name }}"`, `"y"`, `[{"z":"{{customClaims.k}}"},null,1.5e3]`)),
		"{{user.email}}", `{"a":{"b":"\ud83d\ude00\\"}}`, `{"sub":"x","roles":[],"k":"{{sub}}","K":1}`)
	f.Add(string(over(`"name"`, `"{{user.metadata.a}}"`)), "\"\\\xff", `[]`, ``)
	f.Add(`["{{user.name}} {{user.metadata.a.b}}",{"k":"{{user.tenant.metadata.a}}"}]`, "Ann", `{"a":{"b":null}}`, `{"a b":1}`)
	f.Add(`["{{sso.attributes.a.b}} {{sso.subject}}","{{sso.attributes}}"]`, "Ann", `{"a.b":["x"],"a":{"b":"{{user.email}}"}}`, `{}`)
	f.Fuzz(func(t *testing.T, claims, name, metadata, custom string) {
		template, err := token.CompileTemplate([]byte(claims))
		if err != nil { // few texts are templates: most are tried as one claim
			claims = string(over(`"x"`, claims))
			template, err = token.CompileTemplate([]byte(claims))
		}
		if err != nil {
			if got := fault.From(err).Code; got != fault.Invalid || template != nil {
				t.Fatalf("CompileTemplate(%q) = %v, want Invalid", claims, err)
			}
			return
		}
		v := rich()
		v.Name, v.Metadata, v.TenantMetadata, v.Custom = name, metadata, metadata, custom
		v.Attributes, v.ProviderSubject = metadata, name
		v.Email = "marker-3f9c@example.com"
		payload, err := template.Render(v, 0)
		if err != nil {
			if !errors.Is(err, token.ErrTooLarge) && !errors.Is(err, token.ErrClaims) {
				t.Fatalf("Render of %q = %v, want ErrTooLarge or ErrClaims", claims, err)
			}
			return
		}
		checkRendered(t, claims, payload, v)
	})
}

// checkRendered checks what must hold of every token, whatever its template and values.
func checkRendered(t *testing.T, claims string, payload []byte, v token.Values) {
	t.Helper()
	c, err := token.ParseClaims(payload) // strict: no name twice, UTF-8, known claims of their type
	if err != nil {
		t.Fatalf("%q makes %s: %v", claims, payload, err)
	}
	if c.Subject != v.Subject || c.Issuer != v.Issuer || c.Type != v.Type || c.TenantID != v.TenantID ||
		c.SessionID != v.SessionID || c.ID != v.ID || c.ExpiresAt != v.ExpiresAt.Unix() || c.IssuedAt != v.IssuedAt.Unix() ||
		c.AuthTime != v.AuthTime.Unix() || c.NotBefore != 0 || c.Context != "" || c.Actor != nil ||
		fmt.Sprint(c.Methods) != fmt.Sprint(v.Methods) {
		t.Fatalf("%q makes %s, which is another token", claims, payload)
	}
	for _, l := range []struct{ got, all []string }{{c.Roles, v.Roles}, {c.TenantIDs, v.TenantIDs}, {c.Permissions, texts(v.Permissions)}} {
		if l.got != nil && fmt.Sprint(l.got) != fmt.Sprint(l.all) {
			t.Fatalf("%q makes %s, want %s or none", claims, payload, l.all)
		}
	}
	for name := range c.Custom {
		if token.Reserved(name) {
			t.Fatalf("%q makes %s with the reserved %s", claims, payload, name)
		}
	}
	var source any
	if err := json.Unmarshal([]byte(claims), &source); err != nil {
		t.Fatalf("CompileTemplate(%q) succeeds, encoding/json says %v", claims, err)
	}
	plain := fmt.Sprint(source)
	if !strings.Contains(plain, "user.email") && strings.Contains(string(payload), "marker-3f9c") && !strings.Contains(plain, "marker-3f9c") {
		t.Fatalf("%q makes %s: a value was read as a template", claims, payload)
	}
}

func texts(all []store.Permission) (out []string) {
	for _, p := range all {
		out = append(out, string(p))
	}
	return out
}
