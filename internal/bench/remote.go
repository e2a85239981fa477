package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"kvasir/internal/provider/providertest"
)

// A remote is a provider as its control reaches it.
type remote struct {
	url  string
	http *http.Client
}

// behave sets the whole behaviour.
func (r *remote) behave(ctx context.Context, b providertest.Behaviour) error {
	body, err := json.Marshal(b)
	if err != nil {
		return err
	}
	return r.call(ctx, http.MethodPut, "/behaviour", bytes.NewReader(body), &b)
}

// totals returns what was counted since the provider's start.
func (r *remote) totals(ctx context.Context, kind providertest.Kind) (providertest.Totals, error) {
	var all map[providertest.Kind]providertest.Totals
	err := r.call(ctx, http.MethodGet, "/totals", http.NoBody, &all)
	return all[kind], err
}

func (r *remote) call(ctx context.Context, method, path string, body io.Reader, out any) error {
	req, err := http.NewRequestWithContext(ctx, method, r.url+path, body)
	if err != nil {
		return err
	}
	resp, err := r.http.Do(req)
	if err != nil {
		// Not wrapped: that a server of ours is not reached has words of its own.
		return fmt.Errorf("reach the provider, which kvasir bench provider starts: %v", err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	switch {
	case err != nil:
		return fmt.Errorf("read from the provider: %w", err)
	case resp.StatusCode != http.StatusOK:
		return fmt.Errorf("%s %s: %s %s; is it kvasir bench provider?", method, path, resp.Status, data)
	}
	return json.Unmarshal(data, out)
}

// since returns what was counted after an earlier look.
func since(now, then providertest.Totals) providertest.Totals {
	d := providertest.Totals{
		Requests: now.Requests - then.Requests, Texts: now.Texts - then.Texts, Failed: now.Failed - then.Failed,
		HungUp: now.HungUp - then.HungUp, InFlight: now.InFlight, Peak: now.Peak, ByStatus: map[int]int{},
		Tokens: now.Tokens - then.Tokens, Served: now.Served - then.Served, Duplicates: now.Duplicates - then.Duplicates,
	}
	for status, n := range now.ByStatus {
		d.ByStatus[status] = n - then.ByStatus[status]
	}
	return d
}
