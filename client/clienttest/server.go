// Package clienttest is a small server of the wire for tests of its clients.
//
// A [Server] keeps memos in memory and answers as the wire's description says:
// the same paths, fields, statuses and words. It finds memos that contain a word
// of the query and answers with the first of them, quoted. It processes nothing
// by itself: a memo is "processing" when its status is first asked for and
// "processed" from then on, or failed, if its text says so (see [FailingText]). For
// who follows events, a second is such a question.
package clienttest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Key is the one API key that a [Server] accepts.
const Key = "sk_proj_00112233445566778899aabbccddeeff00112233"

// FailingText in a memo makes its processing fail, with this reason.
const FailingText = "cannot be processed"

// SlowText in a memo makes its processing wait, for a reason that is told, until
// its status has been asked for three times.
const SlowText = "takes its time"

// A Memo is what a [Server] keeps of a memo.
type Memo struct {
	ID          string
	ReferenceID string
	Title       string
	Content     string
	Type        string // plaintext or document
	Source      string
	Tags        []string
	Metadata    map[string]any
	Scopes      map[string]string
	Asked       int // how often its status was asked for
	Writes      int // how often it was created or replaced
	URL         string
	Enriched    []string // aspects asked for last
	Processing  map[string]any
	File        string // the name of its file; empty for none
}

// hash is the content hash of the wire.
func (m *Memo) hash() string {
	sum := sha256.Sum256([]byte(m.Content))
	return hex.EncodeToString(sum[:])
}

func (m *Memo) isSlow() bool { return m.Asked < 3 && strings.Contains(m.Content, SlowText) }

// waits says what a memo waits for and until when; nil for nothing.
func (m *Memo) waits() (reason, eta any) {
	if !m.isSlow() {
		return nil, nil
	}
	return fmt.Sprintf("openai/m: 429 until 12:03:10, %d texts ahead", 41-m.Asked), stamp()
}

func (m *Memo) status() string {
	switch {
	case m.Asked == 0, m.isSlow():
		return "processing"
	case strings.Contains(m.Content, FailingText):
		return "error"
	}
	return "processed"
}

// A Server speaks the wire over HTTP.
type Server struct {
	URL string
	// HTTP makes requests to the server; its connections end with the test.
	HTTP *http.Client

	mu    sync.Mutex // guards what follows
	memos []*Memo    // the newest first
	next  int

	old        bool // it has no events, as servers before them
	processing object
	index      reindexing
	webhooks   []object
	log        []object      // what has happened
	woken      chan struct{} // closed by the next event
}

// WithoutEvents makes the server one that has no stream of events.
func (s *Server) WithoutEvents() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.old = true
}

// Start returns a running server, which ends with the test.
func Start(tb testing.TB) *Server {
	tb.Helper()
	s := &Server{}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/health", s.health)
	mux.HandleFunc("POST /api/v1/memo", s.createMemo)
	mux.HandleFunc("GET /api/v1/memo", s.listMemos)
	mux.HandleFunc("GET /api/v1/memo/{id}", s.withMemo(s.readMemo))
	mux.HandleFunc("GET /api/v1/memo/{id}/status", s.withMemo(s.readStatus))
	mux.HandleFunc("PATCH /api/v1/memo/{id}", s.withMemo(s.patchMemo))
	mux.HandleFunc("DELETE /api/v1/memo/{id}", s.withMemo(s.deleteMemo))
	mux.HandleFunc("POST /api/v1/memo/{id}/retry", s.withMemo(s.retryMemo))
	mux.HandleFunc("GET /api/v1/memo/{id}/original", s.withMemo(s.readOriginal))
	mux.HandleFunc("POST /api/v1/memo/{id}/enrich", s.withMemo(s.enrichMemo))
	mux.HandleFunc("GET /api/v1/processing", s.readProcessing)
	mux.HandleFunc("PUT /api/v1/processing", s.setProcessing)
	mux.HandleFunc("GET /api/v1/events", s.follow)
	mux.HandleFunc("GET /api/v1/webhooks", s.listWebhooks)
	mux.HandleFunc("POST /api/v1/webhooks", s.createWebhook)
	mux.HandleFunc("DELETE /api/v1/webhooks/{id}", s.deleteWebhook)
	mux.HandleFunc("POST /api/v1/webhooks/{id}/test", s.testWebhook)
	mux.HandleFunc("POST /api/v1/search", s.search)
	mux.HandleFunc("POST /api/v1/chat", s.chat)
	mux.HandleFunc("GET /api/v1/chat", s.listChats)
	mux.HandleFunc("GET /api/v1/chat/{id}", s.readChat)
	mux.HandleFunc("POST /api/v1/generate", s.generate)
	mux.HandleFunc("GET /api/v1/status", s.status)
	mux.HandleFunc("GET /api/v1/reindex", s.reindexing)
	mux.HandleFunc("POST /api/v1/reindex", s.reindex)
	mux.HandleFunc("POST /api/v1/reindex/search", s.searchVersion)
	mux.HandleFunc("GET /api/v1/usage", s.usage)
	mux.HandleFunc("POST /api/v1/usage/estimate", s.estimate)
	srv := httptest.NewServer(authenticate(mux))
	tb.Cleanup(func() {
		srv.CloseClientConnections() // streams have no end
		srv.Close()
	})
	s.URL, s.HTTP = srv.URL, srv.Client()
	return s
}

// Memos returns copies of the memos, by title.
func (s *Server) Memos() []Memo {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Memo, len(s.memos))
	for i, m := range s.memos {
		out[i] = *m
	}
	slices.SortFunc(out, func(a, b Memo) int { return strings.Compare(a.Title, b.Title) })
	return out
}

// authenticate refuses who has no key, except for the health.
func authenticate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/health" && r.Header.Get("Authorization") != "Bearer "+Key {
			refuse(w, http.StatusUnauthorized, "Unauthorized")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// An object is a JSON object.
type object = map[string]any

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client has gone
}

func refuse(w http.ResponseWriter, status int, words string) {
	answer(w, status, object{"error": words})
}

// decode reads a JSON body, or refuses it.
func decode(w http.ResponseWriter, r *http.Request, v any) bool {
	if err := json.NewDecoder(r.Body).Decode(v); err != nil {
		refuse(w, http.StatusBadRequest, "Invalid JSON in request body")
		return false
	}
	return true
}

// stamp is when everything happens.
func stamp() string {
	return time.Date(2026, 11, 22, 17, 45, 40, 38e6, time.UTC).Format("2006-01-02T15:04:05.000Z07:00")
}

// orNull returns null for an empty text.
func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// envelope cuts a page out of a list, as the query asks.
func envelope(w http.ResponseWriter, r *http.Request, results []object) {
	page, size := 1, 20
	for name, number := range map[string]*int{"page": &page, "page_size": &size} {
		if n, err := strconv.Atoi(r.URL.Query().Get(name)); err == nil && n != 0 {
			*number = n
		}
	}
	switch {
	case size > 100:
		refuse(w, http.StatusBadRequest, "page_size must be less than or equal to 100")
		return
	case page < 1:
		refuse(w, http.StatusBadRequest, "page must be greater than or equal to 1")
		return
	}
	first := min((page-1)*size, len(results))
	answer(w, http.StatusOK, object{
		"results": results[first:min(first+size, len(results))],
		"count":   len(results), "page": page, "page_size": size, "total_pages": (len(results) + size - 1) / size,
		"next": nil, "previous": nil,
	})
}

// newID returns a UUID; s.mu is held.
func (s *Server) newID() string {
	s.next++
	return fmt.Sprintf("0197a1f2-2f57-7c3e-9d51-%012d", s.next)
}

func (s *Server) health(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	answer(w, http.StatusOK, object{
		"status": "ok", "checks": object{"database": true}, "store": "sqlite",
		"queue": object{"pending": 0, "errors": 0},
		"providers": object{
			"embeddings": object{"provider": "none", "note": "search is by words alone", "missing_vectors": 0},
			"answers":    object{"provider": "extractive", "model": "extractive"},
			"reranking":  object{"provider": "none"},
		},
		"version": "test", "uptime_seconds": 1.5,
	})
}
