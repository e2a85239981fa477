package minilm

import (
	"math"

	"kvasir/internal/llm"
)

// spareRows are rows behind the last that the kernel may read and write: it works
// on whole groups of rows.
const spareRows = 2 * kernelRows

// An encoder runs texts through the model. It holds the memory for that, and is
// for one goroutine at a time.
type encoder struct {
	model *model

	x, qkv, context, step, middle []float32 // a row for each token
	scores, head                  []float32 // of one head of one text
	keys, values                  panel
}

// embed returns the mean of each text's last hidden states, of length 1.
func (e *encoder) embed(texts [][]int32) []llm.Vector {
	e.forward(texts)
	out := make([]llm.Vector, len(texts))
	row := 0
	for i, text := range texts {
		v := make(llm.Vector, hidden)
		for range text {
			for j, x := range e.x[row*hidden : (row+1)*hidden] {
				v[j] += x
			}
			row++
		}
		var squares float64
		for _, x := range v {
			squares += float64(x) * float64(x)
		}
		inv := float32(1 / math.Sqrt(squares))
		for j := range v {
			v[j] *= inv
		}
		out[i] = v
	}
	return out
}

// forward leaves the last hidden states in x, a row for each token, the texts one
// after the other without padding.
func (e *encoder) forward(texts [][]int32) {
	tokens, longest := 0, 0
	for _, text := range texts {
		tokens += len(text)
		longest = max(longest, len(text))
	}
	e.reserve(tokens, longest)
	e.lookUp(texts)
	for i := range e.model.layers {
		l := &e.model.layers[i]
		multiply(tokens, e.x, hidden, l.qkv, e.qkv, 3*hidden)
		addBias(tokens, e.qkv, l.qkvBias)
		row := 0
		for _, text := range texts {
			for head := range heads {
				e.attend(row, len(text), head)
			}
			row += len(text)
		}
		multiply(tokens, e.context, hidden, l.out, e.step, hidden)
		e.addStep(tokens, l.outBias, l.attentionScale, l.attentionShift)
		multiply(tokens, e.x, hidden, l.up, e.middle, inner)
		addBias(tokens, e.middle, l.upBias)
		for t := range tokens {
			gelu(e.middle[t*inner:(t+1)*inner], e.scores)
		}
		multiply(tokens, e.middle, inner, l.down, e.step, hidden)
		e.addStep(tokens, l.downBias, l.outputScale, l.outputShift)
	}
}

func (e *encoder) reserve(tokens, longest int) {
	rows := tokens + spareRows
	e.x, e.qkv, e.context = grow(e.x, rows*hidden), grow(e.qkv, rows*3*hidden), grow(e.context, rows*hidden)
	e.step, e.middle = grow(e.step, rows*hidden), grow(e.middle, rows*inner)
	e.scores = grow(e.scores, max((longest+spareRows)*roundUp(longest), inner)+kernelColumns)
	e.head = grow(e.head, (longest+spareRows)*headWidth)
}

func grow(b []float32, n int) []float32 {
	if cap(b) < n {
		return make([]float32, n)
	}
	return b[:n]
}

// lookUp puts the embeddings of the tokens into x.
func (e *encoder) lookUp(texts [][]int32) {
	m := e.model
	row := 0
	for _, text := range texts {
		for position, id := range text {
			x := e.x[row*hidden : (row+1)*hidden]
			word := m.words[int(id)*hidden : (int(id)+1)*hidden]
			place := m.positions[position*hidden : (position+1)*hidden]
			for i := range x {
				x[i] = word[i] + place[i] + m.kind[i]
			}
			normalise(x, m.scale, m.shift)
			row++
		}
	}
}

// attend computes one head of the attention of a text of n tokens from row on.
func (e *encoder) attend(row, n, head int) {
	base := e.qkv[row*3*hidden:]
	at := head * headWidth
	width := roundUp(n)
	e.keys.packTransposed(base[hidden+at:], n, headWidth, 3*hidden)
	multiply(n, base[at:], 3*hidden, &e.keys, e.scores, width)
	for t := range n {
		softmax(e.scores[t*width : t*width+n])
	}
	e.values.pack(base[2*hidden+at:], n, headWidth, 3*hidden)
	multiply(n, e.scores, width, &e.values, e.head, headWidth)
	for t := range n {
		to := (row+t)*hidden + at
		copy(e.context[to:to+headWidth], e.head[t*headWidth:])
	}
}

// addStep adds a step's result to x and normalises it.
func (e *encoder) addStep(tokens int, bias, scale, shift []float32) {
	for t := range tokens {
		x, step := e.x[t*hidden:(t+1)*hidden], e.step[t*hidden:(t+1)*hidden]
		for i, b := range bias {
			x[i] += step[i] + b
		}
		normalise(x, scale, shift)
	}
}

func addBias(rows int, x, bias []float32) {
	for t := range rows {
		row := x[t*len(bias) : (t+1)*len(bias)]
		for i, b := range bias {
			row[i] += b
		}
	}
}

// attentionScale, 1/sqrt(headWidth), keeps dot products of heads within what
// softmax can tell apart.
const attentionScale = 0.17677669529663687

// softmax scales a row of scores and turns it into weights that sum to 1.
func softmax(row []float32) {
	top := row[0]
	for _, v := range row {
		top = max(top, v)
	}
	for i, v := range row {
		row[i] = (v - top) * attentionScale
	}
	exp(row)
	var sum float32
	for _, v := range row {
		sum += v
	}
	inv := 1 / sum
	for i := range row {
		row[i] *= inv
	}
}

// gelu is x times the normal distribution's function of x, by the error function
// of Abramowitz and Stegun, 7.1.26 (off by less than 1.5e-7). It uses tmp.
func gelu(x, tmp []float32) {
	tmp = tmp[:len(x)]
	for i, v := range x {
		tmp[i] = -0.5 * v * v
	}
	exp(tmp)
	for i, v := range x {
		z := max(v, -v) * (1 / math.Sqrt2)
		t := 1 / (1 + 0.3275911*z)
		erf := 1 - ((((1.061405429*t-1.453152027)*t+1.421413741)*t-0.284496736)*t+0.254829592)*t*tmp[i]
		if v < 0 {
			erf = -erf
		}
		x[i] = 0.5 * v * (1 + erf)
	}
}
