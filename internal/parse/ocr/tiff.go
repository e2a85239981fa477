package ocr

import (
	"encoding/binary"
	"fmt"
	"image"
	"io"
)

// tiffSizes reads the sizes of the pages of a TIFF file. Each page is described by a
// directory of entries of twelve bytes, which names where the next directory is
// (TIFF 6.0, section 2). It stops after one page more than allowed.
func tiffSizes(r io.ReadSeeker, size int64, maxPages int) ([]image.Point, error) {
	head, err := readAt(r, 0, 8)
	if err != nil {
		return nil, err
	}
	var order binary.ByteOrder = binary.LittleEndian
	if head[0] == 'M' {
		order = binary.BigEndian
	}
	var sizes []image.Point
	for at := int64(order.Uint32(head[4:])); at != 0 && len(sizes) <= maxPages; {
		if at < 8 || at > size-6 {
			return nil, errNoPicture
		}
		count, err := readAt(r, at, 2)
		if err != nil {
			return nil, err
		}
		n := int64(order.Uint16(count))
		directory, err := readAt(r, at+2, n*12+4)
		if err != nil {
			return nil, err
		}
		sizes = append(sizes, directorySize(directory[:n*12], order))
		at = int64(order.Uint32(directory[n*12:]))
	}
	return sizes, nil
}

// directorySize returns the width and height that a directory has.
func directorySize(entries []byte, order binary.ByteOrder) image.Point {
	const widthTag, heightTag, short = 256, 257, 3
	var p image.Point
	for ; len(entries) >= 12; entries = entries[12:] {
		value := int(order.Uint32(entries[8:]))
		if order.Uint16(entries[2:]) == short {
			value = int(order.Uint16(entries[8:]))
		}
		switch order.Uint16(entries) {
		case widthTag:
			p.X = value
		case heightTag:
			p.Y = value
		}
	}
	return p
}

// readAt reads n bytes at an offset.
func readAt(r io.ReadSeeker, at, n int64) ([]byte, error) {
	if _, err := r.Seek(at, io.SeekStart); err != nil {
		return nil, fmt.Errorf("seek: %w", err)
	}
	data := make([]byte, n)
	if _, err := io.ReadFull(r, data); err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	return data, nil
}
