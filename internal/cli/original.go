package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"kvasir/client"
)

// A memoOriginal downloads a file.
type memoOriginal struct {
	memoName

	ID     string `arg:"" name:"id" help:"The memo's id."`
	Output string `short:"o" placeholder:"FILE" help:"Where to write it; - for stdout. Default: its name, in this folder."`
	Force  bool   `help:"Write over a file that is there."`
	JSON   bool   `name:"json" help:"Print JSON about the file."`
}

// Help shows examples.
func (memoOriginal) Help() string {
	return `Examples:

    kvasir memo original 0197a1f2-2f57-7c3e-9d51-6b0f7a1c2d3e
    kvasir memo original -o - --reference file:/home/me/report.pdf | less`
}

// Run downloads it. Its name is a stranger's word: only its last element counts,
// and a file that is there is kept.
func (c *memoOriginal) Run(ctx context.Context, s *session) (err error) {
	o, err := c.client(s).Original(ctx, c.ref(c.ID))
	if err != nil {
		return fmt.Errorf("memo %s: %w", c.ID, err)
	}
	defer o.Body.Close()
	if c.Output == "-" {
		_, err := io.Copy(s.out, o.Body)
		return err
	}
	target := c.Output
	if target == "" {
		target = localName(o.Name)
	}
	size, err := c.save(target, o.Body)
	if err != nil {
		return err
	}
	if c.JSON {
		return s.printJSON(map[string]any{
			"file": target, "name": o.Name, "mime_type": o.MIMEType, "size": size, "sha256": o.SHA256,
		})
	}
	s.out.printf("%s, %s\n", oneLine(target), byteSize(size))
	return nil
}

// save writes a file, and takes it away again if it is not whole.
func (c *memoOriginal) save(target string, body io.Reader) (size int64, err error) {
	mode := os.O_WRONLY | os.O_CREATE | os.O_EXCL
	if c.Force {
		mode = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	}
	file, err := os.OpenFile(target, mode, 0o644)
	if errors.Is(err, os.ErrExist) {
		return 0, fmt.Errorf("%s is there already: give another name with -o, or use --force", target)
	}
	if err != nil {
		return 0, err
	}
	size, err = io.Copy(file, body)
	if err = errors.Join(err, file.Close()); err != nil {
		err = errors.Join(err, os.Remove(target))
	}
	return size, err
}

// localName makes a name in the present folder of what a server says.
func localName(name string) string {
	name = path.Base(path.Clean("/" + strings.ReplaceAll(oneLine(name), `\`, "/")))
	if name = strings.TrimLeft(name, "./-"); name == "" {
		return "original"
	}
	return name
}

// A memoEnrich has a model write about memos.
type memoEnrich struct {
	memoName

	IDs     []string `arg:"" name:"id" help:"The memos' ids."`
	Aspects []string `required:"" enum:"summary,tags,context,questions" placeholder:"WHAT" help:"Some of ${enum}."`
	JSON    bool     `name:"json" help:"Print JSON."`
}

// Help shows examples.
func (memoEnrich) Help() string {
	return `What is there already is written anew. The memos stay searchable meanwhile.

Examples:

    kvasir memo enrich --aspects summary,tags 0197a1f2-2f57-7c3e-9d51-6b0f7a1c2d3e
    kvasir memo enrich --aspects context --reference policies/travel.md`
}

// Run asks for one after the other, and stops at the first that fails.
func (c *memoEnrich) Run(ctx context.Context, s *session) error {
	aspects := make([]client.Aspect, len(c.Aspects))
	for i, name := range c.Aspects {
		aspects[i] = client.Aspect(name)
	}
	for _, id := range c.IDs {
		if err := c.client(s).Enrich(ctx, c.ref(id), aspects...); err != nil {
			return fmt.Errorf("memo %s: %w", id, err)
		}
		if !c.JSON {
			s.out.printf("enriching %s\n", id)
		}
	}
	if c.JSON {
		return s.printJSON(map[string]any{"enriching": c.IDs})
	}
	return nil
}
