package outbound_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/internal/needs"
	"github.com/go-identity/identity/internal/outbound"
)

// targets are the corpus of addresses that a guard must tell apart.
type targets struct {
	IP []struct {
		Addr, Why string
		Block     bool
	}
	URL []struct {
		URL, Why string
		Block    bool
	}
}

func corpus(t *testing.T) targets {
	t.Helper()
	text, err := os.ReadFile(needs.Shared(t, "corpora", "corpora", "own-lists", "ssrf_targets.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all targets
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// get asks for an address and wants it refused before a byte left.
func refused(t *testing.T, g *outbound.Guard, address string) error {
	t.Helper()
	a, err := g.Client().Get(address)
	if err == nil {
		a.Body.Close()
		t.Fatalf("GET %s was answered %d, want a refusal", address, a.StatusCode)
	}
	if got, want := fault.From(err).Error(), outbound.Unreachable(nil).Error(); got != want {
		t.Errorf("GET %s: a caller sees %q, want %q", address, got, want)
	}
	return err
}

func TestAttackAddresses(t *testing.T) {
	t.Parallel()
	all := corpus(t)
	t.Run("SSRF-01 SSRF-08 the table, at the dial", func(t *testing.T) {
		t.Parallel()
		for _, row := range all.IP {
			if !row.Block {
				continue
			}
			g := outbound.New(outbound.Options{Resolver: names(t, []string{row.Addr})})
			if err := refused(t, g, "https://idp.example.com/"); !errors.Is(err, outbound.ErrAddress) {
				t.Errorf("%s (%s): %v, want it refused for its address", row.Addr, row.Why, err)
			}
		}
	})
	t.Run("SSRF-01 SSRF-08 the table, in a URL", func(t *testing.T) {
		t.Parallel()
		g := outbound.New(outbound.Options{})
		for _, row := range all.IP {
			address := "https://" + (&url.URL{Host: net.JoinHostPort(row.Addr, "443")}).Host
			if got := g.CheckURL(address) != nil; got != row.Block {
				t.Errorf("CheckURL(%s) refused: %v, want %v (%s)", address, got, row.Block, row.Why)
			}
		}
	})
	t.Run("SSRF-01 open to private networks is not open to metadata", func(t *testing.T) {
		t.Parallel()
		g := outbound.New(outbound.Options{AllowPrivateNetworks: true})
		for _, a := range []string{
			"169.254.169.254", "100.100.100.200", "168.63.129.16", "192.0.0.192", "[fd00:ec2::254]", "[fd20:ce::254]",
			"[fe80::1%25lo]", "[64:ff9b::a9fe:a9fe]", "[2002:7f00:1::]", "[::ffff:a9fe:a9fe]", "0.0.0.0", "[::]", "metadata.google.internal",
		} {
			if g.CheckURL("https://"+a+"/") == nil {
				t.Errorf("CheckURL(%s) passed", a)
			}
		}
		for _, a := range []string{"10.0.0.1", "192.168.1.1:8443", "[fc00::1]", "idp", "sso.corp.internal", "127.0.0.1:1", "[::ffff:7f00:1]"} {
			if err := g.CheckURL("https://" + a + "/"); err != nil {
				t.Errorf("CheckURL(%s) = %v, want it open", a, err)
			}
		}
	})
}

func TestAttackNames(t *testing.T) {
	t.Parallel()
	all := corpus(t)
	// What only DNS or an answer gives away.
	later := func(why string) bool { return strings.Contains(why, "at dial") || strings.Contains(why, "302") }
	t.Run("SSRF-06 SSRF-09 SSRF-11 SSRF-19 the table", func(t *testing.T) {
		t.Parallel()
		g := outbound.New(outbound.Options{})
		for _, row := range all.URL {
			got := g.CheckURL(row.URL) != nil
			if want := row.Block && !later(row.Why); got != want {
				t.Errorf("CheckURL(%.80q) refused: %v, want %v (%s)", row.URL, got, want, row.Why)
			}
		}
	})
	t.Run("SSRF-02 SSRF-20 the same URL, private by now", func(t *testing.T) {
		t.Parallel()
		for _, row := range all.URL {
			if row.Block && later(row.Why) {
				g := outbound.New(outbound.Options{Resolver: names(t, []string{"127.0.0.1"})})
				if err := refused(t, g, row.URL); !errors.Is(err, outbound.ErrAddress) {
					t.Errorf("GET %s: %v, want it refused for its address", row.URL, err)
				}
			}
		}
	})
	t.Run("SSRF-04 every address that is tried", func(t *testing.T) {
		t.Parallel()
		for _, set := range [][]string{{"127.0.0.1", "10.0.0.1"}, {"::1", "127.0.0.1"}, {"fd00::1", "192.168.0.1", "169.254.169.254"}} {
			g := outbound.New(outbound.Options{Resolver: names(t, set)})
			if err := refused(t, g, "https://many.example.com/"); !errors.Is(err, outbound.ErrAddress) {
				t.Errorf("%v: %v", set, err)
			}
		}
	})
	t.Run("SSRF-06 the client asks again", func(t *testing.T) {
		t.Parallel()
		g := outbound.New(outbound.Options{})
		for _, host := range []string{"１２７.0.0.1", "127。0。0。1", "ⓛocalhost", "2130706433", "0x7f.1", "127.1"} {
			for _, scheme := range []string{"http", "https"} {
				refused(t, g, scheme+"://"+host+"/")
			}
		}
	})
	t.Run("SSRF-09 ports", func(t *testing.T) {
		t.Parallel()
		closed, open := outbound.New(outbound.Options{}), outbound.New(outbound.Options{AllowPrivateNetworks: true})
		for _, port := range []int{22, 25, 80, 6379, 8443, 11211} {
			address := fmt.Sprintf("https://idp.example.com:%d/", port)
			if closed.CheckURL(address) == nil {
				t.Errorf("CheckURL(%s) passed", address)
			}
			if err := open.CheckURL(address); err != nil {
				t.Errorf("with private networks: CheckURL(%s) = %v", address, err)
			}
		}
		for _, port := range []string{"", "0", "65536", "-1", "443x", "00000000443443"} {
			if address := "https://idp.example.com:" + port + "/"; open.CheckURL(address) == nil {
				t.Errorf("CheckURL(%s) passed", address)
			}
		}
	})
	t.Run("SSRF-18 only the hosts listed", func(t *testing.T) {
		t.Parallel()
		g := outbound.New(outbound.Options{Hosts: []string{"idp.example.com"}})
		if err := g.CheckURL("https://IDP.example.com/"); err != nil {
			t.Error(err)
		}
		for _, host := range []string{"example.com", "a.idp.example.com", "idp.example.com.evil.example", "8.8.8.8"} {
			if g.CheckURL("https://"+host+"/") == nil {
				t.Errorf("CheckURL(%s) passed", host)
			}
			refused(t, g, "https://"+host+"/")
		}
	})
	t.Run("SSRF-19 before DNS", func(t *testing.T) {
		t.Parallel()
		r := &net.Resolver{PreferGo: true, Dial: nil}
		g := outbound.New(outbound.Options{Resolver: r})
		for _, host := range []string{"metadata.google.internal", "a.svc.cluster.local", "localhost", "localhost.", "printer", "nas.lan", "a.home.arpa"} {
			if err := refused(t, g, "https://"+host+"/"); errors.As(err, new(*net.DNSError)) {
				t.Errorf("%s was asked for", host)
			}
		}
	})
}

func TestAttackPlain(t *testing.T) {
	t.Parallel()
	t.Run("SSRF-05 plain http leaves loopback for nothing", func(t *testing.T) {
		t.Parallel()
		g := outbound.New(outbound.Options{AllowPrivateNetworks: true, Resolver: names(t, []string{"10.0.0.1"})})
		for _, address := range []string{"http://10.0.0.1/", "http://idp.example.com/", "http://192.168.1.1:8080/", "http://foo.localhost/"} {
			if g.CheckURL(address) == nil {
				t.Errorf("CheckURL(%s) passed", address)
			}
			refused(t, g, address)
		}
		// A hosts file may send localhost anywhere.
		if err := g.CheckURL("http://localhost:8080/"); err != nil {
			t.Error(err)
		}
	})
	t.Run("SSRF-16 never the default client", func(t *testing.T) {
		t.Parallel()
		c := outbound.New(outbound.Options{}).Client()
		if c == http.DefaultClient || c.Transport == http.DefaultTransport || c.Transport == nil {
			t.Error("the default client or transport is in use")
		}
	})
}
