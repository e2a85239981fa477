package mail

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// rtfPrelude is what the dictionary of compressed RTF begins with, from [MS-OXRTFCP].
const rtfPrelude = `{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}{\f0\fnil \froman \fswiss \fmodern \fscript ` +
	`\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\colortbl\red0\green0\blue0` + "\r\n" +
	`\par \pard\plain\f0\fs20\b\i\u\tab\tx`

const (
	rtfHeader  = 16
	rtfPacked  = 0x75465a4c // "LZFu"
	rtfStored  = 0x414c454d // "MELA"
	dictionary = 4096
)

var errRTF = errors.New("compressed RTF")

// unpackRTF returns what Outlook has compressed: flags say of each of the next eight
// tokens whether it is a byte or a place and length in the last 4,096 bytes.
func unpackRTF(data []byte, limit int64) ([]byte, error) {
	le := binary.LittleEndian
	if len(data) < rtfHeader {
		return nil, fmt.Errorf("%w: %d bytes", errRTF, len(data))
	}
	size := int64(le.Uint32(data[4:]))
	if size > limit {
		return nil, fmt.Errorf("%w: unpacks to %d bytes", errRTF, size)
	}
	kind, data := le.Uint32(data[8:]), data[rtfHeader:]
	switch kind {
	case rtfStored:
		return data[:min(size, int64(len(data)))], nil
	case rtfPacked:
	default:
		return nil, fmt.Errorf("%w: of kind %#x", errRTF, kind)
	}
	var window [dictionary]byte
	at := copy(window[:], rtfPrelude)
	var out []byte
	put := func(c byte) {
		out = append(out, c)
		window[at] = c
		at = (at + 1) % dictionary
	}
	for len(data) > 0 && int64(len(out)) < size {
		flags := data[0]
		data = data[1:]
		for bit := 0; bit < 8 && len(data) > 0; bit++ {
			if flags>>bit&1 == 0 {
				put(data[0])
				data = data[1:]
				continue
			}
			if len(data) < 2 {
				return out, nil
			}
			token := int(binary.BigEndian.Uint16(data))
			data = data[2:]
			from, length := token>>4, token&15+2
			if from == at {
				return out, nil // the end
			}
			for i := range length {
				put(window[(from+i)%dictionary])
			}
		}
	}
	return out[:min(int64(len(out)), size)], nil
}
