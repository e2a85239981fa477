package dispatch

import (
	"cmp"

	"kvasir/internal/llm"
)

// A ticket is a call in line before the lanes of a pool.
type ticket struct {
	call   llm.Call
	tokens int     // estimated
	texts  *queue  // if it is for a batch of this queue, made up when there is a lane
	start  float64 // its turn; see [shares]
	order  int64   // of arrival, to keep equals in line
	avoid  *lane   // where it has just failed: taken only if there is no other

	at      int           // in the line; -1 when not
	granted chan struct{} // closed after attempt is set
	attempt *attempt
}

// A line keeps the next ticket first: by priority, then turn, then arrival.
type line []*ticket

func (l line) Len() int { return len(l) }

func (l line) Less(i, j int) bool {
	a, b := l[i], l[j]
	return cmp.Or(
		cmp.Compare(a.call.Priority, b.call.Priority), cmp.Compare(a.start, b.start), cmp.Compare(a.order, b.order),
	) < 0
}

func (l line) Swap(i, j int) {
	l[i], l[j] = l[j], l[i]
	l[i].at, l[j].at = i, j
}

// Push and Pop are for package heap.
func (l *line) Push(x any) {
	t := x.(*ticket)
	t.at = len(*l)
	*l = append(*l, t)
}

// Pop removes the last ticket.
func (l *line) Pop() any {
	last := len(*l) - 1
	t := (*l)[last]
	(*l)[last] = nil
	*l = (*l)[:last]
	t.at = -1
	return t
}

// bulky reports whether nobody waits for calls of this priority.
func bulky(p llm.Priority) bool { return p >= llm.PriorityIngest }

// priorities is how many there are.
const priorities = llm.PriorityReindex + 1
