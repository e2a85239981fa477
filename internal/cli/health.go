package cli

import (
	"context"
	"fmt"
	"time"
)

// A healthCommand asks whether a server is well.
type healthCommand struct {
	server

	JSON bool `name:"json" help:"Print JSON."`
}

// Help shows an example.
func (healthCommand) Help() string {
	return `Asks a server whether it is well, and fails if it is not, or does not answer
within three seconds. It needs no key. Containers ask so.

Example:

    kvasir health --url http://127.0.0.1:8080`
}

// healthWithin bounds the wait for an answer.
const healthWithin = 3 * time.Second

// Run asks.
func (c *healthCommand) Run(ctx context.Context, s *session) error {
	ctx, cancel := context.WithTimeout(ctx, healthWithin)
	defer cancel()
	h, err := c.client(s).Health(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		if err := s.printJSON(h); err != nil {
			return err
		}
	} else {
		s.out.printf("%s: %s, %d memos pending, %d failed\n", h.Status, h.Store, h.Queue.Pending, h.Queue.Errors)
	}
	if h.Status != "ok" {
		return fmt.Errorf("the server is %s", h.Status)
	}
	return nil
}
