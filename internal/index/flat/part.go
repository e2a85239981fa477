package flat

import (
	"context"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"kvasir/internal/account"
	"kvasir/internal/index"
	"kvasir/internal/lexical"
	"kvasir/internal/memo"
)

const (
	// pageChanges is how many memos are pulled and applied at a time; searches
	// wait at most for one page to be applied.
	pageChanges = 256
	// wasteful is the share of dead documents at which a part is built anew.
	wasteful = 0.5
	// wasteLeast keeps small parts from being rebuilt at every edit.
	wasteLeast = 4096
)

// A part is the index of one project. Documents are chunks, numbered in the
// order of arrival and never reused; a change of a memo kills its documents and
// adds new ones.
type part struct {
	project account.ProjectID
	model   string
	used    atomic.Int64  // the index's clock at the last search
	bytes   atomic.Int64  // estimate of what the part holds
	pulling chan struct{} // of capacity 1: held by the one who pulls changes

	mu        sync.RWMutex // guards all below
	seq       int64        // of the last change applied
	docs      []doc
	alive     int
	length    int64 // of the alive documents together, in terms
	longest   int
	memos     map[memo.ID]*entry
	entries   []*entry // by number; nil where the memo is gone
	terms     map[string]*postings
	languages map[lexical.Language]int // alive documents in each
	vectors   vectors
}

// A doc is a chunk in the index.
type doc struct {
	chunk    memo.ChunkID
	entry    uint32 // of its memo, in part.entries
	length   uint16 // in terms
	language lexical.Language
	dead     bool
}

// An entry is a memo in the index.
type entry struct {
	id    memo.ID
	attrs memo.Attributes
	docs  []uint32
}

// postings are the documents that have a term, in order, and how often.
type postings struct {
	docs   []uint32
	counts []uint8 // capped; beyond 255 BM25 sees no difference
}

func newPart(project account.ProjectID, model string) *part {
	p := &part{project: project, model: model, pulling: make(chan struct{}, 1)}
	p.reset()
	return p
}

// reset empties the part. The caller holds the lock, or nobody else has p.
func (p *part) reset() {
	p.seq, p.docs, p.alive, p.length, p.longest, p.entries = 0, nil, 0, 0, 0, nil
	p.memos, p.terms = map[memo.ID]*entry{}, map[string]*postings{}
	p.languages, p.vectors = map[lexical.Language]int{}, vectors{}
	p.bytes.Store(0)
}

// catchUp applies the changes that the part lacks and reports whether there were
// any. One caller pulls; the others wait for it and then look again.
func (p *part) catchUp(ctx context.Context, source index.Source) (grown bool, err error) {
	latest, err := source.LatestChange(ctx, p.project)
	if err != nil || p.at() >= latest {
		return false, err
	}
	select {
	case p.pulling <- struct{}{}:
		defer func() { <-p.pulling }()
	case <-ctx.Done():
		return false, ctx.Err()
	}
	p.mu.Lock()
	if dead := len(p.docs) - p.alive; dead > wasteLeast && float64(dead) > wasteful*float64(len(p.docs)) {
		p.reset()
	}
	p.mu.Unlock()
	for p.at() < latest {
		page, err := source.Changes(ctx, p.project, p.model, p.at(), pageChanges)
		if err != nil {
			return grown, err
		}
		if len(page) == 0 {
			break
		}
		if err := p.apply(ctx, page); err != nil {
			return grown, err
		}
		grown = true
	}
	return grown, nil
}

func (p *part) at() int64 {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.seq
}

// An analysed chunk is one whose terms are counted.
type analysed struct {
	terms    map[string]uint8
	length   int
	language lexical.Language
}

// apply analyses a page outside the lock, on all processors, and adds it inside.
func (p *part) apply(ctx context.Context, page []memo.Change) error {
	chunks := make([][]analysed, len(page))
	g, ctx := errgroup.WithContext(ctx)
	workers := min(runtime.GOMAXPROCS(0), len(page))
	for w := range workers {
		g.Go(func() error {
			var analyzer lexical.Analyzer
			for i := w; i < len(page); i += workers {
				if ctx.Err() != nil {
					return ctx.Err()
				}
				for _, c := range page[i].Chunks {
					chunks[i] = append(chunks[i], analyse(&analyzer, c.Text))
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, change := range page {
		p.remove(change.Memo)
		if !change.Deleted {
			p.add(change, chunks[i])
		}
		p.seq = change.Seq
	}
	return nil
}

// analyse counts the terms of a text. A text of no certain language is taken for
// English: names and codes come out the same.
func analyse(a *lexical.Analyzer, text string) analysed {
	lang := lexical.Detect(text)
	if lang == lexical.Unknown {
		lang = lexical.English
	}
	terms := a.Terms(text, lang)
	out := analysed{terms: make(map[string]uint8, len(terms)), length: len(terms), language: lang}
	for _, t := range terms {
		if n, ok := out.terms[t]; !ok {
			// The term is a part of the chunk's text, which must not be kept.
			out.terms[strings.Clone(t)] = 1
		} else if n < 255 {
			out.terms[t] = n + 1
		}
	}
	return out
}

// remove kills a memo's documents. Their postings stay, as do the numbers of
// documents that have a term, until the part is built anew.
func (p *part) remove(id memo.ID) {
	e := p.memos[id]
	if e == nil {
		return
	}
	delete(p.memos, id)
	for _, n := range e.docs {
		d := &p.docs[n]
		d.dead = true
		p.alive--
		p.length -= int64(d.length)
		p.languages[d.language]--
		p.entries[d.entry] = nil
	}
}

// add puts a memo's chunks in.
func (p *part) add(c memo.Change, chunks []analysed) {
	e := &entry{id: c.Memo, attrs: c.Attributes}
	p.memos[c.Memo] = e
	number := uint32(len(p.entries))
	p.entries = append(p.entries, e)
	bytes := 400 + len(c.Metadata) + len(c.Title)
	for i, a := range chunks {
		n := uint32(len(p.docs))
		p.docs = append(p.docs, doc{
			chunk: c.Chunks[i].ID, entry: number, length: uint16(min(a.length, 1<<16-1)), language: a.language,
		})
		e.docs = append(e.docs, n)
		p.alive++
		p.length += int64(p.docs[n].length)
		p.longest = max(p.longest, int(p.docs[n].length))
		p.languages[a.language]++
		for term, count := range a.terms {
			list := p.terms[term]
			if list == nil {
				list = &postings{}
				p.terms[term] = list
				bytes += len(term) + 120
			}
			list.docs = append(list.docs, n)
			list.counts = append(list.counts, count)
		}
		p.vectors.add(int(n), c.Chunks[i].Vector)
		bytes += 96 + 7*len(a.terms) + 9*len(c.Chunks[i].Vector)/2
	}
	p.bytes.Add(int64(bytes))
}
