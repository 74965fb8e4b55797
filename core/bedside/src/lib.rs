//! Bedside devices on the ledger: the registry of devices and credentials, the datagrams between tablet, gateway and device, and
//! readings as a FHIR document. How devices authenticate is `countersign-device`'s; this crate says what that has to do with the
//! rest.
//!
//! - [`BedsideRules`]: the rows that a gateway keeps on the `trust` log, and the sessions that it tells the log `bedside` of.
//! - [`DailyKey`]: the gateway's key of the day, signed, which no log takes: a tablet asks the gateway for it.
//! - [`Datagram`]: what goes over UDP, and [`Refusal`]: why a gateway says no.
//! - [`document`]: readings, in the codes of ISO/IEEE 11073, as FHIR R4 Observations with UCUM units.
//! - [`Bench`] and [`Badge`]: what is handed over by hand; [`label`]: what a device's code says; [`SoftDevice`]: a device in software, to try all this with.
//!
//! In scope: formats and rules. Out of scope: sockets, databases, the protocol itself.

mod bench;
mod daily_key;
mod datagram;
mod mdc;
mod names;
mod observation;
mod ops;
mod refusal;
mod rows;
mod rules;
mod soft_device;

pub use bench::{Badge, Bench, label, read_label};
pub use daily_key::{DAILY_KEY, DailyKey, NotAKey};
pub use datagram::{Datagram, KEY_QUESTION, MAX_DATAGRAM, handle};
pub use mdc::{ALWAYS, Metric, SETTABLE, metric, metrics, ucum};
pub use names::{credential, device, gateway_id, user_id};
pub use observation::{Bed, Measured, Shown, document, doubt, shown};
pub use ops::{op, op_names, ops};
pub use refusal::Refusal;
pub use rows::{CredentialRow, DeviceRow, SessionRow, Status};
pub use rules::{BEDSIDE, BedsideRules, CREDENTIAL, DEVICE, ENGINEER, GATEWAY, NURSE, SESSION};
pub use soft_device::{Response, SoftDevice};
