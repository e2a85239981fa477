package field

import (
	"encoding/json"
	"testing"
	"time"
)

func TestDates(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`"2030-01-02T03:04:05Z"`:           "2030-01-02T03:04:05.000Z",
		`"2030-01-02T03:04:05.6789+02:00"`: "2030-01-02T01:04:05.678Z",
		`"2030-01-02T03:04"`:               "2030-01-02T03:04:00.000Z",
		`"2030-01-02"`:                     "2030-01-02T00:00:00.000Z",
		`"2030-01"`:                        "2030-01-01T00:00:00.000Z",
		`"2030"`:                           "2030-01-01T00:00:00.000Z",
		`"2030-01-02 03:04:05+00"`:         "2030-01-02T03:04:05.000Z",
		`"Wed, 02 Jan 2030 03:04:05 GMT"`:  "2030-01-02T03:04:05.000Z",
		`"Jan 2, 2030"`:                    "2030-01-02T00:00:00.000Z",
		`1893553445678`:                    "2030-01-02T03:04:05.678Z",
		`1.5`:                              "1970-01-01T00:00:00.001Z",
		`"soon"`:                           "Invalid date",
		`""`:                               "Invalid date",
		`"2030-02-30"`:                     "Invalid date",
		`"1893553445678"`:                  "Invalid date",
		`true`:                             "Invalid date",
		`8.7e15`:                           "Invalid date",
		`4e14`:                             "Invalid date",
		`1e999`:                            "Invalid date",
		`{}`:                               "Invalid date",
	} {
		var f Of[Date]
		if err := json.Unmarshal([]byte(text), &f); err != nil {
			t.Fatal(err)
		}
		got := f.Wrong
		if got == "" {
			got = time.Time(f.Value).Format("2006-01-02T15:04:05.000Z07:00")
		}
		if got != want {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
	}
}
