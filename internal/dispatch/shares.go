package dispatch

import "maps"

// forgetAbove is how many tenants are remembered before the first look for
// those that are owed nothing.
const forgetAbove = 1024

// shares is start-time fair queueing over tenants (Goyal, Vin and Cheng, 1996).
// Each tenant has a virtual time, which its calls advance by their cost. A call's
// turn is the virtual time at which it begins, and the least goes first: however
// much one tenant has in line, another's first call comes next.
type shares struct {
	weights map[string]float64 // 1 unless named: of two tenants in line, one of 2 gets twice as much
	served  map[string]float64 // where each tenant's next turn begins
	now     float64            // the latest turn that has come
	many    int                // tenants at which those that are owed nothing are forgotten
}

func newShares(weights map[string]float64) shares {
	return shares{weights: weights, served: map[string]float64{}, many: forgetAbove}
}

// span is how far a call moves its tenant's virtual time.
func (s *shares) span(tenant string, cost int) float64 {
	if w := s.weights[tenant]; w > 0 {
		return float64(max(cost, 1)) / w
	}
	return float64(max(cost, 1))
}

// next returns the turn that a call of the tenant would get. Nobody saves up
// turns while away.
func (s *shares) next(tenant string) float64 { return max(s.served[tenant], s.now) }

// book gives a call its turn.
func (s *shares) book(tenant string, cost int) float64 {
	if len(s.served) >= s.many {
		maps.DeleteFunc(s.served, func(_ string, next float64) bool { return next <= s.now })
		s.many = max(forgetAbove, 2*len(s.served))
	}
	start := s.next(tenant)
	s.served[tenant] = start + s.span(tenant, cost)
	return start
}

// giveBack undoes the tenant's last booking, for a call that is not made.
func (s *shares) giveBack(tenant string, start float64, cost int) {
	if s.served[tenant] == start+s.span(tenant, cost) {
		s.served[tenant] = start
	}
}

// pass notes that a call's turn has come.
func (s *shares) pass(start float64) { s.now = max(s.now, start) }

// clear forgets everybody: who finds nobody in line is owed nothing.
func (s *shares) clear() {
	clear(s.served)
	s.now, s.many = 0, forgetAbove
}
