package data

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"kvasir/internal/fault"
)

func read(t testing.TB, data string, limits Limits) (title, text string, err error) {
	t.Helper()
	got, err := Read(t.Context(), strings.NewReader(data), int64(len(data)), limits)
	return got.Title, got.Text, err
}

const long = "This sentence is long enough not to stand on a line, which it is because it goes on and on, and on, " +
	"until there are more than two hundred bytes of it, and then some, as this is what the limit is. The end."

func TestRead(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, data, want string }{
		{"a scalar", `"hello"`, "hello\n"},
		{"numbers as they are spelled", `{"a": 1.50, "b": 12345678901234567890, "c": 1E5}`, "- a: 1.50\n- b: 12345678901234567890\n- c: 1E5\n"},
		{"keys twice", `{"a": 1, "a": 2}`, "- a: 1\n- a: 2\n"},
		{"nothing in a value", `{"a": null, "b": "", "c": [], "d": {}, "e": false}`, "- e: false\n"},
		{"a title", `{"name": "Ann", "age": 5}`, "# Ann\n\n- name: Ann\n- age: 5\n"},
		{"a long text", `{"a": 1, "text": "` + long + `", "b": 2}`, "- a: 1\n\ntext:\n" + long + "\n\n- b: 2\n"},
		{"a text with lines", `{"a": "x\r\n# y\n\nz"}`, "a:\nx\n\\# y\n\nz\n"},
		{"short parts", `{"tags": ["x", "y"], "at": {"lat": 1, "lon": 2}}`, "- tags: x, y\n- at: lat: 1, lon: 2\n"},
		{
			"deep parts, after what is short",
			`{"a": {"b": {"c": {"d": {"e": {"f": {"g": {"h": [1, {"i": 2}]}}}}}}}, "z": 1}`,
			"- z: 1\n\n# a\n\n## b\n\n### c\n\n#### d\n\n##### e\n\n###### f\n\n- g: h: [1, {i: 2}]\n",
		},
		{"a table", `[{"a": 1, "b": "x|y"}, {"b": "z", "a": 2}]`, "| a | b |\n| --- | --- |\n| 1 | x\\|y |\n| 2 | z |\n"},
		{"a table inside", `{"rows": [{"a": 1, "b": 2}, {"a": 3}]}`, "# rows\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n| 3 |  |\n"},
		{"lines", "{\"a\": 1}\n{\"a\": 2}\n\n{\"a\": 3}", "| a |\n| --- |\n| 1 |\n| 2 |\n| 3 |\n"},
		{
			"records", `[{"id": "x", "text": "` + long + `"}, {"text": "` + long + `"}]`,
			"# x\n\n- id: x\n\ntext:\n" + long + "\n\n# Record 2\n\ntext:\n" + long + "\n",
		},
		{"a list", `["a", 1, [2, 3], {"b": "c"}]`, "- a\n- 1\n\n# Record 3\n\n- 2\n- 3\n\n# Record 4\n\n- b: c\n"},
		{"a list inside", `{"x": ["a", [2, 3], "` + long + `"]}`, "# x\n\n- a\n- 2, 3\n- " + long + "\n"},
		{"a file in base64", `{"a": "` + strings.Repeat("QUJD", 1000) + `"}`, "- a: (4000 characters without a space)\n"},
		{"UTF-16", "\xff\xfe\"\x00\xfc\x00\"\x00", "ü\n"},
		{"control characters", `{"a": "x\u0000\u001by"}`, "- a: xy\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, got, err := read(t, test.data, Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestTitle(t *testing.T) {
	t.Parallel()
	if title, _, err := read(t, `{"id": 1, "Title": "Minutes"}`, Limits{}); err != nil || title != "Minutes" {
		t.Errorf("title = %q, %v", title, err)
	}
}

// TestRecordThatDoesNotFit has a record beyond those that are looked at which is not
// like them. The table ends there.
func TestRecordThatDoesNotFit(t *testing.T) {
	t.Parallel()
	data := strings.Repeat("{\"a\": 1}\n", heldRecords+50) + "{\"name\": \"odd\"}\n{\"a\": 2}\n"
	_, text, err := read(t, data, Limits{})
	if err != nil || strings.Count(text, "| 1 |") != heldRecords+50 || !strings.Contains(text, "# odd\n\n- name: odd\n") ||
		!strings.HasSuffix(text, "- a: 2\n") {
		t.Errorf("text ends %q, %v", text[max(0, len(text)-80):], err)
	}
}

func TestManyRows(t *testing.T) {
	t.Parallel()
	const n = 2*maxRows + 10
	_, text, err := read(t, strings.Repeat("{\"a\": 1}\n", n), Limits{})
	if rows := strings.Count(text, "| 1 |"); err != nil || rows != n {
		t.Errorf("%d rows, %v; want %d", rows, err, n)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, data string
		limits     Limits
		kind       fault.Kind
		want       string
	}{
		{"nothing", " \n", Limits{}, fault.Invalid, "no values"},
		{"no values", `{"a": null}`, Limits{}, fault.Invalid, "no values"},
		{"no JSON", "hello", Limits{}, fault.Invalid, "no valid JSON"},
		{"the wrong end", `{"a": 1]`, Limits{}, fault.Invalid, "no valid JSON"},
		{"no end", `{"a": [1, 2`, Limits{}, fault.Invalid, "ends in the middle"},
		{"a line that is wrong", "{\"a\": 1}\n{\"a\": 2}\n{\"a\": oops}\n", Limits{}, fault.Invalid, "in record 3"},
		{"100,000 levels", strings.Repeat("[", 100_000), Limits{}, fault.TooLarge, "more than 500 deep"},
		{"100,000 levels of objects", strings.Repeat(`{"a":`, 100_000), Limits{}, fault.TooLarge, "more than 500 deep"},
		{"many values", "{\"a\": [" + strings.Repeat("1,", 5000) + "1]}", Limits{Values: 1000}, fault.TooLarge,
			"1000 values"},
		{"much text", "[" + strings.Repeat(`"`+long+`",`, 10_000) + "1]", Limits{Text: 1 << 20}, fault.TooLarge, "more than 1 MB"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, text, err := read(t, test.data, test.limits)
			if !fault.Is(err, test.kind) || !strings.Contains(fault.Message(err), test.want) {
				t.Errorf("Read = %.100q, %v; want a fault that says %q", text, err, test.want)
			}
		})
	}
}

func TestContextEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	cancel(why)
	data := strings.Repeat("{\"a\": 1}\n", 1000)
	if _, err := Read(ctx, strings.NewReader(data), int64(len(data)), Limits{}); !errors.Is(err, why) {
		t.Errorf("error = %v, want %v", err, why)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`[{"a": 1, "b": [true, null, "x"]}, {"a": {"c": 1e5}}]`))
	f.Add([]byte("{\"a\": 1}\n{\"a\": 2}\n"))
	f.Add([]byte(`{"title": "x", "a": {"b": {"c": {"d": {"e": {"f": {"g": [1]}}}}}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := Read(t.Context(), bytes.NewReader(data), int64(len(data)), Limits{Text: 1 << 20})
		if err == nil && (strings.TrimSpace(got.Text) == "" && len(got.Text) > 0 || !utf8.ValidString(got.Text)) {
			t.Errorf("Read(%q) = %q", data, got.Text)
		}
		if _, ok := errors.AsType[*fault.Fault](err); err != nil && !ok {
			t.Errorf("Read(%q): %v, which is no fault", data, err)
		}
	})
}

func BenchmarkRead(b *testing.B) {
	var data strings.Builder
	for i := range 50_000 {
		fmt.Fprintf(&data, "{\"id\": %d, \"name\": \"Ann Smith\", \"note\": \"said yes; then no\"}\n", i)
	}
	b.SetBytes(int64(data.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := read(b, data.String(), Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}
