-- The wallet's database, version 1. One writer; WAL; synchronous=FULL. Nothing in it is trusted for standing here: every row
-- that a verdict rests on is verified again, from the pinned genesis on, before it counts.
--
-- Logs are called by their names, as in the genesis.

-- Which ledger this is about.
CREATE TABLE ledger (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    genesis BLOB    NOT NULL            -- SHA-256 of the genesis
) STRICT;

-- Checkpoints with all their signatures: the newest seen, the one that the snapshot is pinned to, and those that stored
-- inclusion paths lead to.
CREATE TABLE checkpoints (
    log  TEXT    NOT NULL,
    size INTEGER NOT NULL,
    note TEXT    NOT NULL,
    ends INTEGER NOT NULL,              -- whether stored inclusion paths lead to it
    PRIMARY KEY (log, size)
) STRICT, WITHOUT ROWID;

-- Where the wallet is in each log. `seen` only grows; `head` follows when all that belongs to it is here.
CREATE TABLE positions (
    log  TEXT    PRIMARY KEY,
    seen INTEGER NOT NULL,
    head INTEGER
) STRICT, WITHOUT ROWID;

-- Two signed checkpoints that contradict each other, kept as evidence against the log.
CREATE TABLE forks (
    id      INTEGER PRIMARY KEY,
    held    TEXT NOT NULL,
    offered TEXT NOT NULL,
    UNIQUE (held, offered)
) STRICT;

-- Logs that are held whole, from their first entry on. Rows beyond the head wait for their checkpoint to be reached.
CREATE TABLE whole_logs (
    log      TEXT    NOT NULL,
    position INTEGER NOT NULL,
    bytes    BLOB    NOT NULL,
    PRIMARY KEY (log, position)
) STRICT, WITHOUT ROWID;

-- What the user follows: a product class, one pack, a family. `ready` is the size of the log's checkpoint as of which all of
-- it is here.
CREATE TABLE followed (
    log     TEXT    NOT NULL,
    subject TEXT    NOT NULL,
    family  TEXT    NOT NULL,           -- of a pack, its class; else itself
    ready   INTEGER,
    PRIMARY KEY (log, subject)
) STRICT, WITHOUT ROWID;
CREATE INDEX followed_by_family ON followed (log, family);

-- Subjects whose statements are kept, and the names of the members of families.
CREATE TABLE subjects (
    id     INTEGER PRIMARY KEY,
    log    TEXT    NOT NULL,
    text   TEXT    NOT NULL,
    family TEXT    NOT NULL,
    UNIQUE (log, text)
) STRICT;
CREATE INDEX subjects_by_family ON subjects (log, family);

-- Statements, with the place in their subject's log that they were proven at, and the checkpoint against which. Appended at
-- the end of their subject's range of keys. How many of them count, the family's proof says.
CREATE TABLE statements (
    entry INTEGER PRIMARY KEY,          -- subject's id << 24 | number of the statement within its subject
    bytes BLOB    NOT NULL,
    place INTEGER NOT NULL,             -- index in the log
    size  INTEGER NOT NULL,             -- of the checkpoint
    path  BLOB    NOT NULL,             -- sibling hashes, 32 bytes each, leaf first
    above INTEGER NOT NULL              -- how many more there are, the last ones of the statement's before
) STRICT;

-- What the subject index says of a family. In the order in which they come, so that a sync writes page after page.
CREATE TABLE families (
    size   INTEGER NOT NULL,            -- of the checkpoint
    family INTEGER NOT NULL,            -- subject's id
    proof  BLOB    NOT NULL,
    PRIMARY KEY (size, family)
) STRICT, WITHOUT ROWID;

-- Signers' certificates, each once, by SHA-256 of the DER.
CREATE TABLE certificates (
    fingerprint BLOB PRIMARY KEY,
    der         BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Which filter the commission of a lot names, so that it can be fetched; the commission itself is authoritative.
CREATE TABLE commissions (
    subject INTEGER PRIMARY KEY,
    filter  BLOB    NOT NULL,
    length  INTEGER NOT NULL
) STRICT;

-- Filters over lots' serials, by SHA-256.
CREATE TABLE filters (
    digest BLOB PRIMARY KEY,
    bytes  BLOB NOT NULL
) STRICT;

-- Who the owner is: the key store's name of each key, and the certificate that was issued for it.
CREATE TABLE memberships (
    key         TEXT PRIMARY KEY,
    fingerprint BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- What the phone's clock and the node's showed at the last sync, in milliseconds since 1970. A hint.
CREATE TABLE clocks (
    one   INTEGER PRIMARY KEY CHECK (one = 1),
    phone INTEGER NOT NULL,
    node  INTEGER NOT NULL
) STRICT;

-- The node that the owner chose instead of the app's own.
CREATE TABLE node (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    address TEXT    NOT NULL
) STRICT;

-- Receipts for the owner's own statements, by the statement's id.
CREATE TABLE receipts (
    id      BLOB PRIMARY KEY,
    log     TEXT NOT NULL,
    receipt BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- The subject of a statement that a followed product's statements link, by the node's word: it leads to the subject's
-- history, and that history shows whether the statement is in it.
CREATE TABLE links (
    log       TEXT NOT NULL,
    statement BLOB NOT NULL,
    subject   TEXT NOT NULL,
    PRIMARY KEY (log, statement)
) STRICT, WITHOUT ROWID;

-- Checkpoints that other phones showed, of another size than this phone's own. Each stays until a proof shows that it is of
-- the same log, or until it is evidence that it is not.
CREATE TABLE meetings (
    note TEXT    PRIMARY KEY,
    log  TEXT    NOT NULL,
    size INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Lists of what is in logistic units, by the digest under which the ledger knows them.
CREATE TABLE contents (
    digest BLOB PRIMARY KEY,
    list   BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- What a partner had added to the event that a statement was drafted from: members of the event as JSON, by the statement's id.
CREATE TABLE extensions (
    statement BLOB PRIMARY KEY,
    members   TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What somebody needs who carries goods. A chain of custody, an offer or an answer is verified whenever it is used.

-- Goods whose chain of custody is here: every statement on them, with those that no log has yet.
CREATE TABLE goods (
    subject TEXT PRIMARY KEY,
    chain   BLOB NOT NULL
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
    log     TEXT    NOT NULL,
    key     TEXT    NOT NULL,           -- the owner's key that put it here, which signs what has to follow
    subject TEXT    NOT NULL,
    kind    TEXT    NOT NULL,
    bytes   BLOB    NOT NULL,
    event   INTEGER NOT NULL,           -- when it was signed
    state   INTEGER NOT NULL,           -- 0 waiting, 1 sent, 2 refused, 3 refused and its conflict recorded
    reason  TEXT    NOT NULL,           -- why it is in that state: the name of a problem, or of what was missing
    tries   INTEGER NOT NULL,
    due     INTEGER NOT NULL,
    follows BLOB,                       -- id of the one on the same goods that it comes after
    blob    BLOB                        -- what it promises, to be uploaded before it is ordered
) STRICT;

-- A patient's records. What is kept of one is sealed under its secret, which the key store has.
CREATE TABLE records (
    record   BLOB PRIMARY KEY,
    state    BLOB NOT NULL,             -- who may see what, and a change under way
    document BLOB,                      -- the signed document, as published
    taken    BLOB                       -- a newer one, until it is published
) STRICT;

-- Sealed objects of a change under way, until its indexes are recorded.
CREATE TABLE record_objects (
    record BLOB NOT NULL,
    digest BLOB NOT NULL,
    bytes  BLOB NOT NULL,
    UNIQUE (record, digest)
) STRICT;

-- Large images that a document names, in pieces.
CREATE TABLE record_images (
    record BLOB    NOT NULL,
    digest BLOB    NOT NULL,            -- SHA-256 of the image
    piece  INTEGER NOT NULL,
    bytes  BLOB    NOT NULL,
    UNIQUE (record, digest, piece)
) STRICT;

-- Links of records that were handed to a clinician, sealed under the clinician's secret.
CREATE TABLE record_links (
    record BLOB PRIMARY KEY,
    link   BLOB NOT NULL
) STRICT;

-- What a clinician asked for, by the request's thread, and what is kept of the answer, sealed under a secret of its own.
CREATE TABLE record_asks (
    thread TEXT PRIMARY KEY,
    ask    BLOB NOT NULL,
    kept   BLOB
) STRICT;

-- Keys for attributes by their authority, sealed under the clinician's secret.
CREATE TABLE attribute_keys (
    authority TEXT PRIMARY KEY,
    key       BLOB NOT NULL
) STRICT;

-- Packs that this phone scanned, and those that its owner keeps, each sealed under its shelf's secret, which the key store
-- has. The name is a digest of what was read, keyed by that secret: it says nothing to whoever does not have it.
CREATE TABLE scans (
    number INTEGER PRIMARY KEY,         -- in the order of the last scans
    shelf  INTEGER NOT NULL,            -- 0: scanned; 1: kept
    name   BLOB    NOT NULL,
    scan   BLOB    NOT NULL,
    UNIQUE (shelf, name)
) STRICT;

-- Whether scans are remembered: there is a row if the owner wants it.
CREATE TABLE remembering (
    one INTEGER PRIMARY KEY CHECK (one = 1)
) STRICT;

-- Reports of suspicions on their way, each sealed to the authority: this phone cannot open them.
CREATE TABLE reports (
    number  INTEGER PRIMARY KEY,
    id      BLOB    NOT NULL UNIQUE,    -- SHA-256 of what is sealed
    written INTEGER NOT NULL,
    sealed  BLOB    NOT NULL,           -- empty once it was received
    state   INTEGER NOT NULL,           -- 0 waiting, 1 received, 2 refused
    reason  TEXT    NOT NULL,
    tries   INTEGER NOT NULL,
    due     INTEGER NOT NULL
) STRICT;

-- Credentials at bedside gateways, wrapped under a password and a secret that the key store has.
CREATE TABLE badges (
    gateway TEXT PRIMARY KEY,           -- its SPIFFE ID
    address TEXT    NOT NULL,
    keeping INTEGER NOT NULL,           -- 0 sealed, the key store counts tries; 1 masked
    memory  INTEGER NOT NULL,           -- what the password costs: KiB, passes, lanes
    passes  INTEGER NOT NULL,
    lanes   INTEGER NOT NULL,
    salt    BLOB    NOT NULL,
    wrapped BLOB    NOT NULL,
    subject TEXT    NOT NULL            -- the credential on the ledger: a hash of its name
) STRICT;

-- Bedside devices at which somebody signed in here, the latest few: to be chosen from.
CREATE TABLE bedside_devices (
    sid BLOB    PRIMARY KEY,
    met INTEGER NOT NULL                -- when last: milliseconds since 1970
) STRICT, WITHOUT ROWID;

-- What is kept of trust domains between two messages of a handshake, and whom a domain has authenticated: sealed under a
-- secret that the key store has.
CREATE TABLE domains_kept (
    name   TEXT PRIMARY KEY,
    sealed BLOB NOT NULL
) STRICT;
