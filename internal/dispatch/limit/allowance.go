package limit

import "time"

// An Allowance is a share of what goes through a pool, saved up to a few times
// over: what retries and hedges may take, so that neither is a load of its own.
type Allowance struct {
	share   float64
	trickle float64 // a second, besides the share
	most    float64 // saved; ten times the largest that has earned it, or more
	left    float64 // below 0: promised already
	at      time.Time
}

// NewAllowance returns a share, and a trickle a second besides. It begins with so
// much saved.
func NewAllowance(share, trickle, saved float64) Allowance {
	return Allowance{share: share, trickle: trickle, most: saved, left: saved}
}

// Earn adds the share of a call.
func (a *Allowance) Earn(amount float64, now time.Time) {
	a.most = max(a.most, 10*amount)
	a.refill(now)
	a.left = min(a.left+a.share*amount, a.most)
}

func (a *Allowance) refill(now time.Time) {
	if !a.at.IsZero() {
		a.left = min(a.left+a.trickle*now.Sub(a.at).Seconds(), max(a.most, a.left))
	}
	a.at = now
}

// Spend takes an amount if it is there.
func (a *Allowance) Spend(amount float64, now time.Time) bool {
	a.refill(now)
	if a.left < amount {
		return false
	}
	a.left -= amount
	return true
}

// Promise takes an amount now or later, and returns when it is there. There must
// be a trickle.
func (a *Allowance) Promise(amount float64, now time.Time) time.Duration {
	a.refill(now)
	a.left -= amount
	return time.Duration(max(0, -a.left/a.trickle) * float64(time.Second))
}
