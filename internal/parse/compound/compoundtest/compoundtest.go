// Package compoundtest makes compound files for tests: good ones of streams by their
// paths, and bad ones of directories that lie.
package compoundtest

import (
	"bytes"
	"encoding/binary"
	"maps"
	"slices"
	"strings"
	"unicode/utf16"
)

// The kinds of node, and the number of no node.
const (
	Storage = 1
	Stream  = 2
	Root    = 5
	None    = -1
)

// A Node is a line of the directory. Left, Right and Child are numbers of others.
type Node struct {
	Name               string
	Kind               byte
	Left, Right, Child int
	Data               string
}

// Files returns a compound file with streams at the given paths.
func Files(files map[string]string) []byte {
	nodes := []Node{{"Root Entry", Root, None, None, None, ""}}
	storages := map[string]int{"": 0}
	last := map[int]int{} // child of each storage
	add := func(parent int, n Node) int {
		nodes = append(nodes, n)
		number := len(nodes) - 1
		if before, ok := last[parent]; ok {
			nodes[before].Right = number
		} else {
			nodes[parent].Child = number
		}
		last[parent] = number
		return number
	}
	for _, path := range slices.Sorted(maps.Keys(files)) {
		parts := strings.Split(path, "/")
		parent := 0
		for i := range parts[:len(parts)-1] {
			at := strings.Join(parts[:i+1], "/")
			if _, ok := storages[at]; !ok {
				storages[at] = add(parent, Node{parts[i], Storage, None, None, None, ""})
			}
			parent = storages[at]
		}
		add(parent, Node{parts[len(parts)-1], Stream, None, None, None, files[path]})
	}
	return Build(nodes)
}

// sectors are the body of a file and the table of their chains.
type sectors struct {
	body []byte
	fat  []uint32
}

const (
	sectorSize     = 512
	miniSectorSize = 64
	miniCutoff     = 4096
	endOfChain     = 0xfffffffe
)

// place appends data as a chain of sectors and returns the first.
func (s *sectors) place(data []byte) uint32 {
	if len(data) == 0 {
		return endOfChain
	}
	start := uint32(len(s.fat))
	s.body = append(s.body, data...)
	s.body = append(s.body, make([]byte, (sectorSize-len(s.body)%sectorSize)%sectorSize)...)
	for len(s.fat) < len(s.body)/sectorSize {
		s.fat = append(s.fat, uint32(len(s.fat)+1))
	}
	s.fat[len(s.fat)-1] = endOfChain
	return start
}

// Build returns a compound file with the given directory, the first line of which is
// the root. Streams below 4 KB are in the mini stream.
func Build(nodes []Node) []byte {
	le := binary.LittleEndian
	var s sectors
	var mini, directory []byte
	var miniFAT []uint32
	for _, n := range nodes {
		raw := line(n)
		switch {
		case n.Kind != Stream || n.Data == "":
		case len(n.Data) >= miniCutoff:
			le.PutUint32(raw[116:], s.place([]byte(n.Data)))
		default:
			le.PutUint32(raw[116:], uint32(len(miniFAT)))
			mini = append(mini, n.Data...)
			mini = append(mini, make([]byte, (miniSectorSize-len(mini)%miniSectorSize)%miniSectorSize)...)
			for len(miniFAT) < len(mini)/miniSectorSize {
				miniFAT = append(miniFAT, uint32(len(miniFAT)+1))
			}
			miniFAT[len(miniFAT)-1] = endOfChain
		}
		directory = append(directory, raw...)
	}
	le.PutUint32(directory[116:], s.place(mini))
	le.PutUint32(directory[120:], uint32(len(mini)))
	header := make([]byte, sectorSize)
	copy(header, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
	le.PutUint16(header[30:], 9)
	le.PutUint32(header[48:], s.place(directory))
	le.PutUint32(header[56:], miniCutoff)
	le.PutUint32(header[60:], s.place(encode(miniFAT)))
	le.PutUint32(header[68:], endOfChain)
	copy(header[76:], bytes.Repeat([]byte{0xff}, sectorSize-76))
	tables := 1
	for tables*sectorSize/4 < len(s.fat)+tables {
		tables++
	}
	for i := range tables {
		le.PutUint32(header[76+4*i:], uint32(len(s.fat)+i))
	}
	for range tables {
		s.fat = append(s.fat, 0xfffffffd)
	}
	return slices.Concat(header, s.body, encode(s.fat))
}

// line returns a node as the directory has it.
func line(n Node) []byte {
	le := binary.LittleEndian
	raw := make([]byte, 128)
	name := utf16.Encode([]rune(n.Name))
	for i, c := range name {
		le.PutUint16(raw[2*i:], c)
	}
	le.PutUint16(raw[64:], uint16(2*len(name)+2))
	raw[66] = n.Kind
	le.PutUint32(raw[68:], uint32(n.Left))
	le.PutUint32(raw[72:], uint32(n.Right))
	le.PutUint32(raw[76:], uint32(n.Child))
	le.PutUint32(raw[120:], uint32(len(n.Data)))
	return raw
}

// encode returns numbers as whole sectors.
func encode(numbers []uint32) []byte {
	var b []byte
	for _, n := range numbers {
		b = binary.LittleEndian.AppendUint32(b, n)
	}
	return append(b, bytes.Repeat([]byte{0xff}, (sectorSize-len(b)%sectorSize)%sectorSize)...)
}
