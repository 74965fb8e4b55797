//! Multiples of points that do not change (the fixed-base comb of Lim and Lee): a table of 64 sums once, then 43 doublings and 43
//! additions a scalar, whatever the scalar is.

use crate::curve::{Group, Scalar, look_up};

/// Rows of the comb; the table has an entry for each choice of them.
const TEETH: usize = 6;
/// Bits of a scalar in a row.
const SPACING: usize = Scalar::BITS.div_ceil(TEETH);

/// The sums of `2^(43 i) P` over every set of rows `i`.
pub(crate) struct Comb<T>(Vec<T>);

impl<T: Group> Comb<T> {
    pub fn new(base: &T) -> Self {
        let mut table = vec![T::identity()];
        let mut tooth = *base;
        for _ in 0..TEETH {
            let with: Vec<T> = table.iter().map(|sum| sum.plus(&tooth)).collect();
            table.extend(with);
            (0..SPACING).for_each(|_| tooth = tooth.doubled());
        }
        Self(table)
    }

    /// `scalar` times the base.
    pub fn times(&self, scalar: &Scalar) -> T {
        Self::sum(&[(self, scalar)])
    }

    /// The sum of some multiples, which share their doublings.
    pub fn sum(terms: &[(&Self, &Scalar)]) -> T {
        let terms: Vec<_> = terms.iter().map(|(comb, scalar)| (comb, scalar.to_bytes())).collect();
        let mut sum = T::identity();
        for column in (0..SPACING).rev() {
            sum = sum.doubled();
            for (comb, bytes) in &terms {
                sum = sum.plus(&look_up(&comb.0, column_of(bytes, column)));
            }
        }
        sum
    }
}

/// The bits of all rows in one column.
fn column_of(bytes: &[u8; 32], column: usize) -> u64 {
    (0..TEETH).map(|row| row * SPACING + column).rev().fold(0, |index, at| {
        // The last row is longer than the scalar, by bits that are zero.
        let byte = bytes.get(at / 8).copied().unwrap_or(0);
        index << 1 | u64::from(byte >> (at % 8) & 1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::curve::{G1, G2, Gt};
    use crate::oracle::oracle_scalar;

    fn scalars() -> Vec<Scalar> {
        let mut scalars: Vec<_> = [0, 1, 2, 63, u64::MAX].map(Scalar::from_u64).into();
        scalars.extend([1, 2].map(|n| -&Scalar::from_u64(n)));
        scalars.extend((0..8).map(|n| oracle_scalar("test", &[&[n]])));
        scalars
    }

    #[test]
    fn a_comb_multiplies_as_blst_does() {
        let point = G1::hash(b"some point", b"test");
        let comb = Comb::new(&point);
        for scalar in scalars() {
            let (ours, theirs) = (comb.times(&scalar), point.times(&scalar));
            assert!(ours.plus(&-&theirs).is_infinity());
        }
    }

    #[test]
    fn sums_share_their_doublings_in_every_group() {
        let (g1, g2) = (G1::generator(), G2::generator());
        let gt = Gt::pairing(&[(g1, g2)]);
        let (first, second) = (Comb::new(&gt), Comb::new(&gt.doubled()));
        for scalar in scalars() {
            // e(s g1, g2) e(g1, 2 s g2) = gt^s (gt^2)^s
            let (p, q) = (Comb::new(&g1).times(&scalar), Comb::new(&g2).times(&(&scalar + &scalar)));
            let sum = Comb::sum(&[(&first, &scalar), (&second, &scalar)]);
            if p.is_infinity() {
                assert!(sum.is_identity() && q.is_infinity());
            } else {
                assert_eq!(Gt::pairing(&[(p, g2), (g1, q)]).to_bytes(), sum.to_bytes());
            }
        }
    }
}
