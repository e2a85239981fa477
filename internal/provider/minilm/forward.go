package minilm

import (
	"fmt"
	"math"

	"kvasir/internal/llm"
)

// A scratch is the working memory of one group. It grows to the largest group and
// is used again.
type scratch struct {
	home chan *scratch // where it goes when it is free

	rows     []float32 // the state: one row a token
	qkv      []float32 // queries, keys and values side by side
	mixed    []float32 // what attention gives, and what a linear map gives
	inner    []float32 // a band of rows inside the feed-forward part
	scores   []float32 // attention of one head over one sequence
	keys     panel
	values   panel
	attended []float32
}

// band is how many rows go through the feed-forward part together: their wide
// inner rows then stay in the near cache.
const band = 96

func (s *scratch) fit(sh *shape, tokens, longest int) {
	rows := tokens + slack
	s.rows = resize(s.rows, rows*sh.hidden)
	s.qkv = resize(s.qkv, rows*3*sh.hidden)
	s.mixed = resize(s.mixed, rows*sh.hidden)
	s.attended = resize(s.attended, rows*sh.hidden)
	s.inner = resize(s.inner, (min(tokens, band)+slack)*sh.inner)
	s.scores = resize(s.scores, (longest+slack)*roundUp(longest, strip))
}

// embed returns one vector a sequence.
func (m *model) embed(s *scratch, sequences [][]int32) ([]llm.Vector, error) {
	m.forward(s, sequences)
	out := make([]llm.Vector, len(sequences))
	first := 0
	for i, ids := range sequences {
		out[i] = mean(matrix{s.rows, m.shape.hidden}.at(first, 0), len(ids))
		if out[i] == nil {
			return nil, fmt.Errorf("the weights make no vector of a text of %d tokens; they are damaged", len(ids))
		}
		first += len(ids)
	}
	return out, nil
}

// mean returns the mean of the first n rows of m, brought to length 1; nil if it
// has no direction.
func mean(m matrix, n int) llm.Vector {
	v := make(llm.Vector, m.stride)
	for i := range n {
		for j, x := range m.row(i, m.stride) {
			v[j] += x
		}
	}
	var square float64
	for _, x := range v {
		square += float64(x) * float64(x)
	}
	if !(square > 0) || math.IsInf(square, 0) {
		return nil
	}
	scale := float32(1 / math.Sqrt(square))
	for j := range v {
		v[j] *= scale
	}
	return v
}

// forward leaves in s.rows the last layer's row of each token of the sequences,
// which lie one after the other without padding.
func (m *model) forward(s *scratch, sequences [][]int32) {
	tokens, longest := 0, 0
	for _, ids := range sequences {
		tokens += len(ids)
		longest = max(longest, len(ids))
	}
	s.fit(&m.shape, tokens, longest)
	m.start(s, sequences)
	for i := range m.layers {
		l := &m.layers[i]
		m.attend(s, l, sequences, tokens)
		m.feed(s, l, tokens)
	}
}

// start makes the first state: word plus position.
func (m *model) start(s *scratch, sequences [][]int32) {
	h := m.shape.hidden
	next := 0
	for _, ids := range sequences {
		for at, id := range ids {
			row := s.rows[next : next+h]
			m.words.row(row, id)
			for j, p := range m.positions[at*h:][:h] {
				row[j] += p
			}
			m.norm.apply(row)
			next += h
		}
	}
}

// attend mixes the rows of each sequence by attention, and adds the result to them.
func (m *model) attend(s *scratch, l *layer, sequences [][]int32, tokens int) {
	h := m.shape.hidden
	state := matrix{s.rows, h}
	qkv, out := matrix{s.qkv, 3 * h}, matrix{s.attended, h}
	m.kernels.mul(tokens, state, l.qkv, qkv)
	first := 0
	for _, ids := range sequences {
		for head := range m.shape.heads {
			column := head * m.shape.head()
			m.head(s, qkv.at(first, column), out.at(first, column), len(ids))
		}
		first += len(ids)
	}
	mixed := matrix{s.mixed, h}
	m.kernels.mul(tokens, out, l.out, mixed)
	l.attended.addTo(state, mixed, tokens)
}

// head computes one head over one sequence of n tokens. Its queries are at the
// front of qkv, keys and values one and two widths further. What it writes behind
// the sequence's last row is overwritten by the next sequence.
func (m *model) head(s *scratch, qkv, out matrix, n int) {
	h, width := m.shape.hidden, m.shape.head()
	s.keys.resize(width, n)
	s.keys.setColumns(0, qkv.at(0, h), n)
	scores := matrix{s.scores, roundUp(n, strip)}
	m.kernels.mul(n, qkv, &s.keys, scores)
	scale := float32(1 / math.Sqrt(float64(width)))
	for i := range n {
		row := scores.row(i, roundUp(n, 8))
		for j := n; j < len(row); j++ {
			row[j] = float32(math.Inf(-1)) // no token, so no share
		}
		m.kernels.softmax(row, scale)
	}
	s.values.resize(n, width)
	s.values.setRows(qkv.at(0, 2*h))
	m.kernels.mul(n, scores, &s.values, out)
}

// feed runs every row through the feed-forward part, and adds the result to it.
func (m *model) feed(s *scratch, l *layer, tokens int) {
	state, mixed := matrix{s.rows, m.shape.hidden}, matrix{s.mixed, m.shape.hidden}
	inner := matrix{s.inner, m.shape.inner}
	for first := 0; first < tokens; first += band {
		n := min(band, tokens-first)
		m.kernels.mul(n, state.at(first, 0), l.up, inner)
		m.kernels.gelu(inner.data[:n*inner.stride])
		m.kernels.mul(n, inner, l.down, mixed.at(first, 0))
	}
	l.fed.addTo(state, mixed, tokens)
}

// A layerNorm shifts and scales a row to mean 0 and variance 1, and then by
// learned numbers.
type layerNorm struct {
	gain, bias []float32
	epsilon    float32
}

// addTo adds delta to the first n rows of m and normalises them.
func (l *layerNorm) addTo(m, delta matrix, n int) {
	for i := range n {
		row := m.row(i, len(l.gain))
		for j, d := range delta.row(i, len(row)) {
			row[j] += d
		}
		l.apply(row)
	}
}

func (l *layerNorm) apply(row []float32) {
	// Four sums at a time do not wait for each other. Widths are multiples of 32.
	var a, b, c, d float32
	for j := 0; j+4 <= len(row); j += 4 {
		x := (*[4]float32)(row[j:])
		a, b, c, d = a+x[0], b+x[1], c+x[2], d+x[3]
	}
	n := float32(len(row))
	mean := (a + b + c + d) / n
	a, b, c, d = 0, 0, 0, 0
	for j := 0; j+4 <= len(row); j += 4 {
		x := (*[4]float32)(row[j:])
		x[0], x[1], x[2], x[3] = x[0]-mean, x[1]-mean, x[2]-mean, x[3]-mean
		a, b, c, d = a+x[0]*x[0], b+x[1]*x[1], c+x[2]*x[2], d+x[3]*x[3]
	}
	scale := float32(1 / math.Sqrt(float64((a+b+c+d)/n+l.epsilon)))
	gain, bias := l.gain[:len(row)], l.bias[:len(row)]
	for j, x := range row {
		row[j] = x*scale*gain[j] + bias[j]
	}
}
