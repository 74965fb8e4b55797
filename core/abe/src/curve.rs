//! The groups of BLS12-381 and their pairing: a safe face for the C functions of `blst`, the only unsafe code of this crate.
//!
//! In scope: G1, G2, GT and scalars; compressed points as Zcash wrote them down (as in draft-irtf-cfrg-pairing-friendly-curves,
//! appendix C); hashing to G1 (RFC 9380, BLS12381G1_XMD:SHA-256_SSWU_RO_). An element of GT is the twelve coordinates of Fp12
//! over Fp2 over Fp6, big-endian, in blst's order; the pairing is blst's, the cube of the optimal ate pairing with the exact
//! final exponent. Out of scope: points at infinity, which no honest message holds: they are refused.
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
    blst_scalar_fr_check, blst_scalar_from_be_bytes, blst_scalar_from_fr,
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
        debug_assert!({
            // SAFETY: a whole value is read.
            unsafe { blst_scalar_fr_check(&raw const scalar) }
        });
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

    pub fn to_bytes(&self) -> [u8; GT_LEN] {
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
