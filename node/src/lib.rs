//! node

mod archive;
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
mod signatories;
mod store;
mod tls;

pub use clock::{Clock, system_clock};
pub use config::{Config, ConfigError, Limits, NotaryConfig, TlsConfig};
pub use keys::KeysError;
pub use local::{CommitError, CommitPoint, Local, Observer};
pub use log::{LogId, Place};
pub use machine::{Admission, Admitted, Applied, BlockRecord, Bodies, Candidate, Damage, StateMachine};
pub use node::{AuthorityError, Node, OpenError, Running, Surroundings};
pub use recovery::RecoveryError;
pub use registrar::{CodeError, EnrolmentCode, Registrar, RegistrarError};
pub use sequencer::{Block, Health, Ordered, Outcome, Reason, Sequencer, Status, Ticket};
pub use server::StartError;
pub use signatories::SealError;
pub use store::StoreError;
pub use tls::TlsError;
