package outbound_test

import (
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/internal/outbound"
)

// FuzzCheckURL reads addresses of every shape: what passes is https to a public name or
// address, whoever reads it, and stays so when it is written again.
func FuzzCheckURL(f *testing.F) {
	for _, seed := range []string{
		"https://idp.example.com/metadata?a=b", "https://idp.example.com:443", "https://8.8.8.8/", "https://[2606:4700::1111]/", "http://127.0.0.1/",
		"https://2130706433/", "https://0x7f.1/", "https://user@idp.example.com/", "https://idp.example.com#@10.0.0.1/", `https://a\@b.example/`,
		"https://[::ffff:127.0.0.1]/", "https://127.0.0.1.nip.io:443/", "https:idp.example.com", "https://ⓛocalhost/", "https://[fe80::1%25lo]/",
		"https://xn--a/", "https://idp.example.com:0443/", "https://a..b/", "https://metadata.google.internal/", "https://a.example%2eevil.example/",
	} {
		f.Add(seed)
	}
	closed, open := outbound.New(outbound.Options{}), outbound.New(outbound.Options{AllowPrivateNetworks: true})
	f.Fuzz(func(t *testing.T, raw string) {
		if err := open.CheckURL(raw); err != nil {
			if got := fault.From(err).Code; got != fault.Invalid || closed.CheckURL(raw) == nil {
				t.Fatalf("%q: refused with %v where private networks are open, and passed where they are not", raw, got)
			}
			return
		}
		u, err := url.Parse(raw)
		if err != nil || u.Host == "" || u.User != nil || strings.ContainsAny(raw, "#\\ \t\r\n") {
			t.Fatalf("%q passed: %v", raw, err)
		}
		if err := open.CheckURL(u.String()); err != nil {
			t.Fatalf("%q passed, %q did not: %v", raw, u, err)
		}
		if closed.CheckURL(raw) == nil {
			public(t, raw, u)
		}
	})
}

// public wants an address that leads nowhere near, by a reading of its own.
func public(t *testing.T, raw string, u *url.URL) {
	t.Helper()
	host := strings.ToLower(u.Hostname())
	if u.Scheme != "https" || u.Port() != "" && strings.TrimLeft(u.Port(), "0") != "443" {
		t.Fatalf("%q passed", raw)
	}
	a, err := netip.ParseAddr(host)
	if err == nil {
		a = a.Unmap()
		if !a.IsGlobalUnicast() || a.IsPrivate() || a.IsLoopback() || a.Zone() != "" {
			t.Fatalf("%q passed", raw)
		}
		return
	}
	last := host[strings.LastIndexByte(host, '.')+1:]
	hex, is := strings.CutPrefix(last, "0x")
	number := strings.Trim(last, "0123456789") == "" || is && strings.Trim(hex, "0123456789abcdef") == ""
	if last == host || number || last == "localhost" || last == "internal" || last == "local" {
		t.Fatalf("%q passed: its host ends in %q", raw, last)
	}
}
