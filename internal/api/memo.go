package api

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"kvasir/internal/account"
	"kvasir/internal/api/field"
	"kvasir/internal/memo"
)

const (
	memoPath   = "/api/v1/memo"
	uploadPath = memoPath + "/upload"

	memoNotFound = "Memo not found"
)

// A memoInput names a memo.
type memoInput struct {
	request
	ID     string `path:"id" doc:"The memo's id, or the client's own." example:"0197a1f2-2f57-7c3e-9d51-6b0f7a1c2d3e"`
	IDType string `query:"id_type" enum:"memo_uuid,reference_id" doc:"What id is; memo_uuid by default."`
}

var uuidForm = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// ref checks the name. What cannot be an id is the id of nothing.
func (in *memoInput) ref() (memo.Ref, error) {
	switch in.IDType {
	case "", "memo_uuid":
		id := strings.ToLower(in.ID)
		if !uuidForm.MatchString(id) {
			return memo.Ref{}, &failure{memoNotFound, http.StatusNotFound}
		}
		return memo.Ref{ID: memo.ID(id)}, nil
	case "reference_id":
		if in.ID == "" || strings.ContainsRune(in.ID, 0) || field.TooLong(in.ID) {
			return memo.Ref{}, &failure{memoNotFound, http.StatusNotFound}
		}
		return memo.Ref{ReferenceID: validUTF8(in.ID)}, nil
	}
	return memo.Ref{}, invalid("id_type must be either 'memo_uuid' or 'reference_id'")
}

// A MemoSummary is a memo in a list.
type MemoSummary struct {
	UUID              memo.ID `json:"uuid" format:"uuid"`
	CreatedAt         stamp   `json:"created_at"`
	UpdatedAt         stamp   `json:"updated_at"`
	Title             string  `json:"title"`
	Summary           *string `json:"summary"`
	ContentLength     *int    `json:"content_length" doc:"In UTF-16 units; null while a document is unprocessed."`
	ContentHash       string  `json:"content_hash" doc:"SHA-256 of the content, or of a document's file."`
	Metadata          object  `json:"metadata" doc:"As the client gave it."`
	ClientReferenceID *string `json:"client_reference_id"`
	ProcessingStatus  string  `json:"processing_status" enum:"processing,processed,error"`
}

// An object is a JSON object that is passed on; none is the empty one.
type object json.RawMessage

// Schema documents that anything may be in it.
func (object) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: "object", AdditionalProperties: true}
}

// MarshalJSON passes it on.
func (o object) MarshalJSON() ([]byte, error) {
	if len(o) == 0 {
		return []byte("{}"), nil
	}
	return o, nil
}

func summaryOf(m *memo.Memo) MemoSummary {
	return MemoSummary{
		UUID: m.ID, CreatedAt: stamp(m.Created), UpdatedAt: stamp(m.Updated),
		Title: m.Title, Summary: m.Summary, ContentLength: m.ContentLength, ContentHash: m.ContentHash,
		Metadata: object(m.Metadata), ClientReferenceID: m.ReferenceID, ProcessingStatus: m.Progress.Stage.Status(),
	}
}

// A memoDetail is one memo.
type memoDetail struct {
	MemoSummary
	Content        *string           `json:"content" doc:"Null when empty, and while a document is unprocessed."`
	Scopes         map[string]string `json:"scopes" nullable:"true"`
	Source         *string           `json:"source"`
	Type           string            `json:"type" enum:"plaintext,document"`
	ExpirationDate *stamp            `json:"expiration_date" nullable:"true"`
	Archived       bool              `json:"archived"`
	Pending        bool              `json:"pending" doc:"Whether the newest edit is not yet searchable."`
	ErrorReason    *string           `json:"error_reason" doc:"Why processing failed."`
	MemoProgress
	Tags   []tag   `json:"tags" nullable:"false"`
	Chunks []chunk `json:"chunks" nullable:"false" doc:"What search sees, in order; together they are the content."`
	MemoOrigin
}

// MemoProgress tells where a memo is on its way to being searchable.
type MemoProgress struct {
	Stage       memo.Stage `json:"stage" enum:"received,fetching,parsing,chunking,enriching,embedding,processed,error"`
	WaitingFor  *string    `json:"waiting_for" doc:"Why it is not processed yet, in words."`
	ETA         *stamp     `json:"eta" nullable:"true" doc:"When it is processed at the present rate, if that is known."`
	ChunksDone  int        `json:"chunks_done"`
	ChunksTotal int        `json:"chunks_total"`
	PagesDone   int        `json:"pages_done" doc:"Of a document that is parsed, as far as it has pages."`
	PagesTotal  int        `json:"pages_total"`
	EnrichDone  int        `json:"enrich_done" doc:"Texts that a model has written about the memo."`
	EnrichTotal int        `json:"enrich_total"`
}

// progress tells where a memo is and, if it is on its way, what it waits for.
func (s *server) progress(ctx context.Context, project account.ProjectID, id memo.ID, p *memo.Progress) MemoProgress {
	out := MemoProgress{
		Stage: p.Stage, ChunksDone: p.ChunksDone, ChunksTotal: p.ChunksTotal,
		PagesDone: p.PagesDone, PagesTotal: p.PagesTotal, EnrichDone: p.EnrichDone, EnrichTotal: p.EnrichTotal,
	}
	if p.Stage.Status() != "processing" {
		return out
	}
	wait := s.Waits(ctx, project, id, *p)
	out.WaitingFor = orNull(wait.Reason)
	if !wait.Until.IsZero() {
		out.ETA = new(stamp(wait.Until))
	}
	return out
}

// A tag is a tag of a memo.
type tag struct {
	UUID string `json:"uuid" format:"uuid"`
	Tag  string `json:"tag"`
}

// A chunk is a passage of a memo.
type chunk struct {
	UUID         memo.ChunkID `json:"uuid" format:"uuid"`
	ChunkContent string       `json:"chunk_content"`
	ChunkIndex   int          `json:"chunk_index"`
	Start        int          `json:"start" doc:"Where it begins in the content, in bytes of UTF-8."`
	End          int          `json:"end"`
	Headings     []string     `json:"headings" nullable:"false" doc:"The headings above it, outermost first."`
	Page         *int         `json:"page" doc:"The number of the part in which it begins."`
	TableHeader  *string      `json:"table_header" doc:"The header of the table that it goes on with."`
	Context      *string      `json:"context" doc:"Where in the memo it stands, written by a model."`
	Questions    []string     `json:"questions" nullable:"false" doc:"What it answers, written by a model."`
}

func chunkOf(c *memo.Chunk) chunk {
	out := chunk{
		UUID: c.ID, ChunkContent: c.Content, ChunkIndex: c.Index, Start: c.Start, End: c.End,
		Headings: append([]string{}, c.Headings...), Questions: append([]string{}, c.Questions...),
		TableHeader: orNull(c.Header), Context: orNull(c.Context),
	}
	if c.Page > 0 {
		out.Page = &c.Page
	}
	return out
}

func detailOf(m *memo.Memo, progress MemoProgress) memoDetail {
	d := memoDetail{
		MemoSummary: summaryOf(m), Scopes: m.Scopes, Source: m.Source, Type: m.Type,
		ExpirationDate: stampOf(m.Expires), Archived: m.Archived,
		Pending:     m.Progress.Stage.Status() == "processing",
		ErrorReason: orNull(m.Progress.Error), MemoProgress: progress,
		Tags: make([]tag, len(m.Tags)), Chunks: make([]chunk, len(m.Chunks)), MemoOrigin: originOf(m),
	}
	if m.Content != nil && *m.Content != "" {
		d.Content = m.Content
	}
	for i, text := range m.Tags {
		d.Tags[i].Tag = text
		if i < len(m.TagIDs) {
			d.Tags[i].UUID = m.TagIDs[i]
		}
	}
	for i := range m.Chunks {
		d.Chunks[i] = chunkOf(&m.Chunks[i])
	}
	return d
}

// A memoOutput is one memo as an answer.
type memoOutput struct {
	Body memoDetail
}

// A memoStatus is how far a memo is.
type memoStatus struct {
	MemoUUID    memo.ID `json:"memo_uuid" format:"uuid"`
	Status      string  `json:"status" enum:"processing,processed,error"`
	StartedAt   *stamp  `json:"processing_started_at" nullable:"true"`
	CompletedAt *stamp  `json:"processing_completed_at" nullable:"true"`
	ErrorReason *string `json:"error_reason"`
	MemoProgress
	NextAttempt *stamp `json:"next_attempt" nullable:"true" doc:"When it is tried again."`
}

// A statusOutput is never kept by caches: the next edit makes it wrong.
type statusOutput struct {
	CacheControl string `header:"Cache-Control"`
	Body         memoStatus
}

func (s *server) listMemos(ctx context.Context, in *listInput) (*listOutput[MemoSummary], error) {
	p, err := in.page()
	if err != nil {
		return nil, err
	}
	memos, count, err := s.Memos.ListMemos(ctx, in.project, p.offset(), p.size)
	if err != nil {
		return nil, err
	}
	results := make([]MemoSummary, len(memos))
	for i := range memos {
		results[i] = summaryOf(&memos[i])
	}
	return listPage(s, in.r, p, results, count), nil
}

func (s *server) findMemo(ctx context.Context, in *memoInput) (*memoOutput, error) {
	ref, err := in.ref()
	if err != nil {
		return nil, err
	}
	m, err := s.Memos.FindMemo(ctx, in.project, ref)
	if err != nil {
		return nil, orNotFound(err, memoNotFound)
	}
	return &memoOutput{detailOf(&m, s.progress(ctx, in.project, m.ID, &m.Progress))}, nil
}

func (s *server) findStatus(ctx context.Context, in *memoInput) (*statusOutput, error) {
	ref, err := in.ref()
	if err != nil {
		return nil, err
	}
	id, p, err := s.Memos.FindProgress(ctx, in.project, ref)
	if err != nil {
		return nil, orNotFound(err, memoNotFound)
	}
	return &statusOutput{"no-store", memoStatus{
		MemoUUID: id, Status: p.Stage.Status(), StartedAt: stampOf(p.Started), CompletedAt: stampOf(p.Completed),
		ErrorReason: orNull(p.Error), MemoProgress: s.progress(ctx, in.project, id, &p), NextAttempt: stampOf(p.NotBefore),
	}}, nil
}

// orNull returns nil for an empty text.
func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func (s *server) registerMemos() {
	register(s, huma.Operation{
		OperationID: "listMemos", Method: http.MethodGet, Path: memoPath, Tags: []string{"memos"},
		Summary: "List memos", Description: "The newest first.",
	}, []int{400}, s.listMemos)
	register(s, huma.Operation{
		OperationID: "findMemo", Method: http.MethodGet, Path: memoPath + "/{id}", Tags: []string{"memos"},
		Summary: "Read a memo",
		Description: "Title, content and metadata are the newest accepted ones; `chunks` are what search sees, " +
			"which is the version before until the newest is processed.",
	}, []int{400, 404}, s.findMemo)
	register(s, huma.Operation{
		OperationID: "findMemoStatus", Method: http.MethodGet, Path: memoPath + "/{id}/status", Tags: []string{"memos"},
		Summary: "Ask how far a memo is", Description: "Poll this until `status` is `processed` or `error`.",
	}, []int{400, 404}, s.findStatus)
}
