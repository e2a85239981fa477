package cli

import (
	"fmt"
	"strconv"
	"strings"

	"kvasir/internal/evaluate"
)

// A floor is what a measure must reach.
type floor struct {
	measure evaluate.Measure
	least   float64
}

// UnmarshalText reads ndcg@10=0.7.
func (f *floor) UnmarshalText(text []byte) error {
	name, number, _ := strings.Cut(string(text), "=")
	var err error
	if f.measure, err = evaluate.ParseMeasure(name); err != nil {
		return err
	}
	if f.least, err = strconv.ParseFloat(number, 64); err != nil {
		return fmt.Errorf("%q is no number; it is written as ndcg@10=0.7", number)
	}
	return nil
}

// judge fails if a measure of any run is below its floor.
func (e *evaluation) judge() error {
	under := false
	for i := range e.report.Runs {
		run := &e.report.Runs[i]
		for _, f := range e.FailUnder {
			got := run.Scores[f.measure.Name]
			if got >= f.least {
				continue
			}
			under = true
			e.err.printf("%s %s is %.4f with %s, below %v\n", e.err.red("failed"), f.measure.Name, got, named(run), f.least)
		}
	}
	if under {
		return errTold
	}
	return nil
}
