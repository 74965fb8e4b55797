//! Gzip (RFC 1952) in pieces that know nothing of each other, so that nothing but a checksum is kept while the peer takes one:
//! each is compressed by itself and ends at a whole byte (RFC 1951 section 2.3); the end is an empty block.

use flate2::{Compress, Compression, Crc, FlushCompress, Status};

/// Memory that compressing a piece takes at most, besides the piece.
pub(super) const WORKSPACE: usize = 512 * 1024;

/// Deflate, no flags, no time, fast, any system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 255];
/// A last block with nothing in it.
const LAST: [u8; 2] = [3, 0];
/// What deflate may add to bytes that it cannot compress: five for each of its stored blocks, and the flush.
const fn longest(length: usize) -> usize {
    length + length / 1024 + 64
}

/// What is known of the pieces so far.
#[derive(Default)]
pub(super) struct Gzip {
    crc: Crc,
    state: State,
}

#[derive(Default, PartialEq)]
enum State {
    #[default]
    New,
    Begun,
    Ended,
}

impl Gzip {
    /// The next piece.
    pub(super) fn piece(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        let mut piece = Vec::with_capacity(HEADER.len() + longest(bytes.len()));
        if std::mem::replace(&mut self.state, State::Begun) == State::New {
            piece.extend_from_slice(&HEADER);
        }
        self.crc.update(bytes);
        let mut deflate = Compress::new(Compression::fast(), false);
        let status = deflate.compress_vec(bytes, &mut piece, FlushCompress::Sync).ok()?;
        let whole = status == Status::Ok && deflate.total_in() == bytes.len() as u64;
        // Room that is left shows that the flush is in it.
        (whole && piece.len() < piece.capacity()).then_some(piece)
    }

    /// What follows the last piece; `None` if there was none, or this was it.
    pub(super) fn end(&mut self) -> Option<Vec<u8>> {
        let begun = std::mem::replace(&mut self.state, State::Ended) == State::Begun;
        let (sum, length) = (self.crc.sum().to_le_bytes(), self.crc.amount().to_le_bytes());
        begun.then(|| [&LAST[..], &sum, &length].concat())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use flate2::read::GzDecoder;

    use super::*;

    #[test]
    fn pieces_make_one_member_whatever_is_in_them() {
        let random = |length: usize| -> Vec<u8> {
            let mut x = 1u64;
            let next = || {
                x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                x.to_be_bytes()[0]
            };
            std::iter::repeat_with(next).take(length).collect()
        };
        let pieces =
            [b"the same the same the same".to_vec(), random(300_000), vec![7; 256 * 1024], random(1)];
        let (mut gzip, mut packed) = (Gzip::default(), Vec::new());
        for piece in &pieces {
            packed.extend(gzip.piece(piece).unwrap());
        }
        packed.extend(gzip.end().unwrap());
        assert_eq!(gzip.end(), None);
        let mut unpacked = Vec::new();
        let mut decoder = GzDecoder::new(&packed[..]);
        decoder.read_to_end(&mut unpacked).unwrap();
        assert_eq!(unpacked, pieces.concat());
        assert!(decoder.into_inner().is_empty(), "one member, which readers of the first alone read whole");
        assert_eq!(Gzip::default().end(), None);
    }
}
