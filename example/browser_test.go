package main

import (
	"regexp"
	"strings"
	"testing"

	"github.com/go-identity/identity/internal/chromium"
)

// TestBrowser is the way through as a person goes it: sign up, confirm the address, make a
// report; then, as somebody with fewer rights, see a report and be refused the rest. All
// without scripts, in a browser that judges the cookies and the content security policy.
// Pictures are kept with -artifacts.
func TestBrowser(t *testing.T) {
	t.Parallel()
	b := chromium.New(t)
	p := start(t, t.TempDir(), "example.db")
	const email, phrase = "grace@navy.example", "compilers are for people"

	b.Open(p.base + "/")
	b.Want("/", "Reports your whole company can trust")
	b.Shoot("welcome")
	b.Press("Sign up")
	b.Want("/account/signup", "Create your account")
	b.Shoot("sign-up")
	b.Fill("name", "Grace Hopper")
	b.Fill("company", "Navy")
	b.Fill("email", email)
	b.Fill("password", phrase)
	b.Press("Create account")
	b.Want("/account/signup", "Check your mail")
	b.Shoot("check-mail")
	b.Open(p.link(t, email))
	b.Want("/account/activate", "Confirm your address")
	b.Shoot("confirm")
	b.Press("Confirm and continue")
	b.Want("/", "Hello, Grace Hopper")
	b.Press("Members")
	b.Want("/members", "Members")
	b.Shoot("members")
	b.Press("Reports")
	b.Press("New report")
	b.Fill("title", "Nanoseconds")
	b.Press("Create report")
	b.Want("/reports", "Reports")
	b.Press("Approve")
	b.Shoot("reports")
	b.Press("Sign out")
	b.Want("/account/login", "Sign in")

	viewer := p.Users[1]
	b.Open(p.base + "/reports")
	b.Want("/account/login", "Sign in")
	b.Fill("email", viewer.Email)
	b.Press("Continue")
	b.Shoot("password")
	b.Fill("password", "not the password at all")
	b.Press("Sign in")
	b.Shoot("wrong-password") // draws the page: only then does autofocus act
	if got := b.Eval("document.activeElement.textContent"); got != "Wrong email or password." {
		t.Errorf("the focus is on %q, want what went wrong", got)
	}
	b.Fill("password", viewer.Password)
	b.Press("Sign in")
	b.Want("/reports", "Reports")
	if text := b.Eval("document.body.textContent"); strings.Contains(text, "Nanoseconds") || strings.Contains(text, "New report") {
		t.Errorf("a viewer of another company sees too much: %s", text)
	}
	b.Open(p.base + "/reports/new")
	b.Want("/reports/new", "You may not do this")
	b.Shoot("refused")

	for _, line := range b.Said() {
		if strings.Contains(line, "Content Security Policy") || strings.Contains(line, "violation") {
			t.Errorf("the browser complains: %s", line)
		}
	}
}

// link waits for the mail to an address and returns the link in it.
func (p *process) link(t *testing.T, to string) string {
	t.Helper()
	for t.Context().Err() == nil {
		for _, m := range decode[[]caught](t, p.want(t, 200, "", "GET", "/dev/messages", nil)) {
			if m.To == to {
				return regexp.MustCompile(`http://\S+`).FindString(m.Text)
			}
		}
	}
	return ""
}
