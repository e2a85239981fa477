// Package memo holds the unit of knowledge and what is valid about it.
//
// A [Memo] has generations: each accepted change of its title or content starts
// a new one, which replaces the live one when its last chunk is searchable. The
// live generation keeps its own text until then, so chunks and citation ranges
// always agree with the text they were cut from.
package memo

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"kvasir/internal/account"
)

// An ID identifies a memo: a UUID in lower case, ordered by time of creation.
type ID string

// Created returns when the memo was made, to the millisecond, as its id tells; false
// if it is none that tells.
func (id ID) Created() (time.Time, bool) {
	if len(id) != 36 || id[8] != '-' || id[14] != '7' {
		return time.Time{}, false
	}
	ms, err := strconv.ParseInt(string(id[:8]+id[9:13]), 16, 64)
	return time.UnixMilli(ms), err == nil
}

// A ChunkID identifies a chunk: a UUID in lower case.
type ChunkID string

// A Ref names a memo within a project: by its id, or by the client's own
// reference id if ID is empty. Of several memos with one reference id it means
// the newest.
type Ref struct {
	ID          ID
	ReferenceID string
}

// A Stage is where a memo is on its way to being searchable.
type Stage string

// The stages, in order. Error is left by a retry or a new generation.
const (
	StageReceived  Stage = "received"
	StageFetching  Stage = "fetching" // its page is loaded from the web
	StageParsing   Stage = "parsing"
	StageChunking  Stage = "chunking"
	StageEnriching Stage = "enriching"
	StageEmbedding Stage = "embedding"
	StageProcessed Stage = "processed"
	StageError     Stage = "error"
)

// Status returns the wire's word: processing, processed or error.
func (s Stage) Status() string {
	switch s {
	case StageProcessed, StageError:
		return string(s)
	}
	return "processing"
}

// The types of memo.
const (
	TypePlaintext = "plaintext"
	TypeDocument  = "document"
)

// Attributes are what filters look at. They act at once, without re-embedding.
type Attributes struct {
	Title       string
	Source      *string
	ReferenceID *string
	Tags        []string
	Metadata    json.RawMessage // a JSON object, never nil
	Scopes      map[string]string
	Expires     *time.Time // out of retrieval from this moment
	Archived    bool       // out of retrieval
	// The store says these; those of a draft or a patch mean nothing.
	Created time.Time
	Updated time.Time
}

// Retrievable reports whether the memo may be found at the given time.
func (a *Attributes) Retrievable(now time.Time) bool {
	return !a.Archived && (a.Expires == nil || now.Before(*a.Expires))
}

// A Memo is what reading one gives. Title, Content and Metadata are the newest
// accepted ones, whatever generation is live.
type Memo struct {
	ID      ID
	Project account.ProjectID
	Type    string
	Attributes
	TagIDs   []string // one UUID a tag, in the order of Tags
	Content  *string  // nil while a document is unprocessed
	Summary  *string
	File     *File    // the original of a document; nil while it is not loaded
	URL      string   // where a page was, or is to be, loaded from; empty for none
	AutoTags []string // those of Tags that a model wrote

	ContentLength *int   // UTF-16 code units; nil while a document is unprocessed
	ContentHash   string // SHA-256 in hexadecimal, of the content or of the file's bytes

	Progress Progress
	// Of the live generation, and only when one memo is read:
	Chunks      []Chunk // by index
	Parts       []Part
	Enrichments []Enrichment // of the memo as a whole, and those of chunks that failed
}

// Progress tells where a memo's newest generation is, and why it waits.
type Progress struct {
	Stage       Stage
	Generation  int
	Live        int // the generation that is searched; 0 for none
	Attempt     int
	WaitingFor  string     // a reason in words; empty when nothing is waited for
	NotBefore   *time.Time // when the next attempt may start
	Error       string     // why it failed, in words; set in StageError
	Started     *time.Time
	Completed   *time.Time
	PagesDone   int // pages parsed of PagesTotal; both 0 where pages are not counted
	PagesTotal  int
	ChunksDone  int // chunks of the newest generation that have what they need
	ChunksTotal int
	EnrichDone  int // texts written by a model of EnrichTotal; both 0 without enrichment
	EnrichTotal int
}

// A File is the original of a document, kept in blob.
type File struct {
	Name     string // as the client named it
	MIMEType string
	Size     int64  // bytes
	Blob     string // its key in blob
	Hash     string // SHA-256 of the bytes, in hexadecimal
}

// A Draft is a memo to be created, already validated.
type Draft struct {
	Attributes
	Content    string // of a plaintext memo
	File       *File  // of a document; then Content is empty
	URL        string // of a page to load; then Content is empty and File nil
	Untitled   bool   // Title is a stand-in until the document gives its own
	Key        string // the API key that adds it, as it may be shown; it is billed
	Processing Processing
}

// A Patch is a change of a memo; nil leaves a field as it is.
type Patch struct {
	Title       *string
	Content     *string
	Source      *string
	ReferenceID *string
	Expires     *time.Time
	Metadata    json.RawMessage
	Scopes      map[string]string
	Tags        []string
}

// A Chunk is a passage of a memo that is embedded and found. Content is exactly
// the bytes Start to End of the generation's text; the chunks of a generation
// tile that text. Everything else belongs to what is embedded, indexed and
// prompted, never to the content.
type Chunk struct {
	ID        ChunkID
	Index     int
	Start     int
	End       int
	Headings  []string // the headings above the passage, outermost first
	Header    string   // the header rows of the table that the passage goes on with; empty for none
	Page      int      // the number of the part in which it begins; 0 for none
	Context   string   // where in the memo the passage stands, written by a model; empty for none
	Questions []string // what the passage answers, written by a model
	Content   string
}

// PassageText returns the text of a chunk that is put into prompts: title, heading
// path, context, table header and content.
func PassageText(title string, c *Chunk) string {
	return PassagePrefix(title, c.Headings) + PassageLead(c) + c.Content
}

// PassageLead returns what stands between the prefix of a chunk and its content.
func PassageLead(c *Chunk) string {
	lead := ""
	if c.Context != "" {
		lead = c.Context + "\n\n"
	}
	return lead + c.Header
}

// IndexText returns the text of a chunk that is embedded and indexed: that of
// [PassageText], and the questions that the chunk answers.
func IndexText(title string, c *Chunk) string {
	return PassagePrefix(title, c.Headings) + IndexBody(c)
}

// IndexBody returns what follows the prefix in [IndexText].
func IndexBody(c *Chunk) string {
	text := PassageLead(c) + c.Content
	if len(c.Questions) == 0 {
		return text
	}
	return text + "\n\n" + strings.Join(c.Questions, "\n")
}

// prefixTitle is how many characters of a title go into a passage's prefix. A
// longer one is cut there, so that it cannot crowd out the passage itself.
const prefixTitle = 120

// PassagePrefix returns the part of [PassageText] that is the same for a section.
func PassagePrefix(title string, headings []string) string {
	if len(title) > prefixTitle {
		if runes := []rune(title); len(runes) > prefixTitle {
			title = string(runes[:prefixTitle])
		}
	}
	path := strings.Join(headings, " > ")
	switch {
	case title == "" && path == "":
		return ""
	case path == "" || path == title:
		return title + "\n\n"
	case title == "" || strings.HasPrefix(path, title+" > "):
		return path + "\n\n"
	}
	return title + "\n" + path + "\n\n"
}

// UTF16Len returns the length of s in UTF-16 code units, the wire's measure.
func UTF16Len(s string) int {
	n := 0
	for _, r := range s {
		n++
		if r > 0xffff {
			n++
		}
	}
	return n
}
