package api

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"kvasir/internal/account"
	"kvasir/internal/memo"
)

type anyEvents interface{ Events }

// A counter is asked for unfinished memos.
type counter struct {
	anyEvents
	asked int
}

func (c *counter) Unfinished(context.Context, account.ProjectID, int) ([]memo.Memo, error) {
	c.asked++
	return nil, nil
}

func TestManyStreamsAskOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var g glances
		c := &counter{}
		for range 3 {
			for range 1000 {
				for _, p := range []account.ProjectID{"a", "b"} {
					if _, err := g.unfinished(t.Context(), c, p); err != nil {
						t.Fatal(err)
					}
				}
			}
			time.Sleep(time.Second)
		}
		if c.asked != 6 {
			t.Errorf("asked %d times, want once a second for each project", c.asked)
		}
	})
}
