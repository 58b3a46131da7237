package oauth_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/go-identity/identity/sso"
	"github.com/go-identity/identity/sso/internal/oauth"
	"github.com/go-identity/identity/store"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, text string
		ok         bool
	}{
		{"an object", `{"a":1}`, true},
		{"null", `null`, false},
		{"a list", `[]`, false},
		{"a member twice", `{"a":1,"a":2}`, false},
		{"more after it", `{"a":1} {}`, false},
		{"nothing", ``, false},
		{"64 deep", `{"a":` + strings.Repeat("[", 63) + strings.Repeat("]", 63) + `}`, true},
		{"65 deep", `{"a":` + strings.Repeat("[", 64) + strings.Repeat("]", 64) + `}`, false},
		{"a million deep", `{"a":` + strings.Repeat("[", 1_000_000), false},
	} {
		if _, err := oauth.Parse([]byte(tt.text)); (err == nil) != tt.ok {
			t.Errorf("%s: %v, want it read %t", tt.name, err, tt.ok)
		}
	}
	if all, err := oauth.ParseList([]byte(`[{"a":"x"},null]`)); err != nil || len(all) != 2 || all[0].Text("a") != "x" || all[1].Text("a") != "" {
		t.Errorf("a list: %v, %v", all, err)
	}
	for _, text := range []string{`null`, `{}`, `["x"]`} {
		if _, err := oauth.ParseList([]byte(text)); err == nil {
			t.Errorf("%s is a list of objects", text)
		}
	}
}

func TestClaims(t *testing.T) {
	t.Parallel()
	c, err := oauth.Parse([]byte(`{"text":"x","nul":"a\u0000","number":583231,"large":9007199254740992,"half":0.5,"minus":-1,"yes":true,
		"one":"1","true":"true","list":["a",["b"],"c"],"inside":{"a":"b"},"null":null,"never":1e300}`))
	if err != nil {
		t.Fatal(err)
	}
	for got, want := range map[string]string{
		"id of a text " + c.ID("text"): "x", "id of a number " + c.ID("number"): "583231", "id of a large one " + c.ID("large"): "",
		"id of a half " + c.ID("half"): "", "id of minus one " + c.ID("minus"): "", "id of true " + c.ID("yes"): "", "id of NUL " + c.ID("nul"): "",
		"text of a number " + c.Text("number"): "", "inside " + c.Inside("inside").Text("a"): "b", "inside a text " + c.Inside("text").Text("a"): "",
		"list " + strings.Join(c.Texts("list"), ""): "ac",
	} {
		if !strings.HasSuffix(got, " "+want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
	for name, want := range map[string][2]bool{
		"yes": {true, true}, "one": {false, true}, "true": {false, true}, "text": {false, false}, "number": {false, false}, "gone": {false, false},
	} {
		if got := [2]bool{c.True(name, false), c.True(name, true)}; got != want {
			t.Errorf("true(%s) = %v, want %v", name, got, want)
		}
	}
	if _, ok := c.At("never"); ok || c.Has("null") || !c.Has("half") {
		t.Error("a time beyond all times, a null or a number is not what it is")
	}
}

func TestAttributes(t *testing.T) {
	t.Parallel()
	claims := map[string]any{"large": strings.Repeat("x", 5000), "sub": "s", "object": map[string]any{"a": 1}}
	for i := range 300 {
		claims[fmt.Sprint("claim", i)] = "x"
	}
	text, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	c, err := oauth.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	all := c.Attributes("sub")
	for _, name := range []string{"large", "sub", "object"} {
		if _, ok := all[name]; ok {
			t.Errorf("%s is kept", name)
		}
	}
	if len(all) != 200 || !store.Storable(fmt.Sprint(all)) {
		t.Errorf("%d attributes, want 200", len(all))
	}
}

func TestCheckAnswer(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, query string
		want        string
	}{
		{"all well", "code=c&state=s&more=x", ""},
		{"another state", "code=c&state=t", "state"},
		{"no state", "code=c", "state"},
		{"an error", "state=s&error=access_denied", "access_denied"},
		{"an error that is no word", "state=s&error=%3Cb%3E", "answered an error"},
		{"a token", "code=c&state=s&id_token=t", "only codes"},
		{"no code", "state=s", "no code"},
		{"a rule of the protocol's own", "code=c&state=s&iss=other", "iss"},
	} {
		q, err := url.ParseQuery(tt.query)
		if err != nil {
			t.Fatal(err)
		}
		err = oauth.CheckAnswer(q, "s", oauth.Rule{Holds: !q.Has("iss"), Say: "iss"})
		if got := sso.Diagnosis(err); (tt.want == "") != (err == nil) || !strings.Contains(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	if oauth.Same("", "") || !oauth.Same("a", "a") || oauth.Same("a", "b") {
		t.Error("an empty secret is like another, or one is not like itself")
	}
}
