//! The core for phone apps, in Kotlin and in Swift.
//!
//! One object per task: [`Wallet`] keeps the verified data and brings it up to date, [`PackChecker`] checks packs,
//! [`Courier`] hands goods over, [`Issuer`] signs other statements, [`Records`] keeps a patient's medical records, [`Clinician`]
//! opens those of others, [`Bedside`] signs in at devices, [`Domains`] looks into other trust domains. Every call is synchronous, short and safe to repeat, and belongs on a thread that may
//! wait; a call to the network is bounded in size and time. Records are shaped for screens: texts are keys with
//! arguments, and the apps have the translations. There is one error, [`CountersignError`], and each of its variants
//! says what the screen does next. What a screen shows and where it leads, once there is an answer, is a record too
//! ([`VerdictScreen`], [`FaultScreen`]), so that both apps show the same.
//!
//! There are no rules here: bodies are a few lines. If the two apps would disagree when one forgot a line, the line
//! belongs to the core.
//!
//! # Locks
//!
//! A wallet has one snapshot that is read; while it syncs another one is updated, which then takes the first one's place,
//! so that a verdict never waits for the network. A call that signs has a third for itself, which the next such call takes over, so no lock is held while the key
//! store waits for a person. After a panic under a lock the snapshot is opened again, which verifies its contents as always.
//!
//! # Signals
//!
//! Writing to a connection that the node has closed raises `SIGPIPE` on Linux, where sockets cannot disable it.
//! Android, Java and Apple's sockets keep it from the app; a Swift program on Linux must ignore it (`signal(SIGPIPE,
//! SIG_IGN)`).
//!
//! Moments are in milliseconds since 1970, UTC. Bytes of keys and signatures: see [`KeyStore`].

mod answer;
mod bedside;
mod clinician;
mod clock;
mod code;
mod courier;
mod document;
mod domains;
mod error;
mod handover;
mod health_link;
mod history;
mod issuer;
mod key_store;
mod outbox;
mod pack_checker;
mod records;
mod register;
mod reports;
mod screens;
mod settings;
mod shared_link;
mod wallet;

pub use answer::{Answer, Argument, Event, KnownLog, Opened, Product, Text, Value, VerdictKind};
pub use bedside::{
    BadgeState, Bedside, BedsideBadge, BedsideCommand, BedsideDevice, BedsideEnd, BedsideLatest,
    BedsideReading, BedsideRegistered, BedsideSent, BedsideSignedIn, BedsideWard, BedsideWatch, DeviceClass,
    SentState, TryCounter,
};
pub use clinician::{Clinician, RecordOffer, RecordQuestion, RecordRequest};
pub use clock::Clock;
pub use courier::Courier;
pub use document::{MedicalDocument, MedicalImage, MedicalSection, SectionState};
pub use domains::{
    AccessFinding, DataAccess, DataAccesses, DataDenial, DataOp, DataQuestion, DataStep, DataTrace,
    DomainData, DomainGreeting, DomainLedger, DomainLicence, DomainPerson, DomainStanding, Domains,
    DomainsView, GreetingStep, LicenceState, LicenceVotes, RevocationCause, TracedData,
};
pub use error::CountersignError;
pub use handover::{Condition, Drawing, Goods, Handover, Offer, Packed, ProofFile, Scan, draw_code};
pub use health_link::{LinkSignature, LinkedFile};
pub use history::Remembered;
pub use issuer::{Act, Consent, Field, FieldValue, Issuer, Level, Signed};
pub use key_store::{KeyStore, KeyStoreError};
pub use outbox::{Cause, Delivery, NextStep, Outgoing, Round};
pub use pack_checker::{PackChecker, ScanResult};
pub use records::{
    AccessState, LineMode, MedicalRecord, NewRecordLine, RecordAccess, RecordAccesses, RecordLine,
    RecordRequester, RecordStep, Records,
};
pub use register::{
    AuthorityAddress, Register, RegisterReader, RegisterScan, authority_address, authority_codes, register,
    register_codes,
};
pub use reports::Suspicion;
pub use screens::{
    AccessAnswer, AccessMark, AccessScreen, AccessesScreen, Action, AskChoice, AskDataScreen, AskScreen,
    BadgeScreen, BedsideNext, Carried, CauseChoice, CommandChoice, CommandScreen, DataAccessScreen,
    DataAccessesScreen, DataScreen, DaysChoice, DeviceLine, DeviceScreen, DocumentScreen, DomainLine,
    DomainsNext, DomainsScreen, Fault, FaultScreen, GreetingNext, GreetingScreen, HandoverScreen, ImageNext,
    ImageScreen, Kept, LicenceMark, LicenceScreen, Notice, OfferScreen, OpChoice, OtherReading,
    OutgoingScreen, PersonChoice, ProofScreen, PurposeChoice, ReadingLine, ReadingMark, RecordLineScreen,
    RecordNext, RecordScreen, ReportLine, RequestScreen, RequestStep, Scanned, SectionMark, SectionScreen,
    Seen, SentLine, SessionScreen, SharedLinkScreen, SignInChoice, TraceRow, TraceScreen, VerdictScreen,
    WardScreen, Way, WayMark, accesses_screen, ask_screen, command_screen, data_accesses_screen,
    device_screen, document_screen, domains_screen, fault_screen, goods_text, greeting_screen,
    handover_screen, offer_screen, outgoing_screen, record_screen, request_screen, session_screen,
    shared_link_screen, step_key, trace_screen, verdict_screen, ward_screen,
};
pub use settings::{Enrolment, Knowledge, Meeting, Membership, Settings};
pub use shared_link::{NewSharedLink, SharedLink};
pub use wallet::{Followed, SyncStep, Wallet, erase_wallet};

uniffi::setup_scaffolding!("countersign_core");
