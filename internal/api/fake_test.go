package api

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"iter"
	"net/http/httptest"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"kvasir/internal/account"
	"kvasir/internal/api/field"
	"kvasir/internal/chat"
	"kvasir/internal/conversation"
	"kvasir/internal/event"
	"kvasir/internal/fault"
	"kvasir/internal/ingest"
	"kvasir/internal/ledger"
	"kvasir/internal/memo"
	"kvasir/internal/retrieval"
	"kvasir/internal/search"
)

// testKey is the API key of project "p1" in every test.
const testKey = "sk_proj_0123456789abcdef0123456789abcdef01234567"

// A backend is everything behind the edge, in memory: memos are processed at
// once as one chunk, search finds substrings, and answers quote the first hit.
type backend struct {
	mu    sync.Mutex // guards all below
	next  int
	memos []memo.Memo // oldest first
	chats []conversation.Chat

	uploads []string // the bodies of uploaded files
	answers []chat.Event
	failing error // what reading memos answers, if set
	asked   chat.Question
	queried search.Query
	found   retrieval.Found // what is told of every search that is to be explained
	drafted memo.Draft
	written chat.DocumentRequest
	entries []ledger.Entry // all that was spent, by anybody
	planned Plan
	wait    Wait // of every unfinished memo

	enriched []memo.Aspect // asked for last
	settings memo.Processing
	hooks    []event.Webhook
	happened []event.Event
	woken    chan struct{} // closed by the next event
}

func (b *backend) id() string {
	b.next++
	return fmt.Sprintf("00000000-0000-7000-8000-%012d", b.next)
}

func (b *backend) FindKey(_ context.Context, hash string) (account.Caller, error) {
	switch hash {
	case account.HashKey(testKey):
		return account.Caller{Organization: "o1", Project: "p1", Key: "sk_proj_0123"}, nil
	case account.HashKey("broken"):
		return account.Caller{}, fmt.Errorf("read key: disk on fire")
	}
	return account.Caller{}, fault.New(fault.NotFound, "no such key")
}

// find returns the index of a memo, the newest if several have a reference id.
func (b *backend) find(p account.ProjectID, ref memo.Ref) (int, error) {
	for i, m := range slices.Backward(b.memos) {
		if m.Project == p && (m.ID == ref.ID || ref.ID == "" && m.ReferenceID != nil && *m.ReferenceID == ref.ReferenceID) {
			return i, nil
		}
	}
	return 0, fault.New(fault.NotFound, "nothing there")
}

func (b *backend) FindMemo(_ context.Context, p account.ProjectID, ref memo.Ref) (memo.Memo, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failing != nil {
		return memo.Memo{}, b.failing
	}
	i, err := b.find(p, ref)
	if err != nil {
		return memo.Memo{}, err
	}
	return b.memos[i], nil
}

func (b *backend) FindProgress(ctx context.Context, p account.ProjectID, ref memo.Ref) (memo.ID, memo.Progress, error) {
	m, err := b.FindMemo(ctx, p, ref)
	return m.ID, m.Progress, err
}

func (b *backend) ListMemos(_ context.Context, p account.ProjectID, offset, limit int) ([]memo.Memo, int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failing != nil {
		return nil, 0, b.failing
	}
	all := slices.Clone(b.memos)
	slices.Reverse(all)
	all = slices.DeleteFunc(all, func(m memo.Memo) bool { return m.Project != p })
	return all[min(offset, len(all)):min(offset+limit, len(all))], len(all), nil
}

// process makes a memo what a worker would.
func (b *backend) process(m *memo.Memo, content string) {
	now := time.Now()
	sum := sha256.Sum256([]byte(content))
	m.Content, m.ContentLength = &content, new(memo.UTF16Len(content))
	m.ContentHash, m.Updated = hex.EncodeToString(sum[:]), now
	m.Progress = memo.Progress{Stage: memo.StageProcessed, Started: &now, Completed: &now, ChunksDone: 1, ChunksTotal: 1}
	m.Chunks = nil
	if content != "" {
		m.Chunks = []memo.Chunk{{ID: memo.ChunkID(b.id()), End: len(content), Content: content}}
	}
}

func (b *backend) Add(_ context.Context, p account.ProjectID, d memo.Draft, u *ingest.Upload) (memo.ID, error) {
	content, kind := d.Content, memo.TypePlaintext
	if u != nil {
		body, err := io.ReadAll(u.Body)
		if err != nil {
			return "", err
		}
		content, kind = string(body), memo.TypeDocument
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if u != nil {
		b.uploads = append(b.uploads, content)
	}
	b.drafted = d
	m := memo.Memo{
		ID: memo.ID(b.id()), Project: p, Type: kind, Attributes: d.Attributes, URL: d.URL,
	}
	m.Created = time.Now()
	if u != nil {
		m.File = &memo.File{
			Name: u.Name, MIMEType: u.MIMEType, Size: int64(len(content)), Blob: content,
			Hash: fmt.Sprintf("%x", sha256.Sum256([]byte(content))),
		}
	}
	for range d.Tags {
		m.TagIDs = append(m.TagIDs, b.id())
	}
	b.process(&m, content)
	b.memos = append(b.memos, m)
	b.note(event.Created, &m)
	b.note(event.Processed, &m)
	return m.ID, nil
}

func (b *backend) Upsert(
	ctx context.Context, p account.ProjectID, d memo.Draft, u *ingest.Upload,
) (memo.ID, bool, error) {
	b.mu.Lock()
	i, err := b.find(p, memo.Ref{ReferenceID: *d.ReferenceID})
	if err == nil {
		defer b.mu.Unlock()
		b.memos[i].Attributes = d.Attributes
		b.process(&b.memos[i], d.Content)
		return b.memos[i].ID, false, nil
	}
	b.mu.Unlock()
	id, err := b.Add(ctx, p, d, u)
	return id, true, err
}

func (b *backend) Update(_ context.Context, p account.ProjectID, ref memo.Ref, patch memo.Patch) (memo.ID, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i, err := b.find(p, ref)
	if err != nil {
		return "", err
	}
	m := &b.memos[i]
	if patch.Title != nil {
		m.Title = *patch.Title
	}
	m.Source = cmp.Or(patch.Source, m.Source)
	m.ReferenceID = cmp.Or(patch.ReferenceID, m.ReferenceID)
	m.Expires = cmp.Or(patch.Expires, m.Expires)
	if patch.Metadata != nil {
		m.Metadata = patch.Metadata
	}
	if patch.Scopes != nil {
		m.Scopes = patch.Scopes
	}
	if patch.Tags != nil {
		m.Tags = patch.Tags
	}
	if patch.Content != nil {
		b.process(m, *patch.Content)
	}
	return m.ID, nil
}

func (b *backend) Delete(_ context.Context, p account.ProjectID, ref memo.Ref) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	i, err := b.find(p, ref)
	if err == nil {
		b.note(event.Deleted, &b.memos[i])
		b.memos = slices.Delete(b.memos, i, i+1)
	}
	return err
}

func (b *backend) Retry(_ context.Context, p account.ProjectID, ref memo.Ref) (memo.ID, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i, err := b.find(p, ref)
	if err != nil {
		return "", err
	}
	return b.memos[i].ID, nil
}

func (b *backend) Search(_ context.Context, q search.Query) (retrieval.Found, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.queried = q
	if b.failing != nil {
		return retrieval.Found{}, b.failing
	}
	var hits []retrieval.Hit
	for _, m := range slices.Backward(b.memos) {
		title := strings.Contains(strings.ToLower(m.Title), strings.ToLower(q.Text))
		isTitle := q.Method == search.MethodTitleContains || q.Method == search.MethodTitleStartsWith
		for _, c := range m.Chunks {
			snippet := field.Cut(*m.Content, 100)
			hit := retrieval.Hit{Passage: memo.Passage{Chunk: c, Memo: m.ID, Title: m.Title, Snippet: snippet}}
			switch {
			case m.Project != q.Project || len(hits) == q.Limit:
			case isTitle && title:
				hits = append(hits, hit)
			case !isTitle && strings.Contains(strings.ToLower(c.Content), strings.ToLower(q.Text)):
				hit.Distance = new(0.25)
				hits = append(hits, hit)
			}
		}
	}
	found := retrieval.Found{Hits: hits, Inferred: b.found.Inferred}
	if q.Explain {
		found.Explanation = cmp.Or(b.found.Explanation, &retrieval.Explanation{Stages: []retrieval.Stage{{Name: "lexical"}}})
	}
	return found, nil
}

func (b *backend) Providers() []chat.Provider {
	return []chat.Provider{{Name: "extractive", Label: "Extractive", Model: "quotes"}, {Name: "local", Label: "Local"}}
}

// ask answers with b.answers if there are some, else with what search finds.
func (b *backend) ask(ctx context.Context, q chat.Question) (Answer, error) {
	b.mu.Lock()
	b.asked = q
	scripted := b.answers
	known := q.Chat == "" || slices.ContainsFunc(b.chats, func(c conversation.Chat) bool { return c.ID == q.Chat })
	b.mu.Unlock()
	if !known {
		return nil, fault.New(fault.NotFound, "Chat not found")
	}
	if scripted != nil {
		return func(context.Context) iter.Seq[chat.Event] { return slices.Values(scripted) }, nil
	}
	found, err := b.Search(ctx, search.Query{Request: retrieval.Request{Project: q.Project, Text: q.Text, Limit: 1}})
	if err != nil {
		return nil, err
	}
	events := []chat.Event{{Token: "Nothing fits."}}
	if len(found.Hits) > 0 {
		h := found.Hits[0]
		events = []chat.Event{
			{Token: h.Content}, {Token: " [[1]]"},
			{Citations: []conversation.Citation{{Number: 1, Memo: h.Memo, MemoTitle: h.Title, Chunk: h.ID, End: h.End}}},
		}
		if q.Options.References {
			events = append(events, chat.Event{References: []conversation.Reference{
				{Number: 1, Memo: h.Memo, MemoTitle: h.Title},
			}})
		}
	}
	events = append(events, chat.Event{Done: &chat.Outcome{Chat: b.keep(q)}})
	return func(context.Context) iter.Seq[chat.Event] { return slices.Values(events) }, nil
}

// keep stores an exchange.
func (b *backend) keep(q chat.Question) conversation.ChatID {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.IndexFunc(b.chats, func(c conversation.Chat) bool { return c.ID == q.Chat })
	if i < 0 {
		i = len(b.chats)
		b.chats = append(b.chats, conversation.Chat{
			ID: conversation.ChatID(b.id()), Project: q.Project, Created: time.Now(), Title: q.Text,
		})
	}
	c := &b.chats[i]
	c.LastMessage = time.Now()
	c.Messages = append(c.Messages,
		conversation.Message{
			ID: b.id(), Content: q.Text, SentBy: conversation.SentByUser, Sent: c.LastMessage, SystemPrompt: q.SystemPrompt,
		},
		conversation.Message{ID: b.id(), Content: "…", SentBy: conversation.SentByModel, Sent: c.LastMessage})
	c.MessageCount = len(c.Messages)
	return c.ID
}

func (b *backend) Write(_ context.Context, r chat.DocumentRequest) iter.Seq2[string, error] {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.written = r
	return func(yield func(string, error) bool) {
		if r.Prompt == "fail" {
			yield("", fault.New(fault.Unavailable, "the model is down"))
			return
		}
		_ = yield("# "+r.Prompt, nil) && yield("\n"+r.Rules, nil)
	}
}

func (b *backend) FindChat(_ context.Context, p account.ProjectID, id conversation.ChatID) (conversation.Chat, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.chats {
		if c.ID == id && c.Project == p {
			return c, nil
		}
	}
	return conversation.Chat{}, fault.New(fault.NotFound, "nothing there")
}

func (b *backend) ListChats(
	_ context.Context, p account.ProjectID, offset, limit int,
) ([]conversation.Chat, int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := slices.Clone(b.chats)
	slices.Reverse(all)
	return all[min(offset, len(all)):min(offset+limit, len(all))], len(all), nil
}

func (b *backend) health(context.Context) Health {
	return Health{Status: "ok", Checks: HealthChecks{Database: true}, Store: "memory"}
}

// checkFileName knows the types that package parse knows, and its words.
func checkFileName(name string) error {
	allowed := []string{".pdf", ".doc", ".docx", ".pptx", ".txt", ".md", ".html"}
	if slices.Contains(allowed, strings.ToLower(path.Ext(name))) {
		return nil
	}
	return fault.New(fault.Invalid, "Invalid file type. Allowed types: "+strings.Join(allowed, ", "))
}

// checkURL knows the addresses that package fetch knows, and its words.
func checkURL(rawURL string) error {
	switch {
	case len(rawURL) > 2048:
		return fault.New(fault.Invalid, "url: At most 2048 characters")
	case !strings.HasPrefix(rawURL, "https://"):
		return fault.New(fault.Invalid, "url: Only http and https addresses are loaded")
	}
	return nil
}

// config is the edge over b, with small limits.
func (b *backend) config(t testing.TB) Config {
	return Config{
		Keys: b, Memos: b, Intake: b, Editor: b, Searcher: b, Ask: b.ask, Assistant: b, Chats: b,
		Ledger: b, Budgets: b.budgets, Estimate: b.estimate, Waits: b.waits, Status: b.status,
		Originals: b, OpenOriginal: b.open, Processing: b.processing, SetProcessing: b.setProcessing,
		Events: b, Webhooks: hooks{b}, Reindexer: &indexes{}, WebhookPaused: func(d event.Delivery) bool { return d.Attempt > 9 },
		Health: b.health, CheckFileName: checkFileName, CheckURL: checkURL, TempDir: t.TempDir(),
		Log: quiet(t), Version: "test",
	}
}

// serve starts the edge over b on a real socket.
func serve(t testing.TB, cfg Config) string {
	server := httptest.NewServer(New(cfg))
	t.Cleanup(server.Close)
	return server.URL
}

// memoDraft is a memo that asks for nothing.
func memoDraft(title string) memo.Draft {
	return memo.Draft{Attributes: memo.Attributes{Title: title}, Content: "content of " + title}
}
