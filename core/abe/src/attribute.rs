//! Attributes, `label: value`, and the points of G1 that they and the columns of a sharing hash to (RFC 9380).

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, OnceLock};

use crate::curve::G1;
use crate::policy::MAX_LEAVES;

/// Longest label.
pub(crate) const MAX_LABEL: usize = 32;
/// Longest value: a SPIFFE ID of three parts of 64 characters fits.
pub(crate) const MAX_VALUE: usize = 255;
/// Words that a policy is written with, and so no labels.
const KEYWORDS: [&str; 3] = ["and", "or", "of"];
/// The suite of RFC 9380 with this scheme's name before it, as its section 3.1 has it.
pub(crate) const DST: &[u8] = b"COUNTERSIGN-ABE-V01-CS01-with-BLS12381G1_XMD:SHA-256_SSWU_RO_";
/// What an attribute's hash input begins with, and a column's.
const ATTRIBUTE: u8 = 1;
const COLUMN: u8 = 0;

/// The points `H(x, l, t)` of one attribute or column: `points[l][t]`.
pub(crate) type Points = [[G1; 2]; 3];

/// The hash of `(kind, l, t, name)`, which has one form only: the name comes last and all else is of one length.
fn hash(kind: u8, name: &[u8]) -> Points {
    let point = |l: usize, t: usize| {
        let place = [kind, u8::try_from(l + 1).unwrap_or(0), u8::try_from(t + 1).unwrap_or(0)];
        G1::hash(&[&place, name].concat(), DST)
    };
    std::array::from_fn(|l| std::array::from_fn(|t| point(l, t)))
}

/// The points of the column `n` of a sharing: constants, computed when first needed.
pub(crate) fn column(n: u16) -> Points {
    static COLUMNS: [OnceLock<Points>; MAX_LEAVES] = [const { OnceLock::new() }; MAX_LEAVES];
    let compute = || hash(COLUMN, &n.to_be_bytes());
    // No sharing has more columns than its policy has attributes.
    COLUMNS.get(usize::from(n)).map_or_else(compute, |column| *column.get_or_init(compute))
}

/// Text that is no attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "an attribute is `label: value`: a label of at most {} letters a-z, digits and hyphens that begins with a letter and is none \
     of and, or, of; a value of at most {} letters, digits and characters among -._~:/@+=%",
    MAX_LABEL,
    MAX_VALUE
)]
pub struct NotAnAttribute;

/// What somebody is or has, `label: value`, such as `role: cardiologist`.
///
/// A clone shares the attribute's points, which take a quarter of a millisecond to compute and are computed when first needed:
/// who issues many keys, or opens much, keeps the attributes.
#[derive(Clone)]
pub struct Attribute(Arc<Inner>);

struct Inner {
    text: String,
    points: OnceLock<Points>,
}

impl Attribute {
    /// The attribute of `value` under `label`.
    pub fn new(label: &str, value: &str) -> Result<Self, NotAnAttribute> {
        let label_holds = (1..=MAX_LABEL).contains(&label.len())
            && label.starts_with(|c: char| c.is_ascii_lowercase())
            && label.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-')
            && !KEYWORDS.contains(&label);
        let value_holds = (1..=MAX_VALUE).contains(&value.len()) && value.bytes().all(is_value);
        if !(label_holds && value_holds) {
            return Err(NotAnAttribute);
        }
        Ok(Self(Arc::new(Inner { text: format!("{label}: {value}"), points: OnceLock::new() })))
    }

    /// Its text, `label: value` with one space.
    pub fn as_str(&self) -> &str {
        &self.0.text
    }

    pub(crate) fn points(&self) -> &Points {
        self.0.points.get_or_init(|| hash(ATTRIBUTE, self.0.text.as_bytes()))
    }
}

/// Whether `c` may stand in a value.
pub(crate) fn is_value(c: u8) -> bool {
    c.is_ascii_alphanumeric() || b"-._~:/@+=%".contains(&c)
}

impl FromStr for Attribute {
    type Err = NotAnAttribute;

    /// Reads `label: value`; spaces around the colon may be more or none.
    fn from_str(text: &str) -> Result<Self, NotAnAttribute> {
        let (label, value) = text.split_once(':').ok_or(NotAnAttribute)?;
        Self::new(label.trim_matches(' '), value.trim_matches(' '))
    }
}

impl PartialEq for Attribute {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Attribute {}

impl PartialOrd for Attribute {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Attribute {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Attribute({self})")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_places_have_the_same_point() {
        let mut written = BTreeSet::new();
        let mut add = |points: &Points| {
            for point in points.iter().flatten() {
                let mut bytes = Vec::new();
                G1::write(&[*point], &mut bytes);
                assert!(written.insert(bytes));
            }
        };
        // Also where an attribute looks like a column, or begins as another does.
        for text in ["a: 1", "a: 11", "a: 12", "aa: 1", "a1: 1", "a: 0"] {
            add(text.parse::<Attribute>().unwrap().points());
        }
        // One more than there are places in the table.
        (0..=64).for_each(|n| add(&column(n)));
    }

    #[test]
    fn an_attribute_has_one_text() {
        for text in ["role: doctor", "role:doctor", "role :doctor", " role  :  doctor "] {
            assert_eq!(text.parse::<Attribute>().unwrap().as_str(), "role: doctor");
        }
        let longest = format!("{}: {}", "a".repeat(MAX_LABEL), "b".repeat(MAX_VALUE));
        assert!(longest.parse::<Attribute>().is_ok());
        assert!(Attribute::new("member", "spiffe://meds.example/doctor/Ana_1").is_ok());
        for text in [
            "",
            ":",
            "role",
            "role:",
            ": doctor",
            "Role: doctor",
            "1role: doctor",
            "-a: b",
            "ro le: doctor",
            "and: b",
            "or: b",
            "of: b",
            "role: doc tor",
            "role: (doctor",
            "role: a,b",
            "role: dóctor",
            "rôle: doctor",
            "role: doctor\n",
            "role: \0",
            "role: доктор",
            "role: doctor\u{200b}",
            &format!("a{longest}"),
            &format!("{longest}b"),
        ] {
            assert_eq!(text.parse::<Attribute>(), Err(NotAnAttribute), "{text:?}");
        }
    }
}
