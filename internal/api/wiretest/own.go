package wiretest

import (
	"net/http"
	"testing"
)

// testOwn looks at the routes that Skald does not have.
func (c *client) testOwn(t *testing.T) {
	id := c.create(t, `{"title":"Numbats","content":"Numbats eat termites."}`)
	status := c.call(t, "GET", "/api/v1/status", "").must(t, 200)
	if pools, ok := status["pools"].([]any); !ok || len(pools) == 0 {
		t.Errorf("pools = %v", status["pools"])
	}
	queue, _ := status["queue"].(map[string]any)
	if _, ok := queue["pending"].(float64); !ok {
		t.Errorf("queue = %v", status["queue"])
	}
	for _, path := range []string{"", "/status"} {
		memo := c.call(t, "GET", "/api/v1/memo/"+id+path, "").must(t, 200)
		same(t, memo, "stage", `"processed"`)
		same(t, memo, "waiting_for", "null")
		same(t, memo, "eta", "null")
	}
	c.testUsage(t)
	for _, path := range []string{"/api/v1/status", "/api/v1/usage"} {
		c.send(t, "GET", path, http.Header{}, "").refused(t, 401, "Unauthorized")
	}
}

func (c *client) testUsage(t *testing.T) {
	usage := c.call(t, "GET", "/api/v1/usage?from=2026-11-01&to=2026-11-30&group_by=day,kind", "").must(t, 200)
	same(t, usage, "from", `"2026-11-01"`)
	same(t, usage, "to", `"2026-11-30"`)
	same(t, usage, "group_by", `["day","kind"]`)
	same(t, usage, "truncated", "false")
	for _, key := range []string{"rows", "budgets"} {
		if _, isList := usage[key].([]any); !isList {
			t.Errorf("%s = %v", key, usage[key])
		}
	}
	total, _ := usage["total"].(map[string]any)
	if _, ok := total["cost"].(float64); !ok {
		t.Errorf("total = %v", usage["total"])
	}
	c.call(t, "GET", "/api/v1/usage?to=tomorrow", "").refused(t, 400, "to must be a day such as 2026-11-30")
	estimate := c.call(t, "POST", "/api/v1/usage/estimate", `{"texts":["Numbats eat termites."],"bytes":2100,"memos":3}`)
	same(t, estimate.must(t, 200), "memos", "3")
	c.call(t, "POST", "/api/v1/usage/estimate", `{"bytes":-1}`).
		refused(t, 400, "bytes: Number must be greater than or equal to 0")
}
