-- Version 5: which statement on the same goods one in the outbox follows, so that what follows a refused one can be told.
ALTER TABLE outbox ADD COLUMN follows BLOB;
