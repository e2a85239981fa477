package office

import "testing"

func TestNumberFormat(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		code  string
		value float64
		want  string
	}{
		{"", 0.1 + 0.2, "0.3"},
		{"General", 1234567, "1234567"},
		{"General", 1e20, "1E+20"},
		{"0", 2.5, "3"},
		{"0.00", 1.005, "1.01"},
		{"0.00", -3.14159, "-3.14"},
		{"#,##0", 1234567.8, "1,234,568"},
		{"#,##0.00", -1234.5, "-1,234.50"},
		{"0.##", 1.5, "1.5"},
		{"000", 7, "007"},
		{"0%", 0.256, "26%"},
		{"0.00%", 0.256, "25.60%"},
		{"0.00E+00", 12345, "1.23E+04"},
		{"#,##0,", 1234567, "1,235"},
		{`"$"#,##0.00`, 12.5, "$12.50"},
		{`"$"#,##0.00`, -12.5, "-$12.50"},
		{`[$€-407] #,##0`, 1500, "€ 1,500"},
		{`#,##0.00\ [$€-407];[Red]-#,##0.00\ [$€-407]`, -5, "-5.00 €"},
		{`_(* #,##0_);_(* (#,##0);_(* "-"_);_(@_)`, -1200, "(1,200)"},
		{`_(* #,##0_);_(* (#,##0);_(* "-"_);_(@_)`, 0, "-"},
		{`0" kg"`, 5, "5 kg"},
		{`0.0 "of 10;"`, 5, "5.0 of 10;"},
		{"# ?/?", 0.5, "0.5"},
		{"m/d/yyyy", 45292, "2024-01-01"},
		{"[$-409]mm/dd/yyyy", 45292, "2024-01-01"},
		{"yyyy-mm-dd hh:mm:ss", 45292.5, "2024-01-01 12:00:00"},
		{"dd.mm.yy hh:mm", 45292.75, "2024-01-01 18:00"},
		{"mmm yyyy", 45292, "2024-01"},
		{"mmm-yy", 45292, "2024-01"},
		{"yyyy", 45292, "2024"},
		{"d-mmm", 45292, "2024-01-01"},
		{"h:mm AM/PM", 0.75, "18:00"},
		{"[$-F800]dddd, mmmm dd, yyyy", 45292, "2024-01-01"},
		{"[h]:mm", 1.5, "36:00"},
		{"[h]:mm:ss", 0.25, "6:00:00"},
		{"mm:ss", 1.0 / 24 / 60, "00:01:00"},
		{"yyyy-mm-dd", 1, "1900-01-01"},
		{"yyyy-mm-dd", 59, "1900-02-28"},
		{"yyyy-mm-dd", 61, "1900-03-01"},
		{"yyyy-mm-dd", -1, "-1"},
		{"yyyy-mm-dd", 1e300, "1E+300"},
		{`yyyy"年"m"月"d"日"`, 45292, "2024-01-01"},
		{"@", 5, "5"},
		{`"`, 5, ""},
		{"[", 5, ""},
		{`\`, 5, `\`},
	} {
		if got := newNumberFormat(test.code).text(test.value, windows); got != test.want {
			t.Errorf("%q shows %v as %q, want %q", test.code, test.value, got, test.want)
		}
	}
	if got := newNumberFormat("yyyy-mm-dd").text(0, macintosh); got != "1904-01-01" {
		t.Errorf("the first day of 1904 is %q", got)
	}
}

func FuzzNumberFormat(f *testing.F) {
	f.Add(`_(* #,##0_);_(* (#,##0);_(* "-"_);_(@_)`, 5.5)
	f.Add("[$-409]yyyy-mm-dd hh:mm AM/PM", 45292.0)
	f.Fuzz(func(t *testing.T, code string, value float64) {
		if got := newNumberFormat(code).text(value, windows); len(got) > 2*len(code)+1000 {
			t.Errorf("%q shows %v as %d bytes", code, value, len(got))
		}
	})
}
