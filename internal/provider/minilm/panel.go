package minilm

const (
	// strip is how many columns of a panel lie together. Two registers of AVX-512
	// hold a row of a strip, four of AVX2.
	strip = 32
	// slack is how many rows behind the last one a kernel may read and write. It
	// computes whole tiles; what lies there is garbage before and after.
	slack = 12
)

// A matrix is rows of floats, stride apart, in shared memory.
type matrix struct {
	data   []float32
	stride int
}

// at returns the part of m that begins at a row and column.
func (m matrix) at(row, column int) matrix {
	return matrix{m.data[row*m.stride+column:], m.stride}
}

// row returns the first n numbers of row i.
func (m matrix) row(i, n int) []float32 { return m.data[i*m.stride:][:n] }

// A panel is the right side of a product, depth x width, packed for the kernels:
// strips of 32 columns, each a run of depth short rows, which a kernel streams
// from front to back. The last strip is as wide as the others. A bias is added to
// each row of the product.
type panel struct {
	depth, width int
	data, bias   []float32
}

func newPanel(depth, width int) *panel {
	w := roundUp(width, strip)
	return &panel{depth: depth, width: width, data: make([]float32, depth*w), bias: make([]float32, w)}
}

// resize makes p a panel of other sizes with no bias, whose content is garbage.
func (p *panel) resize(depth, width int) {
	w := roundUp(width, strip)
	p.depth, p.width = depth, width
	p.data = resize(p.data, depth*w)
	p.bias = resize(p.bias, w) // nobody sets it, so it stays zero
}

// setColumns makes the first n rows of m columns of p, from column first on. So a
// linear map is stored in files, one row for each of its outputs.
func (p *panel) setColumns(first int, m matrix, n int) {
	for i := range n {
		column := first + i
		dst := p.data[column/strip*strip*p.depth+column%strip:]
		for j, v := range m.row(i, p.depth) {
			dst[j*strip] = v
		}
	}
}

// setRows makes p's rows those of m. The width is a multiple of a strip.
func (p *panel) setRows(m matrix) {
	for column := 0; column < p.width; column += strip {
		dst := p.data[column*p.depth:]
		for i := range p.depth {
			copy(dst[i*strip:(i+1)*strip], m.row(i, p.width)[column:])
		}
	}
}

// resize returns b with length n. Its content is garbage.
func resize(b []float32, n int) []float32 {
	if cap(b) < n {
		return make([]float32, n)
	}
	return b[:n]
}

// roundUp returns the smallest multiple of to that is at least n.
func roundUp(n, to int) int { return (n + to - 1) / to * to }
