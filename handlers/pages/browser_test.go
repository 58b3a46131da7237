package pages_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/go-identity/identity/handlers/pages"
	"github.com/go-identity/identity/internal/chromium"
	"github.com/go-identity/identity/internal/needs"
)

// A mirror shows a browser pages that were asked for elsewhere, with the headers they had.
type mirror struct {
	*httptest.Server
	site  *site
	shown map[string]answer
}

func newMirror(t *testing.T, s *site) *mirror {
	t.Helper()
	m := &mirror{site: s, shown: map[string]answer{}}
	m.Server = httptest.NewServer(m)
	t.Cleanup(m.Close)
	return m
}

func (m *mirror) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a, ok := m.shown[strings.TrimPrefix(r.URL.Path, "/shown/")]
	if !ok {
		m.site.handler.ServeHTTP(w, r)
		return
	}
	for _, name := range []string{"Content-Type", "Content-Security-Policy", "Referrer-Policy", "X-Content-Type-Options"} {
		w.Header().Set(name, a.Header.Get(name))
	}
	_, _ = w.Write([]byte(a.text))
}

// axe returns the source of axe-core, which NODE_PATH says where to find.
func axe(t *testing.T) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "node", "-p", "require.resolve('axe-core/axe.min.js')").Output()
	needs.Have(t, "node", err == nil, "no axe-core under NODE_PATH")
	source, err := os.ReadFile(strings.TrimSpace(string(out)))
	if err != nil {
		t.Fatal(err)
	}
	return string(source)
}

// A violation is what axe-core found.
type violation struct {
	ID, Impact, Help string
	Nodes            []struct{ HTML, FailureSummary string }
}

// audit runs axe-core over the page that the tab shows.
func audit(t *testing.T, b *chromium.Tab, source string) []violation {
	t.Helper()
	b.Eval(source + "; 0")
	text := b.Await("axe.run(document, {resultTypes: ['violations']}).then(r => JSON.stringify(r.violations))")
	var all []violation
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// overflow is the markup of the first thing that a card is too narrow for.
const overflow = `(() => {
	const card = document.querySelector('.card').getBoundingClientRect();
	const out = [...document.querySelectorAll('.card *')].find(e => {
		const r = e.getBoundingClientRect(), fixed = getComputedStyle(e).position === 'fixed';
		return r.width > 0 && !fixed && (r.right > card.right || r.left < card.left);
	});
	return out ? out.outerHTML.slice(0, 200) : '';
})()`

// TestEveryPageInABrowser has Chromium draw every page and every error state, on a desk and on
// a phone, light and dark, and axe-core look for what keeps people out. Pictures are kept with
// -artifacts.
func TestEveryPageInABrowser(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("draws every page four times")
	}
	for _, face := range []struct {
		name, language string
		wizard         bool // the pages about a tenant's single sign-on
		change         func(*pages.Config)
		only           string // pages; empty is all
	}{
		{"plain", "en", false, acmeReports, ""},
		{"wizard", "en", true, acmeReports, ""},
		{"wizard arabic", "ar", true, arabic, "connections provider-known provider-wrong domains-missing roles-preview attempts attempt guest open"},
		{"arabic", "ar", false, arabic, "login login-few sso away password password-wrong signup-empty security security-mfa enroll codes missing"},
	} {
		t.Run(face.name, func(t *testing.T) {
			t.Parallel()
			b := chromium.New(t)
			source := axe(t)
			s, walk := walks(t, face.wizard, face.change)
			m := newMirror(t, s)
			walk(t, face.language, func(name string, a answer) {
				if face.only != "" && !slices.Contains(strings.Fields(face.only), name) {
					return
				}
				m.shown[name] = a
				b.Open(m.URL + "/shown/" + name)
				b.Shoot(name)
				for _, v := range []chromium.View{chromium.Views()[0], chromium.Views()[3]} {
					b.Look(v)
					if got := b.Eval(overflow); got != "" {
						t.Errorf("%s %s: outside its card: %s", name, v.Name, got)
					}
					for _, found := range audit(t, b, source) {
						t.Errorf("%s %s: %s (%s): %s\n%+v", name, v.Name, found.ID, found.Impact, found.Help, found.Nodes)
					}
				}
			})
			complaints(t, b)
		})
	}
}

func acmeReports(c *pages.Config) { c.Brand.Name = "Acme Reports" }

// TestKeyboard signs in by the keyboard alone, with scripts off: where the focus is matters.
func TestKeyboard(t *testing.T) {
	t.Parallel()
	b := chromium.New(t)
	s := serve(t, nil)
	s.user(t)
	local := newMirror(t, s)
	base := strings.Replace(local.URL, "127.0.0.1", "localhost", 1)
	b.Open(base + "/account/login?next=/account/security")
	b.Look(chromium.Views()[0])
	b.Picture("keyboard") // draws the page: only then does autofocus act
	typed := func(text string) {
		t.Helper()
		b.Type(text)
		b.Load(func() { b.Key("Enter") })
		b.Picture("keyboard")
	}
	typed(email)
	b.Want("/account/login", "Sign in")
	typed("wrong")
	if got := b.Eval("document.activeElement.id"); got != "error" {
		t.Errorf("the focus is on %q, want what went wrong", got)
	}
	b.Key("Tab") // the link in the summary
	b.Key("Enter")
	if got := b.Eval("location.hash + ' ' + document.getElementById('password').getAttribute('aria-describedby')"); got != "#password error-1" {
		t.Errorf("the summary leads to %q", got)
	}
	b.Fill("password", phrase)
	b.Load(func() { b.Key("Enter") })
	b.Want("/account/security", "Account security")
	b.Press("Set up")
	b.Want("/account/security/mfa", "Set up a second step")
	b.Press("Continue")
	b.Want("/account/security/mfa", "Connect your app")
	if got := b.Eval("[...document.images].every(i => i.complete && i.naturalWidth > 0)"); got != "true" {
		t.Error("the picture is not drawn")
	}
	key := b.Eval("document.querySelector('.key code').textContent")
	phone := s.scan(t, answer{text: fmt.Sprintf("otpauth://totp/x?secret=%s\"", strings.ReplaceAll(key, " ", ""))})
	b.Fill("code", phone.code(t))
	b.Press("Turn on")
	b.Want("/account/security/mfa/confirm", "Keep your recovery codes")
	b.Press("I have kept them")
	b.Want("/account/security", "Account security")
	b.Press("Sign out")
	b.Want("/account/login", "Sign in")
	b.Fill("email", email)
	b.Press("Continue")
	b.Fill("password", phrase)
	b.Press("Sign in")
	b.Want("/account/mfa", "Enter your code")
	b.Fill("code", phone.code(t))
	b.Press("Sign in")
	if got := b.Eval("document.body.textContent"); got != "at / as "+email {
		t.Errorf("at %q", got)
	}
	complaints(t, b)
}

// complaints are what the browser had to say, but for advice and the refusals that were meant.
func complaints(t *testing.T, b *chromium.Tab) {
	t.Helper()
	for _, line := range b.Said() {
		if !strings.Contains(line, `"level":"verbose"`) && !strings.Contains(line, `"level":"info"`) && !strings.Contains(line, "status of ") {
			t.Errorf("the browser complains: %s", line)
		}
	}
}

// arabic says a few things in Arabic, to see pages that run from right to left.
func arabic(c *pages.Config) {
	c.Brand = pages.Brand{Name: "أكمي", Accent: "#0b6b3a", Links: []pages.Link{{Text: "الخصوصية", URL: "/privacy"}}}
	c.Texts = map[string]map[string]string{"ar": {
		"login.title": "تسجيل الدخول", "login.lead.brand": "مرحبًا بعودتك إلى {0}.", "login.next": "متابعة", "login.submit": "تسجيل الدخول",
		"login.as": "الدخول باسم", "login.forgot": "هل نسيت كلمة المرور؟", "login.signup": "ليس لديك حساب؟", "login.signup.link": "إنشاء حساب",
		"login.other": "استخدام عنوان آخر", "email.label": "البريد الإلكتروني", "password.label": "كلمة المرور",
		"wrong email or password": "البريد الإلكتروني أو كلمة المرور غير صحيحة.", "email is missing": "أدخل بريدك الإلكتروني.",
		"security.title": "أمان الحساب", "security.lead": "كيف تسجل الدخول، وأين.", "security.signin": "تسجيل الدخول",
		"security.email": "البريد الإلكتروني", "security.change": "تغيير", "security.password": "كلمة المرور",
		"security.password.note": "تنتهي الجلسات الأخرى عند تغييرها.",
		"security.sessions":      "أين أنت مسجل", "security.session.here": "هذا المتصفح", "security.session.used": "آخر استخدام",
		"security.session.end": "خروج", "security.session.all": "الخروج من كل مكان", "signout": "خروج",
		"security.mfa": "الخطوة الثانية", "security.mfa.off": "متوقفة", "security.mfa.why": "رمز من تطبيق على هاتفك.", "security.mfa.setup": "إعداد",
		"error.summary": "يرجى التحقق:", "error.title": "خطأ: {0}", "footer.label": "المزيد",
	}}
}
