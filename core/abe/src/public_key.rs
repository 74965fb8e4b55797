//! The public key of an authority, under which anyone encapsulates.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::OnceLock;

use zeroize::{Zeroize as _, Zeroizing};

use crate::attribute::Attribute;
use crate::comb::Comb;
use crate::curve::{G1, G2, Gt};
use crate::encapsulation::{Encapsulation, MASKED, SharedKey};
use crate::encoding::{FormatError, Reader, SUITE, write_text};
use crate::oracle::{oracle_32, oracle_scalar};
use crate::policy::Policy;

/// The multiples of G2's generator.
pub(crate) fn multiples_of_h() -> &'static Comb<G2> {
    static COMB: OnceLock<Comb<G2>> = OnceLock::new();
    COMB.get_or_init(|| Comb::new(&G2::generator()))
}

/// The public key of an authority: 1345 bytes, and tables of 110 kB for what is computed with it.
///
/// Encoding: suite (1), `h^a1`, `h^a2` (96 each), `e(g, h)^(d1 a1 + d3)`, `e(g, h)^(d2 a2 + d3)` (576 each).
pub struct PublicKey {
    bytes: Vec<u8>,
    id: [u8; 32],
    h: [Comb<G2>; 2],
    t: [Comb<Gt>; 2],
}

impl PublicKey {
    pub(crate) fn new(h: &[G2; 2], t: &[Gt; 2]) -> Self {
        let mut bytes = vec![SUITE];
        for point in h {
            point.write(&mut bytes);
        }
        for element in t {
            bytes.extend_from_slice(&element.to_bytes());
        }
        let id = *oracle_32("public-key", &[&bytes]);
        Self { bytes, id, h: h.each_ref().map(Comb::new), t: t.each_ref().map(Comb::new) }
    }

    /// Reads a public key.
    pub fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut reader = Reader::new(bytes)?;
        let mut point = || G2::parse(reader.array()?).ok_or(FormatError::Point);
        let h = [point()?, point()?];
        let mut element = || Gt::parse(reader.array()?).ok_or(FormatError::Point);
        let t = [element()?, element()?];
        reader.end()?;
        Ok(Self::new(&h, &t))
    }

    /// Its encoding.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The digest that keys and encapsulations name it by.
    pub const fn id(&self) -> &[u8; 32] {
        &self.id
    }

    /// A new key that who fits `policy` gets from the encapsulation, and nobody else.
    ///
    /// `random` is 32 bytes of a secure source, used for nothing else: who knows them knows the key.
    pub fn encapsulate(&self, policy: &Policy, random: &[u8; 32]) -> (Encapsulation, SharedKey) {
        let bytes = self.header(policy, random, &BTreeMap::new());
        let key = SharedKey::new(random, &bytes);
        (Encapsulation::new(bytes, policy.clone(), self.id), key)
    }

    /// The bytes of the encapsulation of `seed`, of which they are a function; `held` has the points of some attributes.
    pub(crate) fn header(
        &self,
        policy: &Policy,
        seed: &[u8; 32],
        held: &BTreeMap<Attribute, [G1; 3]>,
    ) -> Vec<u8> {
        let text = policy.as_str();
        let randomness = oracle_32("randomness", &[seed, &self.id, text.as_bytes()]);
        let mut out = vec![SUITE];
        out.extend_from_slice(&self.id);
        write_text(text, &mut out);
        for (n, sharing) in (0..).zip(policy.sharings()) {
            let [s1, s2] = [1, 2].map(|t| oracle_scalar("encapsulation", &[&*randomness, &[n, t]]));
            self.h[0].times(&s1).write(&mut out);
            self.h[1].times(&s2).write(&mut out);
            multiples_of_h().times(&(&s1 + &s2)).write(&mut out);
            let mut secret = Comb::sum(&[(&self.t[0], &s1), (&self.t[1], &s2)]);
            let mask = self.mask(&secret, text, n);
            secret.zeroize();
            out.extend(seed.iter().zip(&*mask).map(|(byte, mask)| byte ^ mask));
            let mut rows = Vec::with_capacity(3 * sharing.rows().len());
            for row in sharing.rows() {
                let attribute = held.get_key_value(&row.attribute).map_or(&row.attribute, |(known, _)| known);
                for [first, second] in row.base(attribute.points()) {
                    rows.push(G1::sum(&[(first, &s1), (second, &s2)]));
                }
            }
            G1::write(&rows, &mut out);
        }
        out
    }

    /// What hides the seed in the part `n` of an encapsulation.
    pub(crate) fn mask(&self, secret: &Gt, text: &str, n: u8) -> Zeroizing<[u8; MASKED]> {
        let bytes = Zeroizing::new(secret.to_bytes());
        oracle_32("mask", &[&*bytes, &self.id, text.as_bytes(), &[n]])
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for PublicKey {}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PublicKey(")?;
        self.id.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}
