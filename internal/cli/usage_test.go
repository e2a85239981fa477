package cli

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"kvasir/client"
	"kvasir/client/clienttest"
)

func TestUsageAsJSON(t *testing.T) {
	t.Parallel()
	srv := clienttest.Start(t)
	var got client.UsageReport
	r := on(t, srv, "usage", "--json", "--from", "2026-11-01", "--to=2026-11-30", "--by=day,memo").succeed(t)
	if err := json.Unmarshal([]byte(r.stdout), &got); err != nil {
		t.Fatal(err)
	}
	if got.From != "2026-11-01" || got.To != "2026-11-30" || got.Rows[0].Memo == "" || got.Rows[0].Kind != "" {
		t.Errorf("%+v", got)
	}
}

func TestUsageRefusals(t *testing.T) {
	t.Parallel()
	srv := clienttest.Start(t)
	r := on(t, srv, "usage", "--from", "yesterday")
	if r.status != exitUsage || !strings.Contains(r.stderr, "--from must") {
		t.Errorf("a day that is none: %+v", r)
	}
	if r = on(t, srv, "usage", "--by", "colour"); r.status != exitFailed || !strings.Contains(r.stderr, "group_by must") {
		t.Errorf("a dimension that is none: %+v", r)
	}
}

func TestBudgetsAreColored(t *testing.T) {
	t.Parallel()
	s, out := liveSession()
	until := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	s.printUsage(&client.UsageReport{Budgets: []client.Budget{
		{Scope: "project", Period: "month", Until: until, Spent: 6, Hard: 5},
		{Scope: "project", Period: "day", Until: until, Spent: 2, Soft: 1},
		{Scope: "server", Period: "day", Until: until, Spent: 2},
	}})
	for _, want := range []string{
		"\x1b[31mproject, month  $6.00 of $5.00  ██████████ 120 %  2026-12-01  calls are refused\x1b[0m",
		"\x1b[33mproject, day    $2.00 of $1.00  ██████████ 200 %  2026-12-01  past $1.00\x1b[0m",
		"Nothing was spent.",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}
