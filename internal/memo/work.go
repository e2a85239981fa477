package memo

import (
	"time"

	"kvasir/internal/account"
	"kvasir/internal/llm"
)

// Work is a claimed generation of a memo on its way to being searchable. The
// claim is a lease: every write names it, and is refused once the memo has a
// newer generation, is deleted, or is claimed by another worker.
type Work struct {
	Project    account.ProjectID
	Memo       ID
	Generation int
	Attempt    int // 1 for the first
	Stage      Stage
	Worker     string // who holds the claim
	Key        string // the API key that added the memo, as it may be shown
	Title      string
	Untitled   bool    // Title is a stand-in until the document gives its own
	URL        string  // of a page that is to be loaded if File is nil
	Content    *string // nil while a document is unparsed
	File       *File
	Parts      []Part
	Cut        int          // which of the memo's chunks are searched: those of the live version
	Chunker    string       // that cuts them; see [IndexVersion]
	Chunks     []Chunk      // stored by an earlier attempt; empty if not yet cut
	Processing Processing   // what is set for the memo, else for its project
	Enriched   []Enrichment // written by an earlier attempt, stale ones included
}

// A Passage is a chunk with what retrieval and answers need to know of its memo.
type Passage struct {
	Chunk
	Memo    ID
	Title   string
	Summary string
	Snippet string // the first 100 characters of the memo's content
}

// A ChunkText is a live chunk that lacks a vector of the current model.
type ChunkText struct {
	Project account.ProjectID
	Memo    ID
	Title   string
	Chunk
}

// A ChunkVector is the embedding of one chunk.
type ChunkVector struct {
	Memo   ID // all vectors of one memo that are stored together are of one cut; empty if not known
	Chunk  ChunkID
	Vector llm.Vector
}

// A Change is what an index learns about a memo: its live state at sequence
// number Seq, or that it is gone. Applying the changes of a project in order
// brings an index up to date; applying one twice does no harm.
type Change struct {
	Seq     int64
	Memo    ID
	Deleted bool
	Attributes
	Generation int
	Chunks     []IndexedChunk
}

// An IndexedChunk is a chunk as an index sees it.
type IndexedChunk struct {
	ID      ChunkID
	Heading string     // the title and the headings above it; see [PassagePrefix]
	Text    string     // the rest of its [IndexText]
	Vector  llm.Vector // nil if the current model has not embedded it
}

// A Selection says what is searched: a project's memos that satisfy the filters
// and are neither archived nor expired at the given time, when the search began: it
// sees all that was committed before.
type Selection struct {
	Project account.ProjectID
	Filters Filters
	Now     time.Time
}

// A Hit is a found chunk. Score is the BM25 score of a lexical hit, and the
// cosine of a nearest one.
type Hit struct {
	Chunk ChunkID
	Memo  ID
	Score float64
	// Share is, of a lexical hit, its score's part of what all words of the query
	// could give, from 0 to 1. Words that no chunk has are counted, too, so it tells
	// how much of the query the chunk answers, whatever else was found.
	Share float64
}

// Lease is how long a claim lasts unless it is renewed.
const Lease = 10 * time.Second

// Edited tells what an edit did.
type Edited struct {
	ID         ID
	Generation int // the newest now; the edit may have begun it or not
}

// Upserted tells what an upsert did.
type Upserted struct {
	ID           ID
	Generation   int      // the newest now
	Created      bool     // the memo is new
	Reindexed    bool     // a new generation has begun
	DroppedBlobs []string // files that nothing refers to any more
}

// Deleted tells what a delete left to be cleaned up.
type Deleted struct {
	ID    ID
	Blobs []string // files that nothing refers to any more
}
