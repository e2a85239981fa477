// Package storetest is what every database below the store must do.
//
// [Run] exercises each method of [store.Store] on real data. A child package of
// store calls it with its own way to open a database; what only that database
// has (files, locks, crashes) it tests itself.
package storetest

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"kvasir/internal/account"
	"kvasir/internal/fault"
	"kvasir/internal/llm"
	"kvasir/internal/memo"
	"kvasir/internal/store"
)

// A Database is an empty store, opened for one test.
type Database struct {
	Store *store.Store
	// AddProject stores a further project of the organization.
	AddProject func(t *testing.T) account.ProjectID
	// AddTenant stores an organization, and returns its project.
	AddTenant func(t *testing.T) account.ProjectID
}

// Run runs the suite. Each test opens a database of its own.
func Run(t *testing.T, open func(t *testing.T) Database) {
	for _, tt := range slices.Concat(memoTests(), documentTests(), nodeTests(), versionTests()) {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.test(newRoom(t, open(t)))
		})
	}
}

type namedTest struct {
	name string
	test func(*room)
}

func memoTests() []namedTest {
	return []namedTest{
		{"KeyIsMadeOnce", keyIsMadeOnce},
		{"GivenKeyReplacesTheOneBefore", givenKeyReplaces},
		{"MemoIsReadAsWritten", memoIsReadAsWritten},
		{"DocumentHasNoContentUntilParsed", documentUntilParsed},
		{"ContentMayHoldAnything", contentMayHoldAnything},
		{"ReferenceMeansTheNewest", referenceMeansTheNewest},
		{"ListIsNewestFirst", listIsNewestFirst},
		{"OtherProjectsSeeNothing", otherProjectsSeeNothing},
		{"AttributesActAtOnce", attributesActAtOnce},
		{"SameTextStartsNothing", sameTextStartsNothing},
		{"EditKeepsTheLiveText", editKeepsTheLiveText},
		{"TwentyEditsLeaveTheLast", twentyEdits},
		{"DocumentEdits", documentEdits},
		{"UpsertByReference", upsertByReference},
		{"UpsertReplacesFiles", upsertReplacesFiles},
		{"UpsertRestartsAFailedMemo", upsertRestartsFailed},
		{"DeleteRemovesEverything", deleteRemovesEverything},
		{"ClaimTakesTheOldestFirst", claimOldestFirst},
		{"ClaimIsBoundedByBytes", claimBoundedByBytes},
		{"LeaseRunsOutUnlessRenewed", leaseRunsOut},
		{"ReleasedAttemptsDoNotCount", releasedAttempts},
		{"PostponedMemoWaits", postponedWaits},
		{"ClaimIsFair", claimIsFair},
		{"EveryProjectHasItsTurn", everyProjectHasItsTurn},
		{"LostClaimsAreRefused", lostClaimsAreRefused},
		{"WorkResumesWhereItStopped", workResumes},
		{"OnlyFailedMemosAreRetried", onlyFailedAreRetried},
		{"WritesFailAlone", writesFailAlone},
		{"WakeIsSignalled", wakeIsSignalled},
		{"VectorsBelongToModels", vectorsBelongToModels},
		{"VectorsOfGoneChunksArePassedOver", vectorsOfGoneChunks},
		{"MissingVectorsArePaged", missingVectorsArePaged},
		{"ChangesFollowLiveMemos", changesFollow},
		{"ChangesArePaged", changesArePaged},
		{"PassagesComeInOrder", passagesInOrder},
		{"ChatGrows", chatGrows},
		{"ChatsAreListed", chatsAreListed},
		{"CountsCount", countsCount},
		{"CacheIsTheOrganizations", cacheIsTheOrganizations},
		{"CacheIsBounded", cacheIsBounded},
		{"UsageAddsUp", usageAddsUp},
		{"PositionCountsWhoIsBefore", positionCountsWhoIsBefore},
		{"WhoAddsIsBilled", whoAddsIsBilled},
	}
}

func documentTests() []namedTest {
	return []namedTest{
		{"PageIsFetched", pageIsFetched},
		{"PageIsLoadedAgain", pageIsLoadedAgain},
		{"DocumentTellsItsTitle", documentTellsItsTitle},
		{"TitleOfAPersonStays", titleOfAPersonStays},
		{"PartsGoWithTheText", partsGoWithTheText},
		{"PagesAreCounted", pagesAreCounted},
		{"LongTextsAreReadAsWritten", longTextsAreReadAsWritten},
		{"LongTextIsWrittenOnce", longTextIsWrittenOnce},
		{"ManyChunksAreAllOrNone", manyChunksAreAllOrNone},
		{"OriginalIsFound", originalIsFound},
		{"BlobsAreNamed", blobsAreNamed},
		{"ProcessingIsInherited", processingIsInherited},
		{"OtherProcessingIsAnotherGeneration", otherProcessing},
		{"StagesAreTold", stagesAreTold},
		{"UnfinishedAreListed", unfinishedAreListed},
		{"NeighboursAreFound", neighboursAreFound},
		{"MemosAreReadInParts", memosAreReadInParts},
		{"VocabularyIsOfTheProject", vocabularyIsOfTheProject},
		{"VocabularyIsBounded", vocabularyIsBounded},
		{"EnrichmentShowsEverywhere", enrichmentShows},
		{"EnrichmentResumes", enrichmentResumes},
		{"VectorsOfAnotherTextAreDropped", vectorsOfAnotherText},
		{"TitleKeepsWhatIsWrittenOfTheMemo", titleKeepsEnrichment},
		{"TagsOfAModel", tagsOfAModel},
		{"Reenrich", reenrich},
		{"ReenrichNeedsTheLiveGeneration", reenrichNeedsLive},
		{"EventsTellWhatHappened", eventsTell},
		{"NothingNewIsNoEvent", nothingNewIsNoEvent},
		{"EventsWakeFollowers", eventsWake},
		{"OldEventsAreForgotten", oldEventsAreForgotten},
		{"AnyLife", anyLife},
		{"WebhooksAreKept", webhooksAreKept},
		{"WebhooksAreDue", webhooksAreDue},
	}
}

// A room is a test with a store, a project and a clock that moves when told.
type room struct {
	*testing.T
	s   *store.Store
	db  Database
	p   account.ProjectID
	now time.Time
}

// worker is who claims, unless a test says otherwise.
const worker = "worker"

func newRoom(t *testing.T, db Database) *room {
	t.Helper()
	r := &room{T: t, s: db.Store, db: db, now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)}
	r.must(r.s.Ping(t.Context()))
	key, err := r.s.EnsureProject(t.Context(), account.Key{}, r.now)
	r.must(err)
	caller, err := r.s.FindKey(t.Context(), key.Hash())
	r.must(err)
	r.p = caller.Project
	return r
}

func (r *room) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

// refused wants a fault of the given kind.
func (r *room) refused(err error, kind fault.Kind, what string) {
	r.Helper()
	if !fault.Is(err, kind) {
		r.Errorf("%s: %v, want a fault of kind %v", what, err, kind)
	}
}

// same wants equal values; what differs is shown as JSON, which follows pointers.
func (r *room) same(want, got any, what string) {
	r.Helper()
	if reflect.DeepEqual(want, got) {
		return
	}
	w, err := json.MarshalIndent(want, "", "  ")
	r.must(err)
	g, err := json.MarshalIndent(got, "", "  ")
	r.must(err)
	r.Errorf("%s: got\n%s\nwant\n%s", what, g, w)
}

// tick moves the clock, so that what follows is newer.
func (r *room) tick() time.Time {
	r.now = r.now.Add(time.Second)
	return r.now
}

func newMemoID() memo.ID { return memo.ID(uuid.Must(uuid.NewV7()).String()) }

func plain(title, content string) memo.Draft {
	return memo.Draft{Attributes: memo.Attributes{Title: title}, Content: content}
}

func document(title, blob string) memo.Draft {
	return memo.Draft{
		Attributes: memo.Attributes{Title: title},
		File: &memo.File{
			Name: blob + ".pdf", MIMEType: "application/pdf", Size: 10, Blob: blob, Hash: "hash of " + blob,
		},
	}
}

// create stores a draft in the room's project.
func (r *room) create(d memo.Draft) memo.ID {
	r.Helper()
	return r.createIn(r.p, d)
}

func (r *room) createIn(p account.ProjectID, d memo.Draft) memo.ID {
	r.Helper()
	id := newMemoID()
	r.must(r.s.CreateMemo(r.Context(), p, id, d, r.tick()))
	return id
}

func (r *room) find(id memo.ID) memo.Memo {
	r.Helper()
	m, err := r.s.FindMemo(r.Context(), r.p, memo.Ref{ID: id})
	r.must(err)
	return m
}

// claim takes up to limit memos of any size.
func (r *room) claim(limit int) []memo.Work {
	r.Helper()
	work, err := r.s.Claim(r.Context(), worker, limit, 1<<40, r.tick())
	r.must(err)
	return work
}

// claimOne takes the only memo that is to be had.
func (r *room) claimOne() memo.Work {
	r.Helper()
	work := r.claim(10)
	if len(work) != 1 {
		r.Fatalf("claimed %d memos, want 1", len(work))
	}
	return work[0]
}

// halves cuts a text into two chunks.
func halves(text string) []memo.Chunk {
	middle := len(text) / 2
	return []memo.Chunk{
		{ID: memo.ChunkID(newMemoID()), Index: 0, Start: 0, End: middle, Content: text[:middle]},
		{
			ID: memo.ChunkID(newMemoID()), Index: 1, Start: middle, End: len(text), Content: text[middle:],
			Headings: []string{"One", "Two"},
		},
	}
}

// vectorsOf returns a vector for each chunk.
func vectorsOf(chunks []memo.Chunk) []memo.ChunkVector {
	out := make([]memo.ChunkVector, len(chunks))
	for i, c := range chunks {
		out[i] = memo.ChunkVector{Chunk: c.ID, Vector: llm.Vector{float32(i), 0.5, -1}}
	}
	return out
}

// process takes a claimed memo to its end and returns its chunks.
func (r *room) process(w memo.Work) []memo.Chunk {
	r.Helper()
	ctx := r.Context()
	if w.Content == nil {
		w.Content = new("the text of " + w.File.Name)
		r.must(r.s.SaveParsed(ctx, w, memo.Parsed{Text: *w.Content}, r.now))
	}
	chunks := halves(*w.Content)
	r.must(r.s.SaveChunks(ctx, w, chunks, memo.StageEmbedding, r.now))
	r.must(r.s.SaveVectors(ctx, "model", vectorsOf(chunks)))
	_, err := r.s.Finish(ctx, w, r.tick())
	r.must(err)
	return chunks
}

// live stores a draft and processes it, alone.
func (r *room) live(d memo.Draft) (memo.ID, []memo.Chunk) {
	r.Helper()
	id := r.create(d)
	return id, r.process(r.claimOne())
}

// texts returns the chunks' texts joined by a bar.
func texts(chunks []memo.Chunk) string {
	var out []string
	for _, c := range chunks {
		out = append(out, c.Content)
	}
	return strings.Join(out, "|")
}

func idsOf(work []memo.Work) []memo.ID {
	var ids []memo.ID
	for _, w := range work {
		ids = append(ids, w.Memo)
	}
	return ids
}

// sameIDs wants the memos in this order.
func (r *room) sameIDs(got, want []memo.ID, what string) {
	r.Helper()
	if !slices.Equal(got, want) {
		r.Errorf("%s: %v, want %v", what, got, want)
	}
}
