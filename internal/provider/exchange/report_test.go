package exchange

import (
	"strings"
	"testing"
	"unicode/utf8"

	"kvasir/internal/llm"
)

// Bodies are as the vendors send them, shortened.
func TestReportsOfVendors(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, body string
		status     int
		class      llm.Class
		message    string
	}{
		{
			"OpenAI, wrong key",
			`{"error": {"message": "Incorrect API key provided", "type": "invalid_request_error", "code": "invalid_api_key"}}`,
			401, llm.ClassDeadKey, "Incorrect API key provided",
		},
		{
			"OpenAI, empty account",
			`{"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}`,
			429, llm.ClassDeadKey, "You exceeded your current quota",
		},
		{
			"OpenAI, throttled",
			`{"error": {"message": "Rate limit reached on tokens per min", "type": "tokens", "code": "rate_limit_exceeded"}}`,
			429, llm.ClassThrottled, "Rate limit reached on tokens per min",
		},
		{
			"OpenAI, larger than a minute",
			`{"error": {"message": "Request too large: Limit 30000, Requested 90000", "code": "rate_limit_exceeded"}}`,
			429, llm.ClassTooLong, "Request too large: Limit 30000, Requested 90000",
		},
		{
			"OpenAI, context",
			`{"error": {"message": "This model's maximum context length is 8192 tokens", "code": null}}`,
			400, llm.ClassTooLong, "This model's maximum context length is 8192 tokens",
		},
		{
			"OpenAI, batch",
			`{"error": {"message": "Requested 312345 tokens, max 300000 tokens per request", "code": "max_tokens_per_request"}}`,
			400, llm.ClassTooLong, "Requested 312345 tokens, max 300000 tokens per request",
		},
		{"Ollama, no model", `{"error": "model \"llama9\" not found"}`, 404, llm.ClassBadRequest, `model "llama9" not found`},
		{
			"vLLM, old form", `{"object": "error", "message": "bad n", "type": "BadRequestError", "code": 400}`, 400,
			llm.ClassBadRequest, "bad n",
		},
		{
			"llama.cpp", `{"error": {"code": 500, "message": "input is too large to process", "type": "server_error"}}`, 500,
			llm.ClassTooLong, "input is too large to process",
		},
		{"Voyage", `{"detail": "Provided API key is invalid."}`, 401, llm.ClassDeadKey, "Provided API key is invalid."},
		{
			"FastAPI", `{"detail": [{"loc": ["body"], "msg": "field required", "type": "missing"}]}`, 422, llm.ClassBadRequest,
			"field required",
		},
		{
			"no credit", `{"error": {"message": "Insufficient credits", "code": 402}}`, 402, llm.ClassDeadKey,
			"Insufficient credits",
		},
		{"a region that is not served", `{}`, 403, llm.ClassDeadKey, "{}"},
		{"a proxy", "<html>\r\n<b>502</b>\n</html>", 502, llm.ClassSick, "<html> <b>502</b> </html>"},
		{"a body over the proxy's limit", "", 413, llm.ClassTooLong, ""},
		{"a time-out", `{"error": null, "message": "slow"}`, 408, llm.ClassSick, "slow"},
		{"a conflict", `{"error": true, "message": "busy"}`, 409, llm.ClassSick, "busy"},
		{"overloaded", `{"error": {"message": 7}}`, 529, llm.ClassSick, `{"error": {"message": 7}}`},
		{"a teapot", `[]`, 418, llm.ClassBadRequest, `[]`},
	}
	e := NewEndpoint(Config{Provider: "test"})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := readReport([]byte(tt.body))
			if got := r.class(tt.status); got != tt.class {
				t.Errorf("class of %s with %d = %q, want %q", tt.body, tt.status, got, tt.class)
			}
			if got := e.clean(r.message); got != tt.message {
				t.Errorf("message of %s = %q, want %q", tt.body, got, tt.message)
			}
		})
	}
}

func TestReportsInsideStreams(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, event, data string
		want              llm.Class
	}{
		{"a delta", "", `{"choices": [{"delta": {"content": "an \"error\" occurred"}}]}`, ""},
		{"no error", "", `{"error": null, "choices": []}`, ""},
		{"overload", "", `{"error": {"message": "Overloaded", "type": "server_error"}}`, llm.ClassSick},
		{"a number", "", `{"error": {"message": "slow down", "code": 429}}`, llm.ClassThrottled},
		{"a code", "", `{"error": {"message": "slow down", "code": "rate_limit_exceeded"}}`, llm.ClassThrottled},
		{"quota", "", `{"error": {"message": "pay", "type": "insufficient_quota"}}`, llm.ClassDeadKey},
		{"context", "", `{"error": {"message": "long", "code": "context_length_exceeded"}}`, llm.ClassTooLong},
		{"a mistake", "", `{"error": {"message": "no", "type": "invalid_request_error"}}`, llm.ClassBadRequest},
		{"by the event's name", "error", `{"message": "gone", "code": 503}`, llm.ClassSick},
		{"no JSON at all", "error", `gone`, llm.ClassSick},
	}
	e := NewEndpoint(Config{Provider: "test"})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := llm.ClassOf(e.reported(Event{tt.event, []byte(tt.data)})); got != tt.want {
				t.Errorf("class of %s = %q, want %q", tt.data, got, tt.want)
			}
		})
	}
}

func TestMessagesHoldNoKeys(t *testing.T) {
	t.Parallel()
	e := NewEndpoint(Config{Provider: "test", Key: " secret+key/1 \n"})
	tests := []struct{ in, want string }{
		{"key secret+key/1 is wrong", "key *** is wrong"},
		{"Incorrect API key provided: sk-proj-abc***xyz. See", "Incorrect API key provided: *** See"},
		{`{"auth":"Bearer abcdef"}`, `{"auth":"***"}`},
		{"pa-AbCdEf123456 is unknown", "*** is unknown"},
		{"the task-list of 3 tokens", "the task-list of 3 tokens"},
		{"line\x00one\r\nline\ttwo\x1b[31m", "line one line two [31m"},
		{"bad \xff byte", "bad byte"},
	}
	for _, tt := range tests {
		if got := e.clean(tt.in); got != tt.want {
			t.Errorf("clean(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
	long := e.clean(strings.Repeat("ä", maxMessage))
	if !utf8.ValidString(long) || len(long) > maxMessage+len("…") || !strings.HasSuffix(long, "ä…") {
		t.Errorf("clean(a long text) = %d bytes that end in %q", len(long), long[len(long)-6:])
	}
}
