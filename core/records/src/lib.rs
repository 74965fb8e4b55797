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
//! | sealing, wrapping | `keys`, `object`, `image`, `epoch`, `line`, `sealed` | [`Sealed`], [`Inventory`], [`Row`] |
//! | who may ask, who asks | `sheet`, `ask`, `drafts` | [`Offer`], [`Requester`] |
//! | opening, keeping | `link`, `delivery`, `copy`, `paper` | [`RecordLink`], [`Received`], [`Paper`] |
//! | who may see it, and who did | `record`, [`rules`] | [`rules::RecordRules`] |
//! | who gives keys and vouches | `authority` | [`AuthorityKey`], [`KeyAsk`], [`Vouch`] |
//! | what a store is asked | `demand`, `ticket` | [`Demanded`], [`Ticket`] |
//! | showing | `narrative`, `coded`, `view` | [`View`] |
//! | for who has no app | `excerpt` | [`excerpt()`], [`proof`] |
//!
//! In scope: JSON Bundles of type document (HL7 FHIR R4), such as International Patient Summaries. Out of scope: XML, checking
//! a document against profiles, terminology, storage.

mod ask;
mod authority;
mod coded;
mod copy;
mod cut;
mod delivery;
mod demand;
mod document;
mod drafts;
mod epoch;
mod excerpt;
mod image;
mod json;
mod keys;
mod line;
mod link;
mod narrative;
mod object;
mod paper;
mod part;
mod record;
mod resource;
mod rule;
pub mod rules;
mod sealed;
mod sheet;
mod ticket;
mod view;

pub use ask::{ASK, Ask, AskError, Requester, open_ask, seal_ask};
pub use authority::{
    AuthorityKey, KEY_ASK, KeyAsk, MAX_KEY_ASK, MAX_VOUCH, Vouch, authority, open_key, seal_key,
};
pub use copy::CopyKey;
pub use cut::{Cut, CutError, FIRST_SECTION, HEADER, Loose, MAX_PARTS, PATIENT, REMAINDER};
pub use delivery::{Delivery, DeliveryError, Reader, Received};
pub use demand::{
    Asked, DEMAND_MILLIS, Delivered, Demand, DemandError, Demanded, MAX_DELIVERED, MAX_DEMAND, Wanted,
};
pub use document::{Commitment, Current, DOCUMENT, Disclosure, Extraction, Opened, Refused, Unsigned};
pub use drafts::{Answer, Index, Request};
pub use epoch::Epoch;
pub use excerpt::{EXTRACTION, NoProof, Provenance, excerpt, proof, provenance};
pub use image::{Hashed, MAX_PIECES, PIECE, SharedImage, next_piece};
pub use json::{JsonError, MAX_DEPTH, MAX_DOCUMENT, MAX_VALUES};
pub use keys::{Link, PartKey, Secret};
pub use line::{LineError, Lock, Row, label};
pub use link::{NotALink, RecordLink};
pub use narrative::{MAX_TEXT, Narrative};
pub use object::{MAX_OBJECT, ObjectError};
pub use paper::{NotAPaper, Paper};
pub use part::{Image, MAX_IMAGES, MAX_PART, Part, PartError, Role, join};
pub use record::{FULL, RecordId, SHARED};
pub use rule::{MAX_PAIRS, NotARule, Pair, Parts, Rule};
pub use sealed::{Inventory, Line, Sealed, line_of};
pub use sheet::{Offer, SheetError, open_sheet, seal_sheet};
pub use ticket::{
    Announced, MAX_ROWS, MAX_SUBMISSION, MAX_TICKET, Submission, TICKET, TICKET_MILLIS, Taken, Ticket,
    TicketError,
};
pub use view::{Mark, Section, State, View};
