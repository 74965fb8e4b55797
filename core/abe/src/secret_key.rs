//! The key of who has some attributes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use subtle::ConstantTimeEq as _;
use zeroize::{Zeroize, Zeroizing};

use crate::attribute::Attribute;
use crate::curve::{G1, G1_LEN, G2, Group as _, Gt, Limbs as _, Scalar};
use crate::encapsulation::{Encapsulation, MASKED, PART_HEAD, ROW, SharedKey};
use crate::encoding::{FormatError, Reader, SUITE, write_text};
use crate::public_key::PublicKey;

#[cfg(test)]
mod secrecy;

/// Most attributes of a key.
pub const MAX_ATTRIBUTES: usize = 64;

/// Why an encapsulation is not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecapsulateError {
    /// The key, the encapsulation and the public key are not of one authority.
    #[error("made under another authority's key")]
    OtherAuthority,
    /// The key's attributes do not fit the policy.
    #[error("the attributes do not fit the policy")]
    NotSatisfied,
    /// The bytes are not what an honest sender made, or the key is none that the authority issued. No further detail, so that an
    /// attacker learns nothing.
    #[error("the encapsulation does not hold")]
    Refused,
}

/// The key of who has some attributes. Wiped when dropped.
///
/// It remembers the points of its attributes, so that the second opening is faster than the first.
///
/// Encoding: suite (1), id of the public key (32), number of attributes (1), for each, ascending by text, its length (2) and
/// text; then three points of G2 (96 each), three of G1 (48 each), and three of G1 for each attribute.
pub struct SecretKey {
    public_key: [u8; 32],
    k0: [G2; 3],
    k: [G1; 3],
    elements: BTreeMap<Attribute, [G1; 3]>,
}

impl Drop for SecretKey {
    fn drop(&mut self) {
        self.k0.zeroize();
        self.k.zeroize();
        self.elements.values_mut().for_each(Zeroize::zeroize);
    }
}

impl SecretKey {
    pub(crate) fn new(
        public_key: &[u8; 32],
        k0: &[G2; 3],
        k: &[G1; 3],
        elements: BTreeMap<Attribute, [G1; 3]>,
    ) -> Self {
        Self { public_key: *public_key, k0: *k0, k: *k, elements }
    }

    /// Reads a key.
    pub fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut reader = Reader::new(bytes)?;
        let public_key = *reader.array()?;
        let [count] = *reader.array()?;
        if !(1..=MAX_ATTRIBUTES).contains(&usize::from(count)) {
            return Err(FormatError::Attributes);
        }
        let mut attributes: Vec<Attribute> = Vec::new();
        for _ in 0..count {
            let text = reader.text()?.ok_or(FormatError::Attributes)?;
            let attribute = text.parse::<Attribute>().map_err(|_| FormatError::Attributes)?;
            if attribute.as_str() != text || attributes.last().is_some_and(|last| *last >= attribute) {
                return Err(FormatError::Attributes);
            }
            attributes.push(attribute);
        }
        let mut key = Self::new(&public_key, &[G2::ZERO; 3], &[G1::ZERO; 3], BTreeMap::new());
        for point in &mut key.k0 {
            *point = G2::parse(reader.array()?).ok_or(FormatError::Point)?;
        }
        let mut points = || -> Result<[G1; 3], FormatError> {
            let mut points = Zeroizing::new([G1::ZERO; 3]);
            for point in points.iter_mut() {
                *point = G1::parse(reader.array()?).ok_or(FormatError::Point)?;
            }
            Ok(*points)
        };
        key.k = points()?;
        for attribute in attributes {
            key.elements.insert(attribute, points()?);
        }
        reader.end()?;
        Ok(key)
    }

    /// Its encoding, a secret.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let points = self.elements.len() + 1;
        let texts: usize = self.elements.keys().map(|attribute| 2 + attribute.as_str().len()).sum();
        // As large as it becomes, so that no copy stays behind.
        let mut out = Zeroizing::new(Vec::with_capacity(34 + texts + 3 * 96 + points * ROW));
        out.push(SUITE);
        out.extend_from_slice(&self.public_key);
        write_attributes(self.elements.keys(), &mut out);
        self.k0.iter().for_each(|point| point.write(&mut out));
        G1::write(&self.k, &mut out);
        self.elements.values().for_each(|points| G1::write(points, &mut out));
        out
    }

    /// The attributes that it is for.
    pub fn attributes(&self) -> BTreeSet<Attribute> {
        self.elements.keys().cloned().collect()
    }

    /// The id of its authority's public key.
    pub const fn public_key(&self) -> &[u8; 32] {
        &self.public_key
    }

    /// The key that `encapsulation` hands over.
    pub fn decapsulate(
        &self,
        public: &PublicKey,
        encapsulation: &Encapsulation,
    ) -> Result<SharedKey, DecapsulateError> {
        if *public.id() != self.public_key || *encapsulation.public_key() != self.public_key {
            return Err(DecapsulateError::OtherAuthority);
        }
        let policy = encapsulation.policy();
        let holds = |attribute: &Attribute| self.elements.contains_key(attribute);
        let (n, part, rows) = (0..)
            .zip(policy.sharings())
            .zip(encapsulation.parts())
            .filter_map(|((n, sharing), part)| Some((n, part, sharing.join(&holds)?)))
            .min_by_key(|(_, _, rows)| rows.len())
            .ok_or(DecapsulateError::NotSatisfied)?;
        let sharing = policy.sharings().get(usize::from(n)).ok_or(DecapsulateError::Refused)?;
        let used = rows.iter().filter_map(|(row, factor)| {
            let held = self.elements.get(&sharing.rows().get(*row)?.attribute)?;
            Some((*row, held, factor))
        });
        let mut secret = self.secret(part, used).ok_or(DecapsulateError::Refused)?;
        let mask = public.mask(&secret, policy.as_str(), n);
        secret.zeroize();
        let mut seed = Zeroizing::new([0; 32]);
        for ((byte, masked), mask) in seed.iter_mut().zip(&part[PART_HEAD - MASKED..]).zip(&*mask) {
            *byte = masked ^ mask;
        }
        // Fujisaki-Okamoto: only what an honest sender makes of this seed is opened. So a header that was changed in any byte, or
        // whose parts do not hold the same seed, tells its maker nothing.
        let expected = public.header(policy, &seed, &self.elements);
        if bool::from(expected.ct_eq(encapsulation.as_bytes())) {
            Ok(SharedKey::new(&seed, encapsulation.as_bytes()))
        } else {
            Err(DecapsulateError::Refused)
        }
    }

    /// The secret of a part, from rows of it, the elements of this key for their attributes, and the factors that join them.
    /// Nothing where a point is none.
    fn secret<'a>(
        &self,
        part: &[u8],
        used: impl Iterator<Item = (usize, &'a [G1; 3], &'a Scalar)>,
    ) -> Option<Gt> {
        let (head, rows) = part.split_at_checked(PART_HEAD)?;
        let mut keys = Zeroizing::new(self.k);
        let mut shares = [G1::ZERO; 3];
        for (row, held, factor) in used {
            let row = rows.as_chunks::<ROW>().0.get(row)?;
            let weighted = |point: &G1| if factor.is_one() { *point } else { point.times(factor) };
            for (l, point) in row.as_chunks::<G1_LEN>().0.iter().enumerate() {
                shares[l] = shares[l].plus(&weighted(&G1::parse(point)?));
                keys[l] = keys[l].plus(&weighted(&held[l]));
            }
        }
        let mut pairs = Vec::with_capacity(6);
        for (l, point) in head.as_chunks().0.iter().take(3).enumerate() {
            pairs.push((keys[l], G2::parse(point)?));
            pairs.push((-&shares[l], self.k0[l]));
        }
        let usable = pairs.iter().all(|(p, q)| !p.is_infinity() && !q.is_infinity());
        let secret = usable.then(|| Gt::pairing(&pairs));
        for (p, q) in &mut pairs {
            p.zeroize();
            q.zeroize();
        }
        secret
    }
}

/// The number of attributes, and each behind its length.
pub(crate) fn write_attributes<'a>(
    attributes: impl ExactSizeIterator<Item = &'a Attribute>,
    out: &mut Vec<u8>,
) {
    out.push(u8::try_from(attributes.len()).unwrap_or(u8::MAX));
    attributes.for_each(|attribute| write_text(attribute.as_str(), out));
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.elements.keys()).finish()
    }
}
