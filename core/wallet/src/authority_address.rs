//! Where an attribute authority is, in a message: what a house shows to the phones of its doctors and patients.
//!
//! `identity LF address (LF root)*`: its SPIFFE ID, its address, and the roots that its TLS certificate is known by, if those
//! are others than the node's: DER in base64. It is shown in codes (`countersign_custody::qr`). Whoever shows another one learns
//! nothing and opens nothing: a key counts only if the ledger has published the authority's.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_ledger::Identity;
use countersign_records::rules::AUTHORITY;

/// More roots than any authority has.
const MAX_ROOTS: usize = 4;

/// An attribute authority, as its message names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorityAddress {
    /// Who it is.
    pub identity: Identity,
    /// Its address: `https://`, a host, and optionally a port.
    pub address: String,
    /// The roots that it is known by (DER); with none, it is the node's.
    pub roots: Vec<Vec<u8>>,
}

/// The bytes name no attribute authority that a phone could use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no attribute authority: its SPIFFE ID, and an address that begins with https://")]
pub struct NotAnAuthority;

impl AuthorityAddress {
    /// Reads a message.
    pub fn parse(message: &[u8]) -> Result<Self, NotAnAuthority> {
        let mut lines = std::str::from_utf8(message).map_err(|_| NotAnAuthority)?.split('\n');
        let identity = lines.next().and_then(|line| Identity::parse(line).ok()).ok_or(NotAnAuthority)?;
        let address = lines.next().filter(|line| line.starts_with("https://")).ok_or(NotAnAuthority)?;
        let roots: Vec<Vec<u8>> = lines
            .take(MAX_ROOTS + 1)
            .map(|line| STANDARD.decode(line))
            .collect::<Result<_, _>>()
            .map_err(|_| NotAnAuthority)?;
        if identity.role() != AUTHORITY || roots.len() > MAX_ROOTS {
            return Err(NotAnAuthority);
        }
        Ok(Self { identity, address: address.to_owned(), roots })
    }

    /// Its message.
    pub fn message(&self) -> Vec<u8> {
        let roots = self.roots.iter().map(|root| STANDARD.encode(root));
        let lines = [self.identity.to_string(), self.address.clone()].into_iter().chain(roots);
        lines.collect::<Vec<_>>().join("\n").into_bytes()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails should stop")]

    use super::*;

    #[test]
    fn a_message_is_read_as_it_was_written_and_nothing_else_is() {
        let identity = Identity::new("meds.example", AUTHORITY, "clinics").unwrap();
        for roots in [vec![], vec![vec![1, 2, 3]]] {
            let address = "https://clinics.example:8445".to_owned();
            let there = AuthorityAddress { identity: identity.clone(), address, roots };
            assert_eq!(AuthorityAddress::parse(&there.message()), Ok(there));
        }
        let name = identity.as_str();
        for message in [
            format!("{name}\nhttp://clinics.example"),
            format!("{name}\nhttps://clinics.example\n!"),
            format!("{name}\nhttps://clinics.example{}", "\nAA==".repeat(5)),
            "spiffe://meds.example/doctor/ada\nhttps://clinics.example".to_owned(),
            name.to_owned(),
            String::new(),
        ] {
            assert_eq!(AuthorityAddress::parse(message.as_bytes()), Err(NotAnAuthority), "{message}");
        }
        assert_eq!(AuthorityAddress::parse(b"\xff\n"), Err(NotAnAuthority));
    }
}
