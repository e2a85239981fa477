package exchange

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"

	"kvasir/internal/llm"
)

const (
	// leastRun is how long a run of a request's text is before it is taken out of a
	// message. Shorter ones are words that anybody may use.
	leastRun = 16
	// step is how far apart a message is looked at: each run of leastRun holds a whole
	// piece of this length at such a place.
	step = leastRun / 2
)

// discreet takes out of a provider's message what it repeats of the request. Other
// tenants see why a lane is slow, and share requests: in the message of one there may
// be a text of another.
func discreet(err error, payload []byte) error {
	e, ok := errors.AsType[*llm.Error](err)
	if !ok || len(e.Message) < step {
		return err
	}
	quoted := make([]bool, len(e.Message))
	for _, text := range texts(payload) {
		quotes(e.Message, strings.Join(strings.Fields(text), " "), quoted)
	}
	var kept strings.Builder
	for i := range len(e.Message) {
		switch {
		case !quoted[i]:
			kept.WriteByte(e.Message[i])
		case i == 0 || !quoted[i-1]:
			kept.WriteString("…")
		}
	}
	e.Message = strings.ToValidUTF8(kept.String(), "")
	return err
}

// texts returns the texts of a request, but the name of its model, of which messages
// may well speak.
func texts(payload []byte) (found []string) {
	tokens := json.NewDecoder(bytes.NewReader(payload))
	name := false // of the model comes next
	for {
		token, err := tokens.Token()
		if err != nil {
			return found // it is our own JSON: this is its end
		}
		text, ok := token.(string)
		if ok && !name && len(text) >= step {
			found = append(found, text)
		}
		name = text == "model"
	}
}

// quotes marks what a message has of a text: runs, or all of a short one.
func quotes(message, text string, marked []bool) {
	if len(text) < leastRun {
		for at := range occurrences(message, text) {
			mark(marked[at : at+len(text)])
		}
		return
	}
	for at := 0; at+step <= len(message); at += step {
		if marked[at] && marked[at+step-1] {
			continue
		}
		for there := range occurrences(text, message[at:at+step]) {
			from, to := at, at+step
			for back := 1; back <= min(at, there) && message[at-back] == text[there-back]; back++ {
				from--
			}
			for to < len(message) && there+to-at < len(text) && message[to] == text[there+to-at] {
				to++
			}
			if to-from >= leastRun {
				mark(marked[from:to])
			}
		}
	}
}

// occurrences yields where a piece is in a text, a hundred times at most.
func occurrences(text, piece string) func(func(int) bool) {
	return func(yield func(int) bool) {
		from := 0
		for range 100 {
			at := strings.Index(text[from:], piece)
			if at < 0 || !yield(from+at) {
				return
			}
			from += at + 1
		}
	}
}

func mark(run []bool) {
	for i := range run {
		run[i] = true
	}
}
