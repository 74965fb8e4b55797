//! What has a digest for its name, and is named by the first digits of it.

use anyhow::{Result, bail};

/// The first digits that stand for the whole.
pub fn short(hex: &str) -> &str {
    hex.get(..8).unwrap_or(hex)
}

/// The one that is named by its first digits.
pub fn found<T>(all: Vec<T>, digits: &str, what: &str, name: impl Fn(&T) -> String) -> Result<T> {
    let named = |one: &T| digits.len() >= 4 && name(one).starts_with(digits);
    let mut found: Vec<T> = all.into_iter().filter(named).collect();
    match found.pop() {
        Some(one) if found.is_empty() => Ok(one),
        Some(_) => bail!("several {what}s begin with {digits}: write more of its digits"),
        None => bail!("no {what} begins with {digits}: write four of its digits or more"),
    }
}
