package cli

import (
	"context"
	"fmt"
	"net"
	"time"

	"kvasir/internal/provider/providertest"
)

// benchCommands measure, without a server of ours.
type benchCommands struct {
	Provider benchProvider `cmd:"" help:"Run a model provider with limits and failures."`
	Dispatch benchDispatch `cmd:"" help:"Measure the scheduler of model calls against one."`
	Index    benchIndex    `cmd:"" help:"Measure the search index with a project that is made up."`
	Server   benchServer   `cmd:"" help:"Measure whole servers."`
	All      benchAll      `cmd:"" help:"Measure everything and write a report."`
}

// Help shows examples.
func (benchCommands) Help() string {
	return `Examples:

    kvasir bench provider --rpm 600 --tpm 1000000 --latency 300ms
    kvasir bench dispatch overhead
    kvasir bench index --chunks 100000 --filter 0.01`
}

// limitFlags are a provider's limits.
type limitFlags struct {
	RPM     float64              `name:"rpm" placeholder:"N" help:"Requests a minute that are allowed."`
	TPM     float64              `name:"tpm" placeholder:"N" help:"Tokens a minute that are allowed."`
	Burst   time.Duration        `placeholder:"TIME" help:"As much as this time gives may be used at once. Default: 1m."`
	Headers providertest.Headers `placeholder:"NAME" help:"How limits are told: none, silent, openai, anthropic or groq."`
}

// paceFlags are how fast a provider answers.
type paceFlags struct {
	Latency time.Duration `placeholder:"TIME" help:"Mean time to the headers of an answer."`
	Jitter  float64       `placeholder:"SHARE" help:"How far times vary, of themselves: 0 to 1."`
}

// A benchProvider is a provider that behaves as it is told.
type benchProvider struct {
	Listen string `default:"127.0.0.1:9099" help:"The address to serve on."`

	limitFlags
	paceFlags

	SlowShare  float64       `placeholder:"SHARE" help:"Share of answers that are slow."`
	SlowFactor float64       `placeholder:"N" help:"How many times longer those take. Default: 10."`
	TTFT       time.Duration `name:"ttft" placeholder:"TIME" help:"Mean time from the headers to the first token."`
	Speed      float64       `placeholder:"N" help:"Tokens a second of a stream. Default: all at once."`
	Tokens     int           `default:"12" help:"Tokens of an answer."`
	Dimensions int           `default:"1536" help:"Length of vectors, unless a request asks for another."`

	Throttled float64 `placeholder:"SHARE" help:"Share of requests that get a 429, limits apart."`
	Failed    float64 `placeholder:"SHARE" help:"Share of requests that get a 500."`
	Reset     float64 `placeholder:"SHARE" help:"Share of requests whose connection is reset."`
	Stalled   float64 `placeholder:"SHARE" help:"Share of requests that get no end."`
	Cut       float64 `placeholder:"SHARE" help:"Share of answers that are cut off half-way."`
	Seed      uint64  `default:"1" help:"Of what is left to chance."`
}

// Help tells what is served and how it is changed.
func (benchProvider) Help() string {
	return `Serves the protocols of OpenAI, Anthropic, Gemini, Voyage and of Skald's embedding
service at one address, with made-up vectors and answers, and prints a line of
statistics a second while there are requests. A token of a text is a word.

Options hold for requests of every kind. PUT /behaviour changes them while it
runs, for each kind apart; what is not named stays. GET /behaviour shows all
there is to change, GET /totals what was counted.

Examples:

    kvasir bench provider --rpm 600 --tpm 1000000 --headers openai --latency 300ms
    kvasir bench provider --failed 0.1 --reset 0.05 --slow-share 0.02
    curl -X PUT 127.0.0.1:9099/behaviour -d '{"embed": {"latency": "2s"}}'
    OPENAI_API_KEY=any OPENAI_BASE_URL=http://127.0.0.1:9099/v1 kvasir serve`
}

// behaviour returns what the options say.
func (c *benchProvider) behaviour() providertest.Behaviour {
	m := providertest.Manner{
		Limit: providertest.Limit{
			RequestsPerMinute: c.RPM, TokensPerMinute: c.TPM, Burst: providertest.Duration(c.Burst),
		},
		Pace: providertest.Pace{
			Latency: providertest.Duration(c.Latency), Jitter: c.Jitter, SlowShare: c.SlowShare, SlowFactor: c.SlowFactor,
			FirstToken: providertest.Duration(c.TTFT), TokensPerSecond: c.Speed, Tokens: c.Tokens,
		},
		Odds: providertest.Odds{
			Throttled: c.Throttled, Failed: c.Failed, Reset: c.Reset, Stalled: c.Stalled, Cut: c.Cut,
		},
	}
	return providertest.Behaviour{Embed: m, Chat: m, Rerank: m, Headers: c.Headers}
}

// Run serves until ctx ends.
func (c *benchProvider) Run(ctx context.Context, s *session) error {
	behaviour := c.behaviour()
	if err := behaviour.Check(); err != nil {
		return fmt.Errorf("%w: %w", errConfiguration, err)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return err
	}
	srv := providertest.Start(providertest.Options{
		Listener: listener, Behaviour: behaviour, Dimensions: c.Dimensions, Seed: c.Seed,
		Control: true, Remember: true, Keep: -1,
	})
	defer srv.Close()
	s.out.printf("OpenAI, Voyage   %s\n", srv.BaseURL())
	s.out.printf("Anthropic        %s (/v1/messages)\n", srv.URL())
	s.out.printf("Gemini           %s\n", srv.GeminiURL())
	s.out.printf("Skald's service  %s\n", srv.URL())
	s.out.printf("behaviour        %s/behaviour\n\n", srv.URL())
	s.err.printf("Ctrl-C stops it.\n")

	began, ticks := time.Now(), time.NewTicker(time.Second)
	defer ticks.Stop()
	var last served
	for at := began; ; {
		select {
		case <-ctx.Done():
			s.out.printf("\nin %s: %s\n", spoken(time.Since(began)), servedBy(srv).summary())
			return nil
		case now := <-ticks.C:
			next := servedBy(srv)
			if next != last || next.inFlight > 0 {
				s.out.printf("%s  %s\n", now.Format(time.TimeOnly), next.line(last, now.Sub(at)))
			}
			last, at = next, now
		}
	}
}

// served is what a provider has counted of all kinds.
type served struct {
	requests, tokens, inFlight, throttled, errors, texts, duplicates int
}

func servedBy(srv *providertest.Server) served {
	var sum served
	for _, kind := range []providertest.Kind{providertest.Embed, providertest.Chat, providertest.Rerank} {
		t := srv.Totals(kind)
		sum.requests += t.Requests
		sum.tokens += t.Tokens
		sum.inFlight += t.InFlight
		sum.throttled += t.Throttled()
		sum.errors += t.Failed - t.Throttled() + t.ByStatus[0]
		if kind == providertest.Embed {
			sum.texts, sum.duplicates = t.Served, t.Duplicates
		}
	}
	return sum
}

// line tells what came in a time since an earlier look.
func (v served) line(then served, took time.Duration) string {
	perSecond := func(n int) string { return compact(float64(n) / took.Seconds()) }
	return fmt.Sprintf("%5s requests/s  %5s tokens/s  %5d in flight  %5d throttled  %5d errors",
		perSecond(v.requests-then.requests), perSecond(v.tokens-then.tokens), v.inFlight,
		v.throttled-then.throttled, v.errors-then.errors)
}

func (v served) summary() string {
	return fmt.Sprintf("%s requests, %s tokens, %s throttled, %s errors; %s texts embedded, %s of them again",
		grouped(v.requests), grouped(v.tokens), grouped(v.throttled), grouped(v.errors), grouped(v.texts),
		grouped(v.duplicates))
}
