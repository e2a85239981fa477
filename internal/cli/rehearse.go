package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"kvasir/client"
	"kvasir/internal/app"
	"kvasir/internal/parse"
)

// What a rehearsal parses is bounded: it is to be quick even for a large folder.
const (
	parsedPerType = 8        // documents that are read, of each type
	parsedBytes   = 16 << 20 // of the largest document that is read
	parseWithin   = 30 * time.Second
)

// A rehearsal is what adding files would do.
type rehearsal struct {
	Files     int             `json:"files"` // that would be sent, pages included
	Pages     int             `json:"pages"` // that would be loaded
	Added     int             `json:"added"`
	Replaced  int             `json:"replaced"`
	Retried   int             `json:"retried"`
	Unchanged int             `json:"unchanged"`
	Failed    int             `json:"failed"`
	Skipped   skipped         `json:"skipped"`
	FileBytes int64           `json:"file_bytes"`
	TextBytes int64           `json:"text_bytes"` // of the texts in them
	Estimate  client.Estimate `json:"estimate"`
	Notes     []string        `json:"notes"`

	failures []outcome
}

// rehearse finds out what add would send, and what that would take. The server
// is asked which memos there are, and given samples to count; nothing is added.
func (c *addCommand) rehearse(ctx context.Context, s *session, found *scanned) error {
	r := &rehearsal{Skipped: found.skipped, failures: found.failed, Notes: []string{}}
	sync := &syncer{client: c.client(s), session: s, jobs: 1, quiet: true, processing: c.processing()}
	if err := sync.learn(ctx); err != nil {
		return err
	}
	sources, err := r.survey(ctx, sync, found.items)
	if err != nil {
		return err
	}
	r.Failed = len(r.failures)
	if err := r.price(ctx, sync, sources); err != nil {
		return err
	}
	if c.JSON {
		return s.printJSON(r)
	}
	r.print(s)
	return nil
}

// price asks the server what the texts would take.
func (r *rehearsal) price(ctx context.Context, sync *syncer, sources []source) error {
	for _, src := range sources {
		r.TextBytes += src.bytes
	}
	texts, err := samples(sources)
	if err != nil || r.Files == 0 {
		return err
	}
	r.Estimate, err = sync.client.Estimate(ctx, client.EstimateRequest{
		Texts: texts, Bytes: r.TextBytes, Memos: r.Files, Processing: sync.processing,
	})
	if r.Estimate.Note != "" {
		r.Notes = append(r.Notes, r.Estimate.Note)
	}
	return err
}

// survey looks at every item as add does, and returns the texts of those that
// would be sent.
func (r *rehearsal) survey(ctx context.Context, sync *syncer, items []item) ([]source, error) {
	p := sync.session.progress("Looking at "+counted(items), int64(len(items)), unitItems)
	defer p.finish()
	var sources []source
	documents := map[string][]document{}
	for i := range items {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		it := &items[i]
		old, exists := sync.known[it.ref]
		if it.url != "" {
			r.addPage(it, &old, exists)
			p.add(1)
			continue
		}
		hash, size, text, err := measured(ctx, it)
		p.add(1)
		switch {
		case err != nil:
			o := outcome{Path: it.path}
			o.fail(err)
			r.failures = append(r.failures, o)
			continue
		case exists && old.ContentHash == hash && old.Status != client.StatusError:
			r.Unchanged++
			continue
		case exists && old.ContentHash == hash:
			r.Retried++
		case exists:
			r.Replaced++
		default:
			r.Added++
		}
		r.Files++
		r.FileBytes += size
		if text || isText(it.name) {
			sources = append(sources, source{size, it.open})
			continue
		}
		ending := strings.ToLower(path.Ext(it.name))
		documents[ending] = append(documents[ending], document{it, size})
	}
	if r.Pages > 0 {
		r.Notes = append(r.Notes, "how large a page is, is not known before it is loaded; each is taken for "+
			byteSize(pageBytes)+" of text")
		sources = append(sources, source{bytes: int64(r.Pages) * pageBytes})
	}
	read, err := r.readDocuments(ctx, documents)
	return append(sources, read...), err
}

// pageBytes is about how much text a page of the web has.
const pageBytes = 8 << 10

// addPage counts a page that the server would load.
func (r *rehearsal) addPage(it *item, old *client.MemoSummary, exists bool) {
	switch {
	case !exists:
		r.Added++
	case it.asBefore(old):
		r.Unchanged++
		return
	default:
		r.Replaced++
	}
	r.Files++
	r.Pages++
}

// measured returns an item's hash and size, and whether it is sent as text.
func measured(ctx context.Context, it *item) (hash string, size int64, text bool, err error) {
	counted := *it
	counted.open = func() (io.ReadCloser, error) {
		body, err := it.open()
		return &counter{body, &size}, err
	}
	hash, content, err := read(ctx, &counted)
	return hash, size, content != "", err
}

// A counter counts what is read.
type counter struct {
	io.ReadCloser
	n *int64
}

// Read reads and counts.
func (c *counter) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	*c.n += int64(n)
	return n, err
}

// A document is an item that the server would parse.
type document struct {
	item *item
	size int64
}

// readDocuments parses some documents of each type here, and takes the others to
// hold as much text for their size.
func (r *rehearsal) readDocuments(ctx context.Context, documents map[string][]document) ([]source, error) {
	if len(documents) == 0 {
		return nil, nil
	}
	parser := app.NewParser()
	limited, cancel := context.WithTimeout(ctx, parseWithin)
	defer cancel()
	var sources []source
	for _, ending := range slices.Sorted(maps.Keys(documents)) {
		list := documents[ending]
		read, note := sourcesOf(limited, parser, ending, list)
		sources = append(sources, read...)
		if note != "" {
			r.Notes = append(r.Notes, note)
		}
	}
	return sources, errors.Join(ctx.Err(), parser.Close(context.WithoutCancel(ctx)))
}

// sourcesOf returns the texts of documents of one type, and what is guessed of
// them in words.
func sourcesOf(ctx context.Context, parser *parse.Parser, ending string, list []document) ([]source, string) {
	var sources []source
	var texts, read, all int64 // bytes of the texts, of the documents they are from, of all documents
	for _, d := range list {
		all += d.size
	}
	for _, d := range spread(list, parsedPerType) {
		text, err := d.parse(ctx, parser)
		if err != nil {
			continue // add will tell
		}
		texts, read = texts+int64(len(text)), read+d.size
		sources = append(sources, source{int64(len(text)), func() (io.ReadCloser, error) {
			return io.NopCloser(strings.NewReader(text)), nil
		}})
	}
	switch parsed := len(sources); {
	case parsed == len(list):
		return sources, ""
	case parsed == 0: // a document holds pictures and fonts, too
		return []source{{bytes: all / 10}}, fmt.Sprintf(
			"no %s file could be read beforehand; a tenth of their bytes is taken for text", ending)
	default:
		rest := float64(all-read) * float64(texts) / float64(read)
		return append(sources, source{bytes: int64(rest)}), fmt.Sprintf(
			"%d of %s %s files were read beforehand; the others are taken to be like them", parsed, grouped(len(list)), ending)
	}
}

// parse returns the text of a document.
func (d document) parse(ctx context.Context, parser *parse.Parser) (string, error) {
	if d.size > parsedBytes {
		return "", errors.New("too large to be looked into")
	}
	body, err := d.item.open()
	if err != nil {
		return "", err
	}
	defer body.Close()
	raw, err := io.ReadAll(body)
	if err != nil {
		return "", err
	}
	doc, err := parser.Parse(ctx, parse.Input{Name: d.item.name, Content: strings.NewReader(string(raw)), Size: d.size})
	return doc.Text, err
}

// spread returns n elements of a list, evenly spread over it.
func spread[T any](list []T, n int) []T {
	if len(list) <= n {
		return list
	}
	out := make([]T, n)
	for i := range out {
		out[i] = list[i*len(list)/n]
	}
	return out
}

// print tells it to a person.
func (r *rehearsal) print(s *session) {
	for _, f := range r.failures {
		s.err.printf("%s %s: %s\n", s.err.red("unreadable"), oneLine(f.Path), oneLine(f.Error))
	}
	s.out.printf("%s\n", s.out.bold(r.summary()))
	if r.Files == 0 {
		return
	}
	e := &r.Estimate
	lane := e.Lane
	if lane == "" {
		lane = "nothing: search is by words alone"
	}
	duration := "not known"
	if e.Seconds > 0 {
		duration = "about " + spoken(seconds(e.Seconds))
	}
	s.out.printf("\n")
	files, pages := grouped(r.Files-r.Pages)+", "+byteSize(r.FileBytes), ""
	if r.Pages > 0 {
		pages = grouped(r.Pages)
	}
	for _, fact := range [][2]string{
		{"files", files},
		{"pages", pages},
		{"text", byteSize(r.TextBytes)},
		{"tokens", grouped(e.Tokens)},
		{"requests", grouped(e.Requests)},
		{"model", oneLine(lane)},
		{"enriching", enriching(&e.Enrichment)},
		{"cost", dollars(e.Cost)},
		{"time", duration},
	} {
		if fact[1] == "" {
			continue
		}
		s.out.printf("  %s%s\n", s.out.dim(fmt.Sprintf("%-10s", fact[0])), fact[1])
	}
	s.out.printf("\n")
	for _, note := range r.Notes {
		s.out.printf("%s\n", s.out.dim(wrapped("Note: "+note+".", "", s.out.width())))
	}
	s.out.printf("Nothing was added. Texts that were embedded before are not paid for again.\n")
}

// enriching says what a model would write, "" if nothing.
func enriching(w *client.WritingEstimate) string {
	if w.Requests == 0 {
		return ""
	}
	return fmt.Sprintf("%s requests to %s, %s tokens read, %s of them kept by the provider, %s written, %s",
		grouped(w.Requests), oneLine(w.Lane), grouped(w.InputTokens), grouped(w.CachedTokens), grouped(w.OutputTokens),
		dollars(w.Cost))
}

// summary says in a line what would be done.
func (r *rehearsal) summary() string {
	done := report{
		Added: r.Added, Replaced: r.Replaced, Unchanged: r.Unchanged, Retried: r.Retried,
		Skipped: r.Skipped, Failed: r.Failed,
	}
	if r.Files == 0 {
		return "Nothing to add: " + done.String()
	}
	return "Dry run: " + done.String()
}

// byteSize writes a size in the unit that people use for it.
func byteSize(n int64) string {
	size, unit := float64(n), "bytes"
	for _, larger := range []string{"KiB", "MiB", "GiB"} {
		if size < 1024 {
			break
		}
		size, unit = size/1024, larger
	}
	if unit == "bytes" {
		return fmt.Sprintf("%d bytes", n)
	}
	return fmt.Sprintf("%.1f %s", size, unit)
}
