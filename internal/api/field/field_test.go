package field

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kvasir/internal/fault"
	"kvasir/internal/memo"
)

// of decodes a value.
func of[T any](t *testing.T, raw string) Of[T] {
	t.Helper()
	var f Of[T]
	if err := json.Unmarshal([]byte(raw), &f); err != nil {
		t.Fatalf("decoding %s fails: %v", raw, err)
	}
	return f
}

func TestValuesRememberHowTheyWereSent(t *testing.T) {
	t.Parallel()
	if f := of[string](t, `"a"`); f != (Of[string]{Value: "a", Sent: "string"}) || !f.Given() {
		t.Errorf("a text is %+v", f)
	}
	if f := of[int](t, `null`); f != (Of[int]{Sent: "null"}) || f.Given() {
		t.Errorf("null is %+v", f)
	}
	if f := of[float64](t, `1e999`); f.Wrong != "" || Number("n", f, 0, 1, new(float64)) == nil {
		t.Errorf("a number that is too large is %+v", f)
	}
	if f := of[int](t, `1e300`); f.Wrong != "" || f.Value != 1<<31-1 {
		t.Errorf("a whole number that is too large is %+v", f)
	}
	if (Of[string]{}).Given() || !IsBlank(Of[string]{}) || IsBlank(of[string](t, `1`)) {
		t.Error("what is absent is blank, what is wrong is not")
	}
	type inner struct{ A Of[int] }
	if f := of[inner](t, `{"A":"x"}`); f.Wrong != "" || f.Value.A.Wrong != "Expected number, received string" {
		t.Errorf("a struct is %+v", f)
	}
	if f := of[map[string]any](t, `{"n":1.50}`); f.Value["n"] != json.Number("1.50") {
		t.Errorf("an object is %+v", f)
	}
}

func TestWrongValues(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		raw  string
		got  func(raw string) wrong
		want wrong
	}{
		{`7`, wrongAs[string](t), wrong{"Expected string, received number", "7"}},
		{`"a\u0000"`, wrongAs[string](t), wrong{NoNUL, "a\x00"}},
		{`"true"`, wrongAs[bool](t), wrong{"Expected boolean, received string", "true"}},
		{`[1,[null,"a"],{}]`, wrongAs[float64](t), wrong{"Expected number, received array", "1,null,a,[object Object]"}},
		{`1.5`, wrongAs[int](t), wrong{"Expected integer, received float", "1.5"}},
		{`["a",1]`, wrongAs[[]string](t), wrong{"Expected string, received number", "a,1"}},
		{`"` + strings.Repeat("🦓", 60) + `"`, wrongAs[[]string](t),
			wrong{"Expected array, received string", strings.Repeat("🦓", 50)}},
		{`{"a":1}`, wrongAs[map[string]string](t), wrong{"Expected string, received number", "[object Object]"}},
		{`{"a\u0000":"b"}`, wrongAs[map[string]string](t), wrong{NoNUL, "[object Object]"}},
		{`{"a":[{"b":"\u0000"}]}`, wrongAs[map[string]any](t), wrong{NoNUL, "[object Object]"}},
		{`[]`, wrongAs[map[string]any](t), wrong{"Expected object, received array", ""}},
		{`true`, wrongAs[struct{}](t), wrong{"Expected object, received boolean", "true"}},
	} {
		if got := c.got(c.raw); got != c.want {
			t.Errorf("%s is %+v, want %+v", c.raw, got, c.want)
		}
	}
}

// A wrong value is told in words, and shown.
type wrong struct{ words, shown string }

// wrongAs returns what is said of a value that should be a T.
func wrongAs[T any](t *testing.T) func(raw string) wrong {
	return func(raw string) wrong {
		f := of[T](t, raw)
		return wrong{f.Wrong, f.Shown}
	}
}

func TestComplaints(t *testing.T) {
	t.Parallel()
	var c Complaints
	if c.Err(", ") != nil {
		t.Error("there is an error without a complaint")
	}
	long := `"` + strings.Repeat("ü", MaxUnits+1) + `"`
	if Check(&c, "a", of[string](t, `null`)) || CheckNullable(&c, "b", of[int](t, `null`)) ||
		CheckNullable(&c, "c", of[int](t, `"x"`)) || ShortText(&c, "d", of[string](t, long)) != nil {
		t.Error("a wrong value is good")
	}
	if !Check(&c, "e", of[int](t, `1`)) || *ShortText(&c, "f", of[string](t, `"g"`)) != "g" {
		t.Error("a good value is wrong")
	}
	err := c.Err("; ")
	want := "a: Expected string, received null; c: Expected number, received string; " +
		"d: String must contain at most 255 character(s)"
	if !fault.Is(err, fault.Invalid) || fault.Message(err) != want {
		t.Errorf("error = %v, want %s", err, want)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	on, number, whole := true, 0.5, 3
	for want, err := range map[string]error{
		"Invalid a: x. Must be a boolean.":                         Bool("a", of[bool](t, `"x"`), &on),
		"Invalid b: 1.5. Must be a number between 0 and 1.":        Number("b", of[float64](t, `1.5`), 0, 1, &number),
		"Invalid c: 1000000000. Must be a number between 0 and 1.": Number("c", of[float64](t, `1e9`), 0, 1, &number),
		"Invalid d: 0. Must be a whole number between 1 and 9.":    Integer("d", of[int](t, `0`), 1, 9, &whole),
		"Invalid e: 2.5. Must be a whole number between 1 and 9.":  Integer("e", of[int](t, `2.5`), 1, 9, &whole),
		"Invalid f: 7. Must be an object.":                         Object("f", of[struct{}](t, `7`)),
	} {
		if fault.Message(err) != want {
			t.Errorf("error = %v, want %s", err, want)
		}
	}
	for _, err := range []error{
		Bool("a", of[bool](t, `null`), &on), Number("b", Of[float64]{}, 0, 1, &number),
		Integer("c", of[int](t, `null`), 1, 9, &whole), Object("d", Of[struct{}]{}),
	} {
		if err != nil {
			t.Error(err)
		}
	}
	if !on || number != 0.5 || whole != 3 {
		t.Errorf("what was wrong or not sent is set: %v, %v, %v", on, number, whole)
	}
	if err := Integer("g", of[int](t, `9`), 1, 9, &whole); err != nil || whole != 9 {
		t.Errorf("%v, %d", err, whole)
	}
}

func TestCut(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		n    int
		want string
	}{
		{"abc", 3, "abc"}, {"abc", 2, "ab"}, {"äöü", 2, "äö"}, {"a🦓b", 2, "a"}, {"a🦓b", 3, "a🦓"}, {"a", 0, ""},
	} {
		if got := Cut(c.text, c.n); got != c.want {
			t.Errorf("Cut(%q, %d) = %q, want %q", c.text, c.n, got, c.want)
		}
	}
}

// FuzzOf decodes anything as anything. What is good says so; what is shown is short.
func FuzzOf(f *testing.F) {
	for _, seed := range []string{`null`, `"a\u0000"`, `1e999`, `[["a"]]`, `{"a":{"b":null}}`, `-0.5`, `true`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		if !json.Valid([]byte(raw)) {
			return
		}
		raw = strings.TrimSpace(raw)
		words := []string{
			of[string](t, raw).Shown, of[bool](t, raw).Shown, of[float64](t, raw).Shown, of[int](t, raw).Shown,
			of[[]string](t, raw).Shown, of[map[string]string](t, raw).Shown, of[map[string]any](t, raw).Shown,
			of[Date](t, raw).Shown, of[struct{ A Of[int] }](t, raw).Shown,
		}
		for _, shown := range words {
			if memo.UTF16Len(shown) > 100 {
				t.Errorf("of %q is shown %q", raw, shown)
			}
		}
		text := of[string](t, raw)
		var want string
		if err := json.Unmarshal([]byte(raw), &want); err == nil && text.Sent == "string" && text.Wrong == "" {
			if diff := cmp.Diff(want, text.Value); diff != "" {
				t.Error(diff)
			}
		}
	})
}

// TestValuesThatWouldBeBlownUp are refused before they are.
func TestValuesThatWouldBeBlownUp(t *testing.T) {
	t.Parallel()
	var body struct {
		Tags     Of[[]string]          `json:"tags"`
		Metadata Of[map[string]any]    `json:"metadata"`
		Scopes   Of[map[string]string] `json:"scopes"`
	}
	keys := strings.Repeat(`"k":"v",`, maxObject/8) + `"k":"v"`
	raw := `{"tags":[` + strings.Repeat(`"",`, 5*maxItems) + `""],"metadata":{` + keys + `},"scopes":{` + keys + `}}`
	if err := json.Unmarshal([]byte(raw), &body); err != nil {
		t.Fatal(err)
	}
	if n := len(body.Tags.Value); n != maxItems+1 {
		t.Errorf("%d tags are looked at", n)
	}
	if body.Metadata.Wrong != tooLarge || body.Scopes.Wrong != tooLarge {
		t.Errorf("metadata: %q, scopes: %q", body.Metadata.Wrong, body.Scopes.Wrong)
	}
}
