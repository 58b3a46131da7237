// Package outbound is the one HTTP client for addresses that somebody else chose: metadata,
// discovery, keys, webhooks. It judges the address that is dialled, not the name that was
// written, and bounds whatever comes back.
package outbound

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/go-identity/identity/internal/fault"
)

const (
	// MaxBody is the most that an answer may hold, in bytes.
	MaxBody = 1 << 20

	maxHeader = 64 << 10
	maxHops   = 3
	patience  = 10 * time.Second // for all of a request, redirects and body included
)

// errUnreachable says the same of a refused connection, a name that does not resolve, a bad
// certificate, silence and an answer that is no use: a difference would map the network.
var errUnreachable = fault.New(fault.Unavailable, "", "the address gave no usable answer")

// Unreachable returns the one error that a caller may see, with cause for the log. Use it
// for what goes wrong above HTTP as well: a status, a document that makes no sense.
func Unreachable(cause error) error { return errUnreachable.Because(cause) }

// Options say how far the guard reaches.
type Options struct {
	// AllowPrivateNetworks admits the addresses of private networks and loopback, single-label
	// names and any port, and plain http on loopback. What is neither public nor private
	// (link-local, multicast, the metadata services of clouds) stays refused. False means
	// public addresses and port 443 only.
	AllowPrivateNetworks bool
	// Hosts, unless empty, are the only hosts that may be reached, in lower case.
	Hosts []string
	// RootCAs verify servers. Nil means those of the machine.
	RootCAs *x509.CertPool
	// Resolver finds the addresses of names. Nil means that of the machine.
	Resolver *net.Resolver
}

// A Guard decides which addresses may be reached. It is safe for concurrent use.
type Guard struct {
	private bool
	hosts   []string
	client  *http.Client
}

// New returns a Guard with its client.
func New(o Options) *Guard {
	g := &Guard{private: o.AllowPrivateNetworks, hosts: o.Hosts}
	trip := &guarded{
		check:  g.check,
		secure: transport(o, func(network, address string) error { return g.checkDial(address) }),
		plain:  transport(o, func(network, address string) error { return checkLoopback(address) }),
	}
	g.client = &http.Client{Transport: trip, CheckRedirect: checkRedirect}
	return g
}

// Client returns the guarded client. Its errors hold a fault that is safe to show and the
// same for every cause. A request ends after 10 s, body included, and an answer of more than
// [MaxBody] ends in an error. Only GET and HEAD follow redirects, three at most, on one host.
func (g *Guard) Client() *http.Client { return g.client }

// transport knows no proxy: behind one, the address dialled would be the proxy's. It asks for
// no compression, so that the cap on bodies counts what a reader gets.
func transport(o Options, judge func(network, address string) error) *http.Transport {
	d := net.Dialer{Timeout: patience / 2, Resolver: o.Resolver, Control: control(judge)}
	return &http.Transport{
		DialContext:            d.DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.RootCAs},
		TLSHandshakeTimeout:    patience / 2,
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxHeader,
		MaxIdleConns:           16,
		MaxIdleConnsPerHost:    2,
		IdleConnTimeout:        30 * time.Second,
	}
}

// checkRedirect follows within one host only: what a request carries is for nobody else, and
// a body is never sent twice.
func checkRedirect(next *http.Request, via []*http.Request) error {
	first := via[0]
	switch {
	case first.Method != http.MethodGet && first.Method != http.MethodHead:
		return Unreachable(errors.New("a redirect in answer to " + first.Method))
	case len(via) > maxHops:
		return Unreachable(errors.New("too many redirects"))
	case next.URL.Scheme != first.URL.Scheme || next.URL.Host != first.URL.Host:
		return Unreachable(errors.New("a redirect to another host"))
	}
	return nil
}
