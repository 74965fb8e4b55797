//! From the code on goods to what a handover is about.

use countersign_ledger::Subject;
use countersign_scan::Product;
use countersign_scan::gs1::Message;

/// The goods that a code names and that go from hand to hand: a logistic unit by its SSCC, else a single pack.
/// `current_year`, such as 2026, decides which century a date of six digits is in.
pub fn goods(message: &Message, current_year: u16) -> Option<Subject> {
    let link = match message.value("00") {
        Some(sscc) => format!("https://id.gs1.org/00/{sscc}"),
        None => Product::from_message(message, current_year).ok()?.pack_uri()?,
    };
    Subject::new(link).ok()
}

#[cfg(test)]
mod tests {
    use countersign_scan::gs1::Partners;

    use super::*;

    fn named(code: &str) -> Option<String> {
        let message = Message::from_bracketed(code, Partners::OnAnyCarrier).unwrap();
        goods(&message, 2026).map(|subject| subject.to_string())
    }

    #[test]
    fn a_unit_or_a_pack_changes_hands_and_a_lot_does_not() {
        let unit = named("(00)095060001343520017(02)09506000134352(37)10");
        assert_eq!(unit.as_deref(), Some("https://id.gs1.org/00/095060001343520017"));
        let pack = named("(01)09506000134352(10)L1(21)S1");
        assert_eq!(pack.as_deref(), Some("https://id.gs1.org/01/09506000134352/10/L1/21/S1"));
        let piece = named("(01)09506000134352(21)S1");
        assert_eq!(piece.as_deref(), Some("https://id.gs1.org/01/09506000134352/21/S1"));
        assert_eq!(named("(01)09506000134352(10)L1"), None);
    }
}
