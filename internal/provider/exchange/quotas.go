package exchange

import (
	"iter"
	"net/http"
	"strconv"
	"strings"
	"time"

	"kvasir/internal/llm"
)

// A spelling is how a limit's headers are called, in the canonical form of names.
type spelling struct{ limit, remaining, reset string }

func spell(before, after string) spelling {
	return spelling{before + "Limit" + after, before + "Remaining" + after, before + "Reset" + after}
}

var (
	requestSpellings = []spelling{
		spell("X-Ratelimit-", "-Requests"), // OpenAI, Azure, Groq and most others
		spell("Anthropic-Ratelimit-Requests-", ""),
		spell("X-Ratelimit-", "-Req-Minute"), // Mistral
		spell("X-Ratelimit-", ""),
		spell("Ratelimit-", ""), // the older drafts of the IETF
	}
	tokenSpellings = []spelling{
		spell("X-Ratelimit-", "-Tokens"),
		spell("X-Ratelimit-", "-Project-Tokens"), // OpenAI, of a part of the account
		spell("Anthropic-Ratelimit-Tokens-", ""),
		spell("Anthropic-Ratelimit-Input-Tokens-", ""),
		spell("X-Ratelimit-", "-Tokens-Minute"), // Mistral
	}
	outputSpelling = spell("Anthropic-Ratelimit-Output-Tokens-", "")
)

// Quotas reads what an answer's headers say about the limits of the account. Where
// several limits of one kind are told, the scarcest by the share that is left
// counts, and of equal ones the first. Values that make no sense are as good as
// none. Points in time are measured against the answer's own Date, because the two
// come from one clock, or against now.
func Quotas(h http.Header, now time.Time) llm.Quotas {
	if sent, err := http.ParseTime(h.Get("Date")); err == nil {
		now = sent
	}
	var q llm.Quotas
	for _, s := range requestSpellings {
		q.Requests = scarcer(q.Requests, s.read(h, now))
	}
	for limit := range policies(h) {
		q.Requests = scarcer(q.Requests, limit)
	}
	for _, s := range tokenSpellings {
		q.Tokens = scarcer(q.Tokens, s.read(h, now))
	}
	q.Tokens = scarcer(q.Tokens, ofLimit(outputSpelling.read(h, now), q.Tokens.Limit))
	return q
}

// ofLimit tells the same share of a larger limit. Anthropic bounds output far below
// input, and the limit of all tokens is not that of the output when that is scarcer.
func ofLimit(q llm.Quota, limit int) llm.Quota {
	if q.Limit > 0 && q.Limit < limit {
		q.Remaining = int(left(q) * float64(limit))
		q.Limit = limit
	}
	return q
}

func (s spelling) read(h http.Header, now time.Time) llm.Quota {
	var q llm.Quota
	q.Limit, _ = count(first(h[s.limit]))
	q.Remaining, q.Told = count(first(h[s.remaining]))
	q.Reset = reset(first(h[s.reset]), now)
	return q
}

func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

// scarcer returns the limit of which the smaller share is left.
func scarcer(a, b llm.Quota) llm.Quota {
	if a == (llm.Quota{}) || left(b) < left(a) {
		return b
	}
	return a
}

// left is the share of a limit that remains, 1 where nothing says less.
func left(q llm.Quota) float64 {
	switch {
	case q.Told && q.Limit > 0:
		return min(float64(q.Remaining)/float64(q.Limit), 1)
	case q.Told && q.Remaining == 0:
		return 0
	}
	return 1
}

// maxCount keeps a number an int on every machine; no account has so much.
const maxCount = 1 << 30

// count reads a number of requests or tokens. Policies may follow it: the limit of
// the IETF's older drafts is "100, 100;w=60".
func count(s string) (int, bool) {
	if s == "" {
		return 0, false // without the cost of an error
	}
	if end := strings.IndexAny(s, ",;"); end >= 0 {
		s = s[:end]
	}
	n, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	if err != nil || !(n >= 0 && n <= 1e18) { // -1 and infinity stand for no limit
		return 0, false
	}
	return int(min(n, maxCount)), true
}

// The numbers from which a reset is a point in time rather than a wait.
const (
	epochSeconds = 1e9
	epochMillis  = 1e12
)

// reset reads how long a limit takes until it is whole again: seconds, a duration
// as "6m0s" or "17ms", or a point in time as seconds or milliseconds since 1970,
// RFC 3339 or an HTTP date. It returns 0 for anything else.
func reset(s string, now time.Time) time.Duration {
	if s = strings.TrimSpace(s); s == "" {
		return 0
	}
	if n, err := strconv.ParseFloat(s, 64); err == nil && n >= epochSeconds && n < 1e15 {
		if n < epochMillis {
			n *= 1000
		}
		return bounded(time.UnixMilli(int64(n)).Sub(now))
	}
	if d, ok := wait(s, time.Second); ok {
		return d
	}
	if d, err := time.ParseDuration(s); err == nil {
		return bounded(d)
	}
	if at, err := time.Parse(time.RFC3339, s); err == nil {
		return bounded(at.Sub(now))
	}
	if at, err := http.ParseTime(s); err == nil {
		return bounded(at.Sub(now))
	}
	return 0
}

// bounded returns a wait that may be believed.
func bounded(d time.Duration) time.Duration { return min(max(d, 0), maxRetryAfter) }

// policies yields the limits in the form of the IETF's newer drafts: the header
// RateLimit-Policy says what there is, as in "default";q=100;w=60, and RateLimit
// what is left of it, as in "default";r=50;t=30.
func policies(h http.Header) iter.Seq[llm.Quota] {
	return func(yield func(llm.Quota) bool) {
		for name, now := range items(h["Ratelimit"]) {
			var q llm.Quota
			q.Remaining, q.Told = count(now.get("r"))
			q.Reset = reset(now.get("t"), time.Time{})
			for policy, says := range items(h["Ratelimit-Policy"]) {
				// Nobody could tell from a quota that it is for less than a minute.
				window, known := count(says.get("w"))
				if policy == name && (!known || window >= 60) {
					q.Limit, _ = count(says.get("q"))
				}
			}
			if !yield(q) {
				return
			}
		}
	}
}

// items yields the members of a structured list of limits, each with its
// parameters. Names with a comma or a semicolon in them are not understood, and
// match nothing.
func items(lines []string) iter.Seq2[string, parameters] {
	return func(yield func(string, parameters) bool) {
		for _, line := range lines {
			for member := range strings.SplitSeq(line, ",") {
				name, rest, _ := strings.Cut(member, ";")
				if !yield(strings.TrimSpace(name), parameters(rest)) {
					return
				}
			}
		}
	}
}

// parameters are those of a member of a structured list, as in q=100;w=60.
type parameters string

func (p parameters) get(key string) string {
	for one := range strings.SplitSeq(string(p), ";") {
		if k, v, _ := strings.Cut(strings.TrimSpace(one), "="); k == key {
			return v
		}
	}
	return ""
}
