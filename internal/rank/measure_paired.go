package rank

import (
	"math"
	"math/rand/v2"
)

const (
	// rounds is how many random assignments are tried where there are too many for
	// all: the standard error of a p of 0.05 is 0.002 then.
	rounds = 10_000
	// exactly is up to how many differences all assignments are tried: 2^13 is fewer
	// than rounds.
	exactly = 13
)

// RandomisationTest returns the two-sided p value of paired differences: how likely
// a mean at least as far from 0 is if each difference might as well have had the
// other sign. That is Fisher's randomisation test with the difference of means as its
// statistic, which Smucker, Allan and Carterette, "A comparison of statistical
// significance tests for information retrieval evaluation" (CIKM 2007), recommend for
// measures of retrieval: unlike Student's t it takes no shape for granted, and unlike
// the sign and Wilcoxon tests it agrees with the means that are compared.
//
// With few differences other than 0, all assignments of signs are counted. With more
// it is (b+1)/(n+1), where b of n random assignments are at least as extreme: counting
// what was observed as one of them, it is never 0 (Phipson and Smyth, "Permutation
// p-values should never be zero", 2010). The same differences give the same p.
func RandomisationTest(differences []float64) float64 {
	var moved []float64 // one of 0 is the same with either sign
	observed := 0.0
	for _, d := range differences {
		if d != 0 {
			moved = append(moved, d)
			observed += d
		}
	}
	observed = math.Abs(observed)
	// Sums of the same numbers differ in their last bits by the order of signs.
	least := observed - 1e-9*max(observed, 1)
	if len(moved) <= exactly {
		all, extreme := 1<<len(moved), 0
		for signs := range all {
			if math.Abs(signed(moved, uint64(signs))) >= least {
				extreme++
			}
		}
		return float64(extreme) / float64(all)
	}
	random := rand.New(rand.NewPCG(1, 2))
	extreme := 1
	for range rounds {
		sum := 0.0
		for rest := moved; len(rest) > 0; {
			n := min(len(rest), 64)
			sum += signed(rest[:n], random.Uint64())
			rest = rest[n:]
		}
		if math.Abs(sum) >= least {
			extreme++
		}
	}
	return float64(extreme) / float64(rounds+1)
}

// signed adds up to 64 numbers, each with the sign that its bit tells.
func signed(numbers []float64, signs uint64) float64 {
	sum := 0.0
	for i, n := range numbers {
		if signs>>i&1 == 1 {
			sum += n
		} else {
			sum -= n
		}
	}
	return sum
}
