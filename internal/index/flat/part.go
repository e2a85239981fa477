package flat

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"kvasir/internal/account"
	"kvasir/internal/index"
	"kvasir/internal/memo"
)

// Changes are pulled in pages of so many memos that they have about pageChunks
// chunks: a memo may be a line or a book, and a page is in memory with its texts.
const (
	firstPage   = 64
	largestPage = 1024
	pageChunks  = 2048
)

// A part is the index of one project.
type part struct {
	project account.ProjectID
	model   string
	readers *sync.Pool               // of *wordReader
	used    atomic.Int64             // the index's clock at the last search
	bytes   atomic.Int64             // estimate of what the part holds
	now     atomic.Pointer[snapshot] // what searches see; never nil
	looked  atomic.Pointer[look]     // the last one for changes; nil before the first
	pulling chan struct{}            // of capacity 1: held by the one who pulls changes
	kept    atomic.Int64             // vectors up to this change are outside, and are to be left there
	shelf   shelf                    // belongs to the one who pulls
	away    int64                    // likewise: see [snapshot]
	grown   func(*part)              // is told when the part holds more than before
}

func newPart(project account.ProjectID, model string, readers *sync.Pool, grown func(*part)) *part {
	p := &part{project: project, model: model, readers: readers, pulling: make(chan struct{}, 1), grown: grown}
	p.publish(0)
	return p
}

// publish lets searches see the shelf as of a sequence number.
func (p *part) publish(seq int64) {
	s := newSnapshot(p.project, seq, p.away, p.shelf.views)
	s.keepMean(p.now.Load())
	p.bytes.Store(s.bytes())
	p.now.Store(s)
}

// A look is how far the source was at a time, or farther.
type look struct {
	at     time.Time
	latest int64
}

// lookUp returns how far the source was when a search began. The parts of a search
// need one look together.
func (p *part) lookUp(ctx context.Context, source index.Source, began time.Time) (int64, error) {
	if last := p.looked.Load(); last != nil && !last.at.Before(began) {
		return last.latest, nil
	}
	now := time.Now()
	latest, err := source.LatestChange(ctx, p.project)
	if err == nil {
		p.looked.Store(&look{at: now, latest: latest})
	}
	return latest, err
}

// catchUp returns a snapshot with every change that was committed when a search
// began. One caller pulls what is missing; the others wait for him and look again.
func (p *part) catchUp(ctx context.Context, source index.Source, began time.Time) (*snapshot, error) {
	latest, err := p.lookUp(ctx, source, began)
	if s := p.now.Load(); err != nil || s.seq >= latest {
		return s, err
	}
	select {
	case p.pulling <- struct{}{}:
		defer func() { <-p.pulling }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	err = p.pull(ctx, source, latest)
	return p.now.Load(), err
}

// pull applies the missing changes up to latest, in batches of a segment's size.
// What was read when an error comes is kept, so a search that gives up does not
// leave the whole work to the next one.
func (p *part) pull(ctx context.Context, source index.Source, latest int64) error {
	for seq := p.now.Load().seq; seq < latest; {
		b := batch{seq: seq}
		err := p.gather(ctx, source, latest, &b)
		b.memos = slices.DeleteFunc(b.memos, func(m *analysed) bool { return m == nil })
		if len(b.memos) > 0 {
			p.shelf.replace(b.memos)
			before := p.bytes.Load()
			p.publish(b.seq)
			if p.bytes.Load() > before {
				p.grown(p)
			}
		}
		if err != nil || b.seq == seq {
			return err
		}
		seq = b.seq
	}
	return nil
}

// gather reads changes up to latest until the batch makes a segment. It stops
// early where the source has no more: the last change may be taken back.
func (p *part) gather(ctx context.Context, source index.Source, latest int64, b *batch) error {
	limit := firstPage
	for b.seq < latest && b.docs < segmentDocs {
		page, err := p.read(ctx, source, b.seq, limit)
		if err != nil || len(page) == 0 {
			return err
		}
		chunks := 0
		for i := range page {
			chunks += len(page[i].Chunks)
		}
		if err := p.analyse(ctx, page, b); err != nil {
			return err
		}
		b.seq = page[len(page)-1].Seq
		limit = min(max(limit*pageChunks/max(chunks, 1), limit/8, 1), 2*limit, largestPage)
	}
	return nil
}

// A batch is the analysed memos of one segment, up to change seq.
type batch struct {
	seq   int64
	memos []*analysed
	at    map[memo.ID]int
	docs  int
}

// An analysed memo is one whose texts are counted and whose vectors are packed.
// A deleted one has no passages.
type analysed struct {
	id       memo.ID
	seq      int64
	attrs    memo.Attributes
	passages []passage
	spelled  []spelling // of terms that were new to the reader, of other memos, too
}

// add puts a memo at the end of the batch, and takes out an older change of it.
func (b *batch) add(m *analysed) {
	if b.at == nil {
		b.at = map[memo.ID]int{}
	}
	b.docs += len(m.passages)
	if i, ok := b.at[m.id]; ok {
		b.docs -= len(b.memos[i].passages)
		m.spelled = append(m.spelled, b.memos[i].spelled...)
		b.memos[i] = nil
	}
	b.at[m.id] = len(b.memos)
	b.memos = append(b.memos, m)
}

// analyse reads a page on all processors and adds it to the batch.
func (p *part) analyse(ctx context.Context, page []memo.Change, b *batch) error {
	read := make([]*analysed, len(page))
	readers := make([]*wordReader, workers(len(page)))
	for i := range readers {
		readers[i] = p.readers.Get().(*wordReader)
		readers[i].forget()
		defer p.readers.Put(readers[i])
	}
	err := share(ctx, len(page), func(i, worker int) { read[i] = readers[worker].analyse(&page[i]) })
	if err != nil {
		return err
	}
	for _, m := range read {
		b.add(m)
	}
	return nil
}
