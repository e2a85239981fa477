package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"kvasir/internal/memo"
)

const processingPath = "/api/v1/processing"

// ProcessingFields say how memos are cut and enriched. The name is exported
// because huma documents no other embedded types.
type ProcessingFields struct {
	ChunkWords field[int]      `json:"chunk_words" required:"false" nullable:"true" minimum:"20" maximum:"2000"`
	Enrich     field[[]string] `json:"enrich" required:"false" nullable:"true" enum:"summary,tags,context,questions"`
}

// TransformSchema explains the fields.
func (ProcessingFields) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return explain(s,
		"chunk_words", "About how many words a chunk has.",
		"enrich", "What a model writes: summary and tags of the memo, context and questions of each chunk. "+
			"An empty list is for nothing.",
	)
}

// check returns the settings; they count only without complaints. The prefix is
// where in the body they stand.
func (f *ProcessingFields) check(c *complaints, prefix string) memo.Processing {
	var p memo.Processing
	if name := prefix + "chunk_words"; checkNullable(c, name, f.ChunkWords) {
		switch p.ChunkWords = f.ChunkWords.value; {
		case p.ChunkWords < memo.MinChunkWords:
			c.add(name, fmt.Sprintf("Number must be greater than or equal to %d", memo.MinChunkWords))
		case p.ChunkWords > memo.MaxChunkWords:
			c.add(name, fmt.Sprintf("Number must be less than or equal to %d", memo.MaxChunkWords))
		}
	}
	if name := prefix + "enrich"; checkNullable(c, name, f.Enrich) {
		p.Enrich = checkAspects(c, name, f.Enrich.value)
	}
	return p
}

// checkAspects returns the named aspects, each once, in their order; never nil.
func checkAspects(c *complaints, name string, names []string) []memo.Aspect {
	wanted := []memo.Aspect{}
	for _, a := range memo.Aspects() {
		if slices.Contains(names, string(a)) {
			wanted = append(wanted, a)
		}
	}
	for _, n := range names {
		if !slices.Contains(memo.Aspects(), memo.Aspect(n)) {
			c.add(name, fmt.Sprintf("Expected summary, tags, context or questions, received %q", cut(n, maxFileNameUnits)))
			break
		}
	}
	return wanted
}

// processing checks how a new memo is to be processed.
func (a *MemoAttributes) processing(c *complaints) memo.Processing {
	if !check(c, "processing", a.Processing) {
		return memo.Processing{}
	}
	return a.Processing.value.check(c, "processing.")
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
	var c complaints
	p := body.check(&c, "")
	if err := c.err(", "); err != nil {
		return nil, err
	}
	if err := s.SetProcessing(ctx, in.project, p); err != nil {
		return nil, err
	}
	return processingOf(p), nil
}

// An enrichBody is the body of POST /api/v1/memo/{id}/enrich.
type enrichBody struct {
	Aspects field[[]string] `json:"aspects" enum:"summary,tags,context,questions"`
}

func (b *enrichBody) validate() ([]memo.Aspect, error) {
	var c complaints
	var aspects []memo.Aspect
	switch {
	case b.Aspects.sent == "":
		c.add("aspects", "Required")
	case check(&c, "aspects", b.Aspects):
		if aspects = checkAspects(&c, "aspects", b.Aspects.value); len(aspects) == 0 && len(c) == 0 {
			c.add("aspects", "Array must contain at least 1 element(s)")
		}
	}
	return aspects, c.err(", ")
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
