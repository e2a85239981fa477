package dispatch

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"time"

	"kvasir/internal/dispatch/limit"
	"kvasir/internal/fault"
	"kvasir/internal/llm"
)

// A lane is the state of a [Lane]: what it may take now, and how it fares. The
// pool's lock guards it.
type lane struct {
	Lane
	index int // in the configuration

	requests, tokens limit.Bucket
	tightened        time.Time // when the buckets were, the last time
	learned          limit.Rate
	concurrency      limit.Concurrency
	breaker          limit.Breaker
	refusals         limit.Refusals
	paused           trouble // no call goes out
	backoff          trouble // some calls wait before they are tried again
	ratio            float64 // of reported tokens to estimated ones

	busy int // requests in flight
	// Of these, those that have no answer yet: a stream that has begun queues no
	// more. And of those, the ones that nobody waits for.
	asking, bulk int
	latency      limit.Quantiles
	throughput   limit.Throughput
	ails         string // of what it was sick the last time
	lastError    string
	counts       counts
}

// counts are exchanges since the start.
type counts struct{ sent, failed, throttled, retried, hedged int64 }

func newLane(l Lane, index int, c concurrency, now time.Time) *lane {
	most := cmp.Or(l.Limits.Concurrency, c.most)
	s := &lane{Lane: l, index: index, concurrency: limit.NewConcurrency(c.first, most), ratio: 1}
	if n := l.Limits.RequestsPerMinute; n > 0 {
		s.requests.Set(n, limit.Configured, now)
	}
	if n := l.Limits.TokensPerMinute; n > 0 {
		s.tokens.Set(n, limit.Configured, now)
	}
	return s
}

// A trouble is why calls wait, and until when.
type trouble struct {
	words string
	until time.Time
}

// String returns the words and the time.
func (t trouble) String() string {
	return fmt.Sprintf("%s until %s", t.words, t.until.UTC().Format(time.TimeOnly))
}

// later returns whichever lasts longer.
func (t trouble) later(u trouble) trouble {
	if u.until.After(t.until) {
		return u
	}
	return t
}

// reserved is how many slots bulk cannot take; none if there is only one.
func (l *lane) reserved() int {
	size := l.concurrency.Size()
	return min(max(1, size/8), size-1)
}

// An opening says when a lane can take a call.
type opening struct {
	now    bool
	in     time.Duration // if not now; 0 if it depends on calls in flight
	closed bool          // no call at all can go: the lane is paused or broken
}

// opening returns when a call can go out that needs so many tokens.
func (l *lane) opening(need float64, bulk bool, now time.Time) opening {
	if at, ok := l.breaker.Wait(now); !ok {
		if at.IsZero() {
			return opening{closed: true, in: time.Minute} // or when the probe has ended
		}
		return opening{closed: true, in: at.Sub(now)}
	}
	if now.Before(l.paused.until) {
		return opening{closed: true, in: l.paused.until.Sub(now)}
	}
	size := l.concurrency.Size()
	if l.busy >= l.concurrency.Most() || l.asking >= size || bulk && l.bulk >= size-l.reserved() {
		return opening{}
	}
	wait := max(
		l.requests.Wait(1, bulk, now), l.tokens.Wait(need, bulk, now),
		l.learned.Requests.Wait(1, bulk, now), l.learned.Tokens.Wait(need, bulk, now),
	)
	return opening{now: wait == 0, in: wait}
}

// spare returns how many tokens, estimated, a batch may have now. In bulk that is
// no more than the limit gives in a second, or until the next request: some
// providers allow no larger burst, and would refuse a larger request for ever.
func (l *lane) spare(bulk bool, now time.Time) int {
	most := min(l.tokens.Spare(bulk, now), l.learned.Tokens.Spare(bulk, now))
	if rate := l.tokens.PerSecond(); bulk && rate > 0 {
		most = min(most, rate*max(time.Second, l.interval()).Seconds())
	}
	return int(most / l.ratio)
}

// interval returns how long a lane takes between two requests at its limit: what
// a batch may wait for more tokens.
func (l *lane) interval() time.Duration {
	rate := l.requests.PerSecond()
	if r := l.learned.Requests.PerSecond(); r > 0 && (rate == 0 || r < rate) {
		rate = r
	}
	if rate == 0 {
		return 50 * time.Millisecond
	}
	return time.Duration(float64(time.Second) / rate)
}

// begin takes what an attempt needs.
func (l *lane) begin(a *attempt) {
	l.counts.sent++
	l.busy++
	l.asking++
	if bulky(a.call.Priority) {
		l.bulk++
	}
	size := l.concurrency.Size()
	a.full = l.asking >= size || l.bulk >= size-l.reserved()
	a.probe = l.breaker.Begin()
	l.requests.Take(1, a.sent)
	l.learned.Requests.Take(1, a.sent)
	a.requestsLeft = l.requests.Mark()
	l.charge(a, a.tokens)
}

// charge takes an attempt's tokens, estimated.
func (l *lane) charge(a *attempt, tokens int) {
	a.tokens = tokens
	more := float64(tokens)*l.ratio - a.charged
	a.charged += more
	l.tokens.Take(more, a.sent)
	l.learned.Tokens.Take(more, a.sent)
	a.tokensLeft = l.tokens.Mark()
}

// giveBack undoes the beginning of an attempt that was not sent.
func (l *lane) giveBack(a *attempt) {
	l.counts.sent--
	l.leave(a)
	if a.probe {
		l.breaker.GaveUp()
	}
	for _, b := range []*limit.Bucket{&l.requests, &l.learned.Requests} {
		b.Take(-1, a.sent)
	}
	l.charge(a, 0)
}

// leave frees the attempt's slot.
func (l *lane) leave(a *attempt) {
	l.busy--
	if !a.begun {
		l.asked(a)
	}
}

// asked notes that an attempt waits for its answer no more.
func (l *lane) asked(a *attempt) {
	a.begun = true
	l.asking--
	if bulky(a.call.Priority) {
		l.bulk--
	}
}

// An outcome is how an attempt ended.
type outcome struct {
	usage llm.Usage
	first time.Duration // until the first word; 0 if there are none to wait for
	left  bool          // by its caller, or lost a race: it says nothing
	err   error
}

// end gives back what an attempt holds, and learns from how it went.
func (l *lane) end(a *attempt, o outcome, now time.Time) {
	begun := a.begun
	l.leave(a)
	e, failed := errors.AsType[*llm.Error](o.err)
	switch {
	case o.err == nil && !o.left:
		if !begun {
			l.answered(a, now)
		}
		l.succeeded(a, o, now)
	case o.left || !failed:
		if a.probe {
			l.breaker.GaveUp()
		}
		if o.err == nil {
			l.settle(a, o.usage, now)
		}
	default:
		l.failed(a, e, now)
	}
}

func (l *lane) succeeded(a *attempt, o outcome, now time.Time) {
	actual := l.settle(a, o.usage, now)
	l.learned.Passed(a.sent, now, actual)
	l.throughput.Note(actual, now)
}

// answered learns from how soon an answer came: for a stream from its first word,
// however long the rest takes.
func (l *lane) answered(a *attempt, now time.Time) {
	took := now.Sub(a.sent)
	l.breaker.Healed()
	l.refusals.Note(false, now)
	l.concurrency.Done(a.tokens, took, a.full, now)
	l.latency.Note(took)
}

// settle corrects what was charged by what the provider says it was.
func (l *lane) settle(a *attempt, u llm.Usage, now time.Time) (actual float64) {
	actual = float64(u.InputTokens + u.OutputTokens)
	if actual == 0 {
		return a.charged
	}
	l.tokens.Take(actual-a.charged, now)
	l.learned.Tokens.Take(actual-a.charged, now)
	if a.tokens > 0 {
		l.ratio += (min(max(actual/float64(a.tokens), 0.1), 10) - l.ratio) / 16
	}
	return actual
}

func (l *lane) failed(a *attempt, e *llm.Error, now time.Time) {
	l.counts.failed++
	l.lastError = fault.Message(inWords(e))
	switch e.Class {
	case llm.ClassThrottled:
		l.counts.throttled++
		storm := l.refusals.Note(true, now)
		l.learn(a, storm, now)
		if a.probe {
			l.breaker.Healed() // it answers
		}
		if storm {
			until := now.Add(max(e.RetryAfter, firstBackoff))
			l.paused = l.paused.later(trouble{l.Name() + ": " + ailment(e), until})
		}
	case llm.ClassSick:
		l.refusals.Note(false, now)
		l.learned.Passed(a.sent, now, a.charged)
		l.ails = ailment(e)
		if timeout, ok := errors.AsType[net.Error](e); ok && timeout.Timeout() {
			l.concurrency.TimedOut(now)
		}
		if l.breaker.Failed(a.probe, e.RetryAfter, now) {
			l.paused = trouble{}
		}
	case llm.ClassDeadKey:
		l.breaker.Refused(now)
	default: // the provider is well, and the request is not
		l.breaker.Healed()
		l.refusals.Note(false, now)
	}
}

// learn goes by a refusal. Limits that are told need not be learned: if there is a
// refusal all the same, the provider allows less at once.
func (l *lane) learn(a *attempt, storm bool, now time.Time) {
	if a.sent.Before(l.tightened) {
		return // the answer to it is given
	}
	if l.requests.Told() && l.tokens.Told() {
		l.requests.Tighten(now)
		l.tokens.Tighten(now)
		l.tightened = now
		return
	}
	l.learned.Throttled(a.sent, now, storm)
	if l.tokens.PerSecond() > 0 {
		l.learned.Tokens = limit.Bucket{}
	}
}

// why says in words why calls wait, and until when; "" if none need.
func (l *lane) why(bulk bool, now time.Time) (reason string, until time.Time) {
	o := l.opening(1, bulk, now)
	switch state := l.state(now); {
	case state == stateBroken && l.breaker.Dead():
		return trouble{l.Name() + ": the key is refused", l.breaker.Until()}.String(), l.breaker.Until()
	case state == stateBroken:
		return trouble{l.Name() + ": " + l.ails, l.breaker.Until()}.String(), l.breaker.Until()
	case state == stateProbing:
		return l.Name() + ": " + l.ails + "; one call probes whether it is well", now
	case state == statePaused:
		return l.paused.String(), l.paused.until
	case o.in > 0:
		return fmt.Sprintf("%s: at its limit of %s", l.Name(), l.limit(bulk, now)), now.Add(o.in)
	case now.Before(l.backoff.until):
		return l.backoff.String(), l.backoff.until
	case !o.now:
		return fmt.Sprintf("%s: %d in flight, as many as go at once", l.Name(), l.busy), now
	}
	return "", time.Time{}
}

// limit names the limit that holds a call up the longest.
func (l *lane) limit(bulk bool, now time.Time) string {
	words, longest := "", time.Duration(-1)
	for _, b := range []struct {
		*limit.Bucket
		of string
	}{
		{&l.requests, "requests"}, {&l.tokens, "tokens"},
		{&l.learned.Requests, "requests"}, {&l.learned.Tokens, "tokens"},
	} {
		perMinute, _ := b.PerMinute()
		if wait := b.Wait(1, bulk, now); perMinute > 0 && wait > longest {
			words, longest = fmt.Sprintf("%.0f %s a minute", perMinute, b.of), wait
		}
	}
	return words
}

// The states of a lane.
const (
	stateOpen    = "open"
	statePaused  = "paused"
	stateBroken  = "broken"
	stateProbing = "probing"
)

// state says how the lane is.
func (l *lane) state(now time.Time) string {
	at, ready := l.breaker.Wait(now)
	switch {
	case l.breaker.Open() && (ready || at.IsZero()):
		return stateProbing
	case l.breaker.Open():
		return stateBroken
	case now.Before(l.paused.until):
		return statePaused
	}
	return stateOpen
}
