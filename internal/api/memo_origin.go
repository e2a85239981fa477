package api

import (
	"context"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"kvasir/internal/account"
	"kvasir/internal/memo"
)

// Originals knows the files that documents were read from.
type Originals interface {
	// FindOriginal returns the file of a memo, or fails with NotFound. A memo
	// without one is NotFound, too.
	FindOriginal(ctx context.Context, p account.ProjectID, ref memo.Ref) (memo.File, error)
}

// MemoOrigin is where a memo came from and what was made of it. The name is
// exported because huma documents no other embedded types.
type MemoOrigin struct {
	URL         *string      `json:"url" doc:"The page that the memo was loaded from."`
	File        *file        `json:"file"`
	Parts       []part       `json:"parts" nullable:"false" doc:"The pages, slides, sheets, … of a document."`
	AutoTags    []string     `json:"auto_tags" nullable:"false" doc:"Those of the tags that a model wrote."`
	Enrichments []enrichment `json:"enrichments" nullable:"false" doc:"What a model failed to write."`
}

// TransformSchema says that there may be no file.
func (MemoOrigin) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	s.Properties["file"] = &huma.Schema{
		OneOf: []*huma.Schema{s.Properties["file"], {Type: "null"}}, Description: "The original of a document.",
	}
	return s
}

// A file is the original of a document.
type file struct {
	Name     string `json:"name"`
	MIMEType string `json:"mime_type"`
	Size     int64  `json:"size"`
	SHA256   string `json:"sha256"`
}

// A part is a piece of a document as its readers count them.
type part struct {
	Kind   memo.PartKind `json:"kind" enum:"page,slide,sheet,chapter,cell,attachment"`
	Number int           `json:"number" doc:"From 1, among those of its kind."`
	Name   *string       `json:"name"`
	Start  int           `json:"start" doc:"Where it begins in the content, in bytes of UTF-8."`
	End    int           `json:"end"`
}

// An enrichment is one that failed.
type enrichment struct {
	Aspect     memo.Aspect `json:"aspect" enum:"summary,tags,context,questions"`
	ChunkIndex *int        `json:"chunk_index" doc:"Null for aspects of the memo as a whole."`
	Error      string      `json:"error" doc:"Why, in words."`
}

func originOf(m *memo.Memo) MemoOrigin {
	out := MemoOrigin{
		URL: orNull(m.URL), AutoTags: append([]string{}, m.AutoTags...),
		Parts: make([]part, len(m.Parts)), Enrichments: []enrichment{},
	}
	if m.File != nil {
		out.File = &file{m.File.Name, m.File.MIMEType, m.File.Size, m.File.Hash}
	}
	for i, p := range m.Parts {
		out.Parts[i] = part{p.Kind, p.Number, orNull(p.Name), p.Start, p.End}
	}
	for _, e := range m.Enrichments {
		if e.Error == "" {
			continue
		}
		failed := enrichment{Aspect: e.Aspect, Error: e.Error}
		if e.Aspect.OfChunks() {
			failed.ChunkIndex = &e.Chunk
		}
		out.Enrichments = append(out.Enrichments, failed)
	}
	return out
}

const noOriginal = "The memo has no original file"

// findOriginal sends the file. It is a stranger's: a browser is to keep it, never
// to show it under the server's address.
func (s *server) findOriginal(ctx context.Context, in *memoInput) (*reply, error) {
	ref, err := in.ref()
	if err != nil {
		return nil, err
	}
	f, err := s.Originals.FindOriginal(ctx, in.project, ref)
	if err != nil {
		return nil, s.whyNoOriginal(ctx, in, ref, err)
	}
	body, err := s.OpenOriginal(ctx, f.Blob)
	if err != nil {
		return nil, err
	}
	return &reply{func(huma.Context) { serveOriginal(in, f, body) }}, nil
}

// whyNoOriginal tells a memo without a file from no memo.
func (s *server) whyNoOriginal(ctx context.Context, in *memoInput, ref memo.Ref, err error) error {
	if _, _, lost := s.Memos.FindProgress(ctx, in.project, ref); lost != nil {
		return orNotFound(lost, memoNotFound)
	}
	return orNotFound(err, noOriginal)
}

func serveOriginal(in *memoInput, f memo.File, body io.ReadSeekCloser) {
	defer body.Close()
	h := in.w.Header()
	h.Set("Content-Type", harmless(f.MIMEType))
	h.Set("Content-Disposition", attachment(f.Name))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	h.Set("Cache-Control", "private, no-cache")
	h.Set("ETag", `"`+f.Hash+`"`)
	// A file has no date of its own; the tag says whether it is the same.
	http.ServeContent(in.w, in.r, "", time.Time{}, body)
}

// attachment names a file for a browser that keeps it.
func attachment(name string) string {
	if named := mime.FormatMediaType("attachment", map[string]string{"filename": name}); named != "" && name != "" {
		return named
	}
	return "attachment"
}

// harmless returns a media type as it was sent if no program runs what has it,
// else that of any bytes.
func harmless(mimeType string) string {
	kind, _, err := mime.ParseMediaType(mimeType)
	switch {
	case err != nil:
	case strings.HasPrefix(kind, "application/vnd."), strings.HasPrefix(kind, "image/") && kind != "image/svg+xml":
		return kind
	}
	switch kind {
	case "application/pdf", "application/msword", "application/rtf", "application/epub+zip", "application/zip",
		"application/json", "text/plain", "text/markdown", "text/csv", "text/tab-separated-values", "message/rfc822":
		return kind
	}
	return "application/octet-stream"
}

func (s *server) registerOriginal() {
	bytes := map[string]*huma.MediaType{"application/octet-stream": {
		Schema: &huma.Schema{Type: "string", Format: "binary"},
	}}
	register(s, huma.Operation{
		OperationID: "findOriginal", Method: http.MethodGet, Path: memoPath + "/{id}/original", Tags: []string{"memos"},
		Summary: "Download the original file of a memo",
		Description: "As it was sent or loaded, with its name. Ranges may be asked for; the tag of the answer is the " +
			"SHA-256 of the file. HEAD tells its size.",
		Responses: map[string]*huma.Response{
			"200": {Description: "The file.", Content: bytes}, "206": {Description: "A range of it.", Content: bytes},
			"304": {Description: "The client has it already."},
		},
	}, []int{400, 404, 416}, s.findOriginal)
}
