package exchange

import (
	"context"
	"errors"
	"iter"

	"kvasir/internal/llm"
)

// Progress is what a streamed answer has said of itself so far.
type Progress struct {
	Ended bool // the model has stopped writing
	Usage llm.Usage
}

var errCut = errors.New("stream cut: it ended before the answer did")

// Write sends in as [Stream] does and yields the answer that the events tell, and its
// usage last. Delta returns the text of one event, and notes in p what else it
// says. An answer that ends without saying so was cut; what goes wrong after it has
// ended is not missed.
func Write[In any](
	ctx context.Context, e *Endpoint, path string, in In, delta func(event Event, p *Progress) (string, error),
) iter.Seq2[llm.Event, error] {
	return func(yield func(llm.Event, error) bool) {
		var p Progress
		for event, err := range Stream(ctx, e, path, in) {
			if p.Ended && err != nil && ctx.Err() == nil {
				break
			}
			var text string
			if err == nil {
				text, err = delta(event, &p)
			}
			if err != nil {
				yield(llm.Event{}, err)
				return
			}
			if text != "" && !yield(llm.Event{Text: text}, nil) {
				return
			}
		}
		switch {
		case !p.Ended:
			yield(llm.Event{}, e.Garbage(errCut))
		case p.Usage != (llm.Usage{}):
			yield(llm.Event{Usage: p.Usage}, nil)
		}
	}
}
