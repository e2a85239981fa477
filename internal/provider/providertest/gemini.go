package providertest

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// geminiStatuses are Google's names of statuses.
var geminiStatuses = map[int]string{
	400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND",
	429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED",
}

// complainGemini is how Gemini complains: the wait is in the body.
func complainGemini(status int, message string, wait time.Duration) string {
	body := object{"code": status, "message": message, "status": cmp.Or(geminiStatuses[status], "UNKNOWN")}
	if wait > 0 {
		body["details"] = []object{{
			"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": fmt.Sprintf("%.3fs", wait.Seconds()),
		}}
	}
	return text(object{"error": body})
}

// gemini serves the two methods of a model.
func (s *Server) gemini() http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		model, method, _ := strings.Cut(r.PathValue("call"), ":")
		switch {
		case method == "batchEmbedContents":
			s.handle(Embed, complainGemini, func(body []byte) (call, error) { return readContents(body, model) })(w, r)
		case method == "streamGenerateContent" && r.URL.Query().Get("alt") == "sse":
			s.handle(Chat, complainGemini, func(body []byte) (call, error) { return readGeneration(body, model) })(w, r)
		default:
			refuse(w, http.StatusNotFound, complainGemini(http.StatusNotFound, "no such method: "+r.URL.String(), 0))
		}
	}
}

// A content is a turn, or a text to embed.
type content struct {
	Parts []struct {
		Text string `json:"text"`
	} `json:"parts"`
}

// String returns the texts.
func (c *content) String() string {
	var all strings.Builder
	for _, part := range c.Parts {
		all.WriteString(part.Text)
	}
	return all.String()
}

// readContents reads Gemini's requests to embed.
func readContents(body []byte, model string) (call, error) {
	var in struct {
		Requests []struct {
			Model      string  `json:"model"`
			Content    content `json:"content"`
			TaskType   string  `json:"taskType"`
			Dimensions int     `json:"outputDimensionality"`
		} `json:"requests"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return call{}, fmt.Errorf("read the request: %w", err)
	}
	if len(in.Requests) == 0 {
		return call{}, errors.New("BatchEmbedContentsRequest.requests: is empty")
	}
	c := call{Request: Request{Model: model, Input: in.Requests[0].TaskType, Dimensions: in.Requests[0].Dimensions}}
	for _, r := range in.Requests {
		if r.Model != "models/"+model || len(r.Content.Parts) == 0 {
			return call{}, fmt.Errorf("a request to embed is for %q or empty", r.Model)
		}
		c.Texts = append(c.Texts, r.Content.String())
	}
	c.document = func(o Options, a Action) any {
		vectors := make([]object, 0, len(c.Texts))
		for _, t := range c.Texts {
			vectors = append(vectors, object{"values": Embedding(t, cmp.Or(c.Dimensions, o.Dimensions))})
		}
		if a.Fault == Missing {
			vectors = vectors[1:]
		}
		return object{"embeddings": vectors}
	}
	return c, nil
}

// readGeneration reads Gemini's requests for a streamed answer.
func readGeneration(body []byte, model string) (call, error) {
	var in struct {
		System   content   `json:"systemInstruction"`
		Contents []content `json:"contents"`
		Config   struct {
			Format string          `json:"responseMimeType"`
			Schema json.RawMessage `json:"responseJsonSchema"`
		} `json:"generationConfig"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return call{}, fmt.Errorf("read the request: %w", err)
	}
	if len(in.Contents) == 0 {
		return call{}, errors.New("GenerateContentRequest.contents: contents is not specified")
	}
	c := call{Request: Request{Model: model, Stream: true, Format: in.Config.Format, Schema: string(in.Config.Schema)}}
	if system := in.System.String(); system != "" {
		c.Texts = append(c.Texts, system)
	}
	for _, turn := range in.Contents {
		c.Texts = append(c.Texts, turn.String())
	}
	c.tokens = c.answer()
	c.voice = c.gemini()
	return c, nil
}

func (c *call) gemini() voice {
	event := func(piece, reason string, written int) string {
		candidate := object{"index": 0, "content": object{"role": "model", "parts": []object{{"text": piece}}}}
		usage := object{"promptTokenCount": c.read(), "totalTokenCount": c.read() + written}
		if reason != "" {
			candidate["finishReason"] = reason
			usage["candidatesTokenCount"] = written
		}
		return "data: " + text(object{
			"candidates": []object{candidate}, "usageMetadata": usage, "modelVersion": c.Model,
		}) + "\r\n\r\n"
	}
	return voice{
		token:  func(piece string) string { return event(piece, "", 0) },
		finish: func(tokens int) []string { return []string{event("", "STOP", tokens)} },
		half:   `data: {"candidates": [{"content": {"pa` + "\r\n\r\n",
		report: func(body string) string { return "data: " + body + "\r\n\r\n" },
	}
}
