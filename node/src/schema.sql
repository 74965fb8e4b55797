-- The node's database. One writer; WAL; synchronous=FULL. Whatever can be recomputed from statements is not stored:
-- trees, subject indices, what rules remember of subjects and what is used up are rebuilt, and thereby checked, each time
-- the node starts.

PRAGMA user_version = 1;

-- One row per block that ordered a statement, in order and without gaps.
CREATE TABLE blocks (
    height     INTEGER PRIMARY KEY,
    time       INTEGER NOT NULL,        -- milliseconds since 1970, never falling
    statements INTEGER NOT NULL,        -- number of statements in all logs together after it
    digest     BLOB    NOT NULL         -- chains the blocks: over the digest before, height, time and the entries
) STRICT;

-- Statements in the order in which they were applied, so that a commit appends and touches few pages.
CREATE TABLE statements (
    number INTEGER PRIMARY KEY,         -- from 1, without gaps
    log    TEXT    NOT NULL,
    entry  INTEGER NOT NULL,            -- index in the log
    id     BLOB    NOT NULL,            -- SHA-256 of bytes, kept for the tiles of ids
    bytes  BLOB    NOT NULL
) STRICT;
CREATE UNIQUE INDEX statements_by_place ON statements (log, entry);

-- The checkpoint of each log that was published when the last block was written, with all its signatures: shown at the next
-- start if nothing can be signed then.
CREATE TABLE checkpoints (
    log  TEXT PRIMARY KEY,
    note TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- One-time enrolment codes, by their digest. A used one remembers for which key, so that asking again is harmless.
CREATE TABLE codes (
    digest      BLOB    PRIMARY KEY,
    number      BLOB    NOT NULL UNIQUE, -- random; the enrolment names the code by it, and says nothing of the code
    role        TEXT    NOT NULL,
    name        TEXT    NOT NULL,
    expires     INTEGER NOT NULL,
    key         BLOB,                   -- SHA-256 of the public key that it enrolled
    certificate BLOB                    -- SHA-256 of the certificate that it bought
) STRICT, WITHOUT ROWID;

-- What statements name by digest and length, and its bytes once somebody has brought them. A statement is admitted when they
-- are here; one that was refused for the lack of them has announced them for a while.
CREATE TABLE blobs (
    digest    BLOB    PRIMARY KEY,
    length    INTEGER NOT NULL,
    announced INTEGER,                  -- when, in milliseconds since 1970; NULL once an admitted statement names it
    member    TEXT,                     -- whose statement announced it
    bytes     BLOB
) STRICT;
CREATE INDEX blobs_announced ON blobs (announced, member, length) WHERE announced IS NOT NULL;
