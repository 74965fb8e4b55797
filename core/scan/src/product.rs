//! A product: the identity of a pack.

use crate::gs1::{Date, Gs1Error, Gtin, Message, Partners};

/// The identity printed on a pack: a claim until the ledger confirms it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Product {
    /// The article, AI (01).
    pub gtin: Gtin,
    /// The batch, AI (10).
    pub lot: Option<String>,
    /// The serial number, AI (21).
    pub serial: Option<String>,
    /// The expiry day, AI (17) or (7003).
    pub expiry: Option<Date>,
}

impl Product {
    /// The message to print on the pack. Fails if lot or serial is too long or has characters that GS1 does not allow.
    pub fn to_message(&self) -> Result<Message, Gs1Error> {
        let expiry = self.expiry.map(Date::yymmdd);
        let fields = [
            ("01", Some(self.gtin.as_str())),
            ("17", expiry.as_deref()),
            ("10", self.lot()),
            ("21", self.serial()),
        ];
        let present: Vec<_> = fields.into_iter().filter_map(|(code, value)| Some((code, value?))).collect();
        Message::from_pairs(&present, Partners::Required)
    }

    /// The article as a subject: `https://id.gs1.org/01/{gtin}`.
    #[must_use]
    pub fn class_uri(&self) -> String {
        self.uri(&[])
    }

    /// The batch as a subject: `https://id.gs1.org/01/{gtin}/10/{lot}`.
    #[must_use]
    pub fn lot_uri(&self) -> Option<String> {
        self.lot().map(|lot| self.uri(&[("10", lot)]))
    }

    /// The pack as a subject: `https://id.gs1.org/01/{gtin}/10/{lot}/21/{serial}`, without the lot if there is none.
    #[must_use]
    pub fn pack_uri(&self) -> Option<String> {
        let serial = self.serial()?;
        Some(match self.lot() {
            Some(lot) => self.uri(&[("10", lot), ("21", serial)]),
            None => self.uri(&[("21", serial)]),
        })
    }

    /// What two codes of one pack say together; `None` if they contradict each other, and so are of two packs.
    #[must_use]
    pub fn with(&self, other: &Product) -> Option<Product> {
        fn both<T: Clone + PartialEq>(one: Option<&T>, other: Option<&T>) -> Option<Option<T>> {
            let contradict = one.is_some() && other.is_some() && one != other;
            (!contradict).then(|| one.or(other).cloned())
        }
        (self.gtin == other.gtin).then_some(())?;
        Some(Product {
            gtin: self.gtin,
            lot: both(self.lot.as_ref(), other.lot.as_ref())?,
            serial: both(self.serial.as_ref(), other.serial.as_ref())?,
            expiry: both(self.expiry.as_ref(), other.expiry.as_ref())?,
        })
    }

    fn lot(&self) -> Option<&str> {
        self.lot.as_deref()
    }

    fn serial(&self) -> Option<&str> {
        self.serial.as_deref()
    }

    fn uri(&self, qualifiers: &[(&str, &str)]) -> String {
        crate::gs1::canonical_path([("01", self.gtin.as_str())].iter().chain(qualifiers))
    }
}
