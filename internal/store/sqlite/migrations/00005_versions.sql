-- +goose Up

-- What search reads: a model's vectors of one cut of the texts. One version is live,
-- one may be made beside it, and the one before it may be kept.
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

CREATE TABLE chunkers (
    id   integer PRIMARY KEY,
    name text NOT NULL UNIQUE
);

-- Chunks of another cut stand beside those there are, and have texts by models of
-- their own. Foreign keys are off while this runs, or the vectors would go as well.
CREATE TABLE chunks_by_cut (
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
INSERT INTO chunks_by_cut (memo, generation, position, id, start_byte, end_byte, headings, header, page)
SELECT memo, generation, position, id, start_byte, end_byte, headings, header, page FROM chunks;
DROP TABLE chunks;
ALTER TABLE chunks_by_cut RENAME TO chunks;

CREATE TABLE enrichments_by_cut (
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
INSERT INTO enrichments_by_cut (memo, generation, aspect, position, texts, error, stale)
SELECT memo, generation, aspect, position, texts, error, stale FROM enrichments;
DROP TABLE enrichments;
ALTER TABLE enrichments_by_cut RENAME TO enrichments;
