package flat

import (
	"encoding/binary"
	"slices"
)

// A dictionary holds the postings of a segment: for each term the documents that
// have it, in order, and how often. Terms are known by their hashes. A list is the
// number of its documents and then, for each, the distance from the one before with
// the lowest bit telling that a count follows; most terms occur once in a document.
// About 1.3 bytes a posting. Beside them stand the words themselves, of such terms
// as are words.
type dictionary struct {
	hashes []uint64 // sorted
	starts []uint32 // of each term's list in data, and the end
	data   []byte
	words  []byte // for each term a length and its spelling; 0 and none for most codes
}

// A list is one term's postings, and one byte more, so that a reader may look at
// the byte after a posting whether or not it belongs to it.
type list struct {
	count int // of documents, those of changed memos included
	data  []byte
}

// find returns a term's list, an empty one if no document has the term.
func (d *dictionary) find(hash uint64) list {
	i, ok := slices.BinarySearch(d.hashes, hash)
	if !ok {
		return list{}
	}
	return d.at(i)
}

func (d *dictionary) at(i int) list {
	data := d.data[d.starts[i] : d.starts[i+1]+1]
	count, n := binary.Uvarint(data)
	return list{count: int(count), data: data[n:]}
}

func (d *dictionary) bytes() int {
	return 8*cap(d.hashes) + 4*cap(d.starts) + cap(d.data) + cap(d.words)
}

// A block is some postings taken out of a list.
type block struct {
	docs   [128]uint32
	counts [128]uint32
}

// A reader walks through a list block by block: a call for each posting would
// cost more than the posting.
type reader struct {
	data []byte
	last uint32
}

func (l list) reader() reader { return reader{data: l.data, last: ^uint32(0)} }

// next fills the block and returns the number of its postings, 0 at the end.
func (r *reader) next(b *block) int {
	data, doc, at, n := r.data, r.last, 0, 0
	for n < len(b.docs) && at < len(data)-1 {
		v := uint32(data[at])
		at++
		if v >= 0x80 {
			wide, size := binary.Uvarint(data[at-1:])
			v, at = uint32(wide), at-1+size
		}
		doc += v >> 1
		// A count follows or does not, as by the toss of a coin; a processor that
		// has to guess loses more time than this takes.
		counted := v & 1
		b.docs[n], b.counts[n] = doc, 1+(uint32(data[at])-1)&-counted
		at += int(counted)
		n++
	}
	if n > 0 {
		r.data, r.last = data[at:], doc
	}
	return n
}

// A dictionaryWriter builds a dictionary, term by term in the order of hashes.
type dictionaryWriter struct {
	dictionary
	list  []byte // of the term that is being written
	count int
	last  uint32
	block block
}

func (w *dictionaryWriter) begin() { w.list, w.count, w.last = w.list[:0], 0, ^uint32(0) }

// add appends a document, in ascending order.
func (w *dictionaryWriter) add(doc uint32, tf uint8) {
	v := uint64(doc-w.last) << 1
	if tf == 1 {
		w.list = binary.AppendUvarint(w.list, v)
	} else {
		w.list = append(binary.AppendUvarint(w.list, v|1), tf)
	}
	w.last = doc
	w.count++
}

// end closes the term's list; a term without documents is left out.
func (w *dictionaryWriter) end(hash uint64, word string) {
	if w.count == 0 {
		return
	}
	w.hashes = append(w.hashes, hash)
	w.starts = append(w.starts, uint32(len(w.data)))
	w.data = append(binary.AppendUvarint(w.data, uint64(w.count)), w.list...)
	w.words = append(append(w.words, byte(len(word))), word...)
}

// finish returns the dictionary without spare room.
func (w *dictionaryWriter) finish() dictionary {
	return dictionary{
		hashes: slices.Clip(slices.Clone(w.hashes)),
		starts: slices.Clip(slices.Clone(append(w.starts, uint32(len(w.data))))),
		data:   slices.Clip(slices.Clone(append(w.data, 0))),
		words:  slices.Clip(slices.Clone(w.words)),
	}
}
