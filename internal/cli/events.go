package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"kvasir/client"
)

// An eventsCommand shows what happens to memos.
type eventsCommand struct {
	server

	Follow bool   `short:"f" help:"Go on until interrupted, and tell how far unfinished memos are."`
	After  *int64 `placeholder:"N" help:"The last event that is known. Default: the oldest; with --follow, the newest."`
	Memo   string `placeholder:"ID" help:"Only of this memo."`
	JSON   bool   `name:"json" help:"Print a line of JSON for each event."`
}

// Help shows examples.
func (eventsCommand) Help() string {
	return `Shows what has happened to the project's memos, the oldest event first, as far as
the server remembers. With --follow it shows what happens from now on.

Examples:

    kvasir events
    kvasir events --follow
    kvasir events --after 4711 --json`
}

// quiet is how long nothing comes before what has been is taken for told.
const quiet = time.Second

// Run shows them.
func (c *eventsCommand) Run(ctx context.Context, s *session) error {
	r := client.EventsRequest{MemoID: c.Memo, NoProgress: !c.Follow}
	switch {
	case c.After != nil && *c.After > 0:
		r.After = *c.After
	case c.After != nil || !c.Follow:
		r.After = client.OldestEvent
	}
	all, end := context.WithCancel(ctx)
	defer end()
	if !c.Follow {
		silence := time.AfterFunc(time.Hour, end)
		defer silence.Stop()
		r.Opened = func() { silence.Reset(quiet) }
		return c.show(ctx, all, s, r, func() { silence.Reset(quiet) })
	}
	return c.show(ctx, all, s, r, func() {})
}

// show prints events until the inner context ends.
func (c *eventsCommand) show(ctx, inner context.Context, s *session, r client.EventsRequest, came func()) error {
	for change, err := range c.client(s).Events(inner, r) {
		if err != nil && inner.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return err
		}
		came()
		if c.JSON {
			if err := json.NewEncoder(s.out).Encode(change); err != nil {
				return err
			}
			continue
		}
		s.out.printf("%s\n", describeChange(&change))
	}
	return nil
}

// describeChange says in a line what has happened.
func describeChange(e *client.Change) string {
	switch e.Kind {
	case client.ChangeProgress:
		text := fmt.Sprintf("%-16s%s  %s", "progress", e.MemoID, stepOf(&e.Progress))
		if e.WaitingFor != "" {
			text += "; waiting: " + oneLine(e.WaitingFor)
		}
		return text
	case client.ChangeReset:
		return fmt.Sprintf("Events before %d are forgotten.", e.Oldest)
	}
	text := fmt.Sprintf("%d  %s  %-14s  %s  %s", e.ID, e.At.Local().Format("2006-01-02 15:04:05"), e.Kind, e.MemoID,
		oneLine(e.Title))
	if e.ErrorReason != "" {
		text += ": " + oneLine(e.ErrorReason)
	}
	return text
}
