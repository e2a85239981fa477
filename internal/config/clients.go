package config

import (
	"cmp"
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// callers checks what is said of clients.
func (c *Clients) callers(add func(string, error)) {
	_, err := networks(c.TrustedProxies)
	add("KVASIR_TRUSTED_PROXIES", err)
	add("KVASIR_ADDRESS_RATE", between(c.AddressRate, 0, maxCalls))
	add("KVASIR_ADDRESS_QUESTION_RATE", between(c.AddressQuestionRate, 0, maxCalls))
	add("KVASIR_KEY_RATE", between(c.KeyRate, 0, maxCalls))
	add("KVASIR_KEY_QUESTION_RATE", between(c.KeyQuestionRate, 0, maxCalls))
	add("KVASIR_HEADER_TIMEOUT", between(c.HeaderTimeout, 100*time.Millisecond, time.Hour))
	add("KVASIR_STALL_TIMEOUT", between(c.StallTimeout, 100*time.Millisecond, time.Hour))
	add("KVASIR_IDLE_TIMEOUT", between(c.IdleTimeout, 100*time.Millisecond, 24*time.Hour))
	add("KVASIR_MAX_CONNECTIONS", between(c.MaxConnections, 1, 10_000_000))
}

const maxCalls = 1_000_000_000 // a minute

// Proxies returns the networks whose word is taken for whom they come.
func (c *Clients) Proxies() []netip.Prefix {
	trusted, _ := networks(c.TrustedProxies) // Validate has told the error
	return trusted
}

// networks reads networks, and single addresses as networks of their own.
func networks(texts []string) ([]netip.Prefix, error) {
	var list []netip.Prefix
	for _, text := range texts {
		text = strings.TrimSpace(text)
		network, err := netip.ParsePrefix(text)
		if ip, single := netip.ParseAddr(text); single == nil && ip.Zone() == "" {
			network, err = netip.PrefixFrom(ip, ip.BitLen()), nil
		}
		if err != nil {
			return nil, fmt.Errorf("%q is not a network such as 10.0.0.0/8", text)
		}
		list = append(list, network)
	}
	return list, nil
}

// AddressRates returns how many requests and questions an address may send a minute, 0
// for no limit. Without numbers of his own who wants security has Skald's.
func (c *Config) AddressRates() (requests, questions int) {
	if c.Security == On {
		return cmp.Or(c.AddressRate, 1000), cmp.Or(c.AddressQuestionRate, 100)
	}
	return c.AddressRate, c.AddressQuestionRate
}
