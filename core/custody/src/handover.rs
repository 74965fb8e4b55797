//! Handover: goods go from one person to another, and both can prove it, with both phones offline.
//!
//! 1. The giver signs an *offer*: these goods, after this statement, valid for a few minutes ([`Offered::make`]).
//! 2. The receiver scans the goods and the offer, verifies both on their phone ([`Offered::examine`]), and signs an
//!    *answer* that carries the whole offer: accepted as intact or damaged, or refused ([`ExaminedOffer::answer`]).
//! 3. The giver scans the answer, which is shown without the offer, since the giver has that ([`Offered::close`]). Both
//!    now hold the same bytes, signed by both.
//!
//! The answer is the statement that is submitted to the ledger, on the goods' own subject, after the statement that the
//! offer names. Either side may submit it, and the ledger keeps one. Its kind comes from the profile: the step that
//! countersigns an offer in the receiver's role. An offer alone has no kind of a profile, so no log accepts it.
//!
//! Several hops work offline too: goods travel with their [`CustodyChain`], every statement on them from the first on,
//! including those that are in no log yet. Each receiver verifies the whole chain by the rules that the ledger will
//! apply. An offline phone cannot see whether the same goods were offered to somebody else too: the ledger accepts the
//! first of two such answers and refuses the second, naming the first; the second is then recorded as evidence of a
//! conflict. Nor can it see a hop that two people agree to leave out, since only what they sign is recorded. In that
//! case the holder according to the chain is accountable for the goods.
//!
//! Each state is plain bytes ([`Offered::to_bytes`], [`CustodyChain::to_bytes`]); the bytes of an offer are also its
//! message.
//!
//! In scope: what is signed, shown, and checked. Out of scope: drawing codes ([`crate::qr`]), storing states,
//! submitting.

mod custody_chain;
mod offer;
mod refused;

pub use self::custody_chain::{CustodyChain, CustodyRules, MAX_CHAIN};
pub use self::offer::{Answer, Answered, Condition, ExaminedOffer, Key, Offered, Terms, answer_in};
pub use self::refused::HandoverError;

use countersign_ledger::{Fields, Hash, UnixMillis, Verified};

use crate::field::{EXPIRES, SEEN_ROOT, SEEN_SIZE};

/// The kind of an offer.
pub const OFFER: &str = "custody.offer";

/// How long an offer is in force by default: the two people stand face to face.
pub const OFFER_MILLIS: u64 = 3 * 60 * 1000;
/// The longest that an offer may be in force. A longer one could be shown to somebody elsewhere.
pub const MAX_OFFER_MILLIS: u64 = 10 * 60 * 1000;
/// How far the clocks of two phones may differ: more than phones drift in a week without a network.
pub const CLOCKS_APART_MILLIS: u64 = 2 * 60 * 1000;

/// A checkpoint of the supply log that a phone has verified.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Seen {
    /// Number of entries.
    pub size: u64,
    /// Root over them.
    pub root: Hash,
}

impl Seen {
    /// The checkpoint that the signer of an offer or an answer had verified.
    pub fn of(statement: &Verified) -> Option<Self> {
        let fields = statement.fields();
        Some(Self { size: fields.uint(SEEN_SIZE)?, root: fields.hash(SEEN_ROOT)? })
    }

    /// Compares this phone's checkpoint with that of the other phone.
    pub fn meet(self, other: Self) -> Meeting {
        match self.size.cmp(&other.size) {
            std::cmp::Ordering::Less => Meeting::Newer,
            std::cmp::Ordering::Greater => Meeting::Older,
            std::cmp::Ordering::Equal if self.root == other.root => Meeting::Same,
            std::cmp::Ordering::Equal => Meeting::Fork,
        }
    }
}

/// How the checkpoint of the other phone compares with that of this one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Meeting {
    /// Both have seen the same.
    Same,
    /// The other has seen a smaller one.
    Older,
    /// The other has seen a larger one.
    Newer,
    /// Two trees of one size: the log has forked, or one of the phones lies. The signed notes decide, so they should be
    /// exchanged.
    Fork,
}

fn with_seen(fields: Fields, seen: Option<Seen>) -> Fields {
    match seen {
        Some(seen) => fields.with(SEEN_SIZE, seen.size).with(SEEN_ROOT, seen.root),
        None => fields,
    }
}

/// Whether an offer is in force at `at`, within the tolerance for two clocks. Statements have their time in whole
/// seconds.
pub(crate) fn in_time(offer: &Verified, at: UnixMillis) -> bool {
    let made = offer.statement().issued_at();
    let Some(expires) = offer.fields().uint(EXPIRES).map(UnixMillis) else { return false };
    expires.since(made) <= MAX_OFFER_MILLIS + 1000
        && made.since(at) <= CLOCKS_APART_MILLIS
        && at.since(expires) <= CLOCKS_APART_MILLIS
}
