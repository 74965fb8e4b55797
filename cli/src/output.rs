//! What a command tells: its answers on standard output, and why it failed. The one way to the terminal: whatever is shown,
//! text of a code, of a file or of another member in it does nothing there.

use std::fmt;
use std::io::{self, Write as _};
use std::process::{self, ExitCode};

use countersign_custody::words::acts;

/// The exit code of a process whose reader is gone: 128 and SIGPIPE.
const NOBODY_READS: u8 = 141;

/// Prints a line, as `println!`; but output that nobody takes ends the command, and is no panic.
macro_rules! say {
    ($($text:tt)*) => { $crate::output::print(format_args!("{}\n", format_args!($($text)*))) };
}

/// Prints text as it is.
macro_rules! show {
    ($($text:tt)*) => { $crate::output::print(format_args!($($text)*)) };
}

pub(crate) use {say, show};

/// Prints to standard output; see [`say`].
pub fn print(text: fmt::Arguments<'_>) {
    taken(io::stdout().lock().write_all(shown(&text.to_string()).as_bytes()));
}

/// Prints what is still held back.
pub fn flush() {
    taken(io::stdout().lock().flush());
}

/// Ends the command if its output was not taken: quietly when the reader is gone, as in `countersign trace … | head`, and with
/// the reason when, say, the disk is full.
fn taken(result: io::Result<()>) {
    if let Err(error) = result {
        process::exit(failed(&error.into()).into());
    }
}

/// Says why the command failed, and returns its exit code.
pub fn failed(error: &anyhow::Error) -> u8 {
    if error.downcast_ref().map(io::Error::kind) == Some(io::ErrorKind::BrokenPipe) {
        return NOBODY_READS;
    }
    warn(format_args!("{}", told(error)));
    crate::print::failure(error)
}

/// Tells something beside the command's answers. Whether anybody hears it changes nothing.
pub fn warn(text: fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "countersign: {}", shown(&text.to_string()));
}

/// Help, the version, or what is wrong with the command line.
pub fn usage(error: &clap::Error) -> ExitCode {
    if error.use_stderr() {
        // The text of a code may stand where a command was meant to.
        let _ = write!(io::stderr(), "{}", shown(&error.render().to_string()));
    } else {
        taken(error.print().and_then(|()| io::stdout().flush()));
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(1))
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

/// An error with its causes. Many an error repeats its cause in its own words: each is told once.
pub fn told(error: &anyhow::Error) -> String {
    error.chain().fold(String::new(), |told, cause| {
        let cause = cause.to_string();
        if told.is_empty() {
            cause
        } else if told.contains(&cause) {
            told
        } else {
            format!("{told}: {cause}")
        }
    })
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;
    use countersign_node::ConfigError;

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
    fn each_cause_is_told_once() {
        let missing = || io::Error::other("nothing there");
        // An error of ours that has its cause in its own words and behind it.
        let repeats = anyhow!(ConfigError::Read { path: "node.toml".into(), source: missing() });
        assert_eq!(told(&repeats), "the configuration file node.toml: nothing there");
        let within = repeats.context("no node");
        assert_eq!(told(&within), "no node: the configuration file node.toml: nothing there");
        assert_eq!(told(&anyhow!(missing()).context("wallet")), "wallet: nothing there");
        assert_eq!(told(&anyhow!("alone")), "alone");
    }
}
