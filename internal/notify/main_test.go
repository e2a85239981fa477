package notify_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"
	"golang.org/x/sync/errgroup"

	"kvasir/internal/account"
	"kvasir/internal/event"
	"kvasir/internal/fetch"
	"kvasir/internal/memo"
	"kvasir/internal/notify"
	"kvasir/internal/store"
	"kvasir/internal/store/sqlite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// quick makes everything happen at once.
var quick = notify.Options{
	Timeout: time.Second, Sweep: 5 * time.Millisecond, FirstRetry: 2 * time.Millisecond, LastRetry: 8 * time.Millisecond,
}

// A room is a service on a real store and a real network.
type room struct {
	*notify.Service
	t       *testing.T
	store   *store.Store
	project account.ProjectID
	log     *lines
}

// lines is a log that may be read while it is written.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func open(t *testing.T, opts notify.Options) *room {
	t.Helper()
	st, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "data"), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	key := account.NewKey()
	if _, err := st.EnsureProject(t.Context(), key, time.Now()); err != nil {
		t.Fatal(err)
	}
	caller, err := st.FindKey(t.Context(), key.Hash())
	if err != nil {
		t.Fatal(err)
	}
	client := fetch.New(fetch.Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}})
	t.Cleanup(client.Close)
	log := &lines{}
	logger := slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	return &room{notify.New(st, client, logger, &opts), t, st, caller.Project, log}
}

// run works until the returned function is called, which waits for the end.
func (r *room) run() (end func()) {
	ctx, cancel := context.WithCancel(r.t.Context())
	var g errgroup.Group
	g.Go(func() error { return r.Run(ctx) })
	end = sync.OnceFunc(func() {
		cancel()
		if err := g.Wait(); err != nil {
			r.t.Errorf("Run: %v", err)
		}
	})
	r.t.Cleanup(end)
	return end
}

// add makes an event: a memo is created.
func (r *room) add(title string) memo.ID {
	r.t.Helper()
	id := memo.ID(uuid.Must(uuid.NewV7()).String())
	reference := "ref-" + title
	d := memo.Draft{
		Attributes: memo.Attributes{Title: title, ReferenceID: &reference, Metadata: []byte("{}")}, Content: title,
	}
	if err := r.store.CreateMemo(r.t.Context(), r.project, id, d, time.Now()); err != nil {
		r.t.Fatal(err)
	}
	return id
}

// remove makes an event: the memo is deleted.
func (r *room) remove(id memo.ID) {
	r.t.Helper()
	if _, err := r.store.DeleteMemo(r.t.Context(), r.project, memo.Ref{ID: id}, time.Now()); err != nil {
		r.t.Fatal(err)
	}
}

func (r *room) create(url string, kinds ...event.Kind) event.Webhook {
	r.t.Helper()
	w, err := r.Create(r.t.Context(), r.project, url, kinds)
	if err != nil {
		r.t.Fatal(err)
	}
	return w
}

func (r *room) find(id event.WebhookID) event.Webhook {
	r.t.Helper()
	w, err := r.store.FindWebhook(r.t.Context(), r.project, id)
	if err != nil {
		r.t.Fatal(err)
	}
	return w
}

// until waits for a webhook to come into a state.
func (r *room) until(id event.WebhookID, reached func(w event.Webhook) bool) event.Webhook {
	r.t.Helper()
	poll := time.NewTicker(2 * time.Millisecond)
	defer poll.Stop()
	for range 5000 {
		if w := r.find(id); reached(w) {
			return w
		}
		<-poll.C
	}
	w := r.find(id)
	w.Secret = ""
	r.t.Fatalf("webhook stays at %+v\n%s", w, r.log)
	return w
}

// A told is what a receiver finds in a request.
type told struct {
	ID      string
	Webhook string `json:"webhook_id"`
	Events  []struct {
		ID      int64          `json:"id"`
		Type    string         `json:"type"`
		Created time.Time      `json:"created_at"`
		Data    map[string]any `json:"data"`
	}
}

// A receiver is a server that takes messages, and answers as it is told.
type receiver struct {
	URL string

	t      *testing.T
	mu     sync.Mutex
	secret string
	taken  []told // with a status of 200
	tried  int
	answer func(w http.ResponseWriter, r *http.Request) (status int) // nil for 200
}

func receive(t *testing.T, answer func(w http.ResponseWriter, r *http.Request) int) *receiver {
	t.Helper()
	v := &receiver{t: t, answer: answer}
	server := httptest.NewServer(v)
	t.Cleanup(server.Close)
	v.URL = server.URL + "/hook?token=topsecret"
	return v
}

// ServeHTTP checks the signature as the specification says, and answers.
func (v *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // cut short
	}
	v.mu.Lock()
	v.tried++
	secret, answer := v.secret, v.answer
	v.mu.Unlock()
	if secret != "" && !signed(secret, r.Header, body) {
		v.t.Errorf("a request is not signed: %v", r.Header)
	}
	status := http.StatusOK
	if answer != nil {
		status = answer(w, r)
	}
	if status == http.StatusOK {
		m := told{ID: r.Header.Get("webhook-id")}
		if err := json.Unmarshal(body, &m); err != nil {
			v.t.Errorf("body %s: %v", body, err)
		}
		v.mu.Lock()
		v.taken = append(v.taken, m)
		v.mu.Unlock()
	}
	w.WriteHeader(status)
}

func signed(secret string, h http.Header, body []byte) bool {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil || len(key) != 32 {
		return false
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(h.Get("webhook-id") + "." + h.Get("webhook-timestamp") + "." + string(body)))
	return h.Get("webhook-signature") == "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// set changes how the receiver answers from now on.
func (v *receiver) set(change func(v *receiver)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	change(v)
}

// events returns what has been taken: "memo.created a", in order.
func (v *receiver) events() (events []string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, m := range v.taken {
		for _, e := range m.Events {
			title, _ := e.Data["title"].(string)
			events = append(events, strings.TrimSpace(e.Type+" "+title))
		}
	}
	return events
}
