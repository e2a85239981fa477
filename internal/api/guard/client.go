package guard

import (
	"context"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// clientKey is where a request's client travels.
type clientKey struct{}

// Client finds out the address that a request comes from. It is the connection's,
// unless that is a trusted proxy's: then it is the last one in X-Forwarded-For or
// Forwarded that is no trusted proxy's. What stands further left is anybody's word.
//
// A proxy sets one of the two headers and may let the other one pass as the client
// has made it up. So where both are there and disagree, neither is believed.
func Client(trusted []netip.Prefix) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			client := clientOf(r, trusted)
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), clientKey{}, client)))
		})
	}
}

// Address returns the address of a request's client, the zero one if it is not known.
func Address(ctx context.Context) netip.Addr {
	client, _ := ctx.Value(clientKey{}).(netip.Addr)
	return client
}

func clientOf(r *http.Request, trusted []netip.Prefix) netip.Addr {
	peer := parseHop(r.RemoteAddr)
	if len(trusted) == 0 || !contains(trusted, peer) {
		return peer
	}
	both := [][]string{forwardedFor(r.Header.Values("X-Forwarded-For")), forwarded(r.Header.Values("Forwarded"))}
	client, told := peer, false
	for _, hops := range both {
		if len(hops) == 0 {
			continue
		}
		said := lastUntrusted(peer, hops, trusted)
		if told && said != client {
			return peer
		}
		client, told = said, true
	}
	return client
}

// lastUntrusted goes from a trusted proxy to whom it names, for as long as those are
// trusted, too. A hop that hides is the end: its proxy stands for it.
func lastUntrusted(from netip.Addr, hops []string, trusted []netip.Prefix) netip.Addr {
	for _, hop := range slices.Backward(hops) {
		addr := parseHop(hop)
		if !addr.IsValid() {
			return from
		}
		from = addr
		if !contains(trusted, addr) {
			return from
		}
	}
	return from
}

// forwardedFor returns the hops of X-Forwarded-For, the nearest last.
func forwardedFor(lines []string) (hops []string) {
	for _, line := range lines {
		hops = append(hops, strings.Split(line, ",")...)
	}
	return hops
}

// forwarded returns the hops of the header of RFC 7239, "" for one that does not say
// for whom it forwards.
func forwarded(lines []string) (hops []string) {
	for _, line := range lines {
		for _, element := range splitQuoted(line, ',') {
			hop := ""
			for _, pair := range splitQuoted(element, ';') {
				name, value, _ := strings.Cut(pair, "=")
				if strings.EqualFold(strings.TrimSpace(name), "for") {
					hop = strings.Trim(strings.TrimSpace(value), `"`)
				}
			}
			hops = append(hops, hop)
		}
	}
	return hops
}

// splitQuoted splits a text where a separator stands outside of quotes.
func splitQuoted(text string, separator byte) (parts []string) {
	quoted, from := false, 0
	for i := range len(text) {
		switch {
		case text[i] == '"':
			quoted = !quoted
		case text[i] == separator && !quoted:
			parts = append(parts, text[from:i])
			from = i + 1
		}
	}
	return append(parts, text[from:])
}

// parseHop reads an address with or without brackets and a port.
func parseHop(text string) netip.Addr {
	text = strings.TrimSpace(text)
	if at, err := netip.ParseAddrPort(text); err == nil {
		return at.Addr().Unmap().WithZone("")
	}
	if bare, ok := strings.CutPrefix(text, "["); ok {
		text, _ = strings.CutSuffix(bare, "]")
	}
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Addr{}
	}
	return addr.Unmap().WithZone("")
}

func contains(networks []netip.Prefix, addr netip.Addr) bool {
	return slices.ContainsFunc(networks, func(n netip.Prefix) bool { return n.Contains(addr) })
}
