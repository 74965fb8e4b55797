//! The ledger node: one state machine behind a sequencer, served over HTTPS.
//!
//! A node hosts the logs of its configuration: `<name>/trust` with revocations, recalls and suspensions, `<name>/supply` with
//! the histories of products and the enrolments of members, and others. Each kind of statement belongs to a family of rules
//! ([`Surroundings::families`]). Reading is anonymous. Writing needs a statement signed by an enrolled member; enrolling needs
//! a one-time code from the domain's [`Registrar`], a certification request, and thereby possession of the key.
//!
//! # The life of a statement
//!
//! 1. It arrives by `POST /{log}/entries`, with many others by `POST /{log}/batch`, or in process by [`Sequencer::submit`].
//!    The request is bounded in size, time and rate, and whole, before anything is looked at.
//! 2. The thread that submits parses it strictly. If it is in the log already, its place is returned, whatever its age.
//!    Otherwise its time is compared with the clock, its signature is verified, and it is looked up whether the blob that it
//!    promises is held ([`Published::candidate`]). A statement that nothing else is wrong with is refused without it, and has
//!    thereby announced it: the blob may be uploaded, and the statement is submitted again.
//! 3. It waits in a bounded queue; when that is full the client is told to come back.
//! 4. The engine's thread takes what has gathered while the last block went to disk, and has a [`Committer`] commit it. The
//!    [`StateMachine`] checks it against its own state and the block's time: freshness, revocation as of its place, used-up
//!    tokens, the link to the latest statement on its subject, and the rules of its family, which read a small state of the
//!    subject and not its history. A refusal has its own [`Reason`] and changes nothing.
//! 5. One SQLite transaction (write-ahead log, `synchronous=FULL`) holds the block, its statements, what they promise and the
//!    enrolment codes that they use up. Each step is a [`CommitPoint`]; what a crash leaves behind there is documented and
//!    tested.
//! 6. Each log that has grown gets a checkpoint, with the roots of its tree and its subject index. The log signs it with
//!    two keys; each witness recomputes both roots from the entries and cosigns. Each of them records in a file of its own,
//!    apart from the database, what it is about to sign, and signs nothing that does not extend that.
//! 7. The checkpoint is published; readers never see further than that.
//! 8. The client is answered: 303, the place, and where the receipt is. This is the first moment at which anybody relies
//!    on the statement, and it is durable.
//!
//! Another engine implements [`Sequencer`] over the same steps of a [`Committer`] ([`Surroundings::engine`]); whatever blocks
//! it makes, the same statements lead to the same roots. What grows with the logs lies behind [`LedgerState`].
//!
//! # What a stranger can use up
//!
//! Everything of which there is only so much is a budget, of which one address has its share ([`Limits`]): connections, memory,
//! look-ups, writes, uploads, disk for blobs that are not whole. A request has room in memory from its head until its answer
//! has left; large answers are made in pieces, each when the peer has taken the one before. A request to write takes its place
//! when it is whole; a blob goes to disk as it comes, and only if it is waited for. Who does not take what it asked for is
//! closed. What is in use is told by `/metrics`, which has a listener of its own ([`Config::metrics_listen`]).
//!
//! A restart reads, hashes and compares the whole history ([`RecoveryError`]); a node that does not reach its own signed
//! checkpoint does not start, and neither does one whose database is behind what any of its signers has signed: it would make
//! another history under the same keys.
//!
//! When the disk is full or locked, the clock in doubt, or too few witnesses elsewhere cosign, nothing is ordered: submissions are
//! answered [`Outcome::Halted`], reading goes on, and so does ordering when it is over ([`Halt`]).
//!
//! # In process
//!
//! ```no_run
//! use countersign_node::{Config, Node};
//!
//! let node = Node::open(Config::development("data"))?;
//! let running = node.start()?;
//! println!("https://{}", running.addr());
//! running.stop();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod attribute_authority;
mod bedside_gateway;
mod checkpoint_signers;
mod clock;
mod committer;
mod config;
#[cfg(unix)]
mod door;
mod files;
mod flow;
mod genesis;
mod halt;
mod health_links;
mod in_memory;
mod keys;
mod last_signed;
mod ledger;
mod ledger_state;
mod limits;
mod lingering;
mod local;
mod machine;
mod metrics;
mod node;
mod notary;
mod operate;
mod other_domains;
mod others_logs;
mod outside_witnesses;
mod parallel;
mod published;
mod reason;
mod record_cleaner;
mod record_enrolment;
mod record_store;
mod recovery;
mod registrar;
mod reports;
mod routes;
mod running;
mod sequencer;
mod server;
mod service;
mod service_home;
mod store;
mod timekeeper;
mod tls;
mod uploads;
mod verify;

pub use attribute_authority::{
    AttributeAuthority, AttributeAuthorityError, AuthorityConfig, Register, RegisterError, RunningAuthority,
};
#[cfg(unix)]
pub use bedside_gateway::operate_gateway;
pub use bedside_gateway::{
    BedsideGateway, BedsideGatewayError, Figures as GatewayFigures, GatewayConfig, GatewayRequest,
    RatchetPoint, RoleConfig, RunningGateway, SessionObserver, SessionPoint, bedside_readings,
    restored_gateway,
};
pub use checkpoint_signers::SealError;
pub use clock::{Clock, Uptime, system_clock, system_uptime};
pub use committer::{CommitError, CommitPoint, Committer, Observer, Sealed, Written};
pub use config::{
    Config, ConfigError, Limits, OutsideConfig, RecordStoreConfig, S3Config, TlsConfig, WitnessConfig,
};
pub use genesis::PinnedError;
pub use halt::Halt;
pub use health_links::{LinkServer, LinkServerConfig, LinkServerError};
pub use in_memory::InMemory;
pub use keys::KeysError;
pub use last_signed::LastSignedError;
pub use ledger::{Ledger, Place};
pub use ledger_state::{Addition, LedgerState, Neighbours, RECENT_CHECKPOINTS, Roots, SubjectIndex};
pub use local::Local;
pub use machine::{Admission, Admitted, Applied, BlockRecord, Candidate, Damage, StateMachine};
pub use node::{Engine, Node, OpenError, Surroundings};
pub use notary::{Notary, NotaryConfig, RunningNotary};
#[cfg(unix)]
pub use operate::{Certified, certify};
pub use operate::{OperateError, Request, operate, restore};
pub use other_domains::{OtherDomain, OtherDomainError};
pub use published::Published;
pub use reason::Reason;
pub use record_store::{KeepObserver, KeepPoint, RecordStoreError};
pub use recovery::RecoveryError;
pub use registrar::{CodeError, EnrolmentCode, Registrar, RegistrarError};
pub use running::Running;
pub use sequencer::{Block, Health, Ordered, Outcome, Sequencer, Status, Ticket};
pub use server::StartError;
pub use service::AuthorityError;
pub use service_home::ServiceHomeError;
pub use store::{Bodies, StoreError, StoreResult};
pub use timekeeper::{ClockError, MAX_GAP_MILLIS};
pub use tls::TlsError;
pub use verify::{Finding, Part, Report, verify};
