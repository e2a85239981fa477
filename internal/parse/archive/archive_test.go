package archive

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kvasir/internal/fault"
)

// makeZIP returns an archive of the parts, which are names and contents in turn.
func makeZIP(t testing.TB, parts ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(parts); i += 2 {
		w, err := z.Create(parts[i])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, parts[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// open opens an archive that is held in memory.
func open(t testing.TB, data []byte, limits Limits) *Archive {
	t.Helper()
	a, err := Open(t.Context(), bytes.NewReader(data), int64(len(data)), limits)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestJoin(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ from, reference, want string }{
		{"", "word/document.xml", "word/document.xml"},
		{"word/document.xml", "media/a.png", "word/media/a.png"},
		{"word/document.xml", "/word/styles.xml", "word/styles.xml"},
		{"ppt/slides/slide1.xml", "../notes/n.xml", "ppt/notes/n.xml"},
		{"a/b", "../../../../etc/passwd", "etc/passwd"},
		{"a/b", "c%20d.xhtml#part", "a/c d.xhtml"},
		{"a/b", "50%", "a/50%"},
	} {
		if got := Join(test.from, test.reference); got != test.want {
			t.Errorf("Join(%q, %q) = %q, want %q", test.from, test.reference, got, test.want)
		}
	}
}

func TestOpen(t *testing.T) {
	t.Parallel()
	data := makeZIP(t, "../Up.xml", "up", "two", "a", "two", "b")
	a := open(t, data, Limits{})
	r, err := a.Open("/UP.xml")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got, err := io.ReadAll(r); string(got) != "up" || err != nil {
		t.Errorf("entry = %q, error %v", got, err)
	}
	if _, err := a.Open("two"); !fault.Is(err, fault.Invalid) {
		t.Errorf("a name that is there twice: error = %v", err)
	}
	if _, err := a.Open("none"); !errors.Is(err, ErrAbsent) || a.Has("none") {
		t.Errorf("a name that is not there: error = %v", err)
	}
	// The flag of encryption, in the directory.
	at := bytes.Index(data, []byte("PK\x01\x02"))
	data[at+8] |= 1
	if _, err := open(t, data, Limits{}).Open("up.xml"); !strings.Contains(fault.Message(err), "encrypted") {
		t.Errorf("an encrypted entry: error = %v", err)
	}
}

func TestWhatIsDamagedSaysSo(t *testing.T) {
	t.Parallel()
	data := makeZIP(t, "x.xml", "<a>"+strings.Repeat("<b>text</b>", 100)+"</a>")
	broken := bytes.Clone(data)
	broken[45] ^= 0xff // in the packed bytes
	ignore := func(*Node) error { return nil }
	if err := open(t, broken, Limits{}).Trees("x.xml", "a", nil, ignore); !fault.Is(err, fault.Invalid) {
		t.Errorf("broken bytes: error = %v", err)
	}
	if _, err := Open(t.Context(), bytes.NewReader(data), int64(len(data)-30), Limits{}); !fault.Is(err, fault.Invalid) {
		t.Errorf("a short file: error = %v", err)
	}
	if _, err := open(t, data, Limits{}).Root("none"); !fault.Is(err, fault.Invalid) {
		t.Errorf("the root of nothing: error = %v", err)
	}
}

func TestTrees(t *testing.T) {
	t.Parallel()
	a := open(t, makeZIP(t, "x.xml", `<?xml version="1.0" encoding="iso-8859-1"?><!DOCTYPE r [<!ENTITY e "no">]><r xmlns:r="r">`+
		`<text>not this</text><body><text><p r:id="1" id="2">caf`+"\xe9"+` <b>x</b>&eacute;</p><skip><p/></skip><q><p/></q></text></body></r>`), Limits{})
	var got []string
	err := a.Trees("x.xml", "body/text", map[string]bool{"skip": true}, func(n *Node) error {
		got = append(got, n.Name+" "+n.Text()+n.Relation("id"))
		if n.Name == "q" && (len(n.Find("p")) != 1 || n.Find("p", "p", "q") == nil || n.Child("p", "x").Val("y") != "") {
			t.Errorf("the tree of q is %+v", n)
		}
		return nil
	})
	if diff := cmp.Diff([]string{"p café xé1", "q "}, got); diff != "" || err != nil {
		t.Errorf("trees, error %v (-want +got):\n%s", err, diff)
	}
	a = open(t, makeZIP(t, "x.xml", `<!DOCTYPE r [<!ENTITY e "no">]><r><p>&e;</p></r>`), Limits{})
	if err := a.Trees("x.xml", "r", nil, func(*Node) error { return nil }); !fault.Is(err, fault.Invalid) {
		t.Errorf("an entity of the document's own: error = %v", err)
	}
}
