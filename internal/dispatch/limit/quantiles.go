package limit

import (
	"slices"
	"time"
)

const (
	sampled = 128 // latencies that quantiles are taken over
	settled = 20  // fewer say nothing of a tail
	resort  = 16  // quantiles are taken anew after so many
)

// Quantiles are those of the latest latencies.
type Quantiles struct {
	P50, P95 time.Duration // 0 until Settled

	ring [sampled]time.Duration
	n    int // so far
}

// Settled reports whether there are enough latencies to speak of a tail.
func (l *Quantiles) Settled() bool { return l.n >= settled }

// Note adds a latency.
func (l *Quantiles) Note(d time.Duration) {
	l.ring[l.n%sampled] = d
	l.n++
	if l.n >= settled && (l.n%resort == 0 || l.n == settled) {
		l.sort()
	}
}

func (l *Quantiles) sort() {
	sorted := l.ring
	have := sorted[:min(l.n, sampled)]
	slices.Sort(have)
	l.P50, l.P95 = have[len(have)/2], have[len(have)*95/100]
}
