package identity_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-identity/identity"
)

// A pipe is a listener in memory: a test's own clock rules its connections.
type pipe struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (p *pipe) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipe) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

func (p *pipe) Addr() net.Addr { return &net.TCPAddr{} }

// dial starts what NewServer returns and connects to it.
func dial(t *testing.T) net.Conn {
	t.Helper()
	p := &pipe{conns: make(chan net.Conn), done: make(chan struct{})}
	srv := identity.NewServer("", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
	}))
	go func() { _ = srv.Serve(p) }()
	here, there := net.Pipe()
	p.conns <- there
	t.Cleanup(func() {
		_ = here.Close()
		_ = srv.Close()
	})
	return here
}

// drip sends text, then a byte every ten seconds, and returns how long the server bore it.
func drip(t *testing.T, text string) time.Duration {
	t.Helper()
	c, began := dial(t), time.Now()
	go func() { _, _ = io.Copy(io.Discard, c) }()
	_, err := io.WriteString(c, text)
	for err == nil && time.Since(began) < time.Hour {
		time.Sleep(10 * time.Second)
		_, err = c.Write([]byte("a"))
	}
	return time.Since(began)
}

func TestAttackSlowloris(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, text string
		most       time.Duration
	}{
		{"not a byte", "", 10 * time.Second},
		{"headers", "POST / HTTP/1.1\r\nHost: a\r\nX-Slow: ", 10 * time.Second},
		{"body", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n", 20 * time.Second},
		{"second request", "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HT", 20 * time.Second},
	} {
		t.Run("HTTP-20 "+tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				if got := drip(t, tt.text); got > tt.most {
					t.Errorf("a byte every ten seconds is borne for %v, want at most %v", got, tt.most)
				}
			})
		})
	}
	t.Run("HTTP-20 a connection that says no more", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			c, began := dial(t), time.Now()
			go func() { _, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n") }()
			_, err := io.Copy(io.Discard, c)
			if got := time.Since(began); err != nil || got < time.Minute || got > 3*time.Minute {
				t.Errorf("an idle connection is kept for %v, %v; want one to three minutes", got, err)
			}
		})
	})
	t.Run("HTTP-20 headers without end", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			c := dial(t)
			sent := make(chan int, 1)
			go func() {
				n, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\n")
				for line := "X-A: " + strings.Repeat("a", 1000) + "\r\n"; err == nil; {
					var m int
					m, err = io.WriteString(c, line)
					n += m
				}
				sent <- n
			}()
			answer, err := io.ReadAll(c)
			if err != nil && !errors.Is(err, io.EOF) || !bytes.Contains(answer, []byte(" 431 ")) {
				t.Errorf("answer %q, %v; want 431", answer, err)
			}
			_ = c.Close()
			if n := <-sent; n > 64<<10 {
				t.Errorf("the server read %d bytes of headers", n)
			}
		})
	})
}
