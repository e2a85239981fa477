package flat

import (
	"context"
	"slices"

	"kvasir/internal/account"
	"kvasir/internal/index"
	"kvasir/internal/memo"
)

// The vectors of a project that are more than a part of the budget go outside, once
// they are there; what has them is an [index.Outside]. They come back when they are less
// than half of that, so that no project goes to and fro.
const (
	outsideFrom  = 2 // the budget over what vectors of one project may take
	outsideUntil = 2 * outsideFrom
)

// vectorBytes is what a vector takes here.
func vectorBytes(dim int) int64 {
	words := int64(dim+63) / 64
	n := 8*words + 64*words + 8
	if dim < fineBelow {
		n += 64 * words
	}
	return n
}

// settled returns the part of a project, whose vectors are where they belong.
func (ix *Index) settled(id account.ProjectID) *part {
	p := ix.part(id)
	if ix.opts.Outside == nil || ix.opts.Model == "" {
		return p
	}
	k, ok := ix.opts.Outside.Kept(id)
	if ok = ok && int64(k.Vectors)*vectorBytes(k.Dimension) > ix.opts.Bytes/outsideUntil; !ok {
		if p.kept.Load() > 0 {
			ix.drop(p) // its vectors come back when it is read again
			return ix.part(id)
		}
		return p
	}
	if p.kept.Load() < k.Through {
		if p.kept.Swap(k.Through) == 0 {
			ix.opts.Log.Info("vectors are searched in the database", "project", string(id), "vectors", k.Vectors,
				"budget", ix.opts.Bytes)
		}
		p.leaveOut()
	}
	return p
}

// drop forgets a part; searches that have its snapshot go on.
func (ix *Index) drop(p *part) {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	if ix.parts[p.project] == p {
		delete(ix.parts, p.project)
	}
}

// grown looks what to do about a part that has grown.
func (ix *Index) grown(p *part) {
	if ix.opts.Outside != nil && p.kept.Load() == 0 {
		bytes := int64(0)
		for _, v := range p.now.Load().views {
			bytes += int64(v.vectors.bytes())
		}
		if bytes > ix.opts.Bytes/outsideFrom {
			ix.opts.Outside.Want(p.project)
		}
	}
	ix.evict(p)
}

// leaveOut takes the vectors out of segments that are outside as a whole. Whoever
// pulls changes now does without: the next search comes again.
func (p *part) leaveOut() {
	select {
	case p.pulling <- struct{}{}:
		defer func() { <-p.pulling }()
	default:
		return
	}
	s := p.now.Load()
	if p.shelf.leaveOut(p.kept.Load()) {
		p.away = max(p.away, p.kept.Load())
		p.publish(s.seq)
	}
}

// leaveOut reports whether there was something to leave out.
func (s *shelf) leaveOut(kept int64) bool {
	views, changed := slices.Clone(s.views), false
	for i, v := range views {
		if v.vectors.dim > 0 && v.through <= kept {
			views[i] = &view{segment: v.withoutVectors(), alive: v.alive, stats: v.stats}
			changed = true
		}
	}
	s.views = views
	return changed
}

func (s *segment) withoutVectors() *segment {
	s.filtered.mu.Lock()
	defer s.filtered.mu.Unlock()
	return &segment{
		entries: s.entries, docs: s.docs, lengths: s.lengths, languages: s.languages, terms: s.terms, names: s.names,
		limited: s.limited, memory: s.memory, through: s.through, bytes: s.bytes - int64(s.vectors.bytes()),
		filtered: filterCache{recent: slices.Clone(s.filtered.recent)},
	}
}

// read reads a page of changes, without vectors as far as these are outside.
func (p *part) read(ctx context.Context, source index.Source, after int64, limit int) ([]memo.Change, error) {
	if kept := p.kept.Load(); after < kept {
		page, err := source.Changes(ctx, p.project, "", after, limit)
		if err != nil {
			return nil, err
		}
		page = page[:len(page)-len(beyond(page, kept))]
		if len(page) > 0 {
			p.away = max(p.away, kept)
			return page, nil
		}
	}
	return source.Changes(ctx, p.project, p.model, after, limit)
}

// beyond returns the changes of a page after the given one.
func beyond(page []memo.Change, seq int64) []memo.Change {
	i := slices.IndexFunc(page, func(c memo.Change) bool { return c.Seq > seq })
	if i < 0 {
		return nil
	}
	return page[i:]
}
