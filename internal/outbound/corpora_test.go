package outbound_test

import (
	"encoding/json"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/go-identity/identity/internal/needs"
	"github.com/go-identity/identity/internal/outbound"
)

// TestAttackSetters takes the hosts that scripts of pages write into addresses.
func TestAttackSetters(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(needs.Shared(t, "corpora", "corpora", "url-wpt", "setters_tests.json"))
	if err != nil {
		t.Fatal(err)
	}
	var groups map[string]json.RawMessage
	var rows []struct {
		Href     string
		New      string `json:"new_value"`
		Expected reading
	}
	if err = json.Unmarshal(text, &groups); err == nil {
		err = json.Unmarshal(groups["host"], &rows)
	}
	if err != nil || len(rows) < 60 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	g := outbound.New(outbound.Options{AllowPrivateNetworks: true})
	t.Run("SSRF-06 the web platform's hosts", func(t *testing.T) {
		t.Parallel()
		for _, r := range rows {
			web := strings.HasPrefix(r.Href, "http:") || strings.HasPrefix(r.Href, "https:")
			if address := "https://" + r.New + "/"; web && g.CheckURL(address) == nil {
				r.Expected.agrees(t, address)
			}
		}
	})
}

// A reading is what a browser makes of an address.
type reading struct {
	Input, Href, Protocol, Username, Password, Hostname, Hash string
	Failure                                                   bool
}

// readings returns the rows of the web platform's tests; comments among them are text.
func readings(t *testing.T) []reading {
	t.Helper()
	text, err := os.ReadFile(needs.Shared(t, "corpora", "corpora", "url-wpt", "urltestdata.json"))
	if err != nil {
		t.Fatal(err)
	}
	var rows []json.RawMessage
	if err := json.Unmarshal(text, &rows); err != nil {
		t.Fatal(err)
	}
	var all []reading
	for _, row := range rows {
		var r reading
		if row[0] != '{' {
			continue
		}
		if err := json.Unmarshal(row, &r); err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}

// secure rewrites a row to https: both schemes are read alike.
func (r reading) secure() string {
	if len(r.Input) > 5 && strings.EqualFold(r.Input[:5], "http:") {
		return "https:" + r.Input[5:]
	}
	return r.Input
}

// TestAttackBrowsers holds what passes against what browsers read: two readers that see
// different hosts in one address are a way past the guard.
func TestAttackBrowsers(t *testing.T) {
	t.Parallel()
	rows, passed := readings(t), 0
	if len(rows) < 800 {
		t.Fatalf("%d rows", len(rows))
	}
	t.Run("SSRF-06 the web platform's addresses", func(t *testing.T) {
		t.Parallel()
		for _, g := range []*outbound.Guard{outbound.New(outbound.Options{}), outbound.New(outbound.Options{AllowPrivateNetworks: true})} {
			for _, r := range rows {
				for _, address := range []string{r.Input, r.secure()} {
					if g.CheckURL(address) == nil {
						passed++
						r.agrees(t, address)
					}
				}
			}
		}
		if passed < 50 {
			t.Errorf("%d addresses pass: the table says little", passed)
		}
	})
	t.Run("SSRF-06 what browsers make of an address", func(t *testing.T) {
		t.Parallel()
		g := outbound.New(outbound.Options{})
		for _, r := range rows {
			written := r
			written.Input = r.Href // escaped and lower case, as it would be pasted
			if address := written.secure(); g.CheckURL(address) == nil {
				written.agrees(t, address)
			}
		}
	})
}

// agrees wants a row that browsers take, for the host that we see, with nothing around it.
func (r reading) agrees(t *testing.T, address string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Errorf("%q passed: %v", address, err)
		return
	}
	ours, theirs := strings.ToLower(u.Hostname()), strings.Trim(r.Hostname, "[]")
	a, errOurs := netip.ParseAddr(ours)
	b, errTheirs := netip.ParseAddr(theirs)
	same := ours == theirs || errOurs == nil && errTheirs == nil && a == b
	if r.Failure || !same || r.Username+r.Password+r.Hash != "" {
		t.Errorf("%q passed for %q; a browser reads %+v", address, ours, r)
	}
}
