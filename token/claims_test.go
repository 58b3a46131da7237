package token_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/needs"
	"github.com/go-identity/identity/token"
)

const issuer = "https://id.example.com"

// expect is what the tests' tokens must say.
func expect() token.Expect {
	return token.Expect{Issuer: issuer, Audience: []string{"app"}, Type: "userToken", Now: at}
}

// claims returns the payload of a good token with members changed: a value of "" removes one.
func claims(change ...string) string {
	now := at.Unix()
	members := [][2]string{
		{"iss", `"` + issuer + `"`}, {"sub", `"u"`}, {"aud", `"app"`}, {"type", `"userToken"`},
		{"iat", fmt.Sprint(now)}, {"exp", fmt.Sprint(now + 60)},
	}
	for i := 0; i < len(change); i += 2 {
		members = replace(members, change[i], change[i+1])
	}
	var out []string
	for _, m := range members {
		out = append(out, `"`+m[0]+`":`+m[1])
	}
	return "{" + strings.Join(out, ",") + "}"
}

func replace(members [][2]string, name, value string) [][2]string {
	var out [][2]string
	for _, m := range members {
		if m[0] != name {
			out = append(out, m)
		}
	}
	if value != "" {
		out = append(out, [2]string{name, value})
	}
	return out
}

// judge parses and checks.
func judge(payload string, e token.Expect) error {
	c, err := token.ParseClaims([]byte(payload))
	if err != nil {
		return err
	}
	return c.Check(e)
}

func TestParseClaims(t *testing.T) {
	t.Parallel()
	got, err := token.ParseClaims([]byte(`{"iss":"i","sub":"s","aud":["a","b"],"exp":2,"iat":1,"nbf":1,"jti":"j","sid":"d",
		"type":"t","tenantId":"n","tenantIds":["n","m"],"roles":["r"],"permissions":[],"email":"e","email_verified":true,
		"name":"N\u00e9\ud83d\ude00\n","amr":["pwd"],"acr":"c","auth_time":1,"act":{"sub":"x"},"applicationId":"p",
		"profilePictureUrl":"u","metadata":{"a":[1,2.5e3,null]},"SUB":"admin","Exp":1}`))
	if err != nil {
		t.Fatal(err)
	}
	if metadata := string(got.Custom["metadata"]); metadata != `{"a":[1,2.5e3,null]}` || len(got.Custom) != 3 {
		t.Errorf("Custom = %s, want metadata and the two claims that only look like others", got.Custom)
	}
	got.Custom = nil
	want := token.Claims{
		Issuer: "i", Subject: "s", Audience: []string{"a", "b"}, ExpiresAt: 2, IssuedAt: 1, NotBefore: 1, ID: "j",
		SessionID: "d", Type: "t", TenantID: "n", TenantIDs: []string{"n", "m"}, Roles: []string{"r"},
		Permissions: []string{}, Email: "e", EmailVerified: true, Name: "Né😀\n", Methods: []string{"pwd"}, Context: "c",
		AuthTime: 1, Actor: []byte(`{"sub":"x"}`), ApplicationID: "p", PictureURL: "u",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("ParseClaims = %+v, want %+v", got, want)
	}
}

func TestCheckAccepts(t *testing.T) {
	t.Parallel()
	if err := judge(claims(), expect()); err != nil {
		t.Fatalf("Check of a good token = %v, want nil: the refusals below would prove nothing", err)
	}
}

func TestAttackClaims(t *testing.T) {
	t.Parallel()
	now := at.Unix()
	in := func(d int64) string { return fmt.Sprint(now + d) }
	for _, tt := range []struct {
		name, payload string
		want          error
	}{
		{"JWT-23 duplicate", `{"sub":"a","sub":"b"}`, token.ErrClaims},
		{"JWT-23 duplicate, escaped", `{"sub":"a","s\u0075b":"b"}`, token.ErrClaims},
		{"JWT-23 duplicate inside", `{"metadata":{"a":1,"a":2}}`, token.ErrClaims},
		{"JWT-23 duplicate deep", `{"metadata":[{"x":{"a":1,"a":2}}]}`, token.ErrClaims},
		{"JWT-24 case variant only", claims("sub", "", "SUB", `"admin"`), token.ErrClaims},
		{"JWT-24 case variant beside", claims("SUB", `"admin"`, "Exp", "1"), nil},
		{"JWT-26 other type claim", claims("type", `"tenantApiToken"`), token.ErrType},
		{"JWT-26 no type claim", claims("type", ""), token.ErrType},
		{"JWT-29 other audience", claims("aud", `"other"`), token.ErrAudience},
		{"JWT-29 other audiences", claims("aud", `["other"]`), token.ErrAudience},
		{"JWT-29 ours among others", claims("aud", `["other","app"]`), nil},
		{"JWT-29 no audience", claims("aud", ""), token.ErrAudience},
		{"JWT-29 empty audience", claims("aud", `""`), token.ErrAudience},
		{"JWT-29 empty list", claims("aud", `[]`), token.ErrAudience},
		{"JWT-29 object", claims("aud", `{"app":1}`), token.ErrClaims},
		{"JWT-29 null", claims("aud", `null`), token.ErrClaims},
		{"JWT-29 list of lists", claims("aud", `[["app"]]`), token.ErrClaims},
		{"JWT-29 list with null", claims("aud", `["app",null]`), token.ErrClaims},
		{"JWT-30 other environment", claims("iss", `"https://other.example.com"`), token.ErrIssuer},
		{"JWT-30 no issuer", claims("iss", ""), token.ErrIssuer},
		{"JWT-31 trailing slash", claims("iss", `"https://id.example.com/"`), token.ErrIssuer},
		{"JWT-31 case", claims("iss", `"https://ID.example.com"`), token.ErrIssuer},
		{"JWT-31 http", claims("iss", `"http://id.example.com"`), token.ErrIssuer},
		{"JWT-33 zero", claims("exp", "0"), token.ErrClaims},
		{"JWT-33 missing", claims("exp", ""), token.ErrClaims},
		{"JWT-34 before", claims("iat", in(-60), "exp", in(-1)), token.ErrExpired},
		{"JWT-34 now", claims("iat", in(-60), "exp", in(0)), token.ErrExpired},
		{"JWT-34 after", claims("iat", in(-60), "exp", in(1)), nil},
		{"JWT-35 string", claims("exp", `"1795435260"`), token.ErrClaims},
		{"JWT-35 date", claims("exp", `"2030-01-01T00:00:00Z"`), token.ErrClaims},
		{"JWT-35 1e300", claims("exp", "1e300"), token.ErrClaims},
		{"JWT-35 1e10", claims("exp", "1e10"), token.ErrClaims},
		{"JWT-35 fraction", claims("exp", in(60)+".5"), token.ErrClaims},
		{"JWT-35 -1", claims("exp", "-1"), token.ErrClaims},
		{"JWT-35 null", claims("exp", "null"), token.ErrClaims},
		{"JWT-35 true", claims("exp", "true"), token.ErrClaims},
		{"JWT-35 list", claims("exp", "["+in(60)+"]"), token.ErrClaims},
		{"JWT-35 1e18", claims("exp", "1000000000000000000"), token.ErrClaims},
		{"JWT-35 too large for 64 bits", claims("exp", "99999999999999999999"), token.ErrClaims},
		{"JWT-35 year 10000", claims("exp", "253402300800"), token.ErrClaims},
		{"JWT-35 year 9999", claims("exp", "253402300799"), token.ErrLifetime},
		{"JWT-35 leading zero", claims("exp", "0"+in(60)), token.ErrClaims},
		{"JWT-35 181 days ahead", claims("iat", in(0), "exp", in(181*86400)), token.ErrLifetime},
		{"JWT-36 iat ahead", claims("iat", in(30)), token.ErrNotYet},
		{"JWT-36 nbf ahead", claims("nbf", in(30)), token.ErrNotYet},
		{"JWT-36 no iat", claims("iat", ""), token.ErrClaims},
		{"JWT-38 ends before it begins", claims("iat", in(0), "exp", in(0)), token.ErrExpired},
		{"JWT-40 invalid UTF-8", claims("sub", "\"adm\xffin\""), token.ErrClaims},
		{"JWT-40 lone surrogate", claims("sub", `"adm\ud800in"`), token.ErrClaims},
		{"JWT-40 low surrogate first", claims("sub", `"\udc00\ud800"`), token.ErrClaims},
		{"JWT-40 two high surrogates", claims("sub", `"\ud800\ud800"`), token.ErrClaims},
		{"JWT-40 NUL", claims("sub", `"u\u0000"`), token.ErrClaims},
		{"JWT-40 raw NUL", claims("sub", "\"u\x00\""), token.ErrClaims},
		{"JWT-44 deep", claims("x", strings.Repeat("[", 3000)), token.ErrClaims},
		{"JWT-44 deep and closed", claims("x", strings.Repeat("[", 40)+strings.Repeat("]", 40)), token.ErrClaims},
		{"JWT-48 a token inside", "eyJhbGciOiJub25lIn0.e30.", token.ErrClaims},
		{"trailing bytes", claims() + "{}", token.ErrClaims},
		{"trailing NUL", claims() + "\x00", token.ErrClaims},
		{"trailing comma", `{"sub":"a",}`, token.ErrClaims},
		{"null", "null", token.ErrClaims},
		{"array", "[]", token.ErrClaims},
		{"nothing", "", token.ErrClaims},
		{"byte order mark", "\ufeff" + claims(), token.ErrClaims},
		{"sub is a number", claims("sub", "5"), token.ErrClaims},
		{"sub is null", claims("sub", "null"), token.ErrClaims},
		{"sub is empty", claims("sub", `""`), token.ErrClaims},
		{"roles is text", claims("roles", `"admin"`), token.ErrClaims},
		{"roles has a number", claims("roles", `["a",1]`), token.ErrClaims},
		{"email_verified is text", claims("email_verified", `"true"`), token.ErrClaims},
		{"act is text", claims("act", `"x"`), token.ErrClaims},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if err := judge(tt.payload, expect()); !errors.Is(err, tt.want) {
				t.Errorf("%.200s: %v, want %v", tt.payload, err, tt.want)
			}
		})
	}
}

func TestAttackTimes(t *testing.T) {
	t.Parallel()
	now := at.Unix()
	for _, tt := range []struct {
		name           string
		change         []string
		skew, lifetime time.Duration
		want           error
	}{
		{"JWT-36 within skew", []string{"iat", fmt.Sprint(now + 30), "nbf", fmt.Sprint(now + 30)}, time.Minute, 0, nil},
		{"JWT-36 beyond skew", []string{"nbf", fmt.Sprint(now + 61)}, time.Minute, 0, token.ErrNotYet},
		{"JWT-36 skew is capped", []string{"nbf", fmt.Sprint(now + 121)}, time.Hour, 0, token.ErrNotYet},
		{"JWT-36 negative skew is none", nil, -time.Hour, 0, nil},
		{"JWT-34 expired within skew", []string{"iat", fmt.Sprint(now - 60), "exp", fmt.Sprint(now - 30)}, time.Minute, 0, nil},
		{"JWT-38 at the limit", nil, 0, time.Minute, nil},
		{"JWT-38 over the limit", []string{"exp", fmt.Sprint(now + 61)}, 0, time.Minute, token.ErrLifetime},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e := expect()
			e.Skew, e.MaxLifetime = tt.skew, tt.lifetime
			if err := judge(claims(tt.change...), e); !errors.Is(err, tt.want) {
				t.Errorf("Check = %v, want %v", err, tt.want)
			}
		})
	}
}

// TestAttackEmptyExpectation: a verifier that was not told whom to trust trusts nobody.
func TestAttackEmptyExpectation(t *testing.T) {
	t.Parallel()
	t.Run("JWT-29 no audience configured", func(t *testing.T) {
		t.Parallel()
		e := expect()
		e.Audience = nil
		if err := judge(claims(), e); !errors.Is(err, token.ErrAudience) {
			t.Errorf("Check = %v, want ErrAudience", err)
		}
		e.Audience = []string{""}
		if err := judge(claims("aud", `""`), e); !errors.Is(err, token.ErrAudience) {
			t.Errorf("Check of an empty audience = %v, want ErrAudience", err)
		}
	})
	t.Run("JWT-30 no issuer configured", func(t *testing.T) {
		t.Parallel()
		e := expect()
		e.Issuer = ""
		if err := judge(claims("iss", ""), e); !errors.Is(err, token.ErrIssuer) {
			t.Errorf("Check = %v, want ErrIssuer", err)
		}
	})
}

// TestJSONSuite lays the JSON test suite under a claim: what it says must parse parses, what
// must not does not, and nothing breaks the decoder.
func TestJSONSuite(t *testing.T) {
	t.Parallel()
	dir := needs.Shared(t, "corpora", "corpora", "json-testsuite", "test_parsing")
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	stricter := map[string]bool{ // what we refuse on purpose
		"y_object_duplicated_key.json": true, "y_object_duplicated_key_and_value.json": true,
		"y_object_escaped_null_in_key.json": true, "y_string_null_escape.json": true,
	}
	for _, f := range files {
		b, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		_, err = token.ParseClaims([]byte(`{"x":` + string(b) + `}`))
		switch want := f.Name()[0]; {
		case want == 'y' && stricter[f.Name()] == (err == nil):
			t.Errorf("%s: %v, want it to parse unless it is listed", f.Name(), err)
		case want == 'n' && err == nil:
			t.Errorf("%s parses: %.80q", f.Name(), b)
		}
	}
}

func FuzzClaims(f *testing.F) {
	f.Add([]byte(claims()))
	f.Add([]byte(`{"a":{"b":[1,-0.5e+3,true,false,null,"\ud83d\ude00\\"]}}`))
	f.Add([]byte(`{"a":1,"a":2}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		c, err := token.ParseClaims(in)
		if err != nil {
			return
		}
		checkAgainstStandard(t, in, c)
	})
}
