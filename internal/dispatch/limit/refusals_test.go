package limit

import (
	"strings"
	"testing"
	"time"
)

func TestRefusals(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		outcomes string // s success, r refusal, . a pause longer than the interval
		want     bool   // of the last
	}{
		{"a refusal alone", "r", false},
		{"two in a row", "rr", true},
		{"two far apart", "r.r", false},
		{"one among successes", "ssssssssr", false},
		{"two among successes", "ssssssssrr", false},
		{"one in ten", "sssssssssrsssssssssrsssssssssr", false},
		{"all after many successes", strings.Repeat("s", 1000) + strings.Repeat("r", 8), true},
		{"a success after refusals", "rrrrs", false},
		{"and the next refusal", "rrrrsr", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var w Refusals
			now, limited := time.Now(), false
			for _, o := range tt.outcomes {
				now = now.Add(100 * time.Millisecond)
				if o == '.' {
					now = now.Add(throttleInterval)
					continue
				}
				limited = w.Note(o == 'r', now)
			}
			if limited != tt.want {
				t.Errorf("after %.40s: limited %t, want %t", tt.outcomes, limited, tt.want)
			}
		})
	}
}
