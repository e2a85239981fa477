package storetest

import (
	"fmt"
	"slices"
	"time"

	"kvasir/internal/account"
	"kvasir/internal/event"
	"kvasir/internal/fault"
	"kvasir/internal/memo"
)

func (r *room) events(p account.ProjectID, after int64) []event.Event {
	r.Helper()
	events, err := r.s.Events(r.Context(), p, after, 1000)
	r.must(err)
	for i, e := range events {
		if e.Seq <= after || e.Project != p || i > 0 && e.Seq <= events[i-1].Seq {
			r.Errorf("after %d comes %+v", after, e)
		}
	}
	return events
}

func (r *room) log() event.Log {
	r.Helper()
	log, err := r.s.EventLog(r.Context(), r.p)
	r.must(err)
	return log
}

// kinds returns what has happened after an event.
func (r *room) kinds(after int64) (kinds []event.Kind) {
	r.Helper()
	for _, e := range r.events(r.p, after) {
		kinds = append(kinds, e.Kind)
	}
	return kinds
}

func eventsTell(r *room) {
	ctx := r.Context()
	if log := r.log(); log != (event.Log{}) || len(r.events(r.p, 0)) != 0 {
		r.Errorf("the log of a new project is %+v", log)
	}
	d := plain("Ducks", "some text")
	d.ReferenceID = new("ref")
	id := r.create(d)
	created := r.now
	r.process(r.claimOne())
	processed := r.now
	r.update(id, memo.Patch{Title: new("Geese")})
	updated := r.now
	r.must(r.s.Fail(ctx, r.claimOne(), "No credit", r.tick()))
	failed := r.now
	_, err := r.s.RetryMemo(ctx, r.p, memo.Ref{ID: id}, r.tick())
	r.must(err)
	r.must(r.s.Fail(ctx, r.claimOne(), "No credit", r.tick()))
	r.update(id, memo.Patch{Source: new("wiki")})
	_, err = r.s.DeleteMemo(ctx, r.p, memo.Ref{ID: id}, r.tick())
	r.must(err)
	got := r.events(r.p, 0)
	of := func(i int, kind event.Kind, at time.Time, title string, generation int) event.Event {
		return event.Event{
			Seq: got[i].Seq, Project: r.p, Kind: kind, At: at, Memo: id, ReferenceID: "ref", Title: title,
			Generation: generation,
		}
	}
	want := []event.Event{
		of(0, event.Created, created, "Ducks", 1), of(1, event.Processed, processed, "Ducks", 1),
		of(2, event.Updated, updated, "Geese", 2), of(3, event.Failed, failed, "Geese", 2),
		of(4, event.Failed, got[4].At, "Geese", 2), of(5, event.Updated, got[5].At, "Geese", 2),
		of(6, event.Deleted, r.now, "Geese", 2),
	}
	want[3].Error, want[4].Error = "No credit", "No credit"
	r.same(want, got, "events")
	if log := r.log(); log.Oldest != got[0].Seq || log.Newest != got[6].Seq {
		r.Errorf("the log is %+v, want %d to %d", log, got[0].Seq, got[6].Seq)
	}
	page, err := r.s.Events(ctx, r.p, got[1].Seq, 2)
	r.must(err)
	r.same(want[2:4], page, "a page of events")
}

func nothingNewIsNoEvent(r *room) {
	d := plain("T", "some text")
	d.Tags, d.Metadata, d.Scopes = []string{"a"}, []byte(`{"a":1}`), map[string]string{"k": "v"}
	d.Source, d.Expires = new("wiki"), new(r.now.Add(time.Hour))
	id := r.upsert(d).ID
	r.process(r.claimOne())
	after := r.log().Newest
	r.upsert(d)
	r.update(id, memo.Patch{})
	r.update(id, memo.Patch{Title: new("T"), Content: new("some text"), Tags: []string{"a"}, Source: new("wiki")})
	if kinds := r.kinds(after); len(kinds) != 0 {
		r.Errorf("nothing new: %v", kinds)
	}
	d.Tags = []string{"b"}
	r.upsert(d)
	d.Content = "other text"
	r.upsert(d)
	if kinds := r.kinds(after); !slices.Equal(kinds, []event.Kind{event.Updated, event.Updated}) {
		r.Errorf("other tags, and another text: %v", kinds)
	}
}

func eventsWake(r *room) {
	ctx := r.Context()
	id := memo.ID("")
	for what, happen := range map[string]func(){
		"a create": func() { id = r.create(plain("T", "some text")) },
		"an edit":  func() { r.update(r.create(plain("T", "x")), memo.Patch{Title: new("U")}) },
		"an upsert": func() {
			r.upsert(plain("T", "some text"))
		},
		"the end of work": func() { r.live(plain("T", "some text")) },
	} {
		signal := r.s.EventSignal()
		if signal != r.s.EventSignal() {
			r.Error("two followers wait on different channels")
		}
		happen()
		select {
		case <-signal:
		default:
			r.Errorf("%s woke nobody", what)
		}
		select {
		case <-r.s.EventSignal():
			r.Errorf("after %s the next signal has come already", what)
		default:
		}
		for _, w := range r.claim(10) {
			signal := r.s.EventSignal()
			r.must(r.s.Fail(ctx, w, "broken", r.now))
			<-signal
		}
	}
	signal := r.s.EventSignal()
	_, err := r.s.DeleteMemo(ctx, r.p, memo.Ref{ID: id}, r.now)
	r.must(err)
	<-signal
}

func oldEventsAreForgotten(r *room) {
	ctx := r.Context()
	other := r.db.AddProject(r.T)
	for range 600 { // more than one step
		r.now = r.now.Add(-time.Second + time.Millisecond)
		r.create(plain("T", "x"))
	}
	r.createIn(other, plain("T", "x"))
	before := r.tick()
	for range 3 {
		r.create(plain("T", "x"))
	}
	all := r.events(r.p, 100)
	n, err := r.s.PruneEvents(ctx, before)
	r.must(err)
	left := r.events(r.p, 0)
	if n != 600 || len(left) != 3 || len(r.events(other, 0)) != 1 || r.log().Oldest != left[0].Seq {
		r.Errorf("%d are forgotten, and %d left of %d; log %+v", n, len(left), len(all), r.log())
	}
	newest := r.log().Newest
	if n, err = r.s.PruneEvents(ctx, r.tick()); n != 2 || err != nil {
		r.Errorf("%d are forgotten, %v, want all but the last", n, err)
	}
	if log := r.log(); log.Oldest != newest || log.Newest != newest {
		r.Errorf("the log is %+v, want %d alone", log, newest)
	}
	r.create(plain("T", "x"))
	if log := r.log(); log.Newest <= newest {
		r.Errorf("after %d comes %d", newest, log.Newest)
	}
}

// hook stores a webhook of the project.
func (r *room) hook(p account.ProjectID, url string, kinds ...event.Kind) event.Webhook {
	r.Helper()
	w := event.Webhook{
		ID: event.WebhookID(newMemoID()), Project: p, URL: url, Kinds: kinds, Secret: "secret", Created: r.tick(),
	}
	r.must(r.s.CreateWebhook(r.Context(), w))
	return w
}

func webhooksAreKept(r *room) {
	ctx := r.Context()
	r.create(plain("T", "before"))
	var want []event.Webhook
	for i := range 3 {
		w := r.hook(r.p, fmt.Sprint("https://example.org/", i), event.Kinds()[:i]...)
		if i == 0 {
			w.Kinds = nil
		}
		w.Cursor = r.log().Newest
		want = append(want, w)
	}
	got, err := r.s.ListWebhooks(ctx, r.p)
	r.must(err)
	r.same(want, got, "webhooks")
	want[1].Delivery = event.Delivery{
		Cursor: 7, Attempt: 2, NotBefore: r.now.Add(time.Minute), LastError: "It answered 500", LastTaken: r.now,
	}
	r.must(r.s.SaveDelivery(ctx, want[1].ID, want[1].Delivery))
	one, err := r.s.FindWebhook(ctx, r.p, want[1].ID)
	r.must(err)
	r.same(want[1], one, "a webhook")
	other := r.db.AddProject(r.T)
	_, err = r.s.FindWebhook(ctx, other, want[0].ID)
	r.refused(err, fault.NotFound, "another project's webhook")
	r.refused(r.s.DeleteWebhook(ctx, other, want[0].ID), fault.NotFound, "deleting it")
	r.must(r.s.DeleteWebhook(ctx, r.p, want[0].ID))
	_, err = r.s.FindWebhook(ctx, r.p, want[0].ID)
	r.refused(err, fault.NotFound, "a deleted webhook")
	r.refused(r.s.SaveDelivery(ctx, want[0].ID, event.Delivery{}), fault.NotFound, "telling it")
	if got, err := r.s.ListWebhooks(ctx, other); len(got) != 0 || err != nil {
		r.Errorf("another project has %v, %v", got, err)
	}
}

func webhooksAreDue(r *room) {
	ctx := r.Context()
	other := r.db.AddProject(r.T)
	a, b, c := r.hook(r.p, "a"), r.hook(r.p, "b"), r.hook(other, "c")
	due := func(what string, limit int, want ...event.WebhookID) {
		r.Helper()
		got, err := r.s.DueWebhooks(ctx, r.now, limit)
		r.must(err)
		var ids []event.WebhookID
		for _, w := range got {
			ids = append(ids, w.ID)
		}
		if !slices.Equal(ids, want) {
			r.Errorf("%s: due are %v, want %v", what, ids, want)
		}
	}
	due("nothing has happened", 10)
	r.create(plain("T", "x"))
	due("something has", 10, a.ID, b.ID)
	r.must(r.s.SaveDelivery(ctx, a.ID, event.Delivery{LastTaken: r.now}))
	r.createIn(other, plain("T", "x"))
	due("the one before all others", 2, b.ID, c.ID)
	later := r.now.Add(time.Minute)
	r.must(r.s.SaveDelivery(ctx, b.ID, event.Delivery{Attempt: 1, NotBefore: later, LastError: "refused"}))
	r.must(r.s.SaveDelivery(ctx, c.ID, event.Delivery{Cursor: r.events(other, 0)[0].Seq, LastTaken: r.now}))
	due("one waits, one has taken all", 10, a.ID)
	r.now = later
	due("the time has come", 10, b.ID, a.ID)
	r.must(r.s.DeleteWebhook(ctx, r.p, a.ID))
	due("one is gone", 10, b.ID)
}
