-- What a bedside gateway keeps beside its keys. WAL; synchronous=FULL. No secret of a device is in here: those are in `ratchets`.

PRAGMA user_version = 1;

CREATE TABLE devices (
    sid         BLOB    PRIMARY KEY,
    place       INTEGER NOT NULL UNIQUE,      -- of its keys in `ratchets`
    class       INTEGER NOT NULL,
    max_ops     INTEGER NOT NULL,
    commitment  BLOB    NOT NULL,
    epoch       INTEGER NOT NULL,
    association INTEGER NOT NULL DEFAULT 0,   -- with which patient; 0: with none
    reserved    INTEGER NOT NULL DEFAULT 0,   -- numbers up to here may have been used
    restored    INTEGER NOT NULL DEFAULT 0,   -- the database is from a backup, and the device may be ahead
    row         BLOB,                         -- the statement that registered this epoch, once the ledger has it
    ended       INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- Which device was with which patient, and until when.
CREATE TABLE associations (
    sid         BLOB    NOT NULL,
    association INTEGER NOT NULL,
    since       INTEGER NOT NULL,             -- milliseconds since 1970
    until       INTEGER
) STRICT;

CREATE TABLE credentials (
    cred        BLOB    PRIMARY KEY,
    member      TEXT    NOT NULL,
    certificate BLOB    NOT NULL,             -- by its fingerprint
    point       BLOB    NOT NULL,             -- the member's key, compressed
    role        INTEGER NOT NULL,
    may         BLOB    NOT NULL,
    until       INTEGER NOT NULL,
    row         BLOB,
    ended       INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TABLE wrong_proofs (
    cred  BLOB    PRIMARY KEY,
    count INTEGER NOT NULL,
    last  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What the ledger is still to be told, in order; `statement` is what was signed and may have been sent.
CREATE TABLE outbox (
    number    INTEGER PRIMARY KEY AUTOINCREMENT,
    kind      TEXT    NOT NULL,
    subject   TEXT    NOT NULL,
    thing     BLOB    NOT NULL,               -- the SID or the credential
    link      BLOB,                           -- of a session: the row of its device
    fields    BLOB    NOT NULL,
    statement BLOB
) STRICT;
CREATE INDEX outbox_by_subject ON outbox (subject, number);

-- The latest statement on a subject in a log.
CREATE TABLE latest (
    log     TEXT NOT NULL,
    subject TEXT NOT NULL,
    id      BLOB NOT NULL,
    PRIMARY KEY (log, subject)
) STRICT, WITHOUT ROWID;

-- What users signed to act on a patient, by the digest that the ledger has.
CREATE TABLE acts (
    digest    BLOB PRIMARY KEY,
    message   BLOB NOT NULL,
    signature BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE readings (
    sid         BLOB    NOT NULL,
    q           INTEGER NOT NULL,
    seq         INTEGER NOT NULL,
    association INTEGER NOT NULL,
    at          INTEGER NOT NULL,
    reading     BLOB    NOT NULL,
    PRIMARY KEY (sid, q, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX readings_of ON readings (association, at);

-- The latest time at which the gateway ran: it does not start before that.
CREATE TABLE clock (
    latest INTEGER NOT NULL
) STRICT;
INSERT INTO clock (latest) VALUES (0);
