package clienttest

import (
	"io"
	"net/http"
	"strings"
	"time"
)

// Project is the id of the project that [Key] speaks for.
const Project = "0197a1f2-0000-7000-8000-00000000beef"

// SpentText in a sample of an estimate finds the budget spent.
const SpentText = "costs too much"

// statusAnswer is a busy server: a paused lane with a line before it, one that
// nothing is known of, and a broken one that stands in for another.
const statusAnswer = `{
	"time": "2026-11-22T17:45:40.038Z", "version": "test", "uptime_seconds": 11520.5,
	"queue": {"pending": 1204, "errors": 3, "oldest": "2026-11-22T17:33:40.038Z"},
	"pools": [{
		"kind": "embed", "name": "",
		"waiting": {"calls": 1041, "tokens": 250120, "projects": [
			{"project": "` + Project + `", "calls": 1000, "tokens": 240000},
			{"project": "others", "calls": 41, "tokens": 10120}
		]},
		"reason": "openai/text-embedding-3-small: 429 until 17:46:10", "eta": "2026-11-22T17:47:50.038Z",
		"lanes": [{
			"name": "openai/text-embedding-3-small", "provider": "openai", "model": "text-embedding-3-small", "tier": 0,
			"state": "paused", "reason": "openai/text-embedding-3-small: 429 until 17:46:10", "until": "2026-11-22T17:46:10Z",
			"last_error": "openai: throttled (HTTP 429): Rate limit reached",
			"in_flight": 3, "concurrency": 8,
			"requests_per_minute": {"limit": 3000, "left": 0, "source": "reported"},
			"tokens_per_minute": {"limit": 1000000, "left": 812345.6, "source": "configured"},
			"latency_p50_ms": 118.2, "latency_p95_ms": 1340, "tokens_per_second": 15210.7,
			"price": {"input": 0.02, "cached": 0, "output": 0},
			"counts": {"sent": 18234, "failed": 12, "throttled": 3, "retried": 9, "hedged": 0}
		}]
	}, {
		"kind": "generate", "name": "openai",
		"waiting": {"calls": 0, "tokens": 0, "projects": []}, "reason": null, "eta": null,
		"lanes": [{
			"name": "openai/gpt-4o-mini", "provider": "openai", "model": "gpt-4o-mini", "tier": 0,
			"state": "open", "reason": null, "until": null, "last_error": null, "in_flight": 0, "concurrency": 1024,
			"requests_per_minute": {"limit": null, "left": null, "source": null},
			"tokens_per_minute": {"limit": null, "left": null, "source": null},
			"latency_p50_ms": 0, "latency_p95_ms": 0, "tokens_per_second": 0,
			"price": {"input": 0.15, "cached": 0.075, "output": 0.6},
			"counts": {"sent": 0, "failed": 0, "throttled": 0, "retried": 0, "hedged": 0}
		}, {
			"name": "azure#2/gpt-4o-mini", "provider": "azure", "model": "gpt-4o-mini", "tier": 1,
			"state": "broken", "reason": "azure#2/gpt-4o-mini: sick upstream until 17:46:00", "until": "2026-11-22T17:46:00Z",
			"last_error": "azure: sick upstream: connection refused", "in_flight": 0, "concurrency": 16,
			"requests_per_minute": {"limit": 60, "left": 12.5, "source": "learned"},
			"tokens_per_minute": {"limit": null, "left": null, "source": null},
			"latency_p50_ms": 640, "latency_p95_ms": 2210, "tokens_per_second": 0,
			"price": {"input": 0, "cached": 0, "output": 0},
			"counts": {"sent": 40, "failed": 22, "throttled": 0, "retried": 4, "hedged": 2}
		}]
	}]
}`

func (s *Server) status(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, statusAnswer) // the client has gone
}

// usage answers with rows of the dimensions asked for, and with the days.
func (s *Server) usage(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	from, to := q.Get("from"), q.Get("to")
	for name, day := range map[string]*string{"from": &from, "to": &to} {
		if *day == "" {
			*day = "2026-11-22"
		}
		if _, err := time.Parse(time.DateOnly, *day); err != nil {
			refuse(w, http.StatusBadRequest, name+" must be a day such as 2026-11-30")
			return
		}
	}
	by := q.Get("group_by")
	if by == "" {
		by = "day,kind,model"
	}
	embed := object{"day": from, "api_key": "sk_proj_0011", "memo": "0197a1f2-2f57-7c3e-9d51-000000000001",
		"kind": "embed", "provider": "openai", "model": "text-embedding-3-small"}
	answered := object{"day": to, "api_key": "", "memo": "",
		"kind": "generate", "provider": "openai", "model": "gpt-4o-mini"}
	rows := []object{
		{"requests": 1568, "input_tokens": 3210000, "cached_tokens": 0, "output_tokens": 0, "cost": 0.0642},
		{"requests": 12, "input_tokens": 48000, "cached_tokens": 12000, "output_tokens": 3100, "cost": 0.00816},
	}
	for name := range strings.SplitSeq(by, ",") {
		if embed[name] == nil {
			refuse(w, http.StatusBadRequest, "group_by must be of day, api_key, memo, kind, provider and model")
			return
		}
		rows[0][name], rows[1][name] = embed[name], answered[name]
	}
	answer(w, http.StatusOK, object{
		"from": from, "to": to, "group_by": strings.Split(by, ","), "rows": rows, "truncated": q.Get("limit") == "2",
		"total": object{"requests": 1580, "input_tokens": 3258000, "cached_tokens": 12000, "output_tokens": 3100,
			"cost": 0.07236},
		"budgets": []object{
			{"scope": "project", "period": "month", "until": "2026-12-01T00:00:00Z", "spent": 4.5, "soft": 4, "hard": 5},
			{"scope": "server", "period": "day", "until": "2026-11-23T00:00:00Z", "spent": 0.07236, "soft": nil, "hard": 10},
		},
	})
}

// estimate takes four bytes for a token and 2,000 tokens for a request.
func (s *Server) estimate(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Texts []string `json:"texts"`
		Bytes int64    `json:"bytes"`
		Memos int      `json:"memos"`
	}
	if !decode(w, r, &body) {
		return
	}
	if strings.Contains(strings.Join(body.Texts, "\n"), SpentText) {
		refuse(w, http.StatusPaymentRequired, "The budget of this project is spent until 2026-12-01")
		return
	}
	tokens := body.Bytes / 4
	answer(w, http.StatusOK, object{
		"memos": body.Memos, "tokens": tokens, "requests": tokens/2000 + 1, "cost": float64(tokens) * 0.02 / 1e6,
		"seconds": 12.5, "lane": "openai/text-embedding-3-small", "note": nil,
	})
}
