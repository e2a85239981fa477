package fetch

import (
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"kvasir/internal/fault"
)

// maxURL is what browsers and servers agree to take.
const maxURL = 2048

// Check says what is wrong with an address as far as it can be seen without asking
// anybody: a fault of kind Invalid that names the field url.
func (c *Client) Check(rawURL string) error {
	_, err := c.parse(rawURL)
	return err
}

// parse reads an address and checks it.
func (c *Client) parse(rawURL string) (*url.URL, error) {
	if len(rawURL) > maxURL {
		return nil, invalid("url: At most " + strconv.Itoa(maxURL) + " characters")
	}
	u, err := url.Parse(rawURL)
	if err != nil || u.Opaque != "" || u.Hostname() == "" {
		return nil, invalid("url: Not a web address such as https://example.com/page")
	}
	u.Fragment, u.RawFragment = "", ""
	return u, c.check(u)
}

// check says what is wrong with a parsed address.
func (c *Client) check(u *url.URL) error {
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return invalid("url: Only http and https addresses are loaded")
	case u.User != nil:
		return invalid("url: Must not contain a user name or password")
	case !portAllowed(u.Port()):
		return invalid("url: Port " + u.Port() + " is not one of web servers: 80, 443, or 1024 and above")
	case !c.hostAllowed(host):
		return notPublic(host)
	}
	return nil
}

// portAllowed keeps requests from servers of other protocols, which are all below
// 1024 where they matter: a POST can be made to look like a mail.
func portAllowed(port string) bool {
	if port == "" || port == "80" || port == "443" {
		return true
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n >= 1024
}

// hostAllowed judges literal addresses, and names that never mean anything public.
// What a name means is seen when it is dialled; this only saves the way.
func (c *Client) hostAllowed(host string) bool {
	if ip, err := netip.ParseAddr(host); err == nil {
		return c.reachable(ip)
	}
	labels := strings.Split(host, ".")
	last := labels[len(labels)-1]
	if numeric(last) || strings.Contains(host, "%") {
		return false // 127.1 and 0x7f000001 are addresses to some resolvers
	}
	if len(c.opts.Allow) > 0 {
		return true
	}
	return len(labels) > 1 && !slices.Contains([]string{"localhost", "local", "internal", "lan"}, last) &&
		!strings.HasSuffix(host, ".home.arpa")
}

// numeric reports whether a name's last label makes it an address.
func numeric(label string) bool {
	_, err := strconv.ParseUint(label, 0, 64)
	return err == nil || strings.Trim(label, "0123456789") == ""
}

func invalid(words string) error { return fault.New(fault.Invalid, words) }

func notPublic(host string) error {
	return invalid(notPublicWords(host))
}

func notPublicWords(host string) string {
	return "url: " + host + " is not on the public internet; KVASIR_ALLOW_PRIVATE opens networks"
}
