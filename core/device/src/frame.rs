//! Frames: what travels in a session once its keys are agreed on. Layout in the crate's documentation.
//!
//! Each direction has a key of its own, and numbers its frames from 0; a number is used once and only larger ones are taken.

use zeroize::Zeroize as _;

use crate::bytes::{Fields, concat};
use crate::mac::{Key, Macs, TAG, matches, tag};
use crate::message::{Bytes, Id};
use crate::scope::Scope;

/// Length of a frame beside its contents.
pub const FRAME: usize = HEADER + TAG;
/// Most bytes that a frame can contain.
pub const FRAME_CONTENTS: usize = 255;
const HEADER: usize = 8;
/// Length of a pad: one MAC.
const PAD: usize = 32;

/// A frame's bytes.
pub type Frame = Bytes<{ FRAME + FRAME_CONTENTS }>;

/// Which way a frame goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// To the sensor: the confirmation, commands.
    Down,
    /// From the sensor: readings.
    Up,
}

impl Direction {
    const fn kind(self) -> u8 {
        match self {
            Self::Down => 0x04,
            Self::Up => 0x05,
        }
    }
}

/// The key of one direction: `MAC(kappa, S003/data/{up,down}/1, SID, ID_G, scope)`.
pub(crate) fn direction_key(
    kappa: &Key,
    direction: Direction,
    sid: &Id,
    gateway: &Id,
    scope: Scope,
    macs: &mut Macs,
) -> Key {
    let label = match direction {
        Direction::Up => "S003/data/up/1",
        Direction::Down => "S003/data/down/1",
    };
    macs.mac(kappa, label, &[sid, gateway, &scope.to_bytes()])
}

/// A frame that was not opened yet.
pub(crate) struct Closed<'a> {
    pub(crate) q_low: u16,
    pub(crate) seq: u32,
    header: [u8; HEADER],
    pub(crate) sealed: &'a [u8],
    tag: [u8; TAG],
}

impl<'a> Closed<'a> {
    /// Reads a frame of this direction, whose length must be what it says.
    pub(crate) fn parse(bytes: &'a [u8], direction: Direction) -> Option<Self> {
        let (header, rest) = bytes.split_first_chunk::<HEADER>()?;
        let (sealed, tag) = rest.split_last_chunk()?;
        let mut fields = Fields(header);
        let [kind] = fields.take()?;
        let (q_low, seq) = (u16::from_be_bytes(fields.take()?), fields.u32()?);
        let [length] = fields.take()?;
        let whole = kind == direction.kind() && usize::from(length) == sealed.len();
        whole.then_some(Self { q_low, seq, header: *header, sealed, tag: *tag })
    }

    /// Checks the tag; gives back the contents and how long they are.
    pub(crate) fn open(&self, key: &Key, macs: &mut Macs) -> Option<([u8; FRAME_CONTENTS], usize)> {
        if !matches(&frame_mac(key, self.header, self.sealed, macs), &self.tag) {
            return None;
        }
        let mut contents = [0; FRAME_CONTENTS];
        contents[..self.sealed.len()].copy_from_slice(self.sealed);
        pad(key, self.header, &mut contents[..self.sealed.len()], macs);
        Some((contents, self.sealed.len()))
    }
}

/// Seals `contents`, at most 255 bytes, into a frame.
pub(crate) fn seal(
    key: &Key,
    direction: Direction,
    q: u32,
    seq: u32,
    contents: &[u8],
    macs: &mut Macs,
) -> Option<Frame> {
    let length = u8::try_from(contents.len()).ok()?;
    let header = concat(&[&[direction.kind()], &q.to_be_bytes()[2..], &seq.to_be_bytes(), &[length]]);
    let mut frame = Frame::new(&[&header, contents, &[0; TAG]]);
    let (sealed, place) = frame.bytes_mut()[HEADER..].split_last_chunk_mut::<TAG>()?;
    pad(key, header, sealed, macs);
    *place = tag(&frame_mac(key, header, sealed, macs));
    Some(frame)
}

fn frame_mac(key: &Key, header: [u8; HEADER], sealed: &[u8], macs: &mut Macs) -> Key {
    macs.mac(key, "S003/data/tag/1", &[&header, sealed])
}

/// Adds the pad: block i is `MAC(K, pad, header[0..7], i)`, i in one byte from 0.
fn pad(key: &Key, header: [u8; HEADER], contents: &mut [u8], macs: &mut Macs) {
    for (i, block) in (0..).zip(contents.chunks_mut(PAD)) {
        let mut pad = *macs.mac(key, "S003/data/pad/1", &[&header[..7], &[i]]).as_bytes();
        for (byte, pad) in block.iter_mut().zip(pad) {
            *byte ^= pad;
        }
        pad.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scope::Ops;

    #[test]
    fn the_confirmation_is_that_of_the_definition() {
        let kappa = Key::new([
            0xde, 0x44, 0xb0, 0xa2, 0xd8, 0xbb, 0xf7, 0xd2, 0xcf, 0xfc, 0xfd, 0x8f, 0x5a, 0x7e, 0x4c, 0xd0,
            0x82, 0x31, 0x89, 0x68, 0xfd, 0xf0, 0x2a, 0x14, 0xd6, 0xcd, 0x20, 0xfb, 0xc4, 0x17, 0xdc, 0x63,
        ]);
        let named = |first: u8| core::array::from_fn(|at| first + u8::try_from(at).unwrap());
        let scope = Scope { role: 2, ops: Ops::LOOKS, ttl: 60, association: 1001 };
        let mut macs = Macs::default();
        let down = direction_key(&kappa, Direction::Down, &named(0xa0), &named(0xc0), scope, &mut macs);
        let frame = seal(&down, Direction::Down, 41, 0, &[], &mut macs).unwrap();
        let expected = [
            0x04, 0x00, 0x29, 0x00, 0x00, 0x00, 0x00, 0x00, 0x4c, 0x48, 0x07, 0x9d, 0x0b, 0x07, 0xff, 0xb2,
            0x39, 0x53, 0x34, 0x13, 0xa1, 0x5b, 0xd3, 0xc2,
        ];
        assert_eq!(frame.as_ref(), expected);
        assert_eq!(macs.take(), 2);
    }

    #[test]
    fn frames_open_with_their_own_key_alone_and_every_damaged_bit_is_seen() {
        let (key, other, mut macs) = (Key::new([1; 32]), Key::new([2; 32]), Macs::default());
        for length in [0, 1, 16, 31, 32, 33, 255] {
            let contents = &[7; FRAME_CONTENTS][..length];
            let frame = seal(&key, Direction::Up, 70_000, 3, contents, &mut macs).unwrap();
            let closed = Closed::parse(frame.as_ref(), Direction::Up).unwrap();
            assert_eq!((closed.q_low, closed.seq), (4464, 3));
            let (opened, long) = closed.open(&key, &mut macs).unwrap();
            assert_eq!(&opened[..long], contents);
            assert!(length == 0 || closed.sealed != contents);
            assert!(closed.open(&other, &mut macs).is_none());
            assert!(Closed::parse(frame.as_ref(), Direction::Down).is_none());
            for bit in 0..frame.as_ref().len() * 8 {
                let mut damaged = frame.as_ref().to_vec();
                damaged[bit / 8] ^= 1 << (bit % 8);
                let closed = Closed::parse(&damaged, Direction::Up);
                assert!(closed.is_none_or(|closed| closed.open(&key, &mut macs).is_none()));
            }
        }
        assert!(seal(&key, Direction::Up, 1, 0, &[0; 256], &mut macs).is_none());
    }
}
