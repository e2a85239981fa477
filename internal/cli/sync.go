package cli

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"kvasir/client"
)

// maxInline is the largest text that is sent as JSON, in bytes; a larger one is
// uploaded as a file. It leaves room for escapes below the server's 16 MiB.
const maxInline = 4 << 20

// A syncer makes a server's memos equal to files.
type syncer struct {
	client  *client.Client
	session *session
	jobs    int    // requests at once
	quiet   bool   // no line for each file
	thing   string // what an item is called, if it is no file or page

	processing client.Processing // of what is sent
	watcher    *watcher          // nil if nothing is waited for

	known map[string]client.MemoSummary // by reference id
}

// learn reads which memos there are.
func (y *syncer) learn(ctx context.Context) error {
	y.known = map[string]client.MemoSummary{}
	for m, err := range y.client.AllMemos(ctx) {
		if err != nil {
			return err
		}
		if _, newer := y.known[m.ReferenceID]; m.ReferenceID != "" && !newer {
			y.known[m.ReferenceID] = m
		}
	}
	return nil
}

// upload sends what is new or changed. It returns an outcome for every item
// that it came to before ctx ended, in the order of the items.
func (y *syncer) upload(ctx context.Context, label string, items []item) []outcome {
	what := counted(items)
	if y.thing != "" {
		what = countedOf(len(items), y.thing)
	}
	p := y.session.progress(label+" "+what, int64(len(items)), unitItems)
	defer p.finish()
	outcomes := make([]outcome, len(items))
	var g errgroup.Group
	g.SetLimit(y.jobs)
	for i := range items {
		if ctx.Err() != nil {
			break
		}
		g.Go(func() error {
			o := y.syncOne(ctx, &items[i])
			if ctx.Err() != nil && o.Action == actionFailed {
				return nil // interrupted, which is no failure of the file
			}
			outcomes[i] = o
			p.add(1)
			if !y.quiet && !y.session.err.terminal && o.Action != actionUnchanged && o.Action != actionFailed {
				p.note("%s %s", o.Action, oneLine(o.Path))
			}
			return nil
		})
	}
	_ = g.Wait() // failures are outcomes
	return slices.DeleteFunc(outcomes, func(o outcome) bool { return o.Action == "" })
}

// counted says how many items there are.
func counted(items []item) string {
	pages := 0
	for _, it := range items {
		if it.url != "" {
			pages++
		}
	}
	switch files := len(items) - pages; {
	case pages == 0:
		return countedOf(files, "file")
	case files == 0:
		return countedOf(pages, "page")
	default:
		return countedOf(files, "file") + " and " + countedOf(pages, "page")
	}
}

// syncOne brings one memo up to date.
func (y *syncer) syncOne(ctx context.Context, it *item) outcome {
	o := outcome{Path: it.path, Action: actionUnchanged, open: true}
	old, exists := y.known[it.ref]
	if it.url != "" {
		return y.syncPage(ctx, it, o)
	}
	hash, text, err := read(ctx, it)
	switch {
	case err != nil:
		o.fail(err)
		return o
	case exists && old.ContentHash == hash && (it.title == "" || it.title == old.Title):
		o.MemoID = old.ID
		if old.Status == client.StatusError {
			o.Action = actionRetried
			err = y.client.RetryMemo(ctx, client.ByID(old.ID))
		}
		o.open = old.Status != client.StatusProcessed
	default:
		var done client.Upserted
		done, err = y.send(ctx, it, text)
		o.MemoID, o.Action = done.MemoID, actionReplaced
		if done.Created {
			o.Action = actionAdded
		}
	}
	if err != nil {
		o.fail(err)
	}
	return o
}

// syncPage has a page loaded, unless its site says that it is as it was.
func (y *syncer) syncPage(ctx context.Context, it *item, o outcome) outcome {
	if old := y.known[it.ref]; it.asBefore(&old) {
		o.MemoID, o.open = old.ID, old.Status != client.StatusProcessed
		return o
	}
	done, err := y.client.UpsertMemo(ctx, client.NewMemo{URL: it.url, MemoOptions: y.options(it)})
	o.MemoID, o.Action = done.MemoID, actionReplaced
	if done.Created {
		o.Action = actionAdded
	}
	if err != nil {
		o.fail(err)
	}
	return o
}

func (y *syncer) options(it *item) client.MemoOptions {
	return client.MemoOptions{
		Source: it.source, ReferenceID: it.ref, Metadata: it.metadata, Processing: y.processing,
	}
}

// send adds a file, as text if it is some.
func (y *syncer) send(ctx context.Context, it *item, text string) (client.Upserted, error) {
	options := y.options(it)
	if text != "" {
		return y.client.UpsertMemo(ctx, client.NewMemo{
			Title: cmp.Or(it.title, titleOf(it.name, text)), Content: text, MemoOptions: options,
		})
	}
	body, err := it.open()
	if err != nil {
		return client.Upserted{}, err
	}
	defer body.Close()
	return y.client.UpsertFile(ctx, client.Upload{
		Name: it.name, Body: body, Title: cmp.Or(it.title, cutTitle(it.name)), MemoOptions: options,
	})
}

// read returns the hash of an item's bytes and, if they are a text that fits
// into a request, the text.
func read(ctx context.Context, it *item) (hash, text string, err error) {
	file, err := it.open()
	if err != nil {
		return "", "", err
	}
	defer file.Close()
	body := untilDone(ctx, file)
	sum := sha256.New()
	var start bytes.Buffer
	if isText(it.name) {
		if _, err := io.CopyN(io.MultiWriter(sum, &start), body, maxInline+1); err != nil && err != io.EOF {
			return "", "", err
		}
	}
	if _, err := io.Copy(sum, body); err != nil {
		return "", "", err
	}
	raw := start.Bytes()
	if len(raw) <= maxInline && utf8.Valid(raw) && !bytes.ContainsAny(raw, "\x00\ufeff") {
		text = start.String()
	}
	return hex.EncodeToString(sum.Sum(nil)), text, nil
}

// untilDone returns what r holds, and an error from the end of ctx on.
func untilDone(ctx context.Context, r io.Reader) io.Reader {
	return readerFunc(func(p []byte) (int, error) {
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		return r.Read(p)
	})
}

type readerFunc func([]byte) (int, error)

// Read calls f.
func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// isText tells by a file's name whether its bytes are the memo's text.
func isText(name string) bool {
	return slices.Contains([]string{".md", ".markdown", ".txt"}, strings.ToLower(path.Ext(name)))
}

// titleOf returns a text's first heading, or the file's name.
func titleOf(name, text string) string {
	if strings.ToLower(path.Ext(name)) != ".txt" {
		for line := range strings.Lines(text) {
			if heading, ok := strings.CutPrefix(line, "# "); ok {
				if title := oneLine(strings.TrimRight(strings.TrimSpace(heading), "#")); title != "" {
					return cutTitle(title)
				}
			}
		}
	}
	return cutTitle(name)
}

// cutTitle keeps a title to the 255 units that the wire allows.
func cutTitle(title string) string {
	runes := []rune(title)
	return string(runes[:min(len(runes), maxRef/2)])
}
