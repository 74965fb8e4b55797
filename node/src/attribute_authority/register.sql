-- What an attribute authority keeps beside its keys. WAL; synchronous=FULL.

PRAGMA user_version = 1;

-- The attributes that the operator has registered, `label: value` a line.
CREATE TABLE members (
    identity   TEXT PRIMARY KEY,
    attributes TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The public key that the authority has begun with: another master key would open nothing.
CREATE TABLE keys (
    id BLOB PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- Whom it has vouched for. A slot of (record, day) is used once.
CREATE TABLE requests (
    ask         BLOB    PRIMARY KEY,
    record      BLOB    NOT NULL,
    day         INTEGER NOT NULL,
    slot        INTEGER NOT NULL,
    log         TEXT    NOT NULL,
    thread      TEXT    NOT NULL,
    certificate BLOB    NOT NULL,       -- the requester's, by its fingerprint
    at          INTEGER NOT NULL,       -- milliseconds since 1970
    due         INTEGER                 -- when to look at it next, if its requester is revoked; none once it is over
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX requests_by_slot ON requests (record, day, slot);
CREATE INDEX requests_open ON requests (certificate) WHERE due IS NOT NULL;

-- The requests of the last minutes: who asks again is answered the same.
CREATE TABLE answers (
    ask     BLOB PRIMARY KEY,
    at      INTEGER NOT NULL,
    request BLOB NOT NULL
) STRICT, WITHOUT ROWID;
