// Package config is everything an operator can choose, in one struct.
//
// [Config] is the manual: a field's comment says what it does and is printed by
// kvasir serve --help; its tags name the variable and the default. A flag wins
// over a variable, a variable over the default, and an empty variable counts as
// unset. Skald's names are honoured, so that a working environment keeps
// working; those that mean nothing here are told by [Environment.Unused].
//
// Only cli and app see a Config. Every other package gets options of its own.
package config

import "time"

// A Config is every option of the server. [Config.Validate], which the parser
// calls, says what is wrong with it; [Config.Models] which models follow from it.
type Config struct {
	Server    `embed:"" group:"Server:"`
	Web       `embed:"" group:"Browsers:"`
	Providers `embed:"" group:"Models:"`
	Limits    `embed:"" group:"Limits:"`
}

// Server is where the process listens, keeps its data and writes its log.
type Server struct {
	// Listen is the address to serve on. A bare port is one of this machine
	// alone: other machines reach only what is asked for by name.
	Listen string `variable:"KVASIR_LISTEN,EXPRESS_SERVER_PORT" type:"address" default:"127.0.0.1:8080"`

	// Data is the folder of the database and the files. One process holds it at
	// a time.
	Data string `variable:"KVASIR_DATA" default:"${data}" placeholder:"DIR"`

	// APIKey is the key of the default project: sk_proj_ and 40 hexadecimal
	// digits. Without it one is made at the first start, and printed once.
	APIKey Secret `name:"api-key" variable:"KVASIR_API_KEY" placeholder:"KEY"`

	// LogLevel is the least that is logged: debug, info, warn or error.
	LogLevel string `variable:"LOG_LEVEL" default:"${level}"`

	// LogFormat is how it is logged, on stderr: text or json.
	LogFormat string `variable:"KVASIR_LOG_FORMAT" default:"text"`
}

// Web is how browsers see the server.
type Web struct {
	// PublicURL is the address by which clients reach the server, for links in
	// lists. Without it links follow the request.
	PublicURL string `name:"public-url" variable:"API_URL" placeholder:"URL"`

	// FrontendURL is the address of a dashboard.
	FrontendURL string `name:"frontend-url" variable:"FRONTEND_URL" default:"http://localhost:5173"`

	// AllowedOrigins are the origins whose pages may call with credentials. By
	// default those of the dashboard and of the public address.
	AllowedOrigins []string `variable:"CORS_ALLOWED_ORIGINS" placeholder:"URL"`

	// Security unset sends security headers and limits no rate; true also limits
	// an address to 1000 requests and 100 questions a minute; false does neither.
	Security Switch `variable:"ENABLE_SECURITY_SETTINGS" placeholder:"true|false"`

	// SelfHosted set to false tells browsers to come by HTTPS only, for a year.
	SelfHosted Switch `variable:"IS_SELF_HOSTED_DEPLOY" placeholder:"true|false"`

	// Development is for work on a dashboard: pages of this machine may call, and
	// there are no security headers unless asked for.
	Development Switch `variable:"IS_DEVELOPMENT" placeholder:"true|false"`
}

// Providers are the models in use, and how to reach them.
type Providers struct {
	// LLMProvider writes answers: openai, local, or extractive, which quotes the
	// best sentences. By default openai if its key is set, else extractive.
	LLMProvider string `name:"llm-provider" variable:"LLM_PROVIDER" placeholder:"NAME"`

	// EmbeddingProvider makes vectors: openai, voyage, local, minilm (offline), or
	// none, which searches by words alone. By default openai if its key is set, else
	// minilm if it is installed, else none.
	EmbeddingProvider string `variable:"EMBEDDING_PROVIDER" placeholder:"NAME"`

	// RerankingProvider orders what was found: voyage, openai, local or none. By
	// default voyage if its key is set, local if EMBEDDING_SERVICE_URL is, else none.
	RerankingProvider string `variable:"RERANKING_PROVIDER" placeholder:"NAME"`

	// ModelDir is where minilm is installed.
	ModelDir string `variable:"KVASIR_MODEL_DIR" default:"${models}" placeholder:"DIR"`

	// VectorDimension is asked of OpenAI's or Voyage's embedding model. By default it is what
	// the model returns first.
	VectorDimension int `variable:"EMBEDDING_VECTOR_DIMENSION" placeholder:"N"`

	// OpenAIKey may be left out for a compatible server that asks for none.
	OpenAIKey Secret `name:"openai-api-key" variable:"OPENAI_API_KEY" placeholder:"KEY"`

	// OpenAIBaseURL is OpenAI's address, or a compatible server's, /v1 included.
	OpenAIBaseURL string `name:"openai-base-url" variable:"OPENAI_BASE_URL" default:"https://api.openai.com/v1"`

	// OpenAIModel writes answers and reranks.
	OpenAIModel string `name:"openai-model" variable:"OPENAI_MODEL" default:"gpt-4o-mini"`

	// OpenAIEmbedding is the embedding model.
	OpenAIEmbedding string `name:"openai-embedding-model" variable:"OPENAI_EMBEDDING_MODEL" default:"${embedding}"`

	// LocalBaseURL is the address of a server of your own that speaks OpenAI's
	// protocol, /v1 included.
	LocalBaseURL string `name:"local-llm-base-url" variable:"LOCAL_LLM_BASE_URL" placeholder:"URL"`

	// LocalModel is its model.
	LocalModel string `name:"local-llm-model" variable:"LOCAL_LLM_MODEL" default:"llama-3.1-8b-instruct"`

	// LocalKey is its key, if it asks for one.
	LocalKey Secret `name:"local-llm-api-key" variable:"LOCAL_LLM_API_KEY" default:"not-needed" placeholder:"KEY"`

	// EmbeddingServiceURL is the address of Skald's embedding service, for vectors
	// and reranking by local models. Its own default is http://localhost:8001.
	EmbeddingServiceURL string `name:"embedding-service-url" variable:"EMBEDDING_SERVICE_URL" placeholder:"URL"`

	// VoyageKey is the key for Voyage.
	VoyageKey Secret `name:"voyage-api-key" variable:"VOYAGE_API_KEY" placeholder:"KEY"`

	// VoyageBaseURL is Voyage's address, or a compatible server's, /v1 included.
	VoyageBaseURL string `name:"voyage-base-url" variable:"VOYAGE_BASE_URL" default:"https://api.voyageai.com/v1"`

	// VoyageEmbedding is the embedding model.
	VoyageEmbedding string `name:"voyage-embedding-model" variable:"VOYAGE_EMBEDDING_MODEL" default:"voyage-3-large"`

	// VoyageModel is the reranking model.
	VoyageModel string `name:"voyage-rerank-model" variable:"VOYAGE_RERANK_MODEL" default:"rerank-2-lite"`
}

// Limits bound what a request, and the process, may take.
type Limits struct {
	// MaxBodyBytes bounds a JSON body. Sizes may be written as 16777216 or 16MiB.
	MaxBodyBytes int64 `variable:"KVASIR_MAX_BODY_BYTES" type:"bytes" default:"16MiB"`

	// MaxUploadBytes bounds an uploaded file.
	MaxUploadBytes int64 `variable:"KVASIR_MAX_UPLOAD_BYTES" type:"bytes" default:"100MiB"`

	// IndexBytes bounds the search indexes kept in memory; those least used are
	// dropped first, and loaded again when asked for.
	IndexBytes int64 `variable:"KVASIR_INDEX_BYTES" type:"bytes" default:"512MiB"`

	// EmbedConcurrency is how many requests for vectors are under way at once.
	EmbedConcurrency int `variable:"KVASIR_EMBED_CONCURRENCY" default:"8" placeholder:"N"`

	// GenerateConcurrency is how many answers are written at once.
	GenerateConcurrency int `variable:"KVASIR_GENERATE_CONCURRENCY" default:"256" placeholder:"N"`

	// RerankConcurrency is how many requests for reranking are under way at once.
	RerankConcurrency int `variable:"KVASIR_RERANK_CONCURRENCY" default:"32" placeholder:"N"`

	// IngestConcurrency is how many memos are worked on at once.
	IngestConcurrency int `variable:"KVASIR_INGEST_CONCURRENCY" default:"256" placeholder:"N"`

	// AnswerTimeout bounds an answer that is not streamed: clients of Skald give
	// up after 30 s.
	AnswerTimeout time.Duration `variable:"KVASIR_ANSWER_TIMEOUT" default:"28s"`
}
