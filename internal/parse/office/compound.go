package office

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"unicode/utf16"
)

// A compound file is a small file system in one file: sectors, chained by a table
// (FAT), and a directory of streams. Small streams share sectors of a stream of
// their own (the mini stream). The format is [MS-CFB].
type compound struct {
	r          io.ReaderAt
	sectorSize int64
	sectors    uint32 // how many the file has room for
	fat        []uint32
	miniFAT    []uint32
	mini       []byte // the mini stream
	miniCutoff uint32 // streams below this size are in it
	entries    map[string]entry
}

// An entry is a stream in the directory.
type entry struct {
	start uint32
	size  uint32
}

const (
	headerSize     = 512
	miniSectorSize = 64
	entrySize      = 128
	maxSector      = 0xfffffffa // numbers from here on mean an end or a hole
	typeStream     = 2
	typeRoot       = 5
	maxStream      = 512 << 20 // a stream is read as a whole
)

var errCompound = errors.New("compound file")

// openCompound reads the tables and the directory of a compound file.
func openCompound(r io.ReaderAt, size int64) (*compound, error) {
	header := make([]byte, headerSize)
	if _, err := r.ReadAt(header, 0); err != nil {
		return nil, fmt.Errorf("%w: header: %w", errCompound, err)
	}
	le := binary.LittleEndian
	shift := le.Uint16(header[30:])
	if shift != 9 && shift != 12 {
		return nil, fmt.Errorf("%w: sectors of 2^%d bytes", errCompound, shift)
	}
	c := &compound{r: r, sectorSize: 1 << shift, miniCutoff: le.Uint32(header[56:]), entries: map[string]entry{}}
	c.sectors = uint32(min(size/c.sectorSize, maxSector-1))
	if err := c.readFAT(header); err != nil {
		return nil, err
	}
	miniFAT, err := c.chain(le.Uint32(header[60:]), maxStream)
	if err != nil {
		return nil, err
	}
	c.miniFAT = words(miniFAT)
	directory, err := c.chain(le.Uint32(header[48:]), maxStream)
	if err != nil {
		return nil, err
	}
	return c, c.readDirectory(directory)
}

// readFAT reads the table of chains. Its own sectors are listed in the header and
// then in a chain of sectors that end with the number of the next.
func (c *compound) readFAT(header []byte) error {
	le := binary.LittleEndian
	list := words(header[76:])
	next := le.Uint32(header[68:])
	for seen := uint32(0); next < maxSector; seen++ {
		sector, err := c.sector(next)
		if err != nil {
			return err
		}
		if seen > c.sectors {
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
		if uint32(len(c.fat)) > c.sectors {
			return fmt.Errorf("%w: a table larger than the file", errCompound)
		}
		sector, err := c.sector(number)
		if err != nil {
			return err
		}
		c.fat = append(c.fat, words(sector)...)
	}
	return nil
}

// readDirectory reads the names of streams and the mini stream, which the root has.
func (c *compound) readDirectory(directory []byte) error {
	le := binary.LittleEndian
	for len(directory) >= entrySize {
		raw := directory[:entrySize]
		directory = directory[entrySize:]
		e := entry{start: le.Uint32(raw[116:]), size: le.Uint32(raw[120:])}
		switch raw[66] {
		case typeStream:
			n := min(int(le.Uint16(raw[64:])), 64)
			var name []uint16
			for i := 0; i+2 < n; i += 2 { // the last is zero
				name = append(name, le.Uint16(raw[i:]))
			}
			if _, ok := c.entries[string(utf16.Decode(name))]; !ok {
				c.entries[string(utf16.Decode(name))] = e
			}
		case typeRoot:
			mini, err := c.chain(e.start, int64(e.size))
			if err != nil {
				return err
			}
			c.mini = mini
		}
	}
	return nil
}

// has reports whether there is a stream called name.
func (c *compound) has(name string) bool {
	_, ok := c.entries[name]
	return ok
}

// stream returns the bytes of a stream, nil if there is none.
func (c *compound) stream(name string) ([]byte, error) {
	e, ok := c.entries[name]
	if !ok || e.size == 0 {
		return nil, nil
	}
	if e.size >= c.miniCutoff {
		return c.chain(e.start, int64(e.size))
	}
	var data []byte
	for at := e.start; at < maxSector && len(data) < int(e.size); {
		from := int64(at) * miniSectorSize
		if from+miniSectorSize > int64(len(c.mini)) || int(at) >= len(c.miniFAT) {
			return nil, fmt.Errorf("%w: %s is outside the mini stream", errCompound, name)
		}
		data = append(data, c.mini[from:from+miniSectorSize]...)
		at = c.miniFAT[at]
	}
	return data[:min(len(data), int(e.size))], nil
}

// chain returns the sectors from start on, joined, up to size bytes.
func (c *compound) chain(start uint32, size int64) ([]byte, error) {
	if size > maxStream {
		return nil, fmt.Errorf("%w: a stream of %d bytes", errCompound, size)
	}
	var data []byte
	seen := uint32(0)
	for at := start; at < maxSector && int64(len(data)) < size; seen++ {
		if seen > c.sectors {
			return nil, fmt.Errorf("%w: a chain without end", errCompound)
		}
		sector, err := c.sector(at)
		if err != nil {
			return nil, err
		}
		data = append(data, sector...)
		if int64(at) >= int64(len(c.fat)) {
			break
		}
		at = c.fat[at]
	}
	return data[:min(int64(len(data)), size)], nil
}

// sector returns one sector. The last one of a file may be short.
func (c *compound) sector(number uint32) ([]byte, error) {
	data := make([]byte, c.sectorSize)
	if _, err := c.r.ReadAt(data, (int64(number)+1)*c.sectorSize); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: sector %d: %w", errCompound, number, err)
	}
	if number >= c.sectors {
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
