-- +goose Up

-- What models were paid for, summed by account. Cost is in billionths of a dollar.
CREATE TABLE usage (
    day           integer NOT NULL, -- since 1970, in UTC
    project       text NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    api_key       text NOT NULL,    -- as it may be shown; empty for none
    memo          text NOT NULL,    -- empty for none; it may be gone
    kind          text NOT NULL,
    provider      text NOT NULL,
    model         text NOT NULL,
    requests      bigint NOT NULL,
    input_tokens  bigint NOT NULL,
    cached_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL,
    cost          bigint NOT NULL,
    PRIMARY KEY (project, day, kind, provider, model, api_key, memo)
) WITHOUT ROWID;

CREATE INDEX usage_by_day ON usage (day, project, cost);

-- Vectors that an organization has paid for, whatever became of their memos.
CREATE TABLE vector_spaces (
    id           integer PRIMARY KEY,
    organization text NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    model        text NOT NULL,
    dimensions   integer NOT NULL,
    input        text NOT NULL,
    UNIQUE (organization, model, dimensions, input)
);

CREATE TABLE cached_vectors (
    id     integer PRIMARY KEY, -- in the order of arrival
    space  integer NOT NULL REFERENCES vector_spaces (id) ON DELETE CASCADE,
    hash   text NOT NULL,       -- SHA-256 of the text
    used   integer NOT NULL,    -- the day
    vector blob NOT NULL        -- float32, little-endian
);

CREATE UNIQUE INDEX cached_vectors_by_hash ON cached_vectors (space, hash);

CREATE INDEX cached_vectors_by_use ON cached_vectors (used, id);

-- Who added the newest content, and is billed for it.
ALTER TABLE memos ADD COLUMN api_key text NOT NULL DEFAULT '';
