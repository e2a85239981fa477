package fetch

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"
	"golang.org/x/net/dns/dnsmessage"

	"kvasir/internal/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// loopback is what tests allow: one address, so that its neighbours can stand for
// what is private.
var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}

// client returns a client that reaches 127.0.0.1 and resolves names by the zone.
func client(t *testing.T, o Options, z zone) *Client {
	t.Helper()
	if z != nil {
		o.Resolver = serveDNS(t, z)
	}
	c := New(o)
	t.Cleanup(c.Close)
	return c
}

// serve starts a server and counts its requests.
func serve(t *testing.T, handler http.HandlerFunc) (server *httptest.Server, hits *atomic.Int32) {
	t.Helper()
	hits = &atomic.Int32{}
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hits.Add(1)
		handler(w, r)
	}))
	t.Cleanup(server.Close)
	return server, hits
}

// load fetches a page and reads it.
func load(t *testing.T, c *Client, url string) (*Page, string, error) {
	t.Helper()
	page, err := c.Fetch(t.Context(), url)
	if err != nil {
		return nil, "", err
	}
	text, err := io.ReadAll(page.Body)
	if cerr := page.Body.Close(); cerr != nil {
		t.Error(cerr)
	}
	return page, string(text), err
}

// wantFault checks a fault's kind and that its words hold part.
func wantFault(t *testing.T, err error, kind fault.Kind, part string) {
	t.Helper()
	if !fault.Is(err, kind) || !strings.Contains(fault.Message(err), part) {
		t.Errorf("got %v (%v), want %v with %q", err, fault.KindOf(err), kind, part)
	}
}

// A zone gives the addresses of names, in turn if there are several sets. A name
// that is not in it does not exist; one without addresses fails to be looked up.
type zone map[string][][]string

// serveDNS starts a DNS server and returns a resolver that asks it.
func serveDNS(t *testing.T, z zone) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		turns := map[string]int{}
		packet := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(packet)
			if err != nil {
				return
			}
			if answer, err := z.answer(packet[:n], turns); err == nil {
				_, _ = conn.WriteTo(answer, from)
			}
		}
	})
	t.Cleanup(func() {
		_ = conn.Close()
		serving.Wait()
	})
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

func (z zone) answer(packet []byte, turns map[string]int) ([]byte, error) {
	var m dnsmessage.Message
	if err := m.Unpack(packet); err != nil || len(m.Questions) != 1 {
		return nil, fmt.Errorf("no question: %w", err)
	}
	q := m.Questions[0]
	m.Response, m.Authoritative, m.RecursionAvailable, m.Additionals = true, true, true, nil
	sets, ok := z[strings.TrimSuffix(q.Name.String(), ".")]
	switch {
	case !ok:
		m.RCode = dnsmessage.RCodeNameError
		return m.Pack()
	case len(sets) == 0:
		m.RCode = dnsmessage.RCodeServerFailure
		return m.Pack()
	}
	turn := turns[q.GoString()]
	turns[q.GoString()]++
	for _, text := range sets[min(turn, len(sets)-1)] {
		ip := netip.MustParseAddr(text)
		header := dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class}
		switch {
		case ip.Is4() && q.Type == dnsmessage.TypeA:
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AResource{A: ip.As4()}})
		case ip.Is6() && q.Type == dnsmessage.TypeAAAA:
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AAAAResource{AAAA: ip.As16()}})
		}
	}
	return m.Pack()
}
