-- Version 6: lists of what is in logistic units, by the digest under which the ledger knows them.
CREATE TABLE contents (
    digest BLOB PRIMARY KEY,
    list   BLOB NOT NULL
) STRICT, WITHOUT ROWID;
