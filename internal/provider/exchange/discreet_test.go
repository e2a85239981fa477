package exchange

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"kvasir/internal/llm"
)

func TestMessagesDoNotRepeatTheRequest(t *testing.T) {
	t.Parallel()
	payload, err := json.Marshal(map[string]any{
		"model": "text-embedding-3-large",
		"input": []string{"The \"ducks\" of Anna\nswim in the Isar at night.", "PIN 4711-0815", "a cat"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ message, want string }{
		{"out to lunch", "out to lunch"},
		{"", ""},
		{"the model text-embedding-3-large is not there", "the model text-embedding-3-large is not there"},
		{`cannot embed: The "ducks" of Anna swim in the Isar at night.`, "cannot embed: …"},
		{`input "swim in the Isar at night." is bad, and so is "of Anna swim in", too`, `input "…" is bad, and so is "of Anna swim in", too`},
		{"unknown PIN 4711-0815!", "unknown …!"},
		{"a cat is no text", "a cat is no text"},
		{"x The \"ducks\" of Anna swim in the Isar y PIN 4711-0815", "x …y …"},
	} {
		err := discreet(&llm.Error{Message: tt.message}, payload)
		if got := err.(*llm.Error).Message; got != tt.want {
			t.Errorf("%q becomes %q, want %q", tt.message, got, tt.want)
		}
	}
	if err := discreet(errNoEvents, payload); err != errNoEvents {
		t.Errorf("another error becomes %v", err)
	}
}

func FuzzDiscreet(f *testing.F) {
	f.Add("cannot read ", "the text of somebody else", "!")
	f.Fuzz(func(t *testing.T, before, text, after string) {
		clean := strings.Join(strings.Fields(strings.ToValidUTF8(text, "")), " ")
		payload, err := json.Marshal([]string{text})
		if err != nil || len(clean) < leastRun || len(clean) > 200 || clean != text {
			return
		}
		e := &llm.Error{Message: before + text + after}
		_ = discreet(e, payload)
		if strings.Contains(e.Message, text) {
			t.Errorf("%q is in %q", text, e.Message)
		}
	})
}

func TestAnEchoIsTakenOut(t *testing.T) {
	t.Parallel()
	e := start(t, Config{}, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
		echo(w, r)
	})
	_, err := Post[map[string]any](t.Context(), e, "/x", map[string]string{"input": "The secret of the other tenant."})
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("the error is %v", err)
	}
}
