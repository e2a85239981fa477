package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"kvasir/internal/api/field"
	"kvasir/internal/memo"
)

const processingPath = "/api/v1/processing"

// ProcessingFields say how memos are cut and enriched. The name is exported
// because huma documents no other embedded types.
type ProcessingFields struct {
	ChunkWords field.Of[int]      `json:"chunk_words" required:"false" nullable:"true" minimum:"20" maximum:"2000"`
	Enrich     field.Of[[]string] `json:"enrich" required:"false" nullable:"true" enum:"summary,tags,context,questions"`
}

// TransformSchema explains the fields.
func (ProcessingFields) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return field.Explain(s,
		"chunk_words", "About how many words a chunk has.",
		"enrich", "What a model writes: summary and tags of the memo, context and questions of each chunk. "+
			"An empty list is for nothing.",
	)
}

// check returns the settings; they count only without complaints. The prefix is
// where in the body they stand.
func (f *ProcessingFields) check(c *field.Complaints, prefix string) memo.Processing {
	var p memo.Processing
	if name := prefix + "chunk_words"; field.CheckNullable(c, name, f.ChunkWords) {
		switch p.ChunkWords = f.ChunkWords.Value; {
		case p.ChunkWords < memo.MinChunkWords:
			c.Add(name, fmt.Sprintf("Number must be greater than or equal to %d", memo.MinChunkWords))
		case p.ChunkWords > memo.MaxChunkWords:
			c.Add(name, fmt.Sprintf("Number must be less than or equal to %d", memo.MaxChunkWords))
		}
	}
	if name := prefix + "enrich"; field.CheckNullable(c, name, f.Enrich) {
		p.Enrich = checkAspects(c, name, f.Enrich.Value)
	}
	return p
}

// checkAspects returns the named aspects, each once, in their order; never nil.
func checkAspects(c *field.Complaints, name string, names []string) []memo.Aspect {
	wanted := []memo.Aspect{}
	for _, a := range memo.Aspects() {
		if slices.Contains(names, string(a)) {
			wanted = append(wanted, a)
		}
	}
	for _, n := range names {
		if !slices.Contains(memo.Aspects(), memo.Aspect(n)) {
			c.Add(name, fmt.Sprintf("Expected summary, tags, context or questions, received %q", field.Cut(n, maxFileNameUnits)))
			break
		}
	}
	return wanted
}

// processing checks how a new memo is to be processed.
func (a *MemoAttributes) processing(c *field.Complaints) memo.Processing {
	if !field.Check(c, "processing", a.Processing) {
		return memo.Processing{}
	}
	return a.Processing.Value.check(c, "processing.")
}

// A processing is how a project's memos are processed unless they say otherwise.
type processing struct {
	ChunkWords *int          `json:"chunk_words" doc:"Null for the server's default."`
	Enrich     []memo.Aspect `json:"enrich" nullable:"false" enum:"summary,tags,context,questions"`
}

type processingOutput struct {
	Body processing
}

func processingOf(p memo.Processing) *processingOutput {
	out := processing{Enrich: append([]memo.Aspect{}, p.Enrich...)}
	if p.ChunkWords > 0 {
		out.ChunkWords = &p.ChunkWords
	}
	return &processingOutput{out}
}

func (s *server) findProcessing(ctx context.Context, in *struct{ request }) (*processingOutput, error) {
	p, err := s.Processing(ctx, in.project)
	if err != nil {
		return nil, err
	}
	return processingOf(p), nil
}

// setProcessing replaces all settings: what the body leaves out is as the server
// has it.
func (s *server) setProcessing(ctx context.Context, in *struct{ request }) (*processingOutput, error) {
	var body ProcessingFields
	if err := s.decodeJSON(&in.request, &body); err != nil {
		return nil, err
	}
	var c field.Complaints
	p := body.check(&c, "")
	if err := c.Err(", "); err != nil {
		return nil, err
	}
	if err := s.SetProcessing(ctx, in.project, p); err != nil {
		return nil, err
	}
	return processingOf(p), nil
}

// An enrichBody is the body of POST /api/v1/memo/{id}/enrich.
type enrichBody struct {
	Aspects field.Of[[]string] `json:"aspects" enum:"summary,tags,context,questions"`
}

func (b *enrichBody) validate() ([]memo.Aspect, error) {
	var c field.Complaints
	var aspects []memo.Aspect
	switch {
	case b.Aspects.Sent == "":
		c.Add("aspects", "Required")
	case field.Check(&c, "aspects", b.Aspects):
		if aspects = checkAspects(&c, "aspects", b.Aspects.Value); len(aspects) == 0 && len(c) == 0 {
			c.Add("aspects", "Array must contain at least 1 element(s)")
		}
	}
	return aspects, c.Err(", ")
}

func (s *server) enrichMemo(ctx context.Context, in *memoInput) (*changedOutput, error) {
	ref, err := in.ref()
	if err != nil {
		return nil, err
	}
	var body enrichBody
	if err := s.decodeJSON(&in.request, &body); err != nil {
		return nil, err
	}
	aspects, err := body.validate()
	if err != nil {
		return nil, err
	}
	return changed(s.Editor.Enrich(ctx, in.project, ref, aspects))
}

const processingExample = `{"chunk_words": 180, "enrich": ["summary", "tags"]}`

func (s *server) registerProcessing() {
	register(s, huma.Operation{
		OperationID: "findProcessing", Method: http.MethodGet, Path: processingPath, Tags: []string{"memos"},
		Summary: "Read how memos are cut and enriched", Description: "Unless a memo says otherwise.",
	}, nil, s.findProcessing)
	register(s, huma.Operation{
		OperationID: "setProcessing", Method: http.MethodPut, Path: processingPath, Tags: []string{"memos"},
		Summary: "Set how memos are cut and enriched", RequestBody: jsonBody[ProcessingFields](s, processingExample),
		Description: "For memos that are added or changed from now on. What is left out is as the server has it.",
	}, []int{400, 413, 415}, s.setProcessing)
	register(s, huma.Operation{
		OperationID: "enrichMemo", Method: http.MethodPost, Path: memoPath + "/{id}/enrich", Tags: []string{"memos"},
		Summary: "Have a model write about a memo", RequestBody: jsonBody[enrichBody](s, `{"aspects": ["summary"]}`),
		DefaultStatus: http.StatusAccepted,
		Description:   "Anew, if it has done so before. The memo stays searchable meanwhile.",
	}, []int{400, 402, 404, 409, 413, 415}, s.enrichMemo)
}
