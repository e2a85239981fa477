package dispatch

// A State is what a lane says of itself.
type State struct {
	Kind      string // embed, generate, rerank
	Slots     int
	Busy      int    // requests in flight
	Waiting   int    // calls in line; for embed, texts
	Reason    string // why all of them wait; empty when they do not
	LastError string // of the last call that failed, in words
}

// Snapshot returns the state of every lane.
func (s *Scheduler) Snapshot() []State {
	states := []State{s.embed.state(), s.generate.state(), s.rerank.state()}
	if s.packer != nil {
		for _, q := range s.packer.queues {
			states[0].Waiting += q.length()
		}
	}
	return states
}

func (l *lane) state() State {
	st := State{Kind: l.kind, Slots: l.size}
	st.Reason, st.LastError = l.why()
	l.gate.mu.Lock()
	defer l.gate.mu.Unlock()
	st.Busy, st.Waiting = l.busy, len(l.waiting)
	return st
}

func (q *queue) length() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.line)
}
