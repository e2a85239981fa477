// Package ocr reads the text in pictures with tesseract, a program of its own that
// the server may have. Nothing of it is in this binary: without the program pictures
// are refused, in words that say what to install.
//
// Tesseract is started anew for each picture. That costs 50 ms beside the second or
// more that a page takes, and a picture that makes it hang or eat memory ends with
// its process. It uses one core, as many documents are read at the same time.
package ocr

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"kvasir/internal/fault"
)

// Limits bound what reading a picture may take. The zero value works.
type Limits struct {
	// Command is the program; empty means tesseract on the PATH.
	Command string
	// Languages are tesseract's names of what the text may be in, such as eng or
	// kor+eng; empty means those that are installed, but no more than four.
	Languages string
	// Pixels is the largest picture; 0 means 40 million, which an A4 page has at
	// 640 dpi. Tesseract takes some 20 bytes for each.
	Pixels int
	// Pages is the most pictures in one file; 0 means 200.
	Pages int
	// Text is the most text in bytes; 0 means 4 MiB.
	Text int
	// Timeout bounds the reading of one picture; 0 means two minutes.
	Timeout time.Duration
}

// withDefaults fills what is zero.
func (l Limits) withDefaults() Limits {
	l.Command = cmp.Or(l.Command, "tesseract")
	l.Pixels = cmp.Or(max(l.Pixels, 0), 40_000_000)
	l.Pages = cmp.Or(max(l.Pages, 0), 200)
	l.Text = cmp.Or(max(l.Text, 0), 4<<20)
	l.Timeout = cmp.Or(max(l.Timeout, 0), 2*time.Minute)
	return l
}

// Page reads a page that was drawn at the given resolution. Its text comes as
// paragraphs with blank lines between them; it is empty if there is none.
func Page(ctx context.Context, page *image.Gray, dpi int, limits Limits) (string, error) {
	limits = limits.withDefaults()
	size := page.Bounds().Size()
	if size.X <= 0 || size.Y <= 0 || size.X > limits.Pixels/size.Y {
		return "", tooManyPixels(limits)
	}
	text, err := limits.run(ctx, portable(page), "stdin", "--dpi", strconv.Itoa(dpi))
	if err != nil {
		return "", err
	}
	return paragraphs(text), nil
}

// portable returns the picture as a PGM file, which is a header and its pixels.
func portable(page *image.Gray) io.Reader {
	size := page.Bounds().Size()
	var b bytes.Buffer
	b.Grow(size.X*size.Y + 32)
	fmt.Fprintf(&b, "P5 %d %d 255\n", size.X, size.Y)
	for y := range size.Y {
		b.Write(page.Pix[y*page.Stride : y*page.Stride+size.X])
	}
	return &b
}

var errSlow = errors.New("tesseract took longer than allowed")

// run runs tesseract on a file, or on in if that is named stdin, and returns what it
// writes.
func (l Limits) run(ctx context.Context, in io.Reader, file string, args ...string) (string, error) {
	languages := l.Languages
	if languages == "" {
		installed, err := l.installed(ctx)
		if err != nil {
			return "", err
		}
		languages = strings.Join(installed, "+")
	}
	ctx, cancel := context.WithTimeoutCause(ctx, l.Timeout, errSlow)
	defer cancel()
	args = append([]string{file, "stdout", "-l", languages, "--psm", "3"}, args...)
	out, err := l.output(ctx, in, args...)
	switch {
	case err == nil:
		return out, nil
	case errors.Is(context.Cause(ctx), errSlow):
		return "", fault.Wrap(fault.TooLarge, fmt.Sprintf("Recognizing the text took longer than %v", l.Timeout), err)
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	}
	return "", err
}

// output runs tesseract once.
func (l Limits) output(ctx context.Context, in io.Reader, args ...string) (string, error) {
	out, complaint := tail{max: l.Text}, tail{max: 1000, cuts: true}
	cmd := exec.CommandContext(ctx, l.Command, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, &out, &complaint
	cmd.Env = environment()
	// A process that does not end when it is killed is not waited for.
	cmd.WaitDelay = 5 * time.Second
	switch err := cmd.Run(); {
	case out.over:
		return "", fault.New(fault.TooLarge, fmt.Sprintf("The picture has more than %d bytes of text", l.Text))
	case errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist):
		return "", fault.Wrap(fault.Invalid, "Install tesseract-ocr on the server and retry", err)
	case err != nil:
		return "", fault.Wrap(fault.Invalid, "The picture cannot be read",
			fmt.Errorf("tesseract: %w: %s", err, strings.TrimSpace(complaint.buf.String())))
	}
	return strings.ToValidUTF8(out.buf.String(), "\ufffd"), nil
}

// installed returns the languages that tesseract has.
func (l Limits) installed(ctx context.Context) ([]string, error) {
	list, err := l.output(ctx, nil, "--list-langs")
	if err != nil {
		return nil, err
	}
	var languages []string
	for line := range strings.Lines(list) {
		// The first line is a sentence. osd finds out how a page lies.
		if line = strings.TrimSpace(line); line != "" && line != "osd" && !strings.ContainsAny(line, " :\"") {
			languages = append(languages, line)
		}
	}
	if len(languages) == 0 {
		return nil, fault.New(fault.Invalid, "Install tesseract-ocr-eng, or another language, on the server and retry")
	}
	if len(languages) > 4 {
		// Each costs as much time as the first. English first, as it is everywhere.
		slices.SortStableFunc(languages, func(a, b string) int {
			return cmp.Compare(strings.Count(b, "eng"), strings.Count(a, "eng"))
		})
		languages = languages[:4]
	}
	return languages, nil
}

// A tail is a buffer that takes no more than max bytes. It has no other methods of a
// [bytes.Buffer], as io.Copy would use them to pass the bound by.
type tail struct {
	buf  bytes.Buffer
	max  int
	cuts bool // the rest is dropped without an error
	over bool
}

var errFull = errors.New("more output than allowed")

// Write takes p if there is room, and fails else, which ends the writer.
func (t *tail) Write(p []byte) (int, error) {
	if t.cuts {
		t.buf.Write(p[:min(len(p), t.max-t.buf.Len())])
		return len(p), nil
	}
	if t.buf.Len()+len(p) > t.max {
		t.over = true
		return 0, errFull
	}
	return t.buf.Write(p)
}

// tooManyPixels says that a picture is too large.
func tooManyPixels(l Limits) error {
	return fault.New(fault.TooLarge, fmt.Sprintf("The picture has more than %d million pixels", l.Pixels/1_000_000))
}

// environment returns the variables of tesseract. Those of the server hold keys, which
// are no business of a program that reads pictures of strangers.
func environment() []string {
	env := []string{"OMP_THREAD_LIMIT=1", "LC_ALL=C.UTF-8"}
	for _, name := range []string{
		"PATH", "HOME", "TMPDIR", "TEMP", "TMP", "TESSDATA_PREFIX", "LD_LIBRARY_PATH",
		"SystemRoot", "SystemDrive", "USERPROFILE", "LocalAppData",
	} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}
