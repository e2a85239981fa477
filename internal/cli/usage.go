package cli

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"kvasir/client"
)

// A usageCommand tells what was spent.
type usageCommand struct {
	server

	From  string   `placeholder:"DAY" help:"First day, as 2026-11-01, in UTC. Default: 30 days in all."`
	To    string   `placeholder:"DAY" help:"Last day. Default: today."`
	By    []string `default:"day,kind,model" placeholder:"WHAT" help:"What to tell apart; see above."`
	Limit int      `short:"n" default:"100" placeholder:"N" help:"How many rows at most, the costliest."`
	JSON  bool     `name:"json" help:"Print JSON."`
}

// Help tells what can be told apart.
func (usageCommand) Help() string {
	return `Shows the tokens and the money of a project, and the budgets that bind it. Rows
are told apart by any of day, api_key, memo, kind, provider and model.

Examples:

    kvasir usage
    kvasir usage --from 2026-11-01 --to 2026-11-30 --by model
    kvasir usage --by day,kind --json`
}

// Run tells it.
func (c *usageCommand) Run(ctx context.Context, s *session) error {
	r := client.UsageRequest{Limit: c.Limit}
	for _, day := range []struct {
		flag, text string
		into       *time.Time
	}{{"--from", c.From, &r.From}, {"--to", c.To, &r.To}} {
		if day.text == "" {
			continue
		}
		t, err := time.Parse(time.DateOnly, day.text)
		if err != nil {
			return fmt.Errorf("%w: %s must be a day such as 2026-11-30", errConfiguration, day.flag)
		}
		*day.into = t
	}
	for _, name := range c.By {
		r.By = append(r.By, client.Dimension(name))
	}
	report, err := c.client(s).Usage(ctx, r)
	switch {
	case err != nil:
		return err
	case c.JSON:
		return s.printJSON(report)
	}
	s.printUsage(&report)
	return nil
}

func (s *session) printUsage(r *client.UsageReport) {
	s.out.printf("%s\n\n", s.out.bold("Usage from "+r.From+" to "+r.To))
	if len(r.Rows) == 0 {
		s.out.printf("Nothing was spent.\n")
	} else {
		lines := usageTable(r).lines(s.out.width())
		s.out.printf("%s\n%s\n%s\n", s.out.dim(lines[0]), strings.Join(lines[1:len(lines)-1], "\n"),
			s.out.bold(lines[len(lines)-1]))
	}
	if r.Truncated {
		s.out.printf("%s\n", s.out.dim("There are more rows; the total is of all. See --limit."))
	}
	if len(r.Budgets) == 0 {
		return
	}
	s.out.printf("\n")
	for _, line := range s.budgetLines(r.Budgets) {
		s.out.printf("%s\n", line)
	}
}

// usageTable has the rows and, last, the total.
func usageTable(r *client.UsageReport) *table {
	t := &table{}
	for _, d := range r.By {
		t.columns = append(t.columns, column{head: strings.ToUpper(strings.ReplaceAll(string(d), "_", " "))})
	}
	for _, head := range []string{"CALLS", "IN", "CACHED", "OUT", "COST"} {
		t.columns = append(t.columns, column{head: head, right: true})
	}
	for i := range r.Rows {
		row := &r.Rows[i]
		values := map[client.Dimension]string{
			client.ByDay: row.Day, client.ByKey: row.Key, client.ByMemo: row.Memo, client.ByKind: row.Kind,
			client.ByProvider: row.Provider, client.ByModel: row.Model,
		}
		var cells []string
		for _, d := range r.By {
			text := oneLine(values[d])
			if text == "" {
				text = "–"
			}
			cells = append(cells, text)
		}
		t.add(append(cells, sumCells(row.UsageSum)...)...)
	}
	total := make([]string, len(r.By))
	total[0] = "total"
	t.add(append(total, sumCells(r.Total)...)...)
	return t
}

func sumCells(u client.UsageSum) []string {
	return []string{
		compact(float64(u.Requests)), compact(float64(u.InputTokens)), compact(float64(u.CachedTokens)),
		compact(float64(u.OutputTokens)), dollars(u.Cost),
	}
}

// budgetLines draws the budgets, each with how much of it is spent.
func (s *session) budgetLines(budgets []client.Budget) []string {
	t := table{columns: []column{{head: "BUDGET"}, {head: "SPENT"}, {right: true}, {head: "RENEWS"}, {}}}
	for _, b := range budgets {
		bound, remark := b.Hard, ""
		if bound == 0 {
			bound = b.Soft
		}
		spent := amount(b.Spent)
		switch {
		case b.Hard > 0 && b.Spent >= b.Hard:
			remark = "calls are refused"
		case b.Soft > 0 && b.Spent >= b.Soft:
			remark = "past " + amount(b.Soft)
		}
		share := 0.0
		if bound > 0 {
			spent += " of " + amount(bound)
			share = b.Spent / bound
		}
		t.add(oneLine(b.Scope+", "+b.Period), spent, bar(share), b.Until.UTC().Format(time.DateOnly), remark)
	}
	lines := t.lines(s.out.width())
	for i, b := range budgets {
		switch {
		case b.Hard > 0 && b.Spent >= b.Hard:
			lines[i+1] = s.out.red(lines[i+1])
		case b.Soft > 0 && b.Spent >= b.Soft:
			lines[i+1] = s.out.yellow(lines[i+1])
		}
	}
	lines[0] = s.out.dim(lines[0])
	return lines
}

// amount writes money in the way of prices, and less than a dollar with more
// digits.
func amount(money float64) string {
	if money > 0 && money < 1 {
		return dollars(money)
	}
	return fmt.Sprintf("$%.2f", money)
}

// bar draws a share in ten steps, and writes it.
func bar(share float64) string {
	const steps = 10
	full := int(math.Round(max(0, min(share, 1)) * steps))
	drawn := strings.Repeat("█", full) + strings.Repeat("░", steps-full)
	return fmt.Sprintf("%s %3.0f %%", drawn, min(share*100, 999))
}
