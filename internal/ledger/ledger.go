// Package ledger holds the words of spending: what model calls cost, who pays, and
// how much may be spent.
//
// Dispatch writes an [Entry] for every exchange, the store keeps their sums, and
// people read them by any part of their [Account].
package ledger

import (
	"fmt"
	"math"
	"time"

	"kvasir/internal/llm"
)

// Money is an amount in billionths of the price table's unit, US dollars unless
// an operator keeps the table in another. A token of the cheapest models costs
// some twenty of them.
type Money int64

// Unit is one whole unit of money: a dollar.
const Unit Money = 1e9

// Dollars returns the amount in whole units.
func (m Money) Dollars() float64 { return float64(m) / float64(Unit) }

// FromDollars returns the amount of so many whole units.
func FromDollars(d float64) Money { return Money(math.Round(d * float64(Unit))) }

// String writes the amount with the four digits that small bills need.
func (m Money) String() string { return fmt.Sprintf("$%.4f", m.Dollars()) }

// A Price is what a model costs, in dollars for a million tokens; zero is free.
type Price struct {
	Input  float64
	Cached float64 // of input read from the provider's prompt cache
	Output float64
	Search float64 // of a reranker that is paid by searches: dollars for a thousand
}

// Of returns the cost of an exchange.
func (p Price) Of(u llm.Usage) Money {
	fresh := max(u.InputTokens-u.CachedTokens, 0)
	dollars := float64(fresh)*p.Input + float64(u.CachedTokens)*p.Cached + float64(u.OutputTokens)*p.Output
	return FromDollars(dollars/1e6 + float64(u.Searches)*p.Search/1e3)
}

// A Day is a day in UTC, as the number of days since 1970-01-01.
type Day int

// DayOf returns the day of a time.
func DayOf(t time.Time) Day { return Day(math.Floor(float64(t.Unix()) / 86_400)) }

// Time returns the first instant of the day.
func (d Day) Time() time.Time { return time.Unix(int64(d)*86_400, 0).UTC() }

// String returns the day as 2006-01-02.
func (d Day) String() string { return d.Time().Format(time.DateOnly) }

// An Account is what an exchange is entered under.
type Account struct {
	Day      Day
	Project  string
	Key      string // the API key that asked, as it may be shown; empty for none
	Memo     string // empty for none
	Kind     llm.Kind
	Provider string
	Model    string
}

// A Sum is what exchanges took together.
type Sum struct {
	Requests     int64 // of a batch, each payer counts one
	InputTokens  int64
	CachedTokens int64 // of the input
	OutputTokens int64
	Cost         Money
}

// Add adds another sum.
func (s *Sum) Add(o Sum) {
	s.Requests += o.Requests
	s.InputTokens += o.InputTokens
	s.CachedTokens += o.CachedTokens
	s.OutputTokens += o.OutputTokens
	s.Cost += o.Cost
}

// An Entry is the sum of an account.
type Entry struct {
	Account
	Sum
}

// A Period is how long a budget lasts. Periods begin at midnight UTC.
type Period string

// The periods.
const (
	Daily   Period = "day"
	Monthly Period = "month"
)

// Bounds returns the first day of the period that a time is in, and of the next.
func (p Period) Bounds(t time.Time) (first, next Day) {
	t = t.UTC()
	if p == Monthly {
		month := time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
		return DayOf(month), DayOf(month.AddDate(0, 1, 0))
	}
	return DayOf(t), DayOf(t) + 1
}

// A Budget bounds what may be spent in a period. With neither project nor
// organization it is the whole server's. Past Soft there is a warning; what would
// begin past Hard is refused.
type Budget struct {
	Project      string
	Organization string
	Period       Period
	Soft         Money // 0 for none
	Hard         Money // 0 for none
}

// A Dimension is a part of an account by which sums are told apart.
type Dimension string

// The dimensions.
const (
	ByDay      Dimension = "day"
	ByProject  Dimension = "project"
	ByKey      Dimension = "api_key"
	ByMemo     Dimension = "memo"
	ByKind     Dimension = "kind"
	ByProvider Dimension = "provider"
	ByModel    Dimension = "model"
)

// A Query asks for the sums of one project.
type Query struct {
	Project  string
	From, To Day         // inclusive
	By       []Dimension // the accounts in the answer have only these
	Limit    int         // of entries, the costliest; 0 for all
}
