package memo

import "encoding/json"

// A Vocabulary lists what the memos of a project are marked with, the most frequent
// first.
type Vocabulary struct {
	Tags     []string
	Sources  []string
	Metadata []Pair
}

// A Pair is a key of metadata with its value, as filters compare it.
type Pair struct{ Key, Value string }

// Pairs returns the texts, numbers and booleans of metadata, in any order.
func Pairs(metadata json.RawMessage) []Pair {
	var keys map[string]json.RawMessage
	if len(metadata) <= len("{}") || json.Unmarshal(metadata, &keys) != nil {
		return nil
	}
	var out []Pair
	for key, value := range keys {
		if value[0] != '{' && value[0] != '[' && value[0] != 'n' {
			out = append(out, Pair{key, plain(value)})
		}
	}
	return out
}
