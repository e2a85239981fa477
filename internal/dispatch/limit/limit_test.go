package limit

import (
	"math"
	"testing"
	"time"

	"kvasir/internal/llm"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// A bucket never gives more than its burst and what its rate has let in, whoever
// takes.
func TestABucketGivesNoMoreThanItsRate(t *testing.T) {
	t.Parallel()
	for _, perMinute := range []float64{1, 6, 60, 600, 1e6} {
		var b Bucket
		b.Set(perMinute, Configured, noon)
		now, taken := noon, 0.0
		for range 10_000 {
			now = now.Add(b.Wait(1, true, now))
			if wait := b.Wait(1, true, now); wait > time.Millisecond {
				t.Fatalf("%v a minute: after the wait there is one of %v more", perMinute, wait)
			}
			b.Take(1, now)
			taken++
		}
		burst := math.Max(perMinute/60*burstFor.Seconds(), math.Min(leastBurst, perMinute))
		if most := burst + perMinute*now.Sub(noon).Minutes(); taken > most+1 {
			t.Errorf("%v a minute: %v were taken in %v", perMinute, taken, now.Sub(noon))
		}
		if used := taken / (perMinute * now.Sub(noon).Minutes()); used < 0.97 {
			t.Errorf("%v a minute: only %.2f of the limit can be used", perMinute, used)
		}
	}
}

func TestABucketKeepsSomethingForPeople(t *testing.T) {
	t.Parallel()
	var b Bucket
	b.Set(600, Configured, noon)
	for b.Wait(1, true, noon) == 0 {
		b.Take(1, noon)
	}
	for range 2 {
		if wait := b.Wait(1, false, noon); wait != 0 {
			t.Errorf("a person waits %v after bulk has taken what it may", wait)
		}
		b.Take(1, noon)
	}
	if b.Wait(1e9, false, noon) > time.Minute {
		t.Error("a call larger than the burst waits for more than a full bucket")
	}
}

func TestAReportCorrectsTheBucket(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		quota llm.Quota
		limit float64
		most  float64 // that may be taken at once
	}{
		{"nothing said", llm.Quota{}, 600, 49},
		{"another limit", llm.Quota{Limit: 60}, 60, 4.9},
		{"less left than we thought", llm.Quota{Limit: 600, Remaining: 3, Told: true}, 600, 3},
		{"none left", llm.Quota{Told: true}, 600, 0},
		{"more left than we thought", llm.Quota{Limit: 600, Remaining: 599, Told: true}, 600, 49},
		{"a limit of a day", llm.Quota{Limit: 14_400, Remaining: 14_000, Told: true, Reset: 40 * time.Minute}, 240, 19.6},
		{"of a day, as its reset says", llm.Quota{Limit: 14_400, Remaining: 9, Told: true, Reset: 23 * time.Hour}, 10, 4},
		{"a reset of a little over a minute", llm.Quota{Limit: 600, Reset: 65 * time.Second}, 600, 49},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var b Bucket
			b.Set(600, Configured, noon)
			b.Report(tt.quota, b.Mark(), noon)
			limit, _ := b.PerMinute()
			if got := b.Spare(false, noon); limit != tt.limit || math.Abs(got-tt.most) > 0.01 {
				t.Errorf("%v a minute and %.2f at once, want %v and %v", limit, got, tt.limit, tt.most)
			}
		})
	}
}

// What several answers say of one moment is taken away once.
func TestReportsOfCallsOnTheWayCountOnce(t *testing.T) {
	t.Parallel()
	var b Bucket
	b.Set(600, Configured, noon)
	var marks []Mark
	for range 5 {
		b.Take(1, noon)
		marks = append(marks, b.Mark())
	}
	for i, m := range marks { // others have used twenty
		b.Report(llm.Quota{Limit: 600, Remaining: 28 - i, Told: true}, m, noon)
	}
	if got := b.Spare(false, noon); math.Abs(got-24) > 0.01 {
		t.Errorf("%.2f may be taken, want the 24 that remain", got)
	}
}

func TestABucketTightens(t *testing.T) {
	t.Parallel()
	var b Bucket
	b.Report(llm.Quota{Limit: 600}, b.Mark(), noon)
	if !b.Told() {
		t.Error("a reported limit is not told")
	}
	for range 10 {
		b.Tighten(noon)
	}
	if got := b.Spare(false, noon); math.Abs(got-9.8) > 0.01 {
		t.Errorf("%.2f at once, want a second's worth", got)
	}
	b.Report(llm.Quota{Limit: 1200}, b.Mark(), noon)
	later := noon.Add(time.Minute)
	if got := b.Spare(false, later); math.Abs(got-19.6) > 0.01 || b.Told() {
		t.Errorf("%.2f at once of another limit, want a second's worth of it, and doubt", got)
	}
}

func TestABreakerOpensAndProbes(t *testing.T) {
	t.Parallel()
	var b Breaker
	now := noon
	for i := range sickAfter {
		if b.Open() {
			t.Fatalf("open after %d failures", i)
		}
		b.Failed(b.Begin(), 0, now)
	}
	for opened := range 10 {
		at, ok := b.Wait(now)
		if ok || at.Sub(now) > longOpen {
			t.Fatalf("opened %d times: a call may go at %v, %t", opened, at, ok)
		}
		now = at
		if _, ok := b.Wait(now); !ok {
			t.Fatal("no call may probe when the time has come")
		}
		probe := b.Begin()
		if at, ok := b.Wait(now); ok || !at.IsZero() || !probe {
			t.Error("a second call may probe beside the first")
		}
		b.Failed(false, 0, now) // one that was sent before
		b.Failed(probe, 0, now)
	}
	now = b.Until()
	b.Begin()
	b.GaveUp()
	if _, ok := b.Wait(now); !ok {
		t.Error("a probe that said nothing closes the way for the next")
	}
	b.Begin()
	b.Healed()
	if b.Open() {
		t.Error("open after a success")
	}
	b.Refused(now)
	if at, ok := b.Wait(now); ok || !b.Dead() || at.Sub(now) > firstDead {
		t.Errorf("after a refused key a call may go at %v, %t", at, ok)
	}
}

// An upstream that can work on sixteen at a time gets about as many, and one that
// becomes slower fewer.
func TestConcurrencyFindsWhatTheUpstreamWorksOn(t *testing.T) {
	t.Parallel()
	c := NewConcurrency(32, 1000)
	now := noon
	run := func(capacity int) {
		for range 3000 {
			busy := c.Size()
			took := 100 * time.Millisecond * time.Duration(max(busy, capacity)) / time.Duration(capacity)
			now = now.Add(took / time.Duration(busy))
			c.Done(100, took, true, now)
		}
	}
	run(64)
	if n := c.Size(); n < 64 || n > 160 {
		t.Errorf("%d in flight to an upstream of 64", n)
	}
	run(16)
	if n := c.Size(); n < 16 || n > 48 {
		t.Errorf("%d in flight to an upstream of 16", n)
	}
	slower := c
	for range 5000 { // whatever is in flight, each answer takes a second
		now = now.Add(time.Second / time.Duration(slower.Size()))
		slower.Done(100, time.Second, true, now)
	}
	if n := slower.Size(); n < 16 {
		t.Errorf("%d in flight to an upstream that is slow for its own reasons", n)
	}
	for range 20 {
		now = now.Add(2 * time.Second)
		c.TimedOut(now)
	}
	if n := c.Size(); n != 2 {
		t.Errorf("%d in flight to an upstream that does not answer", n)
	}
	if one := NewConcurrency(32, 1); one.Size() != 1 {
		t.Errorf("%d in flight where one may be", one.Size())
	}
}

func TestFigures(t *testing.T) {
	t.Parallel()
	var q Quantiles
	var v Throughput
	now := noon
	for i := range 1000 {
		now = now.Add(100 * time.Millisecond)
		q.Note(time.Duration(i%100+1) * time.Millisecond)
		v.Note(50, now)
	}
	if q.P50 < 40*time.Millisecond || q.P50 > 75*time.Millisecond || q.P95 < 90*time.Millisecond || !q.Settled() {
		t.Errorf("quantiles %v and %v", q.P50, q.P95)
	}
	if got := v.PerSecond(now); got < 450 || got > 550 {
		t.Errorf("%.0f tokens a second, want 500", got)
	}
	if got := v.PerSecond(now.Add(time.Hour)); got != 0 {
		t.Errorf("%.0f tokens a second after an hour of none", got)
	}
}

func TestAnAllowanceIsAShare(t *testing.T) {
	t.Parallel()
	a := NewAllowance(0.1, 1, 0)
	spent := 0.0
	for range 1000 {
		a.Earn(10, noon)
		for a.Spend(1, noon) {
			spent++
		}
	}
	if spent != 1000 {
		t.Errorf("%v of 10,000 were spent, want a tenth", spent)
	}
	if wait := a.Promise(5, noon); wait != 5*time.Second {
		t.Errorf("five are there after %v, want 5 s", wait)
	}
	if wait := a.Promise(1, noon.Add(5*time.Second)); wait != time.Second {
		t.Errorf("one more is there after %v, want 1 s", wait)
	}
}
