package notify_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kvasir/internal/account"
	"kvasir/internal/event"
	"kvasir/internal/fault"
	"kvasir/internal/notify"
)

// caughtUp reports whether a webhook has taken all there is.
func (r *room) caughtUp(w event.Webhook) bool {
	r.t.Helper()
	log, err := r.store.EventLog(r.t.Context(), r.project)
	if err != nil {
		r.t.Fatal(err)
	}
	return w.Cursor >= log.Newest
}

func TestAReceiverIsToldInOrder(t *testing.T) {
	t.Parallel()
	r := open(t, quick)
	r.add("before") // nobody has asked for it
	v := receive(t, nil)
	w := r.create(v.URL)
	v.set(func(v *receiver) { v.secret = w.Secret })
	r.run()
	first := r.add("a")
	r.add("b")
	r.remove(first)
	r.until(w.ID, r.caughtUp)
	if diff := cmp.Diff([]string{"memo.created a", "memo.created b", "memo.deleted a"}, v.events()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	got := v.taken[0].Events[0]
	want := map[string]any{"memo_uuid": string(first), "reference_id": "ref-a", "title": "a", "generation": 1.0}
	if diff := cmp.Diff(want, got.Data); diff != "" || got.Created.IsZero() || v.taken[0].Webhook != string(w.ID) {
		t.Errorf("event %+v (-want +got):\n%s", got, diff)
	}
	if d := r.find(w.ID).Delivery; d.LastTaken.IsZero() || d.Attempt != 0 || d.LastError != "" {
		t.Errorf("the webhook's state is %+v", d)
	}
}

func TestManyEventsComeInBatches(t *testing.T) {
	t.Parallel()
	r := open(t, quick)
	v := receive(t, nil)
	w := r.create(v.URL)
	var want []string
	for i := range 250 {
		r.add(fmt.Sprint(i))
		want = append(want, fmt.Sprint("memo.created ", i))
	}
	r.run()
	r.until(w.ID, r.caughtUp)
	if diff := cmp.Diff(want, v.events()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if len(v.taken) != 3 {
		t.Errorf("%d requests for 250 events, want 3", len(v.taken))
	}
}

func TestOnlyKindsThatWereAskedForAreSent(t *testing.T) {
	t.Parallel()
	r := open(t, quick)
	v := receive(t, nil)
	w := r.create(v.URL, event.Deleted, event.Failed, event.Deleted)
	r.run()
	r.remove(r.add("a"))
	r.until(w.ID, r.caughtUp)
	r.add("b")
	r.until(w.ID, r.caughtUp)
	if diff := cmp.Diff([]string{"memo.deleted a"}, v.events()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if len(v.taken) != 1 {
		t.Errorf("%d requests, want one", len(v.taken))
	}
}

func TestWhatAReceiverDidNotTakeIsSentAgain(t *testing.T) {
	t.Parallel()
	r := open(t, quick)
	var tries atomic.Int32
	var ids [4]string
	v := receive(t, func(w http.ResponseWriter, q *http.Request) int {
		n := tries.Add(1)
		if n <= 4 {
			ids[n-1] = q.Header.Get("webhook-id")
		}
		switch n {
		case 1:
			return http.StatusInternalServerError
		case 2:
			panic(http.ErrAbortHandler) // the connection breaks off
		case 3:
			w.Header().Set("Location", "https://example.com/")
			return http.StatusFound
		}
		return http.StatusOK
	})
	w := r.create(v.URL)
	r.add("a")
	r.run()
	r.until(w.ID, r.caughtUp)
	if diff := cmp.Diff([]string{"memo.created a"}, v.events()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if ids[0] == "" || ids != [4]string{ids[0], ids[0], ids[0], ids[0]} {
		t.Errorf("the message changed its id when it was sent again: %v", ids)
	}
	log := r.log.String()
	for _, secret := range []string{"topsecret", w.Secret, strings.TrimPrefix(w.Secret, "whsec_")} {
		if strings.Contains(log, secret) {
			t.Errorf("the log tells a secret:\n%s", log)
		}
	}
	for _, words := range []string{"answered 500 Internal Server Error", "broke off", "answered 302 Found"} {
		if !strings.Contains(log, words) {
			t.Errorf("the log does not say %q:\n%s", words, log)
		}
	}
}

func TestAReceiverSaysWhenToComeAgain(t *testing.T) {
	t.Parallel()
	r := open(t, quick)
	v := receive(t, func(w http.ResponseWriter, _ *http.Request) int {
		w.Header().Set("Retry-After", "3600")
		return http.StatusTooManyRequests
	})
	w := r.create(v.URL)
	r.add("a")
	r.run()
	got := r.until(w.ID, func(w event.Webhook) bool { return w.Attempt > 0 })
	if wait := time.Until(got.NotBefore); wait < 59*time.Minute || notify.Paused(got.Delivery) {
		t.Errorf("it is tried again in %v, want an hour", wait)
	}
	if got.LastError != "The receiver answered 429 Too Many Requests" {
		t.Errorf("the reason is %q", got.LastError)
	}
}

func TestADeadReceiverDelaysNobody(t *testing.T) {
	t.Parallel()
	opts := quick
	opts.Timeout, opts.AtOnce = time.Hour, 4
	r := open(t, opts)
	released := make(chan struct{})
	dead := receive(t, func(_ http.ResponseWriter, q *http.Request) int {
		select {
		case <-released:
		case <-q.Context().Done():
		}
		return http.StatusOK
	})
	for range 3 {
		r.create(dead.URL)
	}
	v := receive(t, nil)
	w := r.create(v.URL)
	end := r.run()
	for i := range 5 {
		r.add(fmt.Sprint(i))
		r.until(w.ID, r.caughtUp)
	}
	end() // does not wait for the dead
	close(released)
	if got := len(v.events()); got != 5 {
		t.Errorf("%d events were taken, want 5", got)
	}
	if hooks, err := r.List(t.Context(), r.project); err != nil || hooks[0].Attempt != 0 {
		t.Errorf("a stop counts as a failure of the receiver: %+v, %v", hooks[0].Delivery, err)
	}
}

func TestAReceiverThatStallsIsGivenUp(t *testing.T) {
	t.Parallel()
	opts := quick
	opts.Timeout = 20 * time.Millisecond
	r := open(t, opts)
	v := receive(t, func(_ http.ResponseWriter, q *http.Request) int {
		<-q.Context().Done()
		return http.StatusOK
	})
	w := r.create(v.URL)
	r.add("a")
	r.run()
	got := r.until(w.ID, func(w event.Webhook) bool { return w.Attempt > 1 })
	if got.LastError != "The receiver did not answer within 20ms" {
		t.Errorf("the reason is %q", got.LastError)
	}
}

func TestAReceiverThatFailsForDaysIsPausedUntilATest(t *testing.T) {
	t.Parallel()
	opts := quick
	opts.GiveUp = time.Nanosecond
	r := open(t, opts)
	v := receive(t, func(http.ResponseWriter, *http.Request) int { return http.StatusBadGateway })
	w := r.create(v.URL)
	r.add("a")
	r.run()
	paused := func(w event.Webhook) bool { return notify.Paused(w.Delivery) }
	got := r.until(w.ID, paused)
	if want := "The receiver answered 502 Bad Gateway, 10 times in a row"; got.LastError != want || v.tried != 10 {
		t.Errorf("paused after %d tries: %q, want %q", v.tried, got.LastError, want)
	}
	if err := r.Test(t.Context(), r.project, w.ID); !fault.Is(err, fault.Unavailable) {
		t.Errorf("a test of what is down: %v", err)
	}
	if !paused(r.find(w.ID)) {
		t.Error("a test that failed has ended the pause")
	}
	r.add("b")
	v.set(func(v *receiver) { v.answer = nil })
	if err := r.Test(t.Context(), r.project, w.ID); err != nil {
		t.Fatal(err)
	}
	got = r.until(w.ID, r.caughtUp)
	if diff := cmp.Diff([]string{"ping", "memo.created a", "memo.created b"}, v.events()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if got.LastError != "" || got.Attempt != 0 {
		t.Errorf("the webhook's state is %+v", got.Delivery)
	}
}

func TestAReceiverThatIsGonePausesAtOnce(t *testing.T) {
	t.Parallel()
	r := open(t, quick)
	v := receive(t, func(http.ResponseWriter, *http.Request) int { return http.StatusGone })
	w := r.create(v.URL)
	r.add("a")
	r.run()
	got := r.until(w.ID, func(w event.Webhook) bool { return notify.Paused(w.Delivery) })
	if got.Attempt != 1 || got.LastError != "The receiver answered 410 Gone" {
		t.Errorf("paused as %+v", got.Delivery)
	}
}

func TestWebhooksAreCheckedAndCounted(t *testing.T) {
	t.Parallel()
	r := open(t, quick)
	for _, tt := range []struct {
		url, want string
		kinds     []event.Kind
	}{
		{"ftp://example.com", "url: Only http and https", nil},
		{"http://10.0.0.1/", "url: 10.0.0.1 is not on the public internet", nil},
		{"https://example.com/", `kinds: There is no event "memo.eaten"`, []event.Kind{"memo.eaten"}},
	} {
		_, err := r.Create(t.Context(), r.project, tt.url, tt.kinds)
		if !fault.Is(err, fault.Invalid) || !strings.Contains(fault.Message(err), tt.want) {
			t.Errorf("Create of %q: %v, want %q", tt.url, err, tt.want)
		}
	}
	var last event.Webhook
	for range 20 {
		last = r.create("https://example.com/", event.Failed)
	}
	if _, err := r.Create(t.Context(), r.project, "https://example.com/", nil); !fault.Is(err, fault.Invalid) {
		t.Errorf("the 21st webhook: %v", err)
	}
	hooks, err := r.List(t.Context(), r.project)
	if err != nil || len(hooks) != 20 || hooks[19].Secret != last.Secret || !strings.HasPrefix(last.Secret, "whsec_") {
		t.Errorf("List gave %d webhooks, %v", len(hooks), err)
	}
	stranger := account.ProjectID("00000000-0000-0000-0000-000000000000")
	if err := r.Delete(t.Context(), stranger, last.ID); !fault.Is(err, fault.NotFound) {
		t.Errorf("another project deletes a webhook: %v", err)
	}
	if err := r.Test(t.Context(), stranger, last.ID); !fault.Is(err, fault.NotFound) {
		t.Errorf("another project tests a webhook: %v", err)
	}
	if err := r.Delete(t.Context(), r.project, last.ID); err != nil {
		t.Error(err)
	}
}

func TestOldEventsAreForgotten(t *testing.T) {
	t.Parallel()
	opts := quick
	opts.Retention = time.Nanosecond
	r := open(t, opts)
	r.add("a")
	r.add("b")
	r.run()
	for range 5000 {
		events, err := r.store.Events(t.Context(), r.project, 0, 10)
		if err != nil {
			t.Fatal(err)
		}
		if len(events) == 1 {
			return // the last one tells where the log ends
		}
		<-time.After(2 * time.Millisecond)
	}
	t.Error("old events are still there")
}
