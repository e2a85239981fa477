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
