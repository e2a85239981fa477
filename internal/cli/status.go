package cli

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"kvasir/client"
)

// A statusCommand shows what a server does.
type statusCommand struct {
	server

	Once bool `help:"Print it once and leave, on a terminal too."`
	JSON bool `name:"json" help:"Print JSON, once."`
}

// Help explains the columns.
func (statusCommand) Help() string {
	return `Shows the lanes to the models: a lane is a provider, one of its keys, and a
model. BUSY is requests under way and the most there may be; REQ/MIN and TOK/MIN
are what is left and the limit, after ~ if it was learned from refusals; P50 and
P95 are latencies, of answers until their first word. Above them is what waits,
whose it is, and why. On a terminal it is drawn anew every second until q or
Ctrl-C. Times are UTC, as in the reasons.

Examples:

    kvasir status
    kvasir status --once
    kvasir status --json`
}

// redrawEvery is how often a live status is drawn.
const redrawEvery = time.Second

// Run shows the status.
func (c *statusCommand) Run(ctx context.Context, s *session) error {
	ask := c.client(s).Status
	if s.out.movable() && !c.Once && !c.JSON {
		keys, _ := openKeyboard() // without one Ctrl-C is a signal
		return s.watch(ctx, keys, ask)
	}
	status, err := ask(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		return s.printJSON(status)
	}
	for _, line := range (statusView{s.out, s.out.width()}).lines(&status) {
		s.out.printf("%s\n", line)
	}
	return nil
}

// watch draws the status anew until a key or ctx ends it, and closes the
// keyboard. A server that cannot be reached at first is an error; one that goes
// away later may come back.
func (s *session) watch(
	ctx context.Context, keys *keyboard, ask func(context.Context) (client.ServerStatus, error),
) error {
	defer keys.close()
	status, err := ask(ctx)
	if err != nil {
		return err
	}
	s.out.enter()
	defer s.out.leave()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var g errgroup.Group
	g.Go(func() error {
		keys.untilQuit(ctx, stop)
		return nil
	})
	ticks := time.NewTicker(redrawEvery)
	defer ticks.Stop()
	for {
		view := statusView{s.out, s.out.width()}
		lines := view.lines(&status)
		if err != nil {
			lines = append(lines, "", s.out.red(ellipsis(oneLine(explain(err)), view.width)))
		}
		s.out.draw(lines, keys.hint())
		select {
		case <-ctx.Done():
			return g.Wait()
		case <-ticks.C:
		}
		var latest client.ServerStatus
		if latest, err = ask(ctx); err == nil {
			status = latest
		}
	}
}

// A statusView draws a status for a screen.
type statusView struct {
	screen *screen
	width  int
}

func (v statusView) lines(st *client.ServerStatus) []string {
	lines := []string{v.title(st), v.queue(st), ""}
	var idle []string
	for i := range st.Pools {
		p := &st.Pools[i]
		if p.Waiting.Calls == 0 {
			idle = append(idle, poolName(p))
			continue
		}
		lines = append(lines, v.line(p, st.Time)...)
	}
	if len(idle) > 0 {
		lines = append(lines, ellipsis("nothing waits to "+strings.Join(idle, ", "), v.width))
	}
	return append(append(lines, ""), v.lanes(st)...)
}

func poolName(p *client.Pool) string {
	if p.Name == "" {
		return oneLine(p.Kind)
	}
	return oneLine(p.Kind + " by " + p.Name)
}

// title is the server, and the time at the right end.
func (v statusView) title(st *client.ServerStatus) string {
	left := fmt.Sprintf("kvasir %s, up %s", oneLine(st.Version), spoken(seconds(st.Uptime)))
	right := st.Time.UTC().Format("15:04:05 UTC")
	space := max(v.width-utf8.RuneCountInString(left+right), 2)
	return v.screen.bold(left) + strings.Repeat(" ", space) + v.screen.dim(right)
}

func (v statusView) queue(st *client.ServerStatus) string {
	text := "no memo waits"
	if st.Queue.Pending > 0 {
		text = countedOf(st.Queue.Pending, "memo") + " on the way"
		if !st.Queue.Oldest.IsZero() {
			text += ", the oldest for " + spoken(st.Time.Sub(st.Queue.Oldest))
		}
	}
	if st.Queue.Errors > 0 {
		return text + "; " + v.screen.red(grouped(st.Queue.Errors)+" failed")
	}
	return text
}

// line tells what waits before a pool, whose it is, and why.
func (v statusView) line(p *client.Pool, now time.Time) []string {
	name := poolName(p)
	unit := "call"
	if p.Kind == "embed" {
		unit = "text"
	}
	text := ": " + countedOf(p.Waiting.Calls, unit) + " waiting, " + compact(float64(p.Waiting.Tokens)) + " tokens"
	if !p.ETA.IsZero() {
		text += ", done in " + spoken(p.ETA.Sub(now))
	}
	lines := []string{v.screen.bold(name) + ellipsis(text, v.width-utf8.RuneCountInString(name))}
	var shares []string
	for _, w := range p.Waiting.Projects {
		whose := "this project"
		if w.Project == client.Others {
			whose = "others"
		}
		shares = append(shares, fmt.Sprintf("%s of %s (%s tokens)", grouped(w.Calls), whose, compact(float64(w.Tokens))))
	}
	lines = append(lines, "  "+ellipsis(strings.Join(shares, ", "), v.width-2))
	if p.Reason != "" {
		lines = append(lines, "  "+v.screen.yellow(ellipsis(oneLine(p.Reason), v.width-2)))
	}
	return lines
}

// lanes is the table of all lanes, each followed by what is to be said of it.
func (v statusView) lanes(st *client.ServerStatus) []string {
	t := table{columns: []column{
		{head: "LANE"}, {head: "STATE", least: len("probing")}, {head: "BUSY", right: true},
		{head: "REQ/MIN", right: true}, {head: "TOK/MIN", right: true}, {head: "P50", right: true},
		{head: "P95", right: true},
	}}
	var lanes []*client.Lane
	for i := range st.Pools {
		for j := range st.Pools[i].Lanes {
			l := &st.Pools[i].Lanes[j]
			lanes = append(lanes, l)
			t.add(oneLine(l.Name), oneLine(l.State), fmt.Sprintf("%d/%d", l.InFlight, l.Concurrency), rate(l.Requests),
				rate(l.Tokens), latency(l.LatencyP50), latency(l.LatencyP95))
		}
	}
	if len(lanes) == 0 {
		return []string{"There are no lanes: no model is called."}
	}
	rows := t.lines(v.width)
	lines := []string{v.screen.dim(rows[0])}
	for i, l := range lanes {
		lines = append(lines, v.colored(rows[i+1], l.State))
		lines = append(lines, v.remarks(l)...)
	}
	return lines
}

// colored paints the state in a row.
func (v statusView) colored(row, state string) string {
	paint := map[string]func(string) string{
		"open": v.screen.green, "paused": v.screen.yellow, "probing": v.screen.yellow, "broken": v.screen.red,
	}[state]
	if paint == nil {
		return row
	}
	before, after, _ := strings.Cut(row, gap+state+" ")
	return before + gap + paint(state) + " " + after
}

// remarks are what a lane has done, why it is not open, and what failed last.
func (v statusView) remarks(l *client.Lane) []string {
	var lines []string
	if l.State != "open" && l.Reason != "" {
		reason := strings.TrimPrefix(oneLine(l.Reason), oneLine(l.Name)+": ")
		lines = append(lines, "  "+v.screen.yellow(ellipsis(reason, v.width-2)))
	}
	if l.Counts.Sent == 0 {
		return lines
	}
	facts := []string{compact(float64(l.Counts.Sent)) + " sent"}
	for _, f := range []struct {
		n    int64
		word string
	}{
		{l.Counts.Failed, "failed"}, {l.Counts.Throttled, "throttled"}, {l.Counts.Retried, "retried"},
		{l.Counts.Hedged, "hedged"},
	} {
		if f.n > 0 {
			facts = append(facts, compact(float64(f.n))+" "+f.word)
		}
	}
	if l.TokensPerS >= 1 {
		facts = append(facts, compact(l.TokensPerS)+" tokens/s")
	}
	lines = append(lines, "  "+v.screen.dim(ellipsis(strings.Join(facts, ", "), v.width-2)))
	if l.LastError != "" {
		lines = append(lines, "  "+v.screen.dim(ellipsis("last error: "+oneLine(l.LastError), v.width-2)))
	}
	return lines
}

// rate writes what is left of a limit, and the limit.
func rate(l client.Limit) string {
	if l.PerMinute == 0 {
		return "–"
	}
	mark := ""
	if l.Source == "learned" {
		mark = "~"
	}
	return compact(l.Left) + "/" + mark + compact(l.PerMinute)
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

func countedOf(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return grouped(n) + " " + thing + "s"
}
