package ocr

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"image/jpeg"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"kvasir/internal/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// needTesseract skips a test on a machine without tesseract. The script that runs
// all tests installs it.
func needTesseract(tb testing.TB) {
	tb.Helper()
	if _, err := exec.LookPath("tesseract"); err != nil {
		tb.Skip("tesseract is not installed")
	}
}

// letter returns a picture with some text.
func letter(tb testing.TB) *image.Gray {
	tb.Helper()
	f, err := os.Open("testdata/letter.png")
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	img, err := png.Decode(f)
	if err != nil {
		tb.Fatal(err)
	}
	grey := image.NewGray(img.Bounds())
	draw.Draw(grey, grey.Bounds(), img, img.Bounds().Min, draw.Src)
	return grey
}

// letterText is what the letter says.
const letterText = "A letter from the harbour\n\n" +
	"The ships were late this year, because the wind came from the west for weeks. " +
	"We have repaired the northern pier in the meantime.\n\nTwelve barrels of herring are in the warehouse."

func TestPage(t *testing.T) {
	t.Parallel()
	needTesseract(t)
	got, err := Page(t.Context(), letter(t), 150, Limits{})
	if err != nil || got != letterText {
		t.Errorf("text = %q, %v; want %q", got, err, letterText)
	}
}

func TestImageOfManyFormats(t *testing.T) {
	t.Parallel()
	needTesseract(t)
	page := letter(t)
	tests := map[string]func(b *bytes.Buffer) error{
		"PNG":  func(b *bytes.Buffer) error { return png.Encode(b, page) },
		"JPEG": func(b *bytes.Buffer) error { return jpeg.Encode(b, page, nil) },
		"GIF":  func(b *bytes.Buffer) error { return gif.Encode(b, page, nil) },
		"TIFF": func(b *bytes.Buffer) error { b.Write(tiff(binary.LittleEndian, page)); return nil },
	}
	for name, encode := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b bytes.Buffer
			if err := encode(&b); err != nil {
				t.Fatal(err)
			}
			got, err := Image(t.Context(), bytes.NewReader(b.Bytes()), int64(b.Len()), Limits{})
			if err != nil || strings.TrimSpace(got.Text) != letterText || len(got.Parts) != 1 {
				t.Errorf("text = %q, %d parts, %v; want %q", got.Text, len(got.Parts), err, letterText)
			}
		})
	}
}

// A byteOrder reads and writes numbers.
type byteOrder interface {
	binary.ByteOrder
	binary.AppendByteOrder
}

// tiff returns a TIFF file of several pages in shades of grey.
func tiff(order byteOrder, pages ...*image.Gray) []byte {
	b := []byte("II*\x00\x08\x00\x00\x00")
	if order.Uint16([]byte{0, 1}) == 1 {
		b = []byte("MM\x00*\x00\x00\x00\x08")
	}
	for i, page := range pages {
		size := page.Bounds().Size()
		entries := [][3]uint32{ // tag, value, whether it is a short one
			{256, uint32(size.X), 1},
			{257, uint32(size.Y), 0},
			{258, 8, 1},
			{259, 1, 1},
			{262, 1, 1},
			{273, uint32(len(b) + 2 + 9*12 + 4), 0},
			{277, 1, 1},
			{278, uint32(size.Y), 0},
			{279, uint32(size.X * size.Y), 0},
		}
		b = order.AppendUint16(b, uint16(len(entries)))
		for _, e := range entries {
			b = order.AppendUint16(b, uint16(e[0]))
			if e[2] == 1 {
				b = order.AppendUint16(order.AppendUint32(order.AppendUint16(b, 3), 1), uint16(e[1]))
				b = order.AppendUint16(b, 0)
			} else {
				b = order.AppendUint32(order.AppendUint32(order.AppendUint16(b, 4), 1), e[1])
			}
		}
		next := 0
		if i < len(pages)-1 {
			next = len(b) + 4 + size.X*size.Y
		}
		b = order.AppendUint32(b, uint32(next))
		b = append(b, page.Pix...)
	}
	return b
}

func TestPagesOfAnImageAreParts(t *testing.T) {
	t.Parallel()
	needTesseract(t)
	page := letter(t)
	blank := image.NewGray(page.Bounds())
	draw.Draw(blank, blank.Bounds(), image.NewUniform(color.White), image.Point{}, draw.Src)
	data := tiff(binary.BigEndian, page, blank, page)
	got, err := Image(t.Context(), bytes.NewReader(data), int64(len(data)), Limits{})
	if err != nil || len(got.Parts) != 2 || got.Parts[0].Number != 1 || got.Parts[1].Number != 3 {
		t.Fatalf("parts = %+v, %v; want pages 1 and 3", got.Parts, err)
	}
	for _, part := range got.Parts {
		if text := strings.TrimSpace(got.Text[part.Start:part.End]); text != letterText {
			t.Errorf("page %d = %q", part.Number, text)
		}
	}
}

// header returns the first bytes of a PNG file that claims to be large.
func header(width, height uint32) []byte {
	var b bytes.Buffer
	img := image.NewGray(image.Rect(0, 0, 1, 1))
	if err := png.Encode(&b, img); err != nil {
		panic(err)
	}
	data := b.Bytes()
	binary.BigEndian.PutUint32(data[16:], width)
	binary.BigEndian.PutUint32(data[20:], height)
	binary.BigEndian.PutUint32(data[29:], crc32.ChecksumIEEE(data[12:29]))
	return data
}

func TestImagesThatAreRefused(t *testing.T) {
	t.Parallel()
	small := image.NewGray(image.Rect(0, 0, 4, 4))
	loop := tiff(binary.LittleEndian, small, small)
	second := binary.LittleEndian.Uint32(loop[8+2+9*12:])
	binary.LittleEndian.PutUint32(loop[int(second)+2+9*12:], 8)
	tests := []struct {
		name   string
		data   []byte
		limits Limits
		kind   fault.Kind
		want   string
	}{
		{"no picture", []byte("hello"), Limits{}, fault.Invalid, "damaged"},
		{"empty", nil, Limits{}, fault.Invalid, "damaged"},
		{"many pixels in a TIFF", tiff(binary.LittleEndian, small), Limits{Pixels: 10}, fault.TooLarge, "pixels"},
		{"a claim of many pixels", header(1<<15, 1<<15), Limits{}, fault.TooLarge, "pixels"},
		{"many pixels in a WebP", webp("VP8X", 0, 0, 0, 0, 0xff, 0xff, 0, 0xff, 0xff, 0), Limits{}, fault.TooLarge, "pixels"},
		{"a WebP of an unknown kind", webp("VP9 ", make([]byte, 20)...), Limits{}, fault.Invalid, "damaged"},
		{"pages in a circle", loop, Limits{}, fault.TooLarge, "more than 200 pages"},
		{"a directory behind the end", []byte("II*\x00\xff\xff\x00\x00"), Limits{}, fault.Invalid, "damaged"},
		{"no tesseract", tiff(binary.LittleEndian, small), Limits{Command: "no-such-program"},
			fault.Invalid, "Install tesseract-ocr"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := Image(t.Context(), bytes.NewReader(test.data), int64(len(test.data)), test.limits)
			if !fault.Is(err, test.kind) || !strings.Contains(fault.Message(err), test.want) {
				t.Errorf("error = %v, want a fault with %q", err, test.want)
			}
		})
	}
}

// webp returns the header of a WebP file.
func webp(kind string, body ...byte) []byte {
	data := append([]byte("RIFF\x00\x00\x00\x00WEBP"+kind+"\x00\x00\x00\x00"), body...)
	return append(data, make([]byte, 16)...)
}

func TestSizesOfWebP(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		data []byte
		want image.Point
	}{
		"extended": {webp("VP8X", 0, 0, 0, 0, 0x1f, 0x03, 0, 0x57, 0x02, 0), image.Pt(800, 600)},
		"lossless": {webp("VP8L", 0x2f, 0x1f, 0xc3, 0x95, 0), image.Pt(800, 600)},
		"lossy":    {webp("VP8 ", 0, 0, 0, 0x9d, 0x01, 0x2a, 0x20, 0x03, 0x58, 0x02), image.Pt(800, 600)},
	} {
		if got, err := webpSize(test.data); err != nil || got[0] != test.want {
			t.Errorf("%s: size = %v, %v; want %v", name, got, err, test.want)
		}
	}
}

func TestNothingToRead(t *testing.T) {
	t.Parallel()
	needTesseract(t)
	white := image.NewGray(image.Rect(0, 0, 200, 100))
	draw.Draw(white, white.Bounds(), image.NewUniform(color.White), image.Point{}, draw.Src)
	if got, err := Page(t.Context(), white, 150, Limits{}); err != nil || got != "" {
		t.Errorf("an empty page = %q, %v", got, err)
	}
	data := tiff(binary.LittleEndian, white)
	_, err := Image(t.Context(), bytes.NewReader(data), int64(len(data)), Limits{})
	if !fault.Is(err, fault.Invalid) || !strings.Contains(fault.Message(err), "No text") {
		t.Errorf("an empty picture: error = %v", err)
	}
}

// script makes a program that tesseract is replaced by.
func script(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAProgramThatMisbehaves(t *testing.T) {
	t.Parallel()
	page := image.NewGray(image.Rect(0, 0, 10, 10))
	tests := []struct {
		name, script string
		limits       Limits
		kind         fault.Kind
		want         string
	}{
		{"hangs", "exec sleep 600", Limits{Languages: "eng", Timeout: 50 * time.Millisecond},
			fault.TooLarge, "longer than 50ms"},
		{"fails", "yes broken | head -n 1000 >&2; exit 3", Limits{Languages: "eng"}, fault.Invalid, "cannot be read"},
		{"writes without end", "exec yes", Limits{Languages: "eng", Text: 1000}, fault.TooLarge, "more than 1000 bytes"},
		{"has no language", "echo 'List of languages (1):'; echo osd", Limits{}, fault.Invalid, "Install tesseract-ocr-eng"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.limits.Command = script(t, test.script)
			_, err := Page(t.Context(), page, 300, test.limits)
			if !fault.Is(err, test.kind) || !strings.Contains(fault.Message(err), test.want) {
				t.Errorf("error = %v, want a fault with %q", err, test.want)
			}
		})
	}
}

// TestTheProgramKnowsNoSecrets asks a program for its variables.
func TestTheProgramKnowsNoSecrets(t *testing.T) {
	t.Setenv("OPENAI_API_KEY", "sk-secret")
	limits := Limits{Languages: "eng", Command: script(t, "exec env"), Text: 1 << 20}
	said, err := limits.output(t.Context(), strings.NewReader(""))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(said, "sk-secret") || !strings.Contains(said, "PATH=") {
		t.Errorf("its variables are\n%s", said)
	}
}

func TestLanguages(t *testing.T) {
	t.Parallel()
	list := "echo 'List of available languages (7):'; for l in afr deu osd eng fra kor; do echo $l; done\n"
	answer := `case "$1" in --list-langs) ` + list + `;; *) echo "$4";; esac`
	page := image.NewGray(image.Rect(0, 0, 10, 10))
	for given, want := range map[string]string{"": "eng+afr+deu+fra", "kor": "kor"} {
		got, err := Page(t.Context(), page, 300, Limits{Command: script(t, answer), Languages: given})
		if err != nil || got != want {
			t.Errorf("languages %q = %q, %v; want %q", given, got, err, want)
		}
	}
}

func TestStopsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	limits := Limits{Command: script(t, "exec sleep 600"), Languages: "eng"}
	_, err := Page(ctx, image.NewGray(image.Rect(0, 0, 10, 10)), 300, limits)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error = %v, want the context's", err)
	}
}

func TestParagraphs(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                "",
		" \n\n \f":                        "",
		"One line of text that goes\non.": "One line of text that goes on.",
		"A word that is di-\nvided there": "A word that is divided there",
		"Name\nA longer line of the text": "Name\nA longer line of the text",
		"ﬁrst\x01\n\n\n\nsecond\n":        "first\n\nsecond",
	} {
		if got := paragraphs(text); got != want {
			t.Errorf("paragraphs(%q) = %q, want %q", text, got, want)
		}
	}
}

// FuzzCheck feeds anything to what reads the sizes of pictures.
func FuzzCheck(f *testing.F) {
	f.Add(tiff(binary.BigEndian, image.NewGray(image.Rect(0, 0, 3, 2))))
	f.Add(webp("VP8L", 0x2f, 1, 2, 3, 4))
	f.Add(header(5, 5))
	f.Fuzz(func(t *testing.T, data []byte) {
		err := Limits{}.withDefaults().check(bytes.NewReader(data), int64(len(data)))
		if err != nil && fault.Message(err) == "" {
			t.Errorf("error without words: %v", err)
		}
	})
}

func BenchmarkPage(b *testing.B) {
	needTesseract(b)
	page := letter(b)
	for b.Loop() {
		if _, err := Page(b.Context(), page, 150, Limits{Languages: "eng"}); err != nil {
			b.Fatal(err)
		}
	}
}
