//! Supply-chain rules as data, product histories, and the verdict on a pack.
//!
//! One engine reads a [`Profile`] and judges whether a statement fits its place among the others on its subject. The
//! node checks each statement before it admits it ([`Profile::check`]); the client checks whole histories again
//! ([`Profile::audit`]). So admission and judgement use the same rules.
//!
//! # The life of a verdict
//!
//! 1. `countersign-ledger` verifies signatures, inclusion and completeness: every [`Placed`] statement is in the log at
//!    its index.
//! 2. [`Dossier::new`] runs the engine over the histories of one product class, once, when a snapshot advances.
//! 3. [`verdict`] looks up what was read from a pack. It never fails and needs no network. Every verdict carries its
//!    reasons in order, who is accountable for them, the evidence, and the age of the snapshot, by a clock that is held
//!    against what is proven ([`Now`]).
//!
//! ```
//! use countersign_custody::{Item, VerdictKind, verdict};
//! use countersign_ledger::{Subject, UnixMillis};
//!
//! let class = Subject::new("https://id.gs1.org/01/09506000134352")?;
//! let item = Item { class, lot: None, pack: None, serial: None, expires_at: None, readings: vec![] };
//! let shown = verdict(&item, None, UnixMillis(0));
//! assert_eq!(shown.kind, VerdictKind::CannotTell);
//! assert_eq!(shown.reasons[0].key(), "not-followed");
//! # Ok::<(), countersign_ledger::NameError>(())
//! ```
//!
//! In scope: the rules for statements and their meaning. Out of scope: storage, reading labels, access to logs.
//!
//! [`Placed`]: countersign_ledger::Placed

mod alert;
mod audit;
mod chain;
mod clock;
mod conflict;
mod contents;
mod dossier;
mod draft;
mod engine;
pub mod epcis;
mod facts;
mod fault;
mod field;
mod filter;
pub mod handover;
mod item;
mod lateness;
mod lot;
mod packing;
mod profile;
pub mod qr;
mod reason;
pub mod report;
mod route;
mod rules;
mod state;
mod step;
mod subject_type;
mod timeline;
mod unit;
mod unpacking;
mod verdict;
pub mod words;

pub use alert::{Alert, AlertKind};
pub use audit::{Audit, Examined, Finding, History, Judged, Signature, UNORDERED};
pub use chain::chain_value;
pub use clock::{Clock, Now, Synced};
pub use conflict::{Conflict, Dispute};
pub use contents::{Aggregate, Contents, ContentsError, MAX_CONTENTS, Opened};
pub use dossier::Dossier;
pub use engine::{Past, Voids};
pub use facts::{AsOf, Facts, LotFacts};
pub use fault::{CertificateFlaw, Fault, FaultReason, Party};
pub use field::RECEIVER;
pub use filter::{FilterError, MAX_FILTER, SerialFilter};
pub use item::{Item, Reading, Slip};
pub use lateness::LATE_MILLIS;
pub use lot::{MAX_SERIAL, SerialError, SerialProof, SerialSet};
pub use packing::{Misplaced, PackingFault, packing_fault};
pub use profile::{Profile, ProfileError, Question};
pub use reason::{Argument, Dispensed, Reason};
pub use route::{Gap, Leg, Route, Standing, Stop};
pub use state::{MAX_SUSPENSIONS, SubjectState};
pub use step::{
    After, Countersigned, Covers, Effect, Equality, FieldRule, FieldType, Holder, Holds, LinkRule, NamedBy,
    PartyRule, Period, Presence, Step,
};
pub use subject_type::{Relation, SubjectType};
pub use timeline::{Mark, TimelineEvent};
pub use unit::UnitFacts;
pub use unpacking::{Difference, DifferenceKind, Few};
pub use verdict::{
    MAX_AGE_MILLIS, MAX_AGE_OF_ABSENCE_MILLIS, Verdict, VerdictKind, verdict, verdict_of_evidence,
};
