package notify

import (
	"encoding/base64"
	"log/slog"
	"testing"
	"time"
)

func TestFailuresAreWaitedForLongerAndLonger(t *testing.T) {
	t.Parallel()
	s := New(nil, nil, slog.New(slog.DiscardHandler), nil)
	for attempt, most := range map[int]time.Duration{
		1: 5 * time.Second, 2: 10 * time.Second, 5: 80 * time.Second, 10: 2560 * time.Second, 11: time.Hour,
		100: time.Hour, 1 << 40: time.Hour,
	} {
		for range 100 {
			if got := s.delay(attempt); got < most/2 || got > most {
				t.Fatalf("after %d failures it waits %v, want %v to %v", attempt, got, most/2, most)
			}
		}
	}
}

// The example is the one by which libraries of the specification check themselves.
func TestSignaturesAreTheSpecifications(t *testing.T) {
	t.Parallel()
	key, err := base64.StdEncoding.DecodeString("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		t.Fatal(err)
	}
	got := sign(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", []byte(`{"test": 2432232314}`))
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
		t.Errorf("signed %s, want %s", got, want)
	}
}
