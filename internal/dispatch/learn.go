package dispatch

import "time"

const (
	// backTo is how much of the measured rate a lane goes back to when it is refused.
	backTo = 0.9
	// climb is how much of the measured rate each success adds: what backTo gave up
	// takes 200 of them, so that two refusals a climb are one call in a hundred.
	climb = 0.0005
	// steep is how far above the measured rate the climb begins to double, because
	// the limit has plainly moved; and how far apart the doublings are.
	steep = 0.1
	// judged is how many exchanges show what a change of the rate has changed.
	judged = 60
	// tolerable is the share of refusals that is not worth a change.
	tolerable = 0.02
	// innocent is how long refusals that the rate does not cause are put up with.
	innocent = time.Minute
	// remembered successes are what a rate is measured by.
	remembered = 64
	// enough successes make a measurement.
	enough = 16
)

// A learner finds the rate of a provider that refuses and does not say what it
// allows. Refused, it goes back to a little under the rate at which exchanges
// succeeded, and from there it climbs by a little for each success: additive
// increase and multiplicative decrease (Chiu and Jain, 1989) of a rate rather than
// of a window, for a single slot at 100 ms is already ten calls a second.
//
// Some providers refuse at random, whatever the rate. They show by it: when two
// cuts in a row have not lessened the refusals, the cuts are taken back.
type learner struct {
	requests, tokens bucket
	measured         float64 // requests a second at the last cut
	clean            float64 // successes since, in climbs

	since          time.Time // of the last cut: what was sent before says nothing of it
	fair, refused  int       // exchanges sent since
	cuts           int       // in a row that have not helped
	lastShare      float64   // of refusals before the last cut
	putUpUntil     time.Time
	recent         [remembered]success // a ring
	next, measures int
}

// A success is an exchange that was not refused.
type success struct {
	at     time.Time
	tokens float64
}

// succeeded notes an exchange that was not refused.
func (n *learner) succeeded(sent, now time.Time, tokens float64) {
	n.recent[n.next] = success{now, tokens}
	n.next = (n.next + 1) % remembered
	n.measures = min(n.measures+1, remembered)
	if sent.Before(n.since) {
		return
	}
	n.fair++
	if n.requests.rate > 0 {
		n.grow(now)
	}
	n.judge(now)
}

// grow raises the learned limits a step.
func (n *learner) grow(now time.Time) {
	step := climb
	if over := n.requests.limit/60/n.measured - 1; over > steep {
		step = min(climb*float64(int(1)<<min(int(over/steep), 10)), 0.05)
	}
	n.requests.set(n.requests.limit+step*n.measured*60, sourceLearned, now)
	n.tokens.set(n.tokens.limit*(1+step), sourceLearned, now)
}

// throttled notes a refusal of an exchange that was sent at a given time.
func (n *learner) throttled(sent, now time.Time) {
	if sent.Before(n.since) {
		return
	}
	n.refused++
	if n.requests.rate > 0 && n.cuts == 0 && n.refused >= 2 && now.After(n.putUpUntil) {
		n.cut(now) // a limit that is known to be there
		return
	}
	n.judge(now)
}

// judge looks at what has come back since the last cut, when there is enough.
func (n *learner) judge(now time.Time) {
	total := n.fair + n.refused
	if total < judged {
		return
	}
	share := float64(n.refused) / float64(total)
	switch {
	case now.Before(n.putUpUntil):
	case share <= tolerable:
		n.cuts = 0
	case n.cuts >= 2 && share > n.lastShare/2 && share < 0.5:
		// Twice cut and no better: it is not the rate.
		n.requests, n.tokens = bucket{}, bucket{}
		n.cuts, n.putUpUntil = 0, now.Add(innocent)
	default:
		n.lastShare = share
		n.cut(now)
		return
	}
	n.fair, n.refused = 0, 0
	n.since = now
}

// cut lowers the limits to what has lately succeeded, less a little.
func (n *learner) cut(now time.Time) {
	requests, tokens, ok := n.rates(now)
	if !ok {
		return
	}
	if have := n.requests.limit / 60; have > 0 {
		// The pause before may have been without calls, so one odd moment shall not
		// cost more than half; and no measurement raises a limit that was refused.
		keep := min(max(requests, have/2), have) / requests
		requests, tokens = requests*keep, tokens*keep
	}
	n.measured = requests
	n.requests.set(60*backTo*requests/underLimit, sourceLearned, now)
	n.tokens.set(60*backTo*tokens/underLimit, sourceLearned, now)
	n.requests.level, n.tokens.level = 0, 0
	n.since, n.fair, n.refused = now, 0, 0
	n.cuts++
}

// rates measures the latest successes, up to now. It reports false when there
// are too few.
func (n *learner) rates(now time.Time) (requests, tokens float64, ok bool) {
	if n.measures < enough {
		return 0, 0, false
	}
	first := n.recent[(n.next-n.measures+remembered)%remembered]
	for i := range n.measures - 1 {
		tokens += n.recent[(n.next-1-i+remembered)%remembered].tokens
	}
	passed := now.Sub(first.at).Seconds()
	if passed <= 0 {
		return 0, 0, false
	}
	return float64(n.measures-1) / passed, tokens / passed, true
}
