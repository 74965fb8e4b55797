//! From the code on a pack to what custody judges.

use countersign_custody::Item;
use countersign_ledger::{Subject, UnixMillis};
use countersign_scan::{Product, splits};

/// What a scanned product claims to be, with all that it may be besides if a separator was lost. `current_year`, such as
/// 2026, decides which century a date of six digits is in.
pub fn item(product: &Product, current_year: u16) -> Option<Item> {
    let readings = splits(product, current_year);
    let readings = readings.iter().filter_map(|reading| plain(reading, Vec::new())).collect();
    plain(product, readings)
}

/// `None` if the product's links are longer than a subject can be, which no link of valid parts is.
fn plain(product: &Product, readings: Vec<Item>) -> Option<Item> {
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
        readings,
    })
}

#[cfg(test)]
mod tests {
    use countersign_scan::identify_text;

    use super::*;

    #[test]
    fn a_label_becomes_class_lot_and_pack() {
        let product = identify_text("]d2", "010950600013435217281130101/A\u{1d}21S+1", 2026).unwrap();
        let item = item(&product, 2026).unwrap();
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
        let item = item(&product.unwrap(), 2026).unwrap();
        assert_eq!((item.serial.as_deref(), &item.lot), (Some("SER110LOT1"), &None));
        let found = item.readings.iter().any(|reading| {
            reading.serial.as_deref() == Some("SER1")
                && reading.lot.as_ref().is_some_and(|lot| lot.as_str().ends_with("/10/LOT1"))
        });
        assert!(found, "{:?}", item.readings);
    }

    #[test]
    fn a_pack_without_serial_is_its_lot() {
        let product = identify_text("]d2", "010950600013435210L1", 2026).unwrap();
        let item = item(&product, 2026).unwrap();
        assert_eq!((item.pack, item.serial, item.expires_at), (None, None, None));
    }
}
