package providertest

import (
	"cmp"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
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
	// Keep is how many requests the record holds, the newest; 0 means 10,000, a
	// negative number none. Totals count them all.
	Keep int
}

// A Server is a running provider.
type Server struct {
	*Script
	*Record

	opts    Options
	http    *httptest.Server
	once    sync.Once
	closing chan struct{} // closed by Close: ends pauses and stalls
}

// Start starts a server. The caller closes it.
func Start(opts Options) *Server {
	opts.Dimensions = cmp.Or(opts.Dimensions, 64)
	opts.Tokens = cmp.Or(opts.Tokens, 12)
	s := &Server{
		Script:  &Script{},
		Record:  newRecord(cmp.Or(opts.Keep, 10_000)),
		opts:    opts,
		closing: make(chan struct{}),
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/embeddings", s.handle(Embed, readEmbeddings))
	mux.HandleFunc("POST /v1/chat/completions", s.handle(Chat, readChat))
	mux.HandleFunc("POST /v1/rerank", s.handle(Rerank, readRerank))
	mux.HandleFunc("POST /embed", s.handle(Embed, readServiceEmbed))
	mux.HandleFunc("POST /rerank", s.handle(Rerank, readServiceRerank))
	if opts.Listener == nil {
		s.http = httptest.NewServer(mux)
		return s
	}
	s.http = &httptest.Server{Listener: opts.Listener, Config: &http.Server{Handler: mux}}
	s.http.Start()
	return s
}

// URL returns the server's address: the base URL of Skald's embedding service.
func (s *Server) URL() string { return s.http.URL }

// BaseURL returns the base URL of the OpenAI and Voyage protocols.
func (s *Server) BaseURL() string { return s.http.URL + "/v1" }

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
	// tokens returns the pieces of an answer that is streamed.
	tokens func(Options, Action) []string
	usage  bool // the stream shall end with the usage
}

// maxBody bounds a request: 2,048 long texts have less.
const maxBody = 128 << 20

func (s *Server) handle(kind Kind, read func([]byte) (call, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
			return
		}
		c, err := read(body)
		if err != nil {
			writeFailure(w, Fail(http.StatusBadRequest, err.Error()))
			return
		}
		c.Kind, c.Path = kind, r.URL.Path
		c.Authorized = r.Header.Get("Authorization") != ""
		kept := s.begin(c.Request)
		c.ID = kept.ID
		e := &exchange{server: s, w: w, r: r, kept: kept}
		complete := e.perform(c, s.decide(c.Request))
		s.end(kept, !complete && r.Context().Err() != nil)
	}
}

// writeFailure answers with an error in OpenAI's form, unless the action has a
// body of its own.
func writeFailure(w http.ResponseWriter, a Action) {
	body := a.Body
	if body == "" {
		body = fmt.Sprintf(`{"error": {"message": "scripted status %d", "type": "scripted", "code": null}}`, a.Status)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(a.Status)
	_, _ = io.WriteString(w, body) // the client may be gone
}
