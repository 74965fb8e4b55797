//! What a user makes of a session's key, written a second time from the documentation alone.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

pub fn mac(key: &[u8; 32], label: &str, fields: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    for field in std::iter::once(&label.as_bytes()).chain(fields) {
        mac.update(&[u8::try_from(field.len()).unwrap()]);
        mac.update(field);
    }
    mac.finalize().into_bytes().into()
}

/// The user's end of a session.
pub struct Peer {
    pub q: u32,
    pub up: [u8; 32],
    pub down: [u8; 32],
}

impl Peer {
    pub fn new(q: u32, kappa: &[u8; 32], sid: &[u8; 16], gateway: &[u8; 16], scope: [u8; 8]) -> Self {
        let key = |label| mac(kappa, label, &[sid, gateway, &scope]);
        Self { q, up: key("S003/data/up/1"), down: key("S003/data/down/1") }
    }

    /// A frame to the sensor.
    pub fn frame(&self, seq: u32, contents: &[u8]) -> Vec<u8> {
        let mut frame = vec![4];
        frame.extend(&self.q.to_be_bytes()[2..]);
        frame.extend(seq.to_be_bytes());
        let head = frame.clone();
        frame.push(u8::try_from(contents.len()).unwrap());
        for (i, block) in (0u8..).zip(contents.chunks(32)) {
            let pad = mac(&self.down, "S003/data/pad/1", &[&head, &[i]]);
            frame.extend(block.iter().zip(pad).map(|(byte, pad)| byte ^ pad));
        }
        let tag = mac(&self.down, "S003/data/tag/1", &[&frame[..8], &frame[8..]]);
        frame.extend(&tag[..16]);
        frame
    }

    /// Opens a frame of the sensor: its seq and contents.
    pub fn open(&self, frame: &[u8]) -> Option<(u32, Vec<u8>)> {
        let (head, rest) = frame.split_at_checked(8)?;
        let (sealed, tag) = rest.split_at_checked(rest.len().checked_sub(16)?)?;
        let right = mac(&self.up, "S003/data/tag/1", &[head, sealed]);
        if head[0] != 5 || usize::from(head[7]) != sealed.len() || right[..16] != *tag {
            return None;
        }
        let blocks = (0u8..).zip(sealed.chunks(32));
        let contents = blocks.flat_map(|(i, block)| {
            let pad = mac(&self.up, "S003/data/pad/1", &[&head[..7], &[i]]);
            block.iter().zip(pad).map(|(byte, pad)| byte ^ pad).collect::<Vec<u8>>()
        });
        Some((u32::from_be_bytes(head[3..7].try_into().unwrap()), contents.collect()))
    }
}
