package bench

import (
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"kvasir/internal/provider/providertest"
)

func TestSpreads(t *testing.T) {
	t.Parallel()
	times := make([]time.Duration, 100)
	for i := range times {
		times[i] = time.Duration(100 - i) // 100 to 1
	}
	got := spreadOf(times)
	if want := (spread{100, 50, 95, 99, 100}); got != want {
		t.Errorf("spread of 1 to 100 = %+v, want %+v", got, want)
	}
	if got := spreadOf(nil); got != (spread{}) {
		t.Errorf("spread of nothing = %+v", got)
	}
	if got := spreadOf([]time.Duration{7}); got != (spread{1, 7, 7, 7, 7}) {
		t.Errorf("spread of one = %+v", got)
	}
}

func TestGoals(t *testing.T) {
	t.Parallel()
	r := &Report{}
	r.add("a", unitShare, 95).against(100).atLeast(0.95)
	r.add("b", unitShare, 94).against(100).atLeast(0.95)
	r.add("c", unitMs, 3).atMost(2, "≤ 2")
	r.add("d", unitMs, math.NaN()).atMost(2, "≤ 2") // what is unknown is not met
	r.add("e", unitMs, 1).against(math.Inf(1)).atLeast(0.5)
	var got []bool
	for _, f := range r.Figures {
		got = append(got, *f.Met)
	}
	if diff := cmp.Diff([]bool{true, false, false, false, false}, got); diff != "" {
		t.Errorf("met (-want +got):\n%s", diff)
	}
	if r.Figures[3].Measured != nil || r.Figures[4].Theory != nil {
		t.Error("what is no number is in the report")
	}
}

func TestTotalsSince(t *testing.T) {
	t.Parallel()
	then := providertest.Totals{Requests: 3, Tokens: 10, ByStatus: map[int]int{200: 3}, Peak: 2, Duplicates: 1}
	now := providertest.Totals{
		Requests: 10, Tokens: 25, ByStatus: map[int]int{200: 5, 429: 4, 0: 1}, Peak: 4, InFlight: 1, Duplicates: 3,
	}
	want := providertest.Totals{
		Requests: 7, Tokens: 15, ByStatus: map[int]int{200: 2, 429: 4, 0: 1}, Peak: 4, InFlight: 1, Duplicates: 2,
	}
	if diff := cmp.Diff(want, since(now, then)); diff != "" {
		t.Errorf("since (-want +got):\n%s", diff)
	}
}

// slow is a transport whose answers take a second to their headers, and another
// one to the end of their bodies.
type slow struct{}

func (slow) RoundTrip(*http.Request) (*http.Response, error) {
	time.Sleep(time.Second)
	return &http.Response{StatusCode: http.StatusOK, Body: &slowBody{}}, nil
}

type slowBody struct{ read bool }

func (b *slowBody) Read(p []byte) (int, error) {
	if b.read {
		time.Sleep(time.Second)
		return 0, io.EOF
	}
	b.read = true
	return copy(p, "{}"), nil
}

func (*slowBody) Close() error { return nil }

func TestAMeterMeasuresToTheEndOfTheBody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		plain := &meter{next: slow{}}
		byCall := &meter{next: slow{}, byCall: make([]atomic.Int64, 10)}
		for _, m := range []*meter{plain, byCall} {
			body := fmt.Sprintf(`{"input": ["%s%0*d: why?", "%s%0*d: why?"]}`,
				numbered, numberDigits, 3, numbered, numberDigits, 17)
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://provider", strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			resp, err := m.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
		if diff := cmp.Diff([]time.Duration{2 * time.Second}, plain.take()); diff != "" || len(plain.take()) > 0 {
			t.Errorf("times (-want +got):\n%s", diff)
		}
		for i := range byCall.byCall {
			want := map[int]int64{3: int64(2 * time.Second), 7: int64(2 * time.Second)}[i]
			if got := byCall.byCall[i].Load(); got != want {
				t.Errorf("call %d took %d, want %d", i, got, want)
			}
		}
	})
}
