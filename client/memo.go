package client

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"time"
)

const memoPath = "/api/v1/memo"

// A Ref names a memo: by the server's id, or by the client's own reference id.
type Ref struct {
	id     string
	idType string // empty for the server's id
}

// ByID names a memo by the server's id.
func ByID(id string) Ref { return Ref{id: id} }

// ByReference names a memo by the client's own reference id. If several memos
// have it, the newest is meant.
func ByReference(referenceID string) Ref { return Ref{id: referenceID, idType: "reference_id"} }

// String returns the id.
func (r Ref) String() string { return r.id }

// request returns a request about the memo.
func (r Ref) request(method, suffix string) request {
	req := request{method: method, path: memoPath + "/" + url.PathEscape(r.id) + suffix}
	if r.idType != "" {
		req.query = url.Values{"id_type": {r.idType}}
	}
	return req
}

// A NewMemo is a memo to be added: a text, or a page of the web, which the server
// loads.
type NewMemo struct {
	Title   string `json:"title,omitzero"`   // 1 to 255 characters; with URL it may be empty
	Content string `json:"content,omitzero"` // text or Markdown
	URL     string `json:"url,omitzero"`     // of a page or file, in place of Content
	MemoOptions
}

// MemoOptions are what a memo may have besides its text. None is needed.
type MemoOptions struct {
	Source      string            `json:"source,omitzero"`          // where it came from
	ReferenceID string            `json:"reference_id,omitzero"`    // the client's own id
	Expires     time.Time         `json:"expiration_date,omitzero"` // when it leaves retrieval
	Tags        []string          `json:"tags,omitempty"`
	Metadata    map[string]any    `json:"metadata,omitempty"` // filters see its top-level keys
	Scopes      map[string]string `json:"scopes,omitempty"`   // for filters of type [FilterScope]
	Processing  Processing        `json:"processing,omitzero"`
}

// An Upserted tells what an upsert did.
type Upserted struct {
	MemoID  string `json:"memo_uuid"`
	Created bool   `json:"created"` // the memo is new; otherwise an older one was replaced
}

// CreateMemo adds a memo and returns its id. It is stored for good then, and
// becomes searchable in the background; see [Client.WaitForMemo].
func (c *Client) CreateMemo(ctx context.Context, m NewMemo) (string, error) {
	out, err := post[Upserted](ctx, c, memoPath, m)
	return out.MemoID, err
}

// UpsertMemo replaces the memo that has m's reference id, or adds it. An
// unchanged text is not processed again.
func (c *Client) UpsertMemo(ctx context.Context, m NewMemo) (Upserted, error) {
	r, err := jsonRequest(http.MethodPost, memoPath, m)
	if err != nil {
		return Upserted{}, err
	}
	r.query = url.Values{"upsert": {"true"}}
	return fetch[Upserted](ctx, c, r)
}

// A MemoSummary is a memo as lists have it.
type MemoSummary struct {
	ID            string         `json:"uuid"`
	Created       time.Time      `json:"created_at"`
	Updated       time.Time      `json:"updated_at"`
	Title         string         `json:"title"`
	Summary       string         `json:"summary"`
	ContentLength int            `json:"content_length"` // in UTF-16 units; 0 for an unprocessed document
	ContentHash   string         `json:"content_hash"`   // SHA-256 of the text, or of a document's file
	Metadata      map[string]any `json:"metadata"`
	ReferenceID   string         `json:"client_reference_id"`
	Status        Status         `json:"processing_status"`
}

// A Memo is one memo. Its chunks are what search finds, which is the version
// before until the newest is processed.
type Memo struct {
	MemoSummary
	Content     string            `json:"content"` // empty for an unprocessed document
	Type        string            `json:"type"`    // plaintext or document
	Source      string            `json:"source"`
	Scopes      map[string]string `json:"scopes"`
	Expires     time.Time         `json:"expiration_date,omitzero"` // zero for never
	Archived    bool              `json:"archived"`
	ErrorReason string            `json:"error_reason"` // why processing failed
	Stage       string            `json:"stage"`        // the step: parsing, chunking, embedding
	WaitingFor  string            `json:"waiting_for"`  // why it is not processed yet, in words
	ETA         time.Time         `json:"eta,omitzero"` // when it is, at the present rate; zero if unknown
	Tags        []Tag             `json:"tags"`
	AutoTags    []string          `json:"auto_tags"` // those of the tags that a model wrote
	Chunks      []Chunk           `json:"chunks"`
	URL         string            `json:"url"`           // the page that it was loaded from
	File        File              `json:"file,omitzero"` // the original; zero if there is none
	Parts       []Part            `json:"parts"`
	Enrichments []Enrichment      `json:"enrichments"` // what a model failed to write
}

// A File is the original of a document.
type File struct {
	Name     string `json:"name"`
	MIMEType string `json:"mime_type"`
	Size     int64  `json:"size"`
	SHA256   string `json:"sha256"`
}

// A Part is a page, slide, sheet, chapter, cell or attachment of a document: the
// bytes Start to End of the memo's text.
type Part struct {
	Kind   string `json:"kind"`
	Number int    `json:"number"` // from 1, among those of its kind
	Name   string `json:"name"`
	Start  int    `json:"start"`
	End    int    `json:"end"`
}

// An Enrichment is one that a model failed to write.
type Enrichment struct {
	Aspect     Aspect `json:"aspect"`
	ChunkIndex *int   `json:"chunk_index"` // nil for aspects of the memo as a whole
	Error      string `json:"error"`
}

// A Tag is a tag of a memo.
type Tag struct {
	ID   string `json:"uuid"`
	Name string `json:"tag"`
}

// A Chunk is a passage of a memo. Content is the bytes Start to End of the
// memo's text.
type Chunk struct {
	ID       string   `json:"uuid"`
	Content  string   `json:"chunk_content"`
	Index    int      `json:"chunk_index"`
	Start    int      `json:"start"`
	End      int      `json:"end"`
	Headings []string `json:"headings"` // those above it, outermost first

	Page        int      `json:"page"`         // the number of the part in which it begins; 0 for none
	TableHeader string   `json:"table_header"` // of the table that it goes on with
	Context     string   `json:"context"`      // where in the memo it stands, written by a model
	Questions   []string `json:"questions"`    // what it answers, written by a model
}

// GetMemo reads a memo.
func (c *Client) GetMemo(ctx context.Context, ref Ref) (Memo, error) {
	return fetch[Memo](ctx, c, ref.request(http.MethodGet, ""))
}

// ListMemos reads a page of memos, the newest first.
func (c *Client) ListMemos(ctx context.Context, p PageRequest) (Page[MemoSummary], error) {
	return fetch[Page[MemoSummary]](ctx, c, request{method: http.MethodGet, path: memoPath, query: p.query()})
}

// AllMemos yields every memo, the newest first, reading page after page. A memo
// that is added or deleted meanwhile may make another one come twice or not at
// all. An error ends the iteration.
func (c *Client) AllMemos(ctx context.Context) iter.Seq2[MemoSummary, error] {
	return all(func(p PageRequest) (Page[MemoSummary], error) { return c.ListMemos(ctx, p) })
}

// A MemoPatch is a change of a memo. What is nil stays as it is; maps and tags
// replace the old ones.
type MemoPatch struct {
	Title       *string           `json:"title,omitempty"`
	Content     *string           `json:"content,omitempty"`
	Source      *string           `json:"source,omitempty"`
	ReferenceID *string           `json:"client_reference_id,omitempty"`
	Expires     *time.Time        `json:"expiration_date,omitempty"`
	Tags        []string          `json:"tags,omitzero"`
	Metadata    map[string]any    `json:"metadata,omitzero"`
	Scopes      map[string]string `json:"scopes,omitzero"`
}

// UpdateMemo changes a memo. A new title or text is processed in the
// background, and the version before stays searchable until that is done.
func (c *Client) UpdateMemo(ctx context.Context, ref Ref, patch MemoPatch) error {
	r, err := jsonRequest(http.MethodPatch, "", patch)
	if err != nil {
		return err
	}
	named := ref.request(http.MethodPatch, "")
	r.path, r.query = named.path, named.query
	return c.do(ctx, r)
}

// DeleteMemo deletes a memo with its passages and its file.
func (c *Client) DeleteMemo(ctx context.Context, ref Ref) error {
	return c.do(ctx, ref.request(http.MethodDelete, ""))
}

// RetryMemo processes a memo again that ended with [StatusError].
func (c *Client) RetryMemo(ctx context.Context, ref Ref) error {
	return c.do(ctx, ref.request(http.MethodPost, "/retry"))
}

// A Status is how far a memo is.
type Status string

// The statuses.
const (
	StatusProcessing Status = "processing"
	StatusProcessed  Status = "processed"
	StatusError      Status = "error"
)

// A MemoStatus is how far a memo is, in detail.
type MemoStatus struct {
	MemoID      string    `json:"memo_uuid"`
	Status      Status    `json:"status"`
	Started     time.Time `json:"processing_started_at,omitzero"`   // zero before
	Completed   time.Time `json:"processing_completed_at,omitzero"` // zero before
	ErrorReason string    `json:"error_reason"`                     // why it failed
	NextAttempt time.Time `json:"next_attempt,omitzero"`            // when it is tried again
	Progress
}

// Progress is where a memo is on its way to being searchable.
type Progress struct {
	Stage       string    `json:"stage"`        // the step: fetching, parsing, chunking, enriching, embedding
	WaitingFor  string    `json:"waiting_for"`  // why it is not processed yet, in words
	ETA         time.Time `json:"eta,omitzero"` // when it is, at the present rate; zero if unknown
	ChunksDone  int       `json:"chunks_done"`
	ChunksTotal int       `json:"chunks_total"`
	PagesDone   int       `json:"pages_done"` // of a document that is parsed
	PagesTotal  int       `json:"pages_total"`
	EnrichDone  int       `json:"enrich_done"` // texts that a model has written about it
	EnrichTotal int       `json:"enrich_total"`
}

// MemoStatus asks how far a memo is.
func (c *Client) MemoStatus(ctx context.Context, ref Ref) (MemoStatus, error) {
	return fetch[MemoStatus](ctx, c, ref.request(http.MethodGet, "/status"))
}

// A ProcessingError is a memo that could not be processed.
type ProcessingError struct {
	MemoID string
	Reason string // in words
}

// Error tells the reason.
func (e *ProcessingError) Error() string {
	return fmt.Sprintf("process memo %s: %s", e.MemoID, e.Reason)
}

// The pauses between two questions for a status, from the first to the longest.
const (
	firstPause   = 50 * time.Millisecond
	longestPause = 2 * time.Second
)

// WatchMemo yields how far a memo is, again and again, until it is processed.
// If processing failed, the error, which comes last, is a [*ProcessingError].
func (c *Client) WatchMemo(ctx context.Context, ref Ref) iter.Seq2[MemoStatus, error] {
	return func(yield func(MemoStatus, error) bool) {
		timer := time.NewTimer(0)
		defer timer.Stop()
		for pause := firstPause; ; pause = min(pause*3/2, longestPause) {
			select {
			case <-ctx.Done():
				yield(MemoStatus{}, fmt.Errorf("wait for memo %s: %w", ref, context.Cause(ctx)))
				return
			case <-timer.C:
			}
			s, err := c.MemoStatus(ctx, ref)
			if err == nil && s.Status == StatusError {
				err = &ProcessingError{MemoID: s.MemoID, Reason: s.ErrorReason}
			}
			if !yield(s, err) || err != nil || s.Status == StatusProcessed {
				return
			}
			timer.Reset(pause)
		}
	}
}

// WaitForMemo returns when a memo is processed: it can be found then. If
// processing failed, the error is a [*ProcessingError].
func (c *Client) WaitForMemo(ctx context.Context, ref Ref) (MemoStatus, error) {
	var last MemoStatus
	for s, err := range c.WatchMemo(ctx, ref) {
		if err != nil {
			return s, err
		}
		last = s
	}
	return last, nil
}
