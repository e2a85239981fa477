// Package flat is an index in memory: BM25 over postings, and a scan of the signs
// of vectors whose best are compared in full.
//
// Each project has a part of its own, with statistics of its own, so nothing of
// one tenant shows in another's scores. A part follows the store by sequence
// number: before a search it pulls the changes it lacks, so a search sees every
// memo that was committed before. Nothing is written to disk; a part that was
// dropped, because memory was short or the process new, is rebuilt from the
// store's rows when somebody searches.
//
// A part is a list of immutable segments. A changed memo dies where it was, by a
// bit, and lives on in a new small segment; small segments are merged. Searches
// work on a snapshot, with all processors, and never wait for a change to be applied,
// except for those they must see. Scores count the living only, so they do not depend
// on how the segments came about.
//
// A vector is rotated and takes nine bits a number, its sign and its size, or 17 if it
// is short. Signs lie together: of 384 numbers the scan reads 48 bytes a chunk.
// Postings and vectors are outside of the Go heap. 100,000 chunks of 180 words take
// about 31 MiB, and 79 MiB more with vectors of 384 numbers, 166 MiB with 1,536.
package flat

import (
	"cmp"
	"context"
	"hash/maphash"
	"log/slog"
	"runtime"
	"sync"

	"kvasir/internal/account"
	"kvasir/internal/index"
	"kvasir/internal/llm"
	"kvasir/internal/memo"
)

// Options tune the index. The zero value of a field is its default.
type Options struct {
	Bytes int64  // of all parts together; the least recently used go first; 1 GiB
	Model string // whose vectors are indexed; empty for none
	Log   *slog.Logger
	// Outside takes the vectors of projects that are large for this budget; nil for none.
	Outside index.Outside
}

// An Index finds chunks of all projects. It is safe for concurrent use.
type Index struct {
	source  index.Source
	opts    Options
	readers sync.Pool // of *wordReader
	scores  sync.Pool // of *accumulators
	scans   estimatePool

	mu    sync.Mutex // guards all below
	parts map[account.ProjectID]*part
	clock int64 // counts searches; the parts remember their last
}

// New returns an empty index over a source.
func New(source index.Source, opts *Options) *Index {
	var o Options
	if opts != nil {
		o = *opts
	}
	o.Bytes = cmp.Or(o.Bytes, 1<<30)
	o.Log = cmp.Or(o.Log, slog.New(slog.DiscardHandler))
	seed := maphash.MakeSeed()
	return &Index{
		source:  source,
		opts:    o,
		readers: sync.Pool{New: func() any { return &wordReader{seed: seed} }},
		scores:  sync.Pool{New: func() any { return new(accumulators) }},
		parts:   map[account.ProjectID]*part{},
	}
}

// Lexical returns the best chunks by BM25 over the words of text, best first.
func (ix *Index) Lexical(ctx context.Context, in memo.Selection, text string, limit int) ([]memo.Hit, error) {
	s, sv, err := ix.open(ctx, in)
	if err != nil {
		return nil, err
	}
	reader := ix.readers.Get().(*wordReader)
	defer ix.readers.Put(reader)
	own, languages := s.readIn(text)
	hits := s.lexical(sv, reader, reader.query(text, own, languages), limit, &ix.scores)
	runtime.KeepAlive(s)
	return hits, nil
}

// Nearest returns the nearest chunks by cosine, best first, none farther than
// maxDistance. Vectors of another model than the index's find nothing.
func (ix *Index) Nearest(
	ctx context.Context, in memo.Selection, model string, v llm.Vector, limit int, maxDistance float64,
) ([]memo.Hit, error) {
	if model != ix.opts.Model {
		return nil, nil
	}
	s, sv, err := ix.open(ctx, in)
	if err != nil {
		return nil, err
	}
	t := newTarget(v, limit, maxDistance)
	if t == nil {
		return nil, nil
	}
	if s.away > 0 {
		return ix.nearestOutside(ctx, s, sv, t, v)
	}
	return s.nearest(ctx, sv, t, &ix.scans)
}

// Titles returns the newest memos whose title contains text, or begins with it,
// whatever the case: one hit a memo, for its first chunk. Memos without chunks
// are not found.
func (ix *Index) Titles(
	ctx context.Context, in memo.Selection, text string, prefix bool, limit int,
) ([]memo.Hit, error) {
	s, sv, err := ix.open(ctx, in)
	if err != nil {
		return nil, err
	}
	return s.titles(sv, text, prefix, limit), nil
}

// open returns a snapshot with every change that was committed when the search began, and what of it
// the search may find.
func (ix *Index) open(ctx context.Context, in memo.Selection) (*snapshot, *sieve, error) {
	sv, err := newSieve(in)
	if err != nil {
		return nil, nil, err
	}
	s, err := ix.settled(in.Project).catchUp(ctx, ix.source, in.Now)
	return s, sv, err
}

// part returns the part of a project, and remembers that it is used.
func (ix *Index) part(id account.ProjectID) *part {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	p := ix.parts[id]
	if p == nil {
		p = newPart(id, ix.opts.Model, &ix.readers, ix.grown)
		ix.parts[id] = p
	}
	ix.clock++
	p.used.Store(ix.clock)
	return p
}

// evict drops the least recently used parts until the rest is within the budget.
// The one that has grown stays, however large it is, and so do those that others
// are loading now: somebody waits for them.
func (ix *Index) evict(keep *part) {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	for {
		var total int64
		var oldest *part
		for _, p := range ix.parts {
			total += p.bytes.Load()
			if p == keep || len(p.pulling) > 0 {
				continue
			}
			if oldest == nil || p.used.Load() < oldest.used.Load() {
				oldest = p
			}
		}
		if total <= ix.opts.Bytes || oldest == nil {
			return
		}
		delete(ix.parts, oldest.project)
		ix.opts.Log.Info("index dropped from memory", "project", string(oldest.project),
			"bytes", oldest.bytes.Load(), "budget", ix.opts.Bytes)
	}
}
