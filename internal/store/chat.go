package store

import (
	"context"

	"kvasir/internal/account"
	"kvasir/internal/conversation"
	"kvasir/internal/fault"
)

const (
	insertChat = `
INSERT INTO chats (id, project, title, message_count, last_message, created) VALUES ($1, $2, $3, $4, $5, $6)`
	extendChat = `
UPDATE chats SET message_count = message_count + $3,
	last_message = CASE WHEN last_message > $4 THEN last_message ELSE $4 END
WHERE project = $1 AND id = $2
RETURNING message_count`
	insertMessage = `
INSERT INTO messages (chat, position, id, sent_by, sent, system_prompt, cut, content)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`
	chatColumns = `SELECT id, project, title, message_count, last_message, created FROM chats WHERE project = $1`
	findChat    = chatColumns + ` AND id = $2`
	listChats   = chatColumns + ` ORDER BY created DESC, id DESC LIMIT $2 OFFSET $3`
	countChats  = `SELECT count(*) FROM chats WHERE project = $1`
	messages    = `
SELECT id, sent_by, sent, system_prompt, cut, content FROM messages WHERE chat = $1 ORDER BY sent, position`
)

// SaveExchange stores a question and its answer in one transaction, and returns
// their chat. An exchange that names no chat begins one; an unknown chat is
// NotFound. Of an empty answer only the question is kept.
func (s *Store) SaveExchange(
	ctx context.Context, p account.ProjectID, e conversation.Exchange,
) (conversation.ChatID, error) {
	turns := []conversation.Message{{
		ID: newID(), Content: e.Question, SentBy: conversation.SentByUser, Sent: e.Asked, SystemPrompt: e.SystemPrompt,
	}}
	if e.Answer != "" {
		turns = append(turns, conversation.Message{
			ID: newID(), Content: e.Answer, SentBy: conversation.SentByModel, Sent: e.Answered, Cut: e.Cut,
		})
	}
	chat := e.Chat
	if chat == "" {
		chat = conversation.ChatID(newID())
	}
	err := s.db.Write(ctx, func(tx Tx) error {
		position := 0
		var err error
		if e.Chat == "" {
			first, last := turns[0], turns[len(turns)-1]
			_, err = tx.Exec(ctx, insertChat,
				chat, p, first.Content, len(turns), micros(last.Sent), micros(first.Sent))
		} else {
			position, err = extend(ctx, tx, p, chat, turns)
		}
		if err != nil {
			return err
		}
		for i, m := range turns {
			_, err := tx.Exec(ctx, insertMessage,
				chat, position+i, m.ID, m.SentBy, micros(m.Sent), m.SystemPrompt, m.Cut, m.Content)
			if err != nil {
				return err
			}
		}
		return nil
	})
	return chat, err
}

// extend counts the turns into the chat and returns the position of the first.
func extend(
	ctx context.Context, tx Tx, p account.ProjectID, chat conversation.ChatID, turns []conversation.Message,
) (int, error) {
	last := micros(turns[len(turns)-1].Sent)
	count, ok, err := find(ctx, tx, scanInt, extendChat, p, chat, len(turns), last)
	if err == nil && !ok {
		err = errNoChat()
	}
	return int(count) - len(turns), err
}

func errNoChat() error { return fault.New(fault.NotFound, "Chat not found") }

func scanChat(r Rows) (conversation.Chat, error) {
	var c conversation.Chat
	var id, project string
	var last, created int64
	err := r.Scan(&id, &project, &c.Title, &c.MessageCount, &last, &created)
	c.ID, c.Project = conversation.ChatID(id), account.ProjectID(project)
	c.LastMessage, c.Created = timeOf(last), timeOf(created)
	return c, err
}

func scanMessage(r Rows) (conversation.Message, error) {
	var m conversation.Message
	var sent int64
	err := r.Scan(&m.ID, &m.SentBy, &sent, &m.SystemPrompt, &m.Cut, &m.Content)
	m.Sent = timeOf(sent)
	return m, err
}

// FindChat returns a chat with its messages by time, or fails with NotFound.
func (s *Store) FindChat(
	ctx context.Context, p account.ProjectID, id conversation.ChatID,
) (chat conversation.Chat, err error) {
	err = s.db.Read(ctx, func(tx Tx) error {
		var ok bool
		chat, ok, err = find(ctx, tx, scanChat, findChat, p, id)
		if err != nil {
			return err
		}
		if !ok {
			return errNoChat()
		}
		chat.Messages, err = collect(ctx, tx, scanMessage, messages, id)
		return err
	})
	return chat, err
}

// ListChats returns a page of chats without their messages, the newest first,
// and how many there are in all.
func (s *Store) ListChats(
	ctx context.Context, p account.ProjectID, offset, limit int,
) (page []conversation.Chat, total int, err error) {
	err = s.db.Read(ctx, func(tx Tx) error {
		if page, err = collect(ctx, tx, scanChat, listChats, p, limit, offset); err != nil {
			return err
		}
		count, _, err := find(ctx, tx, scanInt, countChats, p)
		total = int(count)
		return err
	})
	return page, total, err
}
