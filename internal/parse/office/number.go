package office

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// builtin returns the format codes that workbooks know by number.
func builtin(id string) string {
	switch id {
	case "1":
		return "0"
	case "2":
		return "0.00"
	case "3", "37", "38", "41", "42":
		return "#,##0"
	case "4", "39", "40", "43", "44":
		return "#,##0.00"
	case "9":
		return "0%"
	case "10":
		return "0.00%"
	case "11", "48":
		return "0.00E+00"
	case "14", "15", "27", "28", "29", "30", "31", "36", "50", "51", "52", "53", "54", "57", "58":
		return "yyyy-mm-dd"
	case "16":
		return "d-mmm"
	case "17":
		return "mmm-yy"
	case "18", "20", "32", "55":
		return "h:mm"
	case "19", "21", "33", "56":
		return "h:mm:ss"
	case "22":
		return "yyyy-mm-dd h:mm"
	case "45", "47":
		return "mm:ss"
	case "46":
		return "[h]:mm:ss"
	}
	return ""
}

// An epoch is the day that a workbook counts from.
type epoch int

const (
	windows   epoch = iota // 1900, with a leap day that was none
	macintosh              // 1904
)

// A numberFormat is how numbers look: its sections for positive and negative numbers
// and zero.
type numberFormat struct {
	sections []section
}

// A section is a part of a format code, read as far as it changes what a number says.
type section struct {
	general         bool
	before, after   string // what stands around the number
	decimals        int
	most            int // decimals that are written if they are not zero
	zeros           int // digits that are written before the point even if they are zero
	thousands       bool
	scale           float64 // 100 for percentages
	exponent        bool
	day, month      bool // it is a date, or
	year            bool
	hour, second    bool // a time
	minute, elapsed bool
	text            bool // nothing but text
}

// newNumberFormat reads a format code.
func newNumberFormat(code string) numberFormat {
	var f numberFormat
	if len(code) > maxFormat {
		code = ""
	}
	start, quoted := 0, false
	for i := 0; i < len(code); i++ {
		switch {
		case code[i] == '"':
			quoted = !quoted
		case code[i] == '\\' && !quoted:
			i++
		case code[i] == ';' && !quoted:
			f.sections = append(f.sections, readSection(code[start:i]))
			start = i + 1
		}
	}
	f.sections = append(f.sections, readSection(code[min(start, len(code)):]))
	return f
}

// maxFormat is the longest format code that Excel takes, and then some.
const maxFormat = 1000

// readSection reads one section of a format code.
func readSection(code string) section {
	s := section{scale: 1}
	if code == "" || strings.Contains(strings.ToLower(code), "general") || code == "@" {
		s.general = true
		return s
	}
	var digits strings.Builder
	var last byte // of the parts of a date
	for i := 0; i < len(code); i++ {
		c := code[i]
		switch {
		case c == '"':
			end := strings.IndexByte(code[i+1:], '"')
			if end < 0 {
				end = len(code) - i - 1
			}
			s.literal(code[i+1:i+1+end], digits.Len() > 0)
			i += end + 1
		case c == '\\' && i+1 < len(code):
			i++
			s.literal(code[i:i+1], digits.Len() > 0)
		case c == '_' || c == '*':
			i++ // a space as wide as the next character, or that character again and again
		case c == '[':
			end := max(strings.IndexByte(code[i:], ']'), 0)
			s.bracket(code[i+1:max(i+end, i+1)], digits.Len() > 0)
			if s.elapsed {
				last = 'h'
			}
			i += end
		case strings.IndexByte("0#?.,/", c) >= 0 && !s.isDate():
			digits.WriteByte(c)
		case strings.IndexByte("eE", c) >= 0 && i+1 < len(code) && strings.IndexByte("+-", code[i+1]) >= 0:
			s.exponent = true
			digits.WriteByte('E')
			i++
		case c == '%':
			s.scale *= 100
			s.literal("%", digits.Len() > 0)
		case s.date(code[i:], last) > 0:
			n := s.date(code[i:], last)
			last = code[i] | 0x20
			i += n - 1
		case strings.IndexByte("0#?.,/:", c) < 0:
			s.literal(code[i:i+1], digits.Len() > 0)
		}
	}
	s.readDigits(digits.String())
	return s
}

// literal adds what stands before or after the number.
func (s *section) literal(text string, after bool) {
	if after {
		s.after += text
	} else {
		s.before += text
	}
}

// bracket reads what is in brackets: a currency, or that hours go on beyond 24.
func (s *section) bracket(text string, after bool) {
	switch {
	case strings.HasPrefix(text, "$"):
		symbol, _, _ := strings.Cut(text[1:], "-")
		s.literal(symbol, after)
	case strings.Trim(strings.ToLower(text), "h") == "" && text != "":
		s.hour, s.elapsed = true, true
	case strings.Trim(strings.ToLower(text), "m") == "" && text != "":
		s.minute, s.elapsed = true, true
	case strings.Trim(strings.ToLower(text), "s") == "" && text != "":
		s.second, s.elapsed = true, true
	}
}

// date reads the letters of a part of a date or time that rest begins with, and
// returns how many they are. last is the part before it.
func (s *section) date(rest string, last byte) int {
	rest = strings.ToLower(rest)
	after := strings.TrimLeft(rest, rest[:1])
	n := len(rest) - len(after)
	switch rest[0] {
	case 'y', 'e':
		s.year = true
	case 'd':
		s.day = true
	case 'h':
		s.hour = true
	case 's':
		s.second = true
	case 'm':
		// It is minutes after hours or before seconds, else months.
		if n < 3 && (last == 'h' || strings.HasPrefix(strings.TrimLeft(after, ":. "), "s")) {
			s.minute = true
		} else {
			s.month = true
		}
	case 'a':
		for _, half := range []string{"am/pm", "a/p"} {
			if strings.HasPrefix(rest, half) {
				return len(half)
			}
		}
		return 0
	default:
		return 0
	}
	return n
}

// isDate reports whether the section shows dates or times.
func (s *section) isDate() bool { return s.day || s.month || s.year || s.hour || s.minute || s.second }

// readDigits reads where digits are.
func (s *section) readDigits(digits string) {
	digits, _, _ = strings.Cut(digits, "E")
	if strings.Contains(digits, "/") {
		s.general = true // a fraction: its value is as good
		return
	}
	whole, decimals, _ := strings.Cut(digits, ".")
	s.decimals = strings.Count(decimals, "0")
	s.most = s.decimals + strings.Count(decimals, "#") + strings.Count(decimals, "?")
	for _, part := range []string{whole, decimals} {
		for strings.HasSuffix(part, ",") {
			part = part[:len(part)-1]
			s.scale /= 1000
		}
	}
	s.zeros = strings.Count(whole, "0")
	s.thousands = strings.Contains(strings.TrimRight(whole, ","), ",")
	s.text = digits == "" && !s.isDate()
}

// text returns a number as the format shows it, dates and times as ISO has them.
func (f numberFormat) text(value float64, from epoch) string {
	s, n := f.sections[0], len(f.sections)
	negative := value < 0
	switch {
	case negative && n > 1:
		s, negative = f.sections[1], false
	case value == 0 && n > 2:
		s = f.sections[2]
	}
	switch {
	case math.IsNaN(value) || math.IsInf(value, 0) || s.general:
		return general(value)
	case s.isDate():
		return s.moment(value, from)
	case s.text:
		return strings.TrimSpace(s.before + s.after)
	}
	number := s.number(math.Abs(value) * s.scale)
	if negative && strings.Trim(number, "0.,") != "" {
		number = "-" + number
		if s.before != "" {
			return "-" + strings.TrimSpace(s.before+number[1:]+s.after)
		}
	}
	return strings.TrimSpace(s.before + number + s.after)
}

// number returns a positive number.
func (s section) number(value float64) string {
	if s.exponent {
		return strconv.FormatFloat(value, 'E', s.decimals, 64)
	}
	most := min(s.most, 30)
	if shifted := value * math.Pow10(most); shifted < 1e15 {
		value = math.Round(fifteen(shifted)) / math.Pow10(most) // halves go up
	}
	text := strconv.FormatFloat(value, 'f', most, 64)
	whole, decimals, _ := strings.Cut(text, ".")
	for len(decimals) > s.decimals && strings.HasSuffix(decimals, "0") {
		decimals = decimals[:len(decimals)-1]
	}
	for len(whole) < s.zeros {
		whole = "0" + whole
	}
	if s.thousands {
		for i := len(whole) - 3; i > 0; i -= 3 {
			whole = whole[:i] + "," + whole[i:]
		}
	}
	if decimals != "" {
		return whole + "." + decimals
	}
	return whole
}

// moment returns a date or time.
func (s section) moment(value float64, from epoch) string {
	if value < 0 || value > 2_958_466 { // the end of the year 9999
		return general(value)
	}
	seconds := int64(math.Round(value * 86_400))
	if s.elapsed {
		text := strconv.FormatInt(seconds/3600, 10) + ":" + twoDigits(seconds/60%60)
		if s.second {
			text += ":" + twoDigits(seconds%60)
		}
		return text
	}
	start := time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)
	switch {
	case from == macintosh:
		start = time.Date(1904, 1, 1, 0, 0, 0, 0, time.UTC)
	case value < 60: // before the leap day that was none
		start = time.Date(1899, 12, 31, 0, 0, 0, 0, time.UTC)
	}
	at := start.AddDate(0, 0, int(seconds/86_400)).Add(time.Duration(seconds%86_400) * time.Second)
	date, clock := "", ""
	switch {
	case s.year && !s.month && !s.day:
		date = "2006"
	case s.year && !s.day:
		date = "2006-01"
	case s.year || s.month || s.day:
		date = "2006-01-02"
	}
	switch {
	case s.second:
		clock = "15:04:05"
	case s.hour || s.minute:
		clock = "15:04"
	}
	return at.Format(strings.TrimSpace(date + " " + clock))
}

// twoDigits returns a number below 100 with two digits.
func twoDigits(n int64) string { return string([]byte{byte('0' + n/10%10), byte('0' + n%10)}) }

// general returns a number with as many digits as spreadsheets keep.
func general(value float64) string {
	if size := math.Abs(value); size != 0 && (size < 1e-9 || size >= 1e15) {
		return strconv.FormatFloat(value, 'G', 6, 64)
	}
	return strconv.FormatFloat(fifteen(value), 'f', -1, 64)
}

// fifteen returns a number as spreadsheets keep it, which is with 15 digits.
func fifteen(value float64) float64 {
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(value, 'g', 15, 64), 64)
	if err != nil {
		return value
	}
	return rounded
}
