//! The names of reasons in the files. They stay, whatever the variants are called.

use countersign_device::{GatewayRefusal, LegRefusal, SensorRefusal, UserRefusal};

pub const fn sensor(refusal: SensorRefusal) -> &'static str {
    match refusal {
        SensorRefusal::Malformed => "malformed",
        SensorRefusal::Old => "old",
        SensorRefusal::Tag => "tag",
        SensorRefusal::OutOfStep => "out-of-step",
        SensorRefusal::Scope => "scope",
        SensorRefusal::Exhausted => "exhausted",
        SensorRefusal::NoCurve => "no-curve",
        SensorRefusal::NoSession => "no-session",
        SensorRefusal::OtherSession => "other-session",
        SensorRefusal::Unconfirmed => "unconfirmed",
        SensorRefusal::Replayed => "replayed",
        SensorRefusal::NotPermitted => "not-permitted",
        SensorRefusal::Flash => "flash",
    }
}

pub const fn leg(refusal: LegRefusal) -> &'static str {
    match refusal {
        LegRefusal::Busy => "busy",
        LegRefusal::Malformed => "malformed",
        LegRefusal::Late => "late",
        LegRefusal::NeverAsked => "never-asked",
        LegRefusal::OutOfStep => "out-of-step",
        LegRefusal::Tag => "tag",
        LegRefusal::Exhausted => "exhausted",
        LegRefusal::Store(_) => "store",
    }
}

pub const fn gateway(refusal: GatewayRefusal) -> &'static str {
    match refusal {
        GatewayRefusal::Malformed => "malformed",
        GatewayRefusal::OtherKey => "other-key",
        GatewayRefusal::Seen => "seen",
        GatewayRefusal::Sealed => "sealed",
        GatewayRefusal::Stale => "stale",
        GatewayRefusal::Ahead => "ahead",
        GatewayRefusal::BeforeStart => "before-start",
        GatewayRefusal::NoCredential => "no-credential",
        GatewayRefusal::Wait => "wait",
        GatewayRefusal::Proof => "proof",
        GatewayRefusal::Unsigned => "unsigned",
        GatewayRefusal::Signature => "signature",
        GatewayRefusal::NoDevice => "no-device",
        GatewayRefusal::NotPermitted => "not-permitted",
        GatewayRefusal::OtherPatient => "other-patient",
        GatewayRefusal::RegistryStale => "registry-stale",
        GatewayRefusal::Busy => "busy",
        GatewayRefusal::Random => "random",
        GatewayRefusal::Leg(refusal) => leg(refusal),
        GatewayRefusal::Store(_) => "store",
    }
}

pub const fn user(refusal: UserRefusal) -> &'static str {
    match refusal {
        UserRefusal::Random => "random",
        UserRefusal::GatewayKey => "gateway-key",
        UserRefusal::Unsigned => "unsigned",
        UserRefusal::Malformed => "malformed",
        UserRefusal::NotTheGateway => "not-the-gateway",
        UserRefusal::OtherDevice => "other-device",
        UserRefusal::Scope => "scope",
        UserRefusal::Stale => "stale",
        UserRefusal::NotEndToEnd => "not-end-to-end",
        UserRefusal::OtherSession => "other-session",
        UserRefusal::Replayed => "replayed",
        UserRefusal::Tag => "tag",
        UserRefusal::NotPermitted => "not-permitted",
        UserRefusal::Over => "over",
    }
}
