package evaluate

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// A Reply is an answer, and the texts that its citations point at, as they stand in
// the documents.
type Reply struct {
	Text  string
	Cited []string
}

// An Asker answers a question.
type Asker func(ctx context.Context, question string) (Reply, error)

// Answers is how good answers are, without a model to judge them: whether the right
// answer, which stands word for word in a document, is where an answer says it is.
type Answers struct {
	Asked int `json:"asked"`
	// Answered is the share of the questions whose answer cites anything. The next
	// two are shares of these.
	Answered float64 `json:"answered"`
	Said     float64 `json:"said"`  // the answer contains a right one
	Cited    float64 `json:"cited"` // some citation of it does
	// Citations counts those of all answers. Right is the share that contains a right
	// answer: of several of one answer, others may still support what it says.
	Citations int     `json:"citations"`
	Right     float64 `json:"right"`

	Latency   Latency       `json:"latency_ms"` // of whole answers
	Questions []AnswerScore `json:"questions"`
}

// An AnswerScore is how well one question was answered.
type AnswerScore struct {
	ID        string  `json:"id"`
	Text      string  `json:"text"`
	Answer    string  `json:"answer"`
	Said      bool    `json:"said"`
	Citations int     `json:"citations"`
	Right     int     `json:"right"` // of them
	Took      float64 `json:"ms"`
}

// Some returns at most n questions, evenly spread over all.
func Some(questions []Question, n int) []Question {
	if n >= len(questions) {
		return questions
	}
	some := make([]Question, n)
	for i := range some {
		some[i] = questions[i*len(questions)/n]
	}
	return some
}

// Ask asks the questions, so many at once, and looks for the right answers in the
// replies. With an error, or the end of ctx, there are answers to some of them. Each
// call of asked tells of one.
func Ask(ctx context.Context, questions []Question, jobs int, reply Asker, asked func()) (*Answers, error) {
	scores := make([]*AnswerScore, len(questions))
	g, asking := errgroup.WithContext(ctx)
	g.SetLimit(max(jobs, 1))
	for i, q := range questions {
		if asking.Err() != nil {
			break
		}
		g.Go(func() error {
			began := time.Now()
			answer, err := reply(asking, q.Text)
			if err != nil {
				return fmt.Errorf("question %s: %w", q.ID, err)
			}
			scores[i] = score(q, answer, time.Since(began))
			asked()
			return nil
		})
	}
	err := g.Wait()
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	a := &Answers{Questions: []AnswerScore{}}
	for _, s := range scores {
		if s != nil {
			a.Questions = append(a.Questions, *s)
		}
	}
	a.sum()
	return a, err
}

// score looks for the right answers in a reply.
func score(q Question, reply Reply, took time.Duration) *AnswerScore {
	s := &AnswerScore{
		ID: q.ID, Text: q.Text, Answer: reply.Text, Citations: len(reply.Cited), Took: milliseconds(took),
		Said: contains(reply.Text, q.Answers),
	}
	for _, text := range reply.Cited {
		if contains(text, q.Answers) {
			s.Right++
		}
	}
	return s
}

// contains reports whether a text has one of the answers, whatever the case and the
// white space.
func contains(text string, answers []string) bool {
	text = plain(text)
	return slices.ContainsFunc(answers, func(a string) bool { return strings.Contains(text, plain(a)) })
}

func plain(text string) string { return strings.ToLower(strings.Join(strings.Fields(text), " ")) }

// sum fills in what follows from the questions.
func (a *Answers) sum() {
	answered, said, cited, right := 0, 0, 0, 0
	var took []float64
	for _, q := range a.Questions {
		took = append(took, q.Took)
		a.Citations += q.Citations
		right += q.Right
		if q.Citations == 0 {
			continue
		}
		answered++
		if q.Said {
			said++
		}
		if q.Right > 0 {
			cited++
		}
	}
	a.Asked = len(a.Questions)
	a.Answered = share(answered, a.Asked)
	a.Said, a.Cited = share(said, answered), share(cited, answered)
	a.Right = share(right, a.Citations)
	slices.Sort(took)
	a.Latency = Latency{P50: quantile(took, 0.5), P99: quantile(took, 0.99)}
}

func share(part, whole int) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}
