//! Human-readable interpretation (GS1 General Specifications, section 4.14).

use super::message::Message;

impl Message {
    /// Human-readable lines, one for each element: `(01) 09506000134352`.
    #[must_use]
    pub fn to_lines(&self) -> Vec<String> {
        self.elements.iter().map(|element| format!("({}) {}", element.ai.code, element.value)).collect()
    }
}
