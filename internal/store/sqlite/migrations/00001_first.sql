-- +goose Up
CREATE TABLE organizations (
	id text PRIMARY KEY,
	name text NOT NULL,
	created_at bigint NOT NULL
);

CREATE TABLE projects (
	id text PRIMARY KEY,
	organization_id text NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
	name text NOT NULL,
	created_at bigint NOT NULL
);

CREATE TABLE api_keys (
	hash text PRIMARY KEY,
	prefix text NOT NULL,
	project_id text NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
	bootstrap boolean NOT NULL,
	created_at bigint NOT NULL
);

-- A memo is its newest accepted state and its own work item. The texts are in
-- generations; live_generation, 0 for none, is the one that is searched.
CREATE TABLE memos (
	id text PRIMARY KEY,
	project_id text NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
	type text NOT NULL,
	title text NOT NULL,
	source text,
	reference_id text,
	tags text NOT NULL,
	metadata text NOT NULL,
	scopes text,
	expires_at bigint,
	archived boolean NOT NULL DEFAULT false,
	summary text,
	content_length bigint,
	content_hash text NOT NULL,
	created_at bigint NOT NULL,
	updated_at bigint NOT NULL,
	generation bigint NOT NULL DEFAULT 1,
	live_generation bigint NOT NULL DEFAULT 0,
	stage text NOT NULL DEFAULT 'received',
	attempt bigint NOT NULL DEFAULT 0,
	claimed_by text,
	claimed_until bigint NOT NULL DEFAULT 0,
	not_before bigint NOT NULL DEFAULT 0,
	waiting_for text NOT NULL DEFAULT '',
	error text NOT NULL DEFAULT '',
	started_at bigint,
	completed_at bigint
);

CREATE INDEX memos_by_time ON memos (project_id, created_at DESC, id DESC);
CREATE INDEX memos_by_reference ON memos (project_id, reference_id, created_at) WHERE reference_id IS NOT NULL;
-- Only pending work is in it, so it stays small whatever the table's size.
CREATE INDEX memos_pending ON memos (project_id, id) WHERE stage NOT IN ('processed', 'error');

CREATE TABLE generations (
	memo_id text NOT NULL REFERENCES memos (id) ON DELETE CASCADE,
	generation bigint NOT NULL,
	title text NOT NULL,
	content text,
	file_name text,
	file_type text,
	file_size bigint,
	file_blob text,
	file_hash text,
	PRIMARY KEY (memo_id, generation)
);

CREATE TABLE chunks (
	id text PRIMARY KEY,
	memo_id text NOT NULL,
	generation bigint NOT NULL,
	position bigint NOT NULL,
	start_byte bigint NOT NULL,
	end_byte bigint NOT NULL,
	headings text NOT NULL,
	FOREIGN KEY (memo_id, generation) REFERENCES generations (memo_id, generation) ON DELETE CASCADE
);

CREATE UNIQUE INDEX chunks_by_memo ON chunks (memo_id, generation, position);

CREATE TABLE models (
	id integer PRIMARY KEY,
	name text NOT NULL UNIQUE,
	dimensions bigint NOT NULL
);

CREATE TABLE vectors (
	chunk_id text NOT NULL REFERENCES chunks (id) ON DELETE CASCADE,
	model_id bigint NOT NULL REFERENCES models (id),
	vector blob NOT NULL,
	PRIMARY KEY (chunk_id, model_id)
) WITHOUT ROWID;

-- The last change of each memo that an index has to know, in order of seq.
CREATE TABLE memo_changes (
	project_id text NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
	memo_id text NOT NULL,
	seq bigint NOT NULL,
	deleted boolean NOT NULL,
	PRIMARY KEY (project_id, memo_id)
) WITHOUT ROWID;

CREATE UNIQUE INDEX memo_changes_by_seq ON memo_changes (project_id, seq);

CREATE TABLE chats (
	id text PRIMARY KEY,
	project_id text NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
	title text NOT NULL,
	message_count bigint NOT NULL,
	created_at bigint NOT NULL,
	last_message_at bigint NOT NULL
);

CREATE INDEX chats_by_time ON chats (project_id, created_at DESC, id DESC);

CREATE TABLE messages (
	id text PRIMARY KEY,
	chat_id text NOT NULL REFERENCES chats (id) ON DELETE CASCADE,
	content text NOT NULL,
	sent_by text NOT NULL,
	sent_at bigint NOT NULL,
	system_prompt text,
	cut boolean NOT NULL DEFAULT false
);

CREATE INDEX messages_by_chat ON messages (chat_id, sent_at, id);
