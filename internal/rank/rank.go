// Package rank orders candidates by what is known of them.
//
// Words and vectors have no common scale, so each is first brought to one of its
// own that does not depend on what else was found: words by the share of the query
// that a passage answers, vectors by how much more alike they are than unrelated
// ones. So a score survives a filter,
// and a list in which nothing is good does not look like one in which all is. The
// weight between them depends on how well the embedding model's vocabulary covers
// the language at hand. All figures here were measured on seven collections
// (doc/decisions/0009).
package rank

import (
	"math"
	"time"

	"kvasir/internal/llm"
)

// The weights of words against vectors.
const (
	TrustingWeight = 0.575 // the model knows the language
	DoubtingWeight = 0.95  // the model hardly knows it
)

// Between these many tokens a word a model goes from reading to spelling; at this
// share of unknown words it guesses.
const (
	readTokens   = 1.5
	spellTokens  = 3.0
	unknownShare = 0.05
)

// LexicalWeight returns the weight of words, from 0 to 1, for a text that an
// embedding model covers this well. It rises evenly with the tokens a word takes
// and with the share of words that are unknown.
func LexicalWeight(c llm.Coverage) float64 {
	doubt := max((c.TokensPerWord-readTokens)/(spellTokens-readTokens), c.UnknownShare/unknownShare)
	return TrustingWeight + (DoubtingWeight-TrustingWeight)*min(max(doubt, 0), 1)
}

// Score joins the share of a query that a passage's words answer with the likeness
// of their vectors. To be less alike than usual says no more than to be just that.
func Score(share, likeness, weight float64) float64 {
	return weight*share + (1-weight)*max(likeness, 0)
}

// Likeness returns how much more alike two vectors are than those of things that
// have nothing to do with each other: 1 for the same, 0 for no more than usual, less
// below that. What is usual differs between models; to some nothing is less alike
// than 0.7.
func Likeness(cosine, usual float64) float64 {
	usual = min(max(usual, 0), 0.99)
	return (cosine - usual) / (1 - usual)
}

// feedback is how much the best passage says of the others, against the query.
const feedback = 0.2

// Feedback returns the likeness to judge a passage by when the best one is known:
// that to the query, and a part of that to the best passage. A query has few words;
// what is found first has more of the same kind.
func Feedback(likeness, toBest float64) float64 {
	return (1-feedback)*max(likeness, 0) + feedback*max(toBest, 0)
}

// Both joins what a passage is to a query and the most it is to any of several
// others that were made of it. What answers one of them well is worth as much as
// what answers the query half.
func Both(own, most float64) float64 { return (own + max(own, most)) / 2 }

// rrfOffset is k of reciprocal rank fusion; 60 as in the paper.
const rrfOffset = 60

// Reciprocal returns what the place in a list, from 0, adds to a score of
// reciprocal ranks.
func Reciprocal(place int) float64 { return 1 / float64(rrfOffset+1+place) }

// Recency returns what the relevance of something this old is multiplied by:
// 1 - weight + weight * 2^(-age/halfLife). What is not yet is as good as new.
func Recency(age, halfLife time.Duration, weight float64) float64 {
	if halfLife <= 0 {
		return 1
	}
	return 1 - weight + weight*math.Exp2(-max(age, 0).Seconds()/halfLife.Seconds())
}

// Unit returns v at length 1, nil if it has none.
func Unit(v llm.Vector) llm.Vector {
	length := math.Sqrt(Dot(v, v))
	if !(length > 0) || math.IsInf(length, 0) {
		return nil
	}
	out := make(llm.Vector, len(v))
	for i, x := range v {
		out[i] = float32(float64(x) / length)
	}
	return out
}

// Between returns the vector of length 1 in the middle of two; one that there is
// alone stands for both.
func Between(a, b llm.Vector) llm.Vector {
	switch {
	case len(a) == 0:
		return b
	case len(a) != len(b):
		return a
	}
	sum := make(llm.Vector, len(a))
	for i := range a {
		sum[i] = a[i] + b[i]
	}
	return Unit(sum)
}

// Dot returns the product of two vectors, their cosine if both have length 1; 0 if
// they are not of one length.
func Dot(a, b llm.Vector) float64 {
	if len(a) != len(b) {
		return 0
	}
	var s, t float32 // two sums for the processor's pipelines
	i := 0
	for ; i+2 <= len(a); i += 2 {
		s += a[i] * b[i]
		t += a[i+1] * b[i+1]
	}
	if i < len(a) {
		s += a[i] * b[i]
	}
	return float64(s + t)
}
