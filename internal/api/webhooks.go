package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"kvasir/internal/account"
	"kvasir/internal/api/field"
	"kvasir/internal/event"
)

// Webhooks keeps the addresses that are told of events, and tells them.
type Webhooks interface {
	// Create checks the address and makes the secret.
	Create(ctx context.Context, p account.ProjectID, url string, kinds []event.Kind) (event.Webhook, error)
	List(ctx context.Context, p account.ProjectID) ([]event.Webhook, error)
	Delete(ctx context.Context, p account.ProjectID, id event.WebhookID) error
	// Test sends an event that is none, at once and without a second try.
	Test(ctx context.Context, p account.ProjectID, id event.WebhookID) error
}

const (
	webhookPath = "/api/v1/webhooks"

	webhookNotFound = "Webhook not found"
)

// A WebhookDetail is an address that is told of events.
type WebhookDetail struct {
	ID          event.WebhookID `json:"id" format:"uuid"`
	URL         string          `json:"url"`
	Kinds       []event.Kind    `json:"kinds" nullable:"false" doc:"What it is told of; empty for everything."`
	CreatedAt   stamp           `json:"created_at"`
	Cursor      int64           `json:"cursor" doc:"The id of the last event that it has taken."`
	LastTakenAt *stamp          `json:"last_taken_at" nullable:"true"`
	Attempts    int             `json:"attempts" doc:"How often the next event has failed to reach it."`
	NextAttempt *stamp          `json:"next_attempt" nullable:"true"`
	LastError   *string         `json:"last_error" doc:"Why the last attempt failed."`
	Paused      bool            `json:"paused" doc:"It is told no more until a test succeeds."`
}

func (s *server) webhookOf(w *event.Webhook) WebhookDetail {
	out := WebhookDetail{
		ID: w.ID, URL: w.URL, Kinds: append([]event.Kind{}, w.Kinds...), CreatedAt: stamp(w.Created),
		Cursor: w.Cursor, Attempts: w.Attempt, LastError: orNull(w.LastError), Paused: s.WebhookPaused(w.Delivery),
	}
	if !w.LastTaken.IsZero() {
		out.LastTakenAt = new(stamp(w.LastTaken))
	}
	if !out.Paused && w.Attempt > 0 && !w.NotBefore.IsZero() {
		out.NextAttempt = new(stamp(w.NotBefore))
	}
	return out
}

// A webhookCreated is a new webhook. Its secret is told this once.
type webhookCreated struct {
	WebhookDetail
	Secret string `json:"secret" doc:"Signs what is sent. It is not shown again."`
}

// A webhookCreate is the body of POST /api/v1/webhooks.
type webhookCreate struct {
	URL   field.Of[string]   `json:"url" minLength:"1" doc:"Where events are posted to."`
	Kinds field.Of[[]string] `json:"kinds" required:"false" nullable:"true"`
}

// TransformSchema explains the fields.
func (webhookCreate) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	for _, kind := range event.Kinds() {
		s.Properties["kinds"].Items.Enum = append(s.Properties["kinds"].Items.Enum, string(kind))
	}
	return field.Explain(s, "kinds", "What it is told of; nothing or an empty list for everything.")
}

func (b *webhookCreate) validate() (kinds []event.Kind, err error) {
	var c field.Complaints
	switch {
	case b.URL.Sent == "":
		c.Add("url", "Required")
	case field.Check(&c, "url", b.URL) && field.IsBlank(b.URL):
		c.Add("url", "URL is required")
	}
	if field.CheckNullable(&c, "kinds", b.Kinds) {
		for _, name := range b.Kinds.Value {
			kind := event.Kind(name)
			if !slices.Contains(event.Kinds(), kind) {
				c.Add("kinds", fmt.Sprintf("There is no event %q", field.Cut(name, maxFileNameUnits)))
				break
			}
			if !slices.Contains(kinds, kind) {
				kinds = append(kinds, kind)
			}
		}
	}
	return kinds, c.Err(", ")
}

// A webhookInput names a webhook.
type webhookInput struct {
	request
	ID string `path:"id" doc:"The webhook's id." example:"0197a1f2-2f57-7c3e-9d51-6b0f7a1c2d3e"`
}

// id checks the name. What cannot be an id is the id of nothing.
func (in *webhookInput) id() (event.WebhookID, error) {
	id := strings.ToLower(in.ID)
	if !uuidForm.MatchString(id) {
		return "", &failure{webhookNotFound, http.StatusNotFound}
	}
	return event.WebhookID(id), nil
}

// A webhookList is all webhooks of a project: they are few.
type webhookList struct {
	Results []WebhookDetail `json:"results" nullable:"false"`
}

type (
	webhookOutput        struct{ Body WebhookDetail }
	webhookCreatedOutput struct{ Body webhookCreated }
	webhookListOutput    struct{ Body webhookList }
	okOutput             struct{ Body acknowledged }
)

// An acknowledged says that something was done.
type acknowledged struct {
	OK bool `json:"ok"`
}

func (s *server) createWebhook(ctx context.Context, in *struct{ request }) (*webhookCreatedOutput, error) {
	var body webhookCreate
	if err := s.decodeJSON(&in.request, &body); err != nil {
		return nil, err
	}
	kinds, err := body.validate()
	if err != nil {
		return nil, err
	}
	w, err := s.Webhooks.Create(ctx, in.project, body.URL.Value, kinds)
	if err != nil {
		return nil, err
	}
	return &webhookCreatedOutput{webhookCreated{s.webhookOf(&w), w.Secret}}, nil
}

func (s *server) listWebhooks(ctx context.Context, in *struct{ request }) (*webhookListOutput, error) {
	list, err := s.Webhooks.List(ctx, in.project)
	if err != nil {
		return nil, err
	}
	out := webhookList{make([]WebhookDetail, len(list))}
	for i := range list {
		out.Results[i] = s.webhookOf(&list[i])
	}
	return &webhookListOutput{out}, nil
}

func (s *server) findWebhook(ctx context.Context, in *webhookInput) (*webhookOutput, error) {
	id, err := in.id()
	if err != nil {
		return nil, err
	}
	list, err := s.listWebhooks(ctx, &struct{ request }{in.request})
	if err != nil {
		return nil, err
	}
	for _, w := range list.Body.Results {
		if w.ID == id {
			return &webhookOutput{w}, nil
		}
	}
	return nil, &failure{webhookNotFound, http.StatusNotFound}
}

func (s *server) deleteWebhook(ctx context.Context, in *webhookInput) (*struct{}, error) {
	id, err := in.id()
	if err != nil {
		return nil, err
	}
	return nil, orNotFound(s.Webhooks.Delete(ctx, in.project, id), webhookNotFound)
}

func (s *server) testWebhook(ctx context.Context, in *webhookInput) (*okOutput, error) {
	id, err := in.id()
	if err != nil {
		return nil, err
	}
	if err := s.Webhooks.Test(ctx, in.project, id); err != nil {
		return nil, orNotFound(err, webhookNotFound)
	}
	return &okOutput{acknowledged{true}}, nil
}

const webhookExample = `{"url": "https://example.com/kvasir", "kinds": ["memo.processed", "memo.failed"]}`

func (s *server) registerWebhooks() {
	tags := []string{"events"}
	register(s, huma.Operation{
		OperationID: "listWebhooks", Method: http.MethodGet, Path: webhookPath, Tags: tags,
		Summary: "List webhooks",
	}, nil, s.listWebhooks)
	register(s, huma.Operation{
		OperationID: "createWebhook", Method: http.MethodPost, Path: webhookPath, Tags: tags,
		Summary: "Have events posted to an address", RequestBody: jsonBody[webhookCreate](s, webhookExample),
		DefaultStatus: http.StatusCreated,
		Description: "From now on, in their order, each at least once: what fails is sent again. The `secret` signs " +
			"them; it is in this answer only.",
	}, []int{400, 409, 413, 415}, s.createWebhook)
	register(s, huma.Operation{
		OperationID: "findWebhook", Method: http.MethodGet, Path: webhookPath + "/{id}", Tags: tags,
		Summary: "Read a webhook", Description: "How far it has been told, and why not further.",
	}, []int{404}, s.findWebhook)
	register(s, huma.Operation{
		OperationID: "deleteWebhook", Method: http.MethodDelete, Path: webhookPath + "/{id}", Tags: tags,
		Summary: "Delete a webhook",
	}, []int{404}, s.deleteWebhook)
	register(s, huma.Operation{
		OperationID: "testWebhook", Method: http.MethodPost, Path: webhookPath + "/{id}/test", Tags: tags,
		Summary: "Send a webhook a test event", Description: "Once, now. An error says what its address answered.",
	}, []int{400, 404, 503}, s.testWebhook)
}
