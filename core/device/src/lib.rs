//! Bedside devices: a nurse signs in at a bed, and within a second the pump and the monitor know that she may set them, and she
//! knows that they are the hospital's own. The sensor pays with hashes, never with curves.
//!
//! Three plain machines: [`Sensor`], [`Gateway`], [`User`](Attempt). Bytes, time and random bytes go in; bytes, or a refusal that
//! changes nothing, come out. What must be durable before something leaves, the machines see to themselves, through [`Flash`] and
//! [`Store`]. No socket, clock or disk is in here; the sensor needs no heap (`default-features = false` leaves it alone).
//!
//! # The life of a session
//!
//! ```text
//! m1 user    -> gateway   who, which device, what for; under a key agreed on with the gateway's (ECDHE, P-256)
//! m2 gateway -> sensor    a new number, what is permitted; under the device's key (HMAC-SHA-256)
//! m3 sensor  -> gateway   the same session key is known here; the device's ratchet goes a step on
//! m5 gateway -> user      the session key; under an ephemeral key, the gateway's and the credential's
//! F0 user    -> sensor    the user has the key
//! F1 sensor  -> user      the first reading: the device has it as well
//! ```
//!
//! # Layout
//!
//! All numbers are big-endian; each message is as long as its type says; nothing is padded. `MAC(K, label, field...)` is
//! HMAC-SHA-256 with key K over the label and each field, each with its length in one byte in front.
//! A tag is the first 16 bytes of a MAC; where a MAC covers another, it covers all 32.
//!
//! | m2, 73 bytes (106) | offset | size | | m3, 45 bytes (78) | offset | size |
//! | --- | --- | --- | --- | --- | --- | --- |
//! | type 02 (12) | 0 | 1 | | type 03 (13) | 0 | 1 |
//! | q | 1 | 4 | | q, as in m2 | 1 | 4 |
//! | c, the gateway's | 5 | 4 | | c, of the key that is used | 5 | 4 |
//! | `N_u` | 9 | 16 | | `N_s` | 9 | 16 |
//! | `N_g` | 25 | 16 | | tick, ms since switched on | 25 | 4 |
//! | time, ms since 1970 | 41 | 8 | | (`E_s`) | 29 | (33) |
//! | [`Scope`] | 49 | 8 | | t3 | 29 (62) | 16 |
//! | (`E_u`) | 57 | (33) | | | | |
//! | t2 | 57 (90) | 16 | | | | |
//!
//! In brackets: with an end-to-end key. Then t2 and t3 cover two more fields, the mode (one byte, 10) and the point.
//!
//! ```text
//! t2    = MAC(K^a, "S003/auth/m2/1", SID, c, q, N_u, N_g, time, scope)
//! kappa = MAC(K^d_c, "S003/auth/sk/1", N_u, N_g, N_s, scope)
//! t3    = MAC(K^a, "S003/auth/m3/1", t2, c, N_s, tick, kappa)
//! step:   K^d_(c+1) = MAC(K^d_c, "S003/auth/next/1")
//! K_up  = MAC(root, "S003/data/up/1", SID, ID_G, scope)      K_down alike, "S003/data/down/1"
//! root  = kappa, or with an end-to-end key MAC(kappa, "S003/e2e/sk/1", x of the shared point, E_u, E_s)
//! ```
//!
//! | frame, 24 + n bytes | offset | size |
//! | --- | --- | --- |
//! | type: 04 to the device, 05 from it | 0 | 1 |
//! | q, the low 16 bits | 1 | 2 |
//! | seq | 3 | 4 |
//! | n, at most 255 | 7 | 1 |
//! | contents, sealed | 8 | n |
//! | tag | 8 + n | 16 |
//!
//! ```text
//! sealed block i = contents block i (32 bytes) xor MAC(K, "S003/data/pad/1", bytes 0 to 6, i in one byte)
//! tag            = MAC(K, "S003/data/tag/1", bytes 0 to 7, sealed contents)
//! ```
//!
//! The confirmation is the frame to the device with seq 0 and no contents. Each direction counts from 0, and takes only a seq above
//! the last. Contents are a [`Reading`] or a [`Command`]; what a device keeps in flash is in [`Flash`].
//!
//! | m1, 150 bytes (214) | offset | size | | m5, 150 bytes (183) | offset | size |
//! | --- | --- | --- | --- | --- | --- | --- |
//! | type 01, + 10 end to end, + 20 signed | 0 | 1 | | type 05 (15) | 0 | 1 |
//! | number of the gateway's key | 1 | 4 | | `E_g` | 1 | 33 |
//! | `E_u` | 5 | 33 | | sealed: kappa | 34 | 32 |
//! | sealed: user | 38 | 16 | | sealed: `N_g` | 66 | 16 |
//! | sealed: credential | 54 | 16 | | sealed: `N_s` | 82 | 16 |
//! | sealed: SID | 70 | 16 | | sealed: SID | 98 | 16 |
//! | sealed: what is wanted, a [`Scope`] | 86 | 8 | | sealed: scope | 114 | 8 |
//! | sealed: `N_u` | 94 | 16 | | sealed: time, ms since 1970 | 122 | 8 |
//! | sealed: time, ms since 1970 | 110 | 8 | | sealed: q | 130 | 4 |
//! | sealed: t1 | 118 | 16 | | (sealed: `E_s`) | 134 | (33) |
//! | (sealed: signature, r and s) | 134 | (64) | | AES-256-GCM tag | 134 (167) | 16 |
//! | AES-256-GCM tag | 134 (198) | 16 | | | | |
//!
//! ```text
//! A  = HKDF(K_cred, "S003/cred/1", user, credential, epoch)
//! k1 = HKDF(DH(e_u, pk_G), "S003/auth/k1/1", E_u, ID_G)           associated data: bytes 0 to 37
//! t1 = MAC(A, "S003/auth/m1/1", type, key's number, E_u, ID_G, user, credential, SID, want, N_u, time)
//! k4 = HKDF(DH(e_u, e_g) | DH(e_u, pk_G) | A, "S003/auth/k4/1", SHA-256(m1), E_g, ID_G)
//!                                                                 associated data: bytes 0 to 33, SHA-256(m1)
//! signature over "S003/auth/act/1", ID_G, E_u, user, SID, want, time
//! ```
//!
//! HKDF-SHA-256 is without salt, its info the label and fields encoded as for a MAC. Each key seals one message; its nonce is zero.
//!
//! # What stays secret, and what does not
//!
//! | who has | opens | does not open |
//! | --- | --- | --- |
//! | a sensor, dumped after a session | the sessions of this device from now on (the ratchet heals nothing: provision it anew), and one that was recovered and never confirmed | sessions before; other devices |
//! | the gateway's daily key | who asked for which device on that day | any session |
//! | the gateway's store | sessions from now on, of all its devices | sessions that were answered |
//! | the gateway while it runs | the sessions that go on, but those with an end-to-end key | sessions that are over |
//! | a credential's bytes (a card's dump) | nothing without the password; see [`Credential`] | |
//! | a masked credential, the phone's secret, the gateway's key of a day, and an m1 of that day | the password, by trying: t1 tells which is right | a credential that is sealed |
//!
//! An end-to-end key keeps out a gateway that reads along, not one that exchanges points: a device without signatures cannot tell.
//! Nothing here hides how long and how often somebody speaks, or that `E_u` is the same in m1 and m2.

#![no_std]

#[cfg(feature = "curves")]
extern crate alloc;
#[cfg(test)]
extern crate std;

mod bytes;
#[cfg(feature = "curves")]
mod credential;
#[cfg(feature = "curves")]
mod curve;
#[cfg(feature = "curves")]
mod envelope;
mod frame;
#[cfg(feature = "curves")]
mod gateway;
mod leg;
mod mac;
mod message;
mod reading;
mod record;
mod scope;
mod sensor;
mod time;
#[cfg(feature = "curves")]
mod user;

#[cfg(feature = "curves")]
pub use credential::{Credential, MASKED, SEALED, WrongPassword, wrapping_key};
#[cfg(feature = "curves")]
pub use curve::SoftwareCurve;
#[cfg(feature = "curves")]
pub use envelope::{M1, M1_SIGNED, M5, M5_END_TO_END, SIGNATURE};
pub use frame::{FRAME, FRAME_CONTENTS, Frame};
#[cfg(feature = "curves")]
pub use gateway::{
    AGAIN, Audit, BREAK_GLASS_TTL, Device, FRESH, Gateway, GatewayRefusal, LONGEST_WAIT, REGISTRY_FRESH,
    REMEMBERED, RelayRefusal, Relayed, Replied, Requested, SKEW, Staff, Store, WRONG_PROOFS, WrongProofs,
};
pub use leg::{
    Agreed, BLOCK, FALSE_ANSWERS, Leg, LegRefusal, LegRow, LegStore, Next, QUEUE, SILENCE, StoreError, TRIES,
    Wanted,
};
pub use mac::{Key, Macs, TAG};
pub use message::{Bytes, Id, M2, M2_END_TO_END, M3, M3_END_TO_END, Nonce, Point};
pub use reading::{Command, Float, Reading, Value};
pub use record::{COUNTER_END, Flash, FlashError, Memory, RECORD, Slot};
pub use scope::{Class, Ops, Scope};
pub use sensor::{
    BEHIND, CONFIRM_WITHIN, Curve, Heard, Identity, NoCurve, ProvisionError, Sensor, SensorRefusal,
};
pub use time::{UnixMillis, Uptime};
#[cfg(feature = "curves")]
pub use user::{Attempt, GatewayKey, Random, Received, UserRefusal, UserSession, Wish};
