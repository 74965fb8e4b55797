//! From the code on a pack to what custody judges.

use countersign_custody::Item;
use countersign_ledger::{Subject, UnixMillis};
use countersign_scan::{NotAProduct, Product, splits};

/// What a scanned code claims to be, with all that it may be besides if a separator was lost. `current_year`, such as
/// 2026, decides which century a date of six digits is in.
pub fn item(scanned: Result<Product, NotAProduct>, current_year: u16) -> Result<Item, NotAProduct> {
    let plain = |readings: &[Product]| readings.iter().filter_map(claim).collect();
    match scanned {
        Ok(product) => {
            let item = claim(&product).ok_or(NotAProduct::Other)?;
            Ok(Item { readings: plain(&splits(&product, current_year)), ..item })
        }
        Err(NotAProduct::Unseparated { fault, readings }) => {
            let class = readings.first().and_then(|reading| Subject::new(reading.class_uri()).ok());
            let class = class.ok_or(NotAProduct::Gs1(fault))?;
            Ok(Item {
                class,
                lot: None,
                pack: None,
                serial: None,
                expires_at: None,
                readings: plain(&readings),
            })
        }
        Err(other) => Err(other),
    }
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
            .map(|date| UnixMillis(u64::try_from(date.end_of_day_unix_millis()).unwrap_or(0))),
        readings: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use countersign_scan::identify_text;

    use super::*;

    #[test]
    fn a_label_becomes_class_lot_and_pack() {
        let product = identify_text("]d2", "010950600013435217281130101/A\u{1d}21S+1", 2026);
        let item = item(product, 2026).unwrap();
        let class = "https://id.gs1.org/01/09506000134352";
        assert_eq!(item.class.as_str(), class);
        assert_eq!(item.lot.as_ref().map(Subject::as_str), Some(&*format!("{class}/10/1%2FA")));
        assert_eq!(item.pack.as_ref().map(Subject::as_str), Some(&*format!("{class}/10/1%2FA/21/S%2B1")));
        assert_eq!(item.serial.as_deref(), Some("S+1"));
        assert_eq!(item.expires_at.map(|at| at.to_string()).as_deref(), Some("2028-11-30T23:59:59Z"));
    }

    #[test]
    fn a_lost_separator_offers_the_other_readings() {
        let product =
            identify_text("]d2", "010950600013435217281130 21SER110LOT1".replace(' ', "").as_str(), 2026);
        let item = item(product, 2026).unwrap();
        assert_eq!((item.serial.as_deref(), &item.lot), (Some("SER110LOT1"), &None));
        let found = item.readings.iter().any(|reading| {
            reading.serial.as_deref() == Some("SER1")
                && reading.lot.as_ref().is_some_and(|lot| lot.as_str().ends_with("/10/LOT1"))
        });
        assert!(found, "{:?}", item.readings);
    }

    #[test]
    fn a_code_that_breaks_the_rules_is_what_its_readings_are() {
        let broken = "010950600013435221SER1ABCDE10LOT1ABCDEFG17281130";
        let item = item(identify_text("]d2", broken, 2026), 2026).unwrap();
        assert!(item.is_unread());
        assert_eq!(item.class.as_str(), "https://id.gs1.org/01/09506000134352");
        assert!(item.readings.iter().any(|reading| reading.serial.as_deref() == Some("SER1ABCDE")));
        assert!(item.readings.iter().all(|reading| !reading.is_unread()));
    }

    #[test]
    fn a_pack_without_serial_is_its_lot() {
        let product = identify_text("]d2", "010950600013435210L1", 2026);
        let item = item(product, 2026).unwrap();
        assert_eq!((item.pack, item.serial, item.expires_at), (None, None, None));
    }
}
