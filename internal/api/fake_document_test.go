package api

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"kvasir/internal/account"
	"kvasir/internal/event"
	"kvasir/internal/fault"
	"kvasir/internal/memo"
)

func (b *backend) Enrich(_ context.Context, p account.ProjectID, ref memo.Ref, aspects []memo.Aspect) (memo.ID, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i, err := b.find(p, ref)
	if err != nil {
		return "", err
	}
	b.enriched = aspects
	return b.memos[i].ID, nil
}

func (b *backend) FindOriginal(_ context.Context, p account.ProjectID, ref memo.Ref) (memo.File, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i, err := b.find(p, ref)
	if err != nil || b.memos[i].File == nil {
		return memo.File{}, fault.New(fault.NotFound, "no file")
	}
	return *b.memos[i].File, nil
}

// An inMemory file is read from its key.
type inMemory struct{ *strings.Reader }

func (inMemory) Close() error { return nil }

func (b *backend) open(_ context.Context, key string) (io.ReadSeekCloser, error) {
	return inMemory{strings.NewReader(key)}, nil
}

func (b *backend) processing(context.Context, account.ProjectID) (memo.Processing, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.settings, nil
}

func (b *backend) setProcessing(_ context.Context, _ account.ProjectID, set memo.Processing) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.settings = set
	return nil
}

// note appends an event; b.mu is held.
func (b *backend) note(kind event.Kind, m *memo.Memo) {
	e := event.Event{
		Seq: int64(len(b.happened)) + 1, Project: m.Project, Kind: kind, At: time.Now(), Memo: m.ID, Title: m.Title,
	}
	if m.ReferenceID != nil {
		e.ReferenceID = *m.ReferenceID
	}
	b.happened = append(b.happened, e)
	if b.woken != nil {
		close(b.woken)
		b.woken = nil
	}
}

func (b *backend) Events(_ context.Context, p account.ProjectID, after int64, limit int) ([]event.Event, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []event.Event
	for _, e := range b.happened {
		if e.Project == p && e.Seq > after && len(out) < limit {
			out = append(out, e)
		}
	}
	return out, nil
}

func (b *backend) EventLog(_ context.Context, p account.ProjectID) (event.Log, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var log event.Log
	for _, e := range b.happened {
		if e.Project == p {
			if log.Oldest == 0 {
				log.Oldest = e.Seq
			}
			log.Newest = e.Seq
		}
	}
	return log, nil
}

func (b *backend) EventSignal() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.woken == nil {
		b.woken = make(chan struct{})
	}
	return b.woken
}

func (b *backend) Unfinished(_ context.Context, p account.ProjectID, limit int) ([]memo.Memo, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []memo.Memo
	for _, m := range b.memos {
		if m.Project == p && m.Progress.Stage.Status() == "processing" && len(out) < limit {
			out = append(out, m)
		}
	}
	return out, nil
}

func (b *backend) Create(
	_ context.Context, p account.ProjectID, url string, kinds []event.Kind,
) (event.Webhook, error) {
	if err := checkURL(url); err != nil {
		return event.Webhook{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	w := event.Webhook{
		ID: event.WebhookID(b.id()), Project: p, URL: url, Kinds: kinds, Secret: "whsec_secret", Created: time.Now(),
	}
	b.hooks = append(b.hooks, w)
	return w, nil
}

func (b *backend) List(_ context.Context, p account.ProjectID) ([]event.Webhook, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(b.hooks), func(w event.Webhook) bool { return w.Project != p }), nil
}

// hook returns the index of a webhook; b.mu is held.
func (b *backend) hook(p account.ProjectID, id event.WebhookID) (int, error) {
	i := slices.IndexFunc(b.hooks, func(w event.Webhook) bool { return w.Project == p && w.ID == id })
	if i < 0 {
		return 0, fault.New(fault.NotFound, fmt.Sprintf("no webhook %s", id))
	}
	return i, nil
}
