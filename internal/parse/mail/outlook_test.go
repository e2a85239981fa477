package mail

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"kvasir/internal/fault"
	"kvasir/internal/memo"
	"kvasir/internal/parse/compound/compoundtest"
)

// text16 returns text as properties of type 001F have it.
func text16(text string) string {
	var b []byte
	for _, c := range utf16.Encode([]rune(text)) {
		b = binary.LittleEndian.AppendUint16(b, c)
	}
	return string(b)
}

// fixed returns a stream of properties of fixed size, by their tags.
func fixed(headerSize int, values map[uint32]uint64) string {
	b := make([]byte, headerSize)
	for tag, v := range values {
		b = binary.LittleEndian.AppendUint32(b, tag)
		b = binary.LittleEndian.AppendUint32(b, 6)
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	return string(b)
}

// join returns the streams of several storages, by the paths of those.
func join(storages map[string]map[string]string) map[string]string {
	all := map[string]string{}
	for path, streams := range storages {
		for name, data := range streams {
			all[path+name] = data
		}
	}
	return all
}

func readOutlook(t testing.TB, files map[string]string, limits Limits) (memo.Parsed, error) {
	t.Helper()
	data := compoundtest.Files(files)
	return ReadOutlook(t.Context(), bytes.NewReader(data), int64(len(data)), limits, readers())
}

// minutes is a message with recipients, a file, a picture, and a message in it.
func minutes() map[string]string {
	const attach = "__attach_version1.0_#0000000"
	return join(map[string]map[string]string{
		"": {
			fixedProps:             fixed(32, map[uint32]uint64{0x00390040: 133162853280000000, 0x3ffd0003: 1252}),
			"__substg1.0_0037001F": text16("Minutes of Köln"),
			"__substg1.0_0C1A001F": text16("Ann <ann@x.org>"), "__substg1.0_0C1F001F": text16("/O=X/CN=ANN"),
			"__substg1.0_5D01001F": text16("ann@x.org"), "__substg1.0_0E04001F": text16("Bob; Eve"),
			"__substg1.0_1000001F": text16("Hi all\r\nthere"), "__substg1.0_0E03001F": text16("Carl"),
		},
		"__recip_version1.0_#00000000/": {
			fixedProps:             fixed(8, map[uint32]uint64{0x0c150003: 1}),
			"__substg1.0_3001001F": text16("'Bob'"), "__substg1.0_39FE001F": text16("bob@x.org"),
		},
		"__recip_version1.0_#00000001/": {
			fixedProps: fixed(8, map[uint32]uint64{0x0c150003: 3}), "__substg1.0_3001001F": text16("Secret"),
		},
		attach + "0/": {
			fixedProps: fixed(8, nil), "__substg1.0_3707001F": text16("a.txt"), "__substg1.0_37010102": "# A\ntext",
		},
		attach + "1/": {
			fixedProps: fixed(8, map[uint32]uint64{0x7ffe000b: 1}), "__substg1.0_3707001F": text16("logo.png"),
			"__substg1.0_37010102": "\x89PNG",
		},
		attach + "2/": {fixedProps: fixed(8, nil), "__substg1.0_3704001F": text16("X.XYZ"), "__substg1.0_37010102": "?"},
		attach + "3/": {fixedProps: fixed(8, nil), "__substg1.0_3001001F": text16("Inner")},
		attach + "3/__substg1.0_3701000D/": {
			fixedProps: fixed(24, map[uint32]uint64{0x3ffd0003: 1251}), "__substg1.0_0037001E": "\xcf\xf0\xe8\xe2\xe5\xf2",
			"__substg1.0_10130102": "<p>Gr\xfc\xdfe", "__substg1.0_1000001E": "",
		},
	})
}

func TestOutlook(t *testing.T) {
	t.Parallel()
	got, err := readOutlook(t, minutes(), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	const want = "# Minutes of Köln\n\n- From: Ann <ann@x.org>\n- To: Bob <bob@x.org>\n- Cc: Carl\n" +
		"- Date: Friday, 23 December 2022 16:08 +0000\n\nHi all\nthere\n\n# Attachment: a.txt\n\n## A\ntext\n\n" +
		"# Attachment: Привет\n\n## Привет\n\nAttachments not read: the text in HTML (The page cannot be read)\n\n" +
		"Attachments not read: X.XYZ (files of this kind cannot be read)\n"
	if diff := cmp.Diff(want, got.Text); diff != "" || got.Title != "Minutes of Köln" {
		t.Errorf("title %q, text (-want +got):\n%s", got.Title, diff)
	}
	check(t, nil, got, nil)
}

func TestOutlookBody(t *testing.T) {
	t.Parallel()
	stored := string(rtf(rtfStored, len(`{\rtf1 Hi}`), `{\rtf1 Hi}`))
	tests := []struct {
		name    string
		streams map[string]string
		want    string
	}{
		{"a code page", map[string]string{"__substg1.0_1000001E": "\x82\xb1\x82\xf1"}, "こん"},
		{"HTML with a code page", map[string]string{"__substg1.0_10130102": "<p>\xef\xf0\xe8"}, "при"},
		{"HTML as text", map[string]string{"__substg1.0_1013001F": text16("<p>при")}, "при"},
		{"RTF", map[string]string{"__substg1.0_10090102": stored}, "Hi"},
		{"RTF beside a text", map[string]string{"__substg1.0_10090102": stored, "__substg1.0_1000001F": text16("Hello")},
			"Hello"},
		{"damaged RTF", map[string]string{"__substg1.0_10090102": "x"}, "Attachments not read: the text in RTF (damaged)"},
		{"other RTF", map[string]string{"__substg1.0_10090102": string(rtf(rtfStored, 2, "no"))},
			"Attachments not read: the text in RTF (The file is no RTF)"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.streams[fixedProps] = fixed(32, map[uint32]uint64{0x3ffd0003: 932, 0x3fde0003: 1251})
			test.streams["__substg1.0_007D001E"] = "Subject: no\r\nDate: Fri, 23 Dec 2022 12:08:48 -0600\r\n"
			got, err := readOutlook(t, test.streams, Limits{})
			want := "- Date: Friday, 23 December 2022 12:08 -0600\n\n" + test.want + "\n"
			if err != nil || got.Text != want {
				t.Errorf("text = %q, %v; want %q", got.Text, err, want)
			}
		})
	}
}

func TestCodePage(t *testing.T) {
	t.Parallel()
	for number, want := range map[uint32]string{
		0: "", 1252: "windows-1252", 874: "windows-874", 850: "ibm850", 28605: "iso-8859-15", 65001: "utf-8",
		20127: "us-ascii",
		932:   "shift_jis", 936: "gbk", 949: "euc-kr", 950: "big5", 54936: "gb18030", 51932: "euc-jp", 50221: "iso-2022-jp",
		20866: "koi8-r", 21866: "koi8-u",
	} {
		if got := codePage(number); got != want {
			t.Errorf("codePage(%d) = %q, want %q", number, got, want)
		}
	}
}

func TestOutlookFaults(t *testing.T) {
	t.Parallel()
	deep := map[string]string{}
	path := ""
	for i := range 15 {
		size := 24
		if i == 0 {
			size = 32
		}
		deep[path+fixedProps] = fixed(size, map[uint32]uint64{1: 1})
		deep[path+"__substg1.0_0037001F"] = text16(fmt.Sprintf("S%d", i))
		path += "__attach_version1.0_#00000000/__substg1.0_3701000D/"
	}
	got, err := readOutlook(t, deep, Limits{})
	if err != nil || !strings.Contains(got.Text, "S11 (more than 10 mails in mails)") {
		t.Errorf("mails in mails = %q, %v", got.Text, err)
	}
	many := maps.Clone(minutes())
	tests := []struct {
		name   string
		files  map[string]string
		limits Limits
		kind   fault.Kind
		want   string
	}{
		{"no message", map[string]string{"WordDocument": "x"}, Limits{}, fault.Invalid, "no message of Outlook"},
		{"bytes", many, Limits{Bytes: 100}, fault.TooLarge, "larger than"},
		{"attachments", many, Limits{Parts: 2}, fault.TooLarge, "more than 2 attachments"},
	}
	for _, test := range tests {
		got, err := readOutlook(t, test.files, test.limits)
		if !fault.Is(err, test.kind) || !strings.Contains(fault.Message(err), test.want) {
			t.Errorf("%s: Read = %.100q, %v; want a fault that says %q", test.name, got.Text, err, test.want)
		}
	}
	_, err = ReadOutlook(t.Context(), strings.NewReader("hello"), 5, Limits{}, readers())
	if !fault.Is(err, fault.Invalid) || !strings.Contains(fault.Message(err), "damaged") {
		t.Errorf("no compound file: %v", err)
	}
}

// rtf returns compressed RTF with a header that says how long it is.
func rtf(kind uint32, size int, data string) []byte {
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(data)+12))
	b = binary.LittleEndian.AppendUint32(b, uint32(size))
	b = binary.LittleEndian.AppendUint32(b, kind)
	return append(append(b, 0, 0, 0, 0), data...)
}

func TestUnpackRTF(t *testing.T) {
	t.Parallel()
	// Both are the examples of [MS-OXRTFCP], section 4.
	simple := "\x03\x00\x0a\x00rcpg125B2\x0a\xf3 hel\x09\x00 bw\x05\xb0ld}\x0a\x80\x0f\xa0"
	repeated := "\x1c\x00\x0a\x00rcpg125 \x00\x12\x00" // not complete
	got, err := unpackRTF(rtf(rtfPacked, 43, simple), 1<<20)
	if want := "{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n"; err != nil || string(got) != want {
		t.Errorf("unpackRTF = %q, %v; want %q", got, err, want)
	}
	if got, err := unpackRTF(rtf(rtfPacked, 1000, repeated), 1<<20); err != nil || len(got) > 1000 {
		t.Errorf("unpackRTF of what is cut = %q, %v", got, err)
	}
	// A token that copies what it is writing, sixteen bytes after one.
	if got, err := unpackRTF(rtf(rtfPacked, 18, "\x02a\x0c\xff"), 1<<20); err != nil ||
		string(got) != strings.Repeat("a", 18) {
		t.Errorf("unpackRTF of one byte repeated = %q, %v", got, err)
	}
	for name, data := range map[string][]byte{
		"short": []byte("LZFu"), "large": rtf(rtfPacked, 1<<30, simple), "of another kind": rtf(7, 3, "abc"),
	} {
		if got, err := unpackRTF(data, 1<<20); err == nil {
			t.Errorf("unpackRTF of what is %s = %q", name, got)
		}
	}
}

func FuzzReadOutlook(f *testing.F) {
	f.Add(compoundtest.Files(minutes()))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := ReadOutlook(t.Context(), bytes.NewReader(data), int64(len(data)), Limits{Text: 1 << 20}, readers())
		check(t, data, got, err)
	})
}

func FuzzUnpackRTF(f *testing.F) {
	f.Add([]byte("\x03\x00\x0a\x00rcpg125B2\x0a\xf3 hel\x09\x00 bw\x05\xb0ld}\x0a\x80\x0f\xa0"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if got, err := unpackRTF(rtf(rtfPacked, 1<<16, string(data)), 1<<20); err != nil || len(got) > 1<<16 {
			t.Errorf("unpackRTF(%q) = %d bytes, %v", data, len(got), err)
		}
	})
}
