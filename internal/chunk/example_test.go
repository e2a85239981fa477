package chunk_test

import (
	"fmt"
	"strings"

	"kvasir/internal/chunk"
)

func ExampleSplit() {
	text := `# Tea

Green tea is not fermented. Black tea is.

## Storing

Keep it dry and dark. A tin with a lid that fits does both, and it lasts for years.
Glass lets in light. Paper lets in air. Plastic lends its taste to what is in it.
`
	count := func(text string) int { return len(strings.Fields(text)) }
	prefix := func(headings []string) string { return strings.Join(headings, " > ") + "\n\n" }
	for _, p := range chunk.Split(text, chunk.Options{Words: 20, MaxTokens: 24, CountTokens: count, Prefix: prefix}) {
		fmt.Println(p.Start, p.End, p.Headings, count(text[p.Start:p.End]))
	}
	// Output:
	// 0 50 [] 10
	// 50 146 [Tea] 21
	// 146 228 [Tea Storing] 17
}
