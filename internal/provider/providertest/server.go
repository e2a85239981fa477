package providertest

import (
	"cmp"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"time"
)

// A Kind sorts requests by what they ask for.
type Kind string

// The kinds. A chat that is asked to score documents is a Chat.
const (
	Embed  Kind = "embed"
	Chat   Kind = "chat"
	Rerank Kind = "rerank"
)

// Options are the options of [Start]. The zero value is a fast, healthy server.
type Options struct {
	// Listener is where to serve; nil means a free port of the loopback address.
	// Close closes it.
	Listener net.Listener
	// Dimensions is the length of vectors, unless a request asks for another; 0
	// means 64.
	Dimensions int
	// Numbers makes /v1/embeddings answer with arrays of numbers although base64
	// is asked for, as many compatible servers do.
	Numbers bool
	// Tokens is the number of tokens of a chat answer; 0 means 12.
	Tokens int
	// Latency is the time before the headers of every answer, by kind.
	Latency map[Kind]time.Duration
	// TokenDelay is the time before each token of a streamed answer.
	TokenDelay time.Duration
	// Behaviour is the behaviour at the start.
	Behaviour Behaviour
	// Seed is that of all chance; 0 means 1.
	Seed uint64
	// Control mounts GET and PUT /behaviour, and GET /totals.
	Control bool
	// Remember keeps hashes of all embedded texts, to count those that are embedded
	// twice.
	Remember bool
	// Keep is how many requests the record holds, the newest; 0 means 10,000, a
	// negative number none. Totals count them all.
	Keep int
}

// A Server is a running provider.
type Server struct {
	*Script
	*Record

	opts    Options
	chance  *chance
	meters  map[Kind]*meter // one each
	http    *httptest.Server
	once    sync.Once
	closing chan struct{} // closed by Close: ends pauses and stalls

	behaviour atomic.Pointer[Behaviour]
}

// Start starts a server. The caller closes it.
func Start(opts Options) *Server {
	opts.Dimensions = cmp.Or(opts.Dimensions, 64)
	opts.Tokens = cmp.Or(opts.Tokens, 12)
	s := &Server{
		Script:  &Script{},
		Record:  newRecord(cmp.Or(opts.Keep, 10_000), opts.Remember),
		opts:    opts,
		chance:  newChance(cmp.Or(opts.Seed, 1)),
		meters:  map[Kind]*meter{Embed: {}, Chat: {}, Rerank: {}},
		closing: make(chan struct{}),
	}
	s.Behave(opts.Behaviour)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/embeddings", s.handle(Embed, complainOpenAI, readEmbeddings))
	mux.HandleFunc("POST /v1/chat/completions", s.handle(Chat, complainOpenAI, readChat))
	mux.HandleFunc("POST /v1/rerank", s.handle(Rerank, complainOpenAI, readRerank))
	mux.HandleFunc("POST /v2/rerank", s.handle(Rerank, complainOpenAI, readCohere))
	mux.HandleFunc("POST /v1/messages", s.handle(Chat, complainAnthropic, readMessages))
	mux.HandleFunc("POST /v1beta/models/{call}", s.gemini())
	mux.HandleFunc("POST /embed", s.handle(Embed, complainOpenAI, readServiceEmbed))
	mux.HandleFunc("POST /rerank", s.handle(Rerank, complainOpenAI, readServiceRerank))
	if opts.Control {
		mux.HandleFunc("GET /behaviour", s.showBehaviour)
		mux.HandleFunc("PUT /behaviour", s.changeBehaviour)
		mux.HandleFunc("GET /totals", s.showTotals)
	}
	if opts.Listener == nil {
		s.http = httptest.NewServer(mux)
		return s
	}
	s.http = &httptest.Server{Listener: opts.Listener, Config: &http.Server{Handler: mux}}
	s.http.Start()
	return s
}

// URL returns the server's address: the base URL of Skald's embedding service, and of
// TEI.
func (s *Server) URL() string { return s.http.URL }

// BaseURL returns the base URL of the OpenAI, Anthropic, Voyage and Jina protocols.
func (s *Server) BaseURL() string { return s.http.URL + "/v1" }

// CohereURL returns the base URL of Cohere's protocol.
func (s *Server) CohereURL() string { return s.http.URL + "/v2" }

// GeminiURL returns the base URL of the Gemini protocol.
func (s *Server) GeminiURL() string { return s.http.URL + "/v1beta" }

// Behave changes the behaviour, which must pass [Behaviour.Check]. Requests under
// way keep the one they began with.
func (s *Server) Behave(b Behaviour) { s.behaviour.Store(&b) }

// Behaviour returns the present behaviour.
func (s *Server) Behaviour() Behaviour { return *s.behaviour.Load() }

// Close ends every exchange and returns when all are over. It may be called
// more than once.
func (s *Server) Close() {
	s.once.Do(func() { close(s.closing) })
	s.http.Close()
}

// A call is a request together with its answer.
type call struct {
	Request
	// document returns the whole answer, to be sent as JSON. The fault Missing
	// leaves something out of it.
	document func(Options, Action) any
	// tokens returns the pieces of a text that is answered; nil if none is.
	tokens   func(Options, Action) []string
	voice    voice // of a streamed answer
	complain complaint
}

// read counts the tokens of the request: its words.
func (c *call) read() int {
	n := countWords(c.Query)
	for _, text := range c.Texts {
		n += countWords(text)
	}
	return n
}

// maxBody bounds a request: 2,048 long texts have less.
const maxBody = 128 << 20

func (s *Server) handle(kind Kind, complain complaint, read func([]byte) (call, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
			return
		}
		c, err := read(body)
		if err != nil {
			refuse(w, http.StatusBadRequest, complain(http.StatusBadRequest, err.Error(), 0))
			return
		}
		c.Kind, c.Path, c.complain = kind, r.URL.Path, complain
		for _, header := range []string{"Authorization", "X-Api-Key", "X-Goog-Api-Key"} {
			c.Authorized = c.Authorized || r.Header.Get(header) != ""
		}
		kept := s.begin(c.Request)
		c.ID = kept.ID
		behaviour := s.Behaviour()
		e := &exchange{server: s, w: w, r: r, kept: kept, opts: s.opts, manner: *behaviour.Of(kind)}
		e.opts.Tokens = cmp.Or(e.manner.Tokens, e.opts.Tokens)
		complete := e.answer(c, behaviour.Headers)
		s.end(kept, !complete && r.Context().Err() != nil)
	}
}

// refuse answers with an error.
func refuse(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body) // the client may be gone
}
