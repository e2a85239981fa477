package guard

import (
	"fmt"
	"io"
	"math"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"
)

// maxCounted bounds whom a limiter remembers, about 10 MB. Beyond it the one whose
// window is the oldest is forgotten, so nobody is refused for what others do. Who has
// more addresses than that is not held up by a limit on one of them anyway.
const maxCounted = 1 << 16

// A Limit allows so many requests in a window, which begins with the first of them.
type Limit struct {
	Requests int // none for 0
	Window   time.Duration
	Applies  func(*http.Request) bool // nil for every request
}

// LimitAddress refuses requests of an address beyond the limit (see [Client] for whose it is).
// IPv6 counts by /64, the least that one customer has. Unknown addresses count as one.
func LimitAddress(limit Limit) func(http.Handler) http.Handler {
	return rateLimit(limit, "Too many requests from this IP, please try again later.",
		func(r *http.Request) (netip.Prefix, bool) { return networkOf(Address(r.Context())), true })
}

// LimitBy refuses requests of whoever who says beyond the limit. Those of whom it knows
// nothing are not limited.
func LimitBy[K comparable](limit Limit, who func(*http.Request) (K, bool)) func(http.Handler) http.Handler {
	return rateLimit(limit, "Too many requests with this API key, please try again later.", who)
}

func rateLimit[K comparable](
	limit Limit, refusal string, who func(*http.Request) (K, bool),
) func(http.Handler) http.Handler {
	l := &limiter[K]{limit: limit, windows: map[K]window{}}
	return func(next http.Handler) http.Handler {
		if limit.Requests == 0 {
			return next
		}
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			k, known := who(r)
			if !known || limit.Applies != nil && !limit.Applies(r) || l.admit(w.Header(), k, time.Now()) {
				next.ServeHTTP(w, r)
				return
			}
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.WriteHeader(http.StatusTooManyRequests)
			_, _ = io.WriteString(w, refusal)
		})
	}
}

// A window counts someone's requests until it ends.
type window struct {
	used int
	ends time.Time
}

type limiter[K comparable] struct {
	limit Limit

	mu      sync.Mutex // guards what follows
	windows map[K]window
	order   []K // whose windows there are, the first to end first
}

// admit counts a request, tells the client where it stands, and reports whether the
// request is within the limit. Of several limits the client hears of the tightest.
func (l *limiter[K]) admit(h http.Header, who K, now time.Time) bool {
	used, ends := l.count(who, now)
	left := max(0, l.limit.Requests-used)
	seconds := strconv.Itoa(int(math.Ceil(ends.Sub(now).Seconds())))
	if told, err := strconv.Atoi(h.Get("RateLimit-Remaining")); err != nil || left <= told {
		h.Set("RateLimit-Policy", fmt.Sprintf("%d;w=%d", l.limit.Requests, int(l.limit.Window.Seconds())))
		h.Set("RateLimit-Limit", strconv.Itoa(l.limit.Requests))
		h.Set("RateLimit-Remaining", strconv.Itoa(left))
		h.Set("RateLimit-Reset", seconds)
	}
	if used <= l.limit.Requests {
		return true
	}
	h.Set("Retry-After", seconds)
	return false
}

// count adds a request and returns the window that it is in.
func (l *limiter[K]) count(who K, now time.Time) (used int, ends time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.order) > 0 && !now.Before(l.windows[l.order[0]].ends) {
		l.forget()
	}
	win, known := l.windows[who]
	if !known {
		if len(l.order) == maxCounted {
			l.forget()
		}
		win = window{ends: now.Add(l.limit.Window)}
		l.order = append(l.order, who)
	}
	win.used++
	l.windows[who] = win
	return win.used, win.ends
}

// forget drops the window that ends first.
func (l *limiter[K]) forget() {
	delete(l.windows, l.order[0])
	l.order = l.order[1:]
}

// networkOf returns what an address is counted by.
func networkOf(addr netip.Addr) netip.Prefix {
	bits := 32
	if addr.Is6() {
		bits = 64
	}
	network, err := addr.Prefix(bits)
	if err != nil {
		return netip.Prefix{} // of an address that is not known
	}
	return network
}
