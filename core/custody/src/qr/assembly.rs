//! From the texts of codes, in any order, to bytes.

use std::collections::BTreeSet;

use thiserror::Error;

use super::{MAX_BYTES, MAX_PARTS, PREFIX, base45};

/// The most characters that the largest QR code holds in alphanumeric mode (ISO/IEC 18004, table 7).
const MAX_TEXT: usize = 4296;

/// After so many parts in a row of one other message, that message replaces the current one.
const REPLACES: usize = 3;

/// The most parts accepted for each part needed. A fountain code needs few more than the minimum; far more means that
/// somebody holds parts back.
const SURPLUS: usize = 16;

/// A message that is being read, as far as it has come.
#[derive(Default)]
pub struct Assembly {
    current: Message,
    /// Another message whose parts came in between.
    rival: Message,
}

/// How far a message has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Fragments of the message that are known.
    pub have: usize,
    /// Fragments that it has.
    pub need: usize,
}

/// The result of reading a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// It is one of several parts, new or seen before.
    Part(Progress),
    /// The message is whole. The assembly is empty again.
    Whole(Vec<u8>),
}

/// Why a text was refused. What was read before is kept, except if a message is complete but wrong: it is dropped, and
/// reading begins again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NotTaken {
    /// The code is of another kind.
    #[error("this is not a code of this system")]
    NotOurs,
    /// The text or its message is larger than any of ours.
    #[error("the message is too large")]
    TooLarge,
    /// The message has more parts than are accepted.
    #[error("the message has too many parts")]
    TooManyParts,
    /// The text is damaged.
    #[error("the code is damaged")]
    Damaged,
    /// A part of another message than the one that is being read.
    #[error("the code belongs to another message")]
    OtherMessage,
    /// The parts do not give the message's checksum: a foreign part was mixed in.
    #[error("the codes do not add up to the message; read them again")]
    Checksum,
    /// Far more parts came than the message needs.
    #[error("the codes do not complete the message; read them again")]
    Endless,
}

impl Assembly {
    /// Accepts the text of a code. Order, repetitions and losses do not matter. Parts of another message are refused;
    /// three of them in a row, with none of the first between, replace the first message, since the camera now points
    /// at another screen. A code that is a whole message by itself is accepted at once.
    pub fn feed(&mut self, text: &str) -> Result<Received, NotTaken> {
        if text.len() > MAX_TEXT {
            return Err(NotTaken::TooLarge);
        }
        if let Some(coded) = text.strip_prefix(PREFIX) {
            let bytes = base45::decode(coded).filter(|bytes| !bytes.is_empty()).ok_or(NotTaken::Damaged)?;
            return Ok(self.whole(bytes));
        }
        let Some(place) = Place::of(text)? else {
            let (_, payload) = ur::ur::decode(text).map_err(|_| NotTaken::Damaged)?;
            return byte_string(&payload).map(|bytes| self.whole(bytes));
        };
        match self.current.receive(text, place) {
            Err(NotTaken::OtherMessage) => self.receive_other(text, place),
            Ok(None) => {
                self.rival = Message::default();
                Ok(Received::Part(self.current.progress()))
            }
            Ok(Some(bytes)) => Ok(self.whole(bytes)),
            Err(reason) => Err(reason),
        }
    }

    /// How far the message has come; `None` before its first part.
    #[must_use]
    pub fn progress(&self) -> Option<Progress> {
        (!self.current.seen.is_empty()).then(|| self.current.progress())
    }

    fn receive_other(&mut self, text: &str, place: Place) -> Result<Received, NotTaken> {
        let received = match self.rival.receive(text, place) {
            Err(NotTaken::OtherMessage) => {
                self.rival = Message::default();
                self.rival.receive(text, place)
            }
            received => received,
        };
        match received? {
            Some(bytes) if self.rival.seen.len() >= REPLACES => Ok(self.whole(bytes)),
            _ if self.rival.seen.len() >= REPLACES => {
                self.current = std::mem::take(&mut self.rival);
                Ok(Received::Part(self.current.progress()))
            }
            _ => Err(NotTaken::OtherMessage),
        }
    }

    fn whole(&mut self, bytes: Vec<u8>) -> Received {
        *self = Self::default();
        Received::Whole(bytes)
    }
}

/// One message of several parts.
#[derive(Default)]
struct Message {
    decoder: ur::Decoder,
    /// The numbers of the parts that were accepted.
    seen: BTreeSet<u32>,
}

impl Message {
    /// The message's bytes once they are whole.
    fn receive(&mut self, text: &str, place: Place) -> Result<Option<Vec<u8>>, NotTaken> {
        use ur::fountain::Error::InconsistentPart;
        self.decoder.receive(text).map_err(|error| match error {
            ur::ur::Error::Fountain(InconsistentPart) => NotTaken::OtherMessage,
            _ => NotTaken::Damaged,
        })?;
        self.seen.insert(place.sequence);
        if !self.decoder.complete() {
            return if self.seen.len() > place.count * SURPLUS {
                Err(self.restart(NotTaken::Endless))
            } else {
                Ok(None)
            };
        }
        match self.decoder.message() {
            Ok(Some(payload)) => byte_string(&payload).map(Some).map_err(|reason| self.restart(reason)),
            _ => Err(self.restart(NotTaken::Checksum)),
        }
    }

    fn restart(&mut self, reason: NotTaken) -> NotTaken {
        *self = Self::default();
        reason
    }

    fn progress(&self) -> Progress {
        let have = self.decoder.resolved_fragment_count().unwrap_or_default();
        Progress { have, need: self.decoder.fragment_count() }
    }
}

/// The head of a part: `sequence-count`.
#[derive(Clone, Copy)]
struct Place {
    sequence: u32,
    count: usize,
}

/// Checksum and CBOR heads of a part, at most.
const MAX_HEAD: usize = 28;

impl Place {
    /// `None` if the text is a whole message. Checked before the decoder allocates anything.
    fn of(text: &str) -> Result<Option<Self>, NotTaken> {
        let lower = text.to_ascii_lowercase();
        let rest = lower.strip_prefix("ur:bytes/").ok_or(NotTaken::NotOurs)?;
        let Some((place, body)) = rest.rsplit_once('/') else { return Ok(None) };
        let number = |text: &str| text.parse().ok().filter(|number: &u32| *number > 0);
        let (sequence, count) = place.split_once('-').ok_or(NotTaken::Damaged)?;
        let sequence = number(sequence).ok_or(NotTaken::Damaged)?;
        let count = number(count).ok_or(NotTaken::Damaged)?;
        let count = usize::try_from(count).ok().filter(|count| *count <= MAX_PARTS);
        let count = count.ok_or(NotTaken::TooManyParts)?;
        // All fragments are as long as this one; the last may be padded.
        let fragment = (body.len() / 2).saturating_sub(MAX_HEAD);
        if (count - 1) * fragment > MAX_BYTES {
            return Err(NotTaken::TooLarge);
        }
        Ok(Some(Self { sequence, count }))
    }
}

/// The bytes in a payload of type `bytes`: one CBOR byte string (BCR-2020-006).
fn byte_string(payload: &[u8]) -> Result<Vec<u8>, NotTaken> {
    let mut decoder = minicbor::Decoder::new(payload);
    let bytes = decoder.bytes().map_err(|_| NotTaken::Damaged)?;
    if bytes.is_empty() || decoder.position() != payload.len() {
        return Err(NotTaken::Damaged);
    }
    if bytes.len() > MAX_BYTES { Err(NotTaken::TooLarge) } else { Ok(bytes.to_vec()) }
}
