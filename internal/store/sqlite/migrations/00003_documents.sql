-- +goose Up

-- What is asked of memos whose own wishes say nothing, as JSON.
ALTER TABLE projects ADD COLUMN processing text NOT NULL DEFAULT '{}';

ALTER TABLE memos ADD COLUMN auto_tags text NOT NULL DEFAULT '[]'; -- a JSON array, written by a model
ALTER TABLE memos ADD COLUMN pages_done integer NOT NULL DEFAULT 0;
ALTER TABLE memos ADD COLUMN pages_total integer NOT NULL DEFAULT 0;

-- What few generations have. It is no part of their row, where it would stand
-- behind the content.
CREATE TABLE generation_details (
    memo       text NOT NULL,
    generation integer NOT NULL,
    url        text NOT NULL DEFAULT '',
    untitled   boolean NOT NULL DEFAULT false, -- the title is a stand-in for the document's own
    processing text NOT NULL DEFAULT '{}',     -- JSON, as the client has asked
    added      text NOT NULL DEFAULT '[]',     -- a JSON array of the aspects that were asked for later
    parts      text NOT NULL DEFAULT '[]',     -- a JSON array; it may be long
    PRIMARY KEY (memo, generation),
    FOREIGN KEY (memo, generation) REFERENCES generations (memo, generation) ON DELETE CASCADE
);

-- The text of a generation whose content is too long for its row, in pieces of one
-- size, so that a passage of a book is read without the book. Then content is NULL.
CREATE TABLE pieces (
    memo       text NOT NULL,
    generation integer NOT NULL,
    piece      integer NOT NULL, -- from 0
    content    blob NOT NULL,
    PRIMARY KEY (memo, generation, piece),
    FOREIGN KEY (memo, generation) REFERENCES generations (memo, generation) ON DELETE CASCADE
);

ALTER TABLE chunks ADD COLUMN header text NOT NULL DEFAULT ''; -- the header rows of a table that goes on
ALTER TABLE chunks ADD COLUMN page integer NOT NULL DEFAULT 0; -- the number of its part; 0 for none

CREATE TABLE enrichments (
    memo       text NOT NULL,
    generation integer NOT NULL,
    aspect     text NOT NULL,
    position   integer NOT NULL, -- of the chunk; 0 for aspects of the memo
    texts      text NOT NULL,    -- a JSON array
    error      text NOT NULL,
    stale      boolean NOT NULL, -- to be written anew
    PRIMARY KEY (memo, generation, aspect, position),
    FOREIGN KEY (memo, generation) REFERENCES generations (memo, generation) ON DELETE CASCADE
) WITHOUT ROWID;

-- What has happened. Sequence numbers grow in the order of commits and are never
-- used twice.
CREATE TABLE events (
    seq          integer PRIMARY KEY AUTOINCREMENT,
    project      text NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    kind         text NOT NULL,
    at           bigint NOT NULL,
    memo         text NOT NULL, -- it may be gone
    reference_id text,
    title        text NOT NULL,
    generation   integer NOT NULL,
    error        text NOT NULL
);

CREATE INDEX events_by_project ON events (project, seq);

CREATE TABLE webhooks (
    id         text PRIMARY KEY,
    project    text NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    url        text NOT NULL,
    kinds      text NOT NULL, -- a JSON array; empty for all
    secret     text NOT NULL,
    created    bigint NOT NULL,
    cursor     bigint NOT NULL, -- the last event that it has taken
    attempt    integer NOT NULL DEFAULT 0,
    not_before bigint NOT NULL DEFAULT 0,
    last_error text NOT NULL DEFAULT '',
    last_taken bigint
);

CREATE INDEX webhooks_by_project ON webhooks (project, created, id);
