package flat

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"kvasir/internal/account"
	"kvasir/internal/index"
	"kvasir/internal/memo"
)

// pageChanges is how many memos are pulled at a time.
const pageChanges = 256

// A part is the index of one project.
type part struct {
	project account.ProjectID
	model   string
	readers *sync.Pool               // of *wordReader
	used    atomic.Int64             // the index's clock at the last search
	bytes   atomic.Int64             // estimate of what the part holds
	now     atomic.Pointer[snapshot] // what searches see; never nil
	pulling chan struct{}            // of capacity 1: held by the one who pulls changes
	shelf   shelf                    // belongs to the one who pulls
}

func newPart(project account.ProjectID, model string, readers *sync.Pool) *part {
	p := &part{project: project, model: model, readers: readers, pulling: make(chan struct{}, 1)}
	p.shelf.places = map[memo.ID]place{}
	p.publish(0)
	return p
}

// publish lets searches see the shelf as of a sequence number.
func (p *part) publish(seq int64) {
	s := newSnapshot(seq, p.shelf.views)
	p.bytes.Store(s.bytes())
	p.now.Store(s)
}

// catchUp returns a snapshot with every change that is committed by now. One
// caller pulls what is missing; others wait for it, and go on as soon as the
// changes they need are in.
func (p *part) catchUp(ctx context.Context, source index.Source) (*snapshot, error) {
	latest, err := source.LatestChange(ctx, p.project)
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
// What was analysed when an error comes is kept, so a search that gives up does
// not leave the whole work to the next one.
func (p *part) pull(ctx context.Context, source index.Source, latest int64) (err error) {
	seq := p.now.Load().seq
	for err == nil && seq < latest {
		var b batch
		for err == nil && seq < latest && b.docs < segmentDocs {
			var page []memo.Change
			page, err = source.Changes(ctx, p.project, p.model, seq, pageChanges)
			if err == nil && len(page) == 0 {
				latest = seq // its memo is gone since
			}
			if err == nil && len(page) > 0 {
				if err = p.analyse(ctx, page, &b); err == nil {
					seq = page[len(page)-1].Seq
				}
			}
		}
		if len(b.memos) > 0 {
			p.shelf.replace(b.memos)
			p.publish(seq)
		}
	}
	return err
}

// A batch gathers analysed memos for one segment.
type batch struct {
	memos []*analysed
	at    map[memo.ID]int
	docs  int
}

// An analysed memo is one whose texts are counted and whose vectors are packed.
// A deleted one has no passages.
type analysed struct {
	id       memo.ID
	attrs    memo.Attributes
	passages []passage
}

// add puts a memo into the batch, in place of an older change of it.
func (b *batch) add(m *analysed) {
	if b.at == nil {
		b.at = map[memo.ID]int{}
	}
	b.docs += len(m.passages)
	if i, ok := b.at[m.id]; ok {
		b.docs -= len(b.memos[i].passages)
		b.memos[i] = m
		return
	}
	b.at[m.id] = len(b.memos)
	b.memos = append(b.memos, m)
}

// analyse reads a page on all processors and adds it to the batch.
func (p *part) analyse(ctx context.Context, page []memo.Change, b *batch) error {
	read := make([]*analysed, len(page))
	var next atomic.Int64
	g, ctx := errgroup.WithContext(ctx)
	for range min(runtime.GOMAXPROCS(0), len(page)) {
		g.Go(func() error {
			reader := p.readers.Get().(*wordReader)
			defer p.readers.Put(reader)
			for {
				i := int(next.Add(1)) - 1
				if i >= len(page) {
					return nil
				}
				if ctx.Err() != nil {
					return ctx.Err()
				}
				read[i] = reader.analyse(&page[i])
			}
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for _, m := range read {
		b.add(m)
	}
	return nil
}
