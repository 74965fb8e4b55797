//! The ledger node: one state machine behind a sequencer, served over HTTPS.
//!
//! A node hosts the logs of its configuration: `<name>/trust` with revocations, recalls and suspensions, `<name>/supply` with
//! the histories of products and the enrolments of members, and others. Each kind of statement belongs to a family of rules
//! ([`Surroundings::families`]). Reading is anonymous. Writing needs a statement signed by an enrolled member; enrolling needs
//! a one-time code from the domain's [`Registrar`], a certification request, and thereby possession of the key.
//!
//! # The life of a statement
//!
//! 1. It arrives by `POST /{log}/entries`, or in process by [`Sequencer::submit`]. The request is bounded in size, time
//!    and rate before anything is read.
//! 2. The thread that submits parses it strictly. If it is in the log already, its place is returned, whatever its age.
//!    Otherwise its time is compared with the clock and its signature is verified ([`Published::candidate`]).
//! 3. It waits in a bounded queue; when that is full the client is told to come back.
//! 4. The engine's thread takes what has gathered while the last block went to disk, and has a [`Committer`] commit it. The
//!    [`StateMachine`] checks it against its own state and the block's time: freshness, revocation as of its place, used-up
//!    tokens, the link to the latest statement on its subject, and the rules of its family, which read a small state of the
//!    subject and not its history. A refusal has its own [`Reason`] and changes nothing.
//! 5. Each log that has grown gets a checkpoint, with the roots of its tree and its subject index. The log signs it with
//!    two keys; each witness recomputes both roots from the entries and cosigns.
//! 6. One SQLite transaction (write-ahead log, `synchronous=FULL`) holds the block, its statements, what they promise, the
//!    enrolment codes that they use up and the checkpoints. Each step is a [`CommitPoint`]; what a crash leaves behind there
//!    is documented and tested.
//! 7. The checkpoint is published; readers never see further than that.
//! 8. The client is answered: 303, the place, and where the receipt is. This is the first moment at which anybody relies
//!    on the statement, and it is durable.
//!
//! Another engine implements [`Sequencer`] over the same steps of a [`Committer`] ([`Surroundings::engine`]); whatever blocks
//! it makes, the same statements lead to the same roots. What grows with the logs lies behind [`LedgerState`].
//!
//! A restart reads, hashes and compares the whole history ([`RecoveryError`]); a node that does not reach its own signed
//! checkpoint does not start.
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

mod checkpoint_signers;
mod clock;
mod committer;
mod config;
mod in_memory;
mod keys;
mod ledger;
mod ledger_state;
mod limits;
mod local;
mod machine;
mod metrics;
mod node;
mod others_logs;
mod outside_witnesses;
mod parallel;
mod problem;
mod published;
mod recovery;
mod registrar;
mod routes;
mod sequencer;
mod server;
mod store;
mod tls;

pub use checkpoint_signers::SealError;
pub use clock::{Clock, system_clock};
pub use committer::{CommitError, CommitPoint, Committer, Observer, Sealed, Written};
pub use config::{Config, ConfigError, Limits, OutsideConfig, TlsConfig, WitnessConfig};
pub use in_memory::InMemory;
pub use keys::KeysError;
pub use ledger::{Ledger, Place};
pub use ledger_state::{Addition, LedgerState, Neighbours, RECENT_CHECKPOINTS, Roots, SubjectIndex};
pub use local::Local;
pub use machine::{Admission, Admitted, Applied, BlockRecord, Bodies, Candidate, Damage, StateMachine};
pub use node::{AuthorityError, Engine, Node, OpenError, Running, Surroundings};
pub use published::Published;
pub use recovery::RecoveryError;
pub use registrar::{CodeError, EnrolmentCode, Registrar, RegistrarError};
pub use sequencer::{Block, Health, Ordered, Outcome, Reason, Sequencer, Status, Ticket};
pub use server::StartError;
pub use store::{StoreError, StoreResult};
pub use tls::TlsError;
