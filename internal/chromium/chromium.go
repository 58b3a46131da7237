// Package chromium drives a headless Chromium by the DevTools protocol, for tests of pages.
package chromium

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/websocket"

	"github.com/go-identity/identity/internal/needs"
)

// A Tab is one page of a headless Chromium, driven by the DevTools protocol. Scripts of
// pages are off: what it does works without them.
type Tab struct {
	t       testing.TB
	ws      *websocket.Conn
	session string
	last    int
	width   int      // of the window
	loads   int      // Load events seen
	said    []string // what the pages had to say in the console
}

// A packet is a command, its result or an event.
type packet struct {
	ID      int             `json:"id,omitempty"`
	Session string          `json:"sessionId,omitempty"`
	Method  string          `json:"method,omitempty"`
	Params  any             `json:"params,omitempty"`
	Result  json.RawMessage `json:"result,omitempty"`
	Error   *struct {
		Message string `json:"message"`
	} `json:"error,omitempty"`
}

type options = map[string]any

// New starts a Chromium that ends with the test, and opens a tab. Without Chromium the test is
// skipped; see [needs.Have].
func New(t testing.TB) *Tab {
	t.Helper()
	p := &Tab{t: t, ws: launch(t)}
	var target struct{ TargetID string }
	p.do("Target.createTarget", options{"url": "about:blank"}, &target)
	var attached struct{ SessionID string }
	p.do("Target.attachToTarget", options{"targetId": target.TargetID, "flatten": true}, &attached)
	p.session = attached.SessionID
	for _, domain := range []string{"Page", "Log", "Runtime"} {
		p.do(domain+".enable", nil, nil)
	}
	p.do("Emulation.setScriptExecutionDisabled", options{"value": true}, nil)
	p.Look(Views()[0])
	return p
}

// launch starts Chromium and connects to it. It ends with the test.
func launch(t testing.TB) *websocket.Conn {
	t.Helper()
	path, err := exec.LookPath("chromium")
	needs.Have(t, "chromium", err == nil, "no chromium on PATH")
	profile, err := os.MkdirTemp("", "chromium")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars",
		"--remote-debugging-port=0", "--remote-allow-origins=http://localhost", "--user-data-dir="+profile, "about:blank")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // so that its helpers end with it
	out, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
		_ = os.RemoveAll(profile) // its helpers may be writing still: then something is left
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if _, url, ok := strings.Cut(lines.Text(), "DevTools listening on "); ok {
			ws, err := websocket.Dial(strings.TrimSpace(url), "", "http://localhost")
			if err != nil {
				t.Fatal(err)
			}
			ws.MaxPayloadBytes = 32 << 20
			go func() { _, _ = io.Copy(io.Discard, out) }() // else it stands still once it has complained enough
			return ws
		}
	}
	t.Fatal("chromium did not say where it listens")
	return nil
}

// do runs a command and decodes its result.
func (p *Tab) do(method string, params options, result any) {
	p.t.Helper()
	p.last++
	if err := websocket.JSON.Send(p.ws, packet{ID: p.last, Session: p.session, Method: method, Params: params}); err != nil {
		p.t.Fatalf("%s: %v", method, err)
	}
	for {
		in := p.receive()
		if in.ID != p.last {
			continue
		}
		if in.Error != nil {
			p.t.Fatalf("%s: %s", method, in.Error.Message)
		}
		if result != nil {
			if err := json.Unmarshal(in.Result, result); err != nil {
				p.t.Fatalf("%s: %v", method, err)
			}
		}
		return
	}
}

// receive reads one packet and takes note of events.
func (p *Tab) receive() packet {
	p.t.Helper()
	if err := p.ws.SetReadDeadline(time.Now().Add(2 * time.Minute)); err != nil {
		p.t.Fatal(err)
	}
	var in packet
	if err := websocket.JSON.Receive(p.ws, &in); err != nil {
		p.t.Fatalf("read from chromium: %v", err)
	}
	switch in.Method {
	case "Page.loadEventFired":
		p.loads++
	case "Log.entryAdded":
		text, err := json.Marshal(in.Params)
		if err != nil {
			p.t.Fatal(err)
		}
		p.said = append(p.said, string(text))
	}
	return in
}

// Load does something that leads to another page, and waits until that is there.
func (p *Tab) Load(act func()) {
	p.t.Helper()
	p.loaded(1, act)
}

func (p *Tab) loaded(pages int, act func()) {
	p.t.Helper()
	before := p.loads
	act()
	for p.loads < before+pages {
		p.receive()
	}
}

// Open goes to an address.
func (p *Tab) Open(url string) {
	p.t.Helper()
	p.Load(func() { p.do("Page.navigate", options{"url": url}, nil) })
}

// Eval asks the page something.
func (p *Tab) Eval(expression string) string {
	p.t.Helper()
	var out struct {
		Result           struct{ Value any }
		ExceptionDetails *struct{ Text string }
	}
	p.do("Runtime.evaluate", options{"expression": expression, "returnByValue": true}, &out)
	if out.ExceptionDetails != nil {
		p.t.Fatalf("%s: %s", expression, out.ExceptionDetails.Text)
	}
	return fmt.Sprint(out.Result.Value)
}

// Fill types into the field of that id.
func (p *Tab) Fill(id, text string) {
	p.t.Helper()
	p.Eval(fmt.Sprintf("document.getElementById(%q).focus()", id))
	p.Type(text)
}

// Type types where the focus is.
func (p *Tab) Type(text string) {
	p.t.Helper()
	p.do("Input.insertText", options{"text": text}, nil)
}

// Press presses the button or follows the link with that text.
func (p *Tab) Press(text string) {
	p.t.Helper()
	p.loaded(1, func() { p.click(text) })
}

// PressOn presses what leads to a page that goes on by itself, and waits until both are there.
func (p *Tab) PressOn(text string) {
	p.t.Helper()
	p.loaded(2, func() { p.click(text) })
}

func (p *Tab) click(text string) {
	p.t.Helper()
	p.Eval(fmt.Sprintf("[...document.querySelectorAll('a, button')].find(e => e.textContent.trim() === %q).click()", text))
}

// Want checks where the tab is and what it shows.
func (p *Tab) Want(path, heading string) {
	p.t.Helper()
	if got := p.Eval("location.pathname"); got != path {
		p.t.Errorf("at %s, want %s", got, path)
	}
	if got := p.Eval("document.querySelector('h1').textContent"); got != heading {
		p.t.Errorf("%s says %q, want %q", path, got, heading)
	}
}

// Said returns what the browser had to complain about: what a policy refused, a file that is
// not there.
func (p *Tab) Said() []string { return p.said }

// A Cookie is one that the browser keeps.
type Cookie struct {
	Name, Domain, SameSite string
	Secure, HTTPOnly       bool
}

// Cookies returns every cookie that the browser keeps, whoever set it.
func (p *Tab) Cookies() []Cookie {
	p.t.Helper()
	var out struct{ Cookies []Cookie }
	p.do("Storage.getCookies", nil, &out)
	return out.Cookies
}

// Key presses a key, such as "Tab" or "Enter".
func (p *Tab) Key(name string) {
	p.t.Helper()
	code, text := map[string]int{"Tab": 9, "Enter": 13}[name], ""
	if name == "Enter" {
		text = "\r"
	}
	for _, kind := range []string{"keyDown", "keyUp"} {
		p.do("Input.dispatchKeyEvent", options{"type": kind, "key": name, "code": name, "windowsVirtualKeyCode": code, "text": text}, nil)
	}
}

// Await runs a script that the page itself could not run, and returns what it promises.
func (p *Tab) Await(script string) string {
	p.t.Helper()
	p.do("Emulation.setScriptExecutionDisabled", options{"value": false}, nil)
	defer p.do("Emulation.setScriptExecutionDisabled", options{"value": true}, nil)
	var out struct {
		Result           struct{ Value any }
		ExceptionDetails *struct{ Text string }
	}
	p.do("Runtime.evaluate", options{"expression": script, "returnByValue": true, "awaitPromise": true}, &out)
	if out.ExceptionDetails != nil {
		p.t.Fatalf("a script failed: %s", out.ExceptionDetails.Text)
	}
	return fmt.Sprint(out.Result.Value)
}

// A View is how a page is looked at.
type View struct {
	Name   string
	Width  int
	Scheme string // light or dark
}

// Views are a desk and a phone, light and dark.
func Views() []View {
	return []View{{"desk-light", 1100, "light"}, {"desk-dark", 1100, "dark"}, {"phone-light", 375, "light"}, {"phone-dark", 375, "dark"}}
}

// height is that of a window.
const height = 760

func (p *Tab) resize(width, height int) {
	p.t.Helper()
	p.do("Emulation.setDeviceMetricsOverride", options{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false}, nil)
}

// Look looks at the page in a view.
func (p *Tab) Look(v View) {
	p.t.Helper()
	p.width = v.Width
	p.resize(v.Width, height)
	p.do("Emulation.setEmulatedMedia", options{"features": []options{
		{"name": "prefers-color-scheme", "value": v.Scheme},
		{"name": "prefers-reduced-motion", "value": "reduce"}, // else colours are caught on their way
	}}, nil)
}

// Shoot keeps pictures of the page in every view, and checks that nothing sticks out of any.
func (p *Tab) Shoot(name string) {
	p.t.Helper()
	for _, v := range Views() {
		p.Look(v)
		if p.Eval("document.documentElement.scrollWidth > innerWidth") == "true" {
			p.t.Errorf("%s sticks out of %s", name, v.Name)
		}
		p.Picture(name + "-" + v.Name)
	}
}

// Picture keeps a picture of the whole page, however long it is. The window grows for it: a
// picture beyond the window is off by some columns where text runs from right to left.
func (p *Tab) Picture(name string) {
	p.t.Helper()
	var size struct{ CSSContentSize struct{ Height int } }
	p.do("Page.getLayoutMetrics", nil, &size)
	p.resize(p.width, max(height, size.CSSContentSize.Height))
	var shot struct{ Data string }
	p.do("Page.captureScreenshot", nil, &shot)
	p.resize(p.width, height)
	png, err := base64.StdEncoding.DecodeString(shot.Data)
	if err == nil {
		err = os.WriteFile(filepath.Join(p.t.ArtifactDir(), name+".png"), png, 0o600)
	}
	if err != nil {
		p.t.Fatal(err)
	}
}
