package api

import (
	"context"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"kvasir/internal/api/field"
	"kvasir/internal/fault"
	"kvasir/internal/ingest"
	"kvasir/internal/memo"
)

// maxTags bounds the tags of a memo: each is a row.
const maxTags = 1000

// MemoAttributes are what the two ways of creating a memo share. The name is
// exported because huma documents no other embedded types.
type MemoAttributes struct {
	Source      field.Of[string]            `json:"source" required:"false" nullable:"true" maxLength:"255"`
	ReferenceID field.Of[string]            `json:"reference_id" required:"false" nullable:"true" maxLength:"255"`
	Expires     field.Of[field.Date]        `json:"expiration_date" required:"false"`
	Tags        field.Of[[]string]          `json:"tags" required:"false" maxItems:"1000"`
	Metadata    field.Of[map[string]any]    `json:"metadata" required:"false"`
	Scopes      field.Of[map[string]string] `json:"scopes" required:"false"`
	Processing  field.Of[ProcessingFields]  `json:"processing" required:"false"`
}

// TransformSchema explains the fields.
func (MemoAttributes) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return field.Explain(s,
		"source", "Where the memo came from.",
		"reference_id", "The client's own id; read as client_reference_id. Length in UTF-16 units.",
		"expiration_date", "When the memo leaves retrieval; in the future. Null for never.",
		"tags", "Any texts.",
		"metadata", "Any JSON object; filters see its top-level keys.",
		"scopes", "Texts by name, for filters of type scope.",
		"processing", "How the memo is cut and enriched; what is left out is as the project has it.",
	)
}

// attributes checks them and returns them; they count only without complaints.
func (a *MemoAttributes) attributes(c *field.Complaints) memo.Attributes {
	out := memo.Attributes{
		Source:      field.ShortText(c, "source", a.Source),
		ReferenceID: field.ShortText(c, "reference_id", a.ReferenceID),
		Metadata:    json.RawMessage("{}"),
	}
	if field.CheckNullable(c, "expiration_date", a.Expires) {
		out.Expires = new(time.Time(a.Expires.Value))
	}
	if field.Check(c, "tags", a.Tags) {
		out.Tags = checkTags(c, a.Tags.Value)
	}
	if field.Check(c, "metadata", a.Metadata) {
		out.Metadata = encodeObject(a.Metadata.Value)
	}
	if field.Check(c, "scopes", a.Scopes) {
		out.Scopes = a.Scopes.Value
	}
	return out
}

func checkTags(c *field.Complaints, tags []string) []string {
	if len(tags) > maxTags {
		c.Add("tags", fmt.Sprintf("Array must contain at most %d element(s)", maxTags))
	}
	return tags
}

// encodeObject writes a decoded object in one canonical way: each key once,
// numbers as they were spelled, nothing that a database of UTF-8 refuses.
func encodeObject(object map[string]any) json.RawMessage {
	return field.Encode(object)
}

// A memoCreate is the body of POST /api/v1/memo.
type memoCreate struct {
	Title   field.Of[string] `json:"title" required:"false" minLength:"1" maxLength:"255"`
	Content field.Of[string] `json:"content" required:"false" minLength:"1" doc:"Text or Markdown."`
	URL     field.Of[string] `json:"url" required:"false" nullable:"true" minLength:"1" maxLength:"2048"`
	MemoAttributes
}

// TransformSchema explains the fields, and that there are two forms.
func (m memoCreate) TransformSchema(r huma.Registry, s *huma.Schema) *huma.Schema {
	m.MemoAttributes.TransformSchema(r, s)
	s.OneOf = []*huma.Schema{{Required: []string{"title", "content"}}, {Required: []string{"url"}}}
	return field.Explain(s,
		"title", "Length in UTF-16 units. With url it may be left out: the page gives it.",
		"url", "A page or file on the public web, which the server loads in place of content.",
	)
}

// validate checks the body; checkURL judges an address, in words that name it.
func (m *memoCreate) validate(now time.Time, checkURL func(string) error) (memo.Draft, error) {
	var c field.Complaints
	fromURL := m.URL.Given()
	switch {
	case m.Title.Sent == "" && fromURL:
	case m.Title.Sent == "":
		c.Add("title", "Required")
	case field.Check(&c, "title", m.Title) && m.Title.Value == "":
		c.Add("title", "Title is required")
	case field.TooLong(m.Title.Value):
		c.Add("title", fmt.Sprintf("Title must be %d characters or less", field.MaxUnits))
	}
	switch {
	case fromURL:
		m.checkPage(&c, checkURL)
	case m.Content.Sent == "":
		c.Add("content", "Required")
	case field.Check(&c, "content", m.Content) && m.Content.Value == "":
		c.Add("content", "Content is required")
	}
	d := memo.Draft{Attributes: m.attributes(&c), Content: m.Content.Value, URL: m.URL.Value}
	d.Title, d.Processing = m.Title.Value, m.processing(&c)
	if d.Title == "" {
		d.Title, d.Untitled = field.Cut(d.URL, field.MaxUnits), true
	}
	if d.Expires != nil && !d.Expires.After(now) {
		c.Add("expiration_date", "Expiration date must be in the future")
	}
	return d, c.Err(", ")
}

// checkPage checks the address of a page, beside which there is no content.
func (m *memoCreate) checkPage(c *field.Complaints, checkURL func(string) error) {
	if m.Content.Sent != "" {
		c.Add("content", "Send either content or url, not both")
	}
	if !field.CheckNullable(c, "url", m.URL) {
		return
	}
	if field.IsBlank(m.URL) {
		c.Add("url", "URL is required")
		return
	}
	if err := checkURL(m.URL.Value); err != nil {
		*c = append(*c, fault.Message(err))
	}
}

// A createInput is the input of both ways of creating a memo.
type createInput struct {
	request
	Upsert string `query:"upsert" enum:"true,false" doc:"Replace the memo with this reference_id, if there is one."`
}

func (in *createInput) upsert() (bool, error) {
	if in.Upsert == "" {
		return false, nil
	}
	upsert, err := strconv.ParseBool(in.Upsert)
	if err != nil {
		return false, invalid("upsert must be true or false")
	}
	return upsert, nil
}

// A created is the answer to a new or changed memo.
type created struct {
	OK       bool    `json:"ok"`
	MemoUUID memo.ID `json:"memo_uuid" format:"uuid"`
	Created  *bool   `json:"created,omitempty" doc:"With upsert: whether the memo is new."`
}

// A createOutput says 201 for a new memo and 200 for a replaced one.
type createOutput struct {
	Status int
	Body   created
}

func (s *server) createMemo(ctx context.Context, in *createInput) (*createOutput, error) {
	if err := checkCreateType(in.r); err != nil {
		return nil, err
	}
	var body memoCreate
	if err := decodeBody(&in.request, &body, s.Options.MaxBodyBytes); err != nil {
		return nil, err
	}
	draft, err := body.validate(time.Now(), s.CheckURL)
	if err != nil {
		return nil, err
	}
	return s.store(ctx, in, draft, nil)
}

// store hands a checked memo over.
func (s *server) store(ctx context.Context, in *createInput, d memo.Draft, u *ingest.Upload) (*createOutput, error) {
	upsert, err := in.upsert()
	if err != nil {
		return nil, err
	}
	d.Key = in.key
	if !upsert {
		id, err := s.Intake.Add(ctx, in.project, d, u)
		return &createOutput{http.StatusCreated, created{OK: true, MemoUUID: id}}, err
	}
	if d.ReferenceID == nil || *d.ReferenceID == "" {
		return nil, invalid("reference_id: Required")
	}
	id, isNew, err := s.Intake.Upsert(ctx, in.project, d, u)
	status := http.StatusOK
	if isNew {
		status = http.StatusCreated
	}
	return &createOutput{status, created{OK: true, MemoUUID: id, Created: &isNew}}, err
}

// checkCreateType speaks of both forms that a memo may come in.
func checkCreateType(r *http.Request) error {
	contentType := r.Header.Get("Content-Type")
	if contentType == "" {
		return invalid("Content-Type header is required")
	}
	kind, _, err := mime.ParseMediaType(contentType)
	if err != nil || kind != "application/json" && !strings.HasSuffix(kind, "+json") {
		return invalid("Content-Type must be multipart/form-data or application/json")
	}
	return checkJSONType(contentType)
}

const createExample = `{
	"title": "Travel policy",
	"content": "# Trains\n\nFirst class from four hours on.",
	"reference_id": "policies/travel.md",
	"source": "handbook",
	"tags": ["policy"],
	"metadata": {"year": 2026},
	"scopes": {"team": "all"},
	"expiration_date": "2099-01-01T00:00:00.000Z",
	"processing": {"chunk_words": 180, "enrich": ["summary"]}
}`

func (s *server) registerMemoCreate() {
	either := jsonBody[memoCreate](s, createExample)
	upload := &huma.MediaType{Schema: schemaOf[uploadForm](s)}
	either.Content["multipart/form-data"] = upload
	replaced := map[string]*huma.Response{"200": {
		Description: "With upsert: an older memo was replaced.", Content: jsonAnswer[created](s),
	}}
	register(s, huma.Operation{
		OperationID: "createMemo", Method: http.MethodPost, Path: memoPath, Tags: []string{"memos"},
		Summary: "Create a memo from text, from a page on the web or from a file", RequestBody: either,
		DefaultStatus: http.StatusCreated, Responses: replaced,
		Description: "When this answers, the memo is stored and readable; it becomes searchable in the background.",
	}, []int{400, 413, 415}, s.createMemo)
	register(s, huma.Operation{
		OperationID: "uploadMemo", Method: http.MethodPost, Path: uploadPath, Tags: []string{"memos"},
		Summary: "Create a memo from a file", DefaultStatus: http.StatusCreated, Responses: replaced,
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"multipart/form-data": upload}},
		Description: "`POST /api/v1/memo` takes the same form.",
	}, []int{400, 413}, s.uploadMemo)
}
