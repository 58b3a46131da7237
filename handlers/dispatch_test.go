package handlers_test

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity/handlers"
	"github.com/go-identity/identity/middleware"
)

func TestSpellings(t *testing.T) {
	t.Parallel()
	a, _ := newSample(t)
	const me = "/identity/resources/me/v1"
	for _, target := range []string{me, me + "/", "/frontegg" + me, "/frontegg" + me + "/", me + "?a=1", "/%69dentity/resources/me/v1"} {
		w := ask(t, a, "GET", target, "", "Authorization: Bearer ann")
		if w.Code != 200 || !strings.Contains(w.Body.String(), `"id":"u1"`) {
			t.Errorf("GET %s = %d %s", target, w.Code, w.Body)
		}
	}
	w := ask(t, a, "GET", "/identity/resources/things/v1/a%20b%2Bc", "", "x-access-token: backend")
	if !strings.Contains(w.Body.String(), `"id":"a b+c"`) {
		t.Errorf("an escaped id reads %s", w.Body)
	}
}

func TestMount(t *testing.T) {
	t.Parallel()
	a, _ := newSample(t)
	mux := http.NewServeMux()
	host := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }
	mux.HandleFunc("/", host)
	mux.HandleFunc("GET /", host)
	mux.HandleFunc("GET /identity/{page}", host)
	a.Mount(mux)
	for target, want := range map[string]int{
		"/identity/resources/nil/v1":           200,
		"/identity/resources/nil/v1/":          200,
		"/frontegg/identity/resources/nil/v1/": 200,
		"/identity/resources/nothing":          404,
		"/auth/vendor":                         200,
		"/auth/vendor/":                        200,
		"/frontegg/auth/vendor":                200,
		"/auth/other":                          418,
		"/identity/other":                      418,
		"/frontegg/other":                      418,
	} {
		if w := ask(t, mux, "GET", target, ""); w.Code != want {
			t.Errorf("GET %s = %d, want %d", target, w.Code, want)
		}
	}
	stripped := http.StripPrefix("/id", a)
	if w := ask(t, stripped, "GET", "/id/identity/resources/nil/v1", ""); w.Code != 200 {
		t.Errorf("behind StripPrefix: %d", w.Code)
	}
}

func TestAttackAnswers(t *testing.T) {
	t.Parallel()
	a, _ := newSample(t)
	for _, target := range []string{
		"/identity/resources/nil/v1", "/identity/resources/nothing/v1", "/identity/resources/me/v1",
		"/identity/resources/fail/v1/internal", "/identity/resources/fail/v1/panic", "/identity/resources/empty/v1", "//",
	} {
		for _, accept := range []string{"", "text/html", "application/xml", "*/*"} {
			t.Run("HTTP-13 "+target+" "+accept, func(t *testing.T) {
				t.Parallel()
				w := ask(t, a, "GET", target, "", "Accept: "+accept)
				for name, want := range map[string]string{
					"Content-Type": "application/json; charset=utf-8", "X-Content-Type-Options": "nosniff",
					"Cache-Control": "no-store", "Etag": "",
				} {
					if got := w.Header().Get(name); got != want {
						t.Errorf("%s is %q, want %q", name, got, want)
					}
				}
			})
		}
	}
	t.Run("SES-25 cache", func(t *testing.T) {
		t.Parallel()
		w := ask(t, a, "GET", "/identity/resources/me/v1", "", "Authorization: Bearer ann")
		if w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Etag") != "" {
			t.Errorf("headers %v", w.Header())
		}
	})
}

func TestNilLists(t *testing.T) {
	t.Parallel()
	a, _ := newSample(t)
	w := ask(t, a, "GET", "/identity/resources/nil/v1", "")
	for _, want := range []string{`"ids":[]`, `"items":[]`, `"choices":[]`} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s lacks %s", w.Body, want)
		}
	}
}

func TestAttackMethods(t *testing.T) {
	t.Parallel()
	a, _ := newSample(t)
	for _, tt := range []struct {
		method, target string
		want           int
		allow          string
	}{
		{"POST", "/identity/resources/nil/v1", 405, "GET, HEAD"},
		{"OPTIONS", "/identity/resources/nil/v1", 405, "GET, HEAD"},
		{"TRACE", "/identity/resources/nil/v1", 405, "GET, HEAD"},
		{"CONNECT", "/identity/resources/nil/v1", 405, "GET, HEAD"},
		{"PATCH", "/identity/resources/me/v1", 405, "GET, HEAD, PUT"},
		{"get", "/identity/resources/nil/v1", 405, "GET, HEAD"},
		{"post", "/identity/resources/empty/v1", 405, "POST, DELETE"},
		{"GET", "/identity/resources/empty/v1/", 405, "POST, DELETE"},
		{"FOO", "/identity/resources/nothing", 404, ""},
		{"HEAD", "/identity/resources/nil/v1", 200, ""},
	} {
		t.Run("HTTP-14 "+tt.method+" "+tt.target, func(t *testing.T) {
			t.Parallel()
			w := ask(t, a, tt.method, tt.target, "")
			if w.Code != tt.want || w.Header().Get("Allow") != tt.allow {
				t.Errorf("got %d, Allow %q, want %d %q", w.Code, w.Header().Get("Allow"), tt.want, tt.allow)
			}
		})
	}
	t.Run("HTTP-14 HEAD has no body", func(t *testing.T) {
		t.Parallel()
		srv := httptest.NewServer(a)
		t.Cleanup(srv.Close)
		res, err := srv.Client().Head(srv.URL + "/identity/resources/nil/v1")
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if body, _ := io.ReadAll(res.Body); len(body) > 0 || res.ContentLength <= 0 {
			t.Errorf("body %q, length %d", body, res.ContentLength)
		}
	})
	t.Run("SES-17 method override", func(t *testing.T) {
		t.Parallel()
		for _, header := range []string{"X-HTTP-Method-Override: POST", "X-Method-Override: POST", "X-HTTP-Method: DELETE"} {
			if w := ask(t, a, "GET", "/identity/resources/empty/v1?_method=POST", "", header); w.Code != 405 {
				t.Errorf("%s: got %d, want 405", header, w.Code)
			}
		}
	})
}

func TestAttackPaths(t *testing.T) {
	t.Parallel()
	a, _ := newSample(t)
	const thing = "/identity/resources/things/v1/"
	for _, target := range []string{
		"//identity/resources/nil/v1", "/identity//resources/nil/v1", "/identity/resources/nil/v1//", "///",
		"/identity/../identity/resources/nil/v1", "/identity/resources/./nil/v1", "/x/../identity/resources/nil/v1",
		"/identity/%2e%2e/identity/resources/nil/v1", "/identity/resources/%2E/nil/v1", "/identity/resources/.%2e/nil/v1",
		"/identity%2Fresources/nil/v1", thing + "a%2Fb", thing + "a%2fb", thing + "..%2f..", thing + "a%5Cb", thing + `a\b`,
		thing + "a%00b", thing + "a%0ab", thing + "a%ffb", thing + "a;jsessionid=1", "/identity/resources/nil/v1;x=y",
		thing + strings.Repeat("a", 10<<10), "/IDENTITY/resources/nil/v1", "/frontegg", "/frontegg/frontegg/identity/resources/nil/v1",
		"/fronteggidentity/resources/nil/v1", "/identity/resources/n\u0456l/v1", "/", "",
	} {
		t.Run("HTTP-15 "+target[:min(len(target), 60)], func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
			u, err := url.ParseRequestURI(target)
			if err != nil {
				return // net/http refuses it
			}
			r.URL = u
			r.Header.Set("X-Access-Token", "backend")
			w := httptest.NewRecorder()
			a.ServeHTTP(w, r)
			if w.Code != 404 && w.Code != 400 {
				t.Errorf("got %d %s %v", w.Code, w.Body, w.Header())
			}
		})
	}
}

func TestAttackSmuggling(t *testing.T) {
	t.Parallel()
	a, _ := newSample(t)
	srv := httptest.NewServer(a)
	t.Cleanup(srv.Close)
	const post = "POST /identity/resources/empty/v1 HTTP/1.1\r\nHost: x\r\n"
	for _, tt := range []struct{ name, raw string }{
		{"length and chunks", post + "Content-Length: 5\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"},
		{"two lengths", post + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} "},
		{"unknown coding", post + "Transfer-Encoding: xchunked\r\n\r\n{}"},
		{"space before colon", post + "Content-Length : 2\r\n\r\n{}"},
		{"folded header", post + "X-A: b\r\n Content-Length: 2\r\nbad\r\n\r\n"},
		{"negative length", post + "Content-Length: -1\r\n\r\n"},
		{"no host", "GET /identity/resources/nil/v1 HTTP/1.1\r\n\r\n"},
		{"two hosts", "GET /identity/resources/nil/v1 HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"},
	} {
		t.Run("HTTP-16 "+tt.name, func(t *testing.T) {
			t.Parallel()
			conn, err := net.Dial("tcp", srv.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(time.Minute))
			fmt.Fprint(conn, tt.raw)
			res, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if res.StatusCode != 400 && res.StatusCode != 501 {
				t.Errorf("got %d, want 400 or 501", res.StatusCode)
			}
		})
	}
}

func TestAttackHopHeaders(t *testing.T) {
	t.Parallel()
	a, _ := newSample(t)
	for _, header := range []string{
		"Connection: Authorization", "X-Original-URL: /identity/resources/nil/v1", "X-Rewrite-URL: /identity/resources/nil/v1",
		"X-Forwarded-User: u1", "X-Identity: u1",
	} {
		t.Run("HTTP-17 "+header, func(t *testing.T) {
			t.Parallel()
			if w := ask(t, a, "GET", "/identity/resources/me/v1", "", header); w.Code != 401 {
				t.Errorf("got %d, want 401", w.Code)
			}
		})
	}
}

func TestAttackPanic(t *testing.T) {
	t.Parallel()
	a, log := newSample(t)
	t.Run("HTTP-22 panic in a hook", func(t *testing.T) {
		w := ask(t, a, "GET", "/identity/resources/fail/v1/panic", "")
		messages, code := problem(t, w)
		if w.Code != 500 || code != "internal" || !slices.Equal(messages, []string{"internal error"}) {
			t.Errorf("got %d %s %q", w.Code, code, messages)
		}
		if text := log.String(); strings.Count(text, "level=ERROR") != 1 || !strings.Contains(text, "secret text of a panic") ||
			!strings.Contains(text, "export_test.go") {
			t.Errorf("the log is %s, want the panic once with its stack", text)
		}
		if w := ask(t, a, "GET", "/identity/resources/nil/v1", ""); w.Code != 200 {
			t.Errorf("afterwards: %d", w.Code)
		}
	})
}

func TestErrors(t *testing.T) {
	t.Parallel()
	a, log := newSample(t)
	for how, want := range map[string]int{
		"invalid": 400, "unauthenticated": 401, "forbidden": 403, "not_found": 404, "conflict": 409, "gone": 410,
		"too_large": 413, "unsupported_type": 415, "rate_limited": 429, "unavailable": 503, "internal": 500,
	} {
		w := ask(t, a, "GET", "/identity/resources/fail/v1/"+how, "")
		_, code := problem(t, w)
		if w.Code != want || code != how {
			t.Errorf("%s = %d %s, want %d", how, w.Code, code, want)
		}
		if late := w.Header().Get("Retry-After"); (late != "") != (want == 429 || want == 503) {
			t.Errorf("%s has Retry-After %q", how, late)
		}
		if challenge := w.Header().Get("WWW-Authenticate"); (challenge == "Bearer") != (want == 401) {
			t.Errorf("%s has WWW-Authenticate %q", how, challenge)
		}
		if strings.Contains(w.Body.String(), "secret") {
			t.Errorf("%s leaks %s", how, w.Body)
		}
	}
	if w := ask(t, a, "GET", "/identity/resources/fail/v1/wire", ""); !strings.Contains(w.Body.String(), `"ER-01034"`) {
		t.Errorf("the contract's code is lost: %s", w.Body)
	}
	if n := strings.Count(log.String(), "secret text of an error"); n != 1 {
		t.Errorf("the cause is in the log %d times, want once:\n%s", n, log)
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	a, _ := newSample(t)
	for query, want := range map[string]string{
		"":                          `{"items":["y","a"],"_links":{"next":"","prev":"","first":"?_offset=0","last":"?_offset=0"},"_metadata":{"totalItems":7,"totalPages":1}}`,
		"?_limit=2&_offset=1&x=y":   `{"items":["c","c"],"_links":{"next":"?_limit=2\u0026_offset=2\u0026x=y","prev":"?_limit=2\u0026_offset=0\u0026x=y","first":"?_limit=2\u0026_offset=0\u0026x=y","last":"?_limit=2\u0026_offset=3\u0026x=y"},"_metadata":{"totalItems":7,"totalPages":4}}`,
		"?_limit=2&_after=c&_x=%2F": `{"items":["c","a"],"_links":{"next":"?_after=c\u0026_limit=2\u0026_x=%2F","prev":"","first":"?_limit=2\u0026_offset=0\u0026_x=%2F","last":"?_limit=2\u0026_offset=3\u0026_x=%2F"},"_metadata":{"totalItems":7,"totalPages":4}}`,
	} {
		if w := ask(t, a, "GET", "/identity/resources/list/v1"+query, ""); w.Body.String() != want {
			t.Errorf("%q:\ngot  %s\nwant %s", query, w.Body, want)
		}
	}
	for _, query := range []string{
		"_limit=0", "_limit=-1", "_limit=2001", "_limit=x", "_limit=", "_offset=-1", "_offset=1e3", "_offset=1000001",
		"_offset=9223372036854775807", "_order=asc", "_order=UP", "_order=", "_limit=1&_limit=2",
	} {
		if w := ask(t, a, "GET", "/identity/resources/list/v1?"+query, ""); w.Code != 400 {
			t.Errorf("%s = %d %s, want 400", query, w.Code, w.Body)
		}
	}
}

func TestLimited(t *testing.T) {
	t.Parallel()
	a, _ := newSample(t, func(c *middleware.Config) {
		c.Limiter = middleware.NewLimiter(c.Now, map[string]middleware.Rate{
			"sign-in": {Requests: 2, Window: time.Hour}, "general": {Requests: 3, Window: time.Hour},
		})
	})
	var got []int
	for range 3 {
		got = append(got, ask(t, a, "POST", "/identity/resources/cookie/v1", `{`).Code)
	}
	if !slices.Equal(got, []int{400, 400, 429}) {
		t.Errorf("a route with a rate of its own answers %v", got)
	}
	got = nil
	for range 4 {
		got = append(got, ask(t, a, "GET", "/identity/resources/nothing", "").Code)
	}
	if !slices.Equal(got, []int{404, 404, 404, 429}) {
		t.Errorf("a path without a route answers %v", got)
	}
}

// TestMistakes checks that wrong rows are told when the API is made, not when it is called.
func TestMistakes(t *testing.T) {
	t.Parallel()
	g, err := middleware.New(middleware.Config{Resolve: nobody, Log: slog.New(slog.DiscardHandler), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	for i, err := range handlers.NewBroken(handlers.Config{Guard: g, Log: slog.New(slog.DiscardHandler), Now: time.Now}) {
		if err == nil {
			t.Errorf("mistake %d is accepted", i)
		}
	}
	if _, err := handlers.New(handlers.Config{}); err == nil {
		t.Error("an API of nothing is accepted")
	}
}
