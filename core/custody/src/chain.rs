//! Chain values: the digests that receivers of transfers upload, so that a transfer cannot be exchanged later.
//!
//! `BC_i = H(z_i || r_i || s_i || BC_(i-1))`, where `z_i` is the digest of what was signed and `BC_(i-1)` the value
//! that transfer `i` itself uploaded; length-framed under a label of its own. The published value covers `(r, s)`
//! alone. Values are kept by subject and step. Each is computed from the transfer's own bytes, so a wrong value points
//! at one transfer and not at those after it.

use countersign_ledger::{Hash, Verified};

use crate::profile::Profile;

const LABEL: &str = "countersign/custody/chain/v1";

/// The chain value of a numbered transfer, with its number; `None` for other statements.
pub fn chain_value(profile: &Profile, statement: &Verified) -> Option<(u8, Hash)> {
    let step = profile.step(statement.statement().kind())?;
    let number = step.number?;
    let before = step.chain_field().and_then(|field| statement.fields().hash(field));
    let before = before.as_ref().map_or(&[][..], |value| value.as_bytes());
    let (digest, signature) = statement.signature_operands();
    let (r, s) = signature.split_at(signature.len() / 2);
    Some((number, Hash::framed(LABEL, &[digest.as_bytes(), r, s, before])))
}
