package flat

import "math"

// gone is the new number of a document that is left behind.
const gone = math.MaxUint32

// merge builds one segment from the living documents of several.
func merge(views []*view) *segment {
	var a assembly
	docs, dims := 0, map[int]int{}
	for _, v := range views {
		docs += v.stats.docs
		dims[v.vectors.dim] += v.stats.docs
	}
	a.vectors = newVectors(docs, usual(dims))
	numbers := make([][]uint32, len(views)) // old to new
	for i, v := range views {
		numbers[i] = a.take(v)
		a.through = max(a.through, v.through)
	}
	a.terms = mergeTerms(views, numbers)
	return a.finish()
}

// take copies a view's living memos and returns the new numbers of its documents.
func (a *assembly) take(v *view) []uint32 {
	numbers := make([]uint32, len(v.docs))
	for i := range v.entries {
		e := &v.entries[i]
		if !v.alive.has(e.first) {
			for n := e.first; n < e.end; n++ {
				numbers[n] = gone
			}
			continue
		}
		a.addEntry(e.id, e.attrs)
		for n := e.first; n < e.end; n++ {
			numbers[n] = uint32(len(a.docs))
			a.vectors.put(numbers[n], v.vectors.get(n))
			a.addDoc(v.docs[n].chunk, v.lengths[n], v.languages[n])
		}
	}
	return numbers
}

// mergeTerms joins the lists of each term, the views in order.
func mergeTerms(views []*view, numbers [][]uint32) dictionary {
	var w dictionaryWriter
	at := make([]int, len(views))    // the next term of each
	words := make([]int, len(views)) // and where its spelling is
	for {
		least, any := uint64(math.MaxUint64), false
		for i, v := range views {
			if at[i] < len(v.terms.hashes) {
				least, any = min(least, v.terms.hashes[at[i]]), true
			}
		}
		if !any {
			return w.finish()
		}
		w.begin()
		var word []byte
		for i, v := range views {
			if at[i] == len(v.terms.hashes) || v.terms.hashes[at[i]] != least {
				continue
			}
			w.addAll(v.terms.at(at[i]), numbers[i])
			at[i]++
			from := words[i] + 1
			words[i] = from + int(v.terms.words[words[i]])
			word = v.terms.words[from:words[i]]
		}
		w.end(least, string(word))
	}
}

// addAll appends the documents of a list that have a new number.
func (w *dictionaryWriter) addAll(l list, numbers []uint32) {
	r := l.reader()
	for n := r.next(&w.block); n > 0; n = r.next(&w.block) {
		for i, doc := range w.block.docs[:n] {
			if doc := numbers[doc]; doc != gone {
				w.add(doc, uint8(w.block.counts[i]))
			}
		}
	}
}
