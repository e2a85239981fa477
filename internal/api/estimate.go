package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"kvasir/internal/account"
	"kvasir/internal/api/field"
	"kvasir/internal/memo"
)

// maxSamples bounds the texts of an estimate; their bytes are bounded as every
// body's are.
const maxSamples = 1000

// An Estimator says what an import would take.
type Estimator func(ctx context.Context, p account.ProjectID, plan Plan) Estimate

// A Plan is an import that is thought of.
type Plan struct {
	Samples []string // texts, or parts of them
	Bytes   int64    // of all texts; at least those of the samples
	Memos   int
	// Processing is what the plan says of it; the rest is as the project has it.
	Processing memo.Processing
}

// An Estimate is what an import would take. What is not known is null.
type Estimate struct {
	Memos    int      `json:"memos"`
	Tokens   int64    `json:"tokens" doc:"That are embedded."`
	Requests int64    `json:"requests" doc:"To embed them."`
	Cost     float64  `json:"cost" doc:"In dollars, of everything."`
	Seconds  *float64 `json:"seconds" doc:"Until all can be found, with what waits already; null if not known."`
	Lane     *string  `json:"lane" doc:"What would embed it, such as openai/text-embedding-3-small; null for nothing."`
	Note     *string  `json:"note" doc:"What the figures rest on."`

	Enrichment *Writing `json:"enrichment,omitempty" doc:"What a model would write; missing if nothing."`
}

// A Writing is what it would take to have a model write about memos.
type Writing struct {
	Requests     int64   `json:"requests"`
	InputTokens  int64   `json:"input_tokens"`
	CachedTokens int64   `json:"cached_tokens" doc:"Those of the input that the provider keeps from request to request."`
	OutputTokens int64   `json:"output_tokens"`
	Cost         float64 `json:"cost" doc:"In dollars."`
	Lane         string  `json:"lane"`
}

// An estimateBody is the body of POST /api/v1/usage/estimate.
type estimateBody struct {
	Texts field.Of[[]string] `json:"texts" required:"false" maxItems:"1000"`
	Bytes field.Of[float64]  `json:"bytes" required:"false" nullable:"true" minimum:"0" maximum:"1e15"`
	Memos field.Of[int]      `json:"memos" required:"false" nullable:"true" minimum:"0" maximum:"1000000000"`
	ProcessingFields
}

// TransformSchema explains the fields.
func (b estimateBody) TransformSchema(r huma.Registry, s *huma.Schema) *huma.Schema {
	b.ProcessingFields.TransformSchema(r, s)
	return field.Explain(s,
		"texts", "Samples of what would be added, spread over all of it. Nothing of them is kept.",
		"bytes", "Of all texts, in UTF-8. By default those of the samples.",
		"memos", "How many memos it would be. By default as many as there are samples.",
	)
}

const maxPlanBytes = 1e15

func (b *estimateBody) validate() (Plan, error) {
	var c field.Complaints
	var p Plan
	if field.Check(&c, "texts", b.Texts) {
		p.Samples = b.Texts.Value
		if len(p.Samples) > maxSamples {
			c.Add("texts", "Array must contain at most 1000 element(s)")
		}
	}
	for _, text := range p.Samples {
		p.Bytes += int64(len(text))
	}
	p.Memos = len(p.Samples)
	if field.CheckNullable(&c, "bytes", b.Bytes) {
		bytes := b.Bytes.Value
		switch {
		case bytes != float64(int64(bytes)):
			c.Add("bytes", field.Expected("integer", "float"))
		case bytes < 0:
			c.Add("bytes", "Number must be greater than or equal to 0")
		case bytes > maxPlanBytes:
			c.Add("bytes", "Number must be less than or equal to 1000000000000000")
		default:
			p.Bytes = max(p.Bytes, int64(bytes))
		}
	}
	if field.CheckNullable(&c, "memos", b.Memos) {
		switch p.Memos = b.Memos.Value; {
		case p.Memos < 0:
			c.Add("memos", "Number must be greater than or equal to 0")
		case p.Memos > maxPage:
			c.Add("memos", "Number must be less than or equal to 1000000000")
		}
	}
	p.Processing = b.ProcessingFields.check(&c, "")
	return p, c.Err(", ")
}

type estimateOutput struct {
	Body Estimate
}

func (s *server) estimate(ctx context.Context, in *struct{ request }) (*estimateOutput, error) {
	var body estimateBody
	if err := s.decodeLong(&in.request, &body); err != nil {
		return nil, err
	}
	plan, err := body.validate()
	if err != nil {
		return nil, err
	}
	return &estimateOutput{s.Estimate(ctx, in.project, plan)}, nil
}

const estimateExample = `{"texts": ["# Trains\n\nFirst class from four hours on."], "bytes": 4200000, "memos": 900,
	"chunk_words": 180, "enrich": ["summary"]}`

func (s *server) registerEstimate() {
	register(s, huma.Operation{
		OperationID: "estimateUsage", Method: http.MethodPost, Path: usagePath + "/estimate", Tags: []string{"usage"},
		Summary:     "Estimate an import",
		RequestBody: jsonBody[estimateBody](s, estimateExample),
		Description: "What it would cost to add texts, and how long it would take. Nothing is added.",
	}, []int{400, 413, 415}, s.estimate)
}
