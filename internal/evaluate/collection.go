// Package evaluate measures how well a project's documents are found and questions
// about them are answered.
//
// A [Collection] is documents, queries, and judgements of which documents are
// relevant to which query; it may have questions with their answers besides.
// [Search] asks every query, in one or in two [Configuration]s, and scores what is
// found by the measures of trec_eval; [Compare] tells whether two runs differ by more
// than chance; [Answers] asks the questions and looks whether what is cited contains
// the answer. A [Report] holds all of it, is kept as JSON, and can be a later one's
// baseline.
//
// The package reads files and calculates. How documents get into a project, and how
// it is asked, is the caller's: it hands in a [Searcher] and an [Asker].
package evaluate

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"slices"
	"strconv"
	"strings"
)

// The files of a collection. Each may be compressed, with .gz after its name; the
// last need not be there.
const (
	CorpusFile     = "corpus.jsonl"
	QueriesFile    = "queries.jsonl"
	JudgementsFile = "qrels.tsv"
	QuestionsFile  = "answers.jsonl"
)

// A Document is one text to be found.
type Document struct {
	ID    string
	Title string // may be empty
	Text  string // may be empty
}

// A Query is one thing to look for.
type Query struct {
	ID   string
	Text string
}

// Judgements are the grades of documents by query: how relevant each is. What is not
// listed, or graded 0 or less, is not relevant.
type Judgements map[string]map[string]float64

// A Question has answers that are known to be right, as they stand in a document.
type Question struct {
	ID      string
	Text    string
	Answers []string
}

// A Collection is what is measured with.
type Collection struct {
	Documents []Document
	Queries   []Query // those to which some document is relevant
	Judged    Judgements
	Questions []Question
	// Missing counts judged pairs whose document is not in the collection: it cannot
	// be found, and counts as not found.
	Missing int
}

// ReadCollection reads the files of a folder.
func ReadCollection(folder fs.FS) (*Collection, error) {
	c := &Collection{}
	var err error
	if c.Documents, err = readDocuments(folder); err != nil {
		return nil, err
	}
	if c.Queries, c.Judged, err = ReadQueries(folder, QueriesFile, folder, JudgementsFile); err != nil {
		return nil, err
	}
	if c.Questions, err = readQuestions(folder); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	there := make(map[string]bool, len(c.Documents))
	for _, d := range c.Documents {
		there[d.ID] = true
	}
	for _, q := range c.Queries {
		for id := range c.Judged[q.ID] {
			if !there[id] {
				c.Missing++
			}
		}
	}
	return c, nil
}

// ReadQueries reads a file of queries and one of judgements. Queries to which nothing
// is relevant are left out: no order could score above 0 on them.
func ReadQueries(queries fs.FS, queriesName string, judged fs.FS, judgedName string) ([]Query, Judgements, error) {
	judgements, err := readJudgements(judged, judgedName)
	if err != nil {
		return nil, nil, err
	}
	var list []Query
	seen := identities{}
	err = eachLine(queries, queriesName, func(raw []byte) error {
		id, line, err := decode(raw, seen)
		switch {
		case err != nil:
			return err
		case strings.TrimSpace(line.Text) == "":
			return errors.New("the query has no text")
		case judgements.relevant(id):
			list = append(list, Query{ID: id, Text: line.Text})
		}
		return nil
	})
	if err == nil && len(list) == 0 {
		err = fmt.Errorf("%s has no relevant document for any query of %s", judgedName, queriesName)
	}
	return list, judgements, err
}

// relevant reports whether any document is relevant to a query.
func (j Judgements) relevant(query string) bool {
	for _, grade := range j[query] {
		if grade > 0 {
			return true
		}
	}
	return false
}

// A line is one of any of the files of JSON.
type line struct {
	ID       string   `json:"id"`
	BEIR     string   `json:"_id"` // as the collections of BEIR call it
	Title    string   `json:"title"`
	Text     string   `json:"text"`
	Question string   `json:"question"`
	Answers  []string `json:"answers"`
}

// identities are those of a file so far.
type identities map[string]bool

// decode reads a line whose id was not there before.
func decode(raw []byte, seen identities) (id string, l line, err error) {
	if err := json.Unmarshal(raw, &l); err != nil {
		return "", l, err
	}
	switch id = cmp.Or(l.ID, l.BEIR); {
	case id == "":
		return "", l, errors.New(`there is no "id"`)
	case seen[id]:
		return "", l, fmt.Errorf("the id %q was there before", id)
	}
	seen[id] = true
	return id, l, nil
}

func readDocuments(folder fs.FS) ([]Document, error) {
	var list []Document
	seen := identities{}
	err := eachLine(folder, CorpusFile, func(raw []byte) error {
		id, line, err := decode(raw, seen)
		list = append(list, Document{ID: id, Title: line.Title, Text: line.Text})
		return err
	})
	if err == nil && len(list) == 0 {
		err = fmt.Errorf("%s is empty", CorpusFile)
	}
	return list, err
}

func readQuestions(folder fs.FS) ([]Question, error) {
	var list []Question
	seen := identities{}
	err := eachLine(folder, QuestionsFile, func(raw []byte) error {
		id, line, err := decode(raw, seen)
		switch {
		case err != nil:
			return err
		case strings.TrimSpace(line.Question) == "":
			return errors.New("there is no question")
		case len(line.Answers) == 0 || slices.Contains(line.Answers, ""):
			return errors.New("there is no answer, or an empty one")
		}
		list = append(list, Question{ID: id, Text: line.Question, Answers: line.Answers})
		return nil
	})
	return list, err
}

// readJudgements reads lines of query, document and grade, with tabs between. A first
// line whose third word is no number is a head.
func readJudgements(folder fs.FS, name string) (Judgements, error) {
	j := Judgements{}
	first := true
	err := eachLine(folder, name, func(raw []byte) error {
		head := first
		first = false
		fields := strings.Split(string(raw), "\t")
		if len(fields) != 3 {
			return fmt.Errorf("there are %d fields where a query, a document and a grade should be, with tabs between",
				len(fields))
		}
		grade, err := strconv.ParseFloat(strings.TrimSpace(fields[2]), 64)
		switch {
		case head && err != nil:
			return nil
		case err != nil || math.IsNaN(grade) || math.IsInf(grade, 0):
			return fmt.Errorf("the grade %q is no number", fields[2])
		case j[fields[0]] == nil:
			j[fields[0]] = map[string]float64{}
		}
		j[fields[0]][fields[1]] = grade
		return nil
	})
	return j, err
}

// eachLine reads a file, or its compressed form, line by line; empty ones are left
// out. An error names the file and the line.
func eachLine(folder fs.FS, name string, take func([]byte) error) error {
	name, file, err := open(folder, name)
	if err != nil {
		return err
	}
	defer file.Close()
	var body io.Reader = file
	if strings.HasSuffix(name, ".gz") {
		if body, err = gzip.NewReader(file); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	r := bufio.NewReader(body)
	for number := 1; ; number++ {
		raw, err := r.ReadBytes('\n')
		if err != nil && err != io.EOF {
			return fmt.Errorf("%s:%d: %w", name, number, err)
		}
		if raw := bytes.TrimRight(raw, "\r\n"); len(raw) > 0 {
			if err := take(raw); err != nil {
				return fmt.Errorf("%s:%d: %w", name, number, err)
			}
		}
		if err == io.EOF {
			return nil
		}
	}
}

// open opens a file or its compressed form, and returns which.
func open(folder fs.FS, name string) (string, fs.File, error) {
	file, err := folder.Open(name)
	if !errors.Is(err, fs.ErrNotExist) {
		return name, file, err
	}
	compressed := name + ".gz"
	if file, err := folder.Open(compressed); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return compressed, file, err
	}
	return name, nil, fmt.Errorf("there is no %s: %w", name, fs.ErrNotExist)
}
