package chaos

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"

	"kvasir/client"
	"kvasir/internal/provider/providertest"
	"kvasir/internal/testenv"
)

// readers read from nodes without a pause.
type readers struct {
	nodes []*node
	stop  context.CancelFunc
	done  sync.WaitGroup

	mu    sync.Mutex // guards the rest
	reads int
	moved int      // reads that found a node gone, and went to another
	bad   []string // reads that failed
}

func read(t *testing.T, nodes []*node) *readers {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	r := &readers{nodes: nodes, stop: stop}
	for range 4 {
		r.done.Go(func() {
			for ctx.Err() == nil {
				r.once(t.Context())
				rest(10 * time.Millisecond)
			}
		})
	}
	t.Cleanup(r.home)
	return r
}

func (r *readers) home() {
	r.stop()
	r.done.Wait()
}

// once reads from one node. If that cannot be reached, or dies meanwhile, it is as
// with a client that knows all nodes: it asks another.
func (r *readers) once(ctx context.Context) {
	for _, i := range rand.Perm(len(r.nodes)) {
		p, life := r.nodes[i].now()
		if p == nil {
			continue
		}
		var err error
		if rand.IntN(2) == 0 {
			_, err = p.Search(ctx, client.SearchRequest{Query: "ducks ponds"})
		} else {
			_, err = p.ListMemos(ctx, client.PageRequest{})
		}
		_, after := r.nodes[i].now()
		r.mu.Lock()
		if err == nil {
			r.reads++
			r.mu.Unlock()
			return
		}
		if life == after && !unreachable(err) {
			r.bad = append(r.bad, err.Error())
		}
		r.moved++
		r.mu.Unlock()
	}
}

// unreachable reports whether no connection could be made.
func unreachable(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial"
}

// well fails the test if a read failed.
func (r *readers) well(t *testing.T) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	t.Logf("%d reads, %d of them went to another node", r.reads, r.moved)
	if r.reads == 0 || len(r.bad) > 0 {
		t.Errorf("%d reads failed: %.300q", len(r.bad), r.bad)
	}
}

// three starts three nodes on one database.
func three(t *testing.T) (*providertest.Server, []*node) {
	t.Helper()
	provider, environment := seller(t, unhurried())
	environment = append(environment, "DATABASE_URL="+testenv.Postgres(t).Database(t))
	return provider, []*node{newNode(t, environment...), newNode(t, environment...), newNode(t, environment...)}
}

// Of three nodes under load one is killed again and again. No read fails but those
// that the dead one was answering.
func TestThreeNodesOfWhichOneDies(t *testing.T) {
	t.Parallel()
	provider, nodes := three(t)
	l := newLedger()
	crowd := sendWriters(t, l, 6, nodes...)
	reading := read(t, nodes)
	deaths, every := 2, 2*time.Second
	if long() {
		deaths, every = 30, 10*time.Second
	}
	onTheWay := 0
	for i := range deaths {
		rest(every / 2)
		dead := nodes[i%len(nodes)]
		onTheWay += dead.kill(t, provider)
		rest(every / 2)
		dead.start(t)
	}
	crowd.home()
	reading.home()
	crowd.complaints(t)
	reading.well(t)
	provider.Behave(providertest.Behaviour{})
	p, _ := nodes[deaths%len(nodes)].now()
	invariants(t, p, l)
	bought(t, provider, onTheWay)
}

// A rolling restart ends one node after the other by SIGTERM. Nothing fails at all for
// a client that goes to another node for new requests, and no more is bought again than
// was on its way when they were told to stop.
func TestRollingRestart(t *testing.T) {
	t.Parallel()
	provider, nodes := three(t)
	l := newLedger()
	crowd := sendWriters(t, l, 6, nodes...)
	reading := read(t, nodes)
	onTheWay := 0
	for _, n := range nodes {
		rest(time.Second)
		p := n.take() // as a balancer that is told before
		onTheWay += inFlight(provider)
		if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if err := p.cmd.Wait(); err != nil {
			t.Errorf("the server did not stop cleanly: %v\n%s", err, tail(&p.log))
		}
		t.Logf("stopped after %v", time.Since(began).Round(time.Millisecond))
		n.start(t)
	}
	crowd.home()
	reading.home()
	crowd.complaints(t)
	reading.well(t)
	if reading.moved > 0 {
		t.Errorf("%d reads were turned away", reading.moved)
	}
	if l.lost > 0 {
		t.Errorf("%d writes failed", l.lost)
	}
	provider.Behave(providertest.Behaviour{})
	p, _ := nodes[0].now()
	invariants(t, p, l)
	bought(t, provider, onTheWay)
}

// inFlight returns how many texts are on their way to the provider.
func inFlight(provider *providertest.Server) (texts int) {
	for _, r := range provider.Requests(providertest.Embed) {
		if !r.Done {
			texts += len(r.Texts)
		}
	}
	return texts
}

// A node that slept, as a machine does whose snapshot is taken, wakes up in another
// time: its leases are over and its work is done. It disturbs nobody.
func TestANodeSleeps(t *testing.T) {
	t.Parallel()
	provider, nodes := three(t)
	nodes = nodes[:2]
	l := newLedger()
	crowd := sendWriters(t, l, 6, nodes...)
	rest(time.Second)
	asleep := nodes[0].take()
	if err := asleep.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	onTheWay := inFlight(provider)
	rest(12 * time.Second) // longer than any lease
	if err := asleep.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	rest(time.Second)
	crowd.home()
	crowd.complaints(t)
	provider.Behave(providertest.Behaviour{})
	invariants(t, asleep, l)
	bought(t, provider, onTheWay)
	if err := asleep.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	if err := asleep.cmd.Wait(); err != nil {
		t.Errorf("it did not stop cleanly: %v\n%s", err, tail(&asleep.log))
	}
}
