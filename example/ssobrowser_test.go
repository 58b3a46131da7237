package main

import (
	"encoding/json"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/go-identity/identity/internal/chromium"
	"github.com/go-identity/identity/internal/program"
)

// TestSSOBrowser signs in through every provider in a browser that judges the cookies. The app
// is on localhost and the providers on 127.0.0.1: ports are of one site, names are not. What a
// provider's page posts comes from another site then, as it does in the world.
func TestSSOBrowser(t *testing.T) {
	t.Parallel()
	for _, tt := range ties() {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o, tab := settleAt(t, tt), chromium.New(t)
			o.arrive(t, tab, tt)
			if answer := o.carried(t, tab); answer.Action != "" {
				o.intruder(t, answer)
				tab.Load(func() { tab.Eval("document.forms[0].submit()") })
			}
			tab.Want("/reports", "Reports")
			o.kept(t, tab)
			tab.PressOn("Sign out")
			o.depart(t, tab, tt)
			for _, line := range tab.Said() {
				if strings.Contains(line, "Content Security Policy") {
					t.Errorf("the browser complains: %s", line)
				}
			}
		})
	}
}

// settleAt ties an example that people reach at localhost.
func settleAt(t *testing.T, tt tie) *office {
	t.Helper()
	address := program.Address(t)
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	return settle(t, t.TempDir(), "example.db", tt, "-addr", address, "-base-url", "http://localhost:"+port)
}

// arrive types an address here and a password there, and stops where the provider's page has
// the answer in a form, or the browser is back.
func (o *office) arrive(t *testing.T, tab *chromium.Tab, tt tie) {
	t.Helper()
	tab.Open(o.base + "/account/login?next=/reports")
	tab.Fill("email", tt.email)
	tab.PressOn("Continue")
	typed, err := json.Marshal(tt.typed)
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		switch path, here := tab.Eval("location.pathname"), strings.HasPrefix(tab.Eval("location.href"), o.base+"/"); {
		case here && strings.HasPrefix(path, "/auth/sso/"):
			tab.Press("Go on")
		case here || tab.Eval("document.forms[0].action.startsWith("+quoted(o.base)+")") == "true":
			return
		default:
			tab.Load(func() {
				tab.Eval(fmt.Sprintf(`(() => { const f = document.forms[0];
					for (const [k, v] of Object.entries(%s)) if (f.elements[k]) f.elements[k].value = v;
					HTMLFormElement.prototype.submit.call(f); })()`, typed))
			})
		}
	}
	t.Fatal("the pages do not end")
}

// depart wants the browser to have signed out at the provider, or to stand before its question.
func (o *office) depart(t *testing.T, tab *chromium.Tab, tt tie) {
	t.Helper()
	if strings.HasPrefix(tab.Eval("location.pathname"), "/auth/sso/") {
		tab.Press("Go on")
	}
	if at := tab.Eval("location.href"); !tt.saml && !strings.HasPrefix(at, o.there.Base) {
		t.Errorf("signing out ended at %s", at)
	}
	if !tt.saml {
		tab.Open(o.base + "/reports")
	}
	tab.Want("/account/login", "Sign in")
}

func quoted(s string) string {
	text, _ := json.Marshal(s)
	return string(text)
}

// An answered form is what a provider's page is about to post.
type answeredForm struct {
	Action string
	Fields map[string]string
}

// carried reads it; nothing where the provider has sent the browser back by itself.
func (o *office) carried(t *testing.T, tab *chromium.Tab) answeredForm {
	t.Helper()
	var f answeredForm
	text := tab.Eval(`(() => { const f = document.forms[0]; if (location.hostname === "localhost") return "{}";
		return JSON.stringify({Action: f.action, Fields: Object.fromEntries(new FormData(f))}); })()`)
	if err := json.Unmarshal([]byte(text), &f); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return f
}

// intruder brings the same answer from the provider's site in another browser, before its owner
// does.
func (o *office) intruder(t *testing.T, f answeredForm) {
	t.Helper()
	tab := chromium.New(t)
	tab.Open(o.there.Base + "/metadata")
	fields, _ := json.Marshal(f.Fields)
	tab.Load(func() {
		tab.Eval(fmt.Sprintf(`(() => { const f = document.createElementNS("http://www.w3.org/1999/xhtml", "form");
			f.method = "post"; f.action = %s;
			for (const [k, v] of Object.entries(%s)) {
				const i = document.createElementNS("http://www.w3.org/1999/xhtml", "input");
				i.name = k; i.value = v; f.append(i);
			}
			document.documentElement.append(f); f.submit(); })()`, quoted(f.Action), fields))
	})
	if got := tab.Eval("document.querySelector('h1').textContent"); got != "You are not signed in" {
		t.Errorf("another browser sees %q", got)
	}
	tab.Open(o.base + "/reports")
	tab.Want("/account/login", "Sign in")
}

// kept wants the cookies to be what the browser was told: only the one that must come along
// from another site may.
func (o *office) kept(t *testing.T, tab *chromium.Tab) {
	t.Helper()
	sites := map[string]string{}
	for _, c := range tab.Cookies() {
		if c.Domain != "localhost" {
			continue
		}
		sites[c.Name] = c.SameSite
		if !c.Secure || !c.HTTPOnly || !strings.HasPrefix(c.Name, "__Host-") || (c.SameSite == "None") != (c.Name == "__Host-identity-sso") {
			t.Errorf("the cookie %+v", c)
		}
	}
	if !slices.Contains([]string{"Lax", "Strict"}, sites["__Host-identity"]) {
		t.Errorf("no session cookie of this site: %v", sites)
	}
}
