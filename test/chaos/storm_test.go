package chaos

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"kvasir/client"
	"kvasir/internal/provider/providertest"
)

// A provider that throttles, fails, resets, stalls and cuts at once holds memos up and
// fails answers in words; once it is well again nothing is left of it.
func TestProviderStorm(t *testing.T) {
	t.Parallel()
	storm := unhurried()
	odds := providertest.Odds{Throttled: 0.2, Failed: 0.2, Reset: 0.1, Stalled: 0.02, Cut: 0.1}
	storm.Embed.Odds, storm.Chat.Odds = odds, odds
	provider, environment := seller(t, storm)
	n := newNode(t, append(environment, "KVASIR_ANSWER_TIMEOUT=3s")...)
	l := newLedger()
	crowd := send(t, l, 6, 0, n)
	for range max(1, restarts()/2) {
		rest(4 * time.Second)
		provider.Behave(unhurried())
		provider.Behave(storm)
	}
	// Questions may stall with their provider; they end when it is well.
	p, _ := n.now()
	if _, err := p.ListMemos(t.Context(), client.PageRequest{}); err != nil {
		t.Errorf("a read in the storm: %v", err)
	}
	failed := provider.Totals(providertest.Embed).Failed
	provider.Behave(providertest.Behaviour{})
	crowd.home()
	crowd.complaints(t)
	if failed == 0 {
		t.Error("there was no storm")
	}
	invariants(t, p, l)
}

// Clients who send their request by the byte, or do not read their answer, hold up
// nobody else.
func TestSlowClients(t *testing.T) {
	t.Parallel()
	provider, environment := seller(t, unhurried())
	n := newNode(t, environment...)
	p, _ := n.now()
	address := strings.TrimPrefix(p.url, "http://")
	const each = 200
	var slow []net.Conn
	for i := range 2 * each {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		slow = append(slow, c)
		head := "POST /api/v1/memo HTTP/1.1\r\nHost: x\r\n" // and never an end
		if i >= each {
			head += "Authorization: Bearer " + key + "\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
		}
		if _, err := io.WriteString(c, head); err != nil {
			t.Fatal(err)
		}
	}
	l := newLedger()
	crowd := send(t, l, 6, 5*time.Second, n)
	// A header that does not end is not waited for.
	for _, c := range slow[:each] {
		if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, c); err != nil {
			t.Fatalf("a header that does not end is waited for: %v", err)
		}
	}
	crowd.home()
	crowd.complaints(t)
	if l.lost > 0 {
		t.Errorf("%d writes failed", l.lost)
	}
	for _, c := range slow {
		_ = c.Close() // the server may have closed it
	}
	provider.Behave(providertest.Behaviour{})
	invariants(t, p, l)
}
