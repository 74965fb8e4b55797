//! Medical records: the doctor opens exactly the parts that the patient allows, and can prove them unaltered.
//!
//! A document is cut into parts, each some of its bytes as they were received; nothing is ever written again. The author signs
//! a salted commitment to each part, the patient seals each part once, and wraps the keys for whoever may read. Joining all
//! parts gives the very same bytes.
//!
//! # Reading order
//!
//! | step | modules | result |
//! | --- | --- | --- |
//! | what is where | `json`, `resource` | values by their positions, and what refers to what |
//! | cutting, joining | `cut`, `part` | [`Cut`], [`Part`], [`join`] |
//! | signing, extracting, verifying | `rule`, `document` | [`Extraction`], then [`Opened`] |
//! | sealing, opening | `keys`, `object`, `line`, `delivery` | [`Sealed`], [`Row`], then [`Received`] |
//! | who may see it, and who did | `record`, [`rules`] | [`rules::RecordRules`] |
//! | showing | `narrative`, `coded`, `view` | [`View`] |
//! | for who has no app | `excerpt` | [`excerpt()`], [`proof`] |
//!
//! In scope: JSON Bundles of type document (HL7 FHIR R4), such as International Patient Summaries. Out of scope: XML, checking
//! a document against profiles, terminology, attribute-based encryption (a line's header is opaque here), storage.

mod coded;
mod cut;
mod delivery;
mod document;
mod excerpt;
mod json;
mod keys;
mod line;
mod narrative;
mod object;
mod part;
mod record;
mod resource;
mod rule;
pub mod rules;
mod view;

pub use cut::{Cut, CutError, FIRST_SECTION, HEADER, Loose, MAX_PARTS, PATIENT, REMAINDER};
pub use delivery::{Delivery, DeliveryError, Line, Reader, Received, Sealed};
pub use document::{Commitment, Current, DOCUMENT, Disclosure, Extraction, Opened, Refused, Unsigned};
pub use excerpt::{EXTRACTION, NoProof, excerpt, proof};
pub use json::{JsonError, MAX_DEPTH, MAX_DOCUMENT, MAX_VALUES};
pub use keys::{Key, LineKey, Link, PartKey, Secret};
pub use line::{LineError, Lock, MAX_POLICY, Row, Scope, Wraps, label};
pub use narrative::{MAX_TEXT, Narrative};
pub use object::{MAX_OBJECT, ObjectError, What, open_image, seal_image};
pub use part::{Image, MAX_IMAGES, MAX_PART, Part, PartError, Role, join};
pub use record::{FULL, RecordId, SHARED};
pub use rule::{MAX_PAIRS, NotARule, Pair, Parts, Rule};
pub use view::{Mark, Section, State, View};
