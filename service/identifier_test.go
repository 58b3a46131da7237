package service_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/internal/needs"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

func TestIdentifierForms(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, email, want string }{
		{"case of ASCII", "Ada.Lovelace@Example.COM", "ada.lovelace@example.com"},
		{"spaces around", " ada@example.com ", "ada@example.com"},
		{"trailing dot", "ada@example.com.", "ada@example.com"},
		{"U-label", "ada@münchen.de", "ada@xn--mnchen-3ya.de"},
		{"A-label", "ada@XN--MNCHEN-3YA.de", "ada@xn--mnchen-3ya.de"},
		{"fullwidth domain", "ada@ｅxample.com", "ada@example.com"},
		{"case beyond ASCII stays", "Éva@example.com", "Éva@example.com"},
		{"plus", "ada+x@example.com", "ada+x@example.com"},
		{"long local part", strings.Repeat("a", 64) + "@example.com", strings.Repeat("a", 64) + "@example.com"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newCollection(t)
			c.tenant(t, "acme")
			p := c.user(t, tt.email, "acme")
			is, err := c.db.Identifiers(t.Context(), p.ID)
			if err != nil || len(is) != 1 {
				t.Fatalf("Identifiers = %v, %v, want one", is, err)
			}
			if is[0].Value != tt.want || is[0].Kind != store.Email || is[0].VerifiedAt.IsZero() {
				t.Errorf("identifier of %q = %+v, want a verified address %q", tt.email, is[0], tt.want)
			}
		})
	}
}

func TestIdentifierRefuses(t *testing.T) {
	t.Parallel()
	c := newCollection(t)
	c.tenant(t, "acme")
	for _, tt := range []struct{ name, email, username string }{
		{"nothing", "", ""},
		{"no domain", "ada", ""},
		{"two at signs", "ada@b@example.com", ""},
		{"empty local part", "@example.com", ""},
		{"long local part", strings.Repeat("a", 65) + "@example.com", ""},
		{"long address", "ada@" + strings.Repeat(strings.Repeat("a", 60)+".", 5) + "com", ""},
		{"one label", "ada@localhost", ""},
		{"an address of a host", "ada@127.0.0.1", ""},
		{"a literal", "ada@[127.0.0.1]", ""},
		{"quoted", `"ada"@example.com`, ""},
		{"dot first", ".ada@example.com", ""},
		{"dot last", "ada.@example.com", ""},
		{"dot twice", "a..da@example.com", ""},
		{"space inside", "a da@example.com", ""},
		{"line break", "ada@example.com\r\nBcc: eve@example.com", ""},
		{"line break at the end", "ada@example.com\n", ""},
		{"list", "ada@example.com,eve@example.com", ""},
		{"zero width space", "ada\u200b@example.com", ""},
		{"U+0000", "ada\x00@example.com", ""},
		{"not UTF-8", "ada\xff@example.com", ""},
		{"not UTF-8 in the domain", "ada@exa\xefmple.com", ""},
		{"not NFC", "a\u0301da@example.com", ""},
		{"underscore in the domain", "ada@exa_mple.com", ""},
		{"two dots in the domain", "ada@example..com", ""},
		{"space in a username", "", "ada lovelace"},
		{"letters beyond ASCII in a username", "", "adä"},
		{"long username", "", strings.Repeat("a", 256)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := c.Users.Create(t.Context(), host, service.NewUser{TenantID: "acme", Email: tt.email, Username: tt.username})
			if got := code(err); got != fault.Invalid {
				t.Errorf("Create(%q, %q) = %v, want invalid", tt.email, tt.username, err)
			}
		})
	}
}

func TestAttackIdentifier(t *testing.T) {
	t.Parallel()
	var corpus struct {
		Pairs []struct {
			A, B string
			Same bool
		}
	}
	text, err := os.ReadFile(needs.Shared(t, "corpora", "corpora", "own-lists", "identifier_collisions.json"))
	if err == nil {
		err = json.Unmarshal(text, &corpus)
	}
	if err != nil || len(corpus.Pairs) == 0 {
		t.Fatal("the corpus is empty", err)
	}
	for _, tt := range corpus.Pairs {
		t.Run("LCK-05 "+tt.A, func(t *testing.T) {
			t.Parallel()
			c := newCollection(t)
			c.tenant(t, "acme")
			c.tenant(t, "other")
			if _, err := c.Users.Create(t.Context(), host, service.NewUser{TenantID: "acme", Email: tt.B}); err != nil {
				t.Fatalf("Create(%q) = %v", tt.B, err)
			}
			_, err := c.Users.Create(t.Context(), host, service.NewUser{TenantID: "other", Email: tt.A})
			if got := code(err); tt.Same && got != fault.Conflict || !tt.Same && got != "" && got != fault.Invalid {
				t.Errorf("Create(%q) beside %q = %v, same account: %t", tt.A, tt.B, err, tt.Same)
			}
			p, err := c.Users.ByEmail(t.Context(), host, tt.A)
			if found := err == nil && p.Email == tt.B; found != tt.Same {
				t.Errorf("ByEmail(%q) found %q: %t, want %t", tt.A, tt.B, found, tt.Same)
			}
		})
	}
}

func TestMetadataRefuses(t *testing.T) {
	t.Parallel()
	c := newCollection(t)
	c.tenant(t, "acme")
	for i, tt := range []struct {
		name, text string
		want       fault.Code
	}{
		{"empty", "", ""},
		{"object", `{"a":[1,{"b":null}],"c":"é"}`, ""},
		{"same key elsewhere", `{"a":{"a":1},"b":{"a":1}}`, ""},
		{"array", `[]`, fault.Invalid},
		{"null", `null`, fault.Invalid},
		{"broken", `{"a":`, fault.Invalid},
		{"two values", `{}{}`, fault.Invalid},
		{"comma", `{"a":1,}`, fault.Invalid},
		{"key twice", `{"a":1,"a":2}`, fault.Invalid},
		{"key twice below", `{"b":[{"a":1,"a":2}]}`, fault.Invalid},
		{"key twice, escaped", `{"a":1,"\u0061":2}`, fault.Invalid},
		{"U+0000", `{"a":"\u0000"}`, fault.Invalid},
		{"U+0000 in a key", `{"\u0000":1}`, fault.Invalid},
		{"lone surrogate", `{"a":"\ud800"}`, fault.Invalid},
		{"not UTF-8", "{\"a\":\"\xff\"}", fault.Invalid},
		{"deep", strings.Repeat(`{"a":`, 100) + "1" + strings.Repeat("}", 100), fault.Invalid},
		{"long", `{"a":"` + strings.Repeat("a", 64<<10) + `"}`, fault.Invalid},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			n := service.NewUser{TenantID: "acme", Username: fmt.Sprint("user-", i), Metadata: tt.text}
			p, err := c.Users.Create(t.Context(), host, n)
			if got := code(err); got != tt.want {
				t.Fatalf("Create with metadata %.40q = %v, want %q", tt.text, err, tt.want)
			}
			if want := cmp.Or(tt.text, "{}"); err == nil && p.Metadata != want {
				t.Errorf("metadata = %q, want %q", p.Metadata, want)
			}
		})
	}
}

func TestAttackIdentifierLockout(t *testing.T) {
	t.Parallel()
	t.Run("LCK-04 variants of an address share one counter", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, open)
		w.signUp(t, "admin@münchen.de")
		for _, email := range []string{
			"Admin@münchen.de", "admin@MÜNCHEN.de", " admin@münchen.de", "admin@münchen.de.", "admin@xn--mnchen-3ya.de",
		} {
			_, err := w.login(t, email, "wrong")
			wantCode(t, "login as "+email, err, fault.Unauthenticated)
		}
		_, err := w.login(t, "admin@münchen.de", good)
		wantCode(t, "login with the right password after that", err, fault.Unauthenticated)
	})
}

func FuzzEmail(f *testing.F) {
	for _, seed := range []string{"Ada@Example.com.", " a@ｘ.com", "a@münchen.de", "a@xn--a.b", "@", "a@b..c", "a@\xef.b", "\xff@a.b", "K@x.com"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		once, err := service.NormalizeEmail(text)
		if err != nil {
			return
		}
		if twice, err := service.NormalizeEmail(once); err != nil || twice != once {
			t.Errorf("%q is %q, and that is %q, %v", text, once, twice, err)
		}
		if len(once) > 254 || strings.Count(once, "@") != 1 || !store.Storable(once) || strings.ContainsAny(once, " <>,;:\r\n\"") {
			t.Errorf("%q is %q, which is no address", text, once)
		}
	})
}

func FuzzMetadata(f *testing.F) {
	for _, seed := range []string{"{}", `{"a":[1,{"b":"c"}]}`, `{"a":1,"a":2}`, `{"a":"\ud800"}`, "[]", "{", `{"a":1}x`, "\ufeff{}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !service.ObjectText(text) {
			return
		}
		var m map[string]any
		if err := json.Unmarshal([]byte(text), &m); err != nil || m == nil {
			t.Errorf("%q was taken for an object: %v", text, err)
		}
	})
}
