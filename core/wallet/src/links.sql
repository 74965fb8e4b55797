-- Version 3: what a product's statements build on elsewhere.

-- The subject of a linked statement, by the node's word: it leads to the subject's history, and that history shows whether
-- the statement is in it.
CREATE TABLE links (
    statement BLOB PRIMARY KEY,
    subject   TEXT NOT NULL
) STRICT, WITHOUT ROWID;
