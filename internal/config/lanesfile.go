package config

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"kvasir/internal/ledger"
)

// A LanesFile is what a file of lanes says. doc/lanes.md is its manual.
type LanesFile struct {
	Path     string // empty for none
	Embed    []Lane // of each kind: none leaves it to the variables
	Next     []Lane // embed for another index
	Generate []Lane
	Rerank   []Lane
	Budgets  []ledger.Budget
	Weights  map[string]float64 // by project
}

// fileText is the file as it is written. Fields of an entry that are missing are
// zero; those that no struct has are faults.
type fileText struct {
	Provider []providerText `toml:"provider"`
	Embed    []embedText    `toml:"embed"`
	Next     []embedText    `toml:"next_embed"`
	Generate []generateText `toml:"generate"`
	Rerank   []rerankText   `toml:"rerank"`
	Budget   []budgetText   `toml:"budget"`
	Weight   []weightText   `toml:"weight"`
}

type providerText struct {
	Name       string   `toml:"name"`
	Protocol   string   `toml:"protocol"`
	BaseURL    string   `toml:"base_url"`
	APIVersion string   `toml:"api_version"`
	Keys       []string `toml:"keys"`
}

// entryText is what entries of all kinds have.
type entryText struct {
	Provider          string     `toml:"provider"`
	Model             string     `toml:"model"`
	ServedAs          string     `toml:"served_as"`
	RequestsPerMinute float64    `toml:"requests_per_minute"`
	TokensPerMinute   float64    `toml:"tokens_per_minute"`
	Concurrency       int        `toml:"concurrency"`
	Price             *priceText `toml:"price"`
}

type embedText struct {
	entryText
	Dimensions int `toml:"dimensions"`
}

type generateText struct {
	entryText
	Name      string     `toml:"name"`
	FastModel string     `toml:"fast_model"`
	FastPrice *priceText `toml:"fast_price"`
	JSONMode  string     `toml:"json_mode"`
}

type rerankText struct {
	entryText
	MaxDocuments int    `toml:"max_documents"`
	JSONMode     string `toml:"json_mode"`
}

type priceText struct {
	Input  float64  `toml:"input"`
	Cached *float64 `toml:"cached"`
	Output float64  `toml:"output"`
	Search float64  `toml:"search"`
}

// price returns what the entry says; input read from a cache costs what other
// input does unless it is named.
func (p priceText) price() ledger.Price {
	cached := p.Input
	if p.Cached != nil {
		cached = *p.Cached
	}
	return ledger.Price{Input: p.Input, Cached: cached, Output: p.Output, Search: p.Search}
}

type budgetText struct {
	Project      string        `toml:"project"`
	Organization string        `toml:"organization"`
	Period       ledger.Period `toml:"period"`
	Soft         float64       `toml:"soft"`
	Hard         float64       `toml:"hard"`
}

type weightText struct {
	Project string  `toml:"project"`
	Weight  float64 `toml:"weight"`
}

// readLanes reads a file of lanes. An error holds all that is wrong with it, a
// line each: bad syntax and a value of a wrong type end the reading, everything
// else is told together.
func (e *Environment) readLanes(path string) (LanesFile, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return LanesFile{}, err
	}
	r := &laneReader{path: path, variable: e.Get, providers: map[string]*laneProvider{}}
	if r.decode(text) {
		r.read()
	}
	if len(r.faults) > 0 {
		return LanesFile{}, errors.Join(r.faults...)
	}
	return r.out, nil
}

// A laneReader turns a file's text into lanes and collects its faults.
type laneReader struct {
	path      string
	variable  func(name string) string
	text      fileText
	providers map[string]*laneProvider
	out       LanesFile
	faults    []error
}

// A laneProvider is a provider that entries may name, with its keys in clear.
type laneProvider struct {
	providerText
	keys []Secret
}

// An entry is where a fault is: "[[embed]] 2".
type entry struct {
	kind   string
	number int
}

// fault notes what is wrong with an entry.
func (r *laneReader) fault(at entry, format string, args ...any) {
	r.faults = append(r.faults, fmt.Errorf("%s: [[%s]] %d: %w", r.path, at.kind, at.number, fmt.Errorf(format, args...)))
}

// decode reads the syntax and tells whether the text is worth more reading. Its
// faults show no value: one of them might be a key.
func (r *laneReader) decode(text []byte) bool {
	decoder := toml.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(&r.text)
	if unknown, ok := errors.AsType[*toml.StrictMissingError](err); ok {
		for _, field := range unknown.Errors {
			r.broken(&field, "there is no such field")
		}
		return true
	}
	if wrong, ok := errors.AsType[*toml.DecodeError](err); ok {
		what := strings.TrimPrefix(wrong.Error(), "toml: ")
		if strings.HasPrefix(what, "cannot decode") {
			what = "the value is of a wrong type"
		}
		r.broken(wrong, what)
		return false
	}
	if err != nil {
		r.faults = append(r.faults, fmt.Errorf("%s: %w", r.path, err))
	}
	return err == nil
}

// broken notes a fault at its line and column.
func (r *laneReader) broken(at *toml.DecodeError, what string) {
	line, column := at.Position()
	if key := strings.Join(at.Key(), "."); key != "" {
		what = key + ": " + what
	}
	r.faults = append(r.faults, fmt.Errorf("%s:%d:%d: %s", r.path, line, column, what))
}

// read makes lanes, budgets and weights of the text.
func (r *laneReader) read() {
	r.out.Path = r.path
	for i, p := range r.text.Provider {
		r.readProvider(entry{"provider", i + 1}, p)
	}
	r.out.Embed = r.embedders("embed", r.text.Embed)
	r.out.Next = r.embedders(nextEmbed, r.text.Next)
	tiers := map[string]int{}
	for i, g := range r.text.Generate {
		pool := cmp.Or(g.Name, g.Provider)
		lane := Lane{Pool: pool, Tier: tiers[pool], FastModel: g.FastModel, JSONMode: g.JSONMode}
		if g.FastPrice != nil {
			lane.FastPrice = new(g.FastPrice.price())
		}
		tiers[pool]++
		at := entry{"generate", i + 1}
		r.checkPool(at, g)
		r.checkJSONMode(at, g.Provider, g.JSONMode)
		r.out.Generate = append(r.out.Generate, r.lanes(at, g.entryText, lane)...)
	}
	for i, e := range r.text.Rerank {
		at := entry{"rerank", i + 1}
		r.checkRerank(at, e)
		lane := Lane{Tier: i, MaxDocuments: e.MaxDocuments, JSONMode: e.JSONMode}
		r.out.Rerank = append(r.out.Rerank, r.lanes(at, e.entryText, lane)...)
	}
	r.readSpending()
}

// nextEmbed are entries that embed for another index.
const nextEmbed = "next_embed"

// embedders makes the lanes of entries that embed.
func (r *laneReader) embedders(kind string, entries []embedText) (lanes []Lane) {
	for i, e := range entries {
		at := entry{kind, i + 1}
		r.checkDimensions(at, e)
		lanes = append(lanes, r.lanes(at, e.entryText, Lane{Tier: i, Dimensions: e.Dimensions})...)
	}
	r.checkSpace(kind, entries)
	return lanes
}

// readProvider notes a provider under its name, and resolves its keys.
func (r *laneReader) readProvider(at entry, p providerText) {
	switch {
	case p.Name == "":
		r.fault(at, "name: a provider needs one")
	case !nameForm.MatchString(p.Name):
		r.fault(at, "name: %q has other signs than letters, digits, dot, dash and underscore", p.Name)
	case r.providers[p.Name] != nil:
		r.fault(at, "name: there is another %q", p.Name)
	}
	p.Protocol = cmp.Or(p.Protocol, p.Name)
	known := &laneProvider{providerText: p}
	r.providers[p.Name] = known
	r.checkProvider(at, p)
	for i, source := range p.Keys {
		key, err := r.key(source)
		for n, other := range known.keys {
			if err == nil && other == key {
				err = fmt.Errorf("it is the same as key %d", n+1)
			}
		}
		r.check(at, fmt.Sprintf("key %d", i+1), err)
		known.keys = append(known.keys, key)
	}
}

// key finds a key where the file says that it is: in a variable or in a file.
func (r *laneReader) key(source string) (Secret, error) {
	if name, ok := strings.CutPrefix(source, "$"); ok && variableForm.MatchString(name) {
		if value := r.variable(name); value != "" {
			return Secret(value), nil
		}
		return "", fmt.Errorf("the variable %s is not set", name)
	}
	path, ok := strings.CutPrefix(source, "file:")
	if !ok {
		return "", errors.New("write $NAME for a variable or file:PATH for a file, never the key itself")
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(r.path), path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	key := strings.TrimSpace(string(text))
	if key == "" || strings.ContainsAny(key, " \t\r\n") {
		return "", fmt.Errorf("%s does not hold one key and nothing else", path)
	}
	return Secret(key), nil
}

// lanes makes an entry's lanes: one for each of its provider's keys.
func (r *laneReader) lanes(at entry, e entryText, lane Lane) []Lane {
	r.checkEntry(at, e)
	p := r.provider(e.Provider)
	if p == nil {
		r.fault(at, "provider: there is no [[provider]] of the name %q", e.Provider)
		return nil
	}
	r.checkUse(at, e, p)
	lane.Provider, lane.Protocol = p.Name, p.Protocol
	lane.BaseURL, lane.APIVersion = p.BaseURL, p.APIVersion
	lane.Model, lane.ServedAs = e.Model, e.ServedAs
	lane.Limits = LaneLimits{e.RequestsPerMinute, e.TokensPerMinute, e.Concurrency}
	if e.Price != nil {
		lane.Price, lane.Priced = e.Price.price(), true
	}
	if len(p.keys) < 2 {
		lane.Key = cmp.Or(p.keys...)
		return []Lane{lane}
	}
	all := make([]Lane, len(p.keys))
	for i, key := range p.keys {
		all[i] = lane
		all[i].Key, all[i].KeyName = key, fmt.Sprintf("#%d", i+1)
	}
	return all
}

// provider returns the provider of a name, nil if there is none. Those of this
// process need no words.
func (r *laneReader) provider(name string) *laneProvider {
	if p := r.providers[name]; p != nil {
		return p
	}
	if name == MiniLM || name == Extractive {
		return &laneProvider{providerText: providerText{Name: name, Protocol: name}}
	}
	return nil
}

// readSpending reads budgets and weights.
func (r *laneReader) readSpending() {
	for i, b := range r.text.Budget {
		r.checkBudget(entry{"budget", i + 1}, b)
		r.out.Budgets = append(r.out.Budgets, ledger.Budget{
			Project: b.Project, Organization: b.Organization, Period: b.Period,
			Soft: ledger.FromDollars(b.Soft), Hard: ledger.FromDollars(b.Hard),
		})
	}
	for i, w := range r.text.Weight {
		at := entry{"weight", i + 1}
		r.checkWeight(at, w)
		if r.out.Weights == nil {
			r.out.Weights = map[string]float64{}
		}
		r.out.Weights[w.Project] = w.Weight
	}
}
