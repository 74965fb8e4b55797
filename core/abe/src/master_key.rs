//! The master key of an authority, with which it issues keys.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::OnceLock;

use zeroize::Zeroizing;

use crate::attribute::{Attribute, Points, column};
use crate::comb::Comb;
use crate::curve::{G1, G2, Group as _, Gt, Scalar};
use crate::encoding::{FormatError, Reader, SUITE};
use crate::oracle::{oracle_32, oracle_scalar};
use crate::public_key::{PublicKey, multiples_of_h};
use crate::secret_key::{MAX_ATTRIBUTES, SecretKey, write_attributes};

/// A key cannot be issued for these attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key has from 1 to {} attributes", MAX_ATTRIBUTES)]
pub struct IssueError;

/// The master key of an authority. It opens everything: it can issue itself any key.
///
/// Encoding: suite (1), seed (32), from which all else follows.
pub struct MasterKey {
    seed: Zeroizing<[u8; 32]>,
    a_inverse: [Scalar; 2],
    b: [Scalar; 2],
    d: [Scalar; 3],
    public: PublicKey,
}

fn multiples_of_g() -> &'static Comb<G1> {
    static COMB: OnceLock<Comb<G1>> = OnceLock::new();
    COMB.get_or_init(|| Comb::new(&G1::generator()))
}

impl MasterKey {
    /// The master key that comes of `random`: 32 bytes of a secure source, used for nothing else.
    pub fn new(random: &[u8; 32]) -> Self {
        let scalar = |name: &str| oracle_scalar("master", &[random, name.as_bytes()]);
        let (a, d) = (["a1", "a2"].map(scalar), ["d1", "d2", "d3"].map(scalar));
        let pairing = Comb::new(&Gt::pairing(&[(G1::generator(), G2::generator())]));
        let public = PublicKey::new(
            &a.each_ref().map(|a| multiples_of_h().times(a)),
            &[0, 1].map(|t| pairing.times(&(&(&d[t] * &a[t]) + &d[2]))),
        );
        Self {
            seed: Zeroizing::new(*random),
            a_inverse: a.each_ref().map(Scalar::inverse),
            b: ["b1", "b2"].map(scalar),
            d,
            public,
        }
    }

    /// Reads a master key.
    pub fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut reader = Reader::new(bytes)?;
        let seed = reader.array()?;
        reader.end()?;
        Ok(Self::new(seed))
    }

    /// Its encoding, a secret.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new([&[SUITE], self.seed.as_slice()].concat())
    }

    /// The public key.
    pub const fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// A key for who has `attributes`. Two keys never work together, also when they are for the same attributes.
    ///
    /// `random` is 32 bytes of a secure source. The key depends on the master key and the attributes as well, so that to repeat it
    /// by mistake for another set does no harm.
    pub fn issue(
        &self,
        attributes: &BTreeSet<Attribute>,
        random: &[u8; 32],
    ) -> Result<SecretKey, IssueError> {
        if !(1..=MAX_ATTRIBUTES).contains(&attributes.len()) {
            return Err(IssueError);
        }
        let mut names = Vec::new();
        write_attributes(attributes.iter(), &mut names);
        let randomness = oracle_32("issue", &[self.seed.as_slice(), random, &names]);
        let mut places = 0_u16..;
        let mut scalar = || {
            let place = places.next().unwrap_or_default();
            oracle_scalar("key", &[&*randomness, &place.to_be_bytes()])
        };
        let (r1, r2) = (scalar(), scalar());
        let br = [&self.b[0] * &r1, &self.b[1] * &r2, &r1 + &r2];
        let k0 = br.each_ref().map(|br| multiples_of_h().times(br));
        let k = self.element(&column(0), &br, &scalar(), Some(&self.d));
        let elements = attributes
            .iter()
            .map(|attribute| (attribute.clone(), self.element(attribute.points(), &br, &scalar(), None)));
        Ok(SecretKey::new(self.public.id(), &k0, &k, elements.collect()))
    }

    /// For t = 1, 2: the sum over l of `points[l][t]`, `br[l] / a[t]` times, and g, `d[t] + sigma / a[t]` times; for 3 g,
    /// `d[3] - sigma` times.
    fn element(&self, points: &Points, br: &[Scalar; 3], sigma: &Scalar, d: Option<&[Scalar; 3]>) -> [G1; 3] {
        let shifted = |t: usize, scalar: Scalar| d.map_or_else(|| scalar.clone(), |d| &d[t] + &scalar);
        let of_g = |t: usize, scalar: Scalar| multiples_of_g().times(&shifted(t, scalar));
        let of_points = |t: usize| {
            let scalars = br.each_ref().map(|br| br * &self.a_inverse[t]);
            let terms: [_; 3] = std::array::from_fn(|l| (points[l][t], &scalars[l]));
            G1::sum(&terms).plus(&of_g(t, sigma * &self.a_inverse[t]))
        };
        [of_points(0), of_points(1), of_g(2, -sigma)]
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({:?})", self.public)
    }
}
