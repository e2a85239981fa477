package api

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"kvasir/internal/api/field"
	"kvasir/internal/conversation"
	"kvasir/internal/memo"
)

// The longest texts of an answer's parts, so that each of them fits a line of a
// stream however its characters are escaped.
const (
	maxQuoteUnits = 1000
	maxStepUnits  = 2000
)

// A reference is a passage that was handed to the model.
type reference struct {
	MemoUUID  memo.ID `json:"memo_uuid"`
	MemoTitle string  `json:"memo_title"`
}

// A citation is a place where the answer cites a passage.
type citation struct {
	Number    int          `json:"number" doc:"The n of [[n]] in the answer."`
	MemoUUID  memo.ID      `json:"memo_uuid"`
	MemoTitle string       `json:"memo_title"`
	ChunkUUID memo.ChunkID `json:"chunk_uuid"`
	Start     int          `json:"start" doc:"Where the passage begins in the memo's content, in bytes of UTF-8."`
	End       int          `json:"end"`
	Quote     string       `json:"quote,omitempty" doc:"What is cited, 1,000 characters at most, to be looked for."`
	Page      int          `json:"page,omitempty" doc:"Where the passage begins, if the memo has pages."`
	Support   float64      `json:"support,omitempty" doc:"From 0 to 1 how well the passage bears out the claim."`
}

// A flagged sentence is one that its citations do not bear out.
type flagged struct {
	Start   int                     `json:"start" doc:"Where the sentence begins in the answer, in bytes of UTF-8."`
	End     int                     `json:"end"`
	Text    string                  `json:"text" doc:"The sentence, its first 1,000 characters."`
	Reason  conversation.FlagReason `json:"reason" enum:"unsupported,uncited,no_passage"`
	Numbers []int                   `json:"numbers" nullable:"false" doc:"What the sentence cites."`
}

// A step is one move of an agentic answer.
type step struct {
	Number int    `json:"number"`
	Tool   string `json:"tool" example:"search"`
	Input  string `json:"input"`
	Result string `json:"result"`
}

// A chatAnswer is an answer that is not streamed.
type chatAnswer struct {
	OK                bool                 `json:"ok"`
	ChatID            conversation.ChatID  `json:"chat_id" format:"uuid"`
	Response          string               `json:"response" doc:"The answer, with [[n]] where it cites."`
	IntermediateSteps []string             `json:"intermediate_steps" nullable:"false" doc:"Always empty."`
	References        map[string]reference `json:"references,omitempty" doc:"What the model was given, if asked for."`
	Citations         []citation           `json:"citations" nullable:"false" doc:"What the answer really cites."`
	Flags             []flagged            `json:"flags,omitempty" doc:"Sentences that are not borne out."`
	Steps             []step               `json:"steps,omitempty" doc:"What an agentic answer did."`
	Inferred          []filter             `json:"inferred_filters,omitempty" doc:"Read from the question, and in effect."`
	Explanation       *explanation         `json:"explanation,omitempty" doc:"How the passages were found, if asked for."`
}

// collect takes an answer to its end.
func collect(ctx context.Context, answer Answer) (*chatAnswer, error) {
	whole := &chatAnswer{OK: true, IntermediateSteps: []string{}, Citations: []citation{}}
	var text strings.Builder
	for e := range answer(ctx) {
		switch {
		case e.Err != nil:
			return nil, e.Err
		case e.Done != nil:
			whole.ChatID, whole.Response = e.Done.Chat, text.String()
			return whole, nil
		case e.References != nil:
			whole.References = referencesOf(e.References)
		case e.Citations != nil:
			whole.Citations = citationsOf(e.Citations)
		case e.Flags != nil:
			whole.Flags = flagsOf(e.Flags)
		case e.Step != nil:
			whole.Steps = append(whole.Steps, stepOf(e.Step))
		case e.Explained != nil:
			whole.Inferred = filtersOf(e.Explained.Inferred)
			whole.Explanation = explanationOf(e.Explained.Question, e.Explained.Explanation)
		default:
			text.WriteString(e.Token)
		}
	}
	return nil, fmt.Errorf("answer ended early: %w", context.Cause(ctx))
}

func referencesOf(list []conversation.Reference) map[string]reference {
	byNumber := make(map[string]reference, len(list))
	for _, r := range list {
		byNumber[strconv.Itoa(r.Number)] = reference{r.Memo, r.MemoTitle}
	}
	return byNumber
}

func citationsOf(list []conversation.Citation) []citation {
	out := make([]citation, len(list))
	for i, c := range list {
		out[i] = citation{
			Number: c.Number, MemoUUID: c.Memo, MemoTitle: c.MemoTitle, ChunkUUID: c.Chunk, Start: c.Start, End: c.End,
			Quote: field.Cut(c.Text, maxQuoteUnits), Page: c.Page, Support: rounded(c.Support, 1e3),
		}
	}
	return out
}

func flagsOf(list []conversation.Flag) []flagged {
	out := make([]flagged, len(list))
	for i, f := range list {
		out[i] = flagged{f.Start, f.End, field.Cut(f.Text, maxQuoteUnits), f.Reason, append([]int{}, f.Numbers...)}
	}
	return out
}

func stepOf(s *conversation.Step) step {
	return step{s.Number, s.Tool, field.Cut(s.Input, maxStepUnits), field.Cut(s.Result, maxStepUnits)}
}
