//! Slips: what happens to a code's text on its way from the print, each with where that can happen and what mends it.

use crate::code::Origin;
use crate::product::Product;

/// What may have happened to a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Slip {
    /// A line end, a blank or a tab around the text.
    Ends,
    /// A separator before the first value.
    SeparatorFirst,
    /// The separator came as another character or as its name.
    SeparatorReplaced,
    /// GS1 data under a symbology identifier that does not announce it.
    Unannounced,
    /// Blanks, as printed beside the code for people.
    Blanks,
    /// Capitals for small letters, or small letters for capitals.
    CaseSwapped,
    /// The keys of another keyboard, such as Z for Y.
    KeysSwapped,
    /// A separator came as nothing.
    SeparatorLost,
}

/// Where a slip can happen.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cause {
    /// In print, so that a symbol which the camera read undamaged may have it.
    Print,
    /// Between a hand-held scanner and the text, or at the keyboard of a person; never in front of a camera.
    Keys,
}

/// A slip and what is to be known of it.
struct Rule {
    slip: Slip,
    key: &'static str,
    cause: Cause,
    mend: &'static str,
}

/// In the order in which they are thought of: what a text shows comes before what it may hide.
const RULES: [Rule; 8] = [
    Rule {
        slip: Slip::Ends,
        key: "ends",
        cause: Cause::Print,
        mend: "a line end, a blank or a mark that cannot be seen is part of the text: set the scanner to send no suffix, or leave it away",
    },
    Rule {
        slip: Slip::SeparatorFirst,
        key: "separator-first",
        cause: Cause::Print,
        mend: "a separator stands before the first value: set the scanner to send the symbology identifier and not the leading FNC1",
    },
    Rule {
        slip: Slip::SeparatorReplaced,
        key: "separator-replaced",
        cause: Cause::Print,
        mend: "the separator came as another character: set the scanner to send FNC1 as GS (ASCII 29), without a keyboard's substitutes",
    },
    Rule {
        slip: Slip::Unannounced,
        key: "unannounced",
        cause: Cause::Print,
        mend: "the symbol does not say that it holds GS1 data: it is to be printed with FNC1 first, and the scanner to send ]d2, ]Q3 or ]C1",
    },
    Rule {
        slip: Slip::Blanks,
        key: "blanks",
        cause: Cause::Print,
        mend: "there are blanks in the text, as printed for people, or marks that cannot be seen, as copied from a page: leave them away",
    },
    Rule {
        slip: Slip::CaseSwapped,
        key: "case-swapped",
        cause: Cause::Keys,
        mend: "capitals and small letters are swapped: release Caps Lock, and set the scanner to keep the case",
    },
    Rule {
        slip: Slip::KeysSwapped,
        key: "keys-swapped",
        cause: Cause::Keys,
        mend: "keys are swapped, as Z and Y: set the scanner to the language of this computer's keyboard",
    },
    Rule {
        slip: Slip::SeparatorLost,
        key: "separator-lost",
        cause: Cause::Print,
        mend: "a separator was lost: set the scanner to send FNC1 as GS (ASCII 29)",
    },
];

/// What a code says if one slip has happened to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The product.
    pub product: Product,
    /// The slip.
    pub slip: Slip,
    /// Whether the slip can have happened to this code: only then it is an excuse. A symbol in which the camera sees small
    /// letters was printed with small letters.
    pub excuses: bool,
}

impl Slip {
    /// Every slip.
    pub const ALL: [Self; 8] = [
        Self::Ends,
        Self::SeparatorFirst,
        Self::SeparatorReplaced,
        Self::Unannounced,
        Self::Blanks,
        Self::CaseSwapped,
        Self::KeysSwapped,
        Self::SeparatorLost,
    ];

    /// Its stable name.
    #[must_use]
    pub fn key(self) -> &'static str {
        self.rule().key
    }

    /// What it is, and the setting that mends it, for a person.
    #[must_use]
    pub fn mend(self) -> &'static str {
        self.rule().mend
    }

    /// Whether it can have happened to a text of this origin.
    #[must_use]
    pub fn can_happen(self, origin: Origin) -> bool {
        origin == Origin::Text || self.rule().cause == Cause::Print
    }

    /// All of them, in the order in which they are thought of.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        RULES.iter().map(|rule| rule.slip)
    }

    fn rule(self) -> &'static Rule {
        // safe: every slip has a rule, which a test shows.
        RULES.iter().find(|rule| rule.slip == self).unwrap_or(&RULES[0])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_slip_has_its_own_rule_and_words_that_say_what_to_do() {
        for rule in &RULES {
            assert_eq!(rule.slip.key(), rule.key);
            assert_eq!(RULES.iter().filter(|other| other.key == rule.key).count(), 1);
            assert!(rule.mend.contains(": "), "{}", rule.key);
        }
    }
}
