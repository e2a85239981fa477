package compound

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
)

// A node is a line of the directory of a made file. Numbers are of other lines,
// none is -1.
type node struct {
	name               string
	kind               byte
	left, right, child int
	data               string
}

const none = -1

// sample has two storages, one in the other, small streams and a long one.
var sample = []node{
	{"Root Entry", typeRoot, none, none, 2, ""},
	{"a", typeStream, none, none, none, "first"},
	{"Mail", typeStorage, 1, 5, 3, ""},
	{"b", typeStream, none, 4, none, "second"},
	{"inner", typeStorage, none, none, 6, ""},
	{"long", typeStream, none, none, none, strings.Repeat("0123456789abcdef", 300)},
	{"B", typeStream, none, none, none, "third"},
}

// build returns a compound file with the given directory. Streams below 4 KB are in
// the mini stream.
func build(nodes []node) []byte {
	var mini, body []byte
	var miniFAT, fat []uint32
	le := binary.LittleEndian
	place := func(data []byte) uint32 { // as sectors of the body
		start := uint32(len(body) / 512)
		for at := 0; at < len(data); at += 512 {
			body = append(body, data[at:min(at+512, len(data))]...)
			body = append(body, make([]byte, (512-len(body)%512)%512)...)
			fat = append(fat, uint32(len(fat)+1))
		}
		fat[len(fat)-1] = 0xfffffffe
		return start
	}
	var directory []byte
	for _, n := range nodes {
		raw := make([]byte, entrySize)
		name := utf16.Encode([]rune(n.name))
		for i, c := range name {
			le.PutUint16(raw[2*i:], c)
		}
		le.PutUint16(raw[64:], uint16(2*len(name)+2))
		raw[66] = n.kind
		le.PutUint32(raw[68:], uint32(n.left))
		le.PutUint32(raw[72:], uint32(n.right))
		le.PutUint32(raw[76:], uint32(n.child))
		le.PutUint32(raw[120:], uint32(len(n.data)))
		switch {
		case n.kind != typeStream:
		case len(n.data) >= 4096:
			le.PutUint32(raw[116:], place([]byte(n.data)))
		default:
			le.PutUint32(raw[116:], uint32(len(miniFAT)))
			mini = append(mini, n.data...)
			mini = append(mini, make([]byte, (64-len(mini)%64)%64)...)
			for len(miniFAT) < len(mini)/64 {
				miniFAT = append(miniFAT, uint32(len(miniFAT)+1))
			}
			miniFAT[len(miniFAT)-1] = 0xfffffffe
		}
		directory = append(directory, raw...)
	}
	bytesOf := func(numbers []uint32) []byte {
		var b []byte
		for _, n := range numbers {
			b = le.AppendUint32(b, n)
		}
		return append(b, bytes.Repeat([]byte{0xff}, (512-len(b)%512)%512)...)
	}
	le.PutUint32(directory[116:], place(mini))
	le.PutUint32(directory[120:], uint32(len(mini)))
	header := make([]byte, headerSize)
	copy(header, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
	le.PutUint16(header[30:], 9)
	le.PutUint32(header[48:], place(directory))
	le.PutUint32(header[56:], 4096)
	le.PutUint32(header[60:], place(bytesOf(miniFAT)))
	le.PutUint32(header[68:], 0xfffffffe)
	for i := 76; i < headerSize; i += 4 {
		le.PutUint32(header[i:], 0xffffffff)
	}
	le.PutUint32(header[76:], uint32(len(body)/512))
	body = append(body, bytesOf(append(fat, 0xfffffffd))...)
	return append(header, body...)
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
	f := open(t, build(sample))
	for path, want := range map[string]string{
		"a": "first", "mail/b": "second", "Mail/Inner/b": "third", "long": sample[5].data, "mail": "", "nothing": "",
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
	nodes := slices.Clone(sample)
	nodes[3].left, nodes[3].right = 2, 1000 // the parent, nothing
	nodes[1].right = 1
	f := open(t, build(nodes))
	if got, err := f.Stream("mail/b"); err != nil || string(got) != "second" {
		t.Errorf("Stream = %q, %v", got, err)
	}
	if got, err := f.Stream("b"); err != nil || string(got) != "third" {
		t.Errorf("a stream in no storage = %q, %v; want it at the root", got, err)
	}
}

func TestDeepStorages(t *testing.T) {
	t.Parallel()
	nodes := []node{{"Root Entry", typeRoot, none, none, 1, ""}}
	for i := range 500 {
		nodes = append(nodes, node{"s", typeStorage, none, none, i + 2, ""})
	}
	f := open(t, build(append(nodes, node{"x", typeStream, none, none, none, "deep"})))
	if n := len(f.names); n > maxDepth+2 {
		t.Errorf("%d storages were entered", n)
	}
}

func TestDamagedFiles(t *testing.T) {
	t.Parallel()
	good := build(sample)
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
	f.Add(build(sample))
	f.Fuzz(func(_ *testing.T, data []byte) { check(data) })
}
