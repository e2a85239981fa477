package guard

import (
	"fmt"
	"io"
	"maps"
	"math"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"
)

// maxAddresses bounds what a limiter remembers, about 10 MB. When more
// addresses than that call within a window, the new ones share one counter.
const maxAddresses = 1 << 16

// A Limit allows an address so many requests in a window, which begins with its
// first request.
type Limit struct {
	Requests int
	Window   time.Duration
	Applies  func(*http.Request) bool // nil for every request
}

// RateLimit refuses requests over the limit. An address is the peer's own: what
// X-Forwarded-For claims is anybody's word. IPv6 counts by /64, the least that
// one customer has.
func RateLimit(limit Limit) func(http.Handler) http.Handler {
	l := &limiter{limit: limit, windows: map[netip.Prefix]window{}}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if limit.Applies != nil && !limit.Applies(r) {
				next.ServeHTTP(w, r)
				return
			}
			if l.admit(w.Header(), r.RemoteAddr, time.Now()) {
				next.ServeHTTP(w, r)
				return
			}
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.WriteHeader(http.StatusTooManyRequests)
			_, _ = io.WriteString(w, "Too many requests from this IP, please try again later.")
		})
	}
}

// A window counts the requests of an address until it ends.
type window struct {
	used int
	ends time.Time
}

type limiter struct {
	limit Limit

	mu      sync.Mutex // guards windows
	windows map[netip.Prefix]window
}

// admit counts a request, tells the client where it stands, and reports
// whether the request is within the limit.
func (l *limiter) admit(h http.Header, peer string, now time.Time) bool {
	used, ends := l.count(addressOf(peer), now)
	seconds := strconv.Itoa(int(math.Ceil(ends.Sub(now).Seconds())))
	h.Set("RateLimit-Policy", fmt.Sprintf("%d;w=%d", l.limit.Requests, int(l.limit.Window.Seconds())))
	h.Set("RateLimit-Limit", strconv.Itoa(l.limit.Requests))
	h.Set("RateLimit-Remaining", strconv.Itoa(max(0, l.limit.Requests-used)))
	h.Set("RateLimit-Reset", seconds)
	if used <= l.limit.Requests {
		return true
	}
	h.Set("Retry-After", seconds)
	return false
}

// count adds a request of an address and returns its window.
func (l *limiter) count(from netip.Prefix, now time.Time) (used int, ends time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	win, known := l.windows[from]
	if !known && len(l.windows) >= maxAddresses {
		maps.DeleteFunc(l.windows, func(_ netip.Prefix, w window) bool { return !now.Before(w.ends) })
		if len(l.windows) >= maxAddresses {
			from = netip.Prefix{}
			win = l.windows[from]
		}
	}
	if !now.Before(win.ends) {
		win = window{ends: now.Add(l.limit.Window)}
	}
	win.used++
	l.windows[from] = win
	return win.used, win.ends
}

// addressOf returns what a peer is counted by; unknown peers count as one.
func addressOf(peer string) netip.Prefix {
	host, _, err := net.SplitHostPort(peer)
	if err != nil {
		return netip.Prefix{}
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Prefix{}
	}
	addr = addr.Unmap().WithZone("")
	bits := 32
	if addr.Is6() {
		bits = 64
	}
	prefix, err := addr.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return prefix
}
