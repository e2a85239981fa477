package flat

import (
	"maps"

	"kvasir/internal/account"
	"kvasir/internal/lexical"
)

// A snapshot is a project as of one sequence number. It never changes, so
// searches go on undisturbed while newer ones are made.
type snapshot struct {
	project account.ProjectID
	seq     int64
	views   []*view // oldest first
	away    int64   // vectors up to this change may be outside; 0 if all are here
	stats   stats
	mean    mean
}

// A view is a segment less the documents of memos that have changed since.
type view struct {
	*segment
	alive bitset
	stats stats
}

// stats are the figures that scores depend on, of living documents.
type stats struct {
	docs      int
	length    int // together, in terms
	languages map[lexical.Language]int
}

func (s *stats) add(t stats) {
	s.docs += t.docs
	s.length += t.length
	for lang, n := range t.languages {
		s.languages[lang] += n
	}
}

func newView(s *segment) *view {
	v := &view{segment: s, alive: newBitset(len(s.docs), true)}
	v.stats = stats{docs: len(s.docs), languages: map[lexical.Language]int{}}
	for n := range s.docs {
		v.stats.length += int(s.lengths[n])
		v.stats.languages[s.languages[n]]++
	}
	return v
}

// without returns the view less some entries.
func (v *view) without(entries []uint32) *view {
	out := &view{segment: v.segment, alive: append(bitset(nil), v.alive...), stats: v.stats}
	out.stats.languages = maps.Clone(v.stats.languages)
	for _, i := range entries {
		e := &v.entries[i]
		out.alive.remove(e.first, e.end)
		for n := e.first; n < e.end; n++ {
			out.stats.docs--
			out.stats.length -= int(v.lengths[n])
			out.stats.languages[v.languages[n]]--
		}
	}
	return out
}

// newSnapshot sums up the views.
func newSnapshot(project account.ProjectID, seq, away int64, views []*view) *snapshot {
	s := &snapshot{
		project: project, seq: seq, away: away, views: views, stats: stats{languages: map[lexical.Language]int{}},
	}
	for _, v := range views {
		s.stats.add(v.stats)
	}
	return s
}

func (s *snapshot) bytes() int64 {
	const fixed = 1024 // of a part that holds nothing
	n := int64(fixed)
	for _, v := range s.views {
		n += v.bytes + int64(8*len(v.alive))
	}
	return n
}

// A shelf is the changing side of a part: what the next snapshot is made from.
// The one who pulls changes has it to himself.
type shelf struct {
	views []*view
}

// replace puts a batch of analysed memos in the place of what the shelf has of
// them; a memo without passages is only taken out.
func (s *shelf) replace(batch []*analysed) {
	changed := map[*segment][]uint32{}
	var added []*analysed
	var spelled []spelling
	for _, m := range batch {
		spelled = append(spelled, m.spelled...)
		if v, i, ok := findEntry(s.views, m.id); ok {
			changed[v.segment] = append(changed[v.segment], i)
		}
		if len(m.passages) > 0 {
			added = append(added, m)
		}
	}
	views := make([]*view, 0, len(s.views)+1) // a new slice: snapshots keep the old one
	for _, v := range s.views {
		if dead := changed[v.segment]; dead != nil {
			v = v.without(dead)
		}
		if v.stats.docs > 0 {
			views = append(views, v)
		}
	}
	s.views = views
	if len(added) > 0 {
		s.views = append(s.views, newView(newSegment(added, spelled)))
	}
	s.tidy()
}

// tidy keeps segments few and mostly alive. The newest ones are merged as long
// as the one before is not twice as large and the result not too large, so a
// document is copied about log2(segmentDocs) times in its life. A segment that is
// more than half dead is written anew.
func (s *shelf) tidy() {
	for i, v := range s.views {
		if 2*v.stats.docs < len(v.docs) {
			s.rewrite(i, i+1)
		}
	}
	first := len(s.views) - 1
	if first <= 0 {
		return
	}
	sum := s.views[first].stats.docs
	for first > 0 {
		before := s.views[first-1].stats.docs
		if before > 2*sum || before+sum > segmentDocs {
			break
		}
		sum += before
		first--
	}
	if first < len(s.views)-1 {
		s.rewrite(first, len(s.views))
	}
}

// rewrite merges the views from first to before end into one.
func (s *shelf) rewrite(first, end int) {
	seg := merge(s.views[first:end])
	s.views = append(append(s.views[:first:first], newView(seg)), s.views[end:]...)
}
