package providertest

import (
	"math"
	"strings"
	"unicode"
)

func words(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
}

// countWords counts what words returns.
func countWords(text string) int {
	n, inside := 0, false
	for _, r := range text {
		letter := unicode.IsLetter(r) || unicode.IsDigit(r)
		if letter && !inside {
			n++
		}
		inside = letter
	}
	return n
}

const (
	wordSpots     = 4    // dimensions a word touches: more blur, fewer collide
	trigramWeight = 0.25 // of a word's: forms of a word are near, words stay apart
)

// Embedding returns the vector of a text: its words and their trigrams, hashed
// into the given number of dimensions, of length 1. Equal texts have equal
// vectors, and texts that share words or parts of words have a higher cosine.
func Embedding(text string, dimensions int) []float32 {
	v := make([]float32, dimensions)
	for _, w := range words(text) {
		add(v, w, wordSpots, 1)
		letters := []rune("^" + w + "$")
		for i := range len(letters) - 2 {
			add(v, string(letters[i:i+3]), 1, trigramWeight)
		}
	}
	if normalise(v) {
		return v
	}
	add(v, text, wordSpots, 1) // no words at all, or they cancel out
	if !normalise(v) {
		v[0] = 1
	}
	return v
}

// add adds weight, or minus it, at spots that follow from the hash of s.
func add(v []float32, s string, spots int, weight float32) {
	h := uint64(14695981039346656037) // FNV-1a
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	for range spots {
		h ^= h >> 29 // FNV's low bits alone are not random enough
		h *= 0xbf58476d1ce4e5b9
		h ^= h >> 32
		if h&1 == 0 {
			v[(h>>1)%uint64(len(v))] += weight
		} else {
			v[(h>>1)%uint64(len(v))] -= weight
		}
	}
}

// normalise scales v to length 1 and reports whether it had any.
func normalise(v []float32) bool {
	sum := 0.0
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	if sum == 0 {
		return false
	}
	scale := float32(1 / math.Sqrt(sum))
	for i := range v {
		v[i] *= scale
	}
	return true
}

// Overlap returns the share of the query's words that document has, 0 to 1.
func Overlap(query, document string) float64 {
	have := map[string]bool{}
	for _, w := range words(document) {
		have[w] = true
	}
	asked := words(query)
	found := 0
	for _, w := range asked {
		if have[w] {
			found++
		}
	}
	return float64(found) / float64(max(len(asked), 1))
}
