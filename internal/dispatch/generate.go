package dispatch

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"kvasir/internal/fault"
	"kvasir/internal/llm"
)

// Generate streams a text from the named generator; the empty name is the
// default. It is tried again only until its first word: what a person has read
// cannot be taken back. A consumer that stops ends the exchange.
func (s *Scheduler) Generate(
	ctx context.Context, call llm.Call, name string, req llm.GenerateRequest,
) iter.Seq2[llm.Event, error] {
	return func(yield func(llm.Event, error) bool) {
		g, err := s.generator(name)
		if err != nil {
			yield(llm.Event{}, err)
			return
		}
		stopped := false
		begun := false
		err = g.lane.try(ctx, call, cost(req), false, func(ctx context.Context) error {
			// Breaking out of the loop is what ends the exchange.
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			for ev, err := range g.Generator.Generate(ctx, req) {
				if err != nil && begun {
					return final{err}
				}
				if err != nil {
					return err
				}
				begun = begun || ev.Text != ""
				if !yield(ev, nil) {
					stopped = true
					return nil
				}
			}
			return nil
		})
		if err != nil && !stopped {
			yield(llm.Event{}, err)
		}
	}
}

// A generatorLane is a generator with the lane to it: none waits for another's
// provider.
type generatorLane struct {
	Named
	lane *lane
}

func (s *Scheduler) generator(name string) (generatorLane, error) {
	names := make([]string, len(s.generators))
	for i, g := range s.generators {
		if name == "" || g.Name == name {
			return g, nil
		}
		names[i] = g.Name
	}
	return generatorLane{}, fault.New(fault.Invalid,
		fmt.Sprintf("Invalid LLM provider: %s. Supported providers: %s", name, strings.Join(names, ", ")))
}

// cost estimates a request in bytes, for fairness.
func cost(req llm.GenerateRequest) int {
	n := 0
	for _, m := range req.Messages {
		n += len(m.Text)
	}
	return n
}
