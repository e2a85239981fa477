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
	Clients   `embed:"" group:"Clients:"`
	Providers `embed:"" group:"Models:"`
	Originals `embed:"" group:"Originals of documents:"`
	Reading   `embed:"" group:"Reading of documents:"`
	Outside   `embed:"" group:"Web pages and webhooks:"`
	Limits    `embed:"" group:"Limits:"`
	Spending  `embed:"" group:"Spending:"`
}

// Server is where the process listens, keeps its data and writes its log.
type Server struct {
	// Listen is the address to serve on. A bare port is one of this machine
	// alone: other machines reach only what is asked for by name.
	Listen string `variable:"KVASIR_LISTEN,EXPRESS_SERVER_PORT" type:"address" default:"127.0.0.1:8080"`

	// DatabaseURL names a PostgreSQL database, postgres://user:password@host/name, in
	// whose schema kvasir everything but files is kept. Without it there is an SQLite
	// file in the data folder.
	DatabaseURL Secret `name:"database-url" variable:"DATABASE_URL" placeholder:"URL"`

	// DatabaseReplicaURL names a copy of that database, kept by streaming replication.
	// What searches read is read there, and may be as old as the copy is behind. While it
	// does not answer, they ask the database.
	DatabaseReplicaURL Secret `name:"replica-url" variable:"DATABASE_REPLICA_URL" placeholder:"URL"`

	// Role is what this process does among several on one PostgreSQL database: api
	// serves requests, worker makes memos searchable and tells webhooks, all does both.
	Role string `variable:"KVASIR_ROLE" default:"all" placeholder:"api|worker|all"`

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

	// Metrics set to false takes /metrics away, where Prometheus reads.
	Metrics Switch `variable:"KVASIR_METRICS" default:"true" placeholder:"true|false"`

	// MetricsToken is what readers of /metrics send as their bearer token, but for
	// those who ask directly from this machine. Without one, only these are answered.
	MetricsToken Secret `variable:"KVASIR_METRICS_TOKEN" placeholder:"TOKEN"`
}

// The roles of a process.
const (
	RoleAll    = "all"
	RoleAPI    = "api"
	RoleWorker = "worker"
)

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

	// Security unset sends security headers; true also limits an address to 1000
	// requests and 100 questions a minute, where no rate is set; false does neither.
	Security Switch `variable:"ENABLE_SECURITY_SETTINGS" placeholder:"true|false"`

	// SelfHosted set to false tells browsers to come by HTTPS only, for a year.
	SelfHosted Switch `variable:"IS_SELF_HOSTED_DEPLOY" placeholder:"true|false"`

	// Development is for work on a dashboard: pages of this machine may call, and
	// there are no security headers unless asked for.
	Development Switch `variable:"IS_DEVELOPMENT" placeholder:"true|false"`
}

// Clients are who calls: how they are told apart, how often they may call, and how
// slow they may be. Each process counts for itself.
type Clients struct {
	// TrustedProxies are networks of proxies that are believed when they say, by
	// X-Forwarded-For or Forwarded, for whom they come. Without any the client is who
	// connects.
	TrustedProxies []string `variable:"KVASIR_TRUSTED_PROXIES" placeholder:"10.0.0.0/8"`

	// AddressRate is how many requests an address may send a minute; those of an IPv6
	// /64 count together. 0 is no limit, or 1000 if ENABLE_SECURITY_SETTINGS is true.
	AddressRate int `variable:"KVASIR_ADDRESS_RATE" default:"0" placeholder:"N"`

	// AddressQuestionRate is how many of them may ask a model to write: answers and
	// documents. 0 is no limit, or 100 if ENABLE_SECURITY_SETTINGS is true.
	AddressQuestionRate int `variable:"KVASIR_ADDRESS_QUESTION_RATE" default:"0" placeholder:"N"`

	// KeyRate is how many requests may come with an API key a minute. 0 is no limit.
	KeyRate int `variable:"KVASIR_KEY_RATE" default:"0" placeholder:"N"`

	// KeyQuestionRate is how many of them may ask a model to write. 0 is no limit.
	KeyQuestionRate int `variable:"KVASIR_KEY_QUESTION_RATE" default:"0" placeholder:"N"`

	// HeaderTimeout is how long the header of a request may take to arrive.
	HeaderTimeout time.Duration `variable:"KVASIR_HEADER_TIMEOUT" default:"10s"`

	// StallTimeout is how long a client may stall: within it, another 32 KiB of its
	// request must arrive, and of the answer be taken, or the rest.
	StallTimeout time.Duration `variable:"KVASIR_STALL_TIMEOUT" default:"30s"`

	// IdleTimeout is how long a connection is kept without a request.
	IdleTimeout time.Duration `variable:"KVASIR_IDLE_TIMEOUT" default:"2m"`

	// MaxConnections is how many there may be at once. For a further one, one without a
	// request is closed; if there is none, the further one is.
	MaxConnections int `variable:"KVASIR_MAX_CONNECTIONS" default:"20000" placeholder:"N"`
}

// Providers are the models in use, and how to reach them.
type Providers struct {
	// Lanes is the file of lanes, in TOML: several keys, models and providers for
	// each kind of call, budgets and weights (doc/lanes.md). A kind that it does not
	// name is what the options below make it.
	Lanes LanesFile `name:"models" variable:"KVASIR_MODELS" type:"lanes" placeholder:"FILE"`

	// LLMProvider writes answers: openai, anthropic, groq, local, gemini, or
	// extractive, which quotes the best sentences. By default openai if its key is
	// set, else extractive. Requests may ask for any whose key is set.
	LLMProvider string `name:"llm-provider" variable:"LLM_PROVIDER" placeholder:"NAME"`

	// EmbeddingProvider makes vectors: openai, voyage, local, minilm (offline), or
	// none, which searches by words alone. By default openai if its key is set, else
	// minilm if it is installed, else none.
	EmbeddingProvider string `variable:"EMBEDDING_PROVIDER" placeholder:"NAME"`

	// NextEmbeddingProvider makes the vectors of another index beside the one that is
	// searched, which kvasir reindex builds: openai, voyage, local or minilm. Its keys and
	// addresses are those of EMBEDDING_PROVIDER.
	NextEmbeddingProvider string `variable:"NEXT_EMBEDDING_PROVIDER" placeholder:"NAME"`

	// NextEmbeddingModel is its model. By default that of the provider above.
	NextEmbeddingModel string `variable:"NEXT_EMBEDDING_MODEL" placeholder:"NAME"`

	// NextVectorDimension is asked of it.
	NextVectorDimension int `variable:"NEXT_EMBEDDING_VECTOR_DIMENSION" placeholder:"N"`

	// NextEmbeddingBaseURL is another address for it, to which no other key is sent than
	// the one below.
	NextEmbeddingBaseURL string `name:"next-embedding-base-url" variable:"NEXT_EMBEDDING_BASE_URL" placeholder:"URL"`

	// NextEmbeddingKey is the key for that address, if it asks for one.
	NextEmbeddingKey Secret `name:"next-embedding-api-key" variable:"NEXT_EMBEDDING_API_KEY" placeholder:"KEY"`

	// RerankingProvider orders what was found: voyage, cohere, jina, local, none, or
	// llm, which asks the model that writes answers (openai: OpenAI's). By default
	// voyage, cohere or jina if its key is set, local if EMBEDDING_SERVICE_URL is, else
	// none.
	RerankingProvider string `variable:"RERANKING_PROVIDER" placeholder:"NAME"`

	// CitationCheck is how answers are held against the passages they cite: full, by
	// words and, where these do not tell, by vectors; words; or off, which cites whole
	// passages and flags nothing.
	CitationCheck string `variable:"KVASIR_CITATION_CHECK" default:"full" placeholder:"full|words|off"`

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

	// AnthropicKey is the key for Anthropic.
	AnthropicKey Secret `name:"anthropic-api-key" variable:"ANTHROPIC_API_KEY" placeholder:"KEY"`

	// AnthropicBaseURL is Anthropic's address, or a compatible server's.
	AnthropicBaseURL string `name:"anthropic-base-url" variable:"ANTHROPIC_BASE_URL" default:"https://api.anthropic.com"`

	// AnthropicModel writes answers.
	AnthropicModel string `name:"anthropic-model" variable:"ANTHROPIC_MODEL" default:"claude-sonnet-4-5-20250929"`

	// GeminiKey is the key for Gemini.
	GeminiKey Secret `name:"gemini-api-key" variable:"GEMINI_API_KEY" placeholder:"KEY"`

	// GeminiBaseURL is Gemini's address, or a compatible server's.
	GeminiBaseURL string `name:"gemini-base-url" variable:"GEMINI_BASE_URL" default:"${gemini}"`

	// GeminiModel writes answers.
	GeminiModel string `name:"gemini-model" variable:"GEMINI_MODEL" default:"gemini-2.5-pro"`

	// GroqKey is the key for Groq.
	GroqKey Secret `name:"groq-api-key" variable:"GROQ_API_KEY" placeholder:"KEY"`

	// GroqModel writes answers.
	GroqModel string `name:"groq-model" variable:"GROQ_MODEL" default:"llama-3.1-8b-instant"`

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

	// CohereKey is the key for Cohere.
	CohereKey Secret `name:"cohere-api-key" variable:"COHERE_API_KEY" placeholder:"KEY"`

	// CohereBaseURL is Cohere's address, or that of a server that speaks its protocol,
	// such as vLLM, Infinity or LocalAI, and may ask for no key; /v2 or /v1 included.
	CohereBaseURL string `name:"cohere-base-url" variable:"COHERE_BASE_URL" default:"https://api.cohere.com/v2"`

	// CohereModel is the reranking model.
	CohereModel string `name:"cohere-rerank-model" variable:"COHERE_RERANK_MODEL" default:"rerank-v3.5"`

	// JinaKey is the key for Jina.
	JinaKey Secret `name:"jina-api-key" variable:"JINA_API_KEY" placeholder:"KEY"`

	// JinaBaseURL is Jina's address, or a compatible server's, /v1 included.
	JinaBaseURL string `name:"jina-base-url" variable:"JINA_BASE_URL" default:"https://api.jina.ai/v1"`

	// JinaModel is the reranking model.
	JinaModel string `name:"jina-rerank-model" variable:"JINA_RERANK_MODEL" default:"${jina}"`
}

// Originals is where the files of documents are kept.
type Originals struct {
	// Blob is the place: disk, which is the data folder, or s3. By default s3 if a
	// bucket is named, else disk. Files that are there already do not move along.
	Blob string `variable:"KVASIR_BLOB" placeholder:"disk|s3"`

	// S3Bucket is the bucket, at Amazon or any server that speaks S3.
	S3Bucket string `name:"s3-bucket" variable:"KVASIR_S3_BUCKET,S3_BUCKET_NAME" placeholder:"NAME"`

	// S3Prefix is put before the names of the files in the bucket.
	S3Prefix string `name:"s3-prefix" variable:"KVASIR_S3_PREFIX" placeholder:"PATH"`

	// S3Endpoint is the address of a server that is not Amazon's.
	S3Endpoint string `name:"s3-endpoint" variable:"KVASIR_S3_ENDPOINT,AWS_ENDPOINT_URL_S3,AWS_ENDPOINT_URL" placeholder:"URL"`

	// S3Region is the bucket's region. By default us-east-2 at Amazon, as Skald has it,
	// and us-east-1 elsewhere, which most servers take whatever they are.
	S3Region string `name:"s3-region" variable:"KVASIR_S3_REGION,AWS_REGION" placeholder:"NAME"`

	// S3AccessKey is a key that may read, write and delete in the bucket.
	S3AccessKey Secret `name:"s3-access-key" variable:"KVASIR_S3_ACCESS_KEY,AWS_ACCESS_KEY_ID" placeholder:"KEY"`

	// S3SecretKey is its secret.
	S3SecretKey Secret `name:"s3-secret-key" variable:"KVASIR_S3_SECRET_KEY,AWS_SECRET_ACCESS_KEY" placeholder:"KEY"`

	// S3PathStyle set to true names the bucket in the path, false in the host's name.
	// By default it is in the path, but for services that are known to want the other.
	S3PathStyle Switch `name:"s3-path-style" variable:"KVASIR_S3_PATH_STYLE" placeholder:"true|false"`
}

// Reading bounds what the reading of one document may take. What takes more fails
// with words that name the bound.
type Reading struct {
	// ParseWorkers is how many documents are read at the same time. 0 is as many as
	// there are processors.
	ParseWorkers int `variable:"KVASIR_PARSE_WORKERS" default:"0" placeholder:"N"`

	// ParseTimeout bounds the time. Only the recognizing of scanned pages may take more.
	ParseTimeout time.Duration `variable:"KVASIR_PARSE_TIMEOUT" default:"2m"`

	// ParseMemory bounds the memory of the process that reads a document.
	ParseMemory int64 `variable:"KVASIR_PARSE_MEMORY" type:"bytes" default:"1GiB"`

	// ParseIsolation set to false reads documents in the server's own process, where
	// one that is made to do harm may end all of it.
	ParseIsolation Switch `variable:"KVASIR_PARSE_ISOLATION" default:"true" placeholder:"true|false"`

	// MaxPages bounds the pages of a PDF.
	MaxPages int `variable:"KVASIR_MAX_PAGES" default:"10000" placeholder:"N"`

	// MaxTextBytes bounds the text that is found in a document.
	MaxTextBytes int64 `variable:"KVASIR_MAX_TEXT_BYTES" type:"bytes" default:"64MiB"`

	// MaxUnpackedBytes bounds what a compressed document unpacks to.
	MaxUnpackedBytes int64 `variable:"KVASIR_MAX_UNPACKED_BYTES" type:"bytes" default:"256MiB"`

	// MaxNested bounds how deep mails may be in mails.
	MaxNested int `variable:"KVASIR_MAX_NESTED" default:"5" placeholder:"N"`

	// OCR set to false does not recognize the text in pictures and scanned pages, for
	// which tesseract has to be on the PATH.
	OCR Switch `name:"ocr" variable:"KVASIR_OCR" default:"true" placeholder:"true|false"`

	// OCRLanguages are tesseract's names of the languages in pictures. By default those
	// that are installed, but no more than four.
	OCRLanguages string `name:"ocr-languages" variable:"KVASIR_OCR_LANGUAGES" placeholder:"eng+deu"`

	// OCRTimeout bounds the time for all pictures and scanned pages of a document.
	OCRTimeout time.Duration `name:"ocr-timeout" variable:"KVASIR_OCR_TIMEOUT" default:"30m"`

	// ReaderCommand is how this program is started as a reader of documents. It is no
	// option: only the program itself knows.
	ReaderCommand []string `kong:"-"`
}

// Outside is how the server visits addresses that its users name: pages that
// become memos, and webhooks.
type Outside struct {
	// AllowPrivate are networks that may be visited although they are not of the
	// public internet: whoever may add a memo can then read what is served there.
	AllowPrivate []string `variable:"KVASIR_ALLOW_PRIVATE" placeholder:"10.0.0.0/8"`

	// FetchTimeout bounds the loading of a page.
	FetchTimeout time.Duration `variable:"KVASIR_FETCH_TIMEOUT" default:"5m"`

	// FetchProxy is the address of a proxy for all visits. It decides what they
	// reach: only it sees where a name leads.
	FetchProxy Secret `variable:"KVASIR_FETCH_PROXY" placeholder:"URL"`

	// UserAgent is what the server calls itself on its visits. By default Kvasir and
	// its version.
	UserAgent string `variable:"KVASIR_USER_AGENT" placeholder:"TEXT"`

	// EventRetention is how long events are kept for those who follow them, webhooks
	// that are paused among them.
	EventRetention time.Duration `variable:"KVASIR_EVENT_RETENTION" default:"720h"`
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

	// VectorCacheBytes bounds the vectors that are kept in the data folder so that no
	// text is paid for twice; those least used go first. 0 keeps none.
	VectorCacheBytes int64 `variable:"KVASIR_VECTOR_CACHE_BYTES" type:"bytes" default:"1GiB"`

	// ContextTokens is how much of what was found is handed to the model that answers: as
	// much as its window and your purse allow.
	ContextTokens int `variable:"KVASIR_CONTEXT_TOKENS" default:"8000" placeholder:"N"`

	// HistoryTokens is how much of what was said before is, the latest first.
	HistoryTokens int `variable:"KVASIR_HISTORY_TOKENS" default:"2000" placeholder:"N"`

	// EmbedConcurrency is the most requests for vectors that a lane has under way at
	// once. How many there are adapts to the provider.
	EmbedConcurrency int `variable:"KVASIR_EMBED_CONCURRENCY" default:"128" placeholder:"N"`

	// EmbedRPM is how many requests for vectors a lane may send a minute. 0 learns it
	// from the answers, which correct it in any case.
	EmbedRPM float64 `name:"embed-rpm" variable:"KVASIR_EMBED_RPM" default:"0" placeholder:"N"`

	// EmbedTPM is how many tokens they may hold a minute. 0 learns it.
	EmbedTPM float64 `name:"embed-tpm" variable:"KVASIR_EMBED_TPM" default:"0" placeholder:"N"`

	// GenerateConcurrency is the most answers that a lane writes at once.
	GenerateConcurrency int `variable:"KVASIR_GENERATE_CONCURRENCY" default:"1024" placeholder:"N"`

	// GenerateRPM is how many answers a lane may begin a minute. 0 learns it.
	GenerateRPM float64 `name:"generate-rpm" variable:"KVASIR_GENERATE_RPM" default:"0" placeholder:"N"`

	// GenerateTPM is how many tokens they may take a minute, question and answer
	// together. 0 learns it.
	GenerateTPM float64 `name:"generate-tpm" variable:"KVASIR_GENERATE_TPM" default:"0" placeholder:"N"`

	// RerankConcurrency is the most requests for reranking that a lane has under way
	// at once.
	RerankConcurrency int `variable:"KVASIR_RERANK_CONCURRENCY" default:"128" placeholder:"N"`

	// RerankRPM is how many requests for reranking a lane may send a minute. 0 learns
	// it.
	RerankRPM float64 `name:"rerank-rpm" variable:"KVASIR_RERANK_RPM" default:"0" placeholder:"N"`

	// RerankTPM is how many tokens they may hold a minute. 0 learns it.
	RerankTPM float64 `name:"rerank-tpm" variable:"KVASIR_RERANK_TPM" default:"0" placeholder:"N"`

	// IngestConcurrency is how many memos are worked on at once.
	IngestConcurrency int `variable:"KVASIR_INGEST_CONCURRENCY" default:"256" placeholder:"N"`

	// AnswerTimeout bounds an answer that is not streamed: clients of Skald give
	// up after 30 s.
	AnswerTimeout time.Duration `variable:"KVASIR_ANSWER_TIMEOUT" default:"28s"`

	// EventStreams is how many clients may follow the events at once.
	EventStreams int `variable:"KVASIR_EVENT_STREAMS" default:"10000" placeholder:"N"`
}

// Spending bounds what models may cost, by the prices that are known.
type Spending struct {
	// BudgetDay is how many dollars the whole server may spend on a day, in UTC. What
	// would begin beyond it is refused. 0 is no bound.
	BudgetDay float64 `variable:"KVASIR_BUDGET_DAY" default:"0" placeholder:"DOLLARS"`

	// BudgetMonth is how many dollars the whole server may spend in a month.
	BudgetMonth float64 `variable:"KVASIR_BUDGET_MONTH" default:"0" placeholder:"DOLLARS"`

	// HedgeShare bounds what second tries of slow calls may cost, as a share of what
	// all calls do that people wait for. 0 makes none.
	HedgeShare float64 `variable:"KVASIR_HEDGE_SHARE" default:"0.02" placeholder:"SHARE"`
}
