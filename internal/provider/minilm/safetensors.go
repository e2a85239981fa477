package minilm

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
)

// maxHeader bounds the description at the head of a safetensors file.
const maxHeader = 16 << 20

// tensors are the matrices of a safetensors file by name: their values in row
// order, as the file has them.
type tensors map[string][]float32

// readSafetensors reads the float tensors of a file. Every offset is checked:
// the file comes from outside.
func readSafetensors(file []byte) (tensors, error) {
	if len(file) < 8 {
		return nil, errors.New("safetensors: the file is too short")
	}
	n := binary.LittleEndian.Uint64(file)
	if n > uint64(len(file)-8) || n > maxHeader {
		return nil, fmt.Errorf("safetensors: a header of %d bytes", n)
	}
	var header map[string]json.RawMessage
	if err := json.Unmarshal(file[8:8+n], &header); err != nil {
		return nil, fmt.Errorf("safetensors: %w", err)
	}
	body := file[8+n:]
	out := tensors{}
	for name, raw := range header {
		if name == "__metadata__" {
			continue
		}
		var t tensor
		if err := json.Unmarshal(raw, &t); err != nil {
			return nil, fmt.Errorf("safetensors: %s: %w", name, err)
		}
		values, err := t.read(body)
		if err != nil {
			return nil, fmt.Errorf("safetensors: %s: %w", name, err)
		}
		out[name] = values
	}
	return out, nil
}

// A tensor is the description of one matrix.
type tensor struct {
	Type    string    `json:"dtype"`
	Shape   []int     `json:"shape"`
	Offsets [2]uint64 `json:"data_offsets"`
}

// read returns the tensor's values; none for types that hold no weights.
func (t tensor) read(body []byte) ([]float32, error) {
	if t.Offsets[0] > t.Offsets[1] || t.Offsets[1] > uint64(len(body)) {
		return nil, errors.New("its data is outside the file")
	}
	data := body[t.Offsets[0]:t.Offsets[1]]
	count := 1
	for _, d := range t.Shape {
		if d < 0 || d > len(body) || count > len(body) {
			return nil, fmt.Errorf("its shape is %v", t.Shape)
		}
		count *= d
	}
	switch {
	case t.Type == "F16" && len(data) == 2*count:
		out := make([]float32, count)
		for i := range out {
			out[i] = half(binary.LittleEndian.Uint16(data[2*i:]))
		}
		return out, nil
	case t.Type == "F32" && len(data) == 4*count:
		out := make([]float32, count)
		for i := range out {
			out[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
		}
		return out, nil
	case t.Type == "I64":
		return nil, nil // position numbers, which we count ourselves
	}
	return nil, fmt.Errorf("%d bytes of type %s for the shape %v", len(data), t.Type, t.Shape)
}

// half converts an IEEE 754 half.
func half(h uint16) float32 {
	sign, exponent, mantissa := uint32(h>>15)<<31, uint32(h>>10)&31, uint32(h)&0x3ff
	switch exponent {
	case 0:
		f := float32(mantissa) / (1 << 24)
		return math.Float32frombits(sign | math.Float32bits(f))
	case 31:
		return math.Float32frombits(sign | 0x7f800000 | mantissa<<13)
	}
	return math.Float32frombits(sign | (exponent+112)<<23 | mantissa<<13)
}
