package evaluate

import (
	"encoding/json"
	"fmt"
	"io"
)

// A Report is all that was measured. It is kept as JSON, to be read by other
// programs, and by [ReadReport] as a later report's baseline.
type Report struct {
	Collection string  `json:"collection"` // its name, or that of the file of queries
	Server     Server  `json:"server"`
	Loaded     *Loaded `json:"loaded,omitempty"` // nil if the documents were there already
	Runs       []Run   `json:"runs"`             // one, or two that are compared
	Asking     Spent   `json:"asking"`           // by queries and questions

	// Comparison is that of the second run with the first, or of the only run with
	// that of the file that Baseline names; nil without either.
	Comparison *Comparison `json:"comparison,omitempty"`
	Baseline   string      `json:"baseline,omitempty"`
	Answers    *Answers    `json:"answers,omitempty"` // nil if no questions were asked

	// Interrupted is set if not everything was asked that should have been.
	Interrupted bool `json:"interrupted,omitempty"`
}

// A Server is what answered.
type Server struct {
	Version    string `json:"version"`
	Embeddings string `json:"embeddings"` // provider and model
	Answers    string `json:"answers"`
	Reranking  string `json:"reranking"`
}

// Loaded is what became of the documents.
type Loaded struct {
	Documents int     `json:"documents"`
	Unchanged int     `json:"unchanged"` // of them, that were there before
	Empty     int     `json:"empty"`     // of them, that have neither title nor text, and were left out
	Failed    int     `json:"failed"`
	Seconds   float64 `json:"seconds"` // until all could be found
	Spent     Spent   `json:"spent"`
}

// Spent is what a provider was asked for.
type Spent struct {
	Tokens  int64   `json:"tokens"`
	Dollars float64 `json:"dollars"`
}

// Since returns what was spent since an earlier sum.
func (s Spent) Since(before Spent) Spent {
	return Spent{Tokens: s.Tokens - before.Tokens, Dollars: s.Dollars - before.Dollars}
}

// ReadReport reads a report that was kept.
func ReadReport(r io.Reader) (*Report, error) {
	var report Report
	if err := json.NewDecoder(r).Decode(&report); err != nil {
		return nil, err
	}
	if len(report.Runs) == 0 {
		return nil, fmt.Errorf("this is no report of kvasir eval --json: it has no runs")
	}
	return &report, nil
}
