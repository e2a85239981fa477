package dispatch_test

import (
	"math"
	"math/rand/v2"
	"strconv"
	"testing"

	"kvasir/internal/dispatch"
	"kvasir/internal/llm"
)

// TestSharesNeverAddUpToMore lets nodes come, go and want more or less, in any order:
// what they are held to is never more than the lane has, and when nothing changes any
// more, each has what it should have.
func TestSharesNeverAddUpToMore(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	stored := map[string]llm.LaneShare{} // the table
	held := map[string]float64{}         // what each node really keeps to
	demand := map[string]float64{}
	beat := func(node string) {
		var all []llm.LaneShare
		for _, s := range stored {
			all = append(all, s)
		}
		mine := []llm.LaneShare{{Lane: "l", Node: node, Demand: demand[node], Share: held[node]}}
		granted, due := dispatch.Divide(mine, all)
		stored[node] = granted[0]
		held[node] = due[0].Share
	}
	check := func(step int) {
		sum := 0.0
		for _, s := range held {
			sum += s
		}
		if sum > 1+1e-9 {
			t.Fatalf("step %d: %v of the lane is used: %v", step, sum, held)
		}
	}
	for step := range 20_000 {
		node := strconv.Itoa(random.IntN(8))
		switch random.IntN(20) {
		case 0:
			delete(stored, node)
			delete(held, node)
			delete(demand, node)
		case 1:
			demand[node] = random.Float64() * 1000
		default:
			if _, there := demand[node]; !there {
				demand[node] = 0
			}
			beat(node)
		}
		check(step)
	}
	for range 50 {
		for node := range demand {
			beat(node)
		}
	}
	total := 0.0
	for _, d := range demand {
		total += d
	}
	for node, d := range demand {
		want := 0.2/float64(len(demand)) + 0.8*d/total
		if math.Abs(held[node]-want) > 1e-6 {
			t.Errorf("a node that wants %v of %v has %v, want %v", d, total, held[node], want)
		}
	}
}
