//! How members, devices and credentials are called: by 16 bytes in the protocol, by a subject on the ledger.

use countersign_device::Id;
use countersign_ledger::{Hash, Identity, Subject};

/// The gateway in the protocol (`ID_G`).
pub fn gateway_id(identity: &Identity) -> Id {
    first_half(Hash::framed("countersign/bedside-gateway/v1", &[identity.as_str().as_bytes()]))
}

/// A member of staff in the protocol.
pub fn user_id(identity: &Identity) -> Id {
    first_half(Hash::framed("countersign/bedside-user/v1", &[identity.as_str().as_bytes()]))
}

/// A device on the ledger: its SID is not readable there.
pub fn device(sid: &Id) -> Subject {
    subject("bedside-device", Hash::framed("countersign/bedside-device/v1", &[sid]))
}

/// A credential on the ledger: its name is a secret of its holder, since whoever has it can make the gateway slow for them.
pub fn credential(cred: &Id) -> Subject {
    subject("bedside-credential", Hash::framed("countersign/bedside-credential/v1", &[cred]))
}

#[expect(clippy::expect_used, reason = "a sort of matter and hexadecimal digits are a subject")]
fn subject(sort: &str, digest: Hash) -> Subject {
    Subject::new(format!("urn:countersign:{sort}:{digest}")).expect("a subject")
}

fn first_half(hash: Hash) -> Id {
    let mut id = [0; 16];
    id.copy_from_slice(&hash.0[..16]);
    id
}
