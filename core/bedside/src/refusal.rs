//! Why a gateway says no to a tablet: one byte on the wire, a stable name for programs.

use countersign_device::{GatewayRefusal, RelayRefusal};

macro_rules! refusals {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $name:literal;)+) => {
        /// Why a gateway says no. A hint: nothing signs it, since whoever could forge it could as well drop the answer.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Refusal { $($(#[$doc])* $variant = $code,)+ }

        impl Refusal {
            /// Every refusal.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Its name.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }
        }
    };
}

refusals! {
    /// Not a message of the protocol.
    Malformed = 1, "malformed";
    /// Sealed for another of the gateway's keys: fetch the key of the day, and ask again.
    OtherKey = 2, "other-key";
    /// The request came before.
    Seen = 3, "seen";
    /// It does not open.
    Sealed = 4, "sealed";
    /// It is too old: the tablet's clock is behind, or the network slow.
    Stale = 5, "stale";
    /// Its time is ahead: the tablet's clock is.
    Ahead = 6, "ahead";
    /// From before the gateway started.
    BeforeStart = 7, "before-start";
    /// No such credential, or no longer.
    NoCredential = 8, "no-credential";
    /// Too many wrong proofs.
    Wait = 9, "wait";
    /// A wrong proof.
    Proof = 10, "proof";
    /// Acting on a patient needs a signature.
    Unsigned = 11, "unsigned";
    /// The signature is not the user's.
    Signature = 12, "signature";
    /// No such device, or no longer.
    NoDevice = 13, "no-device";
    /// Not permitted to this role at this device.
    NotPermitted = 14, "out-of-scope";
    /// The device is with another patient.
    OtherPatient = 15, "other-patient";
    /// The gateway's registry is too old to act on a patient.
    RegistryStale = 16, "registry-stale";
    /// Too much waits.
    Busy = 17, "busy";
    /// The device does not answer.
    Unreachable = 18, "unreachable";
    /// The session is over, or was cut.
    Over = 19, "over";
    /// The gateway cannot write.
    Storage = 20, "storage";
    /// The device needs a technician.
    Device = 21, "device";
}

impl Refusal {
    /// The byte on the wire.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The refusal of a byte.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|refusal| refusal.code() == code)
    }
}

impl From<GatewayRefusal> for Refusal {
    fn from(refusal: GatewayRefusal) -> Self {
        match refusal {
            GatewayRefusal::Malformed => Self::Malformed,
            GatewayRefusal::OtherKey => Self::OtherKey,
            GatewayRefusal::Seen => Self::Seen,
            GatewayRefusal::Sealed => Self::Sealed,
            GatewayRefusal::Stale => Self::Stale,
            GatewayRefusal::Ahead => Self::Ahead,
            GatewayRefusal::BeforeStart => Self::BeforeStart,
            GatewayRefusal::NoCredential => Self::NoCredential,
            GatewayRefusal::Wait => Self::Wait,
            GatewayRefusal::Proof => Self::Proof,
            GatewayRefusal::Unsigned => Self::Unsigned,
            GatewayRefusal::Signature => Self::Signature,
            GatewayRefusal::NoDevice => Self::NoDevice,
            GatewayRefusal::NotPermitted => Self::NotPermitted,
            GatewayRefusal::OtherPatient => Self::OtherPatient,
            GatewayRefusal::RegistryStale => Self::RegistryStale,
            GatewayRefusal::Busy | GatewayRefusal::Random => Self::Busy,
            GatewayRefusal::Leg(_) => Self::Device,
            GatewayRefusal::Store(_) => Self::Storage,
        }
    }
}

impl From<RelayRefusal> for Refusal {
    fn from(refusal: RelayRefusal) -> Self {
        match refusal {
            RelayRefusal::NoSession | RelayRefusal::OtherSession => Self::Over,
            RelayRefusal::NotPermitted => Self::NotPermitted,
            RelayRefusal::Malformed
            | RelayRefusal::Unconfirmed
            | RelayRefusal::Replayed
            | RelayRefusal::Tag => Self::Malformed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_has_a_code_and_a_name_of_its_own() {
        for (at, refusal) in Refusal::ALL.iter().enumerate() {
            assert_eq!(Refusal::from_code(refusal.code()), Some(*refusal));
            let same =
                |other: &&Refusal| other.as_str() == refusal.as_str() || other.code() == refusal.code();
            assert_eq!(Refusal::ALL[..at].iter().find(same), None, "{refusal:?}");
        }
        assert_eq!((Refusal::from_code(0), Refusal::from_code(255)), (None, None));
    }
}
