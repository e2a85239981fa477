package dispatch

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"kvasir/internal/fault"
	"kvasir/internal/ledger"
	"kvasir/internal/llm"
)

const (
	// bookEvery is how often the books go to the ledger: what a kill may cost of
	// the sums.
	bookEvery = time.Second
	// closingWithin bounds the last entry, at the stop.
	closingWithin = 5 * time.Second
)

// books sum up what exchanges cost, and refuse what a budget does not allow.
type books struct {
	ledger Ledger // nil for none: budgets then count from the start
	shared bool   // with other processes
	log    *slog.Logger

	mu            sync.Mutex // guards all below
	pending       map[ledger.Account]ledger.Sum
	budgets       []*budget
	organizations map[string]string // by project
}

// A budget is what is left of one in the present period.
type budget struct {
	ledger.Budget
	spent    ledger.Money
	reserved ledger.Money // by calls under way
	until    ledger.Day   // when the next period begins
	warned   bool
}

// A BudgetState is a budget and what is spent of it.
type BudgetState struct {
	ledger.Budget
	Spent ledger.Money
	Until time.Time // when the next period begins
}

func newBooks(cfg *Config) *books {
	b := &books{
		ledger: cfg.Ledger, shared: cfg.SharedLedger, log: cfg.Log,
		pending: map[ledger.Account]ledger.Sum{}, organizations: map[string]string{},
	}
	for _, one := range cfg.Budgets {
		b.budgets = append(b.budgets, &budget{Budget: one})
	}
	return b
}

// load reads what was spent: before this process began, and by others meanwhile. What
// is not booked yet comes on top.
func (b *books) load(ctx context.Context) error {
	if b.ledger == nil || len(b.budgets) == 0 {
		return nil
	}
	now := time.Now()
	month, _ := ledger.Monthly.Bounds(now)
	entries, err := b.ledger.UsageByProject(ctx, month)
	if err != nil {
		return fmt.Errorf("read what was spent: %w", err)
	}
	for i := range entries {
		if _, err := b.organization(ctx, entries[i].Project); err != nil {
			return err
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, one := range b.budgets {
		one.renew(now)
		one.spent = 0
		for i := range entries {
			b.count(one, entries[i].Account, entries[i].Cost, now)
		}
		for account, sum := range b.pending {
			b.count(one, account, sum.Cost, now)
		}
	}
	return nil
}

// count adds what was spent on an account to a budget that it is under.
func (b *books) count(one *budget, a ledger.Account, cost ledger.Money, now time.Time) {
	if first, _ := one.Period.Bounds(now); a.Day >= first && one.pays(a.Project, b.organizations[a.Project]) {
		one.spent += cost
	}
}

// pays reports whether a project's calls are under the budget.
func (b *budget) pays(project, organization string) bool {
	return (b.Project == "" || b.Project == project) && (b.Organization == "" || b.Organization == organization)
}

// renew begins the next period when it is time.
func (b *budget) renew(now time.Time) {
	if ledger.DayOf(now) >= b.until {
		_, b.until = b.Period.Bounds(now)
		b.spent, b.warned = 0, false
	}
}

// organization returns a project's, which never changes. Without a budget of one
// nobody asks.
func (b *books) organization(ctx context.Context, project string) (string, error) {
	if b.ledger == nil {
		return "", nil
	}
	b.mu.Lock()
	known, ok := b.organizations[project]
	needed := false
	for _, one := range b.budgets {
		needed = needed || one.Organization != ""
	}
	b.mu.Unlock()
	if ok || !needed {
		return known, nil
	}
	found, err := b.ledger.Organization(ctx, project)
	if err != nil {
		return "", fmt.Errorf("find the organization that pays: %w", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.organizations[project] = found
	return found, nil
}

// reserve sets the expected cost of a call aside, or refuses it. The function
// returned frees it again, when what was spent is entered.
func (b *books) reserve(ctx context.Context, project string, cost ledger.Money) (free func(), err error) {
	if len(b.budgets) == 0 {
		return func() {}, nil
	}
	organization, err := b.organization(ctx, project)
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	var paying []*budget
	for _, one := range b.budgets {
		if !one.pays(project, organization) {
			continue
		}
		one.renew(now)
		if one.Hard > 0 && cost > 0 && one.spent+one.reserved+cost > one.Hard {
			return nil, fault.New(fault.Exhausted, fmt.Sprintf("%s is spent: %v of %v, and this takes %v; "+
				"it begins anew on %v (UTC)", one.name(), one.spent+one.reserved, one.Hard, cost, one.until))
		}
		paying = append(paying, one)
	}
	for _, one := range paying {
		one.reserved += cost
	}
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, one := range paying {
			one.reserved -= cost
		}
	}, nil
}

// name says whose budget it is.
func (b *budget) name() string {
	switch {
	case b.Project != "":
		return fmt.Sprintf("The project's budget for the %s", b.Period)
	case b.Organization != "":
		return fmt.Sprintf("The organization's budget for the %s", b.Period)
	}
	return fmt.Sprintf("The server's budget for the %s", b.Period)
}

// A payer is who an exchange was made for, and with how many of its tokens, as
// estimated.
type payer struct {
	call   llm.Call
	tokens int
}

// enter books an exchange on those it was made for, by their share of its tokens.
// The shares add up to the whole. A provider that counts nothing is taken to have
// read what was estimated. Fast says that the small model answered.
func (b *books) enter(kind llm.Kind, l *lane, payers []payer, u llm.Usage, fast bool) {
	estimated := 0
	for _, p := range payers {
		estimated += p.tokens
	}
	if u == (llm.Usage{}) {
		u.InputTokens = estimated
	}
	model, price := l.billed(fast)
	now := time.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	var before, done llm.Usage
	seen := 0
	for _, p := range payers {
		seen += p.tokens
		done = portion(u, seen, estimated)
		part := llm.Usage{
			InputTokens:  done.InputTokens - before.InputTokens,
			CachedTokens: done.CachedTokens - before.CachedTokens,
			OutputTokens: done.OutputTokens - before.OutputTokens,
			Searches:     done.Searches - before.Searches,
		}
		before = done
		b.add(ledger.Account{
			Day: ledger.DayOf(now), Project: p.call.Tenant, Key: p.call.Key, Memo: p.call.Memo,
			Kind: kind, Provider: l.Provider, Model: model,
		}, part, price.Of(part), now)
	}
}

// portion returns the part of a usage that n of all tokens have.
func portion(u llm.Usage, n, all int) llm.Usage {
	if n >= all {
		return u
	}
	return llm.Usage{
		InputTokens: u.InputTokens * n / all, CachedTokens: u.CachedTokens * n / all, OutputTokens: u.OutputTokens * n / all,
		Searches: u.Searches * n / all,
	}
}

func (b *books) add(account ledger.Account, u llm.Usage, cost ledger.Money, now time.Time) {
	if b.ledger != nil {
		sum := b.pending[account]
		sum.Add(ledger.Sum{
			Requests: 1, InputTokens: int64(u.InputTokens), CachedTokens: int64(u.CachedTokens),
			OutputTokens: int64(u.OutputTokens), Cost: cost,
		})
		b.pending[account] = sum
	}
	for _, one := range b.budgets {
		if !one.pays(account.Project, b.organizations[account.Project]) {
			continue
		}
		one.renew(now)
		one.spent += cost
		if one.Soft > 0 && one.spent >= one.Soft && !one.warned {
			one.warned = true
			b.log.Warn("a budget is past its soft limit", "budget", one.name(), "project", one.Project,
				"organization", one.Organization, "spent", one.spent.String(), "soft", one.Soft.String())
		}
	}
}

// run hands the sums to the ledger now and then until ctx ends, and once more
// after done is closed: then the last exchange has ended.
func (b *books) run(ctx context.Context, done <-chan struct{}) {
	tick := time.NewTicker(bookEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			b.hand(ctx)
			if b.shared && ctx.Err() == nil {
				if err := b.load(ctx); err != nil {
					b.log.WarnContext(ctx, "what others spend is not known", "error", err)
				}
			}
		case <-done:
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), closingWithin)
			defer cancel()
			b.hand(last)
			return
		}
	}
}

// hand gives the ledger what is pending, or keeps it for the next time.
func (b *books) hand(ctx context.Context) {
	b.mu.Lock()
	pending := b.pending
	b.pending = map[ledger.Account]ledger.Sum{}
	b.mu.Unlock()
	if len(pending) == 0 {
		return
	}
	entries := make([]ledger.Entry, 0, len(pending))
	for account, sum := range pending {
		entries = append(entries, ledger.Entry{Account: account, Sum: sum})
	}
	if err := b.ledger.AddUsage(ctx, entries); err != nil {
		b.log.WarnContext(ctx, "usage not booked; trying again", "error", err)
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, e := range entries {
			sum := b.pending[e.Account]
			sum.Add(e.Sum)
			b.pending[e.Account] = sum
		}
	}
}

// Budgets returns the budgets that a project is under.
func (s *Scheduler) Budgets(ctx context.Context, project string) ([]BudgetState, error) {
	organization, err := s.books.organization(ctx, project)
	if err != nil {
		return nil, err
	}
	s.books.mu.Lock()
	defer s.books.mu.Unlock()
	var states []BudgetState
	now := time.Now()
	for _, one := range s.books.budgets {
		if one.pays(project, organization) {
			one.renew(now)
			states = append(states, BudgetState{Budget: one.Budget, Spent: one.spent, Until: one.until.Time()})
		}
	}
	return states, nil
}
