package mail

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"kvasir/internal/fault"
	"kvasir/internal/memo"
	"kvasir/internal/parse/charset"
)

// readers read pages by dropping their tags, and attachments that are text.
func readers() Readers {
	return Readers{
		HTML: func(_ context.Context, r io.Reader, contentType string) (memo.Parsed, error) {
			data, err := io.ReadAll(r)
			if err != nil || !utf8.Valid(data) || !strings.HasPrefix(contentType, "text/html") {
				return memo.Parsed{}, fault.New(fault.Invalid, "The page cannot be read")
			}
			var b strings.Builder
			for piece := range strings.SplitSeq(string(data), "<") {
				_, text, ok := strings.Cut(piece, ">")
				if !ok {
					text = piece
				}
				b.WriteString(text)
			}
			return memo.Parsed{Text: b.String()}, nil
		},
		RTF: func(_ context.Context, r io.ReaderAt, size int64) (memo.Parsed, error) {
			data, err := io.ReadAll(io.NewSectionReader(r, 0, size))
			text, ok := strings.CutPrefix(string(data), `{\rtf1`)
			if err != nil || !ok {
				return memo.Parsed{}, fault.New(fault.Invalid, "The file is no RTF.")
			}
			return memo.Parsed{Text: strings.Trim(text, "{} \r\n\x00")}, nil
		},
		Attachment: func(_ context.Context, name, _ string, r io.ReaderAt, size int64) (memo.Parsed, error) {
			if !strings.HasSuffix(name, ".txt") && !strings.HasSuffix(name, ".md") {
				return memo.Parsed{}, fault.New(fault.Invalid, name+": files of this kind cannot be read. Try others: .txt, .md")
			}
			data, err := io.ReadAll(io.NewSectionReader(r, 0, size))
			return memo.Parsed{Text: charset.Decode(data)}, err
		},
	}
}

func read(t testing.TB, data string, limits Limits) (memo.Parsed, error) {
	t.Helper()
	if !strings.Contains(data, "\x00") {
		data = strings.ReplaceAll(data, "\n", "\r\n")
	}
	return Read(t.Context(), strings.NewReader(data), int64(len(data)), limits, readers())
}

// one returns a mail with further header lines and a body.
func one(lines, body string) string { return "Subject: S\n" + lines + "\n" + body }

// several returns the body of a multipart mail, and its header line.
func several(kind string, pieces ...string) string {
	var b strings.Builder
	b.WriteString("Content-Type: multipart/" + kind + "; boundary=\"x" + kind + "\"\n\nThis is a mail in several parts.\n")
	for _, piece := range pieces {
		b.WriteString("--x" + kind + "\n" + piece + "\n")
	}
	return b.String() + "--x" + kind + "--\nend\n"
}

const (
	plainHi = "Content-Type: text/plain\n\nHi there"
	htmlHi  = "Content-Type: text/html; charset=iso-8859-1\n\n<p>Hi <b>there</b></p>"
)

func longPage() string {
	return "Content-Type: text/html\n\n<p>" + strings.Repeat("The whole news. ", 40) + "</p>"
}

func attached(name, content string) string {
	return "Content-Type: application/octet-stream\nContent-Disposition: attachment; filename=" + name +
		"\nContent-Transfer-Encoding: base64\n\n" + base64.StdEncoding.EncodeToString([]byte(content))
}

func TestBody(t *testing.T) {
	t.Parallel()
	news := strings.TrimSpace(strings.Repeat("The whole news. ", 40))
	tests := []struct{ name, data, want string }{
		{"plain", one("", "Hello\n\nyou\n"), "Hello\n\nyou"},
		{"many empty lines", one("", "Hello\n\n \n\t\n\nyou  \n"), "Hello\n\nyou"},
		{"no heading by chance", one("", "# 1 thing\n"), "\\# 1 thing"},
		{"quoted-printable", one("Content-Transfer-Encoding: quoted-printable\nContent-Type: text/plain; charset=utf-8\n",
			"Gr=C3=BC=\n=C3=9Fe = x =3D y =zz  \n"), "Grüße = x = y =zz"},
		{"base64 with other things", one("Content-Transfer-Encoding: BASE64\n", "SGVs\n bG8h!==\n"), "Hello!"},
		{"KOI8-R", one("Content-Type: text/plain; charset=KOI8-R\n", "\xf0\xd2\xc9\xd7\xc5\xd4"), "Привет"},
		{"a charset nobody knows", one("Content-Type: text/plain; charset=x-foo\n", "Gr\xfc\xdfe"), "Grüße"},
		{"a charset that is a lie", one("Content-Type: text/plain; charset=us-ascii\n", "Grüße"), "Grüße"},
		{"flowed", one("Content-Type: text/plain; format=flowed\n", "One \ntwo\n> three \n> four\n>> five\n-- \nme\n"),
			"One two\n> three four\n>> five\n--\nme"},
		{"flowed with DelSp", one("Content-Type: text/plain; format=flowed; delsp=yes\n", "日 \n本\n"), "日本"},
		{"HTML", one("Content-Type: text/html; charset=windows-1252\n", "<p>Gr\xfc\xdfe</p>"), "Grüße"},
		{"both ways", one("", several("alternative", plainHi, htmlHi))[:], "Hi there"},
		{"a stub", one("", several("alternative", plainHi, longPage())), news},
		{"an empty text", one("", several("alternative", "Content-Type: text/plain\n\n \n", htmlHi)), "Hi there"},
		{"a page with pictures", one("", several("alternative", plainHi, several("related", longPage(),
			"Content-Type: image/png\nContent-ID: <1>\n\nPNG"))), news},
		{"an invitation", one("", several("alternative", plainHi, "Content-Type: text/calendar\n\nBEGIN")), "Hi there"},
		{"several texts", one("", several("mixed", htmlHi, "Content-Type: text/plain\n\nfooter")), "Hi there\n\nfooter"},
		{"signed", one("", several("signed", plainHi, "Content-Type: application/pgp-signature\n\nabc")), "Hi there"},
		{"a boundary that is not said", one("Content-Type: multipart/mixed\n", "--b12\n\nHi there\n--b12--\n"), "Hi there"},
		{"a boundary that never comes", one("Content-Type: multipart/mixed; boundary=b\n", "Hi there\n"), "Hi there"},
		{"no end", one("Content-Type: multipart/mixed; boundary=b\n", "--b\n\nHi\n--b\n\nthere\n"), "Hi\n\nthere"},
		{"a boundary within another", one("Content-Type: multipart/mixed; boundary=b\n", "--b\n\nHi\n--bc\nthere\n--b--"),
			"Hi\n--bc\nthere"},
		{"a content type without sense", one("Content-Type: text\n", "Hi there"), "Hi there"},
		{"a page that cannot be read", one("", several("alternative", plainHi, "Content-Type: text/html\n\n\xff")),
			"Hi there\n\nAttachments not read: the text in HTML (The page cannot be read)"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			data := strings.Replace(test.data, "\n\nContent-Type: multipart", "\nContent-Type: multipart", 1)
			got, err := read(t, data, Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff("# S\n\n"+test.want+"\n", got.Text); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestHeader(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, data, want string }{
		{
			"all of it", "From: Ann <a@x.org>\nTo: \"Doe, Bob\" <b@x.org>,\n c@x.org\nCC: d@x.org\n" +
				"Date: Fri, 23 Dec 2022 12:08:48 -0600\nSubject: S\n\nHi",
			"# S\n\n- From: Ann <a@x.org>\n- To: Doe, Bob <b@x.org>, c@x.org\n- Cc: d@x.org\n" +
				"- Date: Friday, 23 December 2022 12:08 -0600\n\nHi\n",
		},
		{"words", "Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe_an?= =?UTF-8?B?IGRpZSBX?=\n =?utf-8?b?ZWx0?= =?bad =?x?Q?y?=\n\nHi",
			"# Grüße an die Welt =?bad y\n\nHi\n"},
		{"a character in two words", "Subject: =?utf-8?B?4pg=?= =?utf-8?B?gyE=?=\n\nHi", "# ☃!\n\nHi\n"},
		{"bytes", "Subject: Gr\xfc\xdfe\n\nHi", "# Grüße\n\nHi\n"},
		{"a date of another kind", "Subject: S\nDate: yesterday\n\nHi", "# S\n\n- Date: yesterday\n\nHi\n"},
		{"a date of ISO 8601", "Subject: S\nDate: 2025-07-29T12:42:06.000Z\n\nHi",
			"# S\n\n- Date: Tuesday, 29 July 2025 12:42 +0000\n\nHi\n"},
		{"an address without a name", "Subject: S\nTo: <a@x.org>\n\nHi", "# S\n\n- To: a@x.org\n\nHi\n"},
		{"UTF-16", "\xff\xfe" + text16("Subject: Sü\n\nHi"), "# Sü\n\nHi\n"},
		{"an mbox", "From ann@x.org Fri Dec 23 12:08:48 2022\nSubject: S\n\nHi", "# S\n\nHi\n"},
		{"empty lines and a mark first", "\xef\xbb\xbf\n\nSubject: S\n\nHi", "# S\n\nHi\n"},
		{"no subject", "From: a@x.org\n\nHi", "- From: a@x.org\n\nHi\n"},
		{"no empty line", "Subject: S\nHi there\nyou", "# S\n\nHi there\nyou\n"},
		{"no body", "Subject: S\nFrom: a@x.org", "# S\n\n- From: a@x.org\n"},
		{"twice", "Subject: S\nSubject: T\n\nHi", "# S\n\nHi\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := read(t, test.data, Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got.Text); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestManyRecipients(t *testing.T) {
	t.Parallel()
	got, err := read(t, "Subject: S\nTo: "+strings.Repeat("a@x.org, ", 59)+"b@x.org\n\nHi", Limits{})
	if err != nil || !strings.Contains(got.Text, "a@x.org and 10 more\n") {
		t.Errorf("text = %q, %v", got.Text, err)
	}
}

func TestAttachments(t *testing.T) {
	t.Parallel()
	inner := "Subject: Inner\nFrom: c@x.org\n\nInside"
	data := "Subject: S\n" + several("mixed", plainHi, attached(`"a.txt"`, "# A\n\ntext"), attached("empty.txt", ""),
		attached(`"C:\\x\\photo.png"`, "PNG"), "Content-Type: message/rfc822\n\n"+inner,
		attached("", "x"), attached("x.txt; filename*0*=utf-8'de'na%C3%AF; filename*1=\"ve 1.md\"", "*b*"))
	got, err := read(t, data, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	want := memo.Parsed{
		Title: "S",
		Text: "# S\n\nHi there\n\n# Attachment: a.txt\n\n## A\n\ntext\n\n# Attachment: Inner\n\n## Inner\n\n- From: c@x.org\n\n" +
			"Inside\n\n# Attachment: naïve 1.md\n\n*b*\n\nAttachments not read: empty.txt (empty), " +
			"photo.png (files of this kind cannot be read), unnamed (files of this kind cannot be read)\n",
	}
	for i, name := range []string{"a.txt", "Inner", "naïve 1.md", ""} {
		start := strings.Index(want.Text, "# Attachment: "+name)
		if name == "" {
			start = strings.Index(want.Text, "Attachments not read")
		}
		if i > 0 {
			want.Parts[i-1].End = start
		}
		want.Parts = append(want.Parts, memo.Part{
			Kind: memo.PartAttachment, Number: i + 1, Name: name, Start: start, End: len(want.Text),
		})
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	deep := "Subject: S\n\nend"
	for range 30 {
		deep = "Subject: S\nContent-Type: message/rfc822\n\n" + deep
	}
	nested := "Content-Type: text/plain\n\nx\n"
	for i := range 200 {
		nested = fmt.Sprintf("Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n%s\n--b%d--\n", i, i, nested, i)
	}
	tests := []struct {
		name, data string
		limits     Limits
		kind       fault.Kind
		want       string
	}{
		{"nothing", "", Limits{}, fault.Invalid, "no mail"},
		{"no header", "Dear Sir: hello\nthere\n", Limits{}, fault.Invalid, "no mail"},
		{"no text", "Date:  \nTo: \nMIME-Version: 1.0\n\n\n", Limits{}, fault.Invalid, "no text"},
		{"bytes", one("", strings.Repeat("x", 100)), Limits{Bytes: 100}, fault.TooLarge, "larger than"},
		{"text", one("", strings.Repeat("x", 1000)), Limits{Text: 1000}, fault.TooLarge, "more text"},
		{"parts", one(several("mixed", plainHi, plainHi, plainHi), ""), Limits{Parts: 3}, fault.TooLarge,
			"more than 3 parts"},
		{"S/MIME", one("Content-Type: application/pkcs7-mime; smime-type=enveloped-data\n", "x"), Limits{}, fault.Invalid,
			"encrypted"},
		{"PGP", one(several("encrypted", plainHi), ""), Limits{}, fault.Invalid, "encrypted"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := read(t, test.data, test.limits)
			if !fault.Is(err, test.kind) || !strings.Contains(fault.Message(err), test.want) {
				t.Errorf("Read = %.100q, %v; want a fault that says %q", got.Text, err, test.want)
			}
		})
	}
	if got, err := read(t, deep, Limits{}); err != nil || !strings.Contains(got.Text, "S (more than 10 mails in mails)") {
		t.Errorf("mails in mails = %.300q, %v", got.Text, err)
	}
	if got, err := read(t, "Subject: S\n"+nested, Limits{}); err != nil || !strings.Contains(got.Text,
		"a part (more than 10 parts") {
		t.Errorf("parts in parts = %.300q, %v", got.Text, err)
	}
}

func TestFaultsOfOthers(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	why := errors.New("enough")
	data := "Subject: S\n" + several("mixed", plainHi, attached("a.txt", "x"))
	tests := []struct {
		name string
		fail func() error
		want error
	}{
		{"a bug", func() error { return io.ErrClosedPipe }, io.ErrClosedPipe},
		{"the end of the context", func() error { cancel(why); return context.Canceled }, why},
	}
	for _, test := range tests {
		with := readers()
		with.Attachment = func(context.Context, string, string, io.ReaderAt, int64) (memo.Parsed, error) {
			return memo.Parsed{}, test.fail()
		}
		_, err := Read(ctx, strings.NewReader(data), int64(len(data)), Limits{}, with)
		if !errors.Is(err, test.want) {
			t.Errorf("%s: error = %v, want %v", test.name, err, test.want)
		}
	}
	if _, err := Read(ctx, strings.NewReader(data), int64(len(data)), Limits{}, readers()); !errors.Is(err, why) {
		t.Errorf("error = %v, want %v", err, why)
	}
}

// TestLongLines has what is slow for readers that look for an end again and again.
func TestLongLines(t *testing.T) {
	t.Parallel()
	const many = 1 << 17
	for name, data := range map[string]string{
		"a header of many lines":       "Subject: S\n" + strings.Repeat(" x\n", many),
		"many words that do not end":   "Subject: " + strings.Repeat("=?", many),
		"quoted-printable in one line": one("Content-Transfer-Encoding: quoted-printable\n", strings.Repeat("=", 16*many)),
	} {
		if _, err := Read(t.Context(), strings.NewReader(data), int64(len(data)), Limits{}, readers()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("Subject: S\n" + several("mixed", plainHi, htmlHi, attached("a.txt", "x"))))
	f.Add([]byte("Subject: =?utf-8?Q?a=20?=\nTo: \"a, b\" <c>\nDate: x\nContent-Type: text/plain; format=flowed\n\n> a \n> b\n"))
	f.Add([]byte("From x\nContent-Type: message/rfc822; name*0*=utf-8''x%20\nContent-Transfer-Encoding: base64\n\nU3ViamVjdDogeA=="))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := Read(t.Context(), bytes.NewReader(data), int64(len(data)), Limits{Text: 1 << 20}, readers())
		check(t, data, got, err)
	})
}

// check fails if what was read of data is neither a clean text nor a fault.
func check(t *testing.T, data []byte, got memo.Parsed, err error) {
	t.Helper()
	if err == nil && (strings.TrimSpace(got.Text) == "" || !utf8.ValidString(got.Text) || strings.Contains(got.Text,
		"\r")) {
		t.Errorf("Read(%q) = %q", data, got.Text)
	}
	if _, ok := errors.AsType[*fault.Fault](err); err != nil && !ok {
		t.Errorf("Read(%q): %v, which is no fault", data, err)
	}
	end := len(got.Text)
	for i := len(got.Parts) - 1; i >= 0; i-- {
		if got.Parts[i].End != end || got.Parts[i].Start >= end {
			t.Errorf("parts %v do not tile %d bytes", got.Parts, len(got.Text))
		}
		end = got.Parts[i].Start
	}
}
