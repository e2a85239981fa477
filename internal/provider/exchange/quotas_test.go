package exchange

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kvasir/internal/llm"
)

func TestQuotas(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	told := func(limit, remaining int, reset time.Duration) llm.Quota {
		return llm.Quota{Limit: limit, Remaining: remaining, Told: true, Reset: reset}
	}
	tests := []struct {
		name   string
		header map[string]string
		want   llm.Quotas
	}{
		{"nothing said", nil, llm.Quotas{}},
		{
			"OpenAI", map[string]string{
				"x-ratelimit-limit-requests": "5000", "x-ratelimit-limit-tokens": "160000",
				"x-ratelimit-remaining-requests": "4999", "x-ratelimit-remaining-tokens": "159976",
				"x-ratelimit-reset-requests": "12ms", "x-ratelimit-reset-tokens": "6m0s",
			},
			llm.Quotas{Requests: told(5000, 4999, 12*time.Millisecond), Tokens: told(160000, 159976, 6*time.Minute)},
		},
		{
			"OpenAI, a project with less", map[string]string{
				"x-ratelimit-limit-tokens": "1000", "x-ratelimit-remaining-tokens": "900", "x-ratelimit-reset-tokens": "1s",
				"x-ratelimit-limit-project-tokens": "500", "x-ratelimit-remaining-project-tokens": "100",
				"x-ratelimit-reset-project-tokens": "40s",
			},
			llm.Quotas{Tokens: told(500, 100, 40*time.Second)},
		},
		{
			"Groq", map[string]string{
				"x-ratelimit-limit-requests": "14400", "x-ratelimit-remaining-requests": "14370",
				"x-ratelimit-reset-requests": "2m59.56s", "x-ratelimit-limit-tokens": "18000",
				"x-ratelimit-remaining-tokens": "17997", "x-ratelimit-reset-tokens": "7.66s",
			},
			llm.Quotas{
				Requests: told(14400, 14370, 179560*time.Millisecond), Tokens: told(18000, 17997, 7660*time.Millisecond),
			},
		},
		{
			"Azure, no limits", map[string]string{
				"x-ratelimit-remaining-requests": "119", "x-ratelimit-remaining-tokens": "0",
			},
			llm.Quotas{Requests: told(0, 119, 0), Tokens: told(0, 0, 0)},
		},
		{
			"Azure, plain seconds", map[string]string{
				"x-ratelimit-limit-requests": "60", "x-ratelimit-remaining-requests": "59", "x-ratelimit-reset-requests": "10",
			},
			llm.Quotas{Requests: told(60, 59, 10*time.Second)},
		},
		{
			"Anthropic, by its own clock, the scarcest", map[string]string{
				"date":                                   "Mon, 23 Nov 2026 15:00:00 GMT",
				"anthropic-ratelimit-requests-limit":     "1000",
				"anthropic-ratelimit-requests-remaining": "999", "anthropic-ratelimit-requests-reset": "2026-11-23T15:00:01Z",
				"anthropic-ratelimit-tokens-limit": "96000", "anthropic-ratelimit-tokens-remaining": "90000",
				"anthropic-ratelimit-tokens-reset":       "2026-11-23T15:00:05Z",
				"anthropic-ratelimit-input-tokens-limit": "80000", "anthropic-ratelimit-input-tokens-remaining": "79000",
				"anthropic-ratelimit-input-tokens-reset":  "2026-11-23T15:00:02Z",
				"anthropic-ratelimit-output-tokens-limit": "16000", "anthropic-ratelimit-output-tokens-remaining": "4000",
				"anthropic-ratelimit-output-tokens-reset": "2026-11-23T10:00:45-05:00",
			},
			llm.Quotas{Requests: told(1000, 999, time.Second), Tokens: told(96000, 24000, 45*time.Second)},
		},
		{
			"Anthropic, nothing used", map[string]string{
				"anthropic-ratelimit-tokens-limit": "96000", "anthropic-ratelimit-tokens-remaining": "96000",
				"anthropic-ratelimit-output-tokens-limit": "16000", "anthropic-ratelimit-output-tokens-remaining": "16000",
				"anthropic-ratelimit-tokens-reset": "2026-11-23T11:59:59Z",
			},
			llm.Quotas{Tokens: told(96000, 96000, 0)},
		},
		{
			"Mistral", map[string]string{
				"x-ratelimit-limit-req-minute": "720", "x-ratelimit-remaining-req-minute": "717",
				"x-ratelimit-limit-tokens-minute": "5000000", "x-ratelimit-remaining-tokens-minute": "4999911",
			},
			llm.Quotas{Requests: told(720, 717, 0), Tokens: told(5000000, 4999911, 0)},
		},
		{
			"generic", map[string]string{
				"x-ratelimit-limit": "2000", "x-ratelimit-remaining": "1900", "x-ratelimit-reset": "3.5",
			},
			llm.Quotas{Requests: told(2000, 1900, 3500*time.Millisecond)},
		},
		{
			"seconds since 1970", map[string]string{"x-ratelimit-limit": "20", "x-ratelimit-reset": "1795435230"},
			llm.Quotas{Requests: llm.Quota{Limit: 20, Reset: 30 * time.Second}},
		},
		{
			"milliseconds since 1970", map[string]string{"x-ratelimit-limit": "20", "x-ratelimit-reset": "1795435200250"},
			llm.Quotas{Requests: llm.Quota{Limit: 20, Reset: 250 * time.Millisecond}},
		},
		{
			"a date", map[string]string{"x-ratelimit-limit": "20", "x-ratelimit-reset": "Mon, 23 Nov 2026 12:01:00 GMT"},
			llm.Quotas{Requests: llm.Quota{Limit: 20, Reset: time.Minute}},
		},
		{
			"the IETF's older drafts", map[string]string{
				"ratelimit-limit": "100, 100;w=60", "ratelimit-remaining": "50", "ratelimit-reset": "30",
			},
			llm.Quotas{Requests: told(100, 50, 30*time.Second)},
		},
		{
			"the IETF's newer drafts", map[string]string{
				"ratelimit-policy": `"burst";q=100;w=60, "day";q=1000;w=86400`,
				"ratelimit":        `"burst";r=90;t=6, "day"; r=200; t=3600`,
			},
			llm.Quotas{Requests: told(1000, 200, time.Hour)},
		},
		{
			"a limit a second", map[string]string{"ratelimit-policy": `"a";q=10;w=1`, "ratelimit": `"a";r=9;t=1`},
			llm.Quotas{Requests: told(0, 9, time.Second)},
		},
		{
			"no limit at all", map[string]string{
				"x-ratelimit-limit-requests": "-1", "x-ratelimit-remaining-requests": "-1", "x-ratelimit-remaining-tokens": "inf",
			},
			llm.Quotas{},
		},
		{
			"nonsense", map[string]string{
				"x-ratelimit-limit-requests": "many", "x-ratelimit-remaining-requests": "", "x-ratelimit-reset-requests": "soon",
				"x-ratelimit-limit-tokens": "NaN", "x-ratelimit-reset-tokens": "-5s", "ratelimit": ";;r=,,=;t",
				"anthropic-ratelimit-requests-reset": "2026-13-45T00:00:00Z", "date": "today",
			},
			llm.Quotas{},
		},
		{
			"far too much", map[string]string{"x-ratelimit-limit-tokens": "1e12", "x-ratelimit-reset-tokens": "900h"},
			llm.Quotas{Tokens: llm.Quota{Limit: maxCount, Reset: maxRetryAfter}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := http.Header{}
			for k, v := range tt.header {
				h.Set(k, v)
			}
			if diff := cmp.Diff(tt.want, Quotas(h, now)); diff != "" {
				t.Errorf("Quotas (-want +got):\n%s", diff)
			}
		})
	}
}

func FuzzQuotas(f *testing.F) {
	f.Add("5000", "4999", "6m0s", `"a";r=3;t=9`, `"a";q=10;w=60`)
	f.Add("1e9", "0", "1795435200", `"a,b";r=3`, `,;`)
	f.Add("0x10", "-0", "2026-11-23T12:00:00Z", "", "")
	f.Add("9e18", "1e-9", "9999999999999", `"";r=9e99;t=-1`, `"";q=9e99`)
	f.Fuzz(func(t *testing.T, limit, remaining, reset, item, policy string) {
		h := http.Header{
			"X-Ratelimit-Limit-Requests": {limit}, "X-Ratelimit-Remaining-Requests": {remaining},
			"X-Ratelimit-Reset-Requests": {reset}, "Anthropic-Ratelimit-Tokens-Limit": {limit},
			"Anthropic-Ratelimit-Tokens-Remaining": {remaining}, "Anthropic-Ratelimit-Tokens-Reset": {reset},
			"Ratelimit": {item}, "Ratelimit-Policy": {policy}, "Date": {reset},
		}
		q := Quotas(h, time.Unix(1_795_435_200, 0))
		for _, got := range []llm.Quota{q.Requests, q.Tokens} {
			if got.Limit < 0 || got.Remaining < 0 || !got.Told && got.Remaining > 0 || bounded(got.Reset) != got.Reset {
				t.Errorf("Quotas(%v) = %+v", h, q)
			}
		}
	})
}

func BenchmarkQuotas(b *testing.B) {
	h := http.Header{}
	for k, v := range map[string]string{
		"Date": "Mon, 23 Nov 2026 15:00:00 GMT", "Content-Type": "application/json",
		"X-Ratelimit-Limit-Requests": "5000", "X-Ratelimit-Limit-Tokens": "160000",
		"X-Ratelimit-Remaining-Requests": "4999", "X-Ratelimit-Remaining-Tokens": "159976",
		"X-Ratelimit-Reset-Requests": "12ms", "X-Ratelimit-Reset-Tokens": "6m0s",
	} {
		h.Set(k, v)
	}
	b.ReportAllocs()
	for b.Loop() {
		Quotas(h, time.Time{})
	}
}
