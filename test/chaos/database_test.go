package chaos

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"kvasir/client"
	"kvasir/internal/provider/providertest"
	"kvasir/internal/testenv"
)

// The database may be stopped as by a cut of power, and come back: the nodes go on by
// themselves, and nothing that was acknowledged is lost.
func TestTheDatabaseRestarts(t *testing.T) {
	t.Parallel()
	provider, environment := seller(t, unhurried())
	cluster := testenv.Postgres(t)
	n := newNode(t, append(environment, "DATABASE_URL="+cluster.Database(t))...)
	l := newLedger()
	crowd := send(t, l, 6, 0, n)
	for range restarts() {
		rest(time.Second)
		if err := cluster.Stop(); err != nil {
			t.Fatal(err)
		}
		refusedInWords(t, n)
		if err := cluster.Start(); err != nil {
			t.Fatal(err)
		}
	}
	rest(time.Second)
	crowd.home()
	crowd.complaints(t)
	provider.Behave(providertest.Behaviour{})
	p, _ := n.now()
	invariants(t, p, l)
}

func restarts() int {
	if long() {
		return 20
	}
	return 2
}

// refusedInWords fails the test unless a read says in words that the database is away.
func refusedInWords(t *testing.T, n *node) {
	t.Helper()
	p, _ := n.now()
	eventually(t, "a read is refused", func() bool {
		_, err := p.ListMemos(t.Context(), client.PageRequest{})
		var refused *client.APIError
		if err != nil && !errors.As(err, &refused) {
			t.Errorf("without a database a read ends with %v", err)
		}
		if refused != nil && (refused.StatusCode != http.StatusServiceUnavailable || !strings.Contains(refused.Message, "database")) {
			t.Errorf("without a database a read is answered %v", refused)
		}
		return err != nil
	})
	if health, err := p.Health(t.Context()); err != nil || health.Checks.Database {
		t.Errorf("health says %+v, %v", health.Checks, err)
	}
}

// The network between a node and its database is cut, stalls, is slow, and loses one
// direction, while another node has a good line. No answer takes longer than the
// timeouts, the other node goes on, and the first one recovers by itself.
func TestPartition(t *testing.T) {
	t.Parallel()
	const timeout = 2 * time.Second // of a statement
	provider, environment := seller(t, unhurried())
	url := testenv.Postgres(t).Database(t)
	network, through := between(t, url)
	apart := newNode(t, append(environment, "DATABASE_URL="+through+"?statement_timeout=2s")...)
	// The other node only answers: the originals are in the first one's folder.
	well := newNode(t, append(environment, "DATABASE_URL="+url, "KVASIR_ROLE=api")...)
	l := newLedger()
	// In line, for a connection, for the statement.
	crowd := send(t, l, 6, 3*timeout+2*time.Second, apart)
	for range max(1, restarts()/5) {
		for _, m := range []mode{cut, stalled, slow, halfOpen} {
			rest(500 * time.Millisecond)
			network.be(m)
			if m == slow {
				rest(time.Second)
			} else {
				rest(timeout / 2)
				refusedInWords(t, apart)
				writes(t, well, m)
			}
			network.be(passing)
			recovers(t, apart, m)
		}
	}
	crowd.home()
	crowd.complaints(t)
	provider.Behave(providertest.Behaviour{})
	for _, n := range []*node{apart, well} {
		p, _ := n.now()
		if n == apart {
			invariants(t, p, l)
		} else if _, err := p.ListMemos(t.Context(), client.PageRequest{}); err != nil {
			t.Error(err)
		}
	}
}

// writes fails the test if a node with a good line waits long for one that is cut off.
func writes(t *testing.T, n *node, m mode) {
	t.Helper()
	p, _ := n.now()
	began := time.Now()
	id, err := p.CreateMemo(t.Context(), client.NewMemo{Title: "Meanwhile", Content: "The other node goes on."})
	if took := time.Since(began); err != nil || took > 15*time.Second {
		t.Errorf("mode %d: a write on the other node took %v: %v", m, took, err)
		return
	}
	if err := p.DeleteMemo(t.Context(), client.ByID(id)); err != nil {
		t.Errorf("mode %d: %v", m, err)
	}
}

// recovers waits until a node reads and writes again.
func recovers(t *testing.T, n *node, m mode) {
	t.Helper()
	p, _ := n.now()
	began := time.Now()
	eventually(t, "the node recovers", func() bool {
		id, err := p.CreateMemo(t.Context(), client.NewMemo{Title: "Again", Content: "The line is good."})
		return err == nil && p.DeleteMemo(t.Context(), client.ByID(id)) == nil
	})
	t.Logf("mode %d: well again after %v", m, time.Since(began).Round(time.Millisecond))
}
