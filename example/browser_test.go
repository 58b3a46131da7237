package main

import (
	"regexp"
	"strings"
	"testing"
)

// TestBrowser is the way through as a person goes it: sign up, confirm the address, make a
// report; then, as somebody with fewer rights, see a report and be refused the rest. All
// without scripts, in a browser that judges the cookies and the content security policy.
// Pictures are kept with -artifacts.
func TestBrowser(t *testing.T) {
	t.Parallel()
	b := newTab(t)
	p := start(t, t.TempDir(), "example.db")
	const email, phrase = "grace@navy.example", "compilers are for people"

	b.open(p.base + "/")
	b.want("/", "Reports your whole company can trust")
	b.shoot("welcome")
	b.press("Sign up")
	b.want("/account/signup", "Create your account")
	b.shoot("sign-up")
	b.fill("name", "Grace Hopper")
	b.fill("company", "Navy")
	b.fill("email", email)
	b.fill("password", phrase)
	b.press("Create account")
	b.want("/account/signup", "Check your mail")
	b.shoot("check-mail")
	b.open(p.link(t, email))
	b.want("/account/activate", "Confirm your address")
	b.shoot("confirm")
	b.press("Confirm and continue")
	b.want("/", "Hello, Grace Hopper")
	b.press("Members")
	b.want("/members", "Members")
	b.shoot("members")
	b.press("Reports")
	b.press("New report")
	b.fill("title", "Nanoseconds")
	b.press("Create report")
	b.want("/reports", "Reports")
	b.press("Approve")
	b.shoot("reports")
	b.press("Sign out")
	b.want("/account/login", "Sign in")

	viewer := p.Users[1]
	b.open(p.base + "/reports")
	b.want("/account/login", "Sign in")
	b.fill("email", viewer.Email)
	b.press("Continue")
	b.shoot("password")
	b.fill("password", "not the password at all")
	b.press("Sign in")
	b.shoot("wrong-password") // draws the page: only then does autofocus act
	if got := b.eval("document.activeElement.textContent"); got != "Wrong email or password." {
		t.Errorf("the focus is on %q, want what went wrong", got)
	}
	b.fill("password", viewer.Password)
	b.press("Sign in")
	b.want("/reports", "Reports")
	if text := b.eval("document.body.textContent"); strings.Contains(text, "Nanoseconds") || strings.Contains(text, "New report") {
		t.Errorf("a viewer of another company sees too much: %s", text)
	}
	b.open(p.base + "/reports/new")
	b.want("/reports/new", "You may not do this")
	b.shoot("refused")

	for _, line := range b.said {
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
