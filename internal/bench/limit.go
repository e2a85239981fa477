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
	var learning, steady windows
	err := b.with(ctx, plan{}, func(ctx context.Context, r *rig) (err error) {
		bulk{callers: b.Callers, texts: memoTexts, words: textWords}.start(ctx, r)
		for i := range b.Callers {
			call := llm.Call{Tenant: fmt.Sprintf("project-%d", i), Priority: llm.PriorityEnrich}
			r.load.Go(func() error { return r.enrich(ctx, call) })
		}
		if learning, err = b.count(ctx, b.Learning, "learning the limits"); err != nil {
			return err
		}
		steady, err = b.count(ctx, b.Duration, "measuring")
		return err
	})
	if err != nil {
		return nil, err
	}
	report := &Report{Conditions: []string{
		fmt.Sprintf("%.0f requests and %.0f tokens a minute, a burst of %v, headers %s", b.RequestsPerMinute,
			b.TokensPerMinute, b.Burst, b.Headers),
		fmt.Sprintf("latency %v ± %.0f %%, %v of learning apart, then %v", b.Latency, 100*b.Jitter, b.Learning, b.Duration),
	}}
	learning.report(report, "learning, ", b)
	apart := len(report.Figures)
	steady.report(report, "", b)
	least, most := 0.95, 1.0
	if !told {
		least, most = 0.85, 3
	}
	for i := range report.Figures[apart:] {
		if f := &report.Figures[apart+i]; f.Theory != nil {
			f.atLeast(least)
		} else {
			f.atMost(most, fmt.Sprintf("≤ %.0f %%", most))
		}
	}
	return report, nil
}

// enrich asks for short answers, one after the other.
func (r *rig) enrich(ctx context.Context, call llm.Call) error {
	for ctx.Err() == nil {
		ask := llm.GenerateRequest{Messages: []llm.Message{{Role: llm.RoleUser, Text: r.text(questionWords)}}}
		for _, err := range r.Generate(ctx, call, "", ask) {
			if err := unless(ctx, err); err != nil {
				return err
			}
		}
	}
	return nil
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

// windows are those of embedding and of chat.
type windows [2]window

// count returns what the provider counts in a time.
func (b *bed) count(ctx context.Context, d time.Duration, what string) (counted windows, err error) {
	begun, err := b.look(ctx)
	if err != nil {
		return counted, err
	}
	if err := b.pause(ctx, d, what); err != nil {
		return counted, err
	}
	ended, err := b.look(ctx)
	for i := range ended {
		counted[i] = window{since(ended[i].Totals, begun[i].Totals), ended[i].at.Sub(begun[i].at)}
	}
	return counted, err
}

func (w windows) report(r *Report, prefix string, b *bed) {
	embed, chat := w[0], w[1]
	r.add(prefix+"embedding: tokens", unitPerMin, embed.perMinute(embed.Tokens)).against(b.TokensPerMinute)
	r.add(prefix+"embedding: refused", unitShare, share(embed.Throttled(), embed.Requests))
	admitted := chat.Requests - chat.Throttled()
	r.add(prefix+"enrichment: requests", unitPerMin, chat.perMinute(admitted)).against(b.RequestsPerMinute)
	r.add(prefix+"enrichment: refused", unitShare, share(chat.Throttled(), chat.Requests))
}

func (w window) perMinute(n int) float64 { return float64(n) / w.took.Minutes() }
