package wiretest

import (
	"net/http"
	"strings"
	"testing"
)

const noMemo = "/api/v1/memo/00000000-0000-4000-8000-000000000000"

// A refusal is a bad request and the words it is answered with.
type refusal struct {
	name   string
	method string
	path   string
	body   string
	status int
	words  string
}

const (
	legacyMethods = "Search method is required and must be one of: " +
		"title_contains, title_startswith, chunk_vector_search"
	notJSON = "Invalid JSON in request body"
)

func (c *client) testRefusals(t *testing.T) {
	long := strings.Repeat("x", 256)
	for _, table := range [][]refusal{createRefusals(long), memoRefusals(long), searchRefusals(), chatRefusals()} {
		for _, r := range table {
			t.Run(r.name, func(t *testing.T) {
				t.Parallel()
				c.call(t, r.method, r.path, r.body).refused(t, r.status, r.words)
			})
		}
	}
}

func createRefusals(long string) []refusal {
	const memo = "/api/v1/memo"
	with := func(member string) string { return `{"title":"t","content":"c",` + member + `}` }
	return []refusal{
		{"nothing given", "POST", memo, `{}`, 400, "title: Required, content: Required"},
		{"empty texts", "POST", memo, `{"title":"","content":""}`, 400,
			"title: Title is required, content: Content is required"},
		{"long title", "POST", memo, `{"title":"` + long + `","content":"c"}`, 400,
			"title: Title must be 255 characters or less"},
		{"long title in UTF-16", "POST", memo, `{"title":"` + strings.Repeat("😀", 128) + `","content":"c"}`, 400,
			"title: Title must be 255 characters or less"},
		{"title a number", "POST", memo, `{"title":1,"content":"c"}`, 400,
			"title: Expected string, received number"},
		{"title null", "POST", memo, `{"title":null,"content":"c"}`, 400,
			"title: Expected string, received null"},
		{"content a list", "POST", memo, `{"title":"t","content":[]}`, 400,
			"content: Expected string, received array"},
		{"NUL in content", "POST", memo, `{"title":"t","content":"a\u0000b"}`, 400,
			"content: NUL characters are not allowed"},
		{"NUL in metadata", "POST", memo, with(`"metadata":{"a":["\u0000"]}`), 400,
			"metadata: NUL characters are not allowed"},
		{"long source", "POST", memo, with(`"source":"` + long + `"`), 400,
			"source: String must contain at most 255 character(s)"},
		{"long reference id", "POST", memo, with(`"reference_id":"` + long + `"`), 400,
			"reference_id: String must contain at most 255 character(s)"},
		{"bad date", "POST", memo, with(`"expiration_date":"soon"`), 400, "expiration_date: Invalid date"},
		{"date of the wrong kind", "POST", memo, with(`"expiration_date":{}`), 400, "expiration_date: Invalid date"},
		{"past date", "POST", memo, with(`"expiration_date":"2001-01-01"`), 400,
			"expiration_date: Expiration date must be in the future"},
		{"tags null", "POST", memo, with(`"tags":null`), 400, "tags: Expected array, received null"},
		{"tags a text", "POST", memo, with(`"tags":"a"`), 400, "tags: Expected array, received string"},
		{"tag a number", "POST", memo, with(`"tags":["a",1]`), 400, "tags: Expected string, received number"},
		{"metadata null", "POST", memo, with(`"metadata":null`), 400, "metadata: Expected object, received null"},
		{"metadata a list", "POST", memo, with(`"metadata":[]`), 400, "metadata: Expected object, received array"},
		{"scopes null", "POST", memo, with(`"scopes":null`), 400, "scopes: Expected object, received null"},
		{"scope a number", "POST", memo, with(`"scopes":{"a":1}`), 400, "scopes: Expected string, received number"},
		{"several at once", "POST", memo, `{"content":1,"tags":"a","scopes":[]}`, 400,
			"title: Required, content: Expected string, received number, " +
				"tags: Expected array, received string, scopes: Expected object, received array"},
		{"a list", "POST", memo, `[]`, 400, "Expected object, received array"},
		{"a number", "POST", memo, `7`, 400, notJSON},
		{"half an object", "POST", memo, `{"title":`, 400, notJSON},
		{"no body", "POST", memo, ``, 400, "Content-Type header is required"},
		{"upsert without a reference id", "POST", memo + "?upsert=true", `{"title":"t","content":"c"}`, 400,
			"reference_id: Required"},
		{"upsert of the wrong kind", "POST", memo + "?upsert=perhaps", `{"title":"t","content":"c"}`, 400,
			"upsert must be true or false"},
	}
}

func memoRefusals(long string) []refusal {
	const idType = "id_type must be either 'memo_uuid' or 'reference_id'"
	table := []refusal{
		{"patch with wrong kinds", "PATCH", noMemo, `{"title":1,"metadata":"x"}`, 400,
			"title: Expected string, received number; metadata: Expected object, received string"},
		{"patch with scopes null", "PATCH", noMemo, `{"scopes":null}`, 400, "scopes: Expected object, received null"},
		{"patch with a long title", "PATCH", noMemo, `{"title":"` + long + `"}`, 400,
			"title: String must contain at most 255 character(s)"},
		{"patch with a bad date", "PATCH", noMemo, `{"expiration_date":"soon"}`, 400, "expiration_date: Invalid date"},
		{"patch with a list", "PATCH", noMemo, `[]`, 400, "Expected object, received array"},
		{"patch of nothing", "PATCH", noMemo, `{}`, 404, "Memo not found"},
		{"page size too large", "GET", "/api/v1/memo?page_size=101", "", 400,
			"page_size must be less than or equal to 100"},
		{"page size negative", "GET", "/api/v1/memo?page_size=-1", "", 400,
			"page_size must be greater than or equal to 1"},
		{"page negative", "GET", "/api/v1/memo?page=-1", "", 400, "page must be greater than or equal to 1"},
		{"page beyond all bounds", "GET", "/api/v1/memo?page=99999999999999999999", "", 400,
			"page must be less than or equal to 1000000000"},
		{"chat page size", "GET", "/api/v1/chat?page_size=101", "", 400,
			"page_size must be less than or equal to 100"},
		{"no chat", "GET", "/api/v1/chat/00000000-0000-4000-8000-000000000000", "", 404, "Chat not found"},
		{"no chat id", "GET", "/api/v1/chat/1", "", 404, "Chat not found"},
	}
	for _, r := range []struct{ method, path string }{
		{"GET", ""}, {"GET", "/status"}, {"PATCH", ""}, {"DELETE", ""}, {"POST", "/retry"},
	} {
		name := r.method + r.path
		table = append(table,
			refusal{name + " of an unknown id", r.method, noMemo + r.path, "", 404, "Memo not found"},
			refusal{name + " of no id", r.method, "/api/v1/memo/nonsense" + r.path, "", 404, "Memo not found"},
			refusal{name + " with a bad id_type", r.method, noMemo + r.path + "?id_type=x", "", 400, idType})
	}
	return table
}

func searchRefusals() []refusal {
	const path = "/api/v1/search"
	with := func(member string) string { return `{"query":"q",` + member + `}` }
	filter := func(members string) string { return with(`"filters":[{` + members + `}]`) }
	return []refusal{
		{"search without a query", "POST", path, `{}`, 400, "Query is required"},
		{"search without a body", "POST", path, ``, 400, "Query is required"},
		{"search for nothing", "POST", path, `{"query":""}`, 400, "Query is required"},
		{"search for blanks", "POST", path, `{"query":" \n"}`, 400, "Query is required"},
		{"search for null", "POST", path, `{"query":null}`, 400, "Query is required"},
		{"search for a number", "POST", path, `{"query":5}`, 400, "query: Expected string, received number"},
		{"search beyond the limit", "POST", path, with(`"limit":51`), 400, "Limit must be less than or equal to 50"},
		{"search below the limit", "POST", path, with(`"limit":-1`), 400, "Limit must be greater than or equal to 0"},
		{"search by SQL", "POST", path, with(`"limit":"1; SELECT 1"`), 400, "limit: Expected number, received string"},
		{"search by halves", "POST", path, with(`"limit":1.5`), 400, "limit: Expected integer, received float"},
		{"search by nothing known", "POST", path, with(`"retrieval":"fast"`), 400,
			"Invalid retrieval: fast. Must be an object."},
		{"search too diverse", "POST", path, with(`"retrieval":{"diversity":2}`), 400,
			"Invalid retrieval.diversity: 2. Must be a number between 0 and 1."},
		{"search too wide", "POST", path, with(`"retrieval":{"candidates":201}`), 400,
			"Invalid retrieval.candidates: 201. Must be a whole number between 1 and 200."},
		{"search explained in words", "POST", path, with(`"explain":"yes"`), 400,
			"explain: Expected boolean, received string"},
		{"search by an unknown method", "POST", path, with(`"search_method":"magic"`), 400, legacyMethods},
		{"filters not a list", "POST", path, with(`"filters":{}`), 400, "Filters must be a list"},
		{"filter incomplete", "POST", path, with(`"filters":[{}]`), 400,
			"Invalid filter: Filter must have field, operator, value, and filter_type"},
		{"filter null", "POST", path, with(`"filters":[null]`), 400,
			"Invalid filter: Filter must have field, operator, value, and filter_type"},
		{"filter in without a list", "POST", path,
			filter(`"field":"source","operator":"in","value":"a","filter_type":"native_field"`), 400,
			"Invalid filter: Value must be a list for in or not_in operators"},
		{"filter operator", "POST", path,
			filter(`"field":"source","operator":"like","value":"a","filter_type":"native_field"`), 400,
			"Invalid filter: Invalid operator. Must be one of: eq, neq, contains, startswith, endswith, in, not_in"},
		{"filter type", "POST", path, filter(`"field":"source","operator":"eq","value":"a","filter_type":"x"`), 400,
			"Invalid filter: Invalid filter type. Must be one of: native_field, custom_metadata, scope"},
		{"filter field", "POST", path,
			filter(`"field":"x","operator":"eq","value":"a","filter_type":"native_field"`), 400,
			"Invalid filter: Invalid field for native_field filter. " +
				"Must be one of: title, source, client_reference_id, tags"},
		{"tags operator", "POST", path,
			filter(`"field":"tags","operator":"eq","value":["a"],"filter_type":"native_field"`), 400,
			"Invalid filter: Operator must be in or not_in for tags filter"},
	}
}

func chatRefusals() []refusal {
	const path = "/api/v1/chat"
	with := func(member string) string { return `{"query":"q","stream":true,` + member + `}` }
	rag := func(members string) string { return with(`"rag_config":{` + members + `}`) }
	return []refusal{
		{"chat without a query", "POST", path, `{}`, 400, "Query is required"},
		{"chat about blanks", "POST", path, `{"query":" ","stream":true}`, 400, "Query is required"},
		{"unknown chat", "POST", path, `{"query":"q","chat_id":"00000000-0000-4000-8000-000000000000"}`, 404,
			"Chat not found"},
		{"unknown chat, streamed", "POST", path, with(`"chat_id":"00000000-0000-4000-8000-000000000000"`), 404,
			"Chat not found"},
		{"malformed chat id", "POST", path, with(`"chat_id":"nonsense"`), 404, "Chat not found"},
		{"chat id a number", "POST", path, with(`"chat_id":1`), 400, "chat_id: Expected string, received number"},
		{"filter before the chat id", "POST", path, with(`"chat_id":"nonsense","filters":[{}]`), 400,
			"Invalid filter: Filter must have field, operator, value, and filter_type"},
		{"chat filters", "POST", path, with(`"filters":"x"`), 400, "Filters must be a list"},
		{"chat filters before rag_config", "POST", path, with(`"filters":1,"rag_config":{"reranking":{"top_k":0}}`), 400,
			"Filters must be a list"},
		{"rag_config before a filter", "POST", path, with(`"filters":[{}],"rag_config":{"reranking":{"top_k":0}}`), 400,
			"Invalid reranking topK: 0. Must be a number between 1 and 100."},
		{"chat filter", "POST", path, with(`"filters":[{}]`), 400,
			"Invalid filter: Filter must have field, operator, value, and filter_type"},
		{"rewrite not boolean", "POST", path, rag(`"query_rewrite":{"enabled":"yes"}`), 400,
			"Invalid query rewrite enabled: yes. Must be a boolean."},
		{"rewrite in camelCase", "POST", path, rag(`"queryRewrite":{"enabled":1}`), 400,
			"Invalid query rewrite enabled: 1. Must be a boolean."},
		{"reranking not boolean", "POST", path, rag(`"reranking":{"enabled":{}}`), 400,
			"Invalid reranking enabled: [object Object]. Must be a boolean."},
		{"references not boolean", "POST", path, rag(`"references":{"enabled":[1,"a"]}`), 400,
			"Invalid references enabled: 1,a. Must be a boolean."},
		{"top_k too large", "POST", path, rag(`"vector_search":{"top_k":201}`), 400,
			"Invalid vector search topK: 201. Must be a number between 1 and 200."},
		{"top_k as JavaScript writes it", "POST", path, rag(`"vector_search":{"top_k":1e9}`), 400,
			"Invalid vector search topK: 1000000000. Must be a number between 1 and 200."},
		{"top_k beyond numbers", "POST", path, rag(`"vector_search":{"top_k":1e999}`), 400,
			"Invalid vector search topK: +Inf. Must be a number between 1 and 200."},
		{"topK too small", "POST", path, rag(`"vectorSearch":{"topK":0}`), 400,
			"Invalid vector search topK: 0. Must be a number between 1 and 200."},
		{"fusion", "POST", path, rag(`"retrieval":{"fusion":"magic"}`), 400,
			"Invalid retrieval.fusion: magic. Must be one of: weighted, rrf."},
		{"too many steps", "POST", path, rag(`"agentic":{"enabled":true,"maxSteps":11}`), 400,
			"Invalid agentic.max_steps: 11. Must be a whole number between 1 and 10."},
		{"a format without a schema", "POST", path, with(`"response_format":{"type":"json_schema"}`), 400,
			"Invalid response_format.json_schema: undefined. Must be an object."},
		{"threshold", "POST", path, rag(`"vector_search":{"similarity_threshold":1.5}`), 400,
			"Invalid similarity threshold: 1.5. Must be a number between 0 and 1."},
		{"rerank top_k a text", "POST", path, rag(`"reranking":{"top_k":"ten"}`), 400,
			"Invalid reranking topK: ten. Must be a number between 1 and 100."},
		{"rerank top_k over candidates", "POST", path, rag(`"vector_search":{"top_k":10},"reranking":{"top_k":20}`), 400,
			"Reranking topK (20) must be less than or equal to vector search topK (10)."},
		{"snake_case wins", "POST", path, rag(`"vector_search":{"top_k":201},"vectorSearch":{"topK":5}`), 400,
			"Invalid vector search topK: 201. Must be a number between 1 and 200."},
		{"generate without a prompt", "POST", "/api/v1/generate", `{}`, 400, "Prompt is required"},
		{"generate from blanks", "POST", "/api/v1/generate", `{"prompt":"\t","stream":true}`, 400, "Prompt is required"},
		{"generate with a bad filter", "POST", "/api/v1/generate", `{"prompt":"p","filters":[{}]}`, 400,
			"Invalid filter: Filter must have field, operator, value, and filter_type"},
	}
}

func (c *client) testAuthentication(t *testing.T) {
	anonymous := func(headers ...string) http.Header {
		h := http.Header{}
		for i := 0; i < len(headers); i += 2 {
			h.Set(headers[i], headers[i+1])
		}
		return h
	}
	for _, scheme := range []string{"Bearer ", "bearer ", "TOKEN ", "Token "} {
		c.send(t, "GET", "/api/v1/memo", anonymous("Authorization", scheme+c.key), "").must(t, 200)
	}
	for _, header := range []http.Header{
		anonymous(), anonymous("Authorization", c.key), anonymous("Authorization", "Basic "+c.key),
		anonymous("Authorization", "Bearer sk_proj_0000000000000000000000000000000000000000"),
		anonymous("Authorization", "Bearer a b"),
		anonymous("Authorization", "Bearer "+c.key, "Cookie", "accessToken=x"),
	} {
		c.send(t, "GET", "/api/v1/memo", header, "").refused(t, 401, "Unauthorized")
		c.send(t, "GET", "/api/unknown", header, "").refused(t, 401, "Unauthorized")
		c.send(t, "GET", "/API/V1/memo/", header, "").refused(t, 401, "Unauthorized")
	}
	long := anonymous("Authorization", "Bearer "+strings.Repeat("x", 200))
	c.send(t, "GET", "/api/v1/memo", long, "").refused(t, 400, "Invalid request")
	c.send(t, "GET", "/api/health", long, "").refused(t, 400, "Invalid request")
	health := c.send(t, "GET", "/api/health", anonymous(), "").must(t, 200)
	same(t, health, "status", `"ok"`)
	same(t, health, "checks", `{"database":true}`)
}

func (c *client) testRouting(t *testing.T) {
	c.call(t, "GET", "/api/unknown", "").refused(t, 404, "Not found")
	c.call(t, "GET", "/unknown", "").refused(t, 404, "Not found")
	c.call(t, "GET", "/api/v1//memo", "").refused(t, 404, "Not found")
	c.call(t, "GET", "/api/v1/search", "").refused(t, 404, "Not found")
	wrong := c.call(t, "PUT", "/api/v1/memo", "{}")
	wrong.refused(t, 405, "Method not allowed")
	if allow := wrong.header.Get("Allow"); allow != "GET, HEAD, POST" {
		t.Errorf("Allow = %q", allow)
	}
	for _, path := range []string{"/api/v1/memo/", "/API/v1/Memo", "/api/V1/memo/?page=1"} {
		c.call(t, "GET", path, "").must(t, 200)
	}
	c.call(t, "POST", "/api/v1/chat/", "{}").refused(t, 400, "Query is required")
	preflight := c.send(t, "OPTIONS", "/api/v1/memo", http.Header{"Origin": {"https://evil.example"}}, "")
	if preflight.status != 204 || preflight.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("preflight of a stranger: %d %v", preflight.status, preflight.header)
	}
	if vary := strings.Join(preflight.header.Values("Vary"), ", "); !strings.Contains(vary, "Origin") {
		t.Errorf("Vary = %q", vary)
	}
}

func (c *client) testFixed(t *testing.T) {
	for _, path := range []string{"/api/user/details/", "/api/user/details"} {
		c.call(t, "GET", path, "").refused(t, 401, "Not authenticated")
		c.send(t, "GET", path, http.Header{}, "").refused(t, 401, "Unauthorized")
	}
	c.call(t, "GET", "/api/organizations/", "").refused(t, 401, "Unauthorized")
	c.call(t, "GET", "/api/organizations/x/projects", "").refused(t, 401, "Unauthorized")
	c.call(t, "GET", "/api/project/x/experiments", "").refused(t, 401, "Unauthorized")
	c.call(t, "GET", "/api/admin/users", "").refused(t, 403, "Forbidden")
	same(t, c.call(t, "POST", "/api/user/logout", "").must(t, 200), "message", `"Logged out"`)
	if plans := c.call(t, "GET", "/api/plans", ""); plans.status != 200 || strings.TrimSpace(plans.body) != "[]" {
		t.Errorf("plans = %d %q", plans.status, plans.body)
	}
	providers := c.call(t, "GET", "/api/v1/config/llm-providers", "").must(t, 200)["providers"].([]any)
	if len(providers) == 0 {
		t.Fatal("no providers")
	}
	for _, key := range []string{"provider", "label", "model"} {
		if _, there := providers[0].(map[string]any)[key]; !there {
			t.Errorf("provider has no key %s", key)
		}
	}
}
