//! The protocol that the paper describes (Chen et al., Security and Communication Networks 2021, 5580939), as far as it can be
//! reconstructed: its equations are in no copy that we have, so these are ours, and agree with every sentence and count that is left.
//! Hashes and XOR alone, at the paper's sizes: digests of 160 bits, nonces, pseudonyms and times of 32. Not secure (a captured sensor
//! opens every recorded session, a card its password); here only to compare costs, and reachable from nowhere else.

use sha2::{Digest as _, Sha256};

pub type Hash = [u8; 20];

/// Computes hashes and counts them.
#[derive(Default)]
pub struct Hashes(pub u32);

impl Hashes {
    fn h(&mut self, fields: &[&[u8]]) -> Hash {
        self.0 += 1;
        let mut hash = Sha256::new();
        for field in fields {
            hash.update([u8::try_from(field.len()).unwrap_or_default()]);
            hash.update(field);
        }
        let mut short = [0; 20];
        short.copy_from_slice(&hash.finalize()[..20]);
        short
    }
}

fn xor<const N: usize>(a: [u8; N], b: &[u8]) -> [u8; N] {
    std::array::from_fn(|at| a[at] ^ b[at])
}

/// With the hashes that mask nonces, or without two of them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Variant {
    Full,
    Lean,
}

/// Who computes.
#[derive(Default)]
pub struct Roles {
    pub user: Hashes,
    pub gateway: Hashes,
    pub sensor: Hashes,
}

const ID: &[u8] = b"nurse, night 012";
const PASSWORD: &[u8] = b"a password";
const SID: [u8; 16] = *b"infusion pump 07";
const K_GW: Hash = [1; 20];
const K_GS: Hash = [2; 20];
const R_G: [u8; 4] = [3; 4];
const REGISTERED: [u8; 4] = [4; 4];
const TID: [u8; 4] = [5; 4];

/// What the card holds.
pub struct Card {
    b: Hash,
    d: Hash,
    v: Hash,
}

/// Registration.
pub fn card() -> Card {
    let (mut h, r) = (Hashes::default(), [6; 20]);
    let hpw = h.h(&[ID, PASSWORD, &r]);
    let a = h.h(&[ID, &K_GW, &R_G, &REGISTERED]);
    Card { b: xor(a, &hpw), d: xor(r, &h.h(&[ID, PASSWORD])), v: h.h(&[ID, &hpw, &a]) }
}

pub struct Login {
    a: Hash,
    n_u: [u8; 4],
    m: Vec<u8>,
}

/// The card: login.
pub fn login(card: &Card, n_u: [u8; 4], t: [u8; 4], h: &mut Hashes) -> Option<Login> {
    let r = xor(card.d, &h.h(&[ID, PASSWORD]));
    let hpw = h.h(&[ID, PASSWORD, &r]);
    let a = xor(card.b, &hpw);
    if h.h(&[ID, &hpw, &a]) != card.v {
        return None;
    }
    let mut plain = [0; 20];
    plain[..4].copy_from_slice(&n_u);
    plain[4..].copy_from_slice(&SID);
    let m1 = xor(plain, &h.h(&[b"m1", &a, &t]));
    let m2 = h.h(&[b"m2", ID, &SID, &a, &n_u, &t]);
    Some(Login { a, n_u, m: [&TID[..], &m1, &m2, &t].concat() })
}

pub struct Asked {
    a: Hash,
    n_u: [u8; 4],
    n_g: [u8; 4],
    pub m: Vec<u8>,
}

/// The gateway: asks the sensor.
pub fn ask(login: &Login, n_g: [u8; 4], t: [u8; 4], variant: Variant, h: &mut Hashes) -> Option<Asked> {
    let (m1, m2, t1) = (&login.m[4..24], &login.m[24..44], &login.m[44..48]);
    let a = h.h(&[ID, &K_GW, &R_G, &REGISTERED]);
    let plain = xor(h.h(&[b"m1", &a, t1]), m1);
    let (n_u, sid) = plain.split_first_chunk::<4>()?;
    if h.h(&[b"m2", ID, sid, &a, n_u, t1]) != m2 {
        return None;
    }
    let wide = |nonce: [u8; 4]| {
        let mut wide = [0; 20];
        wide[..4].copy_from_slice(&nonce);
        wide
    };
    let m4 = xor(wide(n_g), &h.h(&[b"m4", &K_GS, &t]));
    let m5 = match variant {
        Variant::Full => xor(wide(*n_u), &h.h(&[b"m5", &K_GS, &n_g, &t])),
        Variant::Lean => wide(xor(*n_u, &n_g)),
    };
    let m6 = h.h(&[b"m6", sid, &K_GS, n_u, &n_g, &t]);
    Some(Asked { a, n_u: *n_u, n_g, m: [&m4[..], &m5, &m6, &t].concat() })
}

/// The sensor: answers, with its session key.
pub fn answer(
    m: &[u8],
    n_s: [u8; 4],
    t: [u8; 4],
    variant: Variant,
    h: &mut Hashes,
) -> Option<(Hash, Vec<u8>)> {
    let (m4, m5, m6, t2) = (&m[..20], &m[20..40], &m[40..60], &m[60..64]);
    let n_g = *xor(h.h(&[b"m4", &K_GS, t2]), m4).first_chunk::<4>()?;
    let n_u = match variant {
        Variant::Full => *xor(h.h(&[b"m5", &K_GS, &n_g, t2]), m5).first_chunk::<4>()?,
        Variant::Lean => xor(*m5.first_chunk::<4>()?, &n_g),
    };
    if h.h(&[b"m6", &SID, &K_GS, &n_u, &n_g, t2]) != m6 {
        return None;
    }
    let w = xor(n_g, &n_s);
    let key = h.h(&[b"sk", &n_u, &w, &SID]);
    let mut m7 = [0; 20];
    match variant {
        Variant::Full => {
            m7[..4].copy_from_slice(&n_s);
            m7 = xor(m7, &h.h(&[b"m7", &K_GS, &n_g, &t]));
        }
        Variant::Lean => m7[..4].copy_from_slice(&xor(n_s, &n_u)),
    }
    let m8 = h.h(&[b"m8", &SID, &K_GS, &key, &n_s, &t]);
    Some((key, [&m7[..], &m8, &t].concat()))
}

/// The gateway: takes the answer, and tells the user.
pub fn tell(
    asked: &Asked,
    m: &[u8],
    t: [u8; 4],
    variant: Variant,
    h: &mut Hashes,
) -> Option<(Hash, Vec<u8>)> {
    let (m7, m8, t3) = (&m[..20], &m[20..40], &m[40..44]);
    let n_s = match variant {
        Variant::Full => *xor(h.h(&[b"m7", &K_GS, &asked.n_g, t3]), m7).first_chunk::<4>()?,
        Variant::Lean => xor(*m7.first_chunk::<4>()?, &asked.n_u),
    };
    let w = xor(asked.n_g, &n_s);
    let key = h.h(&[b"sk", &asked.n_u, &w, &SID]);
    if h.h(&[b"m8", &SID, &K_GS, &key, &n_s, t3]) != m8 {
        return None;
    }
    let mut wide = [0; 20];
    wide[..4].copy_from_slice(&w);
    let m9 = xor(wide, &h.h(&[b"m9", &asked.a, &asked.n_u, &t]));
    let m10 = h.h(&[b"m10", ID, &key, &asked.a, &asked.n_u, &t]);
    Some((key, [&m9[..], &m10, &t].concat()))
}

/// The user: the session key.
pub fn finish(login: &Login, m: &[u8], h: &mut Hashes) -> Option<Hash> {
    let (m9, m10, t4) = (&m[..20], &m[20..40], &m[40..44]);
    let w = *xor(h.h(&[b"m9", &login.a, &login.n_u, t4]), m9).first_chunk::<4>()?;
    let key = h.h(&[b"sk", &login.n_u, &w, &SID]);
    (h.h(&[b"m10", ID, &key, &login.a, &login.n_u, t4]) == m10).then_some(key)
}

impl Login {
    pub fn message(&self) -> &[u8] {
        &self.m
    }
}
