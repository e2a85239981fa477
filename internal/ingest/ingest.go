// Package ingest takes memos in and makes them searchable: parsed, cut into
// chunks, embedded. The memo row is the durable work item; see doc/architecture.md.
package ingest

import (
	"context"
	"io"

	"kvasir/internal/account"
	"kvasir/internal/memo"
)

// An Upload is a file on its way in.
type Upload struct {
	Name     string
	MIMEType string
	Body     io.Reader // read once, to the end, and stored before Add returns
}

// A Service takes memos in.
type Service struct{}

// Add stores a memo. When it returns, the memo is durable and will be processed.
// With upload, d.Content is empty and the memo is a document.
func (s *Service) Add(ctx context.Context, p account.ProjectID, d memo.Draft, upload *Upload) (memo.ID, error) {
	panic("not written yet")
}

// Upsert replaces the memo with the draft's reference id by a new generation, or
// adds it. An unchanged content keeps the live generation. It reports whether
// the memo is new.
func (s *Service) Upsert(ctx context.Context, p account.ProjectID, d memo.Draft, upload *Upload) (memo.ID, bool, error) {
	panic("not written yet")
}

// Update applies a patch. A new title or content starts a new generation.
func (s *Service) Update(ctx context.Context, p account.ProjectID, ref memo.Ref, patch memo.Patch) (memo.ID, error) {
	panic("not written yet")
}

// Delete removes a memo, its chunks and its file, and stops work on it.
func (s *Service) Delete(ctx context.Context, p account.ProjectID, ref memo.Ref) error {
	panic("not written yet")
}

// Retry starts a failed memo again.
func (s *Service) Retry(ctx context.Context, p account.ProjectID, ref memo.Ref) (memo.ID, error) {
	panic("not written yet")
}

// Run works on memos until ctx ends.
func (s *Service) Run(ctx context.Context) error { panic("not written yet") }
