package handlers_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/go-identity/identity/handlers"
	"github.com/go-identity/identity/internal/needs"
)

const echo = "/identity/resources/echo/v1"

func TestDecode(t *testing.T) {
	t.Parallel()
	a, _ := newSample(t)
	body := `{"name":"n","level":3,"flag":false,"ids":["aa","bb"],"items":[{"key":"k"}],"parent":null,` +
		`"free":{"a":[1.5,null]},"labels":{"x":"y"},"unknown":[{}]}`
	w := ask(t, a, "POST", echo+"?page=2&choices=a,b&choices=c&yes=true&other=1&other=2", body, "X-Hidden: h")
	want := `{"name":"n","level":3,"flag":false,"ids":["aa","bb"],"items":[{"key":"k"}],"set":true,"null":true,` +
		`"parent":"","free":{"a":[1.5,null]},"labels":{"x":"y"},"page":2,"hidden":"h","choices":["a","b","c"],"yes":true}`
	if w.Code != 200 || w.Body.String() != want {
		t.Errorf("got %d %s\nwant 200 %s", w.Code, w.Body, want)
	}
}

// TestViolations checks that a caller hears of everything at once, in the words of the
// published API.
func TestViolations(t *testing.T) {
	t.Parallel()
	a, _ := newSample(t)
	for _, tt := range []struct {
		name, target, body string
		want               []string
	}{
		{"missing", echo, `{}`, []string{"name should not be empty"}},
		{"no body", echo, ``, []string{"name should not be empty"}},
		{"null", echo, `{"name":null}`, []string{"name should not be empty"}},
		{"empty", echo, `{"name":""}`, []string{"name should not be empty"}},
		{"optional null", echo, `{"name":"n","level":null,"flag":null,"ids":null}`, nil},
		{"types", echo, `{"name":1,"level":"x","flag":"x","ids":{},"items":[1],"labels":[]}`, []string{
			"name must be a string", "level must be a number conforming to the specified constraints",
			"flag must be a boolean value", "ids must be an array", "each value in items must be an object",
			"labels must be an object",
		}},
		{"limits", echo, `{"name":"123456789","level":-1,"use":"C","email":"x","ids":[]}`, []string{
			"name must be shorter than or equal to 8 characters", "level must not be less than 0",
			"use must be one of the following values: A, B", "email must be an email",
			"ids must contain at least 1 elements",
		}},
		{"code points, not bytes", echo, `{"name":"éééééééé"}`, nil},
		{"maximum", echo, `{"name":"n","level":32768}`, []string{"level must not be greater than 32767"}},
		{"items", echo, `{"name":"n","ids":["a",1,null]}`, []string{
			"each value in ids must be longer than or equal to 2 characters", "each value in ids must be a string",
			"each value in ids must be a string",
		}},
		{"too many items", echo, `{"name":"n","ids":["aa","aa","aa","aa"]}`, []string{"ids must contain no more than 3 elements"}},
		{"nested", echo, `{"name":"n","items":[{"key":"k"},{}]}`, []string{"items.1.key should not be empty"}},
		{"query", echo + "?page=0&yes=1", `{"name":"n"}`, []string{"page must not be less than 1", "yes must be a boolean value"}},
		{"query and body", echo + "?page=x", `{}`, []string{
			"name should not be empty", "page must be a number conforming to the specified constraints",
		}},
		{"list body", "/identity/resources/many/v1", `[]`, []string{"must contain at least 1 elements"}},
		{"no list", "/identity/resources/many/v1", `{}`, []string{"must be an array"}},
		{"no list body", "/identity/resources/many/v1", ``, []string{"the body should not be empty"}},
		{"in a list body", "/identity/resources/many/v1", `[{"key":1}]`, []string{"0.key must be a string"}},
		{"null body", echo, `null`, []string{"must be an object"}},
		{"text body", echo, `"x"`, []string{"must be an object"}},
		{"own route", "/identity/resources/own/v1", `{"name":"n","isAdmin":true}`, []string{"isAdmin should not exist"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := ask(t, a, "POST", tt.target, tt.body)
			if tt.want == nil {
				if w.Code != 200 {
					t.Errorf("got %d %s, want 200", w.Code, w.Body)
				}
				return
			}
			if got, code := problem(t, w); w.Code != 400 || code != "invalid" || !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %d %s %q\nwant 400 invalid %q", w.Code, code, got, tt.want)
			}
		})
	}
}

func TestAttackBody(t *testing.T) {
	t.Parallel()
	a, _ := newSample(t)
	nest := func(n int) string {
		return `{"name":"n","free":` + strings.Repeat("[", n) + strings.Repeat("]", n) + `}`
	}
	fill := func(n int) string {
		return `{"name":"n","free":"` + strings.Repeat("x", n-len(`{"name":"n","free":""}`)) + `"}`
	}
	for _, tt := range []struct {
		name, body string
		want       int
	}{
		{"HTTP-01 limit", fill(1 << 20), 200},
		{"HTTP-01 limit+1", fill(1<<20 + 1), 413},
		{"HTTP-02 depth", nest(63), 200},
		{"HTTP-02 too deep", nest(64), 400},
		{"HTTP-02 10,000", nest(10_000), 400},
		{"HTTP-02 unclosed", strings.Repeat("[", 1_000_000), 400},
		{"HTTP-03 duplicate keys", `{"name":"a","name":"b"}`, 400},
		{"HTTP-03 duplicate unknown keys", `{"name":"a","x":1,"x":2}`, 400},
		{"HTTP-03 duplicate through an escape", `{"name":"a","n\u0061me":"b"}`, 400},
		{"HTTP-03 duplicate with null", `{"name":"a","name":null}`, 400},
		{"HTTP-03 duplicate deep inside", `{"name":"a","free":[{"x":1,"x":1}]}`, 400},
		{"HTTP-03 case variant", `{"name":"a","NAME":"b"}`, 400},
		{"HTTP-03 case variant alone", `{"Name":"a"}`, 400},
		{"HTTP-03 case variant of unicode", `{"name":"a","ema\u0131l":"x","\u017Fet":1,"item\u017f":[]}`, 400},
		{"HTTP-05 unknown fields", `{"name":"a","isAdmin":true}`, 200},
		{"HTTP-05 a field by its Go name", `{"name":"a","Page":7,"Hidden":"h","Choices":["x"]}`, 200},
		{"HTTP-06 trailing data", `{"name":"a"}garbage`, 400},
		{"HTTP-06 two documents", `{"name":"a"}{"name":"b"}`, 400},
		{"HTTP-06 trailing space", "{\"name\":\"a\"} \n", 200},
		{"HTTP-07 null", `null`, 400},
		{"HTTP-07 array", `[]`, 400},
		{"HTTP-07 BOM", "\ufeff" + `{"name":"a"}`, 400},
		{"HTTP-07 NaN", `{"name":"a","level":NaN}`, 400},
		{"HTTP-07 1e400", `{"name":"a","free":1e400}`, 400},
		{"HTTP-07 only space", " ", 400},
		{"HTTP-08 invalid UTF-8", "{\"name\":\"\xff\"}", 400},
		{"HTTP-08 invalid UTF-8 in a key", "{\"name\":\"a\",\"\xff\":1}", 400},
		{"HTTP-08 overlong", "{\"name\":\"\xc0\xaf\"}", 400},
		{"HTTP-08 lone high surrogate", `{"name":"\ud800"}`, 400},
		{"HTTP-08 lone low surrogate", `{"name":"\udc00"}`, 400},
		{"HTTP-08 high and not low", `{"name":"\ud800\u0041"}`, 400},
		{"HTTP-08 pair", `{"name":"\ud83d\ude00"}`, 200},
		{"HTTP-08 U+0000", `{"name":"a\u0000"}`, 400},
		{"HTTP-08 U+0000 in a key", `{"name":"a","\u0000":1}`, 400},
		{"HTTP-08 raw NUL", "{\"name\":\"a\x00\"}", 400},
		{"HTTP-09 2^53+1", `{"name":"a","level":9007199254740993}`, 400},
		{"HTTP-09 2^63", `{"name":"a","level":9223372036854775808}`, 400},
		{"HTTP-09 1e3", `{"name":"a","level":1e3}`, 400},
		{"HTTP-09 1.0", `{"name":"a","level":1.0}`, 400},
		{"HTTP-09 -0", `{"name":"a","level":-0}`, 400},
		{"HTTP-09 leading zero", `{"name":"a","level":01}`, 400},
		{"HTTP-09 exact", `{"name":"a","level":1000}`, 200},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := ask(t, a, "POST", echo, tt.body)
			if w.Code != tt.want {
				t.Errorf("got %d %.200s, want %d", w.Code, w.Body, tt.want)
			}
			if w.Code == 413 && w.Header().Get("Connection") != "close" {
				t.Error("the connection stays open behind a body that is too large")
			}
			if strings.Contains(w.Body.String(), `"page":7`) || strings.Contains(w.Body.String(), `"hidden":"h"`) {
				t.Errorf("the body filled a field of another place: %s", w.Body)
			}
		})
	}
}

func TestAttackBodyLength(t *testing.T) {
	t.Parallel()
	a, _ := newSample(t)
	srv := httptest.NewServer(a)
	t.Cleanup(srv.Close)
	t.Run("HTTP-01 chunked without length", func(t *testing.T) {
		t.Parallel()
		body := iotest.OneByteReader(strings.NewReader(`{"name":"` + strings.Repeat("x", 2<<20)))
		r, _ := http.NewRequestWithContext(t.Context(), "POST", srv.URL+echo, iotest.DataErrReader(body))
		r.Header.Set("Content-Type", "application/json")
		res, err := srv.Client().Do(r)
		if err != nil {
			return // refused before the end: the connection is closed
		}
		defer res.Body.Close()
		if res.StatusCode != 413 || !res.Close {
			t.Errorf("got %d, closing %t, want 413 and closed", res.StatusCode, res.Close)
		}
	})
}

func TestAttackContentType(t *testing.T) {
	t.Parallel()
	a, _ := newSample(t)
	for _, tt := range []struct {
		name    string
		headers []string
		want    int
	}{
		{"HTTP-12 missing", []string{"Content-Type: "}, 415},
		{"HTTP-12 text", []string{"Content-Type: text/plain"}, 415},
		{"HTTP-12 form", []string{"Content-Type: application/x-www-form-urlencoded"}, 415},
		{"HTTP-12 utf-16", []string{"Content-Type: application/json; charset=utf-16"}, 415},
		{"HTTP-12 longer", []string{"Content-Type: application/json/evil"}, 415},
		{"HTTP-12 twice", []string{"Content-Type: application/json", "X-A: b"}, 200},
		{"HTTP-12 xml", []string{"Content-Type: application/xml"}, 415},
		{"HTTP-12 parameter", []string{"Content-Type: application/json; boundary=x"}, 415},
		{"HTTP-12 utf-8", []string{"Content-Type: application/json; charset=UTF-8"}, 200},
		{"HTTP-12 case", []string{"Content-Type: Application/JSON"}, 200},
		{"HTTP-23 multipart", []string{"Content-Type: multipart/form-data; boundary=x"}, 415},
		{"HTTP-23 zip", []string{"Content-Type: application/zip"}, 415},
		{"HTTP-23 gzip", []string{"Content-Encoding: gzip"}, 415},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if w := ask(t, a, "POST", echo, `{"name":"n"}`, tt.headers...); w.Code != tt.want {
				t.Errorf("got %d %s, want %d", w.Code, w.Body, tt.want)
			}
		})
	}
	t.Run("HTTP-12 duplicated header", func(t *testing.T) {
		t.Parallel()
		r := httptest.NewRequestWithContext(t.Context(), "POST", echo, strings.NewReader(`{"name":"n"}`))
		r.Header["Content-Type"] = []string{"application/json", "application/json"}
		w := httptest.NewRecorder()
		a.ServeHTTP(w, r)
		if w.Code != 415 {
			t.Errorf("got %d, want 415", w.Code)
		}
	})
}

// TestEmptyBodies checks what published clients send where a route takes nothing.
func TestEmptyBodies(t *testing.T) {
	t.Parallel()
	a, _ := newSample(t)
	empty := "/identity/resources/empty/v1"
	for _, tt := range []struct {
		name, method, body string
		headers            []string
		status             int
		want               string
	}{
		{"POST with a type and no body", "POST", "", []string{"Content-Type: application/json"}, 200, "{}"},
		{"POST without either", "POST", "", nil, 200, "{}"},
		{"POST with an empty object", "POST", "{}", nil, 200, "{}"},
		{"DELETE with a body", "DELETE", `{"why":"so"}`, nil, 204, ""},
		{"DELETE with a bad body", "DELETE", `{"why":`, nil, 400, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := ask(t, a, tt.method, empty, tt.body, tt.headers...)
			if w.Code != tt.status || tt.want != "" && w.Body.String() != tt.want {
				t.Errorf("got %d %q, want %d %q", w.Code, w.Body, tt.status, tt.want)
			}
		})
	}
}

func TestAttackQuery(t *testing.T) {
	t.Parallel()
	a, _ := newSample(t)
	for _, tt := range []struct {
		name, query string
		want        int
	}{
		{"HTTP-19 repeated", "page=1&page=2", 400},
		{"HTTP-19 repeated and equal", "page=1&page=1", 400},
		{"HTTP-19 repeated and unknown", "a=1&a=2", 200},
		{"HTTP-19 10,000 parameters", strings.Repeat("a=1&", 10_000), 400},
		{"HTTP-19 semicolon", "page=1;page=2", 400},
		{"HTTP-19 bad escape", "page=%zz", 400},
		{"HTTP-19 bad escape in another", "x=%", 400},
		{"HTTP-19 NUL", "x=%00", 400},
		{"HTTP-19 invalid UTF-8", "x=%ff", 400},
		{"HTTP-19 plus sign", "page=%2B1", 400},
		{"HTTP-19 too large a number", "page=99999999999999999999", 400},
		{"HTTP-19 one", "page=1", 200},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if w := ask(t, a, "POST", echo+"?"+tt.query, `{"name":"n"}`); w.Code != tt.want {
				t.Errorf("got %d %s, want %d", w.Code, w.Body, tt.want)
			}
		})
	}
}

// odd lists the texts of the suite that are JSON and that we refuse all the same.
func odd() map[string]string {
	return map[string]string{
		"y_object_duplicated_key.json":           "two programs may read two values",
		"y_object_duplicated_key_and_value.json": "two programs may read two values",
		"y_object_escaped_null_in_key.json":      "a database cannot keep U+0000",
		"y_string_null_escape.json":              "a database cannot keep U+0000",
	}
}

func TestAttackJSONTestSuite(t *testing.T) {
	t.Parallel()
	dir := needs.Shared(t, "corpora", "corpora", "json-testsuite", "test_parsing")
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(files) < 300 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	a, _ := newSample(t)
	refused := odd()
	t.Run("HTTP-10 JSONTestSuite", func(t *testing.T) {
		t.Parallel()
		for _, file := range files {
			src, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			name := filepath.Base(file)
			scanned := handlers.Scan(src)
			_, known := refused[name]
			switch {
			case name[0] == 'y' && (scanned != nil) != known:
				t.Errorf("%s: %v, known as refused %t", name, scanned, known)
			case name[0] == 'n' && scanned == nil:
				t.Errorf("%s is accepted", name)
			}
			for _, target := range []string{echo, "/identity/resources/many/v1", "/identity/resources/empty/v1"} {
				w := ask(t, a, "POST", target, string(src))
				bad := w.Code < 400 || w.Code > 499
				if name[0] == 'n' && bad && len(src) > 0 || w.Code >= 500 {
					t.Errorf("%s at %s: status %d", name, target, w.Code)
				}
			}
		}
	})
}

// FuzzScan checks by invariant: what the scanner accepts is JSON, and reading it gives
// back every key once.
func FuzzScan(f *testing.F) {
	for _, s := range []string{`{"a":[1,-0.5e3,"x\n😀",null,true]}`, `[]`, `"\ud800"`, `{"a":1,"a":2}`, "\ufeff1"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		if handlers.Scan(src) == nil && !json.Valid(src) {
			t.Errorf("%q is accepted and is no JSON", src)
		}
		if broken, err := handlers.ScanEcho(src); err == nil && len(broken) == 0 {
			var v any
			if err := json.Unmarshal(src, &v); err != nil {
				t.Errorf("%q is accepted and does not decode: %v", src, err)
			}
		}
	})
}
