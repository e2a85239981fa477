package exchange

import (
	"math"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// maxRetryAfter is the longest wait that is believed. Quotas of a day exist;
// anything beyond is a mistake that must not stop a lane for ever.
const maxRetryAfter = 24 * time.Hour

// RetryAfter returns how long a provider asks to be left alone, 0 if it does not
// say. It reads retry-after-ms and Retry-After, the latter in seconds or as an
// HTTP date. A date is measured against the answer's own Date, because the two
// come from one clock, or against now.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	if d, ok := wait(h.Get("Retry-After-Ms"), time.Millisecond); ok {
		return d
	}
	value := h.Get("Retry-After")
	if d, ok := wait(value, time.Second); ok {
		return d
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	if sent, err := http.ParseTime(h.Get("Date")); err == nil {
		now = sent
	}
	return bounded(at.Sub(now))
}

// wait reads a number of units; providers send fractions, too.
func wait(s string, unit time.Duration) (time.Duration, bool) {
	n, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	if err != nil || math.IsNaN(n) {
		return 0, false
	}
	n = min(max(n*float64(unit), 0), float64(maxRetryAfter))
	return time.Duration(n), true
}

// inWords finds the wait in a message: "Please try again in 6m0s" of OpenAI and
// Groq, "retry after 6 seconds" of Azure, "retry in 34.07s" of Gemini.
var inWords = regexp.MustCompile(`(?i)\b(?:try again|retry) (?:in|after) (\d[\d.]*(?:[hms][\d.hms]*|(?: second)))`)

// waitInWords returns the wait that a message asks for, 0 if it asks for none.
func waitInWords(message string) time.Duration {
	m := inWords.FindStringSubmatch(message)
	if m == nil {
		return 0
	}
	said := strings.TrimRight(strings.Replace(m[1], " second", "s", 1), ".")
	return reset(said, time.Time{})
}
