package dispatch

// A State is what a lane says of itself.
type State struct {
	Kind      string // embed, generate, rerank
	Model     string // empty if there is none of this kind
	Slots     int
	Busy      int    // requests in flight
	Waiting   int    // calls in line; for embed, texts
	Reason    string // why calls wait, as in "openai: 429 until 12:03:10"; empty if they need not
	LastError string // of the last call that failed, in words
}

// Snapshot returns the state of every lane: embed, the generators in their order,
// rerank.
func (s *Scheduler) Snapshot() []State {
	states := make([]State, 0, 2+len(s.generators))
	embed := s.embed.state("")
	if s.packer != nil {
		embed.Model = s.cfg.Embedder.Spec().Model
		embed.Waiting = 0 // the calls at the gate are the queues' own
		for _, q := range s.packer.queues {
			embed.Waiting += q.length()
		}
	}
	states = append(states, embed)
	for _, g := range s.generators {
		states = append(states, g.lane.state(g.Generator.Model()))
	}
	rerank := s.rerank.state("")
	if s.cfg.Reranker != nil {
		rerank.Model = s.cfg.Reranker.Model()
	}
	return append(states, rerank)
}

func (l *lane) state(model string) State {
	st := State{Kind: l.kind, Model: model, Slots: l.size}
	st.Reason, st.LastError = l.why()
	st.Busy, st.Waiting = l.load()
	return st
}
