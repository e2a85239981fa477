package fetch

import (
	"context"
	"errors"
	"net/netip"
	"syscall"
)

// errRefused is why an address is not dialled. The address itself stays unsaid.
var errRefused = errors.New("the address is not on the public internet")

// reserved are the networks of IPv4, and those inside the global range of IPv6, in
// which no public server is: IANA's special-purpose registries, and the machine
// that Azure answers its guests from.
var reserved = prefixes(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
	"192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24",
	"203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "168.63.129.16/32",
	"2001::/23",                  // protocols, Teredo among them
	"2001:db8::/32", "3fff::/20", // documentation
	"2002::/16", // 6to4: an IPv4 address, and out of use
)

var (
	global = netip.MustParsePrefix("2000::/3")     // all of IPv6 that is given to anybody
	nat64  = netip.MustParsePrefix("64:ff9b::/96") // the last four bytes are an IPv4 address
)

// control is called with the address of each connection before it is made.
func (c *Client) control(_ context.Context, _, address string, _ syscall.RawConn) error {
	if c.opts.Proxy != nil {
		return nil // nothing but the proxy is dialled
	}
	at, err := netip.ParseAddrPort(address)
	if err != nil || !c.reachable(at.Addr()) {
		return errRefused
	}
	return nil
}

// reachable reports whether an address is public, or allowed.
func (c *Client) reachable(ip netip.Addr) bool {
	if ip.Zone() != "" {
		return false
	}
	ip = ip.Unmap()
	for _, p := range c.opts.Allow {
		if p.Contains(ip) {
			return true
		}
	}
	return public(ip)
}

// public reports whether an address without a zone is one of the public internet.
func public(ip netip.Addr) bool {
	if nat64.Contains(ip) {
		b := ip.As16()
		ip = netip.AddrFrom4([4]byte(b[12:]))
	}
	if ip.Is6() && !global.Contains(ip) {
		return false
	}
	for _, p := range reserved {
		if p.Contains(ip) {
			return false
		}
	}
	return ip.IsValid()
}

func prefixes(texts ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		out[i] = netip.MustParsePrefix(text)
	}
	return out
}
