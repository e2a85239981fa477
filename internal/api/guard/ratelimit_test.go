package guard

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

func TestLimitAddress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		isAsk := func(r *http.Request) bool { return r.URL.Path == "/ask" }
		handler := LimitAddress(Limit{Requests: 2, Window: time.Minute, Applies: isAsk})(answers(200, "", ""))
		for want := 1; want >= 0; want-- {
			w := ask(handler, "GET", "/ask", "X-Forwarded-For", fmt.Sprint("10.0.0.", want))
			if got := w.Header().Get("RateLimit-Remaining"); w.Code != 200 || got != fmt.Sprint(want) {
				t.Errorf("%d, remaining %s, want %d", w.Code, got, want)
			}
		}
		time.Sleep(20500 * time.Millisecond)
		w := ask(handler, "GET", "/ask")
		if w.Code != 429 || w.Body.String() != "Too many requests from this IP, please try again later." {
			t.Errorf("%d %q", w.Code, w.Body)
		}
		for key, want := range map[string]string{
			"RateLimit-Policy": "2;w=60", "RateLimit-Limit": "2", "RateLimit-Remaining": "0",
			"RateLimit-Reset": "40", "Retry-After": "40", "Content-Type": "text/html; charset=utf-8",
		} {
			if got := w.Header().Get(key); got != want {
				t.Errorf("%s = %q, want %q", key, got, want)
			}
		}
		if w := ask(handler, "GET", "/else"); w.Code != 200 || w.Header().Get("RateLimit-Limit") != "" {
			t.Errorf("a request that does not count: %d %v", w.Code, w.Header())
		}
		time.Sleep(40 * time.Second)
		if w := ask(handler, "GET", "/ask"); w.Code != 200 {
			t.Errorf("after the window: %d", w.Code)
		}
	})
}

func TestLimitBy(t *testing.T) {
	t.Parallel()
	key := func(r *http.Request) (string, bool) { k := r.Header.Get("Key"); return k, k != "" }
	handler := LimitBy(Limit{Requests: 1, Window: time.Minute}, key)(answers(200, "", ""))
	for _, c := range []struct {
		key    string
		status int
	}{{"a", 200}, {"b", 200}, {"a", 429}, {"", 200}, {"", 200}, {"b", 429}} {
		w := ask(handler, "GET", "/", "Key", c.key)
		if w.Code != c.status {
			t.Errorf("with key %q: %d, want %d", c.key, w.Code, c.status)
		}
		if w.Code == 429 && w.Body.String() != "Too many requests with this API key, please try again later." {
			t.Errorf("it says %q", w.Body)
		}
	}
}

// TestTheTightestLimitIsTold puts two limits behind each other, in both orders.
func TestTheTightestLimitIsTold(t *testing.T) {
	t.Parallel()
	for _, limits := range [][2]int{{5, 2}, {2, 5}} {
		handler := Chain(answers(200, "", ""),
			LimitAddress(Limit{Requests: limits[0], Window: time.Minute}),
			LimitAddress(Limit{Requests: limits[1], Window: time.Minute}))
		if h := ask(handler, "GET", "/").Header(); h.Get("RateLimit-Limit") != "2" || h.Get("RateLimit-Remaining") != "1" {
			t.Errorf("with %v: %v", limits, h)
		}
	}
}

func TestNoLimitIsNoGuard(t *testing.T) {
	t.Parallel()
	if w := ask(LimitAddress(Limit{Window: time.Minute})(answers(200, "", "")), "GET", "/"); len(w.Header()) != 1 {
		t.Errorf("%v", w.Header())
	}
}

// TestALimiterStaysBounded lets a flood of addresses come: memory does not grow, and
// who comes new is not refused for what they do.
func TestALimiterStaysBounded(t *testing.T) {
	t.Parallel()
	l := &limiter[netip.Prefix]{limit: Limit{Requests: 1, Window: time.Minute}, windows: map[netip.Prefix]window{}}
	now := time.Now()
	address := func(i int) netip.Prefix {
		return networkOf(netip.AddrFrom16([16]byte{0x20, 0x01, 5: byte(i >> 16), 6: byte(i >> 8), 7: byte(i), 15: 1}))
	}
	for i := range 3 * maxCounted {
		l.count(address(i), now)
		if len(l.windows) > maxCounted || len(l.order) != len(l.windows) {
			t.Fatalf("%d windows, %d in order", len(l.windows), len(l.order))
		}
	}
	if cap(l.order) > 3*maxCounted {
		t.Errorf("the order has room for %d", cap(l.order))
	}
	if used, _ := l.count(address(4*maxCounted), now); used != 1 {
		t.Errorf("a newcomer counts %d", used)
	}
	if used, _ := l.count(address(3*maxCounted-1), now); used != 2 {
		t.Errorf("the last of the flood counts %d, want 2", used)
	}
	l.count(address(0), now.Add(time.Hour))
	if len(l.windows) != 1 || len(l.order) != 1 {
		t.Errorf("%d windows are kept after their end", len(l.windows))
	}
}

func TestNetworkOf(t *testing.T) {
	t.Parallel()
	for peer, want := range map[string]string{
		"192.0.2.7:80": "192.0.2.7/32", "[::ffff:192.0.2.7]:80": "192.0.2.7/32",
		"[2001:db8::1%eth0]:80": "2001:db8::/64", "[2001:db8:0:0:ffff::1]:80": "2001:db8::/64",
		"nonsense": "invalid Prefix", "x:1": "invalid Prefix", "": "invalid Prefix",
	} {
		if got := networkOf(parseHop(peer)).String(); got != want {
			t.Errorf("%q counts as %s, want %s", peer, got, want)
		}
	}
}

func TestClient(t *testing.T) {
	t.Parallel()
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:1::/48")}
	const proxy, proxy6, stranger = "10.0.0.1:5000", "[2001:db8:1::9]:5000", "192.0.2.66:5000"
	for _, c := range []struct {
		name, peer string
		headers    []string
		want       string
	}{
		{"nobody forwards", stranger, nil, "192.0.2.66"},
		{"a stranger's word", stranger, []string{"X-Forwarded-For", "1.1.1.1"}, "192.0.2.66"},
		{"a stranger's modern word", stranger, []string{"Forwarded", "for=1.1.1.1"}, "192.0.2.66"},
		{"a stranger names a proxy", stranger, []string{"X-Forwarded-For", "10.0.0.1"}, "192.0.2.66"},
		{"a proxy's word", proxy, []string{"X-Forwarded-For", "192.0.2.7"}, "192.0.2.7"},
		{"a proxy by IPv6", proxy6, []string{"X-Forwarded-For", "2001:db8:2::7"}, "2001:db8:2::7"},
		{"a proxy by IPv4 within IPv6", "[::ffff:10.0.0.1]:1", []string{"X-Forwarded-For", "192.0.2.7"}, "192.0.2.7"},
		{"a proxy that says nothing", proxy, nil, "10.0.0.1"},
		{"what the client made up stands left", proxy, []string{"X-Forwarded-For", "1.1.1.1, 192.0.2.7"}, "192.0.2.7"},
		{"in a line of its own", proxy, []string{"X-Forwarded-For", "1.1.1.1", "X-Forwarded-For", "192.0.2.7"}, "192.0.2.7"},
		{"through two proxies", proxy, []string{"X-Forwarded-For", "1.1.1.1, 192.0.2.7, 10.2.3.4"}, "192.0.2.7"},
		{"made-up proxies do not reach further", proxy, []string{"X-Forwarded-For", "1.1.1.1, 10.9.9.9, 192.0.2.7"}, "192.0.2.7"},
		{"all are proxies", proxy, []string{"X-Forwarded-For", "10.1.1.1, 10.2.2.2"}, "10.1.1.1"},
		{"with ports", proxy, []string{"X-Forwarded-For", "192.0.2.7:4711"}, "192.0.2.7"},
		{"with brackets", proxy, []string{"X-Forwarded-For", "[2001:db8:2::7]:4711"}, "2001:db8:2::7"},
		{"nonsense is the end", proxy, []string{"X-Forwarded-For", "192.0.2.7, unknown, 10.2.2.2"}, "10.2.2.2"},
		{"an empty hop is the end", proxy, []string{"X-Forwarded-For", "192.0.2.7,"}, "10.0.0.1"},
		{"RFC 7239", proxy, []string{"Forwarded", `for=1.1.1.1, For="[2001:db8:2::7]:4711";proto=https;by=10.0.0.1`}, "2001:db8:2::7"},
		{"RFC 7239, a comma within quotes", proxy, []string{"Forwarded", `for=192.0.2.7;host="a,for=1.1.1.1"`}, "192.0.2.7"},
		{"RFC 7239, hidden", proxy, []string{"Forwarded", "for=192.0.2.7, for=_hidden"}, "10.0.0.1"},
		{"RFC 7239, without for", proxy, []string{"Forwarded", "for=192.0.2.7, proto=https"}, "10.0.0.1"},
		{"both agree", proxy, []string{"X-Forwarded-For", "192.0.2.7", "Forwarded", "for=192.0.2.7"}, "192.0.2.7"},
		{"one of both is made up", proxy, []string{"X-Forwarded-For", "192.0.2.7", "Forwarded", "for=1.1.1.1"}, "10.0.0.1"},
		{"no peer", "", []string{"X-Forwarded-For", "192.0.2.7"}, "invalid IP"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var got netip.Addr
			handler := Client(trusted)(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				got = Address(r.Context())
			}))
			r := httptest.NewRequest("GET", "/", nil)
			r.RemoteAddr = c.peer
			for i := 0; i < len(c.headers); i += 2 {
				r.Header.Add(c.headers[i], c.headers[i+1])
			}
			handler.ServeHTTP(httptest.NewRecorder(), r)
			if got.String() != c.want {
				t.Errorf("the client is %v, want %s", got, c.want)
			}
		})
	}
}

func FuzzClient(f *testing.F) {
	f.Add("1.1.1.1, 192.0.2.7", `for="[2001:db8::1]:1";a=",", for=10.0.0.2`)
	f.Fuzz(func(t *testing.T, forwarded, rfc string) {
		proxy := netip.MustParsePrefix("10.0.0.1/32")
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = "10.0.0.1:1"
		// What a client makes up stands before what the proxy has seen, and changes nothing.
		r.Header.Set("X-Forwarded-For", forwarded+", 192.0.2.7")
		if got := clientOf(r, []netip.Prefix{proxy}); got.String() != "192.0.2.7" {
			t.Errorf("%q makes the client %v", forwarded, got)
		}
		r.Header.Set("Forwarded", rfc)
		if got := clientOf(r, []netip.Prefix{proxy}); got.String() != "192.0.2.7" && got.String() != "10.0.0.1" {
			t.Errorf("%q beside %q makes the client %v", rfc, forwarded, got)
		}
	})
}
