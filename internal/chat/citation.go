package chat

import (
	"regexp"
	"strconv"

	"kvasir/internal/conversation"
	"kvasir/internal/memo"
)

var citationForm = regexp.MustCompile(`\[\[(\d{1,4})\]\]`)

// citations returns what the answer really cites, each passage once, in the
// order of first mention. Numbers that no passage has are the model's invention
// and are left out.
func citations(answer string, passages []memo.Passage) []conversation.Citation {
	var out []conversation.Citation
	seen := map[int]bool{}
	for _, m := range citationForm.FindAllStringSubmatch(answer, -1) {
		n, err := strconv.Atoi(m[1])
		if err != nil || n < 1 || n > len(passages) || seen[n] {
			continue
		}
		seen[n] = true
		p := passages[n-1]
		out = append(out, conversation.Citation{
			Number: n, Memo: p.Memo, MemoTitle: p.Title, Chunk: p.ID, Start: p.Start, End: p.End,
		})
	}
	return out
}

// references lists every passage handed to the model, by its number.
func references(passages []memo.Passage) []conversation.Reference {
	out := make([]conversation.Reference, len(passages))
	for i, p := range passages {
		out[i] = conversation.Reference{Number: i + 1, Memo: p.Memo, MemoTitle: p.Title}
	}
	return out
}
