package dispatch

import (
	"slices"
	"time"
)

const (
	sampled = 128 // latencies that quantiles are taken over
	settled = 20  // fewer say nothing of a tail
	resort  = 16  // quantiles are taken anew after so many
)

// A latencies is the latest ones, for quantiles.
type latencies struct {
	ring     [sampled]time.Duration
	n        int // so far
	p50, p95 time.Duration
}

func (l *latencies) note(d time.Duration) {
	l.ring[l.n%sampled] = d
	l.n++
	if l.n >= settled && (l.n%resort == 0 || l.n == settled) {
		l.sort()
	}
}

func (l *latencies) sort() {
	sorted := l.ring
	have := sorted[:min(l.n, sampled)]
	slices.Sort(have)
	l.p50, l.p95 = have[len(have)/2], have[len(have)*95/100]
}
