package compound

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kvasir/internal/parse/compound/compoundtest"
)

// sample has two storages, one in the other, small streams and a long one.
func sample() []compoundtest.Node {
	const none = compoundtest.None
	return []compoundtest.Node{
		{Name: "Root Entry", Kind: typeRoot, Left: none, Right: none, Child: 2},
		{Name: "a", Kind: typeStream, Left: none, Right: none, Child: none, Data: "first"},
		{Name: "Mail", Kind: typeStorage, Left: 1, Right: 5, Child: 3},
		{Name: "b", Kind: typeStream, Left: none, Right: 4, Child: none, Data: "second"},
		{Name: "inner", Kind: typeStorage, Left: none, Right: none, Child: 6},
		{Name: "long", Kind: typeStream, Left: none, Right: none, Child: none, Data: strings.Repeat("0123456789abcdef", 300)},
		{Name: "B", Kind: typeStream, Left: none, Right: none, Child: none, Data: "third"},
	}
}

func open(t testing.TB, data []byte) *File {
	t.Helper()
	f, err := Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestStreams(t *testing.T) {
	t.Parallel()
	f := open(t, compoundtest.Build(sample()))
	for path, want := range map[string]string{
		"a": "first", "mail/b": "second", "Mail/Inner/b": "third", "long": sample()[5].Data, "mail": "", "nothing": "",
	} {
		got, err := f.Stream(path)
		if err != nil || string(got) != want {
			t.Errorf("Stream(%q) = %q, %v; want %q", path, got, err, want)
		}
		if f.Has(path) != (want != "") {
			t.Errorf("Has(%q) = %v", path, f.Has(path))
		}
	}
	for path, want := range map[string][]string{
		"": {"Mail", "a", "long"}, "MAIL": {"b", "inner"}, "mail/inner": {"B"}, "mail/b": nil,
	} {
		if diff := cmp.Diff(want, f.Names(path)); diff != "" {
			t.Errorf("Names(%q) (-want +got):\n%s", path, diff)
		}
	}
}

// TestDirectoryOfLies has trees with cycles, numbers outside the directory, and
// streams that nothing leads to.
func TestDirectoryOfLies(t *testing.T) {
	t.Parallel()
	nodes := sample()
	nodes[3].Left, nodes[3].Right = 2, 1000 // the parent, nothing
	nodes[1].Right = 1
	f := open(t, compoundtest.Build(nodes))
	if got, err := f.Stream("mail/b"); err != nil || string(got) != "second" {
		t.Errorf("Stream = %q, %v", got, err)
	}
	if got, err := f.Stream("b"); err != nil || string(got) != "third" {
		t.Errorf("a stream in no storage = %q, %v; want it at the root", got, err)
	}
}

func TestDeepStorages(t *testing.T) {
	t.Parallel()
	path := strings.Repeat("s/", 500) + "x"
	f := open(t, compoundtest.Files(map[string]string{path: "deep", "long": strings.Repeat("x", 100_000)}))
	if n := len(f.names); n > maxDepth+2 {
		t.Errorf("%d storages were entered", n)
	}
}

func TestDamagedFiles(t *testing.T) {
	t.Parallel()
	good := compoundtest.Build(sample())
	for size := range len(good) {
		check(good[:size])
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		data := slices.Clone(good)
		for range 1 + rng.IntN(6) {
			data[rng.IntN(len(data))] = byte(rng.IntN(256))
		}
		check(data)
	}
}

// check reads all of a file, which must not take more than is in it.
func check(data []byte) {
	f, err := Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return
	}
	for path := range f.streams {
		if got, err := f.Stream(path); err == nil && len(got) > len(data) {
			panic("a stream is larger than its file")
		}
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(compoundtest.Build(sample()))
	f.Fuzz(func(_ *testing.T, data []byte) { check(data) })
}
