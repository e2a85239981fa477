package providertest

import (
	"context"
	"slices"
	"sync"
)

// A Request is what was asked, and how it ended.
type Request struct {
	ID         int // 1, 2, 3, in the order of arrival
	Kind       Kind
	Path       string
	Model      string
	Texts      []string // to embed or rank; of a chat, the messages
	Query      string   // to rank for
	Input      string   // Voyage's input type
	Dimensions int      // asked for; 0 if not
	Stream     bool
	Authorized bool // an Authorization header came with it

	Status int  // of the answer; 0 before it, and if there was none
	Tokens int  // streamed so far, the one under way included
	Done   bool // the exchange is over
	HungUp bool // the client left before the answer was complete
}

// Totals count the requests of one kind since the start.
type Totals struct {
	Requests int
	Texts    int // of all requests
	Failed   int // answered with an error status
	HungUp   int // the client left before the answer was complete
	InFlight int
	Peak     int // the most in flight at one time
}

// A Record remembers requests. It is safe for concurrent use.
type Record struct {
	keep int

	mu      sync.Mutex // guards the rest, and what each kept request points to
	last    int
	kept    []*Request
	totals  map[Kind]*Totals
	changed chan struct{} // closed and replaced at each change
}

func newRecord(keep int) *Record {
	return &Record{keep: keep, totals: map[Kind]*Totals{}, changed: make(chan struct{})}
}

// Requests returns copies of the kept requests of a kind, oldest first.
func (r *Record) Requests(kind Kind) []Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []Request
	for _, q := range r.kept {
		if q.Kind == kind {
			out = append(out, *q)
		}
	}
	return out
}

// Totals returns the counts of a kind.
func (r *Record) Totals(kind Kind) Totals {
	r.mu.Lock()
	defer r.mu.Unlock()
	return *r.of(kind)
}

// WaitFor returns nil as soon as condition holds, or the error of ctx. The
// condition is tried at every change of the record, and may read it.
func (r *Record) WaitFor(ctx context.Context, condition func() bool) error {
	for {
		r.mu.Lock()
		changed := r.changed // taken first: no change after the trial is missed
		r.mu.Unlock()
		if condition() {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// of returns the counts of a kind. The caller holds the lock.
func (r *Record) of(kind Kind) *Totals {
	if r.totals[kind] == nil {
		r.totals[kind] = &Totals{}
	}
	return r.totals[kind]
}

// announce wakes those who wait. The caller holds the lock.
func (r *Record) announce() {
	close(r.changed)
	r.changed = make(chan struct{})
}

func (r *Record) begin(q Request) *Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.announce()
	r.last++
	q.ID = r.last
	t := r.of(q.Kind)
	t.Requests++
	t.Texts += len(q.Texts)
	t.InFlight++
	t.Peak = max(t.Peak, t.InFlight)
	if r.keep > 0 {
		if len(r.kept) == r.keep {
			r.kept = slices.Delete(r.kept, 0, max(1, r.keep/10)) // a tenth at a time: moving is dear
		}
		r.kept = append(r.kept, &q)
	}
	return &q
}

// answering notes the status that is about to be sent, so that whoever has read
// the answer finds it noted.
func (r *Record) answering(q *Request, status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.announce()
	q.Status = status
	if status >= 400 {
		r.of(q.Kind).Failed++
	}
}

// streaming counts a token that is about to be sent.
func (r *Record) streaming(q *Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.announce()
	q.Tokens++
}

func (r *Record) end(q *Request, hungUp bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.announce()
	q.Done, q.HungUp = true, hungUp
	t := r.of(q.Kind)
	t.InFlight--
	if hungUp {
		t.HungUp++
	}
}
