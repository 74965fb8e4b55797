//! The one way to the terminal. `print!`, `println!` and `eprintln!` of this program are those here: whatever they show, text
//! of a code, of a file or of another member in it does nothing to the terminal.

use anyhow::Error;
use countersign_custody::words::acts;

/// As the standard one, without what a terminal obeys.
macro_rules! print {
    ($($part:tt)*) => { std::print!("{}", $crate::terminal::shown(&format!($($part)*))) };
}

/// As the standard one, without what a terminal obeys.
macro_rules! println {
    () => { std::println!() };
    ($($part:tt)*) => { std::println!("{}", $crate::terminal::shown(&format!($($part)*))) };
}

/// As the standard one, without what a terminal obeys.
macro_rules! eprintln {
    () => { std::eprintln!() };
    ($($part:tt)*) => { std::eprintln!("{}", $crate::terminal::shown(&format!($($part)*))) };
}

/// Text as it is shown: of the control characters only line ends are left. The others of ASCII become their pictures, such
/// as `␛`. Those beyond, and what changes the direction of text, become escapes as JSON has them: JSON has none of the
/// former, so a line of it stays what it is.
pub fn shown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => shown.push(c),
            '\0'..='\u{1f}' => shown.extend(char::from_u32(0x2400 + u32::from(c))),
            c if acts(c) => shown += &format!("\\u{:04x}", u32::from(c)),
            c => shown.push(c),
        }
    }
    shown
}

/// An error with its causes, each told once: many an error already says what its cause says.
pub fn told(error: &Error) -> String {
    let mut told = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !told.contains(&cause) {
            told += ": ";
            told += &cause;
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_shown_and_not_sent() {
        let code = "]d201\u{1b}[2J\u{7f}\u{9b}31m\u{202e}\r\n\u{1d}é";
        assert_eq!(shown(code), "]d201␛[2J\\u007f\\u009b31m\\u202e␍\n␝é");
        let json = serde_json::json!({ "text": code }).to_string();
        let line = shown(&json);
        assert!(!line.chars().any(acts), "{line}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&line).unwrap()["text"], code);
    }

    #[test]
    fn a_cause_is_told_once() {
        let error =
            anyhow!("the disk is full").context("wallet.db: the disk is full").context("nothing was kept");
        assert_eq!(told(&error), "nothing was kept: wallet.db: the disk is full");
    }
}
