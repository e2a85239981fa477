package config

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"kvasir/internal/ledger"
)

var (
	// nameForm is what providers and pools may be called: lanes, metrics and
	// requests are named after them.
	nameForm     = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
	variableForm = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	uuidForm     = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
)

// A protocol is what a way to speak to servers can do and needs.
type protocol struct {
	kinds   string // of calls
	key     need
	address need
	model   need
}

// A need is whether something must be said.
type need int

const (
	no need = iota
	may
	must
)

// protocols are all that a provider may speak. Where a key is a must it is one at
// the vendor's own address: a server of one's own may ask for none.
var protocols = map[string]protocol{
	OpenAI:     {"embed generate rerank", must, may, must},
	Azure:      {"embed generate rerank", must, must, must},
	Anthropic:  {"generate rerank", must, may, must},
	Gemini:     {"embed generate rerank", must, may, must},
	Voyage:     {"embed rerank", must, may, must},
	Cohere:     {"rerank", must, may, must},
	Jina:       {"rerank", must, may, must},
	TEI:        {"rerank", may, must, may},
	Service:    {"embed rerank", no, may, may},
	MiniLM:     {"embed", no, no, no},
	Extractive: {"generate", no, no, no},
}

const (
	maxWeight = 1e6
	maxPrice  = 1e6 // dollars for a million tokens, or for a thousand searches

	maxDocuments = 1e6
)

// check notes what is wrong with a field.
func (r *laneReader) check(at entry, field string, err error) {
	if err != nil {
		r.fault(at, "%s: %w", field, err)
	}
}

// checkProvider checks what a provider says of itself.
func (r *laneReader) checkProvider(at entry, p providerText) {
	known, ok := protocols[p.Protocol]
	if !ok {
		r.fault(at, "protocol: %q is not one of %s", p.Protocol,
			strings.Join(slices.Sorted(maps.Keys(protocols)), ", "))
		return
	}
	r.check(at, "base_url", address(p.BaseURL))
	r.check(at, "base_url", needed(p.BaseURL != "", known.address))
	if (p.Protocol == OpenAI || p.Protocol == Cohere) && p.Name != p.Protocol && p.BaseURL == "" {
		// Else the key of another vendor would go to OpenAI, or to Cohere.
		r.fault(at, "base_url: only the provider %s has a default", p.Protocol)
	}
	if p.APIVersion != "" && p.Protocol != Azure {
		r.fault(at, "api_version: only the protocol azure knows it")
	}
	wants := known.key
	if wants == must && p.BaseURL != "" && p.Protocol != Azure {
		wants = may
	}
	r.check(at, "keys", needed(len(p.Keys) > 0, wants))
}

// needed tells when something is missing, or of no use.
func needed(said bool, wants need) error {
	switch {
	case !said && wants == must:
		return errors.New("the protocol needs it")
	case said && wants == no:
		return errors.New("the protocol has no use for it")
	}
	return nil
}

// checkEntry checks the numbers of an entry.
func (r *laneReader) checkEntry(at entry, e entryText) {
	r.check(at, "requests_per_minute", between(e.RequestsPerMinute, 0, maxRate))
	r.check(at, "tokens_per_minute", between(e.TokensPerMinute, 0, maxRate))
	r.check(at, "concurrency", between(e.Concurrency, 0, maxConcurrency))
	r.checkPrice(at, "price", e.Price)
}

func (r *laneReader) checkPrice(at entry, name string, text *priceText) {
	if text == nil {
		return
	}
	p := text.price()
	r.check(at, name+".input", between(p.Input, 0, maxPrice))
	r.check(at, name+".cached", between(p.Cached, 0, maxPrice))
	r.check(at, name+".output", between(p.Output, 0, maxPrice))
	r.check(at, name+".search", between(p.Search, 0, maxPrice))
}

// checkUse checks that a provider can be what an entry makes of it.
func (r *laneReader) checkUse(at entry, e entryText, p *laneProvider) {
	known, ok := protocols[p.Protocol]
	if !ok {
		return // told at the provider
	}
	kind := at.kind
	if kind == nextEmbed {
		kind = "embed"
	}
	if !slices.Contains(strings.Fields(known.kinds), kind) {
		r.fault(at, "provider: the protocol %s cannot %s", p.Protocol, kind)
		return
	}
	r.check(at, "model", needed(e.Model != "", known.model))
	if e.ServedAs != "" {
		r.check(at, "served_as", needed(true, known.model))
	}
}

// checkDimensions checks that they can be asked for.
func (r *laneReader) checkDimensions(at entry, e embedText) {
	r.check(at, "dimensions", between(e.Dimensions, 0, maxDimensions))
	if p := r.provider(e.Provider); p != nil && e.Dimensions > 0 {
		r.check(at, "dimensions", needed(true, protocols[p.Protocol].model))
	}
}

// checkSpace checks that all embedding lanes make vectors of one space: texts of
// one project are embedded by any of them.
func (r *laneReader) checkSpace(kind string, entries []embedText) {
	if len(entries) < 2 {
		return
	}
	first := entries[0]
	for i, e := range entries {
		at := entry{kind, i + 1}
		if e.Model != first.Model {
			r.fault(at, "model: it is not that of [[%s]] 1, and vectors of two models cannot be compared; "+
				"served_as is for an endpoint that calls the same model otherwise", kind)
		}
		if p := r.provider(e.Provider); i > 0 && p != nil && p.Protocol == Service {
			r.fault(at, "provider: a server of the protocol service does not say what it runs, "+
				"so its vectors stand in for no others")
		}
		switch {
		case e.Dimensions == 0:
			r.fault(at, "dimensions: each entry must say them when there are several")
		case e.Dimensions != first.Dimensions && first.Dimensions != 0:
			r.fault(at, "dimensions: they are not those of [[%s]] 1, and vectors of two lengths cannot be compared", kind)
		}
	}
}

// checkPool checks the name by which requests ask for a generator. Extractive is
// told from the others by name, so that nobody takes a quotation for an answer.
func (r *laneReader) checkPool(at entry, g generateText) {
	if g.Name != "" && !nameForm.MatchString(g.Name) {
		r.fault(at, "name: %q has other signs than letters, digits, dot, dash and underscore", g.Name)
	}
	p := r.provider(g.Provider)
	if p == nil {
		return
	}
	named := g.Name == Extractive || g.Name == "" && p.Name == Extractive
	switch quotes := p.Protocol == Extractive; {
	case quotes && !named:
		r.fault(at, "name: quotations stand in for no model's answers: only %s can be their name", Extractive)
	case !quotes && named:
		r.fault(at, "name: %s is the name of quotations", Extractive)
	}
	r.checkPrice(at, "fast_price", g.FastPrice)
	if g.FastPrice != nil && g.FastModel == "" {
		r.fault(at, "fast_price: there is no fast_model that has it")
	}
	if g.FastModel != "" {
		r.check(at, "fast_model", needed(true, protocols[p.Protocol].model))
	}
}

// checkRerank checks what only entries of this kind say.
func (r *laneReader) checkRerank(at entry, e rerankText) {
	r.check(at, "max_documents", between(e.MaxDocuments, 0, maxDocuments))
	r.checkJSONMode(at, e.Provider, e.JSONMode)
	if p := r.provider(e.Provider); p != nil && e.MaxDocuments > 0 && writes(p.Protocol) {
		r.fault(at, "max_documents: a model that compares the documents has to see them all at once")
	}
}

// checkJSONMode checks how a model is held to a schema, if the entry says so.
func (r *laneReader) checkJSONMode(at entry, provider, mode string) {
	p := r.provider(provider)
	if mode == "" || p == nil {
		return
	}
	modes := []string{JSONBySchema, JSONByPrompt}
	if p.Protocol == OpenAI || p.Protocol == Azure {
		modes = []string{JSONBySchema, JSONByObject, JSONByPrompt}
	}
	switch {
	case !writes(p.Protocol):
		r.fault(at, "json_mode: the protocol has no use for it")
	case !slices.Contains(modes, mode):
		r.fault(at, "json_mode: %q is not one of %s", mode, strings.Join(modes, ", "))
	}
}

// writes reports whether servers of a protocol run models that write.
func writes(protocol string) bool {
	return protocol != Extractive && slices.Contains(strings.Fields(protocols[protocol].kinds), "generate")
}

// checkBudget checks whose budget it is, and how much.
func (r *laneReader) checkBudget(at entry, b budgetText) {
	if b.Project != "" && b.Organization != "" {
		r.fault(at, "project: a budget is of a project, of an organization or of neither, not of both")
	}
	r.check(at, "project", identifier(b.Project))
	r.check(at, "organization", identifier(b.Organization))
	if b.Period != ledger.Daily && b.Period != ledger.Monthly {
		r.fault(at, "period: %q is not one of %s, %s", b.Period, ledger.Daily, ledger.Monthly)
	}
	r.check(at, "soft", between(b.Soft, 0, maxDollars))
	r.check(at, "hard", between(b.Hard, 0, maxDollars))
	switch {
	case b.Soft == 0 && b.Hard == 0:
		r.fault(at, "hard: a budget without hard and soft bounds nothing")
	case b.Hard > 0 && b.Soft > b.Hard:
		r.fault(at, "soft: it is more than hard")
	}
}

// checkWeight checks a project's weight, and that it has one.
func (r *laneReader) checkWeight(at entry, w weightText) {
	switch _, twice := r.out.Weights[w.Project]; {
	case w.Project == "":
		r.fault(at, "project: a weight is of a project")
	case twice:
		r.fault(at, "project: it has a weight already")
	}
	r.check(at, "project", identifier(w.Project))
	r.check(at, "weight", between(w.Weight, 1/maxWeight, maxWeight))
}

// identifier checks the form of a project's or an organization's id, if any.
func identifier(id string) error {
	if id != "" && !uuidForm.MatchString(id) {
		return fmt.Errorf("%q is not an id in lower case, such as 01234567-89ab-cdef-0123-456789abcdef", id)
	}
	return nil
}
