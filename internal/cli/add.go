package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"kvasir/client"
)

// maxJobs bounds the requests of a command that are under way at once.
const maxJobs = 64

// An addCommand adds files and pages.
type addCommand struct {
	server
	processingFlags

	Paths    []string `arg:"" optional:"" name:"path" help:"Files, folders, patterns, archives and addresses."`
	Sitemaps []string `name:"sitemap" sep:"none" placeholder:"URL" help:"Add the pages of a sitemap, too."`

	MaxPages    int   `default:"1000" placeholder:"N" help:"Pages of all sitemaps, at most."`
	MaxUnpacked int64 `type:"bytes" default:"10GiB" placeholder:"SIZE" help:"Bytes of an archive, unpacked, at most."`

	Prune bool `help:"Delete the memos of what is gone from the given folders, archives and sitemaps."`
	Wait  bool `default:"true" negatable:"" help:"Wait until everything can be found."`
	Jobs  int  `default:"8" placeholder:"N" help:"How many files at once, up to 64."`
	Dry   bool `name:"dry-run" help:"Add nothing; tell what it would take and cost."`
	JSON  bool `name:"json" help:"Print JSON."`
}

// Validate refuses a command line that names nothing.
func (c *addCommand) Validate() error {
	switch {
	case len(c.Paths)+len(c.Sitemaps) == 0:
		return errors.New(`expected "<path> ..." or --sitemap`)
	case c.MaxPages < 1:
		return errors.New("--max-pages must be 1 or more")
	}
	return nil
}

// Help tells what is added.
func (addCommand) Help() string {
	return `Adds documents, mails, tables, source code, text and scans. Folders are read
with all that is below them, except hidden files, files of other types, empty
ones and archives. Patterns have * and ?, [a-z], and ** for any folders; quote
them, and the shell leaves them to kvasir. The files of a .zip archive are
added as if they lay in a folder.

A file that is there and unchanged is skipped, a changed one replaced: the
memo's reference id is the file's path. With --prune, memos of files that are
gone are deleted. With --dry-run nothing is added: samples are counted by the
server, and it tells tokens, cost and time.

Pages of the web are loaded by the server, each time anew. The address of a
sitemap adds the pages that it lists of its own site; one that has not changed
since, as far as the sitemap says, is skipped.

Examples:

    kvasir add notes.md
    kvasir add --prune ~/notes ~/papers
    kvasir add 'src/**/*.go' 'doc/*.[hp]*'
    kvasir add archive.zip
    kvasir add https://go.dev/doc/effective_go
    kvasir add --max-pages 200 https://go.dev/sitemap.xml
    kvasir add --dry-run ~/papers
    kvasir add --no-wait --json doc`
}

// added names the memos that this command made.
const added = "kvasir-add"

// Run adds the files.
func (c *addCommand) Run(ctx context.Context, s *session) error {
	found, err := c.gather(ctx, s)
	defer found.close()
	if err != nil {
		return err
	}
	if c.Dry {
		return c.rehearse(ctx, s, found)
	}
	sync := &syncer{
		client: c.client(s), session: s, jobs: min(max(c.Jobs, 1), maxJobs), quiet: c.JSON, processing: c.processing(),
	}
	if c.Wait {
		defer sync.watch(ctx)()
	}
	if err := sync.learn(ctx); err != nil {
		return err
	}
	r := &report{Skipped: found.skipped}
	r.take(found.failed)
	r.take(sync.upload(ctx, "Adding", found.items))
	if c.Prune && ctx.Err() == nil {
		r.take(sync.prune(ctx, found))
	}
	if c.Wait && ctx.Err() == nil {
		sync.wait(ctx, "Processing", r.Files)
	}
	r.count()
	if err := c.print(s, r); err != nil {
		return err
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case r.Failed > 0:
		return errTold
	}
	return nil
}

// print tells what was done.
func (c *addCommand) print(s *session, r *report) error {
	if c.JSON {
		return s.printJSON(r)
	}
	for _, f := range r.Files {
		if f.Action == actionFailed {
			s.err.printf("%s %s: %s\n", s.err.red("failed"), oneLine(f.Path), oneLine(f.Error))
		}
	}
	s.out.printf("%s\n", r)
	return nil
}

// prune deletes the memos of this command that are from a place that was looked
// through, and are not found there any more. If something could not be read it
// deletes nothing: what was not seen may still be there.
func (y *syncer) prune(ctx context.Context, found *scanned) []outcome {
	if len(found.failed) > 0 {
		y.session.err.printf("Not pruning: not everything could be read.\n")
		return nil
	}
	var out []outcome
	for ref, m := range y.known {
		if found.seen[ref] || !found.covers(m) {
			continue
		}
		path, _ := m.Metadata[metaPath].(string)
		address, _ := m.Metadata[metaURL].(string)
		o := outcome{Path: cmp.Or(path, address), Action: actionPruned, MemoID: m.ID}
		if err := y.client.DeleteMemo(ctx, client.ByID(m.ID)); err != nil {
			o.fail(err)
		}
		out = append(out, o)
	}
	slices.SortFunc(out, func(a, b outcome) int { return strings.Compare(a.Path, b.Path) })
	return out
}

// An action is what became of a file.
type action string

// The actions.
const (
	actionAdded     action = "added"
	actionReplaced  action = "replaced"
	actionUnchanged action = "unchanged"
	actionRetried   action = "retried" // unchanged, but its processing had failed
	actionPruned    action = "pruned"
	actionFailed    action = "failed"
)

// An outcome is what became of one file or page.
type outcome struct {
	Path   string `json:"path"`
	Action action `json:"action"`
	MemoID string `json:"memo_uuid,omitempty"`
	Error  string `json:"error,omitempty"`

	open bool // the memo may still be in progress
}

func (o *outcome) fail(err error) { o.Action, o.Error, o.open = actionFailed, explain(err), false }

// A report is what became of all files.
type report struct {
	Added     int       `json:"added"`
	Replaced  int       `json:"replaced"`
	Unchanged int       `json:"unchanged"`
	Retried   int       `json:"retried"`
	Pruned    int       `json:"pruned"`
	Failed    int       `json:"failed"`
	Skipped   skipped   `json:"skipped"`
	Files     []outcome `json:"files"`
}

func (r *report) take(outcomes []outcome) { r.Files = append(r.Files, outcomes...) }

// count counts the files, and forgets in the list those where nothing happened.
func (r *report) count() {
	changed := []outcome{}
	for _, f := range r.Files {
		switch f.Action {
		case actionAdded:
			r.Added++
		case actionReplaced:
			r.Replaced++
		case actionUnchanged:
			r.Unchanged++
			continue
		case actionRetried:
			r.Retried++
		case actionPruned:
			r.Pruned++
		case actionFailed:
			r.Failed++
		}
		changed = append(changed, f)
	}
	r.Files = changed
}

// String is the summary in one line.
func (r *report) String() string {
	var parts []string
	for _, p := range []struct {
		count int
		word  string
	}{
		{r.Added, "added"},
		{r.Replaced, "replaced"},
		{r.Unchanged, "unchanged"},
		{r.Retried, "retried"},
		{r.Pruned, "pruned"},
		{r.Skipped.Hidden, "hidden skipped"},
		{r.Skipped.OtherType, "of other types skipped"},
		{r.Skipped.Empty, "empty skipped"},
		{r.Skipped.Archives, "archives skipped"},
		{r.Skipped.Elsewhere, "pages of other sites skipped"},
		{r.Skipped.OverLimit, "pages left out"},
		{r.Failed, "failed"},
	} {
		if p.count > 0 {
			parts = append(parts, fmt.Sprint(p.count, " ", p.word))
		}
	}
	if len(parts) == 0 {
		return "nothing to add"
	}
	return strings.Join(parts, ", ")
}
