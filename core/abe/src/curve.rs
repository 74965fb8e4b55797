//! The groups of BLS12-381 and their pairing: a safe face for the C functions of `blst`, the only unsafe code of this crate.
//!
//! In scope: G1, G2, GT and scalars; compressed points as Zcash wrote them down (as in draft-irtf-cfrg-pairing-friendly-curves,
//! appendix C); hashing to G1 (RFC 9380, BLS12381G1_XMD:SHA-256_SSWU_RO_). An element of GT is the twelve coordinates of Fp12
//! over Fp2 over Fp6, big-endian, in blst's order; the pairing is blst's, a fixed power of the ate
//! pairing (the third, inverted, of that with the exact final exponent). Out of scope: points at infinity, which no honest message holds: they are refused.
//!
//! Operations on secrets take the same steps whatever the secret is: blst's field and point functions are made so, and tables are
//! read whole. [`G1::times_small`] alone is for public numbers.

#![allow(unsafe_code, reason = "blst has no safe functions for points")]

use std::ops::{Add, Mul, Neg};

use blst::{
    BLST_ERROR, blst_bendian_from_fp12, blst_final_exp, blst_fp, blst_fp_from_bendian, blst_fp12,
    blst_fp12_cyclotomic_sqr, blst_fp12_in_group, blst_fp12_is_one, blst_fp12_mul, blst_fp12_one, blst_fr,
    blst_fr_add, blst_fr_cneg, blst_fr_from_scalar, blst_fr_from_uint64, blst_fr_inverse, blst_fr_mul,
    blst_hash_to_g1, blst_miller_loop_n, blst_p1, blst_p1_add_or_double, blst_p1_affine,
    blst_p1_affine_compress, blst_p1_affine_in_g1, blst_p1_affine_is_inf, blst_p1_cneg, blst_p1_double,
    blst_p1_from_affine, blst_p1_generator, blst_p1_is_inf, blst_p1_mult, blst_p1_to_affine,
    blst_p1_uncompress, blst_p1s_to_affine, blst_p2, blst_p2_add_or_double, blst_p2_affine,
    blst_p2_affine_in_g2, blst_p2_affine_is_inf, blst_p2_compress, blst_p2_double, blst_p2_from_affine,
    blst_p2_generator, blst_p2_is_inf, blst_p2_to_affine, blst_p2_uncompress, blst_scalar,
    blst_scalar_from_be_bytes, blst_scalar_from_fr,
};
use zeroize::{Zeroize, Zeroizing};

/// A compressed point of G1.
pub(crate) const G1_LEN: usize = 48;
/// A compressed point of G2.
pub(crate) const G2_LEN: usize = 96;
/// An element of GT.
pub(crate) const GT_LEN: usize = 576;

/// Values made of 64-bit limbs and nothing else.
pub(crate) trait Limbs: Copy {
    /// Of zeros, whatever that means for the type.
    const ZERO: Self;

    /// All limbs.
    fn limbs(&self) -> &[u64] {
        // SAFETY: implemented only for `repr(C)` types that are arrays of `u64`, so there is no padding, and the size is a
        // multiple of the limb's.
        unsafe { std::slice::from_raw_parts(std::ptr::from_ref(self).cast(), size_of::<Self>() / 8) }
    }

    /// All limbs, to be changed: any value of them is a value of the type.
    fn limbs_mut(&mut self) -> &mut [u64] {
        // SAFETY: as above, and no bit pattern of a limb is invalid.
        unsafe { std::slice::from_raw_parts_mut(std::ptr::from_mut(self).cast(), size_of::<Self>() / 8) }
    }
}

/// The entry at `index`, found by reading all of them.
pub(crate) fn look_up<T: Limbs>(entries: &[T], index: u64) -> T {
    let mut found = T::ZERO;
    for (n, entry) in (0_u64..).zip(entries) {
        // All ones where the index is this one. The compiler may not learn that there are but two cases.
        let differs = n ^ index;
        let mask = std::hint::black_box(((differs | differs.wrapping_neg()) >> 63).wrapping_sub(1));
        for (to, from) in found.limbs_mut().iter_mut().zip(entry.limbs()) {
            *to |= from & mask;
        }
    }
    found
}

/// A group whose elements can be looked up in tables.
pub(crate) trait Group: Limbs {
    fn identity() -> Self;
    fn plus(&self, other: &Self) -> Self;
    fn doubled(&self) -> Self;
}

/// An integer modulo the order of the groups. Wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Scalar(blst_fr);

impl Drop for Scalar {
    fn drop(&mut self) {
        self.0.l.zeroize();
    }
}

impl Scalar {
    /// Bits of the order.
    pub const BITS: usize = 255;

    /// 64 uniform bytes, big-endian, modulo the order: uniform but for 2^-257.
    pub fn from_wide(bytes: &[u8; 64]) -> Self {
        let mut scalar = blst_scalar::default();
        let mut fr = blst_fr::default();
        // SAFETY: `bytes` has the 64 bytes that are named. The scalar is reduced, as `blst_fr_from_scalar` needs it.
        unsafe {
            blst_scalar_from_be_bytes(&raw mut scalar, bytes.as_ptr(), bytes.len());
            blst_fr_from_scalar(&raw mut fr, &raw const scalar);
        }
        Self(fr)
    }

    /// A small number.
    pub fn from_u64(n: u64) -> Self {
        let mut fr = blst_fr::default();
        // SAFETY: four limbs are read and written.
        unsafe { blst_fr_from_uint64(&raw mut fr, [n, 0, 0, 0].as_ptr()) };
        Self(fr)
    }

    /// Whether it is one, in a time that may tell.
    pub fn is_one(&self) -> bool {
        *self == Self::from_u64(1)
    }

    /// One divided by this; zero for zero.
    pub fn inverse(&self) -> Self {
        let mut fr = blst_fr::default();
        // SAFETY: whole values are read and written.
        unsafe { blst_fr_inverse(&raw mut fr, &raw const self.0) };
        Self(fr)
    }

    /// The number itself, little-endian.
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        let mut scalar = blst_scalar::default();
        // SAFETY: whole values are read and written.
        unsafe { blst_scalar_from_fr(&raw mut scalar, &raw const self.0) };
        Zeroizing::new(scalar.b)
    }
}

impl Add for &Scalar {
    type Output = Scalar;

    fn add(self, other: Self) -> Scalar {
        let mut fr = blst_fr::default();
        // SAFETY: whole values are read and written.
        unsafe { blst_fr_add(&raw mut fr, &raw const self.0, &raw const other.0) };
        Scalar(fr)
    }
}

impl Mul for &Scalar {
    type Output = Scalar;

    fn mul(self, other: Self) -> Scalar {
        let mut fr = blst_fr::default();
        // SAFETY: whole values are read and written.
        unsafe { blst_fr_mul(&raw mut fr, &raw const self.0, &raw const other.0) };
        Scalar(fr)
    }
}

impl Neg for &Scalar {
    type Output = Scalar;

    fn neg(self) -> Scalar {
        let mut fr = blst_fr::default();
        // SAFETY: whole values are read and written.
        unsafe { blst_fr_cneg(&raw mut fr, &raw const self.0, true) };
        Scalar(fr)
    }
}

/// A point of G1. Whoever holds a secret one wipes it.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct G1(blst_p1);

const FP_ZERO: blst_fp = blst_fp { l: [0; 6] };

impl Limbs for G1 {
    const ZERO: Self = Self(blst_p1 { x: FP_ZERO, y: FP_ZERO, z: FP_ZERO });
}

impl Zeroize for G1 {
    fn zeroize(&mut self) {
        self.limbs_mut().zeroize();
    }
}

impl Group for G1 {
    fn identity() -> Self {
        Self::ZERO
    }

    fn plus(&self, other: &Self) -> Self {
        let mut out = Self::ZERO;
        // SAFETY: whole values are read and written.
        unsafe { blst_p1_add_or_double(&raw mut out.0, &raw const self.0, &raw const other.0) };
        out
    }

    fn doubled(&self) -> Self {
        let mut out = Self::ZERO;
        // SAFETY: whole values are read and written.
        unsafe { blst_p1_double(&raw mut out.0, &raw const self.0) };
        out
    }
}

impl Neg for &G1 {
    type Output = G1;

    fn neg(self) -> G1 {
        let mut out = *self;
        // SAFETY: a whole value is read and written.
        unsafe { blst_p1_cneg(&raw mut out.0, true) };
        out
    }
}

impl G1 {
    pub fn generator() -> Self {
        // SAFETY: blst returns a pointer to a constant.
        Self(unsafe { *blst_p1_generator() })
    }

    /// The point that `message` hashes to under `dst`: nobody knows its logarithm (RFC 9380).
    pub fn hash(message: &[u8], dst: &[u8]) -> Self {
        let mut out = Self::ZERO;
        // SAFETY: each pointer goes with its length; no augmentation.
        unsafe {
            blst_hash_to_g1(
                &raw mut out.0,
                message.as_ptr(),
                message.len(),
                dst.as_ptr(),
                dst.len(),
                std::ptr::null(),
                0,
            );
        }
        out
    }

    /// This point, `scalar` times.
    pub fn times(&self, scalar: &Scalar) -> Self {
        let mut out = Self::ZERO;
        let bytes = scalar.to_bytes();
        // SAFETY: as many bits as are named can be read.
        unsafe { blst_p1_mult(&raw mut out.0, &raw const self.0, bytes.as_ptr(), Scalar::BITS) };
        out
    }

    /// The sum of some points, each so many times.
    pub fn sum(terms: &[(Self, &Scalar)]) -> Self {
        terms.iter().fold(Self::ZERO, |sum, (point, scalar)| sum.plus(&point.times(scalar)))
    }

    /// This point, `n` times, in a time that tells `n`.
    pub fn times_small(&self, n: u64) -> Self {
        let Some(top) = n.checked_ilog2() else { return Self::ZERO };
        (0..top).rev().fold(*self, |sum, bit| {
            let sum = sum.doubled();
            if n >> bit & 1 == 1 { sum.plus(self) } else { sum }
        })
    }

    pub fn is_infinity(&self) -> bool {
        // SAFETY: a whole value is read.
        unsafe { blst_p1_is_inf(&raw const self.0) }
    }

    /// A point from its compressed form: on the curve, in the subgroup, not at infinity.
    pub fn parse(bytes: &[u8; G1_LEN]) -> Option<Self> {
        let mut affine = blst_p1_affine::default();
        let mut out = Self::ZERO;
        // SAFETY: 48 bytes are read; whole values are written.
        unsafe {
            if blst_p1_uncompress(&raw mut affine, bytes.as_ptr()) != BLST_ERROR::BLST_SUCCESS
                || blst_p1_affine_is_inf(&raw const affine)
                || !blst_p1_affine_in_g1(&raw const affine)
            {
                return None;
            }
            blst_p1_from_affine(&raw mut out.0, &raw const affine);
        }
        Some(out)
    }

    fn affine(&self) -> blst_p1_affine {
        let mut affine = blst_p1_affine::default();
        // SAFETY: whole values are read and written.
        unsafe { blst_p1_to_affine(&raw mut affine, &raw const self.0) };
        affine
    }

    /// The affine forms of `points`, none of which is at infinity, for the price of one division.
    fn affines(points: &[Self]) -> Vec<blst_p1_affine> {
        let mut out = vec![blst_p1_affine::default(); points.len()];
        let ends: [*const blst_p1; 2] = [points.as_ptr().cast(), std::ptr::null()];
        if !points.is_empty() {
            // SAFETY: `G1` is laid out as the `blst_p1` that it holds alone; a list that ends in a null pointer says that
            // the points lie one behind the other; there are as many places as points.
            unsafe { blst_p1s_to_affine(out.as_mut_ptr(), ends.as_ptr(), points.len()) };
        }
        out
    }

    /// The compressed forms of `points`, one after the other.
    pub fn write(points: &[Self], out: &mut Vec<u8>) {
        let affines = Zeroizing::new(Affines(Self::affines(points)));
        for affine in &affines.0 {
            let mut bytes = [0; G1_LEN];
            // SAFETY: 48 bytes are written, a whole value is read.
            unsafe { blst_p1_affine_compress(bytes.as_mut_ptr(), affine) };
            out.extend_from_slice(&bytes);
        }
    }
}

/// A point of G2. Whoever holds a secret one wipes it.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct G2(blst_p2);

const FP2_ZERO: blst::blst_fp2 = blst::blst_fp2 { fp: [FP_ZERO; 2] };

impl Limbs for G2 {
    const ZERO: Self = Self(blst_p2 { x: FP2_ZERO, y: FP2_ZERO, z: FP2_ZERO });
}

impl Zeroize for G2 {
    fn zeroize(&mut self) {
        self.limbs_mut().zeroize();
    }
}

impl Group for G2 {
    fn identity() -> Self {
        Self::ZERO
    }

    fn plus(&self, other: &Self) -> Self {
        let mut out = Self::ZERO;
        // SAFETY: whole values are read and written.
        unsafe { blst_p2_add_or_double(&raw mut out.0, &raw const self.0, &raw const other.0) };
        out
    }

    fn doubled(&self) -> Self {
        let mut out = Self::ZERO;
        // SAFETY: whole values are read and written.
        unsafe { blst_p2_double(&raw mut out.0, &raw const self.0) };
        out
    }
}

impl G2 {
    pub fn generator() -> Self {
        // SAFETY: blst returns a pointer to a constant.
        Self(unsafe { *blst_p2_generator() })
    }

    pub fn is_infinity(&self) -> bool {
        // SAFETY: a whole value is read.
        unsafe { blst_p2_is_inf(&raw const self.0) }
    }

    /// A point from its compressed form: on the curve, in the subgroup, not at infinity.
    pub fn parse(bytes: &[u8; G2_LEN]) -> Option<Self> {
        let mut affine = blst_p2_affine::default();
        let mut out = Self::ZERO;
        // SAFETY: 96 bytes are read; whole values are written.
        unsafe {
            if blst_p2_uncompress(&raw mut affine, bytes.as_ptr()) != BLST_ERROR::BLST_SUCCESS
                || blst_p2_affine_is_inf(&raw const affine)
                || !blst_p2_affine_in_g2(&raw const affine)
            {
                return None;
            }
            blst_p2_from_affine(&raw mut out.0, &raw const affine);
        }
        Some(out)
    }

    pub fn write(&self, out: &mut Vec<u8>) {
        let mut bytes = [0; G2_LEN];
        // SAFETY: 96 bytes are written, a whole value is read.
        unsafe { blst_p2_compress(bytes.as_mut_ptr(), &raw const self.0) };
        out.extend_from_slice(&bytes);
    }

    fn affine(&self) -> blst_p2_affine {
        let mut affine = blst_p2_affine::default();
        // SAFETY: whole values are read and written.
        unsafe { blst_p2_to_affine(&raw mut affine, &raw const self.0) };
        affine
    }
}

/// An element of GT, which is written multiplicatively elsewhere. Whoever holds a secret one wipes it.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Gt(blst_fp12);

const FP6_ZERO: blst::blst_fp6 = blst::blst_fp6 { fp2: [FP2_ZERO; 3] };

impl Limbs for Gt {
    const ZERO: Self = Self(blst_fp12 { fp6: [FP6_ZERO; 2] });
}

impl Zeroize for Gt {
    fn zeroize(&mut self) {
        self.limbs_mut().zeroize();
    }
}

impl Group for Gt {
    fn identity() -> Self {
        // SAFETY: blst returns a pointer to a constant.
        Self(unsafe { *blst_fp12_one() })
    }

    fn plus(&self, other: &Self) -> Self {
        let mut out = Self::ZERO;
        // SAFETY: whole values are read and written.
        unsafe { blst_fp12_mul(&raw mut out.0, &raw const self.0, &raw const other.0) };
        out
    }

    fn doubled(&self) -> Self {
        let mut out = Self::ZERO;
        // SAFETY: whole values are read and written; an element of GT is cyclotomic.
        unsafe { blst_fp12_cyclotomic_sqr(&raw mut out.0, &raw const self.0) };
        out
    }
}

impl Gt {
    /// The product of the pairings of `pairs`, none of which is at infinity.
    pub fn pairing(pairs: &[(G1, G2)]) -> Self {
        let mut ps = Zeroizing::new(Affines(pairs.iter().map(|(p, _)| p.affine()).collect()));
        let mut qs = Zeroizing::new(Affines(pairs.iter().map(|(_, q)| q.affine()).collect()));
        let (ps, qs) = (&mut ps.0, &mut qs.0);
        let mut miller = Self::ZERO;
        let mut out = Self::identity();
        let p_list: [*const blst_p1_affine; 2] = [ps.as_ptr(), std::ptr::null()];
        let q_list: [*const blst_p2_affine; 2] = [qs.as_ptr(), std::ptr::null()];
        if !pairs.is_empty() {
            // SAFETY: a list that ends in a null pointer says that the points lie one behind the other.
            unsafe {
                blst_miller_loop_n(&raw mut miller.0, q_list.as_ptr(), p_list.as_ptr(), pairs.len());
                blst_final_exp(&raw mut out.0, &raw const miller.0);
            }
        }
        miller.zeroize();
        out
    }

    pub fn is_identity(&self) -> bool {
        // SAFETY: a whole value is read.
        unsafe { blst_fp12_is_one(&raw const self.0) }
    }

    /// An element from its bytes: each coordinate below the modulus, in the group of the pairing's values, not one.
    pub fn parse(bytes: &[u8; GT_LEN]) -> Option<Self> {
        let mut out = Self::ZERO;
        let mut coordinates = bytes.as_chunks::<48>().0.iter();
        for i in 0..3 {
            for j in 0..2 {
                for k in 0..2 {
                    let place = &mut out.0.fp6[j].fp2[i].fp[k];
                    // SAFETY: 48 bytes are read, a whole value is written.
                    unsafe { blst_fp_from_bendian(place, coordinates.next()?.as_ptr()) };
                }
            }
        }
        // A coordinate above the modulus is written otherwise than it was read.
        let canonical = out.to_bytes() == *bytes;
        // SAFETY: a whole value is read.
        let in_group = unsafe { blst_fp12_in_group(&raw const out.0) };
        (canonical && in_group && !out.is_identity()).then_some(out)
    }

    pub fn to_bytes(self) -> [u8; GT_LEN] {
        let mut bytes = [0; GT_LEN];
        // SAFETY: 576 bytes are written, a whole value is read.
        unsafe { blst_bendian_from_fp12(bytes.as_mut_ptr(), &raw const self.0) };
        bytes
    }
}

/// Affine points that may be secret.
struct Affines<T>(Vec<T>);

impl<T: Limbs> Zeroize for Affines<T> {
    fn zeroize(&mut self) {
        self.0.iter_mut().for_each(|point| point.limbs_mut().zeroize());
    }
}

impl Limbs for blst_p1_affine {
    const ZERO: Self = Self { x: FP_ZERO, y: FP_ZERO };
}

impl Limbs for blst_p2_affine {
    const ZERO: Self = Self { x: FP2_ZERO, y: FP2_ZERO };
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A compressed point that is on the curve and in no subgroup of ours.
    pub(crate) fn outside_g1() -> [u8; G1_LEN] {
        let candidates = (0..=u8::MAX).map(|x| {
            let mut bytes = [0; G1_LEN];
            (bytes[0], bytes[G1_LEN - 1]) = (0x80, x);
            bytes
        });
        let on_curve = |bytes: &[u8; G1_LEN]| {
            let mut affine = blst_p1_affine::default();
            // SAFETY: 48 bytes are read, a whole value is written and read.
            unsafe {
                blst_p1_uncompress(&raw mut affine, bytes.as_ptr()) == BLST_ERROR::BLST_SUCCESS
                    && !blst_p1_affine_in_g1(&raw const affine)
            }
        };
        candidates.into_iter().find(on_curve).unwrap()
    }

    /// The same for the other curve.
    pub(crate) fn outside_g2() -> [u8; G2_LEN] {
        let candidates = (0..=u8::MAX).map(|x| {
            let mut bytes = [0; G2_LEN];
            (bytes[0], bytes[G2_LEN - 1]) = (0x80, x);
            bytes
        });
        let on_curve = |bytes: &[u8; G2_LEN]| {
            let mut affine = blst_p2_affine::default();
            // SAFETY: 96 bytes are read, a whole value is written and read.
            unsafe {
                blst_p2_uncompress(&raw mut affine, bytes.as_ptr()) == BLST_ERROR::BLST_SUCCESS
                    && !blst_p2_affine_in_g2(&raw const affine)
            }
        };
        candidates.into_iter().find(on_curve).unwrap()
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn hashing_to_g1_is_that_of_rfc_9380() {
        // RFC 9380, appendix J.9.1: message, x, and y of the point.
        const DST: &[u8] = b"QUUX-V01-CS02-with-BLS12381G1_XMD:SHA-256_SSWU_RO_";
        let long = |start: &str, c: &str, n: usize| format!("{start}{}", c.repeat(n));
        for (message, x, y) in [
            (
                String::new(),
                "052926add2207b76ca4fa57a8734416c8dc95e24501772c814278700eed6d1e4e8cf62d9c09db0fac349612b759e79a1",
                "08ba738453bfed09cb546dbb0783dbb3a5f1f566ed67bb6be0e8c67e2e81a4cc68ee29813bb7994998f3eae0c9c6a265",
            ),
            (
                "abc".to_owned(),
                "03567bc5ef9c690c2ab2ecdf6a96ef1c139cc0b2f284dca0a9a7943388a49a3aee664ba5379a7655d3c68900be2f6903",
                "0b9c15f3fe6e5cf4211f346271d7b01c8f3b28be689c8429c85b67af215533311f0b8dfaaa154fa6b88176c229f2885d",
            ),
            (
                "abcdef0123456789".to_owned(),
                "11e0b079dea29a68f0383ee94fed1b940995272407e3bb916bbf268c263ddd57a6a27200a784cbc248e84f357ce82d98",
                "03a87ae2caf14e8ee52e51fa2ed8eefe80f02457004ba4d486d6aa1f517c0889501dc7413753f9599b099ebcbbd2d709",
            ),
            (
                long("q128_", "q", 128),
                "15f68eaa693b95ccb85215dc65fa81038d69629f70aeee0d0f677cf22285e7bf58d7cb86eefe8f2e9bc3f8cb84fac488",
                "1807a1d50c29f430b8cafc4f8638dfeeadf51211e1602a5f184443076715f91bb90a48ba1e370edce6ae1062f5e6dd38",
            ),
            (
                long("a512_", "a", 512),
                "082aabae8b7dedb0e78aeb619ad3bfd9277a2f77ba7fad20ef6aabdc6c31d19ba5a6d12283553294c1825c4b3ca2dcfe",
                "05b84ae5a942248eea39e1d91030458c40153f3b654ab7872d779ad1e942856a20c438e8d99bc8abfbf74729ce1f7ac8",
            ),
        ] {
            let affine = G1::hash(message.as_bytes(), DST).affine();
            let mut bytes = [0; 2 * G1_LEN];
            // SAFETY: 96 bytes are written, a whole value is read.
            unsafe { blst::blst_p1_affine_serialize(bytes.as_mut_ptr(), &raw const affine) };
            assert_eq!(hex(&bytes), format!("{x}{y}"), "{message}");
        }
    }

    #[test]
    fn points_are_read_from_one_form_only() {
        let mut bytes = Vec::new();
        G1::write(&[G1::generator(), G1::generator().doubled()], &mut bytes);
        let [one, two] = [0, 48].map(|at| <[u8; G1_LEN]>::try_from(&bytes[at..at + 48]).unwrap());
        assert!(G1::parse(&one).is_some() && G1::parse(&two).is_some());
        // No compression flag; the point at infinity, plainly and with a rest; outside the subgroup; x not below the modulus.
        let changed = |change: fn(&mut [u8; G1_LEN])| {
            let mut bytes = one;
            change(&mut bytes);
            bytes
        };
        let mut infinity = [0; G1_LEN];
        infinity[0] = 0xc0;
        for (n, wrong) in [
            changed(|bytes| bytes[0] &= 0x7f),
            changed(|bytes| bytes[0] |= 0x40),
            infinity,
            outside_g1(),
            [0xff; G1_LEN],
            [0x9f; G1_LEN],
            [0; G1_LEN],
        ]
        .iter()
        .enumerate()
        {
            assert!(G1::parse(wrong).is_none(), "{n}");
        }
        assert!(G2::parse(&outside_g2()).is_none());
        let mut infinity = [0; G2_LEN];
        infinity[0] = 0xc0;
        assert!(G2::parse(&infinity).is_none());
    }

    #[test]
    fn elements_of_gt_are_read_from_one_form_only() {
        const MODULUS: &str = "1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab";
        let gt = Gt::pairing(&[(G1::generator(), G2::generator())]);
        assert_eq!(Gt::parse(&gt.to_bytes()).unwrap().to_bytes(), gt.to_bytes());
        assert!(Gt::parse(&Gt::identity().to_bytes()).is_none());
        assert!(Gt::parse(&[0; GT_LEN]).is_none());
        // Some other number of the field, which is in no group of ours.
        let mut other = gt.to_bytes();
        other[GT_LEN - 1] ^= 1;
        assert!(Gt::parse(&other).is_none());
        // The same number, its first coordinate written above the modulus.
        let mut above = gt.to_bytes();
        let mut carry = 0;
        for at in (0..48).rev() {
            let sum =
                u16::from(above[at]) + u16::from_str_radix(&MODULUS[2 * at..2 * at + 2], 16).unwrap() + carry;
            (above[at], carry) = (sum.to_le_bytes()[0], sum >> 8);
        }
        assert_eq!(carry, 0);
        assert!(Gt::parse(&above).is_none());
    }

    #[test]
    fn tables_are_read_whole_and_give_the_entry_that_was_asked_for() {
        let entries: Vec<G1> = (1..=64).map(|n| G1::generator().times_small(n)).collect();
        for (n, entry) in (0..).zip(&entries) {
            assert_eq!(look_up(&entries, n).limbs(), entry.limbs());
        }
        assert!(look_up(&entries, 64).is_infinity());
    }

    #[test]
    fn sums_and_small_multiples_are_what_blst_multiplies() {
        let point = G1::hash(b"some point", b"test");
        let same = |a: &G1, b: &G1| a.plus(&-b).is_infinity();
        for n in [1, 2, 3, 7, 12_870, u64::from(u32::MAX)] {
            assert!(same(&point.times_small(n), &point.times(&Scalar::from_u64(n))));
        }
        assert!(point.times_small(0).is_infinity());
        let scalar = |n: u8| crate::oracle::oracle_scalar("test", &[&[n]]);
        let edges =
            [Scalar::from_u64(0), Scalar::from_u64(1), -&Scalar::from_u64(1), Scalar::from_u64(u64::MAX)];
        for scalars in edges.iter().cloned().chain((0..32).map(scalar)).zip((32..).map(scalar)) {
            let other = point.doubled();
            let sum = G1::sum(&[(point, &scalars.0), (other, &scalars.1)]);
            assert!(same(&sum, &point.times(&scalars.0).plus(&other.times(&scalars.1))));
            // The same point twice, and one that cancels it.
            let sum = G1::sum(&[(point, &scalars.0), (point, &scalars.0), (-&point, &scalars.0)]);
            assert!(same(&sum, &point.times(&scalars.0)));
        }
    }
}
