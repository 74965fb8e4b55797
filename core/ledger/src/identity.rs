//! Who a member is: a SPIFFE ID of the form `spiffe://<trust domain>/<role>/<name>`.
//!
//! In scope: the SPIFFE ID syntax as far as our three-part form needs it (SPIFFE-ID, sections 2.1 to 2.3).
//! Out of scope: federation bundles and the workload API.

use std::fmt;

const SCHEME: &str = "spiffe://";
/// Longest trust domain or path segment; the standard bounds the whole at 2048 bytes, a certificate of ours needs less.
const MAX_PART: usize = 64;

/// Text that is not the SPIFFE ID of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an identity is spiffe://<trust domain>/<role>/<name>")]
pub struct NotAnIdentity;

/// A member of a trust domain, in one role.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Identity {
    uri: String,
    role_at: usize,
    name_at: usize,
}

impl Identity {
    /// The identity of `name` in the role `role` of `domain`.
    pub fn new(domain: &str, role: &str, name: &str) -> Result<Self, NotAnIdentity> {
        Self::parse(&format!("{SCHEME}{domain}/{role}/{name}"))
    }

    /// Reads a SPIFFE ID.
    pub fn parse(uri: &str) -> Result<Self, NotAnIdentity> {
        let part = |part: &str, upper: bool| {
            let allowed = |c: u8| match c {
                b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' => true,
                b'A'..=b'Z' => upper,
                _ => false,
            };
            (1..=MAX_PART).contains(&part.len()) && part.bytes().all(allowed) && part != "." && part != ".."
        };
        let mut parts = uri.strip_prefix(SCHEME).ok_or(NotAnIdentity)?.splitn(3, '/');
        match (parts.next(), parts.next(), parts.next()) {
            (Some(domain), Some(role), Some(name))
                if part(domain, false) && part(role, false) && part(name, true) =>
            {
                let role_at = SCHEME.len() + domain.len() + 1;
                Ok(Self { uri: uri.to_owned(), role_at, name_at: role_at + role.len() + 1 })
            }
            _ => Err(NotAnIdentity),
        }
    }

    /// The SPIFFE ID.
    pub fn as_str(&self) -> &str {
        &self.uri
    }

    /// The trust domain.
    pub fn domain(&self) -> &str {
        &self.uri[SCHEME.len()..self.role_at - 1]
    }

    /// The role.
    pub fn role(&self) -> &str {
        &self.uri[self.role_at..self.name_at - 1]
    }

    /// The member's name within its role.
    pub fn name(&self) -> &str {
        &self.uri[self.name_at..]
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.uri)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_parts_are_read_back() {
        let identity = Identity::parse("spiffe://meds.example/manufacturer/Northwind_1").unwrap();
        assert_eq!(
            (identity.domain(), identity.role(), identity.name()),
            ("meds.example", "manufacturer", "Northwind_1")
        );
        assert_eq!(Identity::new("meds.example", "manufacturer", "Northwind_1"), Ok(identity));
    }

    #[test]
    fn other_text_is_nobody() {
        for text in [
            "",
            "spiffe://",
            "spiffe://d/r",
            "spiffe://d/r/",
            "spiffe://d/r/n/x",
            "spiffe://D/r/n",
            "spiffe://d/r/..",
            "https://d/r/n",
            "spiffe://d/r/n m",
        ] {
            assert_eq!(Identity::parse(text), Err(NotAnIdentity), "{text}");
        }
    }
}
