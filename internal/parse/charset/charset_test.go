package charset

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestDecode(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, data, want string }{
		{"nothing", "", ""},
		{"UTF-8", "Grüße 世界", "Grüße 世界"},
		{"UTF-8 with a mark", "\xef\xbb\xbfGrüße", "Grüße"},
		{"broken UTF-8 with a mark", "\xef\xbb\xbfGr\xfc", "Gr\ufffd"},
		{"Windows-1252", "Gr\xfc\xdfe \x80 5 \x93x\x94 \x81", "Grüße € 5 “x” \ufffd"},
		{"UTF-16 little endian with a mark", "\xff\xfeG\x00\xfc\x00", "Gü"},
		{"UTF-16 big endian with a mark", "\xfe\xff\x00G\x00\xfc", "Gü"},
		{"UTF-16 little endian", "H\x00e\x00l\x00l\x00o\x00", "Hello"},
		{"UTF-16 big endian", "\x00H\x00e\x00l\x00l\x00o", "Hello"},
		{"a pair of surrogates", "\xff\xfe\x3d\xd8\x00\xde", "😀"},
		{"half a pair", "\xff\xfe\x3d\xd8A\x00", "\ufffdA"},
		{"half a pair at the end", "\xff\xfeA\x00\x3d\xd8", "A\ufffd"},
		{"an odd byte", "\xff\xfeA\x00B", "A\ufffd"},
		{"a few zeros are not UTF-16", "abc\x00def", "abc\x00def"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := Decode([]byte(test.data)); got != test.want {
				t.Errorf("Decode(%q) = %q, want %q", test.data, got, test.want)
			}
		})
	}
}

func TestClean(t *testing.T) {
	t.Parallel()
	const text = "a\r\nb\rc\fd\x00\x01\x1b\x7f\u0081\ufeff\te\n"
	if got, want := Clean(text), "a\nb\nc\nd\te\n"; got != want {
		t.Errorf("Clean(%q) = %q, want %q", text, got, want)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("Gr\xfc\xdfe"))
	f.Add([]byte("\xff\xfeG\x00\x3d\xd8"))
	f.Fuzz(func(t *testing.T, data []byte) {
		text := Clean(Decode(data))
		if !utf8.ValidString(text) || strings.ContainsAny(text, "\r\x00") {
			t.Errorf("Decode(%q) = %q", data, text)
		}
	})
}
