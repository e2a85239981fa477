package limit

import (
	"math"
	"time"
)

// speedOver is the time that it is taken over.
const speedOver = 10 * time.Second

// A Throughput is tokens a second of late, weighted so that what is older counts less.
type Throughput struct {
	sum float64 // tokens, fading
	at  time.Time
	up  time.Time // since when there is a stream of them
}

// Note adds tokens.
func (s *Throughput) Note(tokens float64, now time.Time) {
	s.fade(now)
	s.sum += tokens
}

func (s *Throughput) fade(now time.Time) {
	if s.up.IsZero() || now.Sub(s.at) > 3*speedOver {
		s.sum, s.up, s.at = 0, now, now
		return
	}
	s.sum *= math.Exp(-now.Sub(s.at).Seconds() / speedOver.Seconds())
	s.at = now
}

// PerSecond returns it; 0 if nothing was noted of late.
func (s *Throughput) PerSecond(now time.Time) float64 {
	if s.up.IsZero() {
		return 0
	}
	s.fade(now)
	// While the stream is young, less than the whole window has been seen.
	seen := speedOver.Seconds() * (1 - math.Exp(-now.Sub(s.up).Seconds()/speedOver.Seconds()))
	return s.sum / max(seen, 0.1)
}
