package exchange

import (
	"net/http"
	"testing"
	"time"
)

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	tests := []struct {
		name   string
		header map[string]string
		want   time.Duration
	}{
		{"nothing said", nil, 0},
		{"seconds", map[string]string{"Retry-After": "20"}, 20 * time.Second},
		{"a fraction", map[string]string{"Retry-After": " 0.25 "}, 250 * time.Millisecond},
		{"milliseconds win", map[string]string{"Retry-After": "20", "Retry-After-Ms": "1500"}, 1500 * time.Millisecond},
		{"bad milliseconds do not", map[string]string{"Retry-After": "20", "Retry-After-Ms": "soon"}, 20 * time.Second},
		{"a date", map[string]string{"Retry-After": "Sun, 22 Nov 2026 12:00:30 GMT"}, 30 * time.Second},
		{
			"a date by a clock that is wrong",
			map[string]string{"Retry-After": "Sun, 22 Nov 2026 15:00:30 GMT", "Date": "Sun, 22 Nov 2026 15:00:00 GMT"},
			30 * time.Second,
		},
		{"a date gone by", map[string]string{"Retry-After": "Sun, 22 Nov 2026 11:00:00 GMT"}, 0},
		{"a negative number", map[string]string{"Retry-After": "-3"}, 0},
		{"not a number", map[string]string{"Retry-After": "NaN"}, 0},
		{"more than a day", map[string]string{"Retry-After": "1e300"}, maxRetryAfter},
		{"a date in the next century", map[string]string{"Retry-After": "Sun, 22 Nov 2099 12:00:30 GMT"}, maxRetryAfter},
		{"words", map[string]string{"Retry-After": "tomorrow"}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := http.Header{}
			for k, v := range tt.header {
				h.Set(k, v)
			}
			if got := RetryAfter(h, now); got != tt.want {
				t.Errorf("RetryAfter(%v) = %v, want %v", tt.header, got, tt.want)
			}
		})
	}
}

func FuzzRetryAfter(f *testing.F) {
	f.Add("20", "", "")
	f.Add("", "1500", "")
	f.Add("Sun, 22 Nov 2026 12:00:30 GMT", "0x1p-2", "Sun, 22 Nov 2026 12:00:00 GMT")
	f.Add("Sun, 31 Dec 9999 23:59:59 GMT", "-inf", "Mon, 01 Jan 0001 00:00:00 GMT")
	f.Fuzz(func(t *testing.T, seconds, millis, date string) {
		h := http.Header{"Retry-After": {seconds}, "Retry-After-Ms": {millis}, "Date": {date}}
		if d := RetryAfter(h, time.Unix(1_800_000_000, 0)); d < 0 || d > maxRetryAfter {
			t.Errorf("RetryAfter(%v) = %v, want 0 to %v", h, d, maxRetryAfter)
		}
	})
}
