package providertest

import (
	"context"
	"hash/maphash"
	"maps"
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
	Format     string // of a chat's answer: "json_schema", "json_object", "tool", "application/json"; empty for text
	Schema     string // that the answer is held to, in JSON; empty for none
	Authorized bool   // an Authorization header came with it

	Status int  // of the answer; 0 before it, and if there was none
	Tokens int  // streamed so far, the one under way included
	Done   bool // the exchange is over
	HungUp bool // the client left before the answer was complete
}

// Totals count the requests of one kind since the start.
type Totals struct {
	Requests int `json:"requests"`
	Texts    int `json:"texts"`   // of all requests
	Failed   int `json:"failed"`  // answered with an error status
	HungUp   int `json:"hung_up"` // the client left before the answer was complete
	InFlight int `json:"in_flight"`
	Peak     int `json:"peak"` // the most in flight at one time

	ByStatus map[int]int `json:"by_status"` // the answers; 0 for a connection that broke before one
	Tokens   int         `json:"tokens"`    // of requests within the limits
	Served   int         `json:"served"`    // texts of complete answers
	// Duplicates counts the texts that were embedded once more after they had been,
	// if [Options.Remember] is set.
	Duplicates int `json:"duplicates"`
}

// Throttled returns the requests that were answered with status 429.
func (t Totals) Throttled() int { return t.ByStatus[429] }

// A Record remembers requests. It is safe for concurrent use.
type Record struct {
	keep int

	mu      sync.Mutex // guards the rest, and what each kept request points to
	last    int
	kept    []*Request
	totals  map[Kind]*Totals
	changed chan struct{} // closed and replaced at each change
	seed    maphash.Seed
	bought  map[uint64]struct{} // hashes of embedded texts; nil for none
}

func newRecord(keep int, remember bool) *Record {
	r := &Record{keep: keep, totals: map[Kind]*Totals{}, changed: make(chan struct{}), seed: maphash.MakeSeed()}
	if remember {
		r.bought = map[uint64]struct{}{}
	}
	return r
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
	t := *r.of(kind)
	t.ByStatus = maps.Clone(t.ByStatus)
	return t
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
		r.totals[kind] = &Totals{ByStatus: map[int]int{}}
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
	r.of(q.Kind).ByStatus[status]++
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

// admitted counts the tokens of a request within the limits.
func (r *Record) admitted(kind Kind, tokens int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.of(kind).Tokens += tokens
}

// served counts the texts of a whole answer.
func (r *Record) served(q *Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.of(q.Kind)
	t.Served += len(q.Texts)
	if r.bought == nil || q.Kind != Embed {
		return
	}
	for _, text := range q.Texts {
		h := maphash.String(r.seed, text)
		if _, again := r.bought[h]; again {
			t.Duplicates++
		}
		r.bought[h] = struct{}{}
	}
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
