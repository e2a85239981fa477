package api

import (
	"context"
	"slices"
	"strings"

	"kvasir/internal/account"
	"kvasir/internal/event"
	"kvasir/internal/fault"
)

// hooks are the webhooks of a backend, beside its memos, whose methods have the
// same names.
type hooks struct{ *backend }

func (h hooks) Delete(_ context.Context, p account.ProjectID, id event.WebhookID) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	i, err := h.hook(p, id)
	if err == nil {
		h.backend.hooks = slices.Delete(h.backend.hooks, i, i+1)
	}
	return err
}

func (h hooks) Test(_ context.Context, p account.ProjectID, id event.WebhookID) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	i, err := h.hook(p, id)
	if err == nil && strings.Contains(h.backend.hooks[i].URL, "broken") {
		return fault.New(fault.Unavailable, "The address answered 500")
	}
	return err
}
