package minilm

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// near reports whether two numbers agree as well as sums of single precision do.
func near(a, b float64) bool { return math.Abs(a-b) <= 1e-5*(1+math.Abs(a)+math.Abs(b)) }

func randomFloats(rng *rand.Rand, n int) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(rng.NormFloat64())
	}
	return out
}

func TestKernelsAgreeWithPlainMultiplication(t *testing.T) {
	t.Parallel()
	for _, k := range supportedKernels() {
		for _, size := range []struct{ rows, depth, width int }{
			{1, 1, 1}, {1, 32, 32}, {2, 3, 5}, {4, 64, 31}, {5, 7, 33}, {6, 32, 64}, {8, 16, 96}, {9, 40, 32},
			{11, 17, 64}, {12, 32, 96}, {13, 64, 40}, {16, 96, 64}, {48, 8, 32}, {49, 5, 70}, {100, 33, 97},
		} {
			t.Run(fmt.Sprintf("%s %dx%dx%d", k.name, size.rows, size.depth, size.width), func(t *testing.T) {
				t.Parallel()
				rng := rand.New(rand.NewPCG(uint64(size.rows), uint64(size.width)))
				a := matrix{randomFloats(rng, (size.rows+slack)*(size.depth+3)), size.depth + 3}
				w := matrix{randomFloats(rng, size.width*size.depth), size.depth}
				p := newPanel(size.depth, size.width)
				p.setColumns(0, w, size.width)
				copy(p.bias, randomFloats(rng, size.width))
				stride := roundUp(size.width, strip)
				c := matrix{randomFloats(rng, (size.rows+slack)*stride), stride}
				k.mul(size.rows, a, p, c)
				for i := range size.rows {
					for j := range size.width {
						want := float64(p.bias[j])
						for d := range size.depth {
							want += float64(a.row(i, size.depth)[d]) * float64(w.row(j, size.depth)[d])
						}
						if got := float64(c.row(i, stride)[j]); !near(got, want) {
							t.Fatalf("c[%d][%d] = %v, want %v", i, j, got, want)
						}
					}
				}
			})
		}
	}
}

func TestRowsAndColumnsMakeTheSamePanel(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(3, 4))
	const depth, width = 7, 64
	rows := matrix{randomFloats(rng, depth*width), width}
	columns := matrix{make([]float32, width*depth), depth}
	for i := range depth {
		for j := range width {
			columns.data[j*depth+i] = rows.data[i*width+j]
		}
	}
	byRows, byColumns := newPanel(depth, width), newPanel(depth, width)
	byRows.setRows(rows)
	byColumns.setColumns(0, columns, width)
	for i := range byRows.data {
		if byRows.data[i] != byColumns.data[i] {
			t.Fatalf("number %d is %v by rows and %v by columns", i, byRows.data[i], byColumns.data[i])
		}
	}
}

func TestGELU(t *testing.T) {
	t.Parallel()
	for _, k := range supportedKernels() {
		x := make([]float32, 0, 8000)
		for v := float32(-12); len(x) < cap(x); v += 24.0 / 8000 {
			x = append(x, v)
		}
		x[0], x[1], x[2] = 0, -1e30, 1e30
		got := append([]float32(nil), x...)
		k.gelu(got)
		for i, v := range x {
			want := 0.5 * float64(v) * math.Erfc(-float64(v)/math.Sqrt2)
			if math.Abs(float64(got[i])-want) > 1e-6*(1+math.Abs(want)) {
				t.Fatalf("%s: gelu(%v) = %v, want %v", k.name, v, got[i], want)
			}
		}
	}
}

func TestSoftmax(t *testing.T) {
	t.Parallel()
	inf := float32(math.Inf(-1))
	tests := []struct {
		name  string
		x     []float32
		scale float32
	}{
		{"all alike", []float32{3, 3, 3, 3, 3, 3, 3, 3}, 0.5},
		{"one of eight", []float32{7, inf, inf, inf, inf, inf, inf, inf}, 0.2},
		{"one rules", []float32{1000, -1000, 0, 5, 999, 1, 2, 3}, 1},
		{"large and negative", []float32{-1e6, -1e6 + 1, -1e6 + 2, -1e6 + 3, inf, inf, inf, inf}, 1},
		{"long", randomFloats(rand.New(rand.NewPCG(5, 6)), 256), 3},
	}
	for _, k := range supportedKernels() {
		for _, tt := range tests {
			t.Run(k.name+" "+tt.name, func(t *testing.T) {
				t.Parallel()
				var sum float64
				most := math.Inf(-1)
				for _, v := range tt.x {
					most = max(most, float64(v))
				}
				for _, v := range tt.x {
					sum += math.Exp(float64(tt.scale) * (float64(v) - most))
				}
				got := append([]float32(nil), tt.x...)
				k.softmax(got, tt.scale)
				for i, v := range tt.x {
					want := math.Exp(float64(tt.scale)*(float64(v)-most)) / sum
					if math.Abs(float64(got[i])-want) > 1e-6 {
						t.Errorf("share of %v is %v, want %v", v, got[i], want)
					}
				}
			})
		}
	}
}
