package main

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
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

// A tab is one page of a headless Chromium, driven by the DevTools protocol. Scripts of
// pages are off: what it does works without them.
type tab struct {
	t       *testing.T
	ws      *websocket.Conn
	session string
	last    int
	loads   int      // load events seen
	said    []string // what the page had to say in the console
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

func newTab(t *testing.T) *tab {
	t.Helper()
	p := &tab{t: t, ws: launch(t)}
	var target struct{ TargetID string }
	p.do("Target.createTarget", options{"url": "about:blank"}, &target)
	var attached struct{ SessionID string }
	p.do("Target.attachToTarget", options{"targetId": target.TargetID, "flatten": true}, &attached)
	p.session = attached.SessionID
	for _, domain := range []string{"Page", "Log", "Runtime"} {
		p.do(domain+".enable", nil, nil)
	}
	p.do("Emulation.setScriptExecutionDisabled", options{"value": true}, nil)
	return p
}

// launch starts Chromium and connects to it. It ends with the test.
func launch(t *testing.T) *websocket.Conn {
	t.Helper()
	path, err := exec.LookPath("chromium")
	needs.Have(t, "chromium", err == nil, "no chromium on PATH")
	profile, err := os.MkdirTemp("", "chromium")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
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
			return ws
		}
	}
	t.Fatal("chromium did not say where it listens")
	return nil
}

// do runs a command and decodes its result.
func (p *tab) do(method string, params options, result any) {
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
func (p *tab) receive() packet {
	p.t.Helper()
	if err := p.ws.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
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

// load does something that leads to another page, and waits until that is there.
func (p *tab) load(act func()) {
	p.t.Helper()
	before := p.loads
	act()
	for p.loads == before {
		p.receive()
	}
}

func (p *tab) open(url string) {
	p.t.Helper()
	p.load(func() { p.do("Page.navigate", options{"url": url}, nil) })
}

// eval asks the page something.
func (p *tab) eval(expression string) string {
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

// fill types into the field of that id.
func (p *tab) fill(id, text string) {
	p.t.Helper()
	p.eval(fmt.Sprintf("document.getElementById(%q).focus()", id))
	p.do("Input.insertText", options{"text": text}, nil)
}

// press presses the button or follows the link with that text.
func (p *tab) press(text string) {
	p.t.Helper()
	p.load(func() {
		p.eval(fmt.Sprintf("[...document.querySelectorAll('a, button')].find(e => e.textContent.trim() === %q).click()", text))
	})
}

// want checks where the tab is and what it shows.
func (p *tab) want(path, heading string) {
	p.t.Helper()
	if got := p.eval("location.pathname"); got != path {
		p.t.Errorf("at %s, want %s", got, path)
	}
	if got := p.eval("document.querySelector('h1').textContent"); got != heading {
		p.t.Errorf("%s says %q, want %q", path, got, heading)
	}
}

// shoot keeps pictures of the page, on a desk and on a phone, light and dark, and checks
// that nothing sticks out of a phone.
func (p *tab) shoot(name string) {
	p.t.Helper()
	for _, size := range []struct {
		name  string
		width int
	}{{"desk", 1100}, {"phone", 375}} {
		p.do("Emulation.setDeviceMetricsOverride", options{"width": size.width, "height": 760, "deviceScaleFactor": 1, "mobile": false}, nil)
		if p.eval("document.documentElement.scrollWidth > innerWidth") == "true" {
			p.t.Errorf("%s sticks out of a %s", name, size.name)
		}
		for _, scheme := range []string{"light", "dark"} {
			p.do("Emulation.setEmulatedMedia", options{"features": []options{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
			var shot struct{ Data string }
			p.do("Page.captureScreenshot", options{"captureBeyondViewport": true}, &shot)
			png, err := base64.StdEncoding.DecodeString(shot.Data)
			if err == nil {
				err = os.WriteFile(filepath.Join(p.t.ArtifactDir(), name+"-"+size.name+"-"+scheme+".png"), png, 0o600)
			}
			if err != nil {
				p.t.Fatal(err)
			}
		}
	}
}
