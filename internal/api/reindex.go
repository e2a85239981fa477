package api

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"kvasir/internal/account"
	"kvasir/internal/api/field"
	"kvasir/internal/memo"
)

const reindexPath = "/api/v1/reindex"

// A Reindexer changes the index that is searched for another. It refuses all projects
// but the default one, which is the operator's.
type Reindexer interface {
	// Reindexing tells which index versions there are.
	Reindexing(ctx context.Context, p account.ProjectID) (Reindexing, error)
	// Reindex does one of the actions.
	Reindex(ctx context.Context, p account.ProjectID, action ReindexAction) error
	// SearchVersion returns the memos of the passages that are found in a version.
	SearchVersion(
		ctx context.Context, p account.ProjectID, in memo.VersionState, text string, limit int,
	) ([]memo.ID, error)
}

// A ReindexAction is what may be done with index versions.
type ReindexAction string

// The actions.
const (
	ReindexStart    ReindexAction = "start"
	ReindexFlip     ReindexAction = "flip"
	ReindexRollback ReindexAction = "rollback"
	ReindexDrop     ReindexAction = "drop"
	ReindexCancel   ReindexAction = "cancel"
)

// Reindexing is the index versions that there are.
type Reindexing struct {
	Time     time.Time      `json:"time" doc:"When all this was so."`
	Versions []IndexVersion `json:"versions" nullable:"false" doc:"The live one first."`
	Next     *string        `json:"next_model" doc:"That of another version, if one may be built."`
}

// An IndexVersion is what search reads: a model's vectors of passages that are cut in
// one way.
type IndexVersion struct {
	Version    int64      `json:"version"`
	State      string     `json:"state" enum:"live,next,former"`
	Model      string     `json:"model" doc:"Empty if there are no vectors."`
	Dimensions int        `json:"dimensions" doc:"Of the vectors; 0 until the model has answered."`
	Chunker    string     `json:"chunker" doc:"How its texts were cut when it was begun."`
	Passages   int        `json:"passages" doc:"Of memos that are searched."`
	Lacking    int        `json:"lacking" doc:"Of them, those without a vector."`
	Complete   bool       `json:"complete" doc:"Whether all is there that the model does not refuse."`
	Configured bool       `json:"configured" doc:"Whether this server has its model."`
	Created    time.Time  `json:"created"`
	Live       *time.Time `json:"live_since" doc:"When it became the live one, the last time."`
}

type reindexingOutput struct {
	CacheControl string `header:"Cache-Control"`
	Body         Reindexing
}

func (s *server) reindexing(ctx context.Context, in *struct{ request }) (*reindexingOutput, error) {
	r, err := s.Reindexer.Reindexing(ctx, in.project)
	return &reindexingOutput{"no-store", r}, err
}

// A reindexBody is the body of POST /api/v1/reindex.
type reindexBody struct {
	Action field.Of[string] `json:"action" enum:"start,flip,rollback,drop,cancel"`
}

func (s *server) reindex(ctx context.Context, in *struct{ request }) (*reindexingOutput, error) {
	var body reindexBody
	if err := s.decodeJSON(&in.request, &body); err != nil {
		return nil, err
	}
	var c field.Complaints
	field.Check(&c, "action", body.Action)
	switch ReindexAction(body.Action.Value) {
	case ReindexStart, ReindexFlip, ReindexRollback, ReindexDrop, ReindexCancel:
	default:
		c.Add("action", "Expected start, flip, rollback, drop or cancel")
	}
	if err := c.Err(", "); err != nil {
		return nil, err
	}
	if err := s.Reindexer.Reindex(ctx, in.project, ReindexAction(body.Action.Value)); err != nil {
		return nil, err
	}
	return s.reindexing(ctx, in)
}

// A versionSearchBody is the body of POST /api/v1/reindex/search.
type versionSearchBody struct {
	Query field.Of[string] `json:"query" minLength:"1"`
	Limit field.Of[int]    `json:"limit" required:"false" nullable:"true" minimum:"1" maximum:"50"`
	State field.Of[string] `json:"state" enum:"live,next,former"`
}

type versionSearchOutput struct {
	Body struct {
		Memos []memo.ID `json:"memos" nullable:"false" doc:"Those of the passages, best first; one memo may have several."`
	}
}

func (s *server) searchVersion(ctx context.Context, in *struct{ request }) (*versionSearchOutput, error) {
	var body versionSearchBody
	if err := s.decodeJSON(&in.request, &body); err != nil {
		return nil, err
	}
	var c field.Complaints
	field.Check(&c, "query", body.Query)
	field.Check(&c, "state", body.State)
	limit := defaultLimit
	if field.CheckNullable(&c, "limit", body.Limit) {
		if limit = body.Limit.Value; limit < 1 || limit > maxLimit {
			c.Add("limit", fmt.Sprintf("Expected 1 to %d", maxLimit))
		}
	}
	if strings.TrimSpace(body.Query.Value) == "" {
		c.Add("query", "Required")
	}
	state := memo.VersionState(body.State.Value)
	switch state {
	case memo.VersionLive, memo.VersionNext, memo.VersionFormer:
	default:
		c.Add("state", "Expected live, next or former")
	}
	if err := c.Err(", "); err != nil {
		return nil, err
	}
	found, err := s.Reindexer.SearchVersion(ctx, in.project, state, body.Query.Value, limit)
	var out versionSearchOutput
	out.Body.Memos = append([]memo.ID{}, found...)
	return &out, err
}

func (s *server) registerReindex() {
	register(s, huma.Operation{
		OperationID: "reindexing", Method: http.MethodGet, Path: reindexPath, Tags: []string{"server"},
		Summary: "See the index versions",
		Description: "What is searched, and what is built beside it. This and what follows is for keys of the " +
			"default project, which are the operator's.",
	}, []int{403}, s.reindexing)
	register(s, huma.Operation{
		OperationID: "reindex", Method: http.MethodPost, Path: reindexPath, Tags: []string{"server"},
		Summary: "Build another index, and search in it", RequestBody: jsonBody[reindexBody](s, `{"action": "start"}`),
		Description: "`start` builds the next version beside the live one, or goes on. `flip` makes it the live one, " +
			"at once and everywhere. `rollback` takes that back. `drop` gives the former version up, `cancel` the next.",
	}, []int{400, 403, 409, 413, 415}, s.reindex)
	register(s, huma.Operation{
		OperationID: "searchVersion", Method: http.MethodPost, Path: reindexPath + "/search", Tags: []string{"server"},
		Summary:     "Search in an index version",
		RequestBody: jsonBody[versionSearchBody](s, `{"query": "ducks", "state": "next"}`),
		Description: "To compare versions. Anybody else searches in the live one.",
	}, []int{400, 403, 404, 413, 415}, s.searchVersion)
}
