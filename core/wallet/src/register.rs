//! A register in a message: what a phone pins, and where its node is.
//!
//! `address LF genesis`: the node's address in UTF-8, a line feed, and the genesis file in JSON. It is shown in codes
//! (`countersign_custody::qr`) and not trusted before a person has compared its words.

use countersign_custody::qr;
use countersign_ledger::{Genesis, Hash};

use crate::client::Https;

/// How many bytes of the genesis's SHA-256 become words: 96 bits, which nobody meets by trying.
const WORDS: usize = 12;

/// A register, as its message names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Register {
    /// The address of its node.
    pub node: String,
    /// What its clients pin.
    pub genesis: Genesis,
}

/// The bytes are no register that a phone could use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no register: an address that begins with https://, and a genesis file")]
pub struct NotARegister;

impl Register {
    /// A register, if a client would take its address and its genesis.
    pub fn new(node: &str, genesis: Genesis) -> Result<Self, NotARegister> {
        genesis.trust_anchors().map_err(|_| NotARegister)?;
        Https::new(node, &genesis).map_err(|_| NotARegister)?;
        Ok(Self { node: node.to_owned(), genesis })
    }

    /// Reads a message.
    pub fn parse(message: &[u8]) -> Result<Self, NotARegister> {
        let end = message.iter().position(|&byte| byte == b'\n').ok_or(NotARegister)?;
        let node = std::str::from_utf8(&message[..end]).map_err(|_| NotARegister)?;
        Self::new(node, Genesis::parse(&message[end + 1..]).map_err(|_| NotARegister)?)
    }

    /// Its message.
    pub fn message(&self) -> Vec<u8> {
        format!("{}\n{}", self.node, self.genesis.to_json()).into_bytes()
    }

    /// The genesis's fingerprint in words, for people to compare. White space in its file makes no difference.
    pub fn words(&self) -> Vec<String> {
        qr::words(&Hash::of(self.genesis.to_json().as_bytes()).as_bytes()[..WORDS])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_phone_could_use_is_no_register() {
        for message in [&b"no line"[..], b"http://a.example\n{}", b"https://a.example\n{}", b"\xff\n{}", b""]
        {
            assert_eq!(Register::parse(message), Err(NotARegister));
        }
    }
}
