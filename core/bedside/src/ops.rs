//! Operations by name, as configurations and commands write them.

use countersign_device::Ops;

const NAMES: [(&str, Ops); 8] = [
    ("read", Ops::READ),
    ("stream", Ops::STREAM),
    ("settings", Ops::SETTINGS),
    ("start", Ops::START),
    ("stop", Ops::STOP),
    ("silence", Ops::SILENCE),
    ("service", Ops::SERVICE),
    ("break-glass", Ops::BREAK_GLASS),
];

/// The operation of a name.
pub fn op(name: &str) -> Option<Ops> {
    NAMES.iter().find(|(own, _)| *own == name).map(|&(_, op)| op)
}

/// The operations of all these names; or the name that is none.
pub fn ops<'n>(names: impl IntoIterator<Item = &'n str>) -> Result<Ops, &'n str> {
    names.into_iter().try_fold(Ops::NONE, |ops, name| op(name).map(|op| ops.with(op)).ok_or(name))
}

/// The names of a set's operations.
pub fn op_names(ops: Ops) -> Vec<&'static str> {
    NAMES.iter().filter(|(_, op)| op.within(ops)).map(|&(name, _)| name).collect()
}
