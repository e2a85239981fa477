package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"kvasir/internal/api/field"
	"kvasir/internal/memo"
)

// A memoPatch is the body of PATCH /api/v1/memo/{id}. Null leaves a field as it
// is, except scopes, where the wire refuses it.
type memoPatch struct {
	Title    field.Of[string]            `json:"title" required:"false" nullable:"true" maxLength:"255"`
	Metadata field.Of[map[string]any]    `json:"metadata" required:"false" nullable:"true"`
	Scopes   field.Of[map[string]string] `json:"scopes" required:"false"`

	ClientReference field.Of[string]     `json:"client_reference_id" required:"false" nullable:"true" maxLength:"255"`
	ReferenceID     field.Of[string]     `json:"reference_id" required:"false" nullable:"true" maxLength:"255"`
	Source          field.Of[string]     `json:"source" required:"false" nullable:"true" maxLength:"255"`
	Expires         field.Of[field.Date] `json:"expiration_date" required:"false"`
	Content         field.Of[string]     `json:"content" required:"false" nullable:"true"`
	Tags            field.Of[[]string]   `json:"tags" required:"false" nullable:"true" maxItems:"1000"`
}

// TransformSchema explains the fields.
func (memoPatch) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return field.Explain(s,
		"metadata", "Replaces all metadata.",
		"reference_id", "The same as client_reference_id, which wins.",
		"expiration_date", "May be past.",
		"content", "An empty text is allowed: nothing is searchable then.",
		"scopes", "Replaces all scopes.",
		"tags", "Replaces all tags.",
	)
}

func (m *memoPatch) validate() (memo.Patch, error) {
	var c field.Complaints
	p := memo.Patch{Title: field.ShortText(&c, "title", m.Title)}
	if field.CheckNullable(&c, "metadata", m.Metadata) {
		p.Metadata = encodeObject(m.Metadata.Value)
	}
	p.ReferenceID = field.ShortText(&c, "client_reference_id", m.ClientReference)
	if alias := field.ShortText(&c, "reference_id", m.ReferenceID); p.ReferenceID == nil {
		p.ReferenceID = alias
	}
	p.Source = field.ShortText(&c, "source", m.Source)
	if field.CheckNullable(&c, "expiration_date", m.Expires) {
		p.Expires = new(time.Time(m.Expires.Value))
	}
	if field.CheckNullable(&c, "content", m.Content) {
		p.Content = &m.Content.Value
	}
	if field.Check(&c, "scopes", m.Scopes) {
		p.Scopes = m.Scopes.Value
	}
	if field.CheckNullable(&c, "tags", m.Tags) {
		p.Tags = checkTags(&c, m.Tags.Value)
	}
	return p, c.Err("; ")
}

// A changedOutput names the memo that was changed.
type changedOutput struct {
	Body created
}

// changed is the answer to a change, if it went well.
func changed(id memo.ID, err error) (*changedOutput, error) {
	if err != nil {
		return nil, orNotFound(err, memoNotFound)
	}
	return &changedOutput{created{OK: true, MemoUUID: id}}, nil
}

// updateMemo also takes no body at all: an old client sends its changes at the
// wrong place and wants to hear that all is well.
func (s *server) updateMemo(ctx context.Context, in *memoInput) (*changedOutput, error) {
	ref, err := in.ref()
	if err != nil {
		return nil, err
	}
	var body memoPatch
	if err := s.decodeLong(&in.request, &body); err != nil {
		return nil, err
	}
	patch, err := body.validate()
	if err != nil {
		return nil, err
	}
	return changed(s.Editor.Update(ctx, in.project, ref, patch))
}

func (s *server) deleteMemo(ctx context.Context, in *memoInput) (*struct{}, error) {
	ref, err := in.ref()
	if err != nil {
		return nil, err
	}
	return nil, orNotFound(s.Editor.Delete(ctx, in.project, ref), memoNotFound)
}

func (s *server) retryMemo(ctx context.Context, in *memoInput) (*changedOutput, error) {
	ref, err := in.ref()
	if err != nil {
		return nil, err
	}
	return changed(s.Editor.Retry(ctx, in.project, ref))
}

func (s *server) registerMemoChanges() {
	register(s, huma.Operation{
		OperationID: "updateMemo", Method: http.MethodPatch, Path: memoPath + "/{id}", Tags: []string{"memos"},
		Summary: "Change a memo", RequestBody: jsonBody[memoPatch](s, `{"content": "# Trains\n\nFirst class always."}`),
		Description: "A new title or content is indexed in the background, and the version before stays searchable " +
			"until that is done. Everything else acts at once. The last change wins.",
	}, []int{400, 404, 413, 415}, s.updateMemo)
	register(s, huma.Operation{
		OperationID: "deleteMemo", Method: http.MethodDelete, Path: memoPath + "/{id}", Tags: []string{"memos"},
		Summary: "Delete a memo", Description: "With its chunks and its file, also while it is processed.",
	}, []int{400, 404}, s.deleteMemo)
	register(s, huma.Operation{
		OperationID: "retryMemo", Method: http.MethodPost, Path: memoPath + "/{id}/retry", Tags: []string{"memos"},
		Summary: "Process a failed memo again", Description: "For a memo whose status is `error`.",
	}, []int{400, 404, 409}, s.retryMemo)
}
