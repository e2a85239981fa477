package chunk

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "rewrite the wanted pieces in testdata")

// TestCases compares the pieces of each testdata/*.txtar: "text" is the input, its
// comment's fields set options, "pieces" is the wanted output.
func TestCases(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			text := string(archive.Files[0].Data)
			opts := caseOptions(t, string(archive.Comment))
			pieces := Split(text, opts)
			checkPieces(t, text, opts, pieces)
			got := show(text, pieces)
			if *update {
				archive.Files = append(archive.Files[:1], txtar.File{Name: "pieces", Data: []byte(got)})
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(archive.Files[1].Data), got); diff != "" {
				t.Errorf("pieces differ (-want +got):\n%s", diff)
			}
		})
	}
}

// caseOptions reads fields such as "words=20" from a comment. Tokens are counted
// as words between spaces.
func caseOptions(t *testing.T, comment string) Options {
	t.Helper()
	opts := Options{CountTokens: countFields, Prefix: joinPath}
	for field := range strings.FieldsSeq(comment) {
		key, value, ok := strings.Cut(field, "=")
		if !ok {
			continue
		}
		n, err := strconv.Atoi(value)
		if err != nil {
			t.Fatal(err)
		}
		switch key {
		case "words":
			opts.Words = n
		case "bytes":
			opts.MaxBytes = n
		case "tokens":
			opts.MaxTokens = n
		default:
			t.Fatalf("unknown option %q", key)
		}
	}
	return opts
}

// show prints pieces so that a person can read where they begin and end.
func show(text string, pieces []Piece) string {
	var b strings.Builder
	for _, p := range pieces {
		fmt.Fprintln(&b, strings.TrimSpace("=== "+strings.Join(p.Headings, " > ")))
		for line := range strings.Lines(text[p.HeaderStart:p.HeaderEnd]) {
			b.WriteString("^ " + strings.TrimSuffix(line, "\n") + "\n")
		}
		for line := range strings.Lines(text[p.Start:p.End]) {
			b.WriteString("| " + strings.TrimSuffix(line, "\n") + "\n")
		}
	}
	return b.String()
}

func countFields(text string) int { return len(strings.Fields(text)) }

func joinPath(headings []string) string {
	if len(headings) == 0 {
		return ""
	}
	return strings.Join(headings, " > ") + "\n\n"
}

// checkPieces fails the test unless the pieces keep every promise of the package.
func checkPieces(t *testing.T, text string, opts Options, pieces []Piece) {
	t.Helper()
	if strings.TrimSpace(text) == "" {
		if len(pieces) != 0 {
			t.Errorf("%d pieces of white space, want none", len(pieces))
		}
		return
	}
	o := opts.withDefaults()
	valid := utf8.ValidString(text)
	pos := 0
	for i, p := range pieces {
		if p.Start != pos || p.End <= p.Start || p.End > len(text) {
			t.Fatalf("piece %d is %d to %d, want one that starts at %d", i, p.Start, p.End, pos)
		}
		pos = p.End
		part := text[p.Start:p.End]
		if valid && !utf8.ValidString(part) {
			t.Errorf("piece %d cuts a character: %q", i, part)
		}
		if len(part) > o.MaxBytes {
			t.Errorf("piece %d has %d bytes, want at most %d", i, len(part), o.MaxBytes)
		}
		checkTokens(t, text, o, p)
		checkBlank(t, text, o, p)
		for _, h := range p.Headings {
			if !utf8.ValidString(h) || utf8.RuneCountInString(h) > maxHeading || strings.ContainsAny(h, "\r\n") {
				t.Errorf("piece %d: heading %q is not one short line", i, h)
			}
		}
	}
	if pos != len(text) {
		t.Errorf("the pieces end at %d, want %d", pos, len(text))
	}
}

// checkTokens fails the test if a piece is over the tokens, unless the caller's
// prefix or a single character is.
func checkTokens(t *testing.T, text string, o Options, p Piece) {
	t.Helper()
	part := text[p.Start:p.End]
	if o.MaxTokens == 0 || utf8.RuneCountInString(part) == 1 {
		return
	}
	if len(p.Headings) == 0 && o.CountTokens(o.Prefix(nil)) > o.MaxTokens/2 {
		return
	}
	if n := o.CountTokens(o.Prefix(p.Headings) + text[p.HeaderStart:p.HeaderEnd] + part); n > o.MaxTokens {
		t.Errorf("a piece has %d tokens with its prefix, want at most %d: %q", n, o.MaxTokens, part)
	}
}

// checkBlank fails the test if a piece is white space without need.
func checkBlank(t *testing.T, text string, o Options, p Piece) {
	t.Helper()
	if strings.TrimSpace(text[p.Start:p.End]) != "" {
		return
	}
	before := len(text[:p.Start]) - len(strings.TrimRightFunc(text[:p.Start], unicode.IsSpace))
	after := len(text[p.Start:]) - len(strings.TrimLeftFunc(text[p.Start:], unicode.IsSpace))
	tokens := o.CountTokens(text[p.Start-before : p.Start+after])
	if before+after <= o.MaxBytes/2 && (o.MaxTokens == 0 || tokens <= o.MaxTokens/4) {
		t.Errorf("a piece is %d bytes of white space in a run of %d", p.End-p.Start, before+after)
	}
}

func TestSplitKeepsItsPromisesForGeneratedText(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	for range 400 {
		text := generate(rng, 1+rng.IntN(3000))
		opts := Options{
			Words: rng.IntN(60), MaxBytes: rng.IntN(600), MaxTokens: rng.IntN(3) * (8 + rng.IntN(60)),
			CountTokens: []func(string) int{nil, countFields, byteTokens}[rng.IntN(3)],
			Prefix:      []func([]string) string{nil, joinPath}[rng.IntN(2)],
		}
		checkPieces(t, text, opts, Split(text, opts))
		if t.Failed() {
			t.Fatalf("options %+v\ntext %q", opts, text)
		}
	}
}

// byteTokens counts like a byte-level model that puts a token around each text.
func byteTokens(text string) int { return 2 + (len(text)+2)/3 }

// generate returns text of about n bytes with something of everything.
func generate(rng *rand.Rand, n int) string {
	parts := []string{
		"# One\n", "## Two\n\n", "### Deep heading of several words ###\n", "Setext\n------\n", "Big\n===\n",
		"word ", "sentence ends. Another one! ", "z.B. Dr. Müller kam um 3.15 Uhr. ", "\n", "\n\n", "\r\n", "\r", "\t",
		"- item\n", "1. first\n", "| a | b |\n|---|---|\n| 1 | 2 |\n", "```go\n# not a heading\n```\n", "~~~\nopen\n",
		"机器学习是人工智能的一个分支。它研究算法！", "ประเทศไทย", "안녕하세요 세계. ", "😀👩‍👩‍👧", strings.Repeat("x", 80),
		strings.Repeat(" ", 40), "\xff\xfe", "\x80", "\x00", "\u00a0", "---\n", "> quoted\n", "....", "\u2028",
	}
	var b strings.Builder
	for b.Len() < n {
		b.WriteString(parts[rng.IntN(len(parts))])
	}
	return b.String()
}

func TestSplitOfNothing(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", " ", "\n\n\t", "\u00a0\u2003\r\n", strings.Repeat(" ", 10000)} {
		if got := Split(text, Options{}); got != nil {
			t.Errorf("Split(%.20q) = %v, want none", text, got)
		}
	}
}

func TestSplitAimsAtTheWords(t *testing.T) {
	t.Parallel()
	sentence := "The quick brown fox jumps over the lazy dog while nobody looks. "
	for name, text := range map[string]string{
		"one paragraph":   strings.Repeat(sentence, 300),
		"many paragraphs": strings.Repeat(strings.Repeat(sentence, 4)+"\n\n", 75),
		"no sentences":    strings.Repeat("word ", 3600),
		"Chinese":         strings.Repeat("机器学习是人工智能的一个重要分支。", 400),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for i, p := range Split(text, Options{}) {
				if words := weigh(text[p.Start:p.End]) / perWord; words < 120 || words > 240 {
					t.Errorf("piece %d has %d words, want about 180", i, words)
				}
			}
		})
	}
}

func TestSplitOfUnbrokenText(t *testing.T) {
	t.Parallel()
	for name, unit := range map[string]string{
		"letters": "a", "dots": ".", "invalid": "\x80", "emoji": "😀", "newlines in words": "a\n", "fences": "```\n",
		"headings": "# a\n", "pipes": "|", "stars": "* ", "lone carriage returns": "ab\r", "quotes": "\"", "signs": "a.",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := strings.Repeat(unit, 200_000/len(unit))
			opts := Options{MaxTokens: 256, Prefix: joinPath}
			checkPieces(t, text, opts, Split(text, opts))
		})
	}
}

func TestSplitDropsOuterHeadingsFromALongPrefix(t *testing.T) {
	t.Parallel()
	text := "# Alpha beta gamma delta\n\n## Epsilon zeta\n\nOne two three four. Five six seven eight. Nine ten eleven."
	pieces := Split(text, Options{Words: 6, MaxTokens: 12, CountTokens: countFields, Prefix: joinPath})
	last := pieces[len(pieces)-1]
	if diff := cmp.Diff([]string{"Epsilon zeta"}, last.Headings); diff != "" {
		t.Errorf("headings of the last piece (-want +got):\n%s", diff)
	}
}

func TestSplitCutsAHeadingThatIsTooLong(t *testing.T) {
	t.Parallel()
	text := "# " + strings.Repeat("long ", 60) + "\n\n" + strings.Repeat("Some text. ", 50)
	pieces := Split(text, Options{MaxTokens: 40, CountTokens: byteTokens, Prefix: joinPath})
	last := pieces[len(pieces)-1]
	if len(last.Headings) != 1 || !strings.HasSuffix(last.Headings[0], "…") {
		t.Errorf("headings = %q, want one that was cut", last.Headings)
	}
}

func TestSplitWithAPrefixOverHalfTheTokens(t *testing.T) {
	t.Parallel()
	title := strings.Repeat("title ", 30)
	text := strings.Repeat("one two three. ", 20)
	pieces := Split(text, Options{
		MaxTokens: 40, CountTokens: countFields,
		Prefix: func(headings []string) string { return title + joinPath(headings) },
	})
	for _, p := range pieces {
		if n := countFields(text[p.Start:p.End]); n > 20 {
			t.Errorf("a piece has %d tokens of its own, want at most half of 40", n)
		}
	}
}

func FuzzSplit(f *testing.F) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 20 {
		f.Add(generate(rng, 300), 20, 200, 40)
	}
	f.Fuzz(func(t *testing.T, text string, words, maxBytes, maxTokens int) {
		opts := Options{
			Words: words % 1000, MaxBytes: maxBytes % 10_000, MaxTokens: maxTokens % 1000,
			CountTokens: byteTokens, Prefix: joinPath,
		}
		checkPieces(t, text, opts, Split(text, opts))
	})
}

func BenchmarkSplit(b *testing.B) {
	prose := strings.Repeat("## Section\n\n"+strings.Repeat("The quick brown fox jumps over the lazy dog. ", 40)+"\n\n", 600)
	for name, text := range map[string]string{
		"prose":     prose,
		"one line":  strings.Repeat("word and ", 120_000),
		"unbroken":  strings.Repeat("a", 1_000_000),
		"fragments": strings.Repeat("a\n\n", 330_000),
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				Split(text, Options{MaxTokens: 256, Prefix: joinPath})
			}
		})
	}
}
