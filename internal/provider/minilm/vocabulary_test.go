package minilm

import (
	"bytes"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"kvasir/internal/llm"
)

func wordsOf(text string) []string {
	var words []string
	split(text, func(w []byte) bool {
		words = append(words, string(w))
		return true
	})
	return words
}

func TestSplit(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text string
		want       string // words parted by spaces
	}{
		{"nothing", "", ""},
		{"white space alone", " \t\r\n\u00a0\u2003\u3000", ""},
		{"small letters", "The QUICK fox2", "the quick fox2"},
		{"punctuation stands alone", "don't (stop): x=3.14", "don ' t ( stop ) : x = 3 . 14"},
		{"all of ASCII's symbols", "a$b^c~d`e|f<g>h+i", "a $ b ^ c ~ d ` e | f < g > h + i"},
		{"punctuation outside ASCII", "so—«what»…", "so — « what » …"},
		{"accents come off", "naïve CAFÉ e\u0301 Ünïcödé", "naive cafe e unicode"},
		{"small letters of other scripts", "ΣΊΣΥΦΟΣ Ёлка İstanbul", "σισυφοσ елка istanbul"},
		{"what only compatibility would join stays", "ﬁ ½ ²", "ﬁ ½ ²"},
		{"Chinese characters stand alone", "东京tower塔", "东 京 tower 塔"},
		{"a compatibility ideograph is composed anew", "\uf900x", "\u8c48 x"},
		{"kana and hangul do not", "タワー 가", "タワー \u1100\u1161"},
		{"control and format characters vanish", "ze\x00r\u200bo\x0bv\u00adt\x7f", "zerovt"},
		{"private characters vanish", "a\ue000b", "ab"},
		{"broken UTF-8 vanishes", "a\xffb\xc3 c\ufffdd", "ab cd"},
		{"a mark that composes to ASCII punctuation", "a\u037eb", "a ; b"},
		{"special tokens are text", "[SEP][CLS]", "[ sep ] [ cls ]"},
		{"symbols outside ASCII are letters to it", "5€🤗", "5€🤗"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := strings.Join(wordsOf(tt.text), " "); got != tt.want {
				t.Errorf("split(%q) = %q, want %q", tt.text, got, tt.want)
			}
		})
	}
}

func TestSplitStopsWhenTold(t *testing.T) {
	t.Parallel()
	n := 0
	split("a b, 东 c", func([]byte) bool {
		n++
		return n < 3
	})
	if n != 3 {
		t.Errorf("got %d words, want to be asked no more after 3", n)
	}
}

func TestSplitKeepsLittleOfAnEndlessWord(t *testing.T) {
	t.Parallel()
	for _, text := range []string{strings.Repeat("a", 1<<20), strings.Repeat("é", 1<<18), strings.Repeat("aB", 1<<18)} {
		words := wordsOf(text)
		if len(words) != 1 || len(words[0]) > 8*maxWordRunes || utf8.RuneCountInString(words[0]) <= maxWordRunes {
			t.Errorf("split(%.5q…) kept %d bytes of the first of %d words", text, len(words[0]), len(words))
		}
	}
}

func tinyVocabulary(t testing.TB) *vocabulary {
	t.Helper()
	v, err := parseVocabulary(bytes.NewReader(tinyTokenizer(t, tinyPieces)))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestPieces(t *testing.T) {
	t.Parallel()
	v := tinyVocabulary(t)
	name := strings.Fields(tinyPieces)
	tests := []struct{ text, want string }{
		{"", ""},
		{"Duck", "duck"},
		{"ducks fly.", "duck ##s fly ."},
		{"flying unflyable", "fly ##ing un ##fly ##able"},
		{"unfly", "un ##fly"},
		{"duckx a", "[UNK] a"},
		{"s", "s"},
		{"Café, 鸭鸭!", "cafe , 鸭 鸭 !"},
		{"[SEP] ##s", "[UNK] [UNK] [UNK] [UNK] [UNK] s"},
		{"a" + strings.Repeat("b", 3), "a ##b ##b ##b"},
		{"a" + strings.Repeat("b", 100), "[UNK]"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			t.Parallel()
			ids := v.encode(tt.text, 1000)
			var got []string
			for _, id := range ids[1 : len(ids)-1] {
				got = append(got, name[id])
			}
			if s := strings.Join(got, " "); s != tt.want {
				t.Errorf("encode(%q) = %q, want %q", tt.text, s, tt.want)
			}
			if n := v.count(tt.text); n != len(got) {
				t.Errorf("count(%q) = %d, want %d", tt.text, n, len(got))
			}
			if ids[0] != v.cls || ids[len(ids)-1] != v.sep {
				t.Errorf("encode(%q) = %v, want it between [CLS] and [SEP]", tt.text, ids)
			}
		})
	}
}

func TestEncodeCuts(t *testing.T) {
	t.Parallel()
	v := tinyVocabulary(t)
	text := strings.Repeat("unflyable ", 1000)
	whole := v.encode(text, 1<<20)
	for limit := specials; limit < 20; limit++ {
		want := append(append([]int32(nil), whole[:limit-1]...), v.sep)
		if diff := cmp.Diff(want, v.encode(text, limit)); diff != "" {
			t.Errorf("encode to %d (-want +got):\n%s", limit, diff)
		}
	}
}

func TestCoverage(t *testing.T) {
	t.Parallel()
	v := tinyVocabulary(t)
	tests := []struct {
		name, text string
		want       llm.Coverage
	}{
		{"nothing", "", llm.Coverage{}},
		{"punctuation is no word", "., -!", llm.Coverage{}},
		{"all known", "A duck (duck).", llm.Coverage{TokensPerWord: 1}},
		{"in pieces", "ducks swim", llm.Coverage{TokensPerWord: 1.5}},
		{"half unknown", "duck Quark", llm.Coverage{TokensPerWord: 1, UnknownShare: 0.5}},
		{"each ideograph is a word", "鸭塔塔塔", llm.Coverage{TokensPerWord: 1, UnknownShare: 0.75}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := v.coverage(tt.text); got != tt.want {
				t.Errorf("coverage(%q) = %+v, want %+v", tt.text, got, tt.want)
			}
		})
	}
}

func TestParseVocabularyRefuses(t *testing.T) {
	t.Parallel()
	const special = `"[CLS]": 0, "[SEP]": 1, "[UNK]": 2`
	tests := []struct{ name, file, want string }{
		{"nothing", "", "parse tokenizer.json"},
		{"no JSON", "hello", "parse tokenizer.json"},
		{"no vocabulary", "{}", "no token ["},
		{"no [SEP]", `{"model": {"vocab": {"[CLS]": 0, "[UNK]": 2}}}`, "no token [SEP]"},
		{"its unknown token is unknown", `{"model": {"unk_token": "<unk>", "vocab": {` + special + `}}}`, "no token <unk>"},
		{"a negative number", `{"model": {"vocab": {"a": -1, ` + special + `}}}`, `piece "a" has the number -1`},
		{"a huge number", `{"model": {"vocab": {"a": 99999999, ` + special + `}}}`, `piece "a" has the number 99999999`},
		{"BPE", `{"model": {"type": "BPE", "vocab": {` + special + `}}}`, `"BPE" is not WordPiece`},
		{"other marks", `{"model": {"continuing_subword_prefix": "_", "vocab": {` + special + `}}}`, `begin with "_"`},
		{"other words", `{"model": {"max_input_chars_per_word": 9, "vocab": {` + special + `}}}`, "9 characters at most"},
		{
			"case is kept", `{"normalizer": {"lowercase": false}, "model": {"vocab": {` + special + `}}}`,
			"not that of an uncased BERT",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := parseVocabulary(strings.NewReader(tt.file))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("parseVocabulary = %v, want an error with %q", err, tt.want)
			}
		})
	}
}

// The numbers are those of Hugging Face's own tokenizer for the same file.
func TestRealVocabulary(t *testing.T) {
	t.Parallel()
	v, err := readVocabulary(filepath.Join(modelDir(t), tokenizerFile))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		text string
		want []int32
	}{
		{"Hello, World!", []int32{7592, 1010, 2088, 999}},
		{"naïve café — Ünïcödé", []int32{15743, 7668, 1517, 27260}},
		{
			"unaffable antidisestablishmentarianism",
			[]int32{14477, 20961, 3468, 3424, 10521, 4355, 7875, 13602, 3672, 12199, 2964},
		},
		{"東京タワー 北京", []int32{1879, 1755, 1709, 30262, 30265, 1781, 1755}},
		{
			"don't stop: x=3.14 (foo_bar)",
			[]int32{2123, 1005, 1056, 2644, 1024, 1060, 1027, 1017, 1012, 2403, 1006, 29379, 1035, 3347, 1007},
		},
		{
			"tab\tnew\nline\u00a0nbsp\u200bzero\x0bvt",
			[]int32{21628, 2047, 2240, 1050, 5910, 2361, 6290, 4492, 2102},
		},
		{"İstanbul ΣΊΣΥΦΟΣ straße", []int32{9960, 1173, 18199, 29733, 29735, 29736, 29730, 29733, 2358, 27807}},
		{
			"한국어 हिन्दी العربية",
			[]int32{
				1469, 30006, 30021, 29991, 30014, 30020, 29999, 30008, 1339, 29877, 29863, 29861, 29878, 1270, 23673,
				29830, 17149, 29816, 14498, 19433,
			},
		},
		{"e\u0301 ﬁ ½ ²", []int32{1041, 1984, 1092, 1082}},
		{"🤗 ok ꙮ", []int32{100, 7929, 100}},
		{"a" + strings.Repeat("b", 100), []int32{100}},
		{"\ufffdx\x00y", []int32{1060, 2100}},
	}
	for _, tt := range tests {
		ids := v.encode(tt.text, maxSequence)
		if diff := cmp.Diff(tt.want, ids[1:len(ids)-1]); diff != "" {
			t.Errorf("encode(%q) (-want +got):\n%s", tt.text, diff)
		}
		if ids[0] != 101 || ids[len(ids)-1] != 102 {
			t.Errorf("encode(%q) = %v, want it between 101 and 102", tt.text, ids)
		}
	}
	english, german, chinese := v.coverage("Ducks swim in the shallow parts of the lake."),
		v.coverage("Enten schwimmen in den flachen Uferbereichen des Sees."), v.coverage("鸭子在湖的浅水区游泳。")
	if english.TokensPerWord > 1.5 || english.UnknownShare > 0 || german.TokensPerWord < 1.75 ||
		chinese.UnknownShare < 0.05 {
		t.Errorf("coverage of English %+v, German %+v, Chinese %+v", english, german, chinese)
	}
}

func FuzzVocabulary(f *testing.F) {
	for _, s := range []string{"ducks fly.", "Café 鸭", "\xff\x00", "a\u0301\u0301", strings.Repeat("b", 300), "[SEP]"} {
		f.Add(s, 16)
	}
	v := tinyVocabulary(f)
	f.Fuzz(func(t *testing.T, text string, limit int) {
		limit = specials + int(uint(limit)%64)
		ids := v.encode(text, limit)
		n := v.count(text)
		if want := min(n+specials, limit); len(ids) != want {
			t.Fatalf("encode(%q, %d) gives %d tokens of %d, want %d", text, limit, len(ids), n, want)
		}
		for _, id := range ids {
			if id < 0 || int(id) >= v.size {
				t.Fatalf("encode(%q) has the token %d", text, id)
			}
		}
		// Cleaned words are clean: cutting them again changes nothing.
		words := wordsOf(text)
		for _, w := range words {
			if utf8.RuneCountInString(w) > maxWordRunes {
				return
			}
		}
		if diff := cmp.Diff(words, wordsOf(strings.Join(words, " "))); diff != "" {
			t.Fatalf("words of %q cut again (-first +second):\n%s", text, diff)
		}
		if c := v.coverage(text); math.IsNaN(c.TokensPerWord) || c.UnknownShare < 0 || c.UnknownShare > 1 {
			t.Fatalf("coverage(%q) = %+v", text, c)
		}
	})
}
