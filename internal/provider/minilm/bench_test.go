package minilm

import (
	"fmt"
	"strings"
	"testing"

	"kvasir/internal/llm"
)

// BenchmarkTokenizer measures counting, which chunking does all the time.
func BenchmarkTokenizer(b *testing.B) {
	v, err := installed(b).vocabulary()
	if err != nil {
		b.Fatal(err)
	}
	for name, sentence := range map[string]string{
		"english": "The standing trustee must be familiar with the Bankruptcy Code, and local practice. ",
		"german":  "Die ständige Verwalterin muss mit dem Insolvenzgesetz und örtlichen Gebräuchen vertraut sein. ",
		"chinese": "常设受托人必须熟悉破产法和当地惯例。",
		"noise":   "dGhlIHN0YW5kaW5nIHRydXN0ZWUgbXVzdCBiZSBmYW1pbGlhciB3aXRoIHRoZSBiYW5rcnVwdGN5IGNvZGU ",
	} {
		b.Run(name, func(b *testing.B) {
			text := strings.Repeat(sentence, 100)
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				v.count(text)
			}
		})
	}
}

// BenchmarkEmbed measures one thread with each kind of kernel.
func BenchmarkEmbed(b *testing.B) {
	loaded, err := installed(b).model()
	if err != nil {
		b.Fatal(err)
	}
	for _, k := range supportedKernels() {
		for _, tokens := range []int{16, 128, 256} {
			b.Run(fmt.Sprintf("%s/%d", k.name, tokens), func(b *testing.B) {
				m := *loaded
				m.kernels = k
				sequences := make([][]int32, max(1, groupTokens/tokens))
				for i := range sequences {
					sequences[i] = make([]int32, tokens)
					for j := range sequences[i] {
						sequences[i][j] = int32(1000 + 7*j + i)
					}
				}
				s := &scratch{}
				texts := 0
				for b.Loop() {
					if _, err := m.embed(s, sequences); err != nil {
						b.Fatal(err)
					}
					texts += len(sequences)
				}
				b.ReportMetric(float64(texts)/b.Elapsed().Seconds(), "texts/s")
			})
		}
	}
}

// BenchmarkQuery measures how long a person waits for a vector.
func BenchmarkQuery(b *testing.B) {
	e := installed(b)
	req := llm.EmbedRequest{
		Texts: []string{"Who must be familiar with the Bankruptcy Code and with local practice?"}, Input: llm.InputQuery,
	}
	for b.Loop() {
		if _, err := e.Embed(b.Context(), req); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkStart measures what a server's start waits for, and its first text.
func BenchmarkStart(b *testing.B) {
	dir := modelDir(b)
	b.Run("new", func(b *testing.B) {
		for b.Loop() {
			if _, err := New(dir, nil); err != nil {
				b.Fatal(err)
			}
		}
	})
	for name, load := range map[string]func(*Embedder) error{
		"vocabulary": func(e *Embedder) error { _, err := e.vocabulary(); return err },
		"weights":    func(e *Embedder) error { _, err := e.model(); return err },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				e, err := New(dir, nil)
				if err != nil {
					b.Fatal(err)
				}
				if err := load(e); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
