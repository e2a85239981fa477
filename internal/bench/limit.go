package bench

import (
	"context"
	"fmt"
	"time"

	"kvasir/internal/llm"
	"kvasir/internal/provider/providertest"
)

const (
	// A text of an ingestion, and how many a memo has.
	textWords, memoTexts = 100, 32
	// A question that is asked in bulk, and the length of its answer.
	questionWords, answerTokens = 20, 12
)

// limits returns the limits that the options set.
func (o *Options) limits() providertest.Limit {
	return providertest.Limit{
		RequestsPerMinute: o.RequestsPerMinute, TokensPerMinute: o.TokensPerMinute,
		Burst: providertest.Duration(o.Burst),
	}
}

func (o *Options) pace() providertest.Pace {
	return providertest.Pace{Latency: providertest.Duration(o.Latency), Jitter: o.Jitter}
}

// limit keeps two lanes busy that know nothing beforehand: one that embeds, where
// the tokens bind, and one that writes, where the requests do.
func limit(ctx context.Context, b *bed) (*Report, error) {
	told := b.Headers != providertest.HeadersNone && b.Headers != providertest.HeadersSilent
	if b.Learning == 0 {
		if b.Learning = 10 * time.Second; !told {
			b.Learning = 2 * time.Minute // the first minute's burst goes before anything is refused
		}
	}
	manner := providertest.Manner{Limit: b.limits(), Pace: b.pace()}
	behaviour := providertest.Behaviour{Embed: manner, Chat: manner, Headers: b.Headers}
	behaviour.Chat.Tokens = answerTokens
	if err := b.provider.behave(ctx, behaviour); err != nil {
		return nil, err
	}
	var windows [2][2]window
	err := b.with(ctx, plan{}, func(ctx context.Context, r *rig) error {
		bulk{callers: b.Callers, texts: memoTexts, words: textWords}.start(ctx, r)
		enrich(ctx, r, b.Callers)
		for i, d := range []time.Duration{b.Learning, b.Duration} {
			what := []string{"learning the limits", "measuring"}[i]
			begun, err := b.look(ctx)
			if err != nil {
				return err
			}
			if err := b.pause(ctx, d, what); err != nil {
				return err
			}
			ended, err := b.look(ctx)
			if err != nil {
				return err
			}
			for kind := range ended {
				windows[i][kind] = window{since(ended[kind].Totals, begun[kind].Totals), ended[kind].at.Sub(begun[kind].at)}
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	report := &Report{Conditions: []string{
		fmt.Sprintf("%.0f requests and %.0f tokens a minute, a burst of %v, headers %s", b.RequestsPerMinute,
			b.TokensPerMinute, b.Burst, b.Headers),
		fmt.Sprintf("latency %v ± %.0f %%, %v of learning apart, then %v", b.Latency, 100*b.Jitter, b.Learning, b.Duration),
	}}
	least, most := 0.95, 1.0
	if !told {
		least, most = 0.85, 3
	}
	for i, name := range []string{"learning, ", ""} {
		embed, chat := windows[i][0], windows[i][1]
		report.add(name+"embedding: tokens", unitPerMin, embed.perMinute(embed.Tokens)).against(b.TokensPerMinute)
		report.add(name+"embedding: refused", unitShare, share(embed.Throttled(), embed.Requests))
		admitted := chat.Requests - chat.Throttled()
		report.add(name+"enrichment: requests", unitPerMin, chat.perMinute(admitted)).against(b.RequestsPerMinute)
		report.add(name+"enrichment: refused", unitShare, share(chat.Throttled(), chat.Requests))
	}
	steady := report.Figures[len(report.Figures)/2:]
	for i := range steady {
		if f := &steady[i]; f.Theory != nil {
			f.atLeast(least)
		} else {
			f.atMost(most, fmt.Sprintf("≤ %.0f %%", most))
		}
	}
	return report, nil
}

// enrich keeps callers asking for short answers.
func enrich(ctx context.Context, r *rig, callers int) {
	for i := range callers {
		call := llm.Call{Tenant: fmt.Sprintf("project-%d", i), Priority: llm.PriorityEnrich}
		r.load.Go(func() error {
			for ctx.Err() == nil {
				ask := llm.GenerateRequest{Messages: []llm.Message{{Role: llm.RoleUser, Text: r.text(questionWords)}}}
				for _, err := range r.Generate(ctx, call, "", ask) {
					if err := unless(ctx, err); err != nil {
						return err
					}
				}
			}
			return nil
		})
	}
}

// A look is the totals at a time.
type look struct {
	providertest.Totals
	at time.Time
}

// look returns the totals of embedding and of chat.
func (b *bed) look(ctx context.Context) ([2]look, error) {
	var out [2]look
	for i, kind := range []providertest.Kind{providertest.Embed, providertest.Chat} {
		totals, err := b.provider.totals(ctx, kind)
		if err != nil {
			return out, err
		}
		out[i] = look{totals, time.Now()}
	}
	return out, nil
}

// A window is what was counted in a time.
type window struct {
	providertest.Totals
	took time.Duration
}

func (w window) perMinute(n int) float64 { return float64(n) / w.took.Minutes() }
