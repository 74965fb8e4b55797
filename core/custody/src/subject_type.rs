//! The type of a subject: a product class, a lot, a pack, or another traced item.
//!
//! In scope: the GS1 Digital Link paths that custody uses: `01`, `01/10`, `01/21`, `01/10/21` and `00`. Out of scope:
//! check digits, character sets and percent-encoding, which the reader of a label checks.

use countersign_ledger::Subject;
use serde::Deserialize;

const DIGITAL_LINK: &str = "https://id.gs1.org/";

/// The type of a subject.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SubjectType {
    /// A product class, `01/{gtin}`.
    Class,
    /// A lot of a class, `01/{gtin}/10/{lot}`.
    Lot,
    /// A single pack or piece, `01/{gtin}/10/{lot}/21/{serial}` or `01/{gtin}/21/{serial}`.
    Pack,
    /// A logistic unit, `00/{sscc}`.
    Unit,
    /// A matter without goods, such as an order: any URN.
    Matter,
}

impl SubjectType {
    /// The type of `subject`; `None` for members and for links of another shape.
    pub fn of(subject: &Subject) -> Option<Self> {
        if subject.as_str().starts_with("urn:") {
            return Some(Self::Matter);
        }
        let path: Vec<&str> = subject.as_str().strip_prefix(DIGITAL_LINK)?.split('/').take(7).collect();
        match path[..] {
            ["00", sscc] if digits(sscc, 18) => Some(Self::Unit),
            ["01", gtin, ref rest @ ..] if digits(gtin, 14) => match *rest {
                [] => Some(Self::Class),
                ["10", lot] if !lot.is_empty() => Some(Self::Lot),
                ["21", serial] if !serial.is_empty() => Some(Self::Pack),
                ["10", lot, "21", serial] if !lot.is_empty() && !serial.is_empty() => Some(Self::Pack),
                _ => None,
            },
            _ => None,
        }
    }
}

/// The relation of a linked statement's subject to the subject of the statement that links it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Relation {
    /// The same subject.
    Same,
    /// The lot that the pack belongs to.
    Lot,
    /// The product class.
    Class,
    /// Any subject: only the link connects the two.
    Any,
}

impl Relation {
    /// Whether `theirs` has this relation to `ours`.
    pub fn holds(self, ours: &Subject, theirs: &Subject) -> bool {
        match self {
            Self::Same => ours == theirs,
            Self::Lot => {
                SubjectType::of(theirs) == Some(SubjectType::Lot) && ours.family() == theirs.as_str()
            }
            Self::Class => class_of(ours) == Some(theirs.as_str()),
            Self::Any => true,
        }
    }
}

/// The product class that a class, lot or pack belongs to.
pub(crate) fn class_of(subject: &Subject) -> Option<&str> {
    const CLASS: usize = "https://id.gs1.org/01/".len() + 14;
    match SubjectType::of(subject)? {
        SubjectType::Class | SubjectType::Lot | SubjectType::Pack => subject.as_str().get(..CLASS),
        SubjectType::Unit | SubjectType::Matter => None,
    }
}

fn digits(text: &str, count: usize) -> bool {
    text.len() == count && text.bytes().all(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLASS: &str = "https://id.gs1.org/01/09506000134352";

    fn subject(text: &str) -> Subject {
        Subject::new(text).unwrap()
    }

    #[test]
    fn links_have_the_type_that_their_path_says() {
        let level = |text: &str| SubjectType::of(&subject(text));
        assert_eq!(level(CLASS), Some(SubjectType::Class));
        assert_eq!(level(&format!("{CLASS}/10/L")), Some(SubjectType::Lot));
        assert_eq!(level(&format!("{CLASS}/10/L/21/S")), Some(SubjectType::Pack));
        assert_eq!(level(&format!("{CLASS}/21/S")), Some(SubjectType::Pack));
        assert_eq!(level("https://id.gs1.org/00/095060001343520001"), Some(SubjectType::Unit));
        assert_eq!(level("urn:example:order:7"), Some(SubjectType::Matter));
        for other in [
            &format!("{CLASS}/"),
            &format!("{CLASS}/10/"),
            &format!("{CLASS}/21/S/10/L"),
            &format!("{CLASS}/10/L/21/S/21/S"),
            &format!("{CLASS}/10/L/21/S/x"),
            "https://id.gs1.org/01/0950600013435",
            "https://id.gs1.org/01/0950600013435x",
            "https://id.gs1.org/",
            "spiffe://meds.example/supplier/ms",
        ] {
            assert_eq!(level(other), None, "{other}");
        }
    }

    #[test]
    fn relations_lead_up_and_never_sideways() {
        let (class, lot, pack) =
            (subject(CLASS), subject(&format!("{CLASS}/10/L")), subject(&format!("{CLASS}/10/L/21/S")));
        assert!(Relation::Class.holds(&pack, &class) && Relation::Class.holds(&lot, &class));
        assert!(Relation::Class.holds(&class, &class) && Relation::Lot.holds(&pack, &lot));
        assert!(!Relation::Lot.holds(&pack, &subject(&format!("{CLASS}/10/M"))));
        assert!(!Relation::Lot.holds(&lot, &class) && !Relation::Same.holds(&lot, &pack));
        assert!(!Relation::Class.holds(&lot, &subject("https://id.gs1.org/01/09506000134369")));
        assert!(!Relation::Class.holds(&subject("urn:x:1"), &class));
    }
}
