package minilm

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"kvasir/internal/llm"
)

// maxWord is how many characters a word may have; BERT knows no longer ones.
const maxWord = 100

// A tokenizer is BERT's uncased basic and WordPiece tokenizer.
type tokenizer struct {
	heads         map[string]int32 // pieces that begin a word
	tails         map[string]int32 // pieces that go on, without their ##
	cls, sep, unk int32
}

func loadTokenizer(file string) (*tokenizer, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read tokenizer: %w", err)
	}
	var f struct {
		Model struct {
			Vocab map[string]int32 `json:"vocab"`
		} `json:"model"`
	}
	if err := json.Unmarshal(raw, &f); err != nil {
		return nil, fmt.Errorf("read tokenizer %s: %w", file, err)
	}
	return newTokenizer(f.Model.Vocab)
}

func newTokenizer(vocabulary map[string]int32) (*tokenizer, error) {
	t := &tokenizer{heads: make(map[string]int32, len(vocabulary)), tails: map[string]int32{}}
	for piece, id := range vocabulary {
		if id < 0 || id >= vocabularySize {
			return nil, fmt.Errorf("tokenizer: %q has the number %d", piece, id)
		}
		if tail, ok := strings.CutPrefix(piece, "##"); ok && tail != "" {
			t.tails[tail] = id
		} else {
			t.heads[piece] = id
		}
	}
	for piece, id := range map[string]*int32{"[CLS]": &t.cls, "[SEP]": &t.sep, "[UNK]": &t.unk} {
		n, ok := t.heads[piece]
		if !ok {
			return nil, fmt.Errorf("tokenizer: the vocabulary has no %s", piece)
		}
		*id = n
	}
	return t, nil
}

// encode returns [CLS], the text's tokens and [SEP], at most limit together.
func (t *tokenizer) encode(text string, limit int) []int32 {
	ids := append(make([]int32, 0, 64), t.cls)
	eachWord(text, func(w string) bool {
		ids = t.pieces(ids, w)
		return len(ids) < limit
	})
	return append(ids[:min(len(ids), limit-1)], t.sep)
}

// count returns the number of a text's tokens.
func (t *tokenizer) count(text string) int {
	n := 0
	var buf [maxWord]int32
	eachWord(text, func(w string) bool {
		n += len(t.pieces(buf[:0], w))
		return true
	})
	return n
}

// coverage looks at words alone: marks are one token in every language.
func (t *tokenizer) coverage(text string) llm.Coverage {
	tokens, words, unknown := 0, 0, 0
	var buf [maxWord]int32
	eachWord(text, func(w string) bool {
		if r, size := utf8.DecodeRuneInString(w); size == len(w) && isMark(r) {
			return true
		}
		ids := t.pieces(buf[:0], w)
		tokens += len(ids)
		words++
		if len(ids) == 1 && ids[0] == t.unk {
			unknown++
		}
		return true
	})
	if words == 0 {
		return llm.Coverage{}
	}
	return llm.Coverage{
		TokensPerWord: float64(tokens) / float64(words), UnknownShare: float64(unknown) / float64(words),
	}
}

// pieces appends the tokens of a word: always the longest piece that fits. A word
// with a rest that no piece fits is unknown as a whole.
func (t *tokenizer) pieces(ids []int32, w string) []int32 {
	if len(w) > maxWord && utf8.RuneCountInString(w) > maxWord {
		return append(ids, t.unk)
	}
	before := len(ids)
	vocabulary := t.heads
	for w != "" {
		end := len(w)
		id, ok := vocabulary[w]
		for !ok && end > 0 {
			end--
			for end > 0 && !utf8.RuneStart(w[end]) {
				end--
			}
			id, ok = vocabulary[w[:end]]
		}
		if end == 0 {
			return append(ids[:before], t.unk)
		}
		ids = append(ids, id)
		w, vocabulary = w[end:], t.tails
	}
	return ids
}

// eachWord cleans a text, takes case and accents off, and hands on its words and
// marks until f returns false.
func eachWord(text string, f func(w string) bool) {
	if isPlain(text) {
		eachPlainWord(strings.ToLower(text), f)
		return
	}
	var word strings.Builder
	emit := func(r rune) bool {
		alone := isMark(r) || isHan(r)
		if (alone || unicode.IsSpace(r)) && word.Len() > 0 {
			if !f(word.String()) {
				return false
			}
			word.Reset()
		}
		switch {
		case alone:
			return f(string(r))
		case unicode.IsSpace(r), r == 0, r == utf8.RuneError, unicode.In(r, unicode.Cc, unicode.Cf):
		default:
			word.WriteRune(r)
		}
		return true
	}
	for _, r := range text {
		if r < utf8.RuneSelf {
			if !emit(unicode.ToLower(r)) {
				return
			}
			continue
		}
		for _, part := range norm.NFD.String(strings.ToLower(string(r))) {
			if !unicode.Is(unicode.Mn, part) && !emit(part) {
				return
			}
		}
	}
	if word.Len() > 0 {
		f(word.String())
	}
}

// isPlain reports whether a text is printable ASCII and white space, so that its
// words are parts of it.
func isPlain(text string) bool {
	for i := range len(text) {
		if c := text[i]; c >= utf8.RuneSelf || c < ' ' && c != '\n' && c != '\t' && c != '\r' || c == 0x7f {
			return false
		}
	}
	return true
}

func eachPlainWord(text string, f func(w string) bool) {
	start := 0
	for i := range len(text) {
		c := text[i]
		if c > ' ' && !isMark(rune(c)) {
			continue
		}
		if i > start && !f(text[start:i]) {
			return
		}
		if c > ' ' && !f(text[i:i+1]) {
			return
		}
		start = i + 1
	}
	if start < len(text) {
		f(text[start:])
	}
}

// isMark reports whether BERT takes a character for punctuation, a token of its
// own: ASCII signs included.
func isMark(r rune) bool {
	if r < utf8.RuneSelf {
		return '!' <= r && r <= '/' || ':' <= r && r <= '@' || '[' <= r && r <= '`' || '{' <= r && r <= '~'
	}
	return unicode.IsPunct(r)
}

// isHan reports whether a character is a word of its own, as BERT counts them.
func isHan(r rune) bool {
	return r >= 0x4E00 && r <= 0x9FFF || r >= 0x3400 && r <= 0x4DBF || r >= 0x20000 && r <= 0x2A6DF ||
		r >= 0x2A700 && r <= 0x2CEAF || r >= 0xF900 && r <= 0xFAFF || r >= 0x2F800 && r <= 0x2FA1F
}
