package outbound_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/internal/outbound"
)

// site starts a server and returns a guard that may reach it.
func site(t *testing.T, answer http.HandlerFunc) (*outbound.Guard, *httptest.Server) {
	t.Helper()
	s := httptest.NewUnstartedServer(answer)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	g := outbound.New(outbound.Options{AllowPrivateNetworks: true, RootCAs: roots})
	t.Cleanup(g.Client().CloseIdleConnections)
	return g, s
}

// read returns the whole of an answer.
func read(c *http.Client, address string) ([]byte, error) {
	a, err := c.Get(address)
	if err != nil {
		return nil, err
	}
	defer a.Body.Close()
	return io.ReadAll(a.Body)
}

func TestClient(t *testing.T) {
	t.Parallel()
	g, s := site(t, func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Accept-Encoding"); got != "" {
			t.Errorf("asked for %q, want no compression", got)
		}
		_, _ = w.Write(bytes.Repeat([]byte("x"), outbound.MaxBody))
	})
	got, err := read(g.Client(), s.URL)
	if err != nil || len(got) != outbound.MaxBody {
		t.Errorf("read %d bytes, %v; want all of %d", len(got), err, outbound.MaxBody)
	}
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	if _, err := read(g.Client(), plain.URL); err != nil {
		t.Errorf("plain http on loopback: %v", err)
	}
	strict := outbound.New(outbound.Options{})
	if _, err := read(strict.Client(), s.URL); err == nil {
		t.Error("loopback was reached without the option")
	}
}

func TestAttackRedirects(t *testing.T) {
	t.Parallel()
	var hits atomic.Int64
	g, s := site(t, func(w http.ResponseWriter, r *http.Request) {
		hits.Add(1)
		switch to := r.URL.Query().Get("to"); r.URL.Path {
		case "/once":
			http.Redirect(w, r, "/end", http.StatusFound)
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		case "/away":
			http.Redirect(w, r, to, http.StatusTemporaryRedirect)
		default:
			_, _ = io.WriteString(w, "end")
		}
	})
	t.Run("one host", func(t *testing.T) {
		if got, err := read(g.Client(), s.URL+"/once"); err != nil || string(got) != "end" {
			t.Errorf("a redirect on one host: %q, %v", got, err)
		}
	})
	t.Run("SSRF-05 loops end", func(t *testing.T) {
		hits.Store(0)
		if _, err := read(g.Client(), s.URL+"/loop"); err == nil || hits.Load() > 4 {
			t.Errorf("%d requests, %v; want an end after 4", hits.Load(), err)
		}
	})
	t.Run("SSRF-05 other hosts", func(t *testing.T) {
		for _, to := range []string{
			"http://169.254.169.254/", "https://169.254.169.254/", "http://127.0.0.1/", "https://localhost/", "file:///etc/passwd",
			"//evil.example/", strings.Replace(s.URL, "https", "http", 1) + "/end",
		} {
			_, err := read(g.Client(), s.URL+"/away?to="+to)
			if err == nil || fault.From(err).Error() != outbound.Unreachable(nil).Error() {
				t.Errorf("a redirect to %s: %v", to, err)
			}
		}
	})
	t.Run("SSRF-15 a body is sent once", func(t *testing.T) {
		hits.Store(0)
		a, err := g.Client().Post(s.URL+"/away?to=/end", "text/plain", strings.NewReader("client_secret"))
		if err == nil {
			a.Body.Close()
		}
		if err == nil || hits.Load() != 1 {
			t.Errorf("%d requests, %v; want one and an error", hits.Load(), err)
		}
	})
}

func TestAttackAnswers(t *testing.T) {
	t.Parallel()
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	_, _ = z.Write(make([]byte, 20<<20))
	z.Close()
	quiet := make(chan struct{})
	g, s := site(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/large":
			w.Header().Set("Content-Length", "1073741824")
		case "/endless":
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 64<<10)); err != nil {
					return
				}
			}
		case "/headers":
			w.Header().Set("X-Large", strings.Repeat("x", 1<<20))
		case "/gzip":
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(bomb.Bytes())
		case "/slow":
			w.WriteHeader(http.StatusOK)
			w.(http.Flusher).Flush()
			<-quiet
		}
	})
	t.Cleanup(func() { close(quiet) }) // before the server's own end, which waits for it
	for _, path := range []string{"/large", "/endless", "/headers", "/gzip"} {
		t.Run("SSRF-12 caps "+path, func(t *testing.T) {
			t.Parallel()
			got, err := read(g.Client(), s.URL+path)
			if err == nil || fault.From(err).Error() != outbound.Unreachable(nil).Error() {
				t.Errorf("read %d bytes, %v; want the one error", len(got), err)
			}
			if len(got) > outbound.MaxBody {
				t.Errorf("read %d bytes, at most %d", len(got), outbound.MaxBody)
			}
		})
	}
	t.Run("SSRF-12 silence", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/slow", nil)
		if err != nil {
			t.Fatal(err)
		}
		a, err := g.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Body.Close()
		late := time.AfterFunc(100*time.Millisecond, cancel) // from now on: the way here may have taken long
		defer late.Stop()
		if _, err := io.ReadAll(a.Body); err == nil || fault.From(err).Error() != outbound.Unreachable(nil).Error() {
			t.Errorf("a body that never comes: read error %v", err)
		}
	})
}

func TestAttackTLS(t *testing.T) {
	t.Parallel()
	_, known := site(t, http.NotFound)
	for _, tt := range []struct {
		name string
		o    outbound.Options
		tls  *tls.Config
	}{
		{"self-signed", outbound.Options{}, nil},
		{"TLS 1.1", outbound.Options{RootCAs: x509.NewCertPool()}, &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}},
	} {
		t.Run("SSRF-14 "+tt.name, func(t *testing.T) {
			t.Parallel()
			s := httptest.NewUnstartedServer(http.NotFoundHandler())
			s.TLS, s.Config.ErrorLog = tt.tls, log.New(io.Discard, "", 0)
			s.StartTLS()
			t.Cleanup(s.Close)
			if tt.o.RootCAs != nil {
				tt.o.RootCAs.AddCert(s.Certificate())
			}
			tt.o.AllowPrivateNetworks = true
			refused(t, outbound.New(tt.o), s.URL)
		})
	}
	t.Run("SSRF-14 wrong host", func(t *testing.T) {
		t.Parallel()
		roots := x509.NewCertPool()
		roots.AddCert(known.Certificate())
		g := outbound.New(outbound.Options{AllowPrivateNetworks: true, RootCAs: roots, Resolver: names(t, []string{"127.0.0.1"})})
		_, port, _ := net.SplitHostPort(known.Listener.Addr().String())
		err := refused(t, g, "https://idp.elsewhere.test:"+port+"/")
		if !errors.As(err, new(*tls.CertificateVerificationError)) {
			t.Errorf("%v, want the certificate refused", err)
		}
	})
}

func TestAttackOracle(t *testing.T) {
	t.Parallel()
	_, s := site(t, http.NotFound)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := "https://" + l.Addr().String() + "/"
	l.Close()
	g := outbound.New(outbound.Options{AllowPrivateNetworks: true, Resolver: names(t, nil)})
	t.Run("SSRF-13 one error", func(t *testing.T) {
		for _, address := range []string{closed, s.URL, "https://169.254.169.254/", "https://nowhere.example/", "gopher://x/"} {
			refused(t, g, address) // compares what a caller sees
		}
	})
}

func TestAttackProxy(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1") // not parallel: the environment is the process's
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	t.Run("SSRF-07 the environment's proxy", func(t *testing.T) {
		g := outbound.New(outbound.Options{Resolver: names(t, []string{"10.0.0.1"})})
		if err := refused(t, g, "https://idp.example.com/"); !errors.Is(err, outbound.ErrAddress) {
			t.Errorf("%v, want the address judged, not a proxy's", err)
		}
	})
}
