package outbound

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"syscall"
)

var errAddress = errors.New("an address that may not be dialled")

// never lists what no server of somebody else lives at: the special-purpose registries of
// IANA, the ways of writing an IPv4 address as an IPv6 one, and the metadata services of clouds.
// The standard library's own questions (IsPrivate, IsLoopback, …) miss most of them.
var never = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),          // this network: Linux takes it for loopback
	netip.MustParsePrefix("100.100.100.200/32"), // metadata
	netip.MustParsePrefix("168.63.129.16/32"),   // metadata, on a public address
	netip.MustParsePrefix("169.254.0.0/16"),     // link-local, and metadata
	netip.MustParsePrefix("192.0.0.0/24"),       // protocol assignments, and metadata
	netip.MustParsePrefix("192.0.2.0/24"),       // documentation
	netip.MustParsePrefix("192.31.196.0/24"),    // AS112
	netip.MustParsePrefix("192.52.193.0/24"),    // AMT
	netip.MustParsePrefix("192.88.99.0/24"),     // 6to4 relays
	netip.MustParsePrefix("192.175.48.0/24"),    // AS112
	netip.MustParsePrefix("198.18.0.0/15"),      // benchmarks
	netip.MustParsePrefix("198.51.100.0/24"),    // documentation
	netip.MustParsePrefix("203.0.113.0/24"),     // documentation
	netip.MustParsePrefix("224.0.0.0/4"),        // multicast
	netip.MustParsePrefix("240.0.0.0/4"),        // reserved, and broadcast
	netip.MustParsePrefix("fd00:ec2::254/128"),  // metadata
	netip.MustParsePrefix("fd20:ce::254/128"),   // metadata
}

// private lists what a host may open to its own network.
var private = []netip.Prefix{
	netip.MustParsePrefix("10.0.0.0/8"),
	netip.MustParsePrefix("100.64.0.0/10"), // shared between customers of a carrier
	netip.MustParsePrefix("127.0.0.0/8"),
	netip.MustParsePrefix("172.16.0.0/12"),
	netip.MustParsePrefix("192.168.0.0/16"),
	netip.MustParsePrefix("::1/128"),
	netip.MustParsePrefix("fc00::/7"),
}

// global is where public IPv6 servers live, and special what is in it all the same.
var (
	global  = netip.MustParsePrefix("2000::/3")
	special = []netip.Prefix{
		netip.MustParsePrefix("2001::/23"),     // protocol assignments, Teredo among them
		netip.MustParsePrefix("2001:db8::/32"), // documentation
		netip.MustParsePrefix("2002::/16"),     // 6to4
		netip.MustParsePrefix("2620:4f:8000::/48"),
		netip.MustParsePrefix("3fff::/20"), // documentation
	}
)

// control runs between the resolution of a name and its connection, for every address that
// is tried.
func control(judge func(network, address string) error) func(network, address string, c syscall.RawConn) error {
	return func(network, address string, _ syscall.RawConn) error { return judge(network, address) }
}

func (g *Guard) checkDial(address string) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("read the address dialled: %w", err)
	}
	if to.Port() != 443 && !g.private {
		return fmt.Errorf("port %d: %w", to.Port(), errAddress)
	}
	return g.checkAddress(to.Addr())
}

func (g *Guard) checkAddress(a netip.Addr) error {
	a = a.Unmap()
	open := g.private && within(private, a)
	if a.Zone() != "" || within(never, a) || !open && !public(a) {
		return fmt.Errorf("%s: %w", a, errAddress)
	}
	return nil
}

func public(a netip.Addr) bool {
	if a.Is4() {
		return !within(private, a) && !within(never, a)
	}
	return global.Contains(a) && !within(special, a)
}

func within(all []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(all, func(p netip.Prefix) bool { return p.Contains(a) })
}

// checkLoopback is all that plain http may reach.
func checkLoopback(address string) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("read the address dialled: %w", err)
	}
	if !to.Addr().Unmap().IsLoopback() {
		return fmt.Errorf("plain http to %s: %w", to.Addr(), errAddress)
	}
	return nil
}
