package evaluate_test

import (
	"bytes"
	"compress/gzip"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"kvasir/internal/evaluate"
)

// The files of a small collection.
const (
	corpus = `{"id":"d1","title":"Herons","text":"Herons eat fish."}
{"_id":"d2","text":"Ducks eat seeds.","metadata":{}}

{"id":"d3","title":"Swans"}`
	queries = `{"id":"q1","text":"fishing birds"}
{"id":"q2","text":"nobody knows"}
{"id":"q3","text":"who eats seeds?"}
`
	qrels     = "query-id\tcorpus-id\tscore\nq1\td1\t2\nq1\td3\t0\nq2\td1\t0\nq3\td2\t1\nq3\tgone\t1\nq9\td1\t1\n"
	questions = `{"id":"a1","question":"What do herons eat?","answers":["fish","Fish."],"evidence":"d1"}`
)

func folder(changes ...string) fstest.MapFS {
	files := map[string]string{
		evaluate.CorpusFile: corpus, evaluate.QueriesFile: queries, evaluate.JudgementsFile: qrels,
		evaluate.QuestionsFile: questions,
	}
	for i := 0; i < len(changes); i += 2 {
		files[changes[i]] = changes[i+1]
	}
	fsys := fstest.MapFS{}
	for name, text := range files {
		if text != "" {
			fsys[name] = &fstest.MapFile{Data: []byte(text)}
		}
	}
	return fsys
}

func TestACollectionIsRead(t *testing.T) {
	t.Parallel()
	got, err := evaluate.ReadCollection(folder())
	if err != nil {
		t.Fatal(err)
	}
	want := &evaluate.Collection{
		Documents: []evaluate.Document{
			{ID: "d1", Title: "Herons", Text: "Herons eat fish."},
			{ID: "d2", Text: "Ducks eat seeds."},
			{ID: "d3", Title: "Swans"},
		},
		Queries: []evaluate.Query{{ID: "q1", Text: "fishing birds"}, {ID: "q3", Text: "who eats seeds?"}},
		Judged: evaluate.Judgements{
			"q1": {"d1": 2, "d3": 0}, "q2": {"d1": 0}, "q3": {"d2": 1, "gone": 1}, "q9": {"d1": 1},
		},
		Questions: []evaluate.Question{{ID: "a1", Text: "What do herons eat?", Answers: []string{"fish", "Fish."}}},
		Missing:   1,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestFilesMayBeCompressedAndSomeMissing(t *testing.T) {
	t.Parallel()
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write([]byte(corpus)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	files := folder(evaluate.CorpusFile, "", evaluate.CorpusFile+".gz", packed.String(), evaluate.QuestionsFile, "",
		evaluate.JudgementsFile, "q1\td1\t1\r\n") // without a head, as Windows ends lines
	got, err := evaluate.ReadCollection(files)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Documents) != 3 || len(got.Queries) != 1 || got.Judged["q1"]["d1"] != 1 || got.Questions != nil {
		t.Errorf("read %+v", got)
	}
}

func TestWrongFilesAreNamed(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, file, text, want string }{
		{"no corpus", evaluate.CorpusFile, "", "there is no corpus.jsonl"},
		{"no queries", evaluate.QueriesFile, "", "there is no queries.jsonl"},
		{"no judgements", evaluate.JudgementsFile, "", "there is no qrels.tsv"},
		{"an empty corpus", evaluate.CorpusFile, "\n", "corpus.jsonl is empty"},
		{"no JSON", evaluate.CorpusFile, corpus + "\n{", "corpus.jsonl:5: unexpected end of JSON"},
		{"no id", evaluate.CorpusFile, `{"text":"x"}`, `corpus.jsonl:1: there is no "id"`},
		{"an id again", evaluate.CorpusFile, corpus + "\n" + `{"id":"d1"}`, `corpus.jsonl:5: the id "d1" was there before`},
		{"an id that is no text", evaluate.QueriesFile, `{"id":7}`, "queries.jsonl:1: json: cannot unmarshal number"},
		{"no query", evaluate.QueriesFile, queries + `{"id":"q4","text":" "}`, "queries.jsonl:4: the query has no text"},
		{"spaces for tabs", evaluate.JudgementsFile, "q1 d1 1", "qrels.tsv:1: there are 1 fields"},
		{"four fields", evaluate.JudgementsFile, "q1\t0\td1\t1", "qrels.tsv:1: there are 4 fields"},
		{"no grade", evaluate.JudgementsFile, qrels + "q1\td2\tgood", `qrels.tsv:8: the grade "good" is no number`},
		{"a grade beyond all", evaluate.JudgementsFile, qrels + "q1\td2\tNaN", `qrels.tsv:8: the grade "NaN" is no number`},
		{"nothing judged", evaluate.JudgementsFile, "q7\td1\t1", "qrels.tsv has no relevant document for any query"},
		{"no question", evaluate.QuestionsFile, `{"id":"a","answers":["x"]}`, "answers.jsonl:1: there is no question"},
		{"no answer", evaluate.QuestionsFile, `{"id":"a","question":"x?"}`, "answers.jsonl:1: there is no answer"},
		{
			"an empty answer", evaluate.QuestionsFile, `{"id":"a","question":"x?","answers":[""]}`,
			"answers.jsonl:1: there is no answer",
		},
		{"not compressed", evaluate.CorpusFile + ".gz", "plain", "corpus.jsonl.gz: "},
	}
	for _, tt := range tests {
		files := folder(tt.file, tt.text)
		if strings.HasSuffix(tt.file, ".gz") {
			delete(files, evaluate.CorpusFile)
		}
		if _, err := evaluate.ReadCollection(files); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q", tt.name, err, tt.want)
		}
	}
}

// FuzzReadCollection reads anything without a panic, and never takes a query that
// cannot score.
func FuzzReadCollection(f *testing.F) {
	f.Add(corpus, queries, qrels, questions)
	f.Add(`{"id":"\u0000"}`, `{"id":"q","text":"x"}`, "q\td\t1e308", "")
	f.Fuzz(func(t *testing.T, corpus, queries, qrels, questions string) {
		c, err := evaluate.ReadCollection(folder(
			evaluate.CorpusFile, corpus, evaluate.QueriesFile, queries, evaluate.JudgementsFile, qrels,
			evaluate.QuestionsFile, questions))
		if err != nil {
			return
		}
		for _, q := range c.Queries {
			best := 0.0
			for _, grade := range c.Judged[q.ID] {
				best = max(best, grade)
			}
			if best == 0 || strings.TrimSpace(q.Text) == "" {
				t.Errorf("query %+v with grades %v", q, c.Judged[q.ID])
			}
		}
	})
}
