-- Version 2: what somebody needs who carries goods. A line, an offer or an answer is verified whenever it is used.

-- Goods whose line is here: every statement on them, with those that no log has yet.
CREATE TABLE goods (
    subject TEXT PRIMARY KEY,
    line    BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Handovers that are under way, by the offer's id: what the giver shows, or what the receiver shows back. An answered
-- offer stays, so that the same offer never gets two answers.
CREATE TABLE handovers (
    offer   BLOB    PRIMARY KEY,
    side    INTEGER NOT NULL,           -- 0: I give; 1: I receive
    subject TEXT    NOT NULL,
    message BLOB    NOT NULL,
    expires INTEGER NOT NULL,
    open    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Statements on their way to the ledger, in the order in which they were made. One leaves when it is proven.
CREATE TABLE outbox (
    number  INTEGER PRIMARY KEY,
    id      BLOB    NOT NULL UNIQUE,
    subject TEXT    NOT NULL,
    kind    TEXT    NOT NULL,
    bytes   BLOB    NOT NULL,
    event   INTEGER NOT NULL,           -- when it was signed
    state   INTEGER NOT NULL,           -- 0 waiting, 1 sent, 2 refused
    reason  TEXT    NOT NULL,
    tries   INTEGER NOT NULL,
    due     INTEGER NOT NULL
) STRICT;
