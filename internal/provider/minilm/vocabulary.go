package minilm

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"kvasir/internal/llm"
)

// maxTokenizerBytes bounds tokenizer.json; the largest of this family is 1 MB.
const maxTokenizerBytes = 32 << 20

// A vocabulary is the word pieces of a model and their numbers.
type vocabulary struct {
	first         map[string]int32 // pieces that begin a word
	rest          map[string]int32 // pieces that continue one, without "##"
	longest       int              // bytes of the longest piece
	size          int              // one more than the highest number
	cls, sep, unk int32
}

// tokenizerJSON is the part of tokenizer.json that matters here.
type tokenizerJSON struct {
	Normalizer struct {
		Type         string `json:"type"`
		Lowercase    *bool  `json:"lowercase"`
		StripAccents *bool  `json:"strip_accents"`
	} `json:"normalizer"`
	Model struct {
		Type     string           `json:"type"`
		Unknown  string           `json:"unk_token"`
		Prefix   *string          `json:"continuing_subword_prefix"`
		MaxRunes *int             `json:"max_input_chars_per_word"`
		Vocab    map[string]int32 `json:"vocab"`
	} `json:"model"`
}

func readVocabulary(path string) (*vocabulary, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return parseVocabulary(io.LimitReader(file, maxTokenizerBytes))
}

// parseVocabulary reads a tokenizer.json. It refuses one that asks for another
// way of cutting than this package knows.
func parseVocabulary(r io.Reader) (*vocabulary, error) {
	var t tokenizerJSON
	if err := json.NewDecoder(r).Decode(&t); err != nil {
		return nil, fmt.Errorf("parse %s: %w", tokenizerFile, err)
	}
	if err := t.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", tokenizerFile, err)
	}
	v := &vocabulary{
		first: make(map[string]int32, len(t.Model.Vocab)),
		rest:  make(map[string]int32, len(t.Model.Vocab)/4),
	}
	for piece, id := range t.Model.Vocab {
		if id < 0 || int(id) >= 1<<20 {
			return nil, fmt.Errorf("%s: piece %q has the number %d", tokenizerFile, piece, id)
		}
		v.size = max(v.size, int(id)+1)
		if tail, ok := strings.CutPrefix(piece, "##"); ok && tail != "" {
			v.rest[tail] = id
			v.longest = max(v.longest, len(tail))
			continue
		}
		v.first[piece] = id
		v.longest = max(v.longest, len(piece))
	}
	for name, id := range map[string]*int32{"[CLS]": &v.cls, "[SEP]": &v.sep, cmp.Or(t.Model.Unknown, "[UNK]"): &v.unk} {
		known, ok := v.first[name]
		if !ok {
			return nil, fmt.Errorf("%s: no token %s", tokenizerFile, name)
		}
		*id = known
		// A word never is a special token, because punctuation is cut off; this
		// keeps it so for vocabularies whose names have none.
		delete(v.first, name)
	}
	return v, nil
}

func (t *tokenizerJSON) check() error {
	is := func(flag *bool, want bool) bool { return flag == nil || *flag == want }
	var faults []error
	if t.Model.Type != "" && t.Model.Type != "WordPiece" {
		faults = append(faults, fmt.Errorf("model %q is not WordPiece", t.Model.Type))
	}
	if t.Model.Prefix != nil && *t.Model.Prefix != "##" {
		faults = append(faults, fmt.Errorf("continuing pieces begin with %q, not ##", *t.Model.Prefix))
	}
	if t.Model.MaxRunes != nil && *t.Model.MaxRunes != maxWordRunes {
		faults = append(faults, fmt.Errorf("words have %d characters at most, not %d", *t.Model.MaxRunes, maxWordRunes))
	}
	n := t.Normalizer
	if n.Type != "" && n.Type != "BertNormalizer" || !is(n.Lowercase, true) || !is(n.StripAccents, true) {
		faults = append(faults, errors.New("the normalizer is not that of an uncased BERT"))
	}
	return errors.Join(faults...)
}

// encode returns the numbers of text's tokens between [CLS] and [SEP], at most
// limit in all. It reads no further than it must.
func (v *vocabulary) encode(text string, limit int) []int32 {
	ids := append(make([]int32, 0, min(limit, specials+len(text)/3)), v.cls)
	split(text, func(word []byte) bool {
		ids = v.pieces(ids, word)
		return len(ids) < limit-1
	})
	return append(ids[:min(len(ids), limit-1)], v.sep)
}

// count returns the number of text's tokens without special ones.
func (v *vocabulary) count(text string) int {
	n := 0
	var ids []int32
	split(text, func(word []byte) bool {
		ids = v.pieces(ids[:0], word)
		n += len(ids)
		return true
	})
	return n
}

// coverage measures how well the vocabulary fits text. Punctuation, which every
// vocabulary knows, does not count.
func (v *vocabulary) coverage(text string) llm.Coverage {
	words, pieces, unknown := 0, 0, 0
	var ids []int32
	split(text, func(word []byte) bool {
		if r, size := utf8.DecodeRune(word); size == len(word) && (isPunct(r) || unicode.IsSymbol(r)) {
			return true
		}
		ids = v.pieces(ids[:0], word)
		words++
		pieces += len(ids)
		if ids[0] == v.unk {
			unknown++
		}
		return true
	})
	if words == 0 {
		return llm.Coverage{}
	}
	return llm.Coverage{
		TokensPerWord: float64(pieces) / float64(words),
		UnknownShare:  float64(unknown) / float64(words),
	}
}

// pieces appends the numbers of a word's pieces: the longest known beginning,
// then the longest known continuation, and so on. A word that cannot be put
// together is unknown as a whole.
func (v *vocabulary) pieces(ids []int32, word []byte) []int32 {
	if len(word) > maxWordRunes && utf8.RuneCount(word) > maxWordRunes {
		return append(ids, v.unk)
	}
	before := len(ids)
	known := v.first
	for len(word) > 0 {
		n := min(len(word), v.longest)
		id, ok := known[string(word[:n])]
		// Cutting through a character does no harm: no piece ends inside one.
		for !ok && n > 1 {
			n--
			id, ok = known[string(word[:n])]
		}
		if !ok {
			return append(ids[:before], v.unk)
		}
		ids = append(ids, id)
		word, known = word[n:], v.rest
	}
	return ids
}
