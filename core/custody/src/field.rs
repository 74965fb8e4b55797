//! The fields that the core itself uses; a profile that uses a step's effect must give the step these.

use countersign_ledger::{Identity, Verified};

/// The receiver of a statement: an identity.
pub const RECEIVER: &str = "to";
/// Where, coarsely, in the signer's words.
pub(crate) const PLACE: &str = "place";
/// In which condition the goods were: `intact` or `damaged`.
pub(crate) const CONDITION: &str = "condition";
/// SHA-256 of a photo of damaged goods; the photo itself stays with the person who made it.
pub(crate) const PHOTO: &str = "photo";
/// Why, in the signer's words.
pub(crate) const REASON: &str = "reason";
/// SHA-256 of the list of a unit's contents.
pub(crate) const CONTENTS: &str = "contents";
/// How many packs are on that list.
pub(crate) const COUNT: &str = "count";
/// How many of a unit's packs the receiver scanned one by one.
pub(crate) const SCANNED: &str = "scanned";
/// When an offer ends, in milliseconds since 1970.
pub(crate) const EXPIRES: &str = "expires";
/// Number of entries of the newest checkpoint that the signer's phone had verified.
pub(crate) const SEEN_SIZE: &str = "seen-size";
/// Root of that checkpoint.
pub(crate) const SEEN_ROOT: &str = "seen-root";

/// The receiver that a statement names.
pub(crate) fn receiver(statement: &Verified) -> Option<Identity> {
    Identity::parse(statement.fields().text(RECEIVER)?).ok()
}
