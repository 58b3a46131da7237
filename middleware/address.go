package middleware

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// maxHops bounds how many entries of X-Forwarded-For are looked at.
const maxHops = 32

// address returns the address that r comes from: of the peer, or where the peer is a
// trusted proxy, of the nearest hop that is not. What cannot be read counts as not sent.
func (g *Guard) address(r *http.Request) string {
	forwarded := r.Header["X-Forwarded-For"]
	if len(g.config.TrustedProxies) > 0 && len(forwarded) > 0 {
		if peer, ok := parseAddress(hostOf(r.RemoteAddr)); ok && g.trusted(peer) {
			return g.behind(peer, forwarded).String()
		}
	}
	return peerOf(r.RemoteAddr)
}

// peerOf returns the address of the peer alone. That of an address is itself.
func peerOf(remote string) string {
	host := hostOf(remote)
	peer, ok := parseAddress(host)
	switch {
	case !ok:
		return ""
	case !strings.Contains(host, ":"):
		return host // as it stands: the usual case costs nothing
	}
	return peer.String()
}

func hostOf(remote string) string {
	if host, _, err := net.SplitHostPort(remote); err == nil {
		return host
	}
	return remote
}

func (g *Guard) trusted(a netip.Addr) bool {
	for _, p := range g.config.TrustedProxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// behind walks the hops from the nearest to the farthest. Each proxy appends the address
// it saw, so everything left of the first untrusted one is only what that one claims.
func (g *Guard) behind(peer netip.Addr, forwarded []string) netip.Addr {
	last := peer
	rest := strings.Join(forwarded, ",")
	for range maxHops {
		i := strings.LastIndexByte(rest, ',')
		hop, ok := parseAddress(strings.TrimSpace(rest[i+1:]))
		if !ok {
			return peer
		}
		if !g.trusted(hop) {
			return hop
		}
		if last = hop; i < 0 {
			return last
		}
		rest = rest[:i]
	}
	return peer
}

// parseAddress reads an address with or without a port, and gives each address one form:
// an IPv4 address that came as IPv6 is IPv4, and a zone is dropped.
func parseAddress(text string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(strings.Trim(text, "[]"))
	if err != nil {
		ap, err := netip.ParseAddrPort(text)
		if err != nil {
			return netip.Addr{}, false
		}
		a = ap.Addr()
	}
	return a.Unmap().WithZone(""), true
}
