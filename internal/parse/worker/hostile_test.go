package worker_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"kvasir/internal/fault"
	"kvasir/internal/parse"
	"kvasir/internal/parse/worker"
)

// deep returns what opens and closes, 100,000 levels deep.
func deep(open, inside, end string) string {
	const levels = 100_000
	return strings.Repeat(open, levels) + inside + strings.Repeat(end, levels)
}

// A hostileFile is made to do harm, and what comes of it.
type hostileFile struct {
	what, name, data string
	want             string // how its error begins; empty if some of it may be read
}

// hostileFiles returns files of every format that go for memory, time or the stack.
func hostileFiles(t *testing.T) []hostileFile {
	t.Helper()
	const unpacks = "unpacks to far more than its size"
	laughs := billionLaughs()
	return []hostileFile{
		{"bomb", "bomb.docx", wordFile(t, bomb), "bomb.docx: The file " + unpacks},
		{"bomb", "bomb.pptx", slideFile(t, bomb), "bomb.pptx: The file " + unpacks},
		{"bomb", "bomb.xlsx", workbook(t, bomb), "bomb.xlsx: The file " + unpacks},
		{"bomb", "bomb.odt", openDocument(t, bomb), "bomb.odt: The file " + unpacks},
		{"bomb", "bomb.epub", epubFile(t, bomb), "bomb.epub: The file " + unpacks},
		{"list of entries", "bomb.docx", manyEntries(t, 12_000), "bomb.docx: The file is an archive of more than"},
		{"laughs", "laughs.xml", laughs, "laughs.xml"},
		{"laughs", "laughs.docx", wordFile(t, laughs), "laughs.docx"},
		{"laughs", "laughs.odt", openDocument(t, laughs), "laughs.odt"},
		{"laughs", "laughs.xhtml", laughs, ""},
		{"deep", "deep.html", deep("<div>", "x", "</div>"), ""},
		{"deep", "deep.htm", deep("<table><tr><td>", "x", "</table>"), ""},
		{"deep", "deep.xhtml", deep("<b><ul><li>", "x", "</ul></b>"), ""},
		{"deep", "deep.json", deep("[", "1", "]"), "deep.json: The values nest more than"},
		{"deep", "deep.jsonl", deep(`{"a":`, "1", "}"), "deep.jsonl: The values nest more than"},
		{"deep", "deep.ipynb", deep(`{"cells":[`, "", "]}"), "deep.ipynb"},
		{"deep", "deep.xml", deep("<a>", "x", "</a>"), "deep.xml: The XML nests its elements more than"},
		{"deep", "deep.rtf", `{\rtf1 ` + deep("{", "x", "}") + "}", "deep.rtf"},
		{"deep", "deep.docx", wordFile(t, deep("<w:p>", "x", "</w:p>")), "deep.docx: The file nests its elements more than"},
		{"deep", "deep.odt", openDocument(t, deep("<text:p>", "x", "</text:p>")), "deep.odt: The file nests its elements"},
		{"deep", "deep.eml", deepMail(2000), ""},
		{"deep", "deep.md", deep("> ", "x", ""), ""},
		{"cycle", "cycle.pdf", pdfFile(cyclicPages), "cycle.pdf: The PDF"},
		{"pages", "many.pdf", pdfFile(manyPages), "many.pdf: The PDF has more than"},
		{"forms", "forms.pdf", pdfFile(manyForms), "forms.pdf takes more memory than allowed (512 MiB)"},
		{"outside", "../../x.docx", wordFile(t, bomb), "x.docx: The file " + unpacks},
		{"outside", "../../../etc/passwd", "root", "Invalid file type"},
		{"wide", "wide.csv", strings.Repeat(",", 1<<20), "wide.csv"},
		{"picture", "huge.png", hugePicture(), "huge.png"},
	}
}

func TestHostileFiles(t *testing.T) {
	before, opened := entries(t, os.TempDir()), openFiles(t)
	t.Run("read", func(t *testing.T) {
		p := newPool(t, child, worker.Options{
			Workers: 2, Memory: 512 << 20,
			Parse: parse.Options{Timeout: 20 * time.Second, MaxText: 4 << 20},
		})
		for _, test := range hostileFiles(t) {
			t.Run(test.what+" "+path.Base(test.name), func(t *testing.T) {
				t.Parallel()
				got, err := read(t.Context(), p, test.name, test.data)
				switch kind := fault.KindOf(err); {
				case err == nil && test.want == "":
				case kind != fault.Invalid && kind != fault.TooLarge, !strings.HasPrefix(fault.Message(err), test.want):
					t.Errorf("%d bytes of text, error %v; want a fault that says %q", len(got.Text), err, test.want)
				case strings.Contains(fault.Message(err), "crashed"):
					t.Errorf("error = %v: the reader itself should have refused", err)
				}
			})
		}
	})
	// The pool is closed by now.
	if after := entries(t, os.TempDir()); after > before {
		t.Errorf("%d files are left in the folder for temporary files", after-before)
	}
	if left := openFiles(t); left > opened {
		t.Errorf("%d files are left open", left-opened)
	}
}

// entries returns how many things of ours there are in a folder.
func entries(t *testing.T, dir string) int {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, "kvasir-*"))
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// openFiles returns how many files this process has open, 0 where that is not known.
func openFiles(t *testing.T) int {
	t.Helper()
	if runtime.GOOS != "linux" {
		return 0
	}
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// A page of 400,000 marks takes about a second; so does one that would take hours.
func TestAFileThatTakesTooLong(t *testing.T) {
	t.Parallel()
	p := newPool(t, child, worker.Options{Parse: parse.Options{Timeout: 20 * time.Millisecond}})
	for range 2 {
		_, err := read(t.Context(), p, "slow.html", strings.Repeat("<i>x</i> <b>y</b>\n", 400_000))
		if !fault.Is(err, fault.TooLarge) || !strings.HasPrefix(fault.Message(err), "slow.html takes longer than 20ms to read; split the file") {
			t.Errorf("error = %v", err)
		}
	}
}

// What a mail attaches is a name and bytes; the name leads nowhere.
func TestAnAttachmentWithAPathForAName(t *testing.T) {
	t.Parallel()
	p := newPool(t, child, worker.Options{})
	got, err := read(t.Context(), p, "../../mail.eml", mailWith(`../../x.txt`, "text/plain", "the attached words"))
	if err != nil || !strings.Contains(got.Text, "the attached words") {
		t.Fatalf("got %+v, %v", got, err)
	}
	if len(got.Parts) != 1 || strings.ContainsAny(got.Parts[0].Name, "/\\") {
		t.Errorf("parts = %+v, want one with a plain name", got.Parts)
	}
}

// Attached mails are read as deep as allowed and no deeper, and the rest of the
// mail stays.
func TestMailsInMails(t *testing.T) {
	t.Parallel()
	p := newPool(t, child, worker.Options{Parse: parse.Options{MaxNested: 3}})
	mail := mailWith("innermost.txt", "text/plain", "the innermost words")
	for i := range 6 {
		mail = mailWith(fmt.Sprintf("%d.eml", i), "application/octet-stream", mail)
	}
	got, err := read(t.Context(), p, "mail.eml", mail)
	if err != nil || strings.Contains(got.Text, "innermost words") || !strings.Contains(got.Text, "See below.") {
		t.Errorf("got %+v, %v", got, err)
	}
}

// No file, whatever is in it, is more than an error in words.
func TestDamagedFiles(t *testing.T) {
	t.Parallel()
	p := newPool(t, child, worker.Options{Workers: 2, Parse: parse.Options{Timeout: 10 * time.Second, NoOCR: true}})
	rng := rand.New(rand.NewPCG(7, 7))
	noise := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		return string(b)
	}
	var files []hostileFile
	for name, data := range samples(t) {
		for _, cut := range []int{9, len(data) / 2, len(data) - 30} {
			if cut > 0 && cut < len(data) {
				files = append(files, hostileFile{what: fmt.Sprint("cut at ", cut), name: name, data: data[:cut]})
			}
		}
		mangled := []byte(data)
		for range 1 + len(data)/200 {
			mangled[rng.IntN(len(mangled))] = byte(rng.Uint32())
		}
		files = append(files, hostileFile{what: "mangled", name: name, data: string(mangled)})
	}
	for _, extension := range documents() {
		name := "x" + extension
		files = append(
			files,
			hostileFile{what: "empty", name: name, want: name + " is empty"},
			hostileFile{what: "noise", name: name, data: noise(5000), want: name + " is not"},
		)
	}
	for _, f := range files {
		got, err := read(t.Context(), p, f.name, f.data)
		switch kind := fault.KindOf(err); {
		case err == nil && f.want == "" && got.Text != "":
		case kind != fault.Invalid && kind != fault.TooLarge, !strings.HasPrefix(fault.Message(err), f.want):
			t.Errorf("%s %s: %.60q, %v", f.name, f.what, got.Text, err)
		case strings.Contains(fault.Message(err), "crashed"):
			t.Errorf("%s %s: %v", f.name, f.what, err)
		}
	}
}

// documents returns the extensions of what is no source code.
func documents() []string {
	var out []string
	for _, extension := range parse.Extensions() {
		if strings.Contains(parse.Allowed("").Error(), extension+",") {
			out = append(out, extension)
		}
	}
	return out
}
