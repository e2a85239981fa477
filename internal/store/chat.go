package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/google/uuid"

	"kvasir/internal/account"
	"kvasir/internal/conversation"
	"kvasir/internal/fault"
)

// errNoChat is the wire's text for a chat that is not in the caller's project.
var errNoChat = fault.New(fault.NotFound, "Chat not found")

const (
	insertChat = `
INSERT INTO chats (id, project_id, title, message_count, created_at, last_message_at) VALUES ($1, $2, $3, 0, $4, $4)`
	growChat = `
UPDATE chats SET message_count = message_count + $3, last_message_at = $4 WHERE project_id = $1 AND id = $2`
	insertMessage = `
INSERT INTO messages (id, chat_id, content, sent_by, sent_at, system_prompt, cut) VALUES ($1, $2, $3, $4, $5, $6, $7)`
)

// SaveExchange stores a question and its answer and returns the chat, which is
// new if the exchange names none. Of an empty answer only the question is kept.
func (s *Store) SaveExchange(
	ctx context.Context, p account.ProjectID, e conversation.Exchange,
) (conversation.ChatID, error) {
	id := e.Chat
	err := s.engine.Write(ctx, func(ctx context.Context, tx Tx) error {
		if e.Chat == "" {
			id = conversation.ChatID(uuid.Must(uuid.NewV7()).String())
			if _, err := tx.ExecContext(ctx, insertChat, id, p, e.Question, micros(e.Asked)); err != nil {
				return err
			}
		}
		messages, last := 1, micros(e.Asked)
		if e.Answer != "" {
			// An answer sorts after its question even when the clock stood still.
			messages, last = 2, max(micros(e.Answered), micros(e.Asked)+1)
		}
		n, err := affected(ctx, tx, growChat, p, id, messages, last)
		if err != nil {
			return err
		}
		if n == 0 {
			return errNoChat
		}
		_, err = tx.ExecContext(ctx, insertMessage, uuid.NewString(), id, e.Question, conversation.SentByUser,
			micros(e.Asked), e.SystemPrompt, false)
		if err != nil || e.Answer == "" {
			return err
		}
		_, err = tx.ExecContext(ctx, insertMessage, uuid.NewString(), id, e.Answer, conversation.SentByModel, last,
			nil, e.Cut)
		return err
	})
	return id, err
}

const chatColumns = `SELECT id, project_id, title, message_count, created_at, last_message_at FROM chats `

func scanChat(rows *sql.Rows, c *conversation.Chat) error {
	var created, last int64
	if err := rows.Scan(&c.ID, &c.Project, &c.Title, &c.MessageCount, &created, &last); err != nil {
		return err
	}
	c.Created, c.LastMessage = *timeOf(&created), *timeOf(&last)
	return nil
}

// FindChat returns a chat with its messages.
func (s *Store) FindChat(
	ctx context.Context, p account.ProjectID, id conversation.ChatID,
) (conversation.Chat, error) {
	c, err := one(ctx, s.engine.Read, scanChat, chatColumns+`WHERE project_id = $1 AND id = $2`, p, id)
	if errors.Is(err, errNone) {
		return c, errNoChat
	}
	if err != nil {
		return c, err
	}
	scan := func(rows *sql.Rows, m *conversation.Message) error {
		var sent int64
		err := rows.Scan(&m.ID, &m.Content, &m.SentBy, &sent, &m.SystemPrompt, &m.Cut)
		m.Sent = *timeOf(&sent)
		return err
	}
	c.Messages, err = collect(ctx, s.engine.Read, scan,
		`SELECT id, content, sent_by, sent_at, system_prompt, cut FROM messages WHERE chat_id = $1 ORDER BY sent_at, id`, id)
	return c, err
}

// ListChats returns a page of chats, newest first, without messages, and how
// many there are in all.
func (s *Store) ListChats(
	ctx context.Context, p account.ProjectID, offset, limit int,
) ([]conversation.Chat, int, error) {
	total, err := one(ctx, s.engine.Read, scanOne[int], `SELECT count(*) FROM chats WHERE project_id = $1`, p)
	if err != nil {
		return nil, 0, err
	}
	page, err := collect(ctx, s.engine.Read, scanChat,
		chatColumns+`WHERE project_id = $1 ORDER BY created_at DESC, id DESC LIMIT $2 OFFSET $3`, p, limit, offset)
	return page, total, err
}
