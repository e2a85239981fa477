package api

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"kvasir/internal/account"
	"kvasir/internal/api/feed"
	"kvasir/internal/api/guard"
	"kvasir/internal/api/sse"
	"kvasir/internal/fault"
	"kvasir/internal/memo"
)

// Events is what happens to memos, and which are still on their way.
type Events interface {
	feed.Log
	// Unfinished returns up to limit memos that are neither processed nor failed,
	// the oldest first, without their texts.
	Unfinished(ctx context.Context, p account.ProjectID, limit int) ([]memo.Memo, error)
}

const maxUnfinished = 100 // memos whose progress one stream tells

// An eventsInput asks for a stream of events.
type eventsInput struct {
	request
	After       cursor `query:"after" doc:"The last event that the client knows; 0 for the oldest that is kept."`
	LastEventID cursor `header:"Last-Event-ID" doc:"The same; this one wins."`
	Memo        string `query:"memo" format:"uuid" doc:"Only what concerns the memo with this id."`
	Progress    string `query:"progress" enum:"true,false" doc:"Whether to tell of unfinished memos; true by default."`
}

// A cursor is the id of an event.
type cursor string

// Schema documents the number.
func (cursor) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: "integer", Format: "int64", Minimum: new(0.0)}
}

// feed checks what is asked for.
func (in *eventsInput) feed() (feed.Feed, error) {
	f := feed.Feed{Project: in.project, After: feed.OnlyNew}
	for _, given := range []struct {
		name string
		id   cursor
	}{{"after", in.After}, {"Last-Event-ID", in.LastEventID}} {
		if given.id == "" {
			continue
		}
		id, err := strconv.ParseInt(string(given.id), 10, 64)
		if err != nil || id < 0 {
			return f, invalid(given.name + " must be a whole number, 0 or more")
		}
		f.After = id
	}
	if in.Memo != "" {
		f.Memo = memo.ID(strings.ToLower(in.Memo))
		if !uuidForm.MatchString(string(f.Memo)) {
			return f, invalid("memo must be the id of a memo")
		}
	}
	if in.Progress != "" && in.Progress != "true" && in.Progress != "false" {
		return f, invalid("progress must be true or false")
	}
	return f, nil
}

// events opens a stream, of which there may be so many at once.
func (s *server) events(ctx context.Context, in *eventsInput) (*reply, error) {
	f, err := in.feed()
	if err != nil {
		return nil, err
	}
	f.Log, f.Stopping = s.Events, s.Stopping
	if in.Progress != "false" {
		f.Unfinished = func(ctx context.Context) ([]memo.Memo, error) { return s.unfinished(ctx, &f) }
		f.Progress = func(ctx context.Context, m *memo.Memo) any {
			return progressEvent{"progress", m.ID, s.progress(ctx, f.Project, m.ID, &m.Progress)}
		}
	}
	select {
	case s.streams <- struct{}{}:
	default:
		return nil, fault.New(fault.Unavailable, "Too many streams of events are open; try again later")
	}
	if err := f.Open(ctx); err != nil {
		<-s.streams
		return nil, err
	}
	return &reply{func(huma.Context) {
		defer func() { <-s.streams }()
		s.streamEvents(ctx, in.w, &f)
	}}, nil
}

func (s *server) streamEvents(ctx context.Context, w http.ResponseWriter, f *feed.Feed) {
	sse.Serve(ctx, w, func(ctx context.Context, out *sse.Stream) {
		if err := f.Serve(ctx, out); err != nil && ctx.Err() == nil {
			s.Log.ErrorContext(ctx, "events broke off", "request_id", guard.RequestID(ctx), "error", err)
		}
	})
}

// unfinished returns the memos whose progress a stream tells.
func (s *server) unfinished(ctx context.Context, f *feed.Feed) ([]memo.Memo, error) {
	if f.Memo == "" {
		return s.glances.unfinished(ctx, s.Events, f.Project)
	}
	id, p, err := s.Memos.FindProgress(ctx, f.Project, memo.Ref{ID: f.Memo})
	if fault.Is(err, fault.NotFound) || err == nil && p.Stage.Status() != "processing" {
		return nil, nil
	}
	return []memo.Memo{{ID: id, Progress: p}}, err
}

// A progressEvent tells how far an unfinished memo is.
type progressEvent struct {
	Type     string  `json:"type"`
	MemoUUID memo.ID `json:"memo_uuid"`
	MemoProgress
}

const eventsExample = `: ping

id: 41
event: memo.created
data: {"id":41,"type":"memo.created","created_at":"2026-11-23T12:00:00.000Z","memo_uuid":"…","reference_id":null,` +
	`"title":"Report","generation":1,"error_reason":null}

event: progress
data: {"type":"progress","memo_uuid":"…","stage":"parsing","waiting_for":null,"eta":null,"chunks_done":0,` +
	`"chunks_total":0,"pages_done":12,"pages_total":300,"enrich_done":0,"enrich_total":0}

`

func (s *server) registerEvents() {
	content := map[string]*huma.MediaType{"text/event-stream": {
		Schema: &huma.Schema{Type: "string"}, Example: eventsExample,
	}}
	register(s, huma.Operation{
		OperationID: "events", Method: http.MethodGet, Path: "/api/v1/events", Tags: []string{"events"},
		Summary: "Follow what happens to memos",
		Description: "Server-sent events: `memo.created`, `memo.updated`, `memo.processed`, `memo.failed`, " +
			"`memo.deleted`, each with an `id`. With `Last-Event-ID`, as browsers send it, or `after`, events after that " +
			"one come first; without, only new ones come. `reset` comes first if older events than those that are kept " +
			"are asked for; then all that are kept follow. Between them, every second, `progress` tells of unfinished " +
			"memos that have moved, 100 at most; it has no `id` and is not repeated. A client that does not read is " +
			"dropped, and may come back.",
		Responses: map[string]*huma.Response{"200": {Description: "Events, without end.", Content: content}},
	}, []int{400, 503}, s.events)
}
