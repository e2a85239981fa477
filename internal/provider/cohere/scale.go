package cohere

import (
	"math"
	"sync/atomic"
)

// A scale is what a server's scores are, as far as it has shown. It only widens, so
// that the parts of one ranking, and the rankings of one day, are brought to 0 to 1
// in one way.
type scale struct{ seen atomic.Int32 }

// What scores may be, each wider than the one before.
const (
	shares  int32 = iota // from 0 to 1
	cosines              // from -1 to 1
	logits               // without bounds
)

// slack is how far rounding may push a score over an edge.
const slack = 1e-3

// fit brings scores to 0 to 1. A higher score stays the higher one.
func (s *scale) fit(scores []float64) {
	for _, score := range scores {
		switch {
		case math.Abs(score) > 1+slack:
			s.widen(logits)
		case score < -slack:
			s.widen(cosines)
		}
	}
	seen := s.seen.Load()
	for i, score := range scores {
		switch seen {
		case cosines:
			score = (score + 1) / 2
		case logits:
			score = 1 / (1 + math.Exp(-score))
		}
		scores[i] = min(max(score, 0), 1)
	}
}

func (s *scale) widen(to int32) {
	for {
		old := s.seen.Load()
		if old >= to || s.seen.CompareAndSwap(old, to) {
			return
		}
	}
}
