package exchange

import (
	"net/url"
	"strings"
	"testing"
	"time"
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
		{
			"Anthropic, throttled",
			`{"type": "error", "error": {"type": "rate_limit_error", "message": "would exceed your rate limit"}}`,
			429, llm.ClassThrottled, "would exceed your rate limit",
		},
		{
			"Anthropic, overloaded", `{"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}`,
			529, llm.ClassSick, "Overloaded",
		},
		{
			"Anthropic, too long", `{"type": "error", "error": {"type": "invalid_request_error", "message": ` +
				`"prompt is too long: 213462 tokens > 200000 maximum"}}`,
			400, llm.ClassTooLong, "prompt is too long: 213462 tokens > 200000 maximum",
		},
		{
			"Anthropic, with the answer too long", `{"error": {"type": "invalid_request_error", "message": ` +
				`"input length and max_tokens exceed context limit: 1 + 2 > 3"}}`,
			400, llm.ClassTooLong, "input length and max_tokens exceed context limit: 1 + 2 > 3",
		},
		{
			"Anthropic, large", `{"type": "error", "error": {"type": "request_too_large", "message": "large"}}`,
			413, llm.ClassTooLong, "large",
		},
		{
			"Anthropic, wrong key", `{"error": {"type": "authentication_error", "message": "invalid x-api-key"}}`,
			401, llm.ClassDeadKey, "invalid x-api-key",
		},
		{
			"Anthropic, no credit", `{"error": {"type": "invalid_request_error", "message": ` +
				`"Your credit balance is too low to access the Anthropic API."}}`,
			400, llm.ClassDeadKey, "Your credit balance is too low to access the Anthropic API.",
		},
		{
			"Anthropic, budget", `{"error": {"type": "invalid_request_error", "message": ` +
				`"You have reached your specified API usage limits."}}`,
			400, llm.ClassDeadKey, "You have reached your specified API usage limits.",
		},
		{
			"Anthropic, billing", `{"error": {"type": "billing_error", "message": "pay"}}`, 402, llm.ClassDeadKey, "pay",
		},
		{
			"Anthropic, mistake", `{"error": {"type": "invalid_request_error", "message": "max_tokens: Field required"}}`,
			400, llm.ClassBadRequest, "max_tokens: Field required",
		},
		{
			"Anthropic, no model", `{"error": {"type": "not_found_error", "message": "model: x"}}`, 404,
			llm.ClassBadRequest, "model: x",
		},
		{
			"Gemini, wrong key",
			`{"error": {"code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT", "details": [
				{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}]}}`,
			400, llm.ClassDeadKey, "API key not valid.",
		},
		{
			"Gemini, no key", `{"error": {"code": 403, "message": "no caller", "status": "PERMISSION_DENIED"}}`, 403,
			llm.ClassDeadKey, "no caller",
		},
		{
			"Gemini, where it is not free",
			`{"error": {"code": 400, "message": "Please enable billing", "status": "FAILED_PRECONDITION"}}`,
			400, llm.ClassDeadKey, "Please enable billing",
		},
		{
			"Gemini, through OpenAI's protocol",
			`[{"error": {"code": 400, "message": "Invalid value", "status": "INVALID_ARGUMENT"}}]`,
			400, llm.ClassBadRequest, "Invalid value",
		},
		{
			"Gemini, too long", `{"error": {"code": 400, "message": "The input token count (1200000) exceeds the maximum ` +
				`number of tokens allowed (1048576).", "status": "INVALID_ARGUMENT"}}`,
			400, llm.ClassTooLong,
			"The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
		},
		{
			"Gemini, throttled", `{"error": {"code": 429, "message": "quota", "status": "RESOURCE_EXHAUSTED"}}`, 429,
			llm.ClassThrottled, "quota",
		},
		{
			"Gemini, overloaded", `{"error": {"code": 503, "message": "busy", "status": "UNAVAILABLE"}}`, 503,
			llm.ClassSick, "busy",
		},
		{
			"Azure, wrong key", `{"error": {"code": "401", "message": "Access denied due to invalid subscription key"}}`,
			401, llm.ClassDeadKey, "Access denied due to invalid subscription key",
		},
		{
			"Azure, no deployment", `{"error": {"code": "DeploymentNotFound", "message": "no deployment"}}`, 404,
			llm.ClassBadRequest, "no deployment",
		},
		{
			"xAI, wrong key", `{"code": "Client specified an invalid argument", "error": "Incorrect API key provided"}`,
			400, llm.ClassDeadKey, "Incorrect API key provided",
		},
		{"details of others", `{"error": {"message": "no", "status": 7, "details": "none"}}`, 400, llm.ClassBadRequest, "no"},
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
		{"Anthropic, overloaded", "error", `{"error": {"type": "overloaded_error", "message": "x"}}`, llm.ClassSick},
		{"Anthropic, throttled", "error", `{"error": {"type": "rate_limit_error", "message": "x"}}`, llm.ClassThrottled},
		{"Anthropic, key", "error", `{"error": {"type": "authentication_error", "message": "x"}}`, llm.ClassDeadKey},
		{"Anthropic, large", "error", `{"error": {"type": "request_too_large", "message": "x"}}`, llm.ClassTooLong},
		{"Gemini", "", `{"error": {"message": "x", "status": "RESOURCE_EXHAUSTED"}}`, llm.ClassThrottled},
		{"Gemini, mistake", "", `{"error": {"message": "x", "status": "INVALID_ARGUMENT"}}`, llm.ClassBadRequest},
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

func TestReportsAskForAWait(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, body string
		want       time.Duration
	}{
		{
			"Gemini, in the details",
			`{"error": {"code": 429, "message": "Please retry in 34.07s.", "status": "RESOURCE_EXHAUSTED", "details": [
				{"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": []},
				{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34s"}]}}`,
			34 * time.Second,
		},
		{"Gemini, in words", `{"error": {"message": "You exceeded. Please retry in 34.07s."}}`, 34070 * time.Millisecond},
		{"OpenAI, seconds", `{"error": {"message": "Limit 3. Please try again in 1.2s. Visit"}}`, 1200 * time.Millisecond},
		{"OpenAI, less", `{"error": {"message": "Please try again in 20ms."}}`, 20 * time.Millisecond},
		{"OpenAI, minutes", `{"error": {"message": "Please try again in 6m0s."}}`, 6 * time.Minute},
		{"Groq", `{"error": {"message": "Please try again in 2m59.56s. Need more"}}`, 179560 * time.Millisecond},
		{"Azure", `{"error": {"code": "429", "message": "Please retry after 6 seconds."}}`, 6 * time.Second},
		{"more than a day", `{"error": {"message": "try again in 999999h"}}`, maxRetryAfter},
		{"no number", `{"error": {"message": "try again in 1.2.3s"}}`, 0},
		{"no unit", `{"error": {"message": "try again in 7 ways"}}`, 0},
		{"none", `{"error": {"message": "slow down"}}`, 0},
		{"bad details", `{"error": {"message": "no", "details": [{"retryDelay": "soon"}, {"retryDelay": "-3s"}]}}`, 0},
	}
	for _, tt := range tests {
		if got := readReport([]byte(tt.body)).wait; got != tt.want {
			t.Errorf("%s: the wait of %s = %v, want %v", tt.name, tt.body, got, tt.want)
		}
	}
}

func FuzzReport(f *testing.F) {
	f.Add([]byte(`{"error": {"code": 429, "message": "try again in 5s", "details": [{"retryDelay": "3s"}]}}`), 429)
	f.Add([]byte(`[{"error": "x"}]`), 500)
	f.Add([]byte(`{"detail": [{"msg": "x"}], "details": {}, "status": 4}`), 422)
	f.Fuzz(func(t *testing.T, data []byte, status int) {
		r := readReport(data)
		if r.wait < 0 || r.wait > maxRetryAfter {
			t.Errorf("the wait of %q = %v", data, r.wait)
		}
		if r.class(status) == "" || r.class(r.status()) == "" {
			t.Errorf("%q with %d has no class", data, status)
		}
	})
}

func TestMessagesHoldNoKeys(t *testing.T) {
	t.Parallel()
	e := NewEndpoint(Config{Provider: "test", Key: " secret+key/1 \n"})
	tests := []struct{ in, want string }{
		{"key secret+key/1 is wrong", "key *** is wrong"},
		{"Incorrect API key provided: sk-proj-abc***xyz. See", "Incorrect API key provided: *** See"},
		{`{"auth":"Bearer abcdef"}`, `{"auth":"***"}`},
		{"pa-AbCdEf123456 is unknown", "*** is unknown"},
		{"API key AIzaSyD-1234567890abcdef is unknown", "API key *** is unknown"},
		{"the task-list of 3 tokens", "the task-list of 3 tokens"},
		{"line\x00one\r\nline\ttwo\x1b[31m", "line one line two [31m"},
		{"bad \xff byte", "bad byte"},
	}
	for _, tt := range tests {
		if got := e.clean(tt.in); got != tt.want {
			t.Errorf("clean(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
	e = NewEndpoint(Config{
		BaseURL: "http://me:pass%2Fw0rd@host/v1?api-key=tOp%2FsEcReT&version=2026-01-01", Query: url.Values{"api-version": {"1"}},
	})
	const said = "POST /v1?api-key=tOp%2FsEcReT&version=2026-01-01 tOp/sEcReT http://me:pass%2Fw0rd@host pass/w0rd Basic bWU6cGFzcy93MHJk"
	const want = "POST /v1?api-key=***&version=2026-01-01 *** http://me:***@host *** Basic ***"
	if got := e.clean(said); got != want {
		t.Errorf("clean(%q) = %q, want %q", said, got, want)
	}
	long := e.clean(strings.Repeat("ä", maxMessage))
	if !utf8.ValidString(long) || len(long) > maxMessage+len("…") || !strings.HasSuffix(long, "ä…") {
		t.Errorf("clean(a long text) = %d bytes that end in %q", len(long), long[len(long)-6:])
	}
}
