package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"kvasir/internal/account"
	"kvasir/internal/fault"
	"kvasir/internal/memo"
)

// indexes are a live version and what was asked of it.
type indexes struct {
	actions []ReindexAction
}

func (x *indexes) Reindexing(_ context.Context, p account.ProjectID) (Reindexing, error) {
	if p != "p1" {
		return Reindexing{}, fault.New(fault.Forbidden, "not yours")
	}
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	return Reindexing{Time: at, Versions: []IndexVersion{{
		Version: 1, State: "live", Model: "m", Dimensions: 3, Passages: 5, Lacking: len(x.actions), Created: at,
	}}}, nil
}

func (x *indexes) Reindex(_ context.Context, _ account.ProjectID, action ReindexAction) error {
	if action == ReindexFlip {
		return fault.New(fault.Conflict, "Version 2 is not complete yet")
	}
	x.actions = append(x.actions, action)
	return nil
}

func (x *indexes) SearchVersion(
	_ context.Context, _ account.ProjectID, in memo.VersionState, text string, limit int,
) ([]memo.ID, error) {
	if in == memo.VersionFormer {
		return nil, fault.New(fault.NotFound, "There is no former version")
	}
	return []memo.ID{memo.ID(text), memo.ID(in)}[:min(limit, 2)], nil
}

func TestReindexing(t *testing.T) {
	t.Parallel()
	b := &backend{}
	cfg := b.config(t)
	x := &indexes{}
	cfg.Reindexer = x
	url := serve(t, cfg)
	for _, tt := range []struct {
		method, path, body string
		status             int
		has                string
	}{
		{"GET", "", "", 200, `"lacking":0`},
		{"POST", "", `{"action":"start"}`, 200, `"lacking":1`},
		{"POST", "", `{"action":"rollback"}`, 200, `"lacking":2`},
		{"POST", "", `{"action":"flip"}`, 409, `not complete`},
		{"POST", "", `{"action":"burn"}`, 400, `action: Expected start`},
		{"POST", "", `{}`, 400, `action: Expected start`},
		{"POST", "/search", `{"query":"ducks","state":"next"}`, 200, `"memos":["ducks","next"]`},
		{"POST", "/search", `{"query":"ducks","state":"next","limit":1}`, 200, `"memos":["ducks"]`},
		{"POST", "/search", `{"query":"ducks","state":"next","limit":51}`, 400, `limit`},
		{"POST", "/search", `{"query":" ","state":"gone"}`, 400, `state: Expected`},
		{"POST", "/search", `{"query":"ducks","state":"former"}`, 404, `no former`},
	} {
		req, err := http.NewRequestWithContext(t.Context(), tt.method, url+reindexPath+tt.path, strings.NewReader(tt.body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+testKey)
		req.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(resp.Body)
		if err = errors.Join(err, resp.Body.Close()); err != nil {
			t.Fatal(err)
		}
		status, answer := resp.StatusCode, string(raw)
		if status != tt.status || !strings.Contains(answer, tt.has) {
			t.Errorf("%s %s %s: %d %s", tt.method, tt.path, tt.body, status, answer)
		}
	}
	if want := []ReindexAction{ReindexStart, ReindexRollback}; !slices.Equal(x.actions, want) {
		t.Errorf("done was %v, want %v", x.actions, want)
	}
}
