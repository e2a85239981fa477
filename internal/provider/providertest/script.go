package providertest

import (
	"math"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A Fault is a way to spoil an answer.
type Fault int

// The faults. Those that say so use [Action.After]; with documents, which have no
// tokens, any After above 0 means half of the document.
const (
	None     Fault = iota
	Garbage        // status 200 and no JSON
	Truncate       // JSON that stops in the middle, though HTTP ends well
	Missing        // a vector or score fewer than asked for
	Cut            // the connection breaks after After tokens; documents break in the middle
	End            // the stream ends well in HTTP after After tokens, with no closing event
	Report         // the stream reports Body as an error after After tokens, and ends
	Stall          // nothing more comes after After tokens; 0 is before the headers
	Reset          // the connection is reset in place of an answer
)

// An Action is what happens to one request. The zero value answers it well.
type Action struct {
	// Delay is the time before the headers, besides [Options.Latency].
	Delay time.Duration
	// Header is added to the answer's.
	Header map[string]string
	// Status, if not 0, is answered with Body in place of an answer.
	Status int
	// Body is the error's body; empty means an object as the protocol has it.
	Body string
	// Text, if not empty, is what a chat answers.
	Text string
	// Fault spoils the answer.
	Fault Fault
	// After is the number of tokens before the fault.
	After int

	words  string        // of the error without a body
	wait   time.Duration // that such an error asks for
	atOnce bool          // without [Pace.Latency]
}

// Fail returns the action that answers with a status and a message.
func Fail(status int, message string) Action {
	return Action{
		Status: status, Body: text(object{"error": object{"message": message, "type": "scripted", "code": nil}}),
	}
}

// Throttle returns the action that answers 429 and asks to wait.
func Throttle(wait time.Duration) Action {
	a := Fail(429, "Rate limit reached")
	if wait%time.Second == 0 {
		a.Header = map[string]string{"Retry-After": strconv.Itoa(int(wait / time.Second))}
	} else {
		a.Header = map[string]string{"Retry-After-Ms": strconv.FormatInt(wait.Milliseconds(), 10)}
	}
	return a
}

// A Script decides what happens to requests. Actions given to Next come first,
// then the rules in the order in which they were added; the first one that
// applies decides. It may be changed while the server runs.
type Script struct {
	mu    sync.Mutex // guards the rest, and runs rules one at a time
	next  map[Kind][]Action
	rules []rule
}

type rule struct {
	kind   Kind
	decide func(Request) (Action, bool)
}

// Next appends actions for the next requests of a kind, one each.
func (s *Script) Next(kind Kind, actions ...Action) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next == nil {
		s.next = map[Kind][]Action{}
	}
	s.next[kind] = append(s.next[kind], actions...)
}

// Decide adds a rule: decide returns the action for a request and whether it
// applies. Rules run one at a time.
func (s *Script) Decide(kind Kind, decide func(Request) (Action, bool)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rules = append(s.rules, rule{kind, decide})
}

// Always adds a rule for every request of a kind.
func (s *Script) Always(kind Kind, a Action) {
	s.Decide(kind, func(Request) (Action, bool) { return a, true })
}

// Poison adds a rule for requests in which a text, or the query, has marker.
func (s *Script) Poison(kind Kind, marker string, a Action) {
	s.Decide(kind, func(r Request) (Action, bool) {
		for _, text := range r.Texts {
			if strings.Contains(text, marker) {
				return a, true
			}
		}
		return a, strings.Contains(r.Query, marker)
	})
}

// Sometimes adds a rule for a fraction of the requests of a kind, 0 to 1, spread
// evenly: with 0.2 it is the fifth, the tenth, and so on.
func (s *Script) Sometimes(kind Kind, fraction float64, a Action) {
	n := 0.0
	s.Decide(kind, func(Request) (Action, bool) {
		n++
		return a, math.Floor(n*fraction) > math.Floor((n-1)*fraction)
	})
}

// Limit adds a rule that throttles what comes beyond n requests of a kind in each
// window of the given length, and asks to wait until the next one. [Limit] is
// more like what providers do.
func (s *Script) Limit(kind Kind, n int, window time.Duration) {
	var begun time.Time
	used := 0
	s.Decide(kind, func(Request) (Action, bool) {
		now := time.Now()
		if now.Sub(begun) >= window {
			begun, used = now, 0
		}
		used++
		return Throttle(begun.Add(window).Sub(now).Round(time.Millisecond)), used > n
	})
}

// Clear removes all actions and rules: the server is well again.
func (s *Script) Clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next, s.rules = nil, nil
}

// decide returns the action for a request. It reports false if nothing applies.
func (s *Script) decide(r Request) (Action, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if queue := s.next[r.Kind]; len(queue) > 0 {
		s.next[r.Kind] = queue[1:]
		return queue[0], true
	}
	for _, rule := range s.rules {
		if rule.kind != r.Kind {
			continue
		}
		if a, applies := rule.decide(r); applies {
			return a, true
		}
	}
	return Action{}, false
}
