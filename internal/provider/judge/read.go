package judge

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// maxTries bounds the brackets at which read looks for a list.
const maxTries = 20

// thoughtsEnd is between what open models think and what they answer, where their
// server does not tell these apart.
const thoughtsEnd = "</think>"

// A score is one document's, as the model wrote it.
type score struct {
	index int
	score float64
}

// read returns the scores of n documents that a model wrote. Models that are not held
// to JSON put a fence or words around the object, leave the object away and write
// the list, or give bare numbers in the documents' order.
func read(text string, n int) ([]float64, error) {
	if end := strings.LastIndex(text, thoughtsEnd); end >= 0 {
		text = text[end+len(thoughtsEnd):]
	}
	tries := 0
	for at, c := range text {
		if c != '{' && c != '[' {
			continue
		}
		if tries++; tries > maxTries {
			break
		}
		var raw json.RawMessage
		if json.NewDecoder(strings.NewReader(text[at:])).Decode(&raw) != nil {
			continue // a bracket in the words before
		}
		var object struct {
			Scores json.RawMessage `json:"scores"`
		}
		if json.Unmarshal(raw, &object) == nil && len(object.Scores) > 0 {
			raw = object.Scores
		}
		if list, ok := entries(raw); ok {
			return settle(list, n)
		}
	}
	return nil, errors.New("the model wrote no list of scores")
}

// entries reads a list of entries or of bare numbers.
func entries(raw json.RawMessage) ([]score, bool) {
	var list []struct {
		Index *int     `json:"index"`
		Score *float64 `json:"score"`
	}
	var numbers []float64
	var out []score
	switch {
	case json.Unmarshal(raw, &list) == nil:
		for _, e := range list {
			if e.Index != nil && e.Score != nil {
				out = append(out, score{*e.Index, *e.Score})
			}
		}
	case json.Unmarshal(raw, &numbers) == nil:
		for i, s := range numbers {
			out = append(out, score{i, s})
		}
	}
	return out, len(out) > 0
}

// settle brings the scores to 0 to 1 and the documents' order. Of two scores of a
// document the first counts, and those of no document do not. Documents that the model
// left out are irrelevant to it, unless these are most: then it has not done its work.
func settle(list []score, n int) ([]float64, error) {
	out := make([]float64, n)
	seen := make([]bool, n)
	found, highest := 0, 1.0
	for _, s := range list {
		if s.index < 0 || s.index >= n || seen[s.index] {
			continue
		}
		seen[s.index] = true
		out[s.index] = s.score
		found++
		highest = max(highest, s.score)
	}
	if found < (n+1)/2 {
		return nil, fmt.Errorf("%d scores for %d documents", found, n)
	}
	scale := highest
	for _, usual := range []float64{100, 10, 5, 1} { // what people rate by
		if highest <= usual {
			scale = usual
		}
	}
	for i := range out {
		out[i] = max(out[i]/scale, 0)
	}
	return out, nil
}
