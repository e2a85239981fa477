package storetest

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"kvasir/internal/account"
	"kvasir/internal/conversation"
	"kvasir/internal/fault"
	"kvasir/internal/memo"
)

func memoIsReadAsWritten(r *room) {
	attributes := memo.Attributes{
		Title: "Ducks", Source: new("wiki"), ReferenceID: new("ref-1"), Tags: []string{"bird", "water", "bird"},
		Metadata: json.RawMessage(`{"a":1}`), Scopes: map[string]string{"team": "x"},
		Expires: new(r.now.Add(time.Hour)), Archived: true,
	}
	id := r.create(memo.Draft{Attributes: attributes, Content: "🦆 swim"})
	got := r.find(id)
	if len(got.TagIDs) != 3 || got.TagIDs[0] == got.TagIDs[2] || got.TagIDs[0] != r.find(id).TagIDs[0] {
		r.Errorf("tag ids %v: want three different ones, the same at every reading", got.TagIDs)
	}
	attributes.Created, attributes.Updated = r.now, r.now
	want := memo.Memo{
		ID: id, Project: r.p, Type: memo.TypePlaintext, Attributes: attributes, TagIDs: got.TagIDs,
		Content: new("🦆 swim"), ContentLength: new(7),
		ContentHash: fmt.Sprintf("%x", sha256.Sum256([]byte("🦆 swim"))),
		Progress:    memo.Progress{Stage: memo.StageReceived, Generation: 1},
	}
	r.same(want, got, "FindMemo")
}

func documentUntilParsed(r *room) {
	d := document("Ducks", "blob-1")
	id := r.create(d)
	m := r.find(id)
	if m.Type != memo.TypeDocument || m.Content != nil || m.ContentLength != nil || m.ContentHash != d.File.Hash {
		r.Errorf("unparsed document: %+v", m)
	}
	w := r.claimOne()
	if w.Content != nil || w.Stage != memo.StageParsing || *w.File != *d.File {
		r.Errorf("claimed %+v, want the file and no content", w)
	}
	r.must(r.s.SaveParsed(r.Context(), w, memo.Parsed{}, r.now))
	m = r.find(id)
	if m.Content == nil || *m.Content != "" || *m.ContentLength != 0 || m.Progress.Stage != memo.StageChunking {
		r.Errorf("document parsed to nothing: %+v", m)
	}
}

func contentMayHoldAnything(r *room) {
	for _, content := range []string{"", " ", "a\x00b", "ends in NUL\x00", "𝄞 ünï 鸭"} {
		id, _ := r.live(plain("T", content))
		m := r.find(id)
		if m.Content == nil || *m.Content != content {
			r.Errorf("content %q is read as %v", content, m.Content)
		}
		if joined := strings.ReplaceAll(texts(m.Chunks), "|", ""); joined != content {
			r.Errorf("the chunks of %q are %q", content, joined)
		}
	}
}

func referenceMeansTheNewest(r *room) {
	d := plain("old", "x")
	d.ReferenceID = new("ref")
	r.create(d)
	d.Title = "new"
	newest := r.create(d)
	ref := memo.Ref{ReferenceID: "ref"}
	m, err := r.s.FindMemo(r.Context(), r.p, ref)
	r.must(err)
	id, p, err := r.s.FindProgress(r.Context(), r.p, ref)
	r.must(err)
	if m.ID != newest || id != newest || p.Stage != memo.StageReceived {
		r.Errorf("the reference means %s and %s, want %s", m.ID, id, newest)
	}
	_, err = r.s.FindMemo(r.Context(), r.p, memo.Ref{ReferenceID: "other"})
	r.refused(err, fault.NotFound, "an unknown reference")
}

func listIsNewestFirst(r *room) {
	var want []memo.ID
	for i := range 5 {
		want = append([]memo.ID{r.create(plain(fmt.Sprint(i), "text"))}, want...)
	}
	var got []memo.ID
	for offset := 0; offset < 8; offset += 2 {
		page, total, err := r.s.ListMemos(r.Context(), r.p, offset, 2)
		r.must(err)
		if total != 5 {
			r.Errorf("ListMemos counts %d memos, want 5", total)
		}
		for _, m := range page {
			got = append(got, m.ID)
			if *m.ContentLength != 4 || m.Content != nil || len(m.ContentHash) != 64 {
				r.Errorf("listed memo %+v, want its length and hash, and no content", m)
			}
		}
	}
	r.sameIDs(got, want, "pages")
}

// otherProjectsSeeNothing asks for everything in the name of another project.
func otherProjectsSeeNothing(r *room) {
	ctx := r.Context()
	d := plain("T", "secret text")
	d.ReferenceID = new("ref")
	id, chunks := r.live(d)
	chat, err := r.s.SaveExchange(ctx, r.p, conversation.Exchange{Question: "q", Asked: r.now})
	r.must(err)
	other := r.db.AddProject(r.T)
	for _, ref := range []memo.Ref{{ID: id}, {ReferenceID: "ref"}} {
		_, err := r.s.FindMemo(ctx, other, ref)
		r.refused(err, fault.NotFound, "FindMemo")
		_, _, err = r.s.FindProgress(ctx, other, ref)
		r.refused(err, fault.NotFound, "FindProgress")
		_, err = r.s.UpdateMemo(ctx, other, ref, memo.Patch{Title: new("mine")}, r.now)
		r.refused(err, fault.NotFound, "UpdateMemo")
		_, err = r.s.DeleteMemo(ctx, other, ref, r.now)
		r.refused(err, fault.NotFound, "DeleteMemo")
		_, err = r.s.RetryMemo(ctx, other, ref, r.now)
		r.refused(err, fault.NotFound, "RetryMemo")
		_, err = r.s.Reenrich(ctx, other, ref, memo.Aspects(), r.now)
		r.refused(err, fault.NotFound, "Reenrich")
		_, err = r.s.FindOriginal(ctx, other, ref)
		r.refused(err, fault.NotFound, "FindOriginal")
	}
	_, err = r.s.FindChat(ctx, other, chat)
	r.refused(err, fault.NotFound, "FindChat")
	_, err = r.s.SaveExchange(ctx, other, conversation.Exchange{Chat: chat, Question: "q", Asked: r.now})
	r.refused(err, fault.NotFound, "SaveExchange")
	seesNothing(r, other, id, chunks)
	up, err := r.s.UpsertMemo(ctx, other, newMemoID(), d, r.now)
	r.must(err)
	if !up.Created || up.ID == id {
		r.Errorf("an upsert in another project returned %+v", up)
	}
}

func seesNothing(r *room, other account.ProjectID, id memo.ID, chunks []memo.Chunk) {
	r.Helper()
	ctx := r.Context()
	memos, count, err := r.s.ListMemos(ctx, other, 0, 10)
	r.must(err)
	chats, chatCount, err := r.s.ListChats(ctx, other, 0, 10)
	r.must(err)
	passages, err := r.s.Passages(ctx, other, []memo.ChunkID{chunks[0].ID})
	r.must(err)
	changes, err := r.s.Changes(ctx, other, "model", 0, 10)
	r.must(err)
	latest, err := r.s.LatestChange(ctx, other)
	r.must(err)
	embedded, err := r.s.EmbeddedChunks(ctx, other, id, 1, "model")
	r.must(err)
	near, err := r.s.Neighbours(ctx, other, []memo.ChunkID{chunks[0].ID}, 5)
	r.must(err)
	unfinished, err := r.s.Unfinished(ctx, other, 10)
	r.must(err)
	events, err := r.s.Events(ctx, other, 0, 10)
	r.must(err)
	log, err := r.s.EventLog(ctx, other)
	r.must(err)
	if len(near)+len(unfinished)+len(events)+int(log.Oldest)+int(log.Newest) != 0 {
		r.Errorf("another project sees neighbours %v, unfinished memos %v, events %v of %+v", near, unfinished, events, log)
	}
	seen := len(memos) + count + len(chats) + chatCount + len(passages) + len(changes) + int(latest) + len(embedded)
	if seen != 0 {
		r.Errorf("another project sees memos %v, chats %v, passages %v, changes %v, latest %d, embedded %v",
			memos, chats, passages, changes, latest, embedded)
	}
}
