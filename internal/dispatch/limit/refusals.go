package limit

import "time"

const (
	// throttleInterval is how near two refusals for rate must be to pause the
	// whole lane; one alone delays only its call.
	throttleInterval = 10 * time.Second
	// fading is how much less each outcome counts when the next one comes: about
	// eight are remembered, fewer than a lane has in flight.
	fading = 7.0 / 8
)

// Refusals is how the latest calls of a lane went. At thousands of calls a
// second two refusals are always near each other: they mean a limit only if most
// calls meet it.
type Refusals struct {
	fair    float64 // calls that were not refused, fading
	refused float64 // refusals for rate, fading
	last    time.Time
}

// Note records an outcome. It reports whether refusals are what the lane meets
// now: a second one within the interval, and most calls among the latest.
func (w *Refusals) Note(refused bool, now time.Time) (limited bool) {
	if now.Sub(w.last) > throttleInterval {
		*w = Refusals{}
	}
	w.last = now
	w.fair *= fading
	second := refused && w.refused > 0
	w.refused *= fading
	if !refused {
		w.fair++
		return false
	}
	w.refused++
	return second && w.refused > w.fair
}
