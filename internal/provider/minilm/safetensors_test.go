package minilm

import (
	"bytes"
	"encoding/binary"
	"math"
	"strings"
	"testing"
)

// tensorFile is a file with the given header and as many zeros behind it.
func tensorFile(header string, body int) []byte {
	out := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(out, header...), make([]byte, body)...)
}

func TestOpenTensorsRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		file []byte
		want string
	}{
		{"an empty file", nil, "read length of header"},
		{"half a length", []byte{1, 0, 0}, "read length of header"},
		{"a header longer than the file", []byte{9, 0, 0, 0, 0, 0, 0, 0, '{', '}'}, "a header of 9 bytes in a file of 10"},
		{"a header of exabytes", bytes.Repeat([]byte{0xff}, 16), "a header of"},
		{"no JSON", tensorFile("hello", 0), "parse header"},
		{"a list", tensorFile("[]", 0), "parse header"},
		{"a tensor that is text", tensorFile(`{"a": "b"}`, 0), `parse header of "a"`},
		{"a fractional size", tensorFile(`{"a": {"shape": [1.5]}}`, 0), `parse header of "a"`},
		{"a size too large for a number", tensorFile(`{"a": {"shape": [99999999999999999999]}}`, 0), "parse header"},
		{"it begins before the file", tensorFile(`{"a": {"data_offsets": [-4, 0]}}`, 4), "cut short or damaged"},
		{"it ends behind the file", tensorFile(`{"a": {"data_offsets": [0, 5]}}`, 4), "cut short or damaged"},
		{"it ends before it begins", tensorFile(`{"a": {"data_offsets": [4, 0]}}`, 4), "cut short or damaged"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := openTensors(bytes.NewReader(tt.file), int64(len(tt.file)))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("openTensors = %v, want an error with %q", err, tt.want)
			}
		})
	}
}

func TestTensorBytesRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, entry string
		shape       []int64
		want        string
	}{
		{"another name", `"b": {}`, []int64{2}, `no tensor "a"`},
		{"another shape", `"a": {"dtype": "F16", "shape": [2, 1], "data_offsets": [0, 4]}`, []int64{2}, "the shape [2 1]"},
		{"another type", `"a": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}`, []int64{2}, "only F16 and F32"},
		{"too few bytes", `"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}`, []int64{2}, "has 4 bytes"},
		{"a size of zero", `"a": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}`, []int64{0}, "has 0 bytes"},
		{"a negative size", `"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}`, []int64{-1}, "has 4 bytes"},
		{
			"sizes whose product overflows",
			`"a": {"dtype": "F32", "shape": [4611686018427387904, 4], "data_offsets": [0, 0]}`,
			[]int64{1 << 62, 4}, "has 0 bytes",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			file := tensorFile("{"+tt.entry+"}", 8)
			ts, err := openTensors(bytes.NewReader(file), int64(len(file)))
			if err != nil {
				t.Fatal(err)
			}
			_, _, err = ts.bytes(nil, "a", tt.shape...)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("bytes = %v, want an error with %q", err, tt.want)
			}
		})
	}
}

func TestFromHalf(t *testing.T) {
	t.Parallel()
	for bits := range 1 << 16 {
		h := uint16(bits)
		exponent, fraction := int(h>>10&31), float64(h&0x3ff)
		want := math.Ldexp(1024+fraction, exponent-25)
		switch {
		case exponent == 0:
			want = math.Ldexp(fraction, -24)
		case exponent == 31 && fraction == 0:
			want = math.Inf(1)
		case exponent == 31:
			want = math.NaN()
		}
		if h>>15 == 1 {
			want = -want
		}
		got := fromHalf(h)
		if math.IsNaN(want) && math.IsNaN(float64(got)) {
			continue
		}
		if float64(got) != want || math.Signbit(float64(got)) != math.Signbit(want) {
			t.Fatalf("fromHalf(%#04x) = %v, want %v", h, got, want)
		}
	}
}

func FuzzTensors(f *testing.F) {
	whole := randomWeights(tinyShape, 1).file(f, "F16")
	f.Add(whole)
	f.Add(whole[:len(whole)/2])
	f.Add(tensorFile(`{"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}`, 8))
	f.Fuzz(func(t *testing.T, file []byte) {
		ts, err := openTensors(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			return
		}
		for name, entry := range ts.byName {
			data, half, err := ts.bytes(nil, name, entry.Shape...)
			if err != nil {
				continue
			}
			if len(data) > len(file) {
				t.Fatalf("tensor %q has %d bytes of a file of %d", name, len(data), len(file))
			}
			n := len(data) / 4
			if half {
				n = len(data) / 2
			}
			decode(make([]float32, n), data, half)
		}
		s, err := shapeOf(ts, modelConfig{Heads: tinyShape.heads, Epsilon: 1e-12})
		if err != nil {
			return
		}
		m, err := buildModel(ts, s)
		if err != nil {
			return
		}
		// Whatever can be loaded can be run.
		if v, err := m.embed(&scratch{}, [][]int32{{0, 0, 0}}); err == nil && len(v[0]) != s.hidden {
			t.Fatalf("a vector of %d numbers, want %d", len(v[0]), s.hidden)
		}
	})
}
