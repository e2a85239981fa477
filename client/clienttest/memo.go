package clienttest

import (
	"cmp"
	"encoding/json"
	"io"
	"maps"
	"mime"
	"net/http"
	"path"
	"slices"
	"strings"
)

// allowed are the endings of files that are taken.
var allowed = []string{".pdf", ".doc", ".docx", ".pptx", ".txt", ".md", ".html"}

// createMemo takes a memo as JSON or as a form.
func (s *Server) createMemo(w http.ResponseWriter, r *http.Request) {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")) // an unknown one is refused
	m := &Memo{Type: "plaintext"}
	switch kind {
	case "application/json":
		var body struct {
			Title       string            `json:"title"`
			Content     string            `json:"content"`
			ReferenceID string            `json:"reference_id"`
			Source      string            `json:"source"`
			Tags        []string          `json:"tags"`
			Metadata    map[string]any    `json:"metadata"`
			Scopes      map[string]string `json:"scopes"`
			URL         string            `json:"url"`
			Processing  map[string]any    `json:"processing"`
		}
		if !decode(w, r, &body) {
			return
		}
		if body.URL != "" {
			m.Type, m.URL, body.Title = "document", body.URL, cmp.Or(body.Title, body.URL)
			body.Content = "the page at " + body.URL
		}
		if body.Title == "" || body.Content == "" {
			refuse(w, http.StatusBadRequest, "title: Required, content: Required")
			return
		}
		m.Title, m.Content, m.ReferenceID, m.Source = body.Title, body.Content, body.ReferenceID, body.Source
		m.Tags, m.Metadata, m.Scopes, m.Processing = body.Tags, body.Metadata, body.Scopes, body.Processing
	case "multipart/form-data":
		m.Type = "document"
		if words := m.readForm(r); words != "" {
			refuse(w, http.StatusBadRequest, words)
			return
		}
	default:
		refuse(w, http.StatusBadRequest, "Content-Type must be multipart/form-data or application/json")
		return
	}
	s.store(w, m, r.URL.Query().Get("upsert") == "true")
}

// readForm reads an upload; it returns what is wrong with it.
func (m *Memo) readForm(r *http.Request) string {
	file, header, err := r.FormFile("file")
	if err != nil {
		return "Multipart request not processed by middleware"
	}
	defer file.Close()
	if !slices.Contains(allowed, strings.ToLower(path.Ext(header.Filename))) {
		return "Invalid file type. Allowed types: " + strings.Join(allowed, ", ")
	}
	content, err := io.ReadAll(file)
	if err != nil {
		return "Failed to process uploaded file"
	}
	m.File = header.Filename
	m.Content, m.Title = string(content), cmp.Or(r.FormValue("title"), header.Filename)
	m.ReferenceID, m.Source = r.FormValue("reference_id"), r.FormValue("source")
	for name, v := range map[string]any{
		"tags": &m.Tags, "metadata": &m.Metadata, "scopes": &m.Scopes, "processing": &m.Processing,
	} {
		if text := r.FormValue(name); text != "" && json.Unmarshal([]byte(text), v) != nil {
			return "Failed to process uploaded file"
		}
	}
	if m.Metadata == nil {
		m.Metadata = map[string]any{}
	}
	maps.Copy(m.Metadata, map[string]any{"original_filename": header.Filename, "size": float64(len(content))})
	return ""
}

// store keeps a memo, in place of an older one if it may.
func (s *Server) store(w http.ResponseWriter, m *Memo, upsert bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !upsert {
		m.ID, m.Writes = s.newID(), 1
		s.memos = slices.Insert(s.memos, 0, m)
		s.note("memo.created", m)
		answer(w, http.StatusCreated, object{"ok": true, "memo_uuid": m.ID})
		return
	}
	if m.ReferenceID == "" {
		refuse(w, http.StatusBadRequest, "reference_id: Required")
		return
	}
	for i, old := range s.memos {
		if old.ReferenceID == m.ReferenceID {
			m.ID, m.Writes = old.ID, old.Writes+1
			s.memos[i] = m
			s.note("memo.updated", m)
			answer(w, http.StatusOK, object{"ok": true, "memo_uuid": m.ID, "created": false})
			return
		}
	}
	m.ID, m.Writes = s.newID(), 1
	s.memos = slices.Insert(s.memos, 0, m)
	s.note("memo.created", m)
	answer(w, http.StatusCreated, object{"ok": true, "memo_uuid": m.ID, "created": true})
}

// withMemo finds the memo that a path names, and holds s.mu for the handler.
func (s *Server) withMemo(handle func(http.ResponseWriter, *http.Request, *Memo)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		idType := cmp.Or(r.URL.Query().Get("id_type"), "memo_uuid")
		if idType != "memo_uuid" && idType != "reference_id" {
			refuse(w, http.StatusBadRequest, "id_type must be either 'memo_uuid' or 'reference_id'")
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, m := range s.memos {
			if idType == "memo_uuid" && m.ID == r.PathValue("id") ||
				idType == "reference_id" && m.ReferenceID == r.PathValue("id") {
				handle(w, r, m)
				return
			}
		}
		refuse(w, http.StatusNotFound, "Memo not found")
	}
}

func summary(m *Memo) object {
	metadata := m.Metadata
	if metadata == nil {
		metadata = object{}
	}
	return object{
		"uuid": m.ID, "created_at": stamp(), "updated_at": stamp(), "title": m.Title, "summary": nil,
		"content_length": len(m.Content), "content_hash": m.hash(), "metadata": metadata,
		"client_reference_id": orNull(m.ReferenceID), "processing_status": m.status(),
	}
}

func (s *Server) listMemos(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]object, len(s.memos))
	for i, m := range s.memos {
		list[i] = summary(m)
	}
	envelope(w, r, list)
}

func (s *Server) readMemo(w http.ResponseWriter, _ *http.Request, m *Memo) {
	detail := summary(m)
	tags := []object{}
	for _, tag := range m.Tags {
		tags = append(tags, object{"uuid": m.ID, "tag": tag})
	}
	chunks := []object{}
	if m.status() == "processed" {
		chunks = append(chunks, object{
			"uuid": m.ID, "chunk_content": m.Content, "chunk_index": 0, "start": 0, "end": len(m.Content),
			"headings": []string{m.Title},
		})
	}
	waitingFor, eta := m.waits()
	maps.Copy(detail, object{
		"content": orNull(m.Content), "scopes": m.Scopes, "source": orNull(m.Source), "type": m.Type,
		"expiration_date": nil, "archived": false, "pending": m.status() == "processing", "error_reason": reason(m),
		"tags": tags, "chunks": chunks, "stage": m.status(), "waiting_for": waitingFor, "eta": eta,
		"chunks_done": 0, "chunks_total": 1,
	})
	answer(w, http.StatusOK, detail)
}

func reason(m *Memo) any {
	if m.status() == "error" {
		return FailingText
	}
	return nil
}

func (s *Server) readStatus(w http.ResponseWriter, _ *http.Request, m *Memo) {
	w.Header().Set("Cache-Control", "no-store")
	waitingFor, eta := m.waits()
	answer(w, http.StatusOK, object{
		"memo_uuid": m.ID, "status": m.status(), "processing_started_at": nil, "processing_completed_at": nil,
		"error_reason": reason(m), "stage": m.status(), "waiting_for": waitingFor, "eta": eta, "next_attempt": nil,
		"chunks_done": 0, "chunks_total": 1,
	})
	s.ask(m)
}

func (s *Server) patchMemo(w http.ResponseWriter, r *http.Request, m *Memo) {
	var body struct {
		Title             *string        `json:"title"`
		Content           *string        `json:"content"`
		Source            *string        `json:"source"`
		ClientReferenceID *string        `json:"client_reference_id"`
		Tags              []string       `json:"tags"`
		Metadata          map[string]any `json:"metadata"`
	}
	if !decode(w, r, &body) {
		return
	}
	for to, from := range map[*string]*string{
		&m.Title: body.Title, &m.Content: body.Content, &m.Source: body.Source, &m.ReferenceID: body.ClientReferenceID,
	} {
		if from != nil {
			*to = *from
		}
	}
	if body.Tags != nil {
		m.Tags = body.Tags
	}
	if body.Metadata != nil {
		m.Metadata = body.Metadata
	}
	if body.Title != nil || body.Content != nil {
		m.Asked = 0
		s.note("memo.updated", m)
	}
	answer(w, http.StatusOK, object{"ok": true, "memo_uuid": m.ID})
}

func (s *Server) deleteMemo(w http.ResponseWriter, _ *http.Request, m *Memo) {
	s.note("memo.deleted", m)
	s.memos = slices.DeleteFunc(s.memos, func(other *Memo) bool { return other == m })
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) retryMemo(w http.ResponseWriter, _ *http.Request, m *Memo) {
	if m.status() != "error" {
		refuse(w, http.StatusConflict, "Memo is not in error")
		return
	}
	m.Asked = 0
	s.note("memo.updated", m)
	answer(w, http.StatusOK, object{"ok": true, "memo_uuid": m.ID})
}
