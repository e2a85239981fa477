package providertest

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Headers is a way to tell clients of limits.
type Headers string

// The ways. All but HeadersSilent send Retry-After with a refusal.
const (
	HeadersNone      Headers = "none"      // only Retry-After, in seconds and in milliseconds
	HeadersSilent    Headers = "silent"    // nothing, not even Retry-After
	HeadersOpenAI    Headers = "openai"    // x-ratelimit-*, durations until all is there again: 6m0s, 17ms
	HeadersAnthropic Headers = "anthropic" // anthropic-ratelimit-*, times when all is there again
	HeadersGroq      Headers = "groq"      // x-ratelimit-* of the requests of a day, and the tokens of a minute
)

// A bucket holds what may be used now. It fills all the time.
type bucket struct {
	perMinute float64 // 0: no limit
	size      float64
	level     float64
	at        time.Time
}

// set changes the limit. A new bucket is full; what was used of an older one
// stays used.
func (b *bucket) set(perMinute float64, burst time.Duration, now time.Time) {
	size := max(perMinute*burst.Minutes(), 1)
	if perMinute == b.perMinute && size == b.size {
		return
	}
	b.fill(now)
	used := b.size - b.level
	b.perMinute, b.size, b.at = perMinute, size, now
	b.level = max(size-used, 0)
}

func (b *bucket) fill(now time.Time) {
	if passed := now.Sub(b.at); passed > 0 {
		b.level = min(b.size, b.level+b.perMinute*passed.Minutes())
		b.at = now
	}
}

// wait returns how long it takes until n are there.
func (b *bucket) wait(n float64) time.Duration {
	if b.perMinute == 0 || b.level >= n {
		return 0
	}
	return time.Duration(math.Ceil((n - b.level) / b.perMinute * float64(time.Minute)))
}

// A meter measures what clients use of the limit of one kind.
type meter struct {
	mu       sync.Mutex // guards the rest
	requests bucket
	tokens   bucket
	day      bucket // requests, as Groq counts them
}

const wholeDay = 24 * time.Hour

// A verdict says whether a request is within the limit.
type verdict struct {
	refused bool
	never   bool // it is larger than the limit
	message string
	wait    time.Duration // until it would be admitted
}

// admit takes a request from the buckets if they hold it, and tells in h what is
// left.
func (m *meter) admit(h http.Header, limit Limit, how Headers, model string, tokens int) verdict {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	burst := time.Duration(limit.Burst)
	if burst == 0 {
		burst = time.Minute
	}
	m.requests.set(limit.RequestsPerMinute, burst, now)
	m.tokens.set(limit.TokensPerMinute, burst, now)
	m.day.set(limit.RequestsPerMinute, wholeDay, now)
	buckets := []*bucket{&m.requests, &m.tokens, &m.day}
	for _, b := range buckets {
		b.fill(now)
	}
	v := m.judge(model, float64(tokens))
	if !v.refused {
		m.requests.level--
		m.tokens.level -= float64(tokens)
		m.day.level--
	}
	m.tell(h, how, now)
	if v.refused && !v.never && how != HeadersSilent {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(v.wait.Seconds()))))
		if how != HeadersAnthropic && how != HeadersGroq {
			h.Set("Retry-After-Ms", strconv.FormatInt(milliseconds(v.wait).Milliseconds(), 10))
		}
	}
	return v
}

// judge says whether a request may pass, in OpenAI's words if not.
func (m *meter) judge(model string, tokens float64) verdict {
	if m.tokens.perMinute > 0 && tokens > m.tokens.size {
		return verdict{refused: true, never: true, message: fmt.Sprintf(
			"Request too large for %s on tokens per min (TPM): Limit %.0f, Requested %.0f.", model, m.tokens.size, tokens)}
	}
	b, name, n := &m.requests, "requests per min (RPM)", 1.0
	if m.tokens.wait(tokens) > m.requests.wait(1) {
		b, name, n = &m.tokens, "tokens per min (TPM)", tokens
	}
	wait := b.wait(n)
	if wait == 0 {
		return verdict{}
	}
	return verdict{refused: true, wait: wait, message: fmt.Sprintf(
		"Rate limit reached for %s on %s: Limit %.0f, Used %.0f, Requested %.0f. Please try again in %v.",
		model, name, b.perMinute, b.size-b.level, n, milliseconds(wait))}
}

// tell writes the headers about the limits that there are.
func (m *meter) tell(h http.Header, how Headers, now time.Time) {
	requests := &m.requests
	var head, limit, remaining, reset string
	switch how {
	case HeadersAnthropic:
		head, limit, remaining, reset = "Anthropic-Ratelimit-", "%s-Limit", "%s-Remaining", "%s-Reset"
	case HeadersGroq:
		requests = &m.day
		fallthrough
	case HeadersOpenAI:
		head, limit, remaining, reset = "X-Ratelimit-", "Limit-%s", "Remaining-%s", "Reset-%s"
	default:
		return
	}
	for name, b := range map[string]*bucket{"Requests": requests, "Tokens": &m.tokens} {
		if b.perMinute == 0 {
			continue
		}
		whole := b.perMinute
		if b == &m.day {
			whole = b.size
		}
		full := b.wait(b.size)
		resets := milliseconds(full).String()
		if how == HeadersAnthropic {
			resets = now.Add(full + time.Second - 1).UTC().Format(time.RFC3339)
		}
		h.Set(head+fmt.Sprintf(limit, name), strconv.FormatFloat(whole, 'f', 0, 64))
		h.Set(head+fmt.Sprintf(remaining, name), strconv.FormatFloat(math.Floor(max(b.level, 0)), 'f', 0, 64))
		h.Set(head+fmt.Sprintf(reset, name), resets)
	}
}

// milliseconds rounds up.
func milliseconds(d time.Duration) time.Duration {
	return (d + time.Millisecond - 1).Truncate(time.Millisecond)
}
