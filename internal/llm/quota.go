package llm

import (
	"context"
	"time"
)

// A Quota is one limit of an account, as a provider reports it beside an answer.
type Quota struct {
	Limit     int           // of a whole period; 0 when the provider did not say
	Remaining int           // of it when the answer was made; counts only if Told
	Told      bool          // Remaining was reported
	Reset     time.Duration // until all of it is there again; 0 when the provider did not say
}

// Quotas are the limits that came with one answer; zero for what did not come.
type Quotas struct {
	Requests Quota
	Tokens   Quota // the scarcest, where input and output are counted apart
}

type quotaKey struct{}

// WithQuotas returns a context whose exchange hands the quotas of its answer, good
// or bad, to see as soon as the headers are there. Like httptrace it is a side
// channel: what a provider says about an account is no part of any answer.
func WithQuotas(ctx context.Context, see func(Quotas)) context.Context {
	return context.WithValue(ctx, quotaKey{}, see)
}

// ReportQuotas is called by adapters with the quotas that they have read.
func ReportQuotas(ctx context.Context, q Quotas) {
	if see, ok := ctx.Value(quotaKey{}).(func(Quotas)); ok && q != (Quotas{}) {
		see(q)
	}
}
