package clienttest

// A toggle is a step of an answer that is on or off.
type toggle struct {
	Enabled bool `json:"enabled"`
}

// A told says what is to be told beside the results.
type told struct {
	Explain bool `json:"explain"`
}

// tell adds to an answer what was asked for: a filter that was read from the question,
// which is the source of the first memo found, and the stages of a search, which drop
// the last one.
func (t told) tell(out object, found []Memo, retrieval object) {
	if retrieval["infer_filters"] == true && len(found) > 0 {
		out["inferred_filters"] = []object{{
			"field": "source", "operator": "eq", "value": found[0].Source, "filter_type": "native_field",
		}}
	}
	if !t.Explain {
		return
	}
	candidates := []object{}
	for i, m := range found {
		candidates = append(candidates, object{
			"chunk_uuid": m.ID, "memo_uuid": m.ID, "memo_title": m.Title, "score": 1 / float64(i+1),
		})
	}
	kept, dropped := candidates, []object{}
	if last := len(found) - 1; last > 0 {
		kept = candidates[:last]
		dropped = []object{{
			"chunk_uuid": found[last].ID, "memo_uuid": found[last].ID, "reason": "nearly repeats " + found[0].ID,
		}}
	}
	stage := func(name, note string, took float64, left, gone []object) object {
		return object{
			"name": name, "took_ms": took, "notes": []string{note}, "candidates": left, "total": len(left), "dropped": gone,
		}
	}
	out["explanation"] = object{"stages": []object{
		stage("lexical", "1 word", 0.25, candidates, []object{}),
		stage("dedup", "passages that repeat each other", 12, kept, dropped),
	}}
}
