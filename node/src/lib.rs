//! The ledger node: one state machine behind a sequencer, served over HTTPS.
//!
//! A node hosts several logs ([`LogId`]): `<name>/trust` with revocations, recalls and suspensions, and `<name>/supply`
//! with the histories of products and the enrolments of members. Reading is anonymous. Writing needs a statement signed
//! by an enrolled member; enrolling needs a one-time code from the domain's [`Registrar`], a certification request, and
//! thereby possession of the key.
//!
//! # The life of a statement
//!
//! 1. It arrives by `POST /{log}/entries`, or in process by [`Sequencer::submit`]. The request is bounded in size, time
//!    and rate before anything is read.
//! 2. On the thread that submits it is read, strictly; a statement that is ordered already is told its place, whatever
//!    its age. Its time is compared with the clock, its signer looked up, its signature verified. From here on it is a
//!    `Verified` statement, and nothing else can become one.
//! 3. It waits in a bounded queue; when that is full the client is told to come back.
//! 4. The ordering thread takes what has gathered while the last block went to disk and has [`StateMachine::apply`] judge
//!    it against the block's time: freshness, revocation as of its very place, replay, the link to the latest statement
//!    on its subject, and the rules of custody. A refusal has its own [`Reason`] and changes nothing.
//! 5. Each log that has grown gets a checkpoint, with the roots of its tree and its subject index. The log signs it with
//!    two keys; each witness recomputes both roots from the entries and cosigns.
//! 6. One SQLite transaction (write-ahead log, `synchronous=FULL`) holds the block, its statements, the enrolment codes
//!    that it uses up and the checkpoints. Each step is a [`CommitPoint`]; what a crash leaves there is told, and tested.
//! 7. The checkpoint is published; readers never see further than that.
//! 8. The client is answered: 303, the place, and where the receipt is. This is the first moment at which anybody relies
//!    on the statement, and it is durable.
//!
//! Starting again reads, hashes and compares the whole history ([`RecoveryError`]); a node that does not come out at its
//! own signed checkpoint does not start.
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

mod published;
mod cbor;
mod clock;
mod config;
mod keys;
mod limits;
mod local;
mod log;
mod machine;
mod metrics;
mod node;
mod problem;
mod recovery;
mod registrar;
mod routes;
mod sequencer;
mod server;
mod checkpoint_signers;
mod store;
mod tls;

pub use clock::{Clock, system_clock};
pub use config::{Config, ConfigError, Limits, WitnessConfig, TlsConfig};
pub use keys::KeysError;
pub use local::{CommitError, CommitPoint, Local, Observer};
pub use log::{LogId, Place};
pub use machine::{Admission, Admitted, Applied, BlockRecord, Bodies, Candidate, Damage, StateMachine};
pub use node::{AuthorityError, Node, OpenError, Running, Surroundings};
pub use recovery::RecoveryError;
pub use registrar::{CodeError, EnrolmentCode, Registrar, RegistrarError};
pub use sequencer::{Block, Health, Ordered, Outcome, Reason, Sequencer, Status, Ticket};
pub use server::StartError;
pub use checkpoint_signers::SealError;
pub use store::StoreError;
pub use tls::TlsError;
