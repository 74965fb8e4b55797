-- What the record store holds, apart from the ledger's database. One writer; WAL; synchronous=FULL. Which of it is current the
-- logs say, and nothing here: the store compares with them each time the node starts, and whenever a record changes.

PRAGMA user_version = 2;

-- Sealed objects. An object has its row before its first byte is where objects lie, and until its last one is gone from there.
CREATE TABLE objects (
    record BLOB    NOT NULL,            -- 16 bytes; an object belongs to one record, though another may have the same bytes
    digest BLOB    NOT NULL,            -- SHA-256 of its bytes
    size   INTEGER NOT NULL,
    held   INTEGER NOT NULL DEFAULT 0,  -- 1 once its bytes are durable
    until  INTEGER,                     -- kept for a ticket until then, in milliseconds since 1970; NULL once an index or a link has
                                        -- named it, from when on these and deliveries alone keep it; 0 while it is being removed
    PRIMARY KEY (record, digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX objects_until ON objects (until) WHERE until IS NOT NULL;

-- The lists of objects that indexes name by their hashes.
CREATE TABLE rows (
    record BLOB    NOT NULL,
    hash   BLOB    NOT NULL,
    bytes  BLOB    NOT NULL,
    until  INTEGER,                     -- as above, and never 0: a row is gone at once
    PRIMARY KEY (record, hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX rows_until ON rows (until) WHERE until IS NOT NULL;

-- What SMART Health Links lead to: objects that are given out by a name alone, until they end.
CREATE TABLE links (
    name   TEXT    PRIMARY KEY,         -- 32 random bytes in base64url
    record BLOB    NOT NULL,
    digest BLOB    NOT NULL,            -- the object: an encrypted file
    ends   INTEGER NOT NULL,            -- in milliseconds since 1970
    gate   BLOB    NOT NULL             -- JSON: its end, the passcode's hash, attempts left
) STRICT, WITHOUT ROWID;
CREATE INDEX links_record ON links (record);
CREATE INDEX links_ends ON links (ends);
