package providertest

import (
	"encoding/json"
	"io"
	"net/http"
)

// showBehaviour answers with the behaviour.
func (s *Server) showBehaviour(w http.ResponseWriter, _ *http.Request) { show(w, s.Behaviour()) }

// changeBehaviour changes what the body names, leaves the rest as it is, and
// answers with the whole.
func (s *Server) changeBehaviour(w http.ResponseWriter, r *http.Request) {
	b := s.Behaviour()
	in := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20))
	in.DisallowUnknownFields()
	err := in.Decode(&b)
	if err == nil {
		err = b.Check()
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, complainOpenAI(http.StatusBadRequest, err.Error(), 0))
		return
	}
	s.Behave(b)
	show(w, b)
}

// showTotals answers with the totals by kind.
func (s *Server) showTotals(w http.ResponseWriter, _ *http.Request) {
	all := map[Kind]Totals{}
	for _, kind := range []Kind{Embed, Chat, Rerank} {
		all[kind] = s.Totals(kind)
	}
	show(w, all)
}

func show(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_, _ = io.WriteString(w, string(data)+"\n") // the client may be gone
}
