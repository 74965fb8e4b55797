//! From the codes on a pack to what custody judges.

use countersign_custody::{Item, Reading, Slip};
use countersign_ledger::{Day, Subject, UnixMillis};
use countersign_scan::{Code, NotAProduct, Product};

/// Why the symbols that were seen together are not one pack. None of these is evidence against a pack.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoPack {
    /// There is no symbol.
    #[error("no code was found")]
    NoCode,
    /// None of them names a product.
    #[error(transparent)]
    NotAProduct(#[from] NotAProduct),
    /// They contradict each other.
    #[error("there are codes of several packs")]
    Several,
}

/// What a code claims to be, with all that it may say besides if a slip has happened to it. `current_year`, such as 2026,
/// decides which century a date of six digits is in.
pub fn item(code: &Code, current_year: u16) -> Result<Item, NotAProduct> {
    match code.product(current_year) {
        Ok(product) => {
            let item = claim(&product).ok_or(NotAProduct::Other)?;
            Ok(Item { readings: readings(&code.readings(current_year)), ..item })
        }
        Err(NotAProduct::Misread { fault, readings: possible }) => {
            // What cannot have happened to the code is no reading of it.
            let possible: Vec<_> = possible.into_iter().filter(|reading| reading.excuses).collect();
            let readings = readings(&possible);
            let class = readings.first().map(|reading| reading.item.class.clone()).ok_or(*fault)?;
            Ok(Item { class, lot: None, pack: None, serial: None, expires_at: None, readings })
        }
        Err(other) => Err(other),
    }
}

/// What the codes claim that are seen together on one pack. Those that do not contradict one another are one item, which
/// says all that any of them says; codes of something else do not matter beside one of a product.
pub fn item_of(codes: &[Code], current_year: u16) -> Result<Item, NoPack> {
    let mut claims: Vec<Claim> = Vec::new();
    let mut refused = NoPack::NoCode;
    let mut unread: Option<Item> = None;
    for code in codes {
        match code.product(current_year) {
            Ok(product) => claims.push(Claim { product, readings: code.readings(current_year) }),
            Err(reason) => match item(code, current_year) {
                Ok(item) => unread = unread.or(Some(item)),
                // Why a code of a product is refused is told rather than that another one is none.
                Err(_) if matches!(refused, NoPack::NotAProduct(NotAProduct::Gs1(_))) => {}
                Err(_) => refused = reason.into(),
            },
        }
    }
    if claims.is_empty() {
        return unread.ok_or(refused);
    }
    let whole = together(&claims).ok_or(NoPack::Several)?;
    let item = claim(&whole).ok_or(NotAProduct::Other)?;
    let mut others: Vec<Reading> = claims.iter().flat_map(|claim| readings(&claim.readings)).collect();
    others.retain(|reading| reading.item != item);
    Ok(Item { readings: others, ..item })
}

/// What a code says as it is, and what else if a slip has happened to it.
struct Claim {
    product: Product,
    readings: Vec<countersign_scan::Reading>,
}

impl Claim {
    /// Whether a slip that can have happened to this code makes it agree. What it would say then is not trusted, and adds
    /// nothing.
    fn is_slip_of(&self, other: &Product) -> bool {
        let excused = self.readings.iter().filter(|reading| reading.excuses);
        excused.map(|reading| &reading.product).any(|meant| meant.with(other).is_some())
    }
}

/// What all claims say together; `None` if they are of several packs. A code that a slip would make equal to another one
/// does not contradict it.
fn together(claims: &[Claim]) -> Option<Product> {
    claims.iter().find_map(|first| {
        claims.iter().try_fold(first.product.clone(), |whole, claim| match whole.with(&claim.product) {
            Some(both) => Some(both),
            None => claim.is_slip_of(&whole).then_some(whole),
        })
    })
}

fn readings(readings: &[countersign_scan::Reading]) -> Vec<Reading> {
    let custody = |reading: &countersign_scan::Reading| {
        let slip = Slip { key: reading.slip.key(), mend: reading.slip.mend() };
        Some(Reading { item: claim(&reading.product)?, slip, excuses: reading.excuses })
    };
    readings.iter().filter_map(custody).collect()
}

/// What a subject is as an item; `None` if it is no class, lot or pack.
pub(crate) fn item_named(subject: &Subject) -> Option<Item> {
    // A canonical link has no date whose century a year would decide.
    claim(&Code::typed(subject.as_str()).product(2000).ok()?)
}

/// The item, which names a serial and no lot, as one of this lot.
pub(crate) fn item_in(item: &Item, lot: &Subject) -> Option<Item> {
    let mut product = Code::typed(lot.as_str()).product(2000).ok()?;
    product.serial.clone_from(&item.serial);
    Some(Item { expires_at: item.expires_at, readings: item.readings.clone(), ..claim(&product)? })
}

/// `None` if the product's links are longer than a subject can be, which no link of valid parts is.
fn claim(product: &Product) -> Option<Item> {
    let subject = |text: Option<String>| text.map(Subject::new).transpose().ok();
    Some(Item {
        class: Subject::new(product.class_uri()).ok()?,
        lot: subject(product.lot_uri())?,
        // A pack is one of a lot; a serial without a lot names none.
        pack: subject(product.lot.as_ref().and_then(|_| product.pack_uri()))?,
        serial: product.serial.clone(),
        expires_at: product
            .expiry
            .map(|date| Day::new(date.year(), date.month(), date.day()).map_or(UnixMillis(0), Day::ends)),
        readings: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(identifier: &str, text: &str) -> Item {
        item(&Code::scanned(identifier, text), 2026).unwrap()
    }

    #[test]
    fn a_label_becomes_class_lot_and_pack() {
        let item = read("]d2", "010950600013435217281130101/A\u{1d}21S+1");
        let class = "https://id.gs1.org/01/09506000134352";
        assert_eq!(item.class.as_str(), class);
        assert_eq!(item.lot.as_ref().map(Subject::as_str), Some(&*format!("{class}/10/1%2FA")));
        assert_eq!(item.pack.as_ref().map(Subject::as_str), Some(&*format!("{class}/10/1%2FA/21/S%2B1")));
        assert_eq!(item.serial.as_deref(), Some("S+1"));
        assert_eq!(item.expires_at.map(|at| at.to_string()).as_deref(), Some("2028-11-30T23:59:59Z"));
        assert_eq!(item_named(item.pack.as_ref().unwrap()).unwrap().serial, item.serial);
    }

    #[test]
    fn a_lost_separator_offers_the_other_readings() {
        let item = read("]d2", "01095060001343521728113021SER110LOT1");
        assert_eq!((item.serial.as_deref(), &item.lot), (Some("SER110LOT1"), &None));
        let found = item.readings.iter().any(|reading| {
            reading.item.serial.as_deref() == Some("SER1")
                && reading.item.lot.as_ref().is_some_and(|lot| lot.as_str().ends_with("/10/LOT1"))
        });
        assert!(found, "{:?}", item.readings);
    }

    #[test]
    fn a_code_that_breaks_the_rules_is_what_its_readings_are() {
        let item = read("]d2", "010950600013435221SER1ABCDE10LOT1ABCDEFG17281130");
        assert!(item.is_unread());
        assert_eq!(item.class.as_str(), "https://id.gs1.org/01/09506000134352");
        assert!(item.readings.iter().any(|reading| reading.item.serial.as_deref() == Some("SER1ABCDE")));
        assert!(item.readings.iter().all(|reading| !reading.item.is_unread()));
    }

    #[test]
    fn a_pack_without_serial_is_its_lot() {
        let item = read("]d2", "010950600013435210L1");
        assert_eq!((item.pack, item.serial, item.expires_at), (None, None, None));
    }

    #[test]
    fn codes_that_do_not_contradict_one_another_are_one_item_that_says_all() {
        let codes = |texts: &[&str]| texts.iter().map(|text| Code::typed(text)).collect::<Vec<_>>();
        let whole = "]d2010950600013435217281130\u{31}0L1\u{1d}21S1";
        let bare = item(&Code::typed(whole), 2026).unwrap();
        for beside in [
            "https://brand.example/01/09506000134352",
            "https://brand.example/01/09506000134352/10/L1",
            "https://brand.example/01/09506000134352/10/L1/21/S1",
            "]E09506000134352",
            "https://brand.example/about",
            "WIFI:S:x;;",
        ] {
            for order in [[whole, beside], [beside, whole]] {
                let found = item_of(&codes(&order), 2026).unwrap();
                assert_eq!((&found.pack, found.expires_at), (&bare.pack, bare.expires_at), "{order:?}");
            }
        }
        // Each says what the other does not.
        let halves = ["]d2010950600013435221S1", "https://brand.example/01/09506000134352/10/L1?17=281130"];
        assert_eq!(item_of(&codes(&halves), 2026).unwrap().pack, bare.pack);
        for other in [
            "]d20109506000134352\u{31}0L2",
            "]d2010950600013435221S2",
            "]d20109501101530003",
            "]d2010950600013435217281231",
        ] {
            assert_eq!(item_of(&codes(&[whole, other]), 2026), Err(NoPack::Several), "{other}");
        }
        assert_eq!(item_of(&[], 2026), Err(NoPack::NoCode));
        assert_eq!(item_of(&codes(&["hello"]), 2026), Err(NoPack::NotAProduct(NotAProduct::Other)));
    }

    #[test]
    fn a_code_that_a_slip_makes_equal_to_another_does_not_contradict_it() {
        let codes = |texts: &[&str]| texts.iter().map(|text| Code::typed(text)).collect::<Vec<_>>();
        let link = "https://brand.example/01/09506000134352/10/L1a/21/S1b";
        let (class, bare) = ("]E09506000134352", item(&Code::typed(link), 2026).unwrap());
        for slipped in [
            "]d201095060001343521728113010L1a21S1b",
            "]d201095060001343521728113010L1a/21S1b",
            "]d2010950600013435221S1b10L1a",
            "(01)09506000134352(10)l1A(21)s1B",
        ] {
            for order in [[slipped, link, class], [link, class, slipped], [class, slipped, link]] {
                let found = item_of(&codes(&order), 2026).unwrap();
                // Nothing is taken from the repair.
                let typed = slipped.starts_with('(') && order[0] != link;
                assert!(typed || found.pack == bare.pack, "{order:?}: {found:?}");
                assert!(
                    !typed || found.readings.iter().any(|reading| reading.item.pack == bare.pack),
                    "{order:?}"
                );
                assert_eq!(found.expires_at, None, "{order:?}");
            }
        }
        let other = "]d201095060001343521728113010L1a21S2b";
        assert_eq!(item_of(&codes(&[other, link]), 2026), Err(NoPack::Several));
    }
}
