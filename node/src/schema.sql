-- The node's database. One writer; WAL; synchronous=FULL. Whatever can be recomputed from statements is not stored:
-- trees, the subject index and the table of replay keys are rebuilt, and thereby checked, each time the node starts.

PRAGMA user_version = 1;

-- One row per block that ordered a statement, in order and without gaps.
CREATE TABLE blocks (
    height INTEGER PRIMARY KEY,
    time   INTEGER NOT NULL,            -- milliseconds since 1970, never falling
    sizes  BLOB    NOT NULL,            -- of the logs after it, 8 bytes each, big-endian, in the order of the logs
    digest BLOB    NOT NULL             -- chains the blocks: over the digest before, height, time and the entries
) STRICT;

-- Statements are appended at the end of their log's range of keys, so that a commit touches few pages.
CREATE TABLE statements (
    entry INTEGER PRIMARY KEY,          -- number of the log << 48 | index in the log
    id    BLOB    NOT NULL,             -- SHA-256 of bytes, kept for the tiles of ids
    bytes BLOB    NOT NULL
) STRICT;

-- The newest checkpoint of each log, with all its signatures.
CREATE TABLE checkpoints (
    log  INTEGER PRIMARY KEY,
    note TEXT    NOT NULL
) STRICT;

-- One-time enrolment codes, by their digest. A used one remembers for which key, so that asking again is harmless.
CREATE TABLE codes (
    digest      BLOB    PRIMARY KEY,
    role        TEXT    NOT NULL,
    name        TEXT    NOT NULL,
    expires     INTEGER NOT NULL,
    key         BLOB,                   -- SHA-256 of the public key that it enrolled
    certificate BLOB                    -- SHA-256 of the certificate that it bought
) STRICT, WITHOUT ROWID;

-- What an admitted statement names by digest and length, and its bytes once somebody has brought them.
CREATE TABLE blobs (
    digest BLOB    PRIMARY KEY,
    length INTEGER NOT NULL,
    bytes  BLOB
) STRICT;
