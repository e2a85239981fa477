// Package index finds chunks: lexically by BM25 and by nearest vectors.
//
// An index follows the store: it pulls the changes of a project in the order of
// their sequence numbers before it answers, so a search sees every memo whose
// processing was committed before the search began. It holds nothing that
// cannot be rebuilt from the store.
package index

import (
	"context"

	"kvasir/internal/account"
	"kvasir/internal/llm"
	"kvasir/internal/memo"
)

// A Source tells an index what has changed in a project.
type Source interface {
	// LatestChange returns the sequence number of the project's last change, 0
	// for none. It is cheap: it is asked before every search.
	LatestChange(ctx context.Context, project account.ProjectID) (int64, error)
	// Changes returns up to limit changes after the given sequence number, in
	// order, with vectors of the given model. Of several changes to one memo only
	// the last is kept. Long memos make a page shorter; none come only if there are
	// no more.
	Changes(ctx context.Context, project account.ProjectID, model string, after int64, limit int) ([]memo.Change, error)
}

// An Outside has the vectors of projects that are too large for memory. It follows
// the store by itself and may be behind: who asks it keeps in memory what it does not
// have yet, and knows which of its vectors live no more.
type Outside interface {
	// Kept returns what it has of a project; false if it cannot be asked for it, or not
	// yet. It is asked before every search, so it knows by heart.
	Kept(p account.ProjectID) (Kept, bool)
	// Want tells it to keep the project's vectors. It takes its time.
	Want(p account.ProjectID)
	// Nearest returns about the limit nearest chunks with their cosines, and up to
	// which change it has followed. Some of the chunks may be gone.
	Nearest(ctx context.Context, p account.ProjectID, v llm.Vector, limit int) ([]memo.Hit, int64, error)
	// Among returns the limit nearest chunks of these memos likewise, and misses none.
	Among(
		ctx context.Context, p account.ProjectID, v llm.Vector, memos []memo.ID, limit int,
	) ([]memo.Hit, int64, error)
	// Vectors returns the vectors of hits at length 1, nil where it has none.
	Vectors(ctx context.Context, p account.ProjectID, hits []memo.Hit) ([]llm.Vector, error)
}

// Kept is what an [Outside] has of a project.
type Kept struct {
	Through   int64 // the change up to which it has followed, at least
	Vectors   int   // about
	Dimension int
}
