//! What goes over UDP. A gateway has one socket, and speaks with devices and tablets by it.
//!
//! | from, to | byte 0 | bytes 1 to 16 | then |
//! | --- | --- | --- | --- |
//! | device, gateway | 40: here I am | SID | |
//! | device, gateway | 41 | SID | m3, or a frame of readings |
//! | gateway, device | | | m2, or a frame of commands: a device has a socket of its own |
//! | tablet, gateway | 43 | handle | m1, or a frame of commands |
//! | gateway, tablet | 44 | handle | m5, or a frame of readings |
//! | gateway, tablet | 45 | handle | a [`Refusal`], one byte |
//! | tablet, gateway | 46: which key? | 16 random bytes | zeros, 1,200 bytes in all |
//! | gateway, tablet | 47 | the same bytes | the signed key, its length in two bytes in front; the certificate |
//!
//! The handle is the first half of SHA-256 of m1: no stranger who has not seen m1 knows it, and it names no device. The question
//! for the key is as long as any answer, so nobody is hit with more than was sent in their name. A device tells where it is, and
//! again when it was silent for a while; that is accepted only beside the address from which its last right answer came.

use countersign_device::Id;
use countersign_ledger::Hash;

use crate::refusal::Refusal;

/// Longest datagram: below the least MTU of IPv6, with its headers.
pub const MAX_DATAGRAM: usize = 1_200;
/// Length of the question for the key: no answer is longer.
pub const KEY_QUESTION: usize = MAX_DATAGRAM;
const HEAD: usize = 17;

const HERE: u8 = 0x40;
const FROM_DEVICE: u8 = 0x41;
const FROM_TABLET: u8 = 0x43;
const TO_TABLET: u8 = 0x44;
const REFUSED: u8 = 0x45;
const WHICH_KEY: u8 = 0x46;
const KEY: u8 = 0x47;

/// The handle of a request: by it a tablet knows its answers, and the gateway whose frames come.
pub fn handle(m1: &[u8]) -> Id {
    let mut handle = [0; 16];
    handle.copy_from_slice(&Hash::of(m1).0[..16]);
    handle
}

/// A datagram to or from a gateway, but for those to a device, which are plain messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Datagram<'a> {
    /// A device says where it is.
    Here {
        /// The device.
        sid: Id,
    },
    /// A device's message.
    FromDevice {
        /// The device.
        sid: Id,
        /// m3 or a frame.
        message: &'a [u8],
    },
    /// A tablet's message.
    FromTablet {
        /// The request that it belongs to.
        handle: Id,
        /// m1 or a frame.
        message: &'a [u8],
    },
    /// A message for a tablet.
    ToTablet {
        /// The request that it belongs to.
        handle: Id,
        /// m5 or a frame.
        message: &'a [u8],
    },
    /// The gateway says no.
    Refused {
        /// To which request.
        handle: Id,
        /// Why.
        refusal: Refusal,
    },
    /// A tablet asks for the key of the day.
    WhichKey {
        /// Random bytes, by which the answer is known.
        nonce: Id,
    },
    /// The key of the day.
    Key {
        /// The bytes of the question.
        nonce: Id,
        /// The signed key.
        statement: &'a [u8],
        /// The gateway's certificate (DER).
        certificate: &'a [u8],
    },
}

impl<'a> Datagram<'a> {
    /// The bytes. What is longer than a datagram is cut, and read by nobody: messages are far shorter.
    pub fn to_bytes(&self) -> Vec<u8> {
        let length = |bytes: &[u8]| u16::try_from(bytes.len()).unwrap_or_default().to_be_bytes();
        let mut bytes = match self {
            Self::Here { sid } => of(HERE, sid, &[]),
            Self::FromDevice { sid, message } => of(FROM_DEVICE, sid, &[message]),
            Self::FromTablet { handle, message } => of(FROM_TABLET, handle, &[message]),
            Self::ToTablet { handle, message } => of(TO_TABLET, handle, &[message]),
            Self::Refused { handle, refusal } => of(REFUSED, handle, &[&[refusal.code()]]),
            Self::WhichKey { nonce } => of(WHICH_KEY, nonce, &[&[0; KEY_QUESTION - HEAD]]),
            Self::Key { nonce, statement, certificate } => {
                of(KEY, nonce, &[&length(statement), statement, certificate])
            }
        };
        bytes.truncate(MAX_DATAGRAM);
        bytes
    }

    /// Reads the bytes; `None` if they are not of the format.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        if bytes.len() > MAX_DATAGRAM {
            return None;
        }
        let (head, rest) = bytes.split_first_chunk::<HEAD>()?;
        let [kind, name @ ..] = *head;
        match kind {
            HERE if rest.is_empty() => Some(Self::Here { sid: name }),
            FROM_DEVICE => Some(Self::FromDevice { sid: name, message: rest }),
            FROM_TABLET => Some(Self::FromTablet { handle: name, message: rest }),
            TO_TABLET => Some(Self::ToTablet { handle: name, message: rest }),
            REFUSED => {
                let [code] = rest else { return None };
                Some(Self::Refused { handle: name, refusal: Refusal::from_code(*code)? })
            }
            WHICH_KEY if bytes.len() == KEY_QUESTION && rest.iter().all(|&byte| byte == 0) => {
                Some(Self::WhichKey { nonce: name })
            }
            KEY => {
                let (length, rest) = rest.split_first_chunk::<2>()?;
                let (statement, certificate) =
                    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
                Some(Self::Key { nonce: name, statement, certificate })
            }
            _ => None,
        }
    }
}

fn of(kind: u8, name: &Id, rest: &[&[u8]]) -> Vec<u8> {
    [&[&[kind][..], name], rest].concat().concat()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NAME: Id = [7; 16];

    #[test]
    fn each_datagram_reads_back() {
        let message = &[1, 2, 3][..];
        for datagram in [
            Datagram::Here { sid: NAME },
            Datagram::FromDevice { sid: NAME, message },
            Datagram::FromTablet { handle: NAME, message },
            Datagram::ToTablet { handle: NAME, message },
            Datagram::Refused { handle: NAME, refusal: Refusal::Wait },
            Datagram::WhichKey { nonce: NAME },
            Datagram::Key { nonce: NAME, statement: message, certificate: &[9; 600] },
        ] {
            assert_eq!(Datagram::parse(&datagram.to_bytes()), Some(datagram));
        }
    }

    #[test]
    fn a_question_for_the_key_is_no_shorter_than_its_answer() {
        let question = Datagram::WhichKey { nonce: NAME }.to_bytes();
        assert_eq!(question.len(), MAX_DATAGRAM);
        assert_eq!(Datagram::parse(&question[..question.len() - 1]), None);
        assert_eq!(Datagram::parse(&[&question[..], &[0]].concat()), None);
    }

    proptest! {
        #[test]
        fn whatever_reads_is_written_as_it_was(bytes in prop::collection::vec(any::<u8>(), 0..80), kind in 0x40u8..0x48) {
            let bytes = [&[kind][..], &bytes].concat();
            if let Some(datagram) = Datagram::parse(&bytes) {
                prop_assert_eq!(datagram.to_bytes(), bytes);
            }
        }
    }
}
