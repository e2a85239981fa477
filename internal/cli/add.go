package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"kvasir/client"
)

// maxJobs bounds the requests of a command that are under way at once.
const maxJobs = 64

// An addCommand adds files.
type addCommand struct {
	server

	Paths []string `arg:"" name:"path" help:"Files and folders."`
	Prune bool     `help:"Delete the memos of files that are gone from the given folders."`
	Wait  bool     `default:"true" negatable:"" help:"Wait until everything can be found."`
	Jobs  int      `default:"8" placeholder:"N" help:"How many files at once, up to 64."`
	Dry   bool     `name:"dry-run" help:"Add nothing; tell what it would take and cost."`
	JSON  bool     `name:"json" help:"Print JSON."`
}

// Help tells what is added.
func (addCommand) Help() string {
	return `Adds text, Markdown, HTML, PDF, Word and PowerPoint files. Folders are read
with all that is below them, except hidden files, files of other types and
empty ones. A file that is there and unchanged is skipped, a changed one
replaced: the memo's reference id is the file's path. With --prune, memos of
files that are gone are deleted. With --dry-run nothing is added: samples are
counted by the server, and it tells tokens, cost and time.

Examples:

    kvasir add notes.md
    kvasir add --prune ~/notes ~/papers
    kvasir add --dry-run ~/papers
    kvasir add --no-wait --json doc`
}

// added names the memos that this command made.
const added = "kvasir-add"

// Run adds the files.
func (c *addCommand) Run(ctx context.Context, s *session) error {
	found, err := scan(c.Paths)
	if err != nil {
		return err
	}
	if c.Dry {
		return c.rehearse(ctx, s, found)
	}
	sync := &syncer{client: c.client(s), session: s, jobs: min(max(c.Jobs, 1), maxJobs), quiet: c.JSON}
	if err := sync.learn(ctx); err != nil {
		return err
	}
	r := &report{Skipped: found.skipped}
	r.take(found.failed)
	r.take(sync.upload(ctx, "Adding", found.items))
	if c.Prune && ctx.Err() == nil {
		r.take(sync.prune(ctx, c.Paths, found))
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

// prune deletes the memos of this command whose files were below the given
// folders and are not found any more. After a folder that could not be read it
// deletes nothing: what was not seen may still be there.
func (y *syncer) prune(ctx context.Context, paths []string, found *scanned) []outcome {
	if len(found.failed) > 0 {
		y.session.err.printf("Not pruning: not everything could be read.\n")
		return nil
	}
	present := map[string]bool{}
	for _, it := range found.items {
		present[it.ref] = true
	}
	var out []outcome
	for ref, m := range y.known {
		path, _ := m.Metadata["path"].(string)
		if present[ref] || m.Metadata["added_by"] != added || !below(path, paths) {
			continue
		}
		o := outcome{Path: path, Action: actionPruned, MemoID: m.ID}
		if err := y.client.DeleteMemo(ctx, client.ByID(m.ID)); err != nil {
			o.fail(err)
		}
		out = append(out, o)
	}
	slices.SortFunc(out, func(a, b outcome) int { return strings.Compare(a.Path, b.Path) })
	return out
}

// below reports whether a path lies in one of the folders.
func below(path string, folders []string) bool {
	for _, folder := range folders {
		abs, err := filepath.Abs(folder)
		if err != nil {
			continue
		}
		rel, err := filepath.Rel(abs, path)
		if err == nil && rel != "." && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
			return true
		}
	}
	return false
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

// An outcome is what became of one file.
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
