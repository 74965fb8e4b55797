-- Version 4: checkpoints of the supply log that other phones showed, of another size than this phone's own. Each stays until
-- a proof shows that it is of the same log, or until it is evidence that it is not.
CREATE TABLE meetings (
    note TEXT    PRIMARY KEY,
    size INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
