package providertest

import (
	"maps"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// flat returns headers with one value each.
func flat(h http.Header) map[string]string {
	out := map[string]string{}
	for name := range maps.Keys(h) {
		out[name] = h.Get(name)
	}
	return out
}

func TestHeadersOfEachVendor(t *testing.T) {
	t.Parallel()
	limit := Limit{RequestsPerMinute: 600, TokensPerMinute: 6000}
	tests := []struct {
		how  Headers
		want map[string]string
	}{
		{HeadersNone, map[string]string{}},
		{HeadersSilent, map[string]string{}},
		{HeadersOpenAI, map[string]string{
			"X-Ratelimit-Limit-Requests": "600", "X-Ratelimit-Remaining-Requests": "599",
			"X-Ratelimit-Reset-Requests": "100ms", "X-Ratelimit-Limit-Tokens": "6000",
			"X-Ratelimit-Remaining-Tokens": "5750", "X-Ratelimit-Reset-Tokens": "2.5s",
		}},
		{HeadersGroq, map[string]string{
			"X-Ratelimit-Limit-Requests": "864000", "X-Ratelimit-Remaining-Requests": "863999",
			"X-Ratelimit-Reset-Requests": "100ms", "X-Ratelimit-Limit-Tokens": "6000",
			"X-Ratelimit-Remaining-Tokens": "5750", "X-Ratelimit-Reset-Tokens": "2.5s",
		}},
		{HeadersAnthropic, map[string]string{
			"Anthropic-Ratelimit-Requests-Limit": "600", "Anthropic-Ratelimit-Requests-Remaining": "599",
			"Anthropic-Ratelimit-Requests-Reset": "2000-01-01T00:00:01Z",
			"Anthropic-Ratelimit-Tokens-Limit":   "6000", "Anthropic-Ratelimit-Tokens-Remaining": "5750",
			"Anthropic-Ratelimit-Tokens-Reset": "2000-01-01T00:00:03Z",
		}},
	}
	for _, tt := range tests {
		t.Run(string(tt.how), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { // the clock begins at 2000-01-01
				m, h := &meter{}, http.Header{}
				if v := m.admit(h, limit, tt.how, "m", 250); v.refused {
					t.Errorf("refused: %s", v.message)
				}
				if diff := cmp.Diff(tt.want, flat(h)); diff != "" {
					t.Errorf("headers (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestRefusalsSayHowLongToWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &meter{}
		limit := Limit{RequestsPerMinute: 60, Burst: Duration(2 * time.Second)}
		try := func(how Headers) (verdict, map[string]string) {
			h := http.Header{}
			return m.admit(h, limit, how, "m", 1), flat(h)
		}
		for range 2 { // a burst of 2 s of 1 a second
			if v, _ := try(HeadersNone); v.refused {
				t.Fatalf("refused within the burst: %s", v.message)
			}
		}
		time.Sleep(250 * time.Millisecond)
		wants := map[Headers]map[string]string{
			HeadersNone: {"Retry-After": "1", "Retry-After-Ms": "750"},
			HeadersOpenAI: {
				"Retry-After": "1", "Retry-After-Ms": "750", "X-Ratelimit-Limit-Requests": "60",
				"X-Ratelimit-Remaining-Requests": "0", "X-Ratelimit-Reset-Requests": "1.75s",
			},
			HeadersSilent: {},
		}
		for how, want := range wants {
			v, h := try(how)
			if !v.refused || v.wait != 750*time.Millisecond {
				t.Errorf("%s: verdict %+v, want a refusal for 750ms", how, v)
			}
			if diff := cmp.Diff(want, h); diff != "" {
				t.Errorf("%s: headers (-want +got):\n%s", how, diff)
			}
		}
		const words = "Rate limit reached for m on requests per min (RPM): Limit 60, Used 2, Requested 1. " +
			"Please try again in 750ms."
		if v, _ := try(HeadersNone); v.message != words {
			t.Errorf("message %q, want %q", v.message, words)
		}
		time.Sleep(750 * time.Millisecond)
		if v, _ := try(HeadersNone); v.refused {
			t.Errorf("refused after the wait: %s", v.message)
		}
		if v, _ := try(HeadersNone); !v.refused {
			t.Error("a refilled bucket holds two")
		}
	})
}

func TestWhatIsTooLargeIsNeverAdmitted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, h := &meter{}, http.Header{}
		v := m.admit(h, Limit{TokensPerMinute: 100}, HeadersNone, "m", 101)
		const want = "Request too large for m on tokens per min (TPM): Limit 100, Requested 101."
		if !v.refused || v.message != want || len(h) > 0 {
			t.Errorf("verdict %+v with %v, want %q and no Retry-After", v, h, want)
		}
	})
}

func TestLimitsAreKeptOverTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &meter{}
		limit := Limit{RequestsPerMinute: 600, TokensPerMinute: 12_000, Burst: Duration(time.Second)}
		passed := 0
		for range 60 * 50 { // 50 a second for a minute, of which the tokens allow 5
			if v := m.admit(http.Header{}, limit, HeadersNone, "m", 40); !v.refused {
				passed++
			}
			time.Sleep(20 * time.Millisecond)
		}
		if passed < 300 || passed > 305 {
			t.Errorf("%d requests of 40 tokens passed in a minute of 12,000 tokens, want 300 and the burst", passed)
		}
		limit.TokensPerMinute *= 2 // the limit is raised: what was used stays used
		if v := m.admit(http.Header{}, limit, HeadersNone, "m", 400); !v.refused {
			t.Error("a raised limit forgets what was used")
		}
		time.Sleep(time.Second)
		if v := m.admit(http.Header{}, limit, HeadersNone, "m", 400); v.refused {
			t.Errorf("refused after a second at the raised limit: %s", v.message)
		}
	})
}

func TestTimesVary(t *testing.T) {
	t.Parallel()
	c := newChance(7)
	p := &Pace{Jitter: 0.5, SlowShare: 0.1, SlowFactor: 20}
	const n, mean = 10_000, 100 * time.Millisecond
	slow := 0
	var sum time.Duration
	for range n {
		switch d := c.vary(Duration(mean), p); {
		case d >= mean*10:
			slow++
		case d < mean/2 || d > mean*3/2:
			t.Fatalf("%v is beyond the jitter", d)
		default:
			sum += d
		}
	}
	if slow < n/12 || slow > n/8 {
		t.Errorf("%d of %d are slow, want a tenth", slow, n)
	}
	if got := sum / time.Duration(n-slow); got < 98*time.Millisecond || got > 102*time.Millisecond {
		t.Errorf("the mean is %v, want %v", got, mean)
	}
	if d := c.vary(Duration(mean), &Pace{}); d != mean {
		t.Errorf("without jitter %v, want %v", d, mean)
	}
}

func TestFailuresHaveTheirShares(t *testing.T) {
	t.Parallel()
	c := newChance(7)
	odds := &Odds{Throttled: 0.1, Failed: 0.2, Reset: 0.05, Stalled: 0.1, Cut: 0.15}
	got := map[string]int{}
	const n = 20_000
	for range n {
		switch a := c.fail(odds, true, 8); {
		case a.Status != 0:
			got[http.StatusText(a.Status)]++
		case a.Fault == Reset:
			got["reset"]++
		case a.Fault == Stall && a.After == 4:
			got["stalled"]++
		case a.Fault == Cut && a.After == 4:
			got["cut"]++
		default:
			got["well"]++
		}
	}
	for what, share := range map[string]float64{
		"Too Many Requests": 0.1, "Internal Server Error": 0.2, "reset": 0.05, "stalled": 0.1, "cut": 0.15, "well": 0.4,
	} {
		if s := float64(got[what]) / n; s < share*0.9 || s > share*1.1 {
			t.Errorf("%s: %.3f of the requests, want %.2f", what, s, share)
		}
	}
}
