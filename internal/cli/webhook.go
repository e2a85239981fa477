package cli

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"

	"kvasir/client"
)

// webhookCommands work on webhooks.
type webhookCommands struct {
	List   webhookList   `cmd:"" help:"List webhooks, and how far they have been told."`
	Add    webhookAdd    `cmd:"" help:"Have events posted to an address; print the secret that signs them."`
	Delete webhookDelete `cmd:"" help:"Delete webhooks."`
	Test   webhookTest   `cmd:"" help:"Send a webhook a test event."`
}

// Help shows examples.
func (webhookCommands) Help() string {
	return `Examples:

    kvasir webhook add https://example.com/kvasir
    kvasir webhook list`
}

// A webhookList lists webhooks.
type webhookList struct {
	server

	JSON bool `name:"json" help:"Print JSON."`
}

// Help shows examples.
func (webhookList) Help() string {
	return `Example:

    kvasir webhook list --json`
}

// Run lists.
func (c *webhookList) Run(ctx context.Context, s *session) error {
	hooks, err := c.client(s).Webhooks(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		return s.printJSON(map[string]any{"results": append([]client.Webhook{}, hooks...)})
	}
	if len(hooks) == 0 {
		s.err.printf("There are no webhooks. Add one with kvasir webhook add.\n")
		return nil
	}
	table := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "ID\tSTATE\tEVENTS\tURL") // the screen keeps the error
	for _, h := range hooks {
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", h.ID, stateOf(&h), kindsOf(&h), oneLine(h.URL))
	}
	return table.Flush()
}

// stateOf says how far a webhook has been told.
func stateOf(h *client.Webhook) string {
	state := fmt.Sprintf("told up to %d", h.Cursor)
	switch {
	case h.Paused:
		state = "paused"
	case h.Attempts > 0:
		state = fmt.Sprintf("failed %d times", h.Attempts)
	}
	if h.LastError != "" {
		state += " (" + oneLine(h.LastError) + ")"
	}
	return state
}

func kindsOf(h *client.Webhook) string {
	if len(h.Kinds) == 0 {
		return "all"
	}
	names := make([]string, len(h.Kinds))
	for i, k := range h.Kinds {
		names[i] = oneLine(string(k))
	}
	return strings.Join(names, ",")
}

// A webhookAdd makes a webhook.
type webhookAdd struct {
	server

	Address string   `arg:"" name:"address" help:"Where events are posted to."`
	Kinds   []string `placeholder:"KIND" help:"Only these: memo.created, .updated, .processed, .failed, .deleted."`
	JSON    bool     `name:"json" help:"Print JSON."`
}

// Help shows examples.
func (webhookAdd) Help() string {
	return `The secret is printed once. It signs what is sent, so that its receiver knows
whom it is from.

Examples:

    kvasir webhook add https://example.com/kvasir
    kvasir webhook add --kinds memo.processed,memo.failed https://example.com/kvasir`
}

// Run makes it.
func (c *webhookAdd) Run(ctx context.Context, s *session) error {
	kinds := make([]client.ChangeKind, len(c.Kinds))
	for i, name := range c.Kinds {
		if name = strings.TrimPrefix(name, "."); !strings.Contains(name, ".") {
			name = "memo." + name
		}
		kinds[i] = client.ChangeKind(name)
	}
	hook, err := c.client(s).CreateWebhook(ctx, c.Address, kinds...)
	if err != nil {
		return err
	}
	if c.JSON {
		return s.printJSON(hook)
	}
	s.out.printf("id      %s\nsecret  %s\n", hook.ID, hook.Secret)
	return nil
}

// A webhookDelete deletes webhooks.
type webhookDelete struct {
	server

	IDs  []string `arg:"" name:"id" help:"The webhooks' ids."`
	JSON bool     `name:"json" help:"Print JSON."`
}

// Help shows examples.
func (webhookDelete) Help() string {
	return `Example:

    kvasir webhook delete 0197a1f2-2f57-7c3e-9d51-6b0f7a1c2d3e`
}

// Run deletes one after the other, and stops at the first that fails.
func (c *webhookDelete) Run(ctx context.Context, s *session) error {
	for _, id := range c.IDs {
		if err := c.client(s).DeleteWebhook(ctx, id); err != nil {
			return fmt.Errorf("webhook %s: %w", id, err)
		}
		if !c.JSON {
			s.out.printf("deleted %s\n", id)
		}
	}
	if c.JSON {
		return s.printJSON(map[string]any{"deleted": c.IDs})
	}
	return nil
}

// A webhookTest sends a test event.
type webhookTest struct {
	server

	ID   string `arg:"" name:"id" help:"The webhook's id."`
	JSON bool   `name:"json" help:"Print JSON."`
}

// Help shows examples.
func (webhookTest) Help() string {
	return `The event is sent at once. A webhook that was paused because its address failed
goes on after a test that has succeeded.

Example:

    kvasir webhook test 0197a1f2-2f57-7c3e-9d51-6b0f7a1c2d3e`
}

// Run sends it.
func (c *webhookTest) Run(ctx context.Context, s *session) error {
	if err := c.client(s).TestWebhook(ctx, c.ID); err != nil {
		return fmt.Errorf("webhook %s: %w", c.ID, err)
	}
	if c.JSON {
		return s.printJSON(map[string]any{"ok": true})
	}
	s.out.printf("the address has taken the test event\n")
	return nil
}
