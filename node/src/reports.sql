-- Reports of suspicions, sealed. One writer; WAL; synchronous=FULL. Nothing says who sent one.

PRAGMA user_version = 1;

CREATE TABLE reports (
    number   INTEGER PRIMARY KEY AUTOINCREMENT, -- never used again, so that a reader who has all up to one misses none
    id       BLOB    NOT NULL UNIQUE,           -- SHA-256 of the envelope
    received INTEGER NOT NULL,                  -- in milliseconds since 1970
    envelope BLOB    NOT NULL
) STRICT;
