//! From the code on goods to what a handover is about.

use countersign_ledger::Subject;
use countersign_scan::{Code, NotAProduct, UnitMisread};

/// Why a code names no goods.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoGoods {
    /// It names no product.
    #[error(transparent)]
    NotAProduct(#[from] NotAProduct),
    /// It would name a logistic unit if a slip had happened to it.
    #[error(transparent)]
    Misread(#[from] UnitMisread),
    /// It names a product and no single pack.
    #[error("the code names no single pack: it needs lot and serial number")]
    NoSerial,
}

/// The goods that a code names and that go from hand to hand: a logistic unit by its SSCC, else a single pack or piece.
pub fn goods(code: &Code, current_year: u16) -> Result<Subject, NoGoods> {
    if let Some(unit) = unit(code)? {
        return Ok(unit);
    }
    let pack = code.product(current_year)?.pack_uri().ok_or(NoGoods::NoSerial)?;
    Subject::new(pack).map_err(|_| NoGoods::NoSerial)
}

/// The logistic unit that a code names; `None` if it names something else.
pub fn unit(code: &Code) -> Result<Option<Subject>, UnitMisread> {
    let link = code.unit()?.map(|sscc| format!("https://id.gs1.org/00/{sscc}"));
    Ok(link.and_then(|link| Subject::new(link).ok()))
}

#[cfg(test)]
mod tests {
    use countersign_scan::Slip;

    use super::*;

    fn named(code: &str) -> Result<String, NoGoods> {
        goods(&Code::typed(code), 2026).map(|subject| subject.to_string())
    }

    #[test]
    fn a_unit_or_a_pack_changes_hands_and_a_lot_does_not() {
        let unit = named("(00)095060001343520017(02)09506000134352(37)10");
        assert_eq!(unit.as_deref(), Ok("https://id.gs1.org/00/095060001343520017"));
        let pack = named("(01)09506000134352(10)L1(21)S1");
        assert_eq!(pack.as_deref(), Ok("https://id.gs1.org/01/09506000134352/10/L1/21/S1"));
        let piece = named("(01)09506000134352(21)S1");
        assert_eq!(piece.as_deref(), Ok("https://id.gs1.org/01/09506000134352/21/S1"));
        assert_eq!(named("(01)09506000134352(10)L1"), Err(NoGoods::NoSerial));
    }

    #[test]
    fn a_misread_changes_no_hands() {
        for (code, slip) in [
            ("(00) 095060001343520017", Slip::Blanks),
            ("(00)095060001343520017\n", Slip::Ends),
            ("]d2\u{1d}00095060001343520017", Slip::SeparatorFirst),
            ("]D200095060001343520017", Slip::CaseSwapped),
            (")00=095060001343520017", Slip::KeysSwapped),
        ] {
            assert_eq!(named(code), Err(NoGoods::Misread(UnitMisread(slip))), "{code}");
        }
        assert!(matches!(
            named("]d2010950600013435210L1|21S1"),
            Err(NoGoods::NotAProduct(NotAProduct::Misread { .. }))
        ));
    }
}
