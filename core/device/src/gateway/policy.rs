//! What a user may do at a device: what is wanted, and is permitted to the role at this class, and is in the device's reach.

use super::{BREAK_GLASS_TTL, GatewayRefusal, Known, REGISTRY_FRESH, Staff};
use crate::scope::{Class, Ops, Scope};

/// The scope of a session: a part of what was wanted, or a refusal if there is none.
pub(super) fn scope(
    staff: &Staff,
    device: &Known,
    want: Scope,
    registry_age: u64,
) -> Result<Scope, GatewayRefusal> {
    let [diagnostic, treatment, auxiliary] = staff.may;
    let may = match device.class {
        Class::Diagnostic => diagnostic,
        Class::Treatment => treatment,
        Class::Auxiliary => auxiliary,
    };
    let (mut ops, mut ttl) = (want.ops.and(may).and(device.max_ops.with(Ops::BREAK_GLASS)), want.ttl);
    if ops.meets(Ops::BREAK_GLASS) {
        // Whoever breaks the glass looks, for a while, and has signed that.
        ops = want.ops.and(Ops::LOOKS).and(device.max_ops);
        ttl = ttl.min(BREAK_GLASS_TTL);
    }
    if want.role != staff.role || ops.is_empty() || ttl == 0 {
        return Err(GatewayRefusal::NotPermitted);
    }
    if want.association != 0 && want.association != device.association {
        return Err(GatewayRefusal::OtherPatient);
    }
    if registry_age > REGISTRY_FRESH && ops.meets(Ops::ACTS) {
        return Err(GatewayRefusal::RegistryStale);
    }
    Ok(Scope { role: staff.role, ops, ttl, association: device.association })
}
