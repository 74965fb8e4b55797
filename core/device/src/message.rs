//! The two messages of the sensor's leg: m2 from the gateway, m3 from the sensor. Their layout is in the crate's documentation.

use crate::bytes::Fields;
use crate::mac::{Key, Macs, TAG, matches, tag};
use crate::scope::Scope;
use crate::time::{UnixMillis, Uptime};

/// A device or a person, by the 16 bytes that name it.
pub type Id = [u8; 16];
/// 128 random bits, used once.
pub type Nonce = [u8; 16];
/// A compressed point on P-256 (SEC 1).
pub type Point = [u8; 33];

/// Length of m2.
pub const M2: usize = 73;
/// Length of m2 that asks for an end-to-end key.
pub const M2_END_TO_END: usize = M2 + 33;
/// Length of m3.
pub const M3: usize = 45;
/// Length of m3 that answers for an end-to-end key.
pub const M3_END_TO_END: usize = M3 + 33;

/// In a message's type, says that an end-to-end key is agreed on.
pub(crate) const END_TO_END: u8 = 0x10;
const TYPE_2: u8 = 0x02;
const TYPE_3: u8 = 0x03;

/// A message of the sensor's leg: as long as its type says.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Bytes<const LONG: usize> {
    bytes: [u8; LONG],
    len: usize,
}

impl<const LONG: usize> Bytes<LONG> {
    pub(crate) fn new(fields: &[&[u8]]) -> Self {
        let mut all = Self { bytes: [0; LONG], len: 0 };
        for field in fields {
            all.bytes[all.len..all.len + field.len()].copy_from_slice(field);
            all.len += field.len();
        }
        all
    }

    pub(crate) const fn bytes_mut(&mut self) -> &mut [u8] {
        self.bytes.split_at_mut(self.len).0
    }
}

impl<const LONG: usize> AsRef<[u8]> for Bytes<LONG> {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// What m2 says.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Ask {
    pub(crate) q: u32,
    pub(crate) index: u32,
    pub(crate) n_u: Nonce,
    pub(crate) n_g: Nonce,
    pub(crate) time: UnixMillis,
    pub(crate) scope: Scope,
    pub(crate) point: Option<Point>,
}

impl Ask {
    /// The whole of t2, which t3 covers.
    pub(crate) fn mac(&self, auth: &Key, sid: &Id, macs: &mut Macs) -> Key {
        let (index, q) = (self.index.to_be_bytes(), self.q.to_be_bytes());
        let (time, scope) = (self.time.0.to_be_bytes(), self.scope.to_bytes());
        let plain: [&[u8]; 7] = [sid, &index, &q, &self.n_u, &self.n_g, &time, &scope];
        with_point(auth, "S003/auth/m2/1", plain, self.point.as_ref(), macs)
    }

    pub(crate) fn to_bytes(&self, mac: &Key) -> Bytes<M2_END_TO_END> {
        let (kind, point) = kind(TYPE_2, self.point.as_ref());
        Bytes::new(&[
            &[kind],
            &self.q.to_be_bytes(),
            &self.index.to_be_bytes(),
            &self.n_u,
            &self.n_g,
            &self.time.0.to_be_bytes(),
            &self.scope.to_bytes(),
            point,
            &tag(mac),
        ])
    }

    pub(crate) fn parse(bytes: &[u8]) -> Option<(Self, [u8; TAG])> {
        let mut fields = Fields(bytes);
        let end_to_end = end_to_end(&mut fields, TYPE_2, [M2, M2_END_TO_END])?;
        let (q, index) = (fields.u32()?, fields.u32()?);
        let (n_u, n_g) = (fields.take()?, fields.take()?);
        let (time, scope) = (UnixMillis(fields.u64()?), Scope::from_bytes(fields.take()?));
        let point = if end_to_end { Some(fields.take()?) } else { None };
        Some((Self { q, index, n_u, n_g, time, scope, point }, fields.take()?))
    }
}

/// What m3 says.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Reply {
    pub(crate) q: u32,
    pub(crate) index: u32,
    pub(crate) n_s: Nonce,
    pub(crate) tick: u32,
    pub(crate) point: Option<Point>,
}

impl Reply {
    pub(crate) fn new(q: u32, index: u32, n_s: Nonce, now: Uptime, point: Option<Point>) -> Self {
        Self { q, index, n_s, tick: now.tick(), point }
    }

    /// t3: it covers the whole of t2, and the key that was agreed on.
    pub(crate) fn mac(&self, auth: &Key, asked: &Key, kappa: &Key, macs: &mut Macs) -> Key {
        let (index, tick) = (self.index.to_be_bytes(), self.tick.to_be_bytes());
        let plain: [&[u8]; 5] = [asked.as_bytes(), &index, &self.n_s, &tick, kappa.as_bytes()];
        with_point(auth, "S003/auth/m3/1", plain, self.point.as_ref(), macs)
    }

    pub(crate) fn to_bytes(&self, mac: &Key) -> Bytes<M3_END_TO_END> {
        let (kind, point) = kind(TYPE_3, self.point.as_ref());
        Bytes::new(&[
            &[kind],
            &self.q.to_be_bytes(),
            &self.index.to_be_bytes(),
            &self.n_s,
            &self.tick.to_be_bytes(),
            point,
            &tag(mac),
        ])
    }

    pub(crate) fn parse(bytes: &[u8]) -> Option<(Self, [u8; TAG])> {
        let mut fields = Fields(bytes);
        let end_to_end = end_to_end(&mut fields, TYPE_3, [M3, M3_END_TO_END])?;
        let (q, index) = (fields.u32()?, fields.u32()?);
        let (n_s, tick) = (fields.take()?, fields.u32()?);
        let point = if end_to_end { Some(fields.take()?) } else { None };
        Some((Self { q, index, n_s, tick, point }, fields.take()?))
    }
}

/// `kappa = MAC(K^d_c, sk, N_u, N_g, N_s, scope)`: the key of one session.
pub(crate) fn kappa(ratchet: &Key, ask: &Ask, n_s: &Nonce, macs: &mut Macs) -> Key {
    macs.mac(ratchet, "S003/auth/sk/1", &[&ask.n_u, &ask.n_g, n_s, &ask.scope.to_bytes()])
}

/// A step of the ratchet: `K^d_(c+1) = MAC(K^d_c, next)`.
pub(crate) fn step(ratchet: &Key, macs: &mut Macs) -> Key {
    macs.mac(ratchet, "S003/auth/next/1", &[])
}

/// Mixes a shared secret into kappa, so that the gateway, which knows kappa, does not know the session's key.
pub(crate) fn end_to_end_key(
    kappa: &Key,
    shared: &Key,
    user: &Point,
    sensor: &Point,
    macs: &mut Macs,
) -> Key {
    macs.mac(kappa, "S003/e2e/sk/1", &[shared.as_bytes(), user, sensor])
}

/// The tag's check, in constant time.
pub(crate) fn agrees(mac: &Key, given: &[u8; TAG]) -> bool {
    matches(mac, given)
}

/// A MAC over fields; with a point, over the mode and the point as well.
fn with_point<const N: usize>(
    key: &Key,
    label: &str,
    plain: [&[u8]; N],
    point: Option<&Point>,
    macs: &mut Macs,
) -> Key {
    let Some(point) = point else { return macs.mac(key, label, &plain) };
    let mut fields: [&[u8]; 9] = [&[]; 9];
    fields[..N].copy_from_slice(&plain);
    fields[N] = &[END_TO_END];
    fields[N + 1] = point;
    macs.mac(key, label, &fields[..N + 2])
}

fn kind(plain: u8, point: Option<&Point>) -> (u8, &[u8]) {
    point.map_or((plain, &[]), |point| (plain | END_TO_END, point.as_slice()))
}

/// Reads the type; the length must be the one of the type.
fn end_to_end(fields: &mut Fields<'_>, plain: u8, [short, long]: [usize; 2]) -> Option<bool> {
    let length = fields.0.len();
    let [kind] = fields.take()?;
    match (kind, length) {
        (kind, length) if kind == plain && length == short => Some(false),
        (kind, length) if kind == plain | END_TO_END && length == long => Some(true),
        _ => None,
    }
}

/// A request for a signature, or an input of a KDF: `len8 | label, len8 | field...`.
#[cfg(feature = "curves")]
pub(crate) fn encode(label: &str, fields: &[&[u8]]) -> alloc::vec::Vec<u8> {
    let all = core::iter::once(label.as_bytes()).chain(fields.iter().copied());
    #[allow(clippy::cast_possible_truncation, reason = "all fields are of a fixed length below 256")]
    all.flat_map(|field| core::iter::once(field.len() as u8).chain(field.iter().copied())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scope::Ops;

    fn key(first: u8) -> Key {
        Key::new(core::array::from_fn(|at| first + u8::try_from(at).unwrap()))
    }

    /// The vector of the protocol's definition.
    #[test]
    fn the_messages_are_those_of_the_definition() {
        let (auth, ratchet, mut macs) = (key(0), key(0x20), Macs::default());
        let sid: Id = core::array::from_fn(|at| 0xa0 + u8::try_from(at).unwrap());
        let scope = Scope { role: 2, ops: Ops::READ.with(Ops::STREAM), ttl: 60, association: 1001 };
        let time = UnixMillis(1_767_225_600_000);
        let ask = Ask { q: 41, index: 7, n_u: [1; 16], n_g: [2; 16], time, scope, point: None };
        let asked = ask.mac(&auth, &sid, &mut macs);
        assert_eq!(hex(&tag(&asked)), "5bfe8cf18ffc7f05a2434d4827db55e6");
        let kappa = kappa(&ratchet, &ask, &[3; 16], &mut macs);
        let expected = "de44b0a2d8bbf7d2cffcfd8f5a7e4cd082318968fdf02a14d6cd20fbc417dc63";
        assert_eq!(hex(kappa.as_bytes()), expected);
        let reply = Reply::new(41, 7, [3; 16], Uptime(123_456), None);
        let mac = reply.mac(&auth, &asked, &kappa, &mut macs);
        assert_eq!(hex(&tag(&mac)), "bf26f155bc5e627034c23e4f1d7856d0");
        assert_eq!(macs.take(), 3);
        let (m2, m3) = (ask.to_bytes(&asked), reply.to_bytes(&mac));
        assert_eq!((m2.as_ref().len(), m3.as_ref().len()), (M2, M3));
        assert_eq!(Ask::parse(m2.as_ref()), Some((ask, tag(&asked))));
        assert_eq!(Reply::parse(m3.as_ref()), Some((reply, tag(&mac))));
    }

    fn hex(bytes: &[u8]) -> std::string::String {
        bytes.iter().map(|byte| std::format!("{byte:02x}")).collect()
    }
}
