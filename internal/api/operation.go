package api

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"reflect"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
)

// describe returns what OpenAPI says of the API as a whole. The version is the
// wire's, not the build's, so the committed description does not change with
// every release.
func describe() huma.Config {
	config := huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title:   "Kvasir",
				Version: "1",
				Description: "Memos in, cited answers out. Send an API key as `Authorization: Bearer sk_proj_…`; " +
					"it speaks for one project. Errors are `{\"error\": \"…\"}`. Unknown keys are ignored.",
				License: &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"},
			},
			Components: &huma.Components{
				Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
				SecuritySchemes: map[string]*huma.SecurityScheme{"apiKey": {
					Type: "http", Scheme: "bearer",
					Description: "`sk_proj_` and 40 hexadecimal digits. `Token` is taken for `Bearer`.",
				}},
			},
			Tags: []*huma.Tag{
				{Name: "memos", Description: "Knowledge: text and documents, made searchable in the background."},
				{Name: "search", Description: "Passages by meaning and by words."},
				{Name: "chat", Description: "Answers from the project's memos, with citations."},
				{Name: "events", Description: "What happens to memos, as it happens."},
				{Name: "usage", Description: "Tokens and money."},
				{Name: "server", Description: "The server itself."},
			},
		},
		Formats:       map[string]huma.Format{"application/json": huma.DefaultJSONFormat},
		DefaultFormat: "application/json",
	}
	config.AllowAdditionalPropertiesByDefault = true
	return config
}

// public marks operations that need no API key.
var public = []map[string][]string{}

// register adds an operation. It documents the request body that op brings,
// which the handler reads and validates itself: huma's words and limits are not
// the wire's. refusals are the statuses it may answer besides the good one.
func register[I, O any](s *server, op huma.Operation, refusals []int,
	handle func(context.Context, *I) (*O, error)) {
	if op.Security == nil {
		op.Security = []map[string][]string{{"apiKey": {}}}
		refusals = append(refusals, http.StatusUnauthorized)
	}
	op.SkipValidateParams, op.SkipValidateBody = true, true
	responses := map[string]*huma.Response{"default": s.refusal("Any other failure.")}
	for _, status := range refusals {
		responses[strconv.Itoa(status)] = s.refusal(http.StatusText(status))
	}
	maps.Copy(responses, op.Responses)
	op.Responses = responses

	body := op.RequestBody
	if body != nil {
		op.RequestBody = new(huma.RequestBody) // filled below: huma reads bodies that it knows
	}
	huma.Register(s.api, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := handle(ctx, in)
		if err != nil {
			return nil, s.fail(ctx, err)
		}
		return out, nil
	})
	if body != nil {
		*op.RequestBody = *body
	}
}

func (s *server) refusal(description string) *huma.Response {
	return &huma.Response{Description: description, Content: map[string]*huma.MediaType{
		"application/json": {Schema: schemaOf[failure](s)},
	}}
}

// jsonBody documents a body of type T, with an example in JSON.
func jsonBody[T any](s *server, example string) *huma.RequestBody {
	return &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
		"application/json": {Schema: schemaOf[T](s), Example: json.RawMessage(example)},
	}}
}

// jsonAnswer documents a good answer of type T.
func jsonAnswer[T any](s *server) map[string]*huma.MediaType {
	return map[string]*huma.MediaType{"application/json": {Schema: schemaOf[T](s)}}
}

func schemaOf[T any](s *server) *huma.Schema {
	return s.api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[T](), true, "")
}
