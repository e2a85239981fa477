package limit

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
	// judged is how many exchanges, or refusals among them, show what a change of the
	// rate has changed.
	judged, judgedRefusals = 60, 5
	// tolerable is the share of refusals that is not worth a change.
	tolerable = 0.02
	// usual is how many exchanges are looked at together while no limit is known.
	usual = 240
	// remembered successes are what a rate is measured by.
	remembered = 64
	// enough successes make a measurement.
	enough = 16
	// stormy is how many exchanges show that most are refused.
	stormy = 8
)

// A Rate is learned. It finds the rate of a provider that refuses and does not say what it
// allows. Refused, it goes back to a little under the rate at which exchanges
// succeeded, and from there it climbs by a little for each success: additive
// increase and multiplicative decrease (Chiu and Jain, 1989) of a rate rather than
// of a window, for a single slot at 100 ms is already ten calls a second.
//
// Some providers refuse at random, whatever the rate. They show by it: a limit
// lets the same number through however many are sent, and chance the same share.
// When a cut has lessened the successes and not the share, the cuts are taken back.
type Rate struct {
	Requests, Tokens Bucket // without a limit until one is learned

	measured float64 // requests a second at the last cut

	since         time.Time           // of the last cut, or judgement: what was sent before says nothing of it
	fair, refused int                 // exchanges sent since
	cuts          int                 // in a row that have not helped
	share         float64             // of refusals before the last cut
	speed         float64             // successes a second before it
	putUpWith     float64             // the share of refusals that the rate does not cause
	recent        [remembered]success // a ring
	next, known   int
}

// A success is an exchange that was not refused, whatever came of it.
type success struct {
	at     time.Time
	tokens float64
}

// Passed notes an exchange that was not refused.
func (n *Rate) Passed(sent, now time.Time, tokens float64) {
	n.recent[n.next] = success{now, tokens}
	n.next = (n.next + 1) % remembered
	n.known = min(n.known+1, remembered)
	if n.since.IsZero() {
		n.since = sent
	}
	if sent.Before(n.since) {
		return
	}
	n.fair++
	if n.Requests.rate > 0 {
		n.grow(now)
	}
	n.judge(now)
}

// grow raises the learned limits a step.
func (n *Rate) grow(now time.Time) {
	step := climb
	if over := n.Requests.limit/60/n.measured - 1; over > steep {
		step = min(climb*float64(int(1)<<min(int(over/steep), 10)), 0.01)
	}
	n.Requests.Set(n.Requests.limit+step*n.measured*60, Learned, now)
	n.Tokens.Set(n.Tokens.limit*(1+step), Learned, now)
}

// Throttled notes a refusal of an exchange that was sent at a given time. Storm
// says that most of the latest were refused.
func (n *Rate) Throttled(sent, now time.Time, storm bool) {
	if sent.Before(n.since) {
		return
	}
	n.refused++
	switch {
	case storm && n.fair+n.refused >= stormy:
		// No chance is that bad: there is a limit, and it is far below.
		n.putUpWith = 0
		if passed := now.Sub(n.since).Seconds(); n.Requests.rate > 0 && passed > 0 {
			n.lower(float64(n.fair)/passed, now)
		} else {
			n.cut(now)
		}
	case n.Requests.rate > 0 && n.cuts == 0 && n.refused >= 2:
		n.cut(now) // a limit that is known to be there
	default:
		n.judge(now)
	}
}

// judge looks at what has come back since the last cut, when there is enough.
func (n *Rate) judge(now time.Time) {
	total := n.fair + n.refused
	passed := now.Sub(n.since).Seconds()
	least := judged
	switch known := n.Requests.rate > 0; {
	case n.putUpWith > 0, !known && 5*n.refused < total:
		least = usual // a few refusals are more often chance than a limit
	case n.refused >= judgedRefusals:
		least = stormy
	}
	if total < least || passed <= 0 {
		return
	}
	share, speed := float64(n.refused)/float64(total), float64(n.fair)/passed
	switch {
	case n.putUpWith > 0 && share <= 2*n.putUpWith:
	case share <= tolerable:
		n.cuts = 0
	case n.cuts >= 2 && share > n.share/2 && share < 0.5 && speed < 0.95*n.speed:
		n.Requests, n.Tokens = Bucket{}, Bucket{}
		n.cuts, n.putUpWith = 0, max(share, n.share)
	default:
		n.share, n.speed, n.putUpWith = share, speed, 0
		n.cut(now)
		return
	}
	n.since, n.fair, n.refused = now, 0, 0
}

// cut lowers the limits to what has lately succeeded, less a little.
func (n *Rate) cut(now time.Time) {
	if n.known >= enough {
		first := n.recent[(n.next-n.known+remembered)%remembered]
		n.lower(float64(n.known-1)/max(now.Sub(first.at).Seconds(), 1e-3), now)
	}
}

// lower sets the limits to a little under so many requests a second. The time that
// was measured may have been without calls, so one cut costs no more than three
// quarters; and no measurement raises a limit that was refused.
func (n *Rate) lower(rate float64, now time.Time) {
	if have := n.Requests.limit / 60; have > 0 {
		rate = min(max(rate, have/4), have)
	}
	if rate <= 0 {
		return
	}
	n.measured = rate
	n.Requests.Set(60*backTo*rate/underLimit, Learned, now)
	n.Tokens.Set(60*backTo*rate*n.size()/underLimit, Learned, now)
	n.Requests.level, n.Tokens.level = n.Requests.reserve(), n.Tokens.reserve() // nothing for bulk
	n.since, n.fair, n.refused = now, 0, 0
	n.cuts++
}

// size returns the tokens of an exchange of late.
func (n *Rate) size() float64 {
	sum := 1.0
	for i := range n.known {
		sum += n.recent[i].tokens
	}
	return sum / float64(max(n.known, 1))
}
