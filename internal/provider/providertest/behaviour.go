package providertest

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// A Behaviour is how a server behaves where its script says nothing: its limits,
// its pace and its failures. The zero value is a fast, healthy server without
// limits. [Server.Behave] changes it while the server runs.
type Behaviour struct {
	Embed  Manner `json:"embed"`
	Chat   Manner `json:"chat"`
	Rerank Manner `json:"rerank"`
	// Headers says how answers tell of the limits; empty means [HeadersNone].
	Headers Headers `json:"headers"`
}

// A Manner is the behaviour towards requests of one kind.
type Manner struct {
	Limit
	Pace
	Odds
}

// A Limit bounds the requests that are answered. What is beyond gets status 429 at
// once, and how long to wait.
type Limit struct {
	RequestsPerMinute float64 `json:"requests_per_minute"` // 0: no limit
	// TokensPerMinute counts the words of a request's texts and the tokens of its
	// answer; 0 means no limit.
	TokensPerMinute float64 `json:"tokens_per_minute"`
	// Burst is how long a rest saves up: after it, as much as the rates give in this
	// time may be used at once. 0 means a minute.
	Burst Duration `json:"burst"`
}

// A Pace is how fast answers come. Each time varies: see Jitter and SlowShare.
type Pace struct {
	// Latency is the mean time before the headers, besides [Options.Latency].
	Latency Duration `json:"latency"`
	// Jitter is the share of each time by which it varies at most, up or down, 0 to 1.
	Jitter float64 `json:"jitter"`
	// SlowShare of all answers take SlowFactor times as long: the tail.
	SlowShare  float64 `json:"slow_share"`
	SlowFactor float64 `json:"slow_factor"` // 0 means 10
	// FirstToken is the mean time from the headers of a stream to its first token.
	FirstToken Duration `json:"first_token"`
	// TokensPerSecond is the speed of a stream; 0 means that of [Options.TokenDelay].
	TokensPerSecond float64 `json:"tokens_per_second"`
	// Tokens is the length of an answer; 0 means [Options.Tokens].
	Tokens int `json:"tokens"`
}

// Odds are the shares of the requests, 0 to 1, that fail by chance; together they
// are 1 at most.
type Odds struct {
	Throttled float64 `json:"throttled"` // status 429 at once, whatever the limits
	Failed    float64 `json:"failed"`    // status 500
	Reset     float64 `json:"reset"`     // the connection breaks before an answer
	// Stalled is for requests that get no answer, or half of a stream, until the
	// client leaves; Cut for those whose connection breaks half-way.
	Stalled float64 `json:"stalled"`
	Cut     float64 `json:"cut"`
}

// Of returns the manner towards a kind.
func (b *Behaviour) Of(kind Kind) *Manner {
	switch kind {
	case Chat:
		return &b.Chat
	case Rerank:
		return &b.Rerank
	}
	return &b.Embed
}

// Check returns all that is wrong with b.
func (b *Behaviour) Check() error {
	var faults []error
	switch b.Headers {
	case "", HeadersNone, HeadersSilent, HeadersOpenAI, HeadersAnthropic, HeadersGroq:
	default:
		faults = append(faults, fmt.Errorf("headers: %q is not known", b.Headers))
	}
	for _, kind := range []Kind{Embed, Chat, Rerank} {
		for _, fault := range b.Of(kind).check() {
			faults = append(faults, fmt.Errorf("%s: %w", kind, fault))
		}
	}
	return errors.Join(faults...)
}

func (m *Manner) check() []error {
	var faults []error
	for name, value := range map[string]float64{
		"requests_per_minute": m.RequestsPerMinute, "tokens_per_minute": m.TokensPerMinute,
		"burst": float64(m.Burst), "latency": float64(m.Latency), "slow_factor": m.SlowFactor,
		"first_token": float64(m.FirstToken), "tokens_per_second": m.TokensPerSecond, "tokens": float64(m.Tokens),
	} {
		if !(value >= 0) || math.IsInf(value, 0) {
			faults = append(faults, fmt.Errorf("%s is %v, and must not be below 0", name, value))
		}
	}
	sum := 0.0
	for name, share := range map[string]float64{
		"throttled": m.Throttled, "failed": m.Failed, "reset": m.Reset, "stalled": m.Stalled, "cut": m.Cut,
	} {
		sum += share
		if !(share >= 0 && share <= 1) {
			faults = append(faults, fmt.Errorf("%s is %v, and must be from 0 to 1", name, share))
		}
	}
	if sum > 1+1e-9 {
		faults = append(faults, fmt.Errorf("%v of the requests fail, and must be 1 at most", sum))
	}
	for name, share := range map[string]float64{"jitter": m.Jitter, "slow_share": m.SlowShare} {
		if !(share >= 0 && share <= 1) {
			faults = append(faults, fmt.Errorf("%s is %v, and must be from 0 to 1", name, share))
		}
	}
	return faults
}

// A Duration is a time.Duration that JSON has as Go writes it: "1.5s".
type Duration time.Duration

// String writes the duration as Go does.
func (d Duration) String() string { return time.Duration(d).String() }

// MarshalText implements [encoding.TextMarshaler].
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	*d = Duration(parsed)
	return err
}
