package memo

import "time"

// A VersionState is what an index version is to search.
type VersionState string

// The states. There is one version of each at most, and a live one always.
const (
	VersionLive   VersionState = "live"   // is searched
	VersionNext   VersionState = "next"   // is made beside it
	VersionFormer VersionState = "former" // was live before, and is kept for the way back
)

// An IndexVersion is what search reads: the vectors of one model of one cut of the
// texts. Generations are of memos, versions of the whole index: every live generation
// is in each version.
type IndexVersion struct {
	ID         int64 // they are counted up
	State      VersionState
	Model      string // whose vectors; empty for none
	Dimensions int    // of the vectors; 0 until the model has answered
	Chunker    string // how its texts were cut when it was begun; empty if that is not noted
	Cut        int    // which chunks are its
	Built      bool   // everything was gone through once: new memos bring its part along
	Dirty      int64  // counts what was left to be done later
	Done       int64  // up to which of these all is done
	Created    time.Time
	Flipped    *time.Time // when it became live; nil if it never was
}

// Complete reports whether the version has everything that is to be had: every
// passage has its vector, but for those that the model refuses.
func (v IndexVersion) Complete() bool { return v.Built && v.Done >= v.Dirty }

// A VersionSize is how much there is to a version, in passages.
type VersionSize struct {
	Passages int // of searchable memos, those that are not cut yet by the live cut
	Lacking  int // of them, without a vector
}
