//! Human-readable interpretation (GS1 General Specifications, section 4.14).

use super::message::Element;

/// One line for each element, the Application Identifier in brackets.
pub(super) fn lines(elements: &[Element]) -> Vec<String> {
    elements.iter().map(|element| format!("({}) {}", element.ai.code, element.value)).collect()
}
