package minilm

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
)

// maxHeaderBytes bounds the header of a weights file; that of MiniLM has 11 KB.
const maxHeaderBytes = 16 << 20

// tensors is a safetensors file: a JSON header that says where each tensor lies,
// and the numbers. Nothing in it is trusted: a tensor that does not fit into the
// file, or whose length does not match its shape, is refused before memory is
// taken for it.
type tensors struct {
	r      io.ReaderAt
	body   int64 // where the numbers begin
	size   int64 // of the numbers
	byName map[string]tensor
}

// A tensor is one entry of the header.
type tensor struct {
	Dtype   string   `json:"dtype"`
	Shape   []int64  `json:"shape"`
	Offsets [2]int64 `json:"data_offsets"`
}

// openTensors reads the header of a file of the given size.
func openTensors(r io.ReaderAt, size int64) (*tensors, error) {
	var prefix [8]byte
	if _, err := r.ReadAt(prefix[:], 0); err != nil {
		return nil, fmt.Errorf("read length of header: %w", err)
	}
	n := binary.LittleEndian.Uint64(prefix[:])
	if n > maxHeaderBytes || int64(n) > size-int64(len(prefix)) {
		return nil, fmt.Errorf("a header of %d bytes in a file of %d", n, size)
	}
	header := make([]byte, n)
	if _, err := r.ReadAt(header, int64(len(prefix))); err != nil {
		return nil, fmt.Errorf("read header: %w", err)
	}
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(header, &raw); err != nil {
		return nil, fmt.Errorf("parse header: %w", err)
	}
	delete(raw, "__metadata__")
	body := int64(len(prefix)) + int64(n)
	f := &tensors{r: r, body: body, size: size - body, byName: make(map[string]tensor, len(raw))}
	for name, entry := range raw {
		var t tensor
		if err := json.Unmarshal(entry, &t); err != nil {
			return nil, fmt.Errorf("parse header of %q: %w", name, err)
		}
		if t.Offsets[0] < 0 || t.Offsets[1] < t.Offsets[0] || t.Offsets[1] > f.size {
			return nil, fmt.Errorf("tensor %q lies at %v of %d bytes; the file is cut short or damaged",
				name, t.Offsets, f.size)
		}
		f.byName[name] = t
	}
	return f, nil
}

// shape returns the dimensions of a tensor, nil if there is none of that name.
func (f *tensors) shape(name string) []int64 { return f.byName[name].Shape }

// bytes reads a tensor as it is stored. buf is used if it is long enough. half
// tells whether the numbers are 16-bit floats rather than 32-bit ones.
func (f *tensors) bytes(buf []byte, name string, shape ...int64) (data []byte, half bool, err error) {
	t, ok := f.byName[name]
	if !ok {
		return nil, false, fmt.Errorf("no tensor %q", name)
	}
	if !slices.Equal(t.Shape, shape) {
		return nil, false, fmt.Errorf("tensor %q has the shape %v, want %v", name, t.Shape, shape)
	}
	width := map[string]int64{"F16": 2, "F32": 4}[t.Dtype]
	if width == 0 {
		return nil, false, fmt.Errorf("tensor %q is of type %q; only F16 and F32 can be read", name, t.Dtype)
	}
	length := t.Offsets[1] - t.Offsets[0]
	if want, ok := product(width, shape, length); !ok || want != length {
		return nil, false, fmt.Errorf("tensor %q has %d bytes for %s of shape %v", name, length, t.Dtype, shape)
	}
	data = slices.Grow(buf[:0], int(length))[:length]
	if _, err := f.r.ReadAt(data, f.body+t.Offsets[0]); err != nil {
		return nil, false, fmt.Errorf("read tensor %q: %w", name, err)
	}
	return data, width == 2, nil
}

// product multiplies n by every dimension and reports whether none is below 1 and
// the result is at most limit.
func product(n int64, shape []int64, limit int64) (int64, bool) {
	for _, d := range shape {
		if d < 1 || n > limit/d {
			return 0, false
		}
		n *= d
	}
	return n, true
}

// decode turns stored numbers, little-endian, into floats.
func decode(dst []float32, src []byte, half bool) {
	if half {
		for i := range dst {
			dst[i] = fromHalf(binary.LittleEndian.Uint16(src[2*i:]))
		}
		return
	}
	for i := range dst {
		dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:]))
	}
}

// fromHalf widens a 16-bit float. The exponent is moved by a multiplication, which
// is right for subnormal numbers too.
func fromHalf(h uint16) float32 {
	const exponent = 0x7c00
	bits := uint32(h&0x7fff) << 13
	if h&exponent == exponent {
		bits |= 0xff << 23 // infinity, or not a number
	} else {
		bits = math.Float32bits(math.Float32frombits(bits) * 0x1p112)
	}
	return math.Float32frombits(bits | uint32(h>>15)<<31)
}
