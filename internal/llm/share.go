package llm

import "time"

// A LaneShare is the part of a lane's limits that one of several processes may use.
// The shares of a lane never add up to more than 1.
type LaneShare struct {
	Lane   string
	Node   string    // the process
	Demand float64   // tokens a second that it could use
	Share  float64   // from 0 to 1
	Until  time.Time // when it lapses, unless it is renewed
}
