package exchange

import (
	"math"
	"net/http"
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
	return min(max(at.Sub(now), 0), maxRetryAfter)
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
