//! What a phone or a desk keeps: keys, a proven snapshot of the ledger, and how both are used.
//!
//! # The life of an answer
//!
//! 1. [`Snapshot::open`] verifies what is held, from the pinned [`Genesis`](countersign_ledger::Genesis) on.
//! 2. [`Snapshot::follow`] says what matters to this person, [`Snapshot::sync_step`] fetches and proves it.
//! 3. [`item`] turns a scanned label into a question, [`Snapshot::check`] answers it without a network.
//! 4. [`Named`] is what a text names for an act, and [`Snapshot::guard`] whether that may be meant.
//! 5. [`Issuer`] does the opposite of asking: it signs with a key in a [`KeyStore`], keeps that in the outbox, sends it, and
//!    proves that it was recorded.
//!
//! ```no_run
//! use countersign_ledger::{Genesis, Subject, UnixMillis};
//! use countersign_scan::Code;
//! use countersign_wallet::{Client, Https, Snapshot, Step, item};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let now = UnixMillis(0);
//! let genesis = Genesis::parse(&std::fs::read("genesis.json")?)?;
//! let mut snapshot = Snapshot::open("wallet.db".as_ref(), &genesis)?;
//! snapshot.follow(&Subject::new("https://id.gs1.org/01/09506000134352")?)?;
//!
//! let client = Client::new(Https::new("https://ledger.example:7443", &genesis)?);
//! while snapshot.sync_step(&client)? != Step::Done {}
//!
//! let label = Code::typed("]d2010950600013435217281130101A\u{1d}21S1");
//! let verdict = snapshot.check(&item(&label, 2026)?, now);
//! println!("{:?}", verdict.kind);
//! # Ok(())
//! # }
//! ```
//!
//! Nothing partial is ever trusted, and nothing stored is: what a verdict rests on is verified again after every start. Any
//! other family of rules is followed like a product, by [`Snapshot::follow_family`] and [`Snapshot::history`].
//!
//! In scope: keys, the snapshot and its database, HTTPS. Out of scope: rules (`countersign-custody`), formats
//! (`countersign-ledger`), codes on packs (`countersign-scan`).

mod act;
mod authority_address;
mod back_off;
mod bedside;
mod cbor;
mod client;
mod courier;
mod domains;
mod drafting;
mod erasing;
mod evidence;
mod facts;
mod goods;
mod guard;
mod issuer;
mod item;
mod key_store;
mod links;
mod missing_links;
mod online;
mod outbox;
mod records;
mod register;
mod reports;
mod scans;
mod snapshot;
mod store;
mod sync;
mod vault;
mod verify_pages;
mod whole_logs;

pub use act::ActError;
pub use authority_address::{AuthorityAddress, NotAnAuthority};
pub use bedside::{
    BadgeError, Badges, BedsideDevices, BedsideError, BedsideLink, BedsideSession, Board, Keeping, Latest,
    MIN_PASSWORD, Requested, SHOWS_WITHIN, ScreenLock, Standing, TRIES, UNTOUCHED, WrongPassword,
};
pub use client::{
    Acknowledged, AttributeAuthority, Client, ClientError, Https, HttpsError, Limits, Method, RecordStore,
    Request, Response, Transport, TransportError,
};
pub use courier::{Courier, CourierError, Goods, OfferTo, Pending, ReadOffer, Shown, Side};
pub use domains::{
    AccessRequest, AdmittedUser, AskForData, AskedForData, Authorization, DataLedger, DataLedgers, DataTrace,
    DomainMessage, Domains, DomainsError, Fault, LoggedAccess, MayAnswer, MessageKind, NamedData, NewState,
    Notaries, NotarySeat, OpenBallot, Participant, Proposed, PublishedData, RequestState, Revoked,
    StatedData, Tended, TracedLedger, TracedState, Voted, looked_at, trace_data,
};
pub use erasing::erase;
pub use evidence::{EvidenceError, ProvenDelivery, Report, is_delivery, verify_delivery, verify_evidence};
pub use goods::{NoGoods, goods, unit};
pub use guard::{Consent, HeldBack, Named, is_irrevocable, level};
pub use issuer::{Issuer, Recorded};
pub use item::{NoPack, item, item_of};
pub use key_store::{KeyStore, KeyStoreError, StoredKey};
pub use links::{FetchError, Fetched, Hosts, Links};
pub use online::Asked;
pub use outbox::{Cause, Delivery, NextStep, Queued, Round};
pub use records::{
    Access, AccessState, Accesses, Allow, AskFor, AskState, Asked as AskedRecord, Clinician, Delivered,
    HeldImage, HeldRecord, LEAST_PASSCODE, Line, LinkNotMade, NewLine, NewLink, Offered, Publishing,
    RecordError, Records, SharedLink, Shown as ShownRecord,
};
pub use register::{NotARegister, Register};
pub use reports::{ReceivedReport, ReportError, ReportState, SentReport, Words};
pub use scans::{
    CopyHint, MAX_SCANS, Notice, NoticeId, Remembered, SAME_SCAN_MILLIS, Scan, Scans, ScansError, Seen,
};
pub use snapshot::{
    AdvanceError, CompareError, FollowError, FollowState, Following, Health, OpenError, Snapshot,
    SnapshotDamaged,
};
pub use store::StoreError;
pub use sync::{Part, Progress, Step, SyncError};
pub use vault::{Cost, Vault, VaultError};
pub use verify_pages::verify_page;
pub use whole_logs::WholeLogError;
