package exchange

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kvasir/internal/llm"
)

func base64Of(numbers ...float32) string {
	var b []byte
	for _, n := range numbers {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(n))
	}
	return `"` + base64.StdEncoding.EncodeToString(b) + `"`
}

func TestVectorReadsBothForms(t *testing.T) {
	t.Parallel()
	want := Vector{1, -0.5, 3.25}
	escaped := strings.ReplaceAll(base64Of(want...), "/", `\/`)
	for _, in := range []string{"[1, -0.5, 3.25e0]", base64Of(want...), escaped} {
		var got Vector
		if err := json.Unmarshal([]byte(in), &got); err != nil {
			t.Fatalf("decode %s: %v", in, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("decode %s (-want +got):\n%s", in, diff)
		}
	}
}

func TestVectorRefusesWhatIsNoVector(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, in, want string }{
		{"null", "null", "not finite"},
		{"a null among numbers", "[1, null]", "not finite"},
		{"NaN in base64", base64Of(1, float32(math.NaN())), "not finite"},
		{"infinity in base64", base64Of(float32(math.Inf(-1))), "not finite"},
		{"a number too large", "[1e39]", "not finite"},
		{"words", `["a"]`, "neither numbers"},
		{"an object", `{}`, "neither numbers"},
		{"no base64", `"a-b"`, "illegal base64"},
		{"half a number", `"AAAAAAA="`, "5 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var v Vector
			if err := json.Unmarshal([]byte(tt.in), &v); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("decode %s: %v, want %q", tt.in, err, tt.want)
			}
		})
	}
}

func TestVectorsAreOrderedByIndex(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, data string
		dimensions int
		want       []llm.Vector
		err        string
	}{
		{"in order", `[{"index": 0, "embedding": [1]}, {"index": 1, "embedding": [2]}]`, 0, []llm.Vector{{1}, {2}}, ""},
		{"out of order", `[{"index": 1, "embedding": [2]}, {"index": 0, "embedding": [1]}]`, 1, []llm.Vector{{1}, {2}}, ""},
		{"without indexes", `[{"embedding": [1]}, {"embedding": [2]}]`, 0, []llm.Vector{{1}, {2}}, ""},
		{"too few", `[{"index": 0, "embedding": [1]}]`, 0, nil, "1 vectors for 2 texts"},
		{"twice", `[{"index": 0, "embedding": [1]}, {"index": 0, "embedding": [2]}]`, 0, nil, "index 0"},
		{"out of range", `[{"index": 0, "embedding": [1]}, {"index": 2, "embedding": [2]}]`, 0, nil, "index 2"},
		{"negative", `[{"index": -1, "embedding": [1]}, {"index": 1, "embedding": [2]}]`, 0, nil, "index -1"},
		{"empty", `[{"index": 0, "embedding": []}, {"index": 1, "embedding": [2]}]`, 0, nil, "vector 0 is empty"},
		{"uneven", `[{"index": 0, "embedding": [1]}, {"index": 1, "embedding": [2, 3]}]`, 0, nil, "1 and 2 dimensions"},
		{
			"not as asked", `[{"index": 0, "embedding": [1]}, {"index": 1, "embedding": [2]}]`, 8, nil,
			"1 dimensions instead of 8",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var answer Embeddings
			if err := answer.read([]byte(`{"data": ` + tt.data + `}`)); err != nil {
				t.Fatal(err)
			}
			var d Dimensions
			d.Given(tt.dimensions)
			got, err := answer.Vectors(2, &d)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("Vectors(%s): %v, want %q", tt.data, err, tt.err)
				}
				return
			}
			if diff := cmp.Diff(tt.want, got); err != nil || diff != "" {
				t.Errorf("Vectors(%s): %v (-want +got):\n%s", tt.data, err, diff)
			}
		})
	}
}

func TestDimensionsAreLearnedOnceAndNotFromBadAnswers(t *testing.T) {
	t.Parallel()
	var d Dimensions
	if err := d.Check([]llm.Vector{{1, 2, 3}, {1}}); err == nil || d.Known() != 0 {
		t.Fatalf("Check(uneven) = %v and learned %d", err, d.Known())
	}
	if err := d.Check([]llm.Vector{{1, 2}}); err != nil || d.Known() != 2 {
		t.Fatalf("Check(first) = %v and learned %d, want 2", err, d.Known())
	}
	if err := d.Check([]llm.Vector{{1, 2, 3}}); err == nil || d.Known() != 2 {
		t.Errorf("Check(another length) = %v and knows %d, want an error and 2", err, d.Known())
	}
}

func TestScores(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		in   []Score
		want []float64
		err  string
	}{
		{"in order of the documents", []Score{{1, 0.9}, {0, 0.1}}, []float64{0.1, 0.9}, ""},
		{"rounded over the edge", []Score{{0, 1.0000001}, {1, -0.0000001}}, []float64{1, 0}, ""},
		{"a raw logit", []Score{{0, 7.3}, {1, 0}}, nil, "score 7.3 of document 0 is not between 0 and 1"},
		{"one missing", []Score{{0, 1}}, nil, "1 scores for 2 documents"},
		{"one twice", []Score{{1, 1}, {1, 1}}, nil, "index 1"},
		{"out of range", []Score{{0, 1}, {2, 1}}, nil, "index 2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := Scores(tt.in, 2)
			if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Fatalf("Scores(%v): %v, want %q", tt.in, err, tt.err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("Scores(%v) (-want +got):\n%s", tt.in, diff)
			}
		})
	}
}

// What is lifted out of an answer must come back as it was, wherever it stood.
func TestLongVectorsInAnyForm(t *testing.T) {
	t.Parallel()
	numbers := make([]float32, 300)
	for i := range numbers {
		numbers[i] = float32(i)/7 - 20
	}
	list, err := json.Marshal(numbers)
	if err != nil {
		t.Fatal(err)
	}
	spaced := strings.ReplaceAll(strings.Replace(string(list), "[", "[\n  ", 1), ",", " ,\n")
	text := base64Of(numbers...)
	escaped := strings.ReplaceAll(text, "/", `\/`)
	noise := `"` + strings.Repeat(`[1, 2] \" \\`, 50) + `"`
	tests := []struct{ name, answer string }{
		{"base64", `{"data": [{"embedding": ` + text + `}, {"embedding": ` + text + `}]}`},
		{"base64 with escapes", `{"data": [{"embedding": ` + escaped + `}, {"embedding": ` + text + `}]}`},
		{"numbers", `{"data": [{"embedding": ` + string(list) + `}, {"embedding": ` + spaced + `}]}`},
		{"Gemini", `{"embeddings": [{"values": ` + string(list) + `}, {"values": ` + spaced + `}]}`},
		{"among other texts", `{"model": ` + noise + `, "data": [{"object": ` + noise + `, "embedding": ` + text +
			`}, {"embedding": ` + text + `, "more": [[], [` + noise + `], ` + string(list) + `]}]}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var answer Embeddings
			var d Dimensions
			if err := answer.read([]byte(tt.answer)); err != nil {
				t.Fatal(err)
			}
			got, err := answer.Vectors(2, &d)
			if diff := cmp.Diff([]llm.Vector{numbers, numbers}, got); err != nil || diff != "" {
				t.Errorf("Vectors: %v (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestNumbersAreRead(t *testing.T) {
	t.Parallel()
	for _, in := range []string{
		"0", "-0.5", "0.012345678", "-0.0123456789012345678901", "1e-3", "12345678901234567890", "3.4028235e38", "1.5E+2",
		"0.1", "16777217", "9999999999999999999", "1.401298464324817e-45", "0.00000000000000001",
	} {
		want, err := strconv.ParseFloat(in, 32)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := readNumber("\n " + in + " "); err != nil || got != float32(want) {
			t.Errorf("readNumber(%s) = %g, %v, want %g", in, got, err, want)
		}
	}
	for _, in := range []string{"", "-", ".", "1.2.3", "--1", "1-", "NaN", "-inf", "1e99", "null", "a", "0x"} {
		if got, err := readNumber(in); err == nil {
			t.Errorf("readNumber(%q) = %g", in, got)
		}
	}
}

// Lifting must not turn what is no JSON into an answer, nor an answer into
// another.
func FuzzEmbeddings(f *testing.F) {
	long := base64Of(make([]float32, 300)...)
	f.Add([]byte(`{"data": [{"index": 0, "embedding": ` + long + `}], "usage": {"total_tokens": 3}}`))
	f.Add([]byte(`{"embeddings": [{"values": [1, -2.5e-3` + strings.Repeat(", 0.25", 60) + `]}]}`))
	f.Add([]byte(`{"data": [{"embedding": "@0"}, {"embedding": [1,]}, {"embedding": ["a"]}]}`))
	f.Add([]byte(`{"data": [{"embedding": "` + strings.Repeat("A", 300)))
	f.Fuzz(func(t *testing.T, data []byte) {
		var answer Embeddings
		if answer.read(data) != nil {
			return
		}
		var plain struct {
			Data       []struct{ Embedding json.RawMessage }
			Embeddings []struct{ Values json.RawMessage }
		}
		if err := json.Unmarshal(data, &plain); err != nil {
			// An array of numbers is read more loosely than JSON has it, and one with
			// other things in it is not looked into.
			if !strings.Contains(string(data), "[") {
				t.Errorf("read(%q) succeeds on what is no JSON: %v", data, err)
			}
			return
		}
		if got, want := len(answer.vectors), len(plain.Data)+len(plain.Embeddings); got != want {
			t.Errorf("read(%q) finds %d vectors, want %d", data, got, want)
		}
	})
}

func BenchmarkEmbeddings(b *testing.B) {
	numbers := make([]float32, 1536)
	for i := range numbers {
		numbers[i] = float32(i) / 1536
	}
	for _, form := range []string{"base64", "numbers"} {
		b.Run(form, func(b *testing.B) {
			vector := base64Of(numbers...)
			if form == "numbers" {
				data, err := json.Marshal(numbers)
				if err != nil {
					b.Fatal(err)
				}
				vector = string(data)
			}
			answer := []byte(`{"data": [` + strings.Repeat(`{"embedding": `+vector+`},`, 63) + `{"embedding": ` + vector + `}]}`)
			b.SetBytes(int64(len(answer)))
			b.ReportAllocs()
			for b.Loop() {
				var out Embeddings
				var d Dimensions
				if err := out.read(answer); err != nil {
					b.Fatal(err)
				}
				if _, err := out.Vectors(64, &d); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
