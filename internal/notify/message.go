package notify

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"kvasir/internal/event"
)

// A message is one request to a receiver.
type message struct {
	id   string // the same when it is sent again
	body payload
}

// A payload is the body of a request. It is documented in doc/operations.md: fields
// may come, none may go.
type payload struct {
	Webhook event.WebhookID `json:"webhook_id"`
	Events  []item          `json:"events"`
}

// An item is an event as receivers see it.
type item struct {
	ID      int64      `json:"id"`
	Type    event.Kind `json:"type"`
	Created string     `json:"created_at"`
	Data    data       `json:"data"`
}

type data struct {
	Memo        string  `json:"memo_uuid,omitempty"`
	ReferenceID *string `json:"reference_id,omitempty"`
	Title       string  `json:"title,omitempty"`
	Generation  int     `json:"generation,omitempty"`
	Error       string  `json:"error_reason,omitempty"`
}

// pinged is the kind of a test's event. It is in no log.
const pinged event.Kind = "ping"

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// batch makes a message of events. The first and the last name it: what is between
// them does not change.
func batch(w event.WebhookID, events []event.Event) message {
	m := message{
		id:   fmt.Sprintf("%s-%d-%d", w, events[0].Seq, events[len(events)-1].Seq),
		body: payload{w, make([]item, len(events))},
	}
	for i, e := range events {
		d := data{Memo: string(e.Memo), Title: e.Title, Generation: e.Generation, Error: e.Error}
		if e.ReferenceID != "" {
			d.ReferenceID = &e.ReferenceID
		}
		m.body.Events[i] = item{e.Seq, e.Kind, stamp(e.At), d}
	}
	return m
}

// ping makes the message of a test.
func ping(w event.WebhookID, now time.Time) message {
	return message{
		id:   "ping-" + rand.Text(),
		body: payload{w, []item{{Type: pinged, Created: stamp(now)}}},
	}
}

// sealed returns the body and the headers of a message, signed at a time.
func (m message) sealed(secret string, now time.Time) ([]byte, http.Header, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, secretPrefix))
	if err != nil {
		return nil, nil, fmt.Errorf("read the webhook's secret: %w", err)
	}
	body, err := json.Marshal(m.body)
	if err != nil {
		return nil, nil, fmt.Errorf("write the webhook's message: %w", err)
	}
	seconds := strconv.FormatInt(now.Unix(), 10)
	header := http.Header{}
	header.Set("Content-Type", "application/json")
	header.Set("Webhook-Id", m.id)
	header.Set("Webhook-Timestamp", seconds)
	header.Set("Webhook-Signature", sign(key, m.id, seconds, body))
	return body, header, nil
}

// sign returns the signature of a request, in the first version of the
// specification.
func sign(key []byte, id, seconds string, body []byte) string {
	mac := hmac.New(sha256.New, key)
	_, _ = fmt.Fprintf(mac, "%s.%s.%s", id, seconds, body) // never fails
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
