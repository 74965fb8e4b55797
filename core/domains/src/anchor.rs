//! How much of the log across domains somebody had seen who states something on a domain's own log.
//!
//! The logs of two domains have no order between them, and clocks say what their owners like. But whoever names the root
//! of the log across domains at some size had seen that much of it, so the statement came after the first `size` entries
//! there. A root cannot be guessed before it is signed. Whoever holds that log checks it; a node of one domain cannot.
//!
//! ```cddl
//! anchor = ( "seen-size" => uint, "seen-root" => digest )
//! ```

use countersign_ledger::{Fields, Hash, Verified};

/// A size of the log across domains, and its root at that size.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Anchor {
    /// How many entries had been seen.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
}

impl Anchor {
    pub(crate) fn with(self, fields: Fields) -> Fields {
        fields.with("seen-size", self.size).with("seen-root", self.root)
    }

    /// Reads the anchor of a statement; `None` if it has none.
    pub fn of(statement: &Verified) -> Option<Self> {
        let fields = statement.fields();
        Some(Self { size: fields.uint("seen-size")?, root: fields.hash("seen-root")? })
    }
}
