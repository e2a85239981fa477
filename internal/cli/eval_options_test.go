package cli

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sampleOptions has fields of every kind that options of a search have.
type sampleOptions struct {
	Fusion    string  `json:"fusion"`
	Diversity float64 `json:"diversity"`
	Rerank    *bool   `json:"rerank"`
	Recency   struct {
		Days   float64 `json:"half_life_days"`
		Weight float64 `json:"weight"`
	} `json:"recency"`
	Tags map[string]float64 `json:"tag_boosts"`
}

func TestOptionsAreReadByTheirNamesOnTheWire(t *testing.T) {
	t.Parallel()
	var got sampleOptions
	err := decodeOptions(
		"fusion=rrf,diversity=0.3,rerank=false,recency.half_life_days=30,recency.weight=1,tag_boosts.v1.2=2", &got)
	if err != nil {
		t.Fatal(err)
	}
	want := sampleOptions{
		Fusion: "rrf", Diversity: 0.3, Rerank: new(false), Tags: map[string]float64{"v1.2": 2},
	}
	want.Recency.Days, want.Recency.Weight = 30, 1
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWrongOptionsAreTold(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                           `"" is no option; they are written as`,
		"fusion":                     `"fusion" is no option`,
		"fusion=rrf,":                `"" is no option`,
		"=rrf":                       `"=rrf" is no option`,
		"colour=red":                 `there is no option "colour"`,
		"recency.size=1":             `there is no option "size"`,
		"diversity=much":             "diversity cannot be a string",
		"fusion=1":                   "fusion cannot be a number",
		"diversity=0.1,diversity=1":  "diversity is there twice",
		"recency=1,recency.weight=1": "recency has a value of its own already",
		"recency=[1]":                "recency cannot be a string",
	} {
		var got sampleOptions
		if err := decodeOptions(text, &got); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("decodeOptions(%q): %v, want %q", text, err, want)
		}
	}
}
