package minilm

import "math"

const (
	kernelRows    = 6  // rows that the assembly kernel computes at once
	kernelColumns = 16 // columns of a strip
	// hotRows of the left matrix stay in the cache while all strips pass by.
	hotRows = 48
)

// A panel is a matrix packed for the kernel: strips of 16 columns, each strip row
// by row, so that the kernel reads memory in order. Missing columns are zero.
type panel struct {
	rows, columns int
	strips        []float32
}

func roundUp(n int) int { return (n + kernelColumns - 1) / kernelColumns * kernelColumns }

func (p *panel) resize(rows, columns int) {
	p.rows, p.columns = rows, columns
	p.strips = grow(p.strips, roundUp(columns)*rows)
}

// packTransposed packs the transpose of w, which has n rows of k values, each row
// ld values after the one before. It returns p.
func (p *panel) packTransposed(w []float32, n, k, ld int) *panel {
	p.resize(k, n)
	for s := 0; s < n; s += kernelColumns {
		strip := p.strips[s*k : (s+kernelColumns)*k]
		if s+kernelColumns > n {
			clear(strip)
		}
		for c := range min(kernelColumns, n-s) {
			for i, v := range w[(s+c)*ld : (s+c)*ld+k] {
				strip[i*kernelColumns+c] = v
			}
		}
	}
	return p
}

// pack packs b as it is: k rows of n values, n a multiple of 16.
func (p *panel) pack(b []float32, k, n, ld int) {
	p.resize(k, n)
	for s := 0; s < n; s += kernelColumns {
		strip := p.strips[s*k:]
		for i := range k {
			copy(strip[i*kernelColumns:(i+1)*kernelColumns], b[i*ld+s:])
		}
	}
}

// multiply computes c = a * p for m rows of a. The rows up to the next multiple
// of 6 must be there in a and c, and c's rows must have room for whole strips.
func multiply(m int, a []float32, lda int, p *panel, c []float32, ldc int) {
	if !fastKernels {
		multiplyPlain(m, a, lda, p, c, ldc)
		return
	}
	k := p.rows
	for from := 0; from < m; from += hotRows {
		to := min(from+hotRows, (m+kernelRows-1)/kernelRows*kernelRows)
		for s := 0; s < p.columns; s += kernelColumns {
			strip := &p.strips[s*k]
			for i := from; i < to; i += kernelRows {
				kern6x16(k, &a[i*lda], lda*4, strip, &c[i*ldc+s], ldc*4)
			}
		}
	}
}

// multiplyPlain is multiply for processors without a kernel.
func multiplyPlain(m int, a []float32, lda int, p *panel, c []float32, ldc int) {
	k := p.rows
	for s := 0; s < p.columns; s += kernelColumns {
		strip := p.strips[s*k : (s+kernelColumns)*k]
		for i := range m {
			var low, high [kernelColumns / 2]float32
			for j, v := range a[i*lda : i*lda+k] {
				row := (*[kernelColumns]float32)(strip[j*kernelColumns:])
				for n := range low {
					low[n] += v * row[n]
					high[n] += v * row[n+kernelColumns/2]
				}
			}
			copy(c[i*ldc+s:], low[:])
			copy(c[i*ldc+s+kernelColumns/2:], high[:])
		}
	}
}

// exp replaces every value by e to its power. The assembly works on whole groups
// of 8, so it needs room behind the last.
func exp(x []float32) {
	const group = 8
	if n := (len(x) + group - 1) / group * group; fastKernels && cap(x) >= n && n > 0 {
		vexp(&x[:n][0], n)
		return
	}
	for i, v := range x {
		x[i] = float32(math.Exp(float64(v)))
	}
}
