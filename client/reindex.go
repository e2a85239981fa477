package client

import (
	"context"
	"net/http"
	"time"
)

// An IndexState is what an index version is to search.
type IndexState string

// The states: at most one version has each, and one is always live.
const (
	IndexLive   IndexState = "live"   // is searched
	IndexNext   IndexState = "next"   // is built beside it
	IndexFormer IndexState = "former" // was live before, and is kept for the way back
)

// An IndexVersion is what search reads: a model's vectors of passages that are cut in
// one way.
type IndexVersion struct {
	Version    int64      `json:"version"`
	State      IndexState `json:"state"`
	Model      string     `json:"model"`      // empty for none
	Dimensions int        `json:"dimensions"` // of the vectors; 0 until the model has answered
	Chunker    string     `json:"chunker"`    // how its texts were cut when it was begun
	Passages   int        `json:"passages"`   // of memos that are searched
	Lacking    int        `json:"lacking"`    // of them, those without a vector
	Complete   bool       `json:"complete"`   // all is there that the model does not refuse
	Configured bool       `json:"configured"` // the server has its model
	Created    time.Time  `json:"created"`
	LiveSince  time.Time  `json:"live_since,omitzero"`
}

// Reindexing is the index versions of a server.
type Reindexing struct {
	Time     time.Time      `json:"time"`
	Versions []IndexVersion `json:"versions"` // the live one first
	// Next is the model that another version would have, which is the same if texts are
	// cut otherwise for it now; empty for none.
	Next string `json:"next_model,omitempty"`
}

// Version returns the version of a state; nil if there is none.
func (r *Reindexing) Version(state IndexState) *IndexVersion {
	for i := range r.Versions {
		if r.Versions[i].State == state {
			return &r.Versions[i]
		}
	}
	return nil
}

// A ReindexAction is what may be done with index versions.
type ReindexAction string

// The actions.
const (
	ReindexStart    ReindexAction = "start"    // build the next version, or go on
	ReindexFlip     ReindexAction = "flip"     // search in it
	ReindexRollback ReindexAction = "rollback" // search in the former one again
	ReindexDrop     ReindexAction = "drop"     // give the former one up
	ReindexCancel   ReindexAction = "cancel"   // give the next one up
)

const reindexPath = "/api/v1/reindex"

// Reindexing asks for the index versions. This and what follows is for a key of the
// default project.
func (c *Client) Reindexing(ctx context.Context) (Reindexing, error) {
	return fetch[Reindexing](ctx, c, request{method: http.MethodGet, path: reindexPath})
}

// Reindex does one of the actions, and returns what there is then.
func (c *Client) Reindex(ctx context.Context, action ReindexAction) (Reindexing, error) {
	return post[Reindexing](ctx, c, reindexPath, struct {
		Action ReindexAction `json:"action"`
	}{action})
}

// SearchVersion returns the ids of the memos whose passages are found in the version of
// a state, best first; one memo may have several.
func (c *Client) SearchVersion(ctx context.Context, in IndexState, query string, limit int) ([]string, error) {
	found, err := post[struct {
		Memos []string `json:"memos"`
	}](ctx, c, reindexPath+"/search", struct {
		Query string     `json:"query"`
		Limit int        `json:"limit"`
		State IndexState `json:"state"`
	}{query, limit, in})
	return found.Memos, err
}
