package clienttest

import "net/http"

// steps is in how many answers another version is built.
const steps = 3

// A reindexing is a live index version and one beside it.
type reindexing struct {
	next   bool // one is built
	built  int  // steps of it
	former bool // it has become the live one, and the other is kept
}

func (r *reindexing) version(number int, state, model string, lacking int) object {
	return object{
		"version": number, "state": state, "model": model, "dimensions": 512 * number, "chunker": "text/1 words=180",
		"passages": 1200, "lacking": lacking, "complete": lacking == 0, "configured": true,
		"created": "2026-11-22T17:45:40.038Z", "live_since": nil,
	}
}

// shown returns what there is, and builds a step.
func (r *reindexing) shown() object {
	versions := []object{r.version(1, "live", "small", 0)}
	switch {
	case r.former:
		versions = []object{r.version(2, "live", "large", 0), r.version(1, "former", "small", 0)}
	case r.next:
		versions = append(versions, r.version(2, "next", "large", 1200*(steps-r.built)/steps))
		r.built = min(r.built+1, steps)
	}
	return object{"time": "2026-11-22T17:45:40.038Z", "versions": versions, "next_model": "large"}
}

func (s *Server) reindexing(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	answer(w, http.StatusOK, s.index.shown())
}

func (s *Server) reindex(w http.ResponseWriter, r *http.Request) {
	var body struct{ Action string }
	if !decode(w, r, &body) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch x := &s.index; {
	case body.Action == "start":
		x.next = true
	case body.Action == "flip" && x.next && x.built == steps:
		*x = reindexing{former: true}
	case body.Action == "rollback" && x.former:
		*x = reindexing{next: true, built: steps}
	case body.Action == "drop" && x.former, body.Action == "cancel" && x.next:
		*x = reindexing{}
	default:
		refuse(w, http.StatusConflict, "Version 2 is not complete yet")
		return
	}
	answer(w, http.StatusOK, s.index.shown())
}

// searchVersion finds all memos, in the next version the newest first.
func (s *Server) searchVersion(w http.ResponseWriter, r *http.Request) {
	var body struct {
		State string
	}
	if !decode(w, r, &body) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	ids := []string{}
	for _, m := range s.memos {
		if body.State == "next" {
			ids = append(ids, m.ID)
		} else {
			ids = append([]string{m.ID}, ids...)
		}
	}
	answer(w, http.StatusOK, object{"memos": ids})
}
