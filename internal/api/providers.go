package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// An llmProvider is a configured generator.
type llmProvider struct {
	Provider string `json:"provider" doc:"Its name in rag_config.llm_provider." example:"openai"`
	Label    string `json:"label" example:"OpenAI"`
	Model    string `json:"model" example:"gpt-4o-mini"`
}

type llmProviders struct {
	Providers []llmProvider `json:"providers" nullable:"false"`
}

type providersOutput struct {
	Body llmProviders
}

func (s *server) listProviders(context.Context, *struct{ request }) (*providersOutput, error) {
	list := []llmProvider{}
	for _, p := range s.Assistant.Providers() {
		list = append(list, llmProvider{p.Name, p.Label, p.Model})
	}
	return &providersOutput{llmProviders{list}}, nil
}

func (s *server) registerProviders() {
	register(s, huma.Operation{
		OperationID: "listProviders", Method: http.MethodGet, Path: "/api/v1/config/llm-providers",
		Tags: []string{"server"}, Summary: "List the models that answer", Description: "The default comes first.",
	}, nil, s.listProviders)
}
