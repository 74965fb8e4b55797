//! A camera frame becomes a product identity.
//!
//! [`decode`] finds the symbols in a picture, [`Scanner`] those in front of a live camera; [`identify`] gives the
//! product that a symbol names, [`Code`] reads every text, typed or scanned, by the rules of [`gs1`], and [`Slip`] lists what
//! happens to texts on the way; [`draw`] makes symbols. Nothing that is read here is
//! trusted: the text of a symbol is a claim, which the ledger confirms or not.
//!
//! In scope: QR Code (ISO/IEC 18004), Data Matrix (ISO/IEC 16022), GS1 data and Digital Links in them, packs numbered
//! by IFA. Out of scope: linear symbols (their text is accepted from a hand-held scanner), cameras, files.
//!
//! The crate is pure: no clock, so that the current year is an argument; no disk, no thread. Every function accepts
//! hostile input: it is bounded in time and memory and does not panic.
//!
//! ```
//! use countersign_scan::draw::{Carrier, Label, Scale};
//! use countersign_scan::gs1::{Message, Partners};
//! use countersign_scan::{decode, identify};
//!
//! let message = Message::from_bracketed("(01)09506000134352(17)281130(10)ABC123(21)7QH4", Partners::Required)?;
//! let picture = Label::new(&message, Carrier::DataMatrix)?.picture(Scale::new(4).ok_or("2 to 16")?);
//!
//! let symbols = decode(&picture.frame()?);
//! let product = identify(&symbols[0], 2026)?;
//! assert_eq!(symbols[0].identifier, "]d2");
//! assert_eq!(product.pack_uri().as_deref(), Some("https://id.gs1.org/01/09506000134352/10/ABC123/21/7QH4"));
//! assert_eq!(product.expiry.map(|date| date.to_string()).as_deref(), Some("2028-11-30"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod code;
mod decode;
pub mod draw;
mod enlarge;
mod frame;
pub mod gs1;
mod identify;
mod named;
mod pace;
mod parts;
mod picture;
mod ppn;
mod product;
mod readings;
mod scanner;
mod slip;
mod split;
mod symbol;

pub use code::{Code, Origin};
pub use decode::{Pass, Wanted, decode};
pub use frame::{Luma, MAX_SIDE, NotAFrame};
pub use identify::{UnitMisread, identify, identify_text};
pub use named::NotAProduct;
pub use picture::Picture;
pub use ppn::Ppn;
pub use product::Product;
pub use scanner::{ScanResult, Scanner};
pub use slip::{Reading, Slip};
pub use symbol::{Format, Part, Symbol};
