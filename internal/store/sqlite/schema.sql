-- The schema after all migrations, written by: go test ./internal/store/sqlite -update

CREATE TABLE api_keys (
    hash      text PRIMARY KEY,
    prefix    text NOT NULL, -- may be shown
    project   text NOT NULL REFERENCES projects (id),
    bootstrap boolean NOT NULL, -- replaced by the next key given at start
    created   bigint NOT NULL
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

CREATE TABLE chats (
    id            text PRIMARY KEY,
    project       text NOT NULL REFERENCES projects (id),
    title         text NOT NULL,
    message_count integer NOT NULL,
    last_message  bigint NOT NULL,
    created       bigint NOT NULL
);

CREATE INDEX chats_by_time ON chats (project, created, id);

CREATE TABLE chunkers (
    id   integer PRIMARY KEY,
    name text NOT NULL UNIQUE
);

CREATE TABLE "chunks" (
    memo       text NOT NULL,
    generation integer NOT NULL,
    cut        integer NOT NULL DEFAULT 1,
    position   integer NOT NULL,
    id         text NOT NULL UNIQUE,
    start_byte integer NOT NULL, -- in the generation's content
    end_byte   integer NOT NULL,
    headings   text NOT NULL, -- a JSON array
    header     text NOT NULL DEFAULT '',
    page       integer NOT NULL DEFAULT 0,
    chunker    integer NOT NULL DEFAULT 0, -- that has cut it; 0 if that is not known
    PRIMARY KEY (memo, generation, cut, position),
    FOREIGN KEY (memo, generation) REFERENCES generations (memo, generation) ON DELETE CASCADE
) WITHOUT ROWID;

CREATE TABLE duties (
    name   text PRIMARY KEY,
    holder text NOT NULL,
    until  bigint NOT NULL
);

CREATE TABLE "enrichments" (
    memo       text NOT NULL,
    generation integer NOT NULL,
    aspect     text NOT NULL,
    cut        integer NOT NULL DEFAULT 1, -- of the chunk; 1 for aspects of the memo
    position   integer NOT NULL,           -- of the chunk; 0 for aspects of the memo
    texts      text NOT NULL,              -- a JSON array
    error      text NOT NULL,
    stale      boolean NOT NULL,           -- to be written anew
    PRIMARY KEY (memo, generation, aspect, cut, position),
    FOREIGN KEY (memo, generation) REFERENCES generations (memo, generation) ON DELETE CASCADE
) WITHOUT ROWID;

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

CREATE TABLE generations (
    memo       text NOT NULL REFERENCES memos (id) ON DELETE CASCADE,
    generation integer NOT NULL,
    title      text NOT NULL,
    hash       text NOT NULL,   -- SHA-256 of the content, or of the file's bytes
    bytes      bigint NOT NULL, -- of the content, or of the file before it is parsed
    length     bigint,          -- of the content, in UTF-16 units; NULL while a file is not parsed
    file_name  text,
    file_type  text,
    file_size  bigint,
    file_blob  text,
    file_hash  text,
    content    blob, -- UTF-8; last, so that the other columns are read without it
    PRIMARY KEY (memo, generation)
);

CREATE TABLE index_versions (
    id         integer PRIMARY KEY AUTOINCREMENT,
    state      text NOT NULL UNIQUE, -- live, next or former
    model      text NOT NULL,        -- its name; empty for none
    dimensions integer NOT NULL,     -- of its vectors; 0 until it has answered
    chunker    text NOT NULL,        -- how its texts were cut when it was begun
    cut        integer NOT NULL,     -- which of the chunks are its
    built      boolean NOT NULL,     -- everything was gone through once
    dirty      bigint NOT NULL,      -- counts what was left to be done later
    done       bigint NOT NULL,      -- up to which of these all is done
    created    bigint NOT NULL,
    flipped    bigint                -- when it became live
);

CREATE TABLE lane_shares (
    lane   text NOT NULL,
    node   text NOT NULL,
    demand double precision NOT NULL, -- tokens a second
    share  double precision NOT NULL, -- from 0 to 1
    until  bigint NOT NULL,
    PRIMARY KEY (lane, node)
);

CREATE TABLE memo_changes (
    seq     integer PRIMARY KEY AUTOINCREMENT,
    project text NOT NULL,
    memo    text NOT NULL UNIQUE,
    deleted boolean NOT NULL
);

CREATE INDEX memo_changes_by_project ON memo_changes (project, seq);

CREATE TABLE memos (
    id           text PRIMARY KEY,
    project      text NOT NULL REFERENCES projects (id),
    type         text NOT NULL,
    title        text NOT NULL, -- the newest; a generation has its own
    source       text,
    reference_id text,
    tags         text NOT NULL, -- a JSON array
    metadata     text NOT NULL, -- a JSON object
    scopes       text,          -- a JSON object
    expires      bigint,
    archived     boolean NOT NULL DEFAULT false,
    summary      text,
    created      bigint NOT NULL,
    updated      bigint NOT NULL,

    -- The work item.
    stage           text NOT NULL,
    generation      integer NOT NULL,
    live_generation integer NOT NULL DEFAULT 0,
    attempt         integer NOT NULL DEFAULT 0,
    queued          bigint NOT NULL, -- when the generation began to wait
    claimed_by      text,
    claimed_until   bigint,
    not_before      bigint,
    waiting_for     text,
    error           text,
    started         bigint,
    completed       bigint,

    -- When it may be claimed; NULL when there is nothing to do.
    due bigint GENERATED ALWAYS AS (
        CASE WHEN stage NOT IN ('processed', 'error')
        THEN max(queued, coalesce(claimed_until, 0), coalesce(not_before, 0)) END
    ) STORED
, api_key text NOT NULL DEFAULT '', auto_tags text NOT NULL DEFAULT '[]', pages_done integer NOT NULL DEFAULT 0, pages_total integer NOT NULL DEFAULT 0);

CREATE INDEX memos_by_reference ON memos (project, reference_id, created, id) WHERE reference_id IS NOT NULL;

CREATE INDEX memos_by_time ON memos (project, created, id);

CREATE INDEX memos_claimed ON memos (claimed_by, project) WHERE claimed_by IS NOT NULL;

CREATE INDEX memos_due ON memos (project, due, id) WHERE due IS NOT NULL;

CREATE INDEX memos_failed ON memos (project) WHERE stage = 'error';

CREATE INDEX memos_pending ON memos (queued) WHERE stage NOT IN ('processed', 'error');

CREATE TABLE messages (
    chat          text NOT NULL REFERENCES chats (id) ON DELETE CASCADE,
    position      integer NOT NULL,
    id            text NOT NULL,
    sent_by       text NOT NULL,
    sent          bigint NOT NULL,
    system_prompt text,
    cut           boolean NOT NULL,
    content       text NOT NULL,
    PRIMARY KEY (chat, position)
);

CREATE TABLE models (
    id         integer PRIMARY KEY,
    name       text NOT NULL UNIQUE,
    dimensions integer NOT NULL
);

CREATE TABLE organizations (
    id      text PRIMARY KEY,
    name    text NOT NULL,
    created bigint NOT NULL
);

CREATE TABLE pieces (
    memo       text NOT NULL,
    generation integer NOT NULL,
    piece      integer NOT NULL, -- from 0
    content    blob NOT NULL,
    PRIMARY KEY (memo, generation, piece),
    FOREIGN KEY (memo, generation) REFERENCES generations (memo, generation) ON DELETE CASCADE
);

CREATE TABLE projects (
    id           text PRIMARY KEY,
    organization text NOT NULL REFERENCES organizations (id),
    name         text NOT NULL,
    bootstrap    boolean NOT NULL, -- made at the first start
    created      bigint NOT NULL
, processing text NOT NULL DEFAULT '{}');

CREATE UNIQUE INDEX projects_bootstrap ON projects (bootstrap) WHERE bootstrap;

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

CREATE TABLE vector_spaces (
    id           integer PRIMARY KEY,
    organization text NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    model        text NOT NULL,
    dimensions   integer NOT NULL,
    input        text NOT NULL,
    UNIQUE (organization, model, dimensions, input)
);

CREATE TABLE vectors (
    chunk  text NOT NULL REFERENCES chunks (id) ON DELETE CASCADE,
    model  integer NOT NULL REFERENCES models (id),
    vector blob NOT NULL, -- float32, little-endian
    PRIMARY KEY (chunk, model)
);

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
