package app

import (
	"context"
	"fmt"
	"time"

	"kvasir/internal/account"
	"kvasir/internal/api"
	"kvasir/internal/dispatch"
	"kvasir/internal/fault"
	"kvasir/internal/ingest"
	"kvasir/internal/memo"
	"kvasir/internal/retrieval"
	"kvasir/internal/search"
)

// A reindexer changes the live index version for another.
type reindexer struct{ *App }

// operator refuses who is not: the keys of the default project are the operator's.
func (r reindexer) operator(ctx context.Context, p account.ProjectID) error {
	ok, err := r.store.IsDefault(ctx, p)
	if err == nil && !ok {
		err = fault.New(fault.Forbidden, "Only a key of the default project may see to the index")
	}
	return err
}

// Reindexing tells which versions there are.
func (r reindexer) Reindexing(ctx context.Context, p account.ProjectID) (api.Reindexing, error) {
	if err := r.operator(ctx, p); err != nil {
		return api.Reindexing{}, err
	}
	list, err := r.store.Versions(ctx)
	if err != nil {
		return api.Reindexing{}, err
	}
	out := api.Reindexing{Time: shown(time.Now()), Versions: []api.IndexVersion{}}
	for _, v := range list {
		shownVersion, err := r.version(ctx, v)
		if err != nil {
			return api.Reindexing{}, err
		}
		out.Versions = append(out.Versions, shownVersion)
	}
	if e := r.candidate(list[0]); e != nil {
		out.Next = new(e.Spec().Model)
	}
	return out, nil
}

func (r reindexer) version(ctx context.Context, v memo.IndexVersion) (api.IndexVersion, error) {
	size, err := r.store.VersionSize(ctx, v)
	out := api.IndexVersion{
		Version: v.ID, State: string(v.State), Model: v.Model, Dimensions: v.Dimensions, Chunker: v.Chunker,
		Passages: size.Passages, Lacking: size.Lacking, Complete: v.Complete(), Created: shown(v.Created),
		Configured: v.Model == "" || r.versions.embedder(v.Model) != nil,
	}
	if v.Model == "" {
		out.Lacking = 0
	}
	if v.Flipped != nil {
		out.Live = new(shown(*v.Flipped))
	}
	return out, err
}

// candidate returns the model that the next version would have: the one that is
// configured beside the live version's, else that one if texts are cut for it otherwise
// now.
func (r reindexer) candidate(live memo.IndexVersion) *dispatch.Embedder {
	for _, e := range r.dispatch.Embedders() {
		if e.Spec().Model != live.Model {
			return e
		}
	}
	if e := r.versions.embedder(live.Model); e != nil && ingest.Chunker(e) != live.Chunker {
		return e
	}
	return nil
}

// Reindex does what is asked for, and follows it at once.
func (r reindexer) Reindex(ctx context.Context, p account.ProjectID, action api.ReindexAction) error {
	if err := r.operator(ctx, p); err != nil {
		return err
	}
	var err error
	switch action {
	case api.ReindexStart:
		err = r.start(ctx)
	case api.ReindexFlip:
		err = r.change(ctx, memo.VersionNext, r.store.FlipVersion)
	case api.ReindexRollback:
		err = r.change(ctx, memo.VersionFormer, r.store.RollbackVersion)
	case api.ReindexDrop:
		err = r.store.DropVersion(ctx, memo.VersionFormer)
	case api.ReindexCancel:
		err = r.store.DropVersion(ctx, memo.VersionNext)
	}
	if err != nil {
		return err
	}
	r.log.InfoContext(ctx, "index versions changed", "action", string(action))
	return r.refreshVersions(ctx)
}

func (r reindexer) start(ctx context.Context) error {
	e := r.candidate(r.versions.live().IndexVersion)
	if e == nil {
		return fault.New(fault.Conflict, "There is nothing to build: configure another embedding model with "+
			"NEXT_EMBEDDING_PROVIDER, or [[next_embed]] in the file of lanes, and start the server anew")
	}
	return r.store.StartVersion(ctx, versionOf(e), time.Now())
}

// catchUpWithin is how long a change of versions waits for the last memos that came in.
const catchUpWithin = 10 * time.Second

// change makes the version of a state the live one. Its index is loaded before, so that
// nobody waits for it after, and what came in a moment ago is waited for.
func (r reindexer) change(
	ctx context.Context, to memo.VersionState, change func(context.Context, time.Time) error,
) error {
	for _, v := range r.versions.Versions() {
		if v.State != to {
			continue
		}
		if v.Embedder == nil && v.Model != "" {
			return fault.New(fault.Conflict, fmt.Sprintf(
				"The embedding model of version %d is not configured: %s", v.ID, v.Model))
		}
		if v.Complete() {
			within, cancel := context.WithTimeout(ctx, warmWithin)
			defer cancel()
			_ = r.finders.in(v).warm(within, r.finders.live.Load()) // what is not loaded now, is by a search
		}
	}
	for deadline := time.Now().Add(catchUpWithin); ; {
		err := change(ctx, time.Now())
		if !fault.Is(err, fault.Conflict) || time.Now().After(deadline) || !r.built(ctx, to) {
			return err
		}
		sleep(ctx, lookEvery)
	}
}

// built reports whether there is a version of a state that lacks at most what came in
// lately.
func (r reindexer) built(ctx context.Context, state memo.VersionState) bool {
	list, err := r.store.Versions(ctx)
	if err != nil {
		return false
	}
	for _, v := range list {
		if v.State == state {
			return v.Built
		}
	}
	return false
}

// SearchVersion searches in the version of a state.
func (r reindexer) SearchVersion(
	ctx context.Context, p account.ProjectID, in memo.VersionState, text string, limit int,
) ([]memo.ID, error) {
	if err := r.operator(ctx, p); err != nil {
		return nil, err
	}
	for _, v := range r.versions.Versions() {
		if v.State != in {
			continue
		}
		q := search.Query{Request: retrieval.Request{Project: p, Text: text, Limit: limit}}
		found, err := r.finders.in(v).Search(ctx, q)
		ids := make([]memo.ID, len(found.Hits))
		for i, h := range found.Hits {
			ids[i] = h.Memo
		}
		return ids, err
	}
	return nil, fault.New(fault.NotFound, fmt.Sprintf("There is no %s version", in))
}
