package outbound

import (
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/idna"

	"github.com/go-identity/identity/internal/fault"
)

const (
	maxURL  = 2048
	maxHost = 253
)

var (
	label = regexp.MustCompile(`^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$`)
	// number is a last label that a reader of addresses takes for a part of one (WHATWG URL).
	number = regexp.MustCompile(`^([0-9]+|0x[0-9a-f]*)$`)
)

// inward are the names of somebody's own network, whatever they resolve to.
var inward = []string{"localhost", "local", "internal", "intranet", "private", "corp", "home", "lan", "arpa", "onion"}

// services are names of metadata services, refused even where private networks are open.
var services = []string{"metadata.google.internal", "metadata.goog", "instance-data", "instance-data.ec2.internal"}

// CheckURL reports in a sentence why an address may not be used, as far as that is known
// without asking anybody: check it when it is saved, for its owner to mend. The client asks
// again whenever the address is used, and judges what its name then resolves to.
func (g *Guard) CheckURL(raw string) error {
	if len(raw) > maxURL {
		return refuse("is too long")
	}
	if strings.ContainsFunc(raw, func(r rune) bool { return r <= ' ' || r > '~' || r == '\\' }) {
		return refuse("may hold printable ASCII only; write an international name in its xn-- form")
	}
	u, err := url.Parse(raw)
	if err != nil {
		return refuse("is not a URL")
	}
	if strings.Contains(raw, "#") {
		return refuse("may have no fragment")
	}
	return g.check(u)
}

func refuse(why string) error { return fault.New(fault.Invalid, "", "the URL "+why) }

func (g *Guard) check(u *url.URL) error {
	host := strings.ToLower(u.Hostname())
	switch {
	case u.Opaque != "" || host == "":
		return refuse("must name a host")
	case u.User != nil:
		return refuse("may hold no user name or password")
	case !g.schemeAllowed(u.Scheme, host):
		return refuse("must be https")
	case !g.portAllowed(u):
		return refuse("must use port 443")
	case len(g.hosts) > 0 && !slices.Contains(g.hosts, host):
		return refuse("names a host that is not among those allowed here")
	}
	return g.checkHost(host)
}

// schemeAllowed takes https anywhere, and http where only this machine hears it.
func (g *Guard) schemeAllowed(scheme, host string) bool {
	if scheme == "https" {
		return true
	}
	a, err := netip.ParseAddr(host)
	here := host == "localhost" || err == nil && a.Unmap().IsLoopback()
	return scheme == "http" && g.private && here
}

func (g *Guard) portAllowed(u *url.URL) bool {
	text := u.Port()
	if text == "" {
		return !strings.HasSuffix(u.Host, ":")
	}
	port, err := strconv.ParseUint(text, 10, 16)
	return err == nil && port > 0 && (port == 443 || g.private)
}

func (g *Guard) checkHost(host string) error {
	if a, err := netip.ParseAddr(host); err == nil {
		if g.checkAddress(a) != nil {
			return refuse("names an address that may not be reached")
		}
		return nil
	}
	if !named(host) {
		return refuse("names no proper host")
	}
	labels := strings.Split(host, ".")
	last := labels[len(labels)-1]
	own := len(labels) == 1 || slices.Contains(inward, last)
	if slices.Contains(services, host) || own && !g.private {
		return refuse("names a host of a private network")
	}
	return nil
}

// named reports whether host is a DNS name that nobody can mistake for an address.
func named(host string) bool {
	if len(host) > maxHost {
		return false
	}
	labels := strings.Split(host, ".")
	for _, l := range labels {
		if !label.MatchString(l) || strings.HasPrefix(l, "xn--") && !international(l) {
			return false
		}
	}
	return !number.MatchString(labels[len(labels)-1])
}

// international reports whether a label stands for other letters than it has, as readers that
// show names to people demand: to them another is no name.
func international(l string) bool {
	again, err := idna.Lookup.ToASCII(l)
	return err == nil && again == l
}
