// Package compound reads compound files, which old Office programs and Outlook write:
// a small file system in one file, with sectors chained by a table (FAT), and a
// directory of storages, which are its folders, and streams, which are its files.
// Small streams share the sectors of a stream of their own (the mini stream). The
// format is [MS-CFB].
//
// Nothing in such a file is believed: chains end after as many sectors as the file
// has, and a storage is entered once.
package compound

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf16"
)

// A File is an open compound file. Its streams are known by their paths, as in
// "storage/stream", in which upper and lower case are the same.
type File struct {
	r          io.ReaderAt
	sectorSize int64
	sectors    uint32 // how many the file has room for
	fat        []uint32
	miniFAT    []uint32
	mini       []byte // the mini stream
	miniCutoff uint32 // streams below this size are in it
	streams    map[string]entry
	names      map[string][]string // of what is in each storage, by its path
}

// An entry is a line of the directory.
type entry struct {
	kind  byte
	name  string
	left  uint32 // the entries of a storage are a tree
	right uint32
	child uint32 // the root of the tree of a storage
	start uint32
	size  uint32
}

const (
	headerSize     = 512
	miniSectorSize = 64
	entrySize      = 128
	maxSector      = 0xfffffffa // numbers from here on mean an end or a hole
	typeStorage    = 1
	typeStream     = 2
	typeRoot       = 5
	maxStream      = 512 << 20 // a stream is read as a whole
	maxDepth       = 64        // of storages in storages; Outlook takes two for each mail in a mail
)

var errCompound = errors.New("compound file")

// Open reads the tables and the directory of a compound file.
func Open(r io.ReaderAt, size int64) (*File, error) {
	header := make([]byte, headerSize)
	if _, err := r.ReadAt(header, 0); err != nil {
		return nil, fmt.Errorf("%w: header: %w", errCompound, err)
	}
	le := binary.LittleEndian
	shift := le.Uint16(header[30:])
	if shift != 9 && shift != 12 {
		return nil, fmt.Errorf("%w: sectors of 2^%d bytes", errCompound, shift)
	}
	f := &File{
		r: r, sectorSize: 1 << shift, miniCutoff: le.Uint32(header[56:]),
		streams: map[string]entry{}, names: map[string][]string{},
	}
	f.sectors = uint32(min(size/f.sectorSize, maxSector-1))
	if err := f.readFAT(header); err != nil {
		return nil, err
	}
	miniFAT, err := f.chain(le.Uint32(header[60:]), maxStream)
	if err != nil {
		return nil, err
	}
	f.miniFAT = words(miniFAT)
	directory, err := f.chain(le.Uint32(header[48:]), maxStream)
	if err != nil {
		return nil, err
	}
	return f, f.readDirectory(directory)
}

// readFAT reads the table of chains. Its own sectors are listed in the header and
// then in a chain of sectors that end with the number of the next.
func (f *File) readFAT(header []byte) error {
	le := binary.LittleEndian
	list := words(header[76:])
	next := le.Uint32(header[68:])
	for seen := uint32(0); next < maxSector; seen++ {
		sector, err := f.sector(next)
		if err != nil {
			return err
		}
		if seen > f.sectors {
			return fmt.Errorf("%w: the table's list has no end", errCompound)
		}
		numbers := words(sector)
		list = append(list, numbers[:len(numbers)-1]...)
		next = numbers[len(numbers)-1]
	}
	for _, number := range list {
		if number >= maxSector {
			continue
		}
		if uint32(len(f.fat)) > f.sectors {
			return fmt.Errorf("%w: a table larger than the file", errCompound)
		}
		sector, err := f.sector(number)
		if err != nil {
			return err
		}
		f.fat = append(f.fat, words(sector)...)
	}
	return nil
}

// readDirectory reads the names of storages and streams, and the mini stream, which
// the root has.
func (f *File) readDirectory(directory []byte) error {
	var entries []entry
	root := entry{child: maxSector}
	for len(directory) >= entrySize {
		e := parseEntry(directory[:entrySize])
		directory = directory[entrySize:]
		entries = append(entries, e)
		if e.kind != typeRoot {
			continue
		}
		root = e
		mini, err := f.chain(e.start, int64(e.size))
		if err != nil {
			return err
		}
		f.mini = mini
	}
	seen := make([]bool, len(entries))
	f.enter("", root.child, entries, seen)
	// Damaged files have streams that no storage leads to.
	for i, e := range entries {
		if _, ok := f.streams[key("", e.name)]; e.kind == typeStream && !seen[i] && !ok {
			f.add("", e)
		}
	}
	return nil
}

// parseEntry reads one line of the directory.
func parseEntry(raw []byte) entry {
	le := binary.LittleEndian
	n := min(int(le.Uint16(raw[64:])), 64)
	var name []uint16
	for i := 0; i+2 < n; i += 2 { // the last is zero
		name = append(name, le.Uint16(raw[i:]))
	}
	return entry{
		kind: raw[66], name: string(utf16.Decode(name)),
		left: le.Uint32(raw[68:]), right: le.Uint32(raw[72:]), child: le.Uint32(raw[76:]),
		start: le.Uint32(raw[116:]), size: le.Uint32(raw[120:]),
	}
}

// enter adds what is in the storage at path, whose tree has the given root, and in
// the storages below it.
func (f *File) enter(path string, root uint32, entries []entry, seen []bool) {
	if strings.Count(path, "/") >= maxDepth {
		return
	}
	var storages []entry
	for todo := []uint32{root}; len(todo) > 0; {
		number := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if number >= uint32(len(entries)) || seen[number] {
			continue
		}
		seen[number] = true
		e := entries[number]
		todo = append(todo, e.left, e.right)
		f.add(path, e)
		if e.kind == typeStorage {
			storages = append(storages, e)
		}
	}
	slices.Sort(f.names[path])
	for _, s := range storages {
		f.enter(key(path, s.name), s.child, entries, seen)
	}
}

// add adds an entry of the storage at path. The first of a name counts.
func (f *File) add(path string, e entry) {
	if e.kind != typeStream && e.kind != typeStorage {
		return
	}
	f.names[path] = append(f.names[path], e.name)
	if _, ok := f.streams[key(path, e.name)]; !ok && e.kind == typeStream {
		f.streams[key(path, e.name)] = e
	}
}

// key returns the path of what is in the storage at path.
func key(path, name string) string {
	return strings.TrimPrefix(strings.ToLower(path+"/"+name), "/")
}

// Has reports whether there is a stream at path.
func (f *File) Has(path string) bool {
	_, ok := f.streams[key("", path)]
	return ok
}

// Names returns the names of the storages and streams in the storage at path, which
// is "" for the root, sorted.
func (f *File) Names(path string) []string { return f.names[strings.ToLower(path)] }

// Stream returns the bytes of the stream at path, nil if there is none.
func (f *File) Stream(path string) ([]byte, error) {
	e, ok := f.streams[key("", path)]
	if !ok || e.size == 0 {
		return nil, nil
	}
	if e.size >= f.miniCutoff {
		return f.chain(e.start, int64(e.size))
	}
	size := min(int64(e.size), int64(len(f.mini))) // or a chain without end were long
	var data []byte
	for at := e.start; at < maxSector && int64(len(data)) < size; {
		from := int64(at) * miniSectorSize
		if from+miniSectorSize > int64(len(f.mini)) || int64(at) >= int64(len(f.miniFAT)) {
			return nil, fmt.Errorf("%w: %s is outside the mini stream", errCompound, path)
		}
		data = append(data, f.mini[from:from+miniSectorSize]...)
		at = f.miniFAT[at]
	}
	return data[:min(int64(len(data)), size)], nil
}

// chain returns the sectors from start on, joined, up to size bytes.
func (f *File) chain(start uint32, size int64) ([]byte, error) {
	if size > maxStream {
		return nil, fmt.Errorf("%w: a stream of %d bytes", errCompound, size)
	}
	var data []byte
	seen := uint32(0)
	for at := start; at < maxSector && int64(len(data)) < size; seen++ {
		if seen > f.sectors {
			return nil, fmt.Errorf("%w: a chain without end", errCompound)
		}
		sector, err := f.sector(at)
		if err != nil {
			return nil, err
		}
		data = append(data, sector...)
		if int64(at) >= int64(len(f.fat)) {
			break
		}
		at = f.fat[at]
	}
	return data[:min(int64(len(data)), size)], nil
}

// sector returns one sector. The last one of a file may be short.
func (f *File) sector(number uint32) ([]byte, error) {
	data := make([]byte, f.sectorSize)
	if _, err := f.r.ReadAt(data, (int64(number)+1)*f.sectorSize); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: sector %d: %w", errCompound, number, err)
	}
	if number >= f.sectors {
		return nil, fmt.Errorf("%w: sector %d is outside the file", errCompound, number)
	}
	return data, nil
}

// words returns the 32-bit numbers in data.
func words(data []byte) []uint32 {
	numbers := make([]uint32, len(data)/4)
	for i := range numbers {
		numbers[i] = binary.LittleEndian.Uint32(data[4*i:])
	}
	return numbers
}
