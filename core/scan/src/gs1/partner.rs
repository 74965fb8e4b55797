//! Which Application Identifiers need, exclude or contradict each other (GS1 General Specifications, section 4.13).

use super::ai::Ai;
use super::error::Gs1Error;
use super::message::Element;

/// Where required Application Identifiers must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Partners {
    /// In this message.
    Required,
    /// Anywhere on the item: the rule applies to all its symbols together, and this message is one of them.
    OnAnyCarrier,
}

pub(super) fn check(elements: &[Element], partners: Partners) -> Result<(), Gs1Error> {
    excluded(elements)?;
    if partners == Partners::Required {
        required(elements)?;
    }
    repeated(elements)?;
    signed_without_serial(elements)
}

fn excluded(elements: &[Element]) -> Result<(), Gs1Error> {
    for Element { ai, .. } in elements {
        let partner = ai.never.iter().find_map(|pattern| other(elements, ai, pattern));
        if let Some(partner) = partner {
            return Err(Gs1Error::Excluded(ai.code, partner.code));
        }
    }
    Ok(())
}

fn required(elements: &[Element]) -> Result<(), Gs1Error> {
    let whole = |ai: &Ai, group: &[&str]| group.iter().all(|pattern| other(elements, ai, pattern).is_some());
    let lacking = elements
        .iter()
        .find(|one| !one.ai.needs.iter().all(|groups| groups.iter().any(|group| whole(one.ai, group))));
    lacking.map_or(Ok(()), |one| Err(Gs1Error::MissingPartner(one.ai.code)))
}

fn other(elements: &[Element], ai: &Ai, pattern: &str) -> Option<&'static Ai> {
    elements.iter().map(|element| element.ai).find(|found| found.fits(pattern) && found.code != ai.code)
}

fn repeated(elements: &[Element]) -> Result<(), Gs1Error> {
    for (index, one) in elements.iter().enumerate() {
        if elements[..index].iter().any(|before| before.ai == one.ai && before.value != one.value) {
            return Err(Gs1Error::Contradiction(one.ai.code));
        }
    }
    Ok(())
}

/// A signature (8030) is for one item, so a key with an optional serial must have it.
fn signed_without_serial(elements: &[Element]) -> Result<(), Gs1Error> {
    if !elements.iter().any(|element| element.ai.code == "8030") {
        return Ok(());
    }
    let bare =
        |one: &&Element| matches!(one.ai.code, "253" | "255" | "8003") && one.value.len() == one.ai.min();
    elements.iter().find(bare).map_or(Ok(()), |one| Err(Gs1Error::NoSerial(one.ai.code)))
}
