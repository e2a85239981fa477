package rank

// Diversify returns the order of limit items by maximal marginal relevance: each
// is the one of those left whose relevance, less what it has in common with the
// items before it, is greatest. Relevance is compared with the greatest there is.
// A diversity of 0 orders by relevance alone, 1 by being unlike what comes before;
// the first item is the most relevant one all the same. Of equals the earlier goes
// first. similar is from 0 to 1.
func Diversify(relevance []float64, diversity float64, limit int, similar func(i, j int) float64) []int {
	top := 0.0
	for _, r := range relevance {
		top = max(top, r)
	}
	if top <= 0 {
		top = 1
	}
	left := make([]int, len(relevance))
	common := make([]float64, len(relevance)) // the most with any item before
	for i := range left {
		left[i] = i
	}
	out := make([]int, 0, min(limit, len(left)))
	for len(out) < limit && len(left) > 0 {
		best := 0
		worth := func(i int) float64 {
			if len(out) == 0 {
				return relevance[i]
			}
			return (1-diversity)*relevance[i]/top - diversity*common[i]
		}
		for k := range left {
			if worth(left[k]) > worth(left[best]) {
				best = k
			}
		}
		chosen := left[best]
		left = append(left[:best], left[best+1:]...)
		out = append(out, chosen)
		for _, i := range left {
			common[i] = max(common[i], similar(i, chosen))
		}
	}
	return out
}
