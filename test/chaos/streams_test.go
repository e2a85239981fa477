package chaos

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"kvasir/internal/provider/providertest"
)

// Ten thousand clients (in the short run two thousand) who follow the events cost little memory, and others are served
// meanwhile. Each of them hears of a new memo.
func TestTenThousandStreams(t *testing.T) {
	t.Parallel()
	_, environment := seller(t, providertest.Behaviour{})
	n := newNode(t, environment...)
	p, _ := n.now()
	streams := 2000 // the race detector makes each ten times as dear
	if long() {
		streams = 10_000
	}
	address := strings.TrimPrefix(p.url, "http://")
	before := p.memory(t)
	conns := make([]net.Conn, streams)
	readers := make([]*bufio.Reader, streams)
	var opening errgroup.Group
	opening.SetLimit(50)
	for i := range conns {
		opening.Go(func() (err error) {
			conns[i], readers[i], err = follow(address)
			return err
		})
	}
	err := opening.Wait()
	defer func() {
		for _, c := range conns {
			if c != nil {
				_ = c.Close()
			}
		}
	}()
	if err != nil {
		t.Fatal(err)
	}
	rest(2 * time.Second)
	each := (p.memory(t) - before) / streams
	t.Logf("%d bytes of memory for each stream", each)
	if each > perStream {
		t.Errorf("a stream takes %d bytes, more than %d", each, perStream)
	}
	l := newLedger()
	crowd := send(t, l, 2, patience, n)
	rest(2 * time.Second)
	crowd.home()
	crowd.complaints(t)
	if l.lost > 0 {
		t.Errorf("%d writes failed", l.lost)
	}
	for i, r := range readers {
		if err := conns[i].SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		if err := hear(r, "event: memo.created"); err != nil {
			t.Fatalf("stream %d: %v", i, err)
		}
	}
	for _, c := range conns {
		_ = c.Close()
	}
	invariants(t, p, l)
}

// perStream is the most memory that a stream may take, with what the race detector
// keeps of it.
const perStream = 512 << 10

// follow opens a stream of events and reads its beginning.
func follow(address string) (net.Conn, *bufio.Reader, error) {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return nil, nil, err
	}
	if _, err := fmt.Fprintf(c, "GET /api/v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n", key); err != nil {
		return c, nil, err
	}
	r := bufio.NewReaderSize(c, 1024)
	answer, err := r.ReadString('\n')
	if err == nil && !strings.Contains(answer, http.StatusText(http.StatusOK)) {
		err = fmt.Errorf("a stream is answered %q", answer)
	}
	if err == nil {
		err = hear(r, ": ping")
	}
	return c, r, err
}

// hear reads until a line comes.
func hear(r *bufio.Reader, want string) error {
	for {
		heard, err := r.ReadString('\n')
		if err != nil || strings.TrimSpace(heard) == want {
			return err
		}
	}
}
