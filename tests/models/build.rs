//! Copies of the product's sources with a check taken out, for the model to find what is lost without it. A copy that no longer
//! finds its text stops the build, so none goes stale unseen.

#![allow(clippy::panic, reason = "a build that cannot go on says so")]

use std::path::Path;
use std::{env, fs};

/// The modules of the sensor's leg, in any order.
const MODULES: [&str; 10] =
    ["bytes", "frame", "leg", "mac", "message", "reading", "record", "scope", "sensor", "time"];

/// A variant: its name, and in which module which text stands in place of which.
type Variant = (&'static str, &'static [(&'static str, &'static str, &'static str)]);

const VARIANTS: [Variant; 8] = [
    ("takes_old_numbers", &[("sensor", "if ask.q <= self.record.q {", "if false {")]),
    (
        "steps_when_behind",
        &[(
            "sensor",
            "if !recovered {\n            self.step(&mut record);",
            "{\n            self.step(&mut record);",
        )],
    ),
    (
        "does_not_write_when_behind",
        &[(
            "sensor",
            "self.persist(record, flash)?;\n        let keys",
            "if recovered { self.record = record } else { self.persist(record, flash)? }\n        let keys",
        )],
    ),
    (
        "leaves_the_older_slot",
        &[
            ("sensor", ".and_then(|()| erase(self.slot, flash))", ""),
            (
                "sensor",
                "erase(slot.other(), flash)?;\n        Ok(Self::on(identity, slot, record))\n    }\n\n    /// Takes m2",
                "Ok(Self::on(identity, slot, record))\n    }\n\n    /// Takes m2",
            ),
        ],
    ),
    (
        "speaks_before_the_confirmation",
        &[(
            "sensor",
            "let keys = Keys::Waiting { root };",
            "let Identity { sid, gateway, .. } = &self.identity;\n\
             let mut key = |way| direction_key(&root, way, sid, gateway, ask.scope, &mut self.macs);\n\
             let keys = Keys::Confirmed { up: key(Direction::Up), down: key(Direction::Down), sent: 0, heard: 0 };",
        )],
    ),
    ("does_not_cover_the_key", &[("message", "&tick, kappa.as_bytes()]", "&tick, &[]]")]),
    ("two_sessions", &TWO_SESSIONS),
    ("two_sessions_and_no_look_at_the_index", &TWO_SESSIONS_UNCHECKED),
];

/// The sensor keeps the session before the latest as well.
const TWO_SESSIONS: [(&str, &str, &str); 4] = [
    (
        "sensor",
        "    session: Option<Session>,\n    failed",
        "    session: Option<Session>,\n    older: Option<Session>,\n    failed",
    ),
    ("sensor", "session: None, failed: false", "session: None, older: None, failed: false"),
    (
        "sensor",
        "self.session = Some(Session {",
        "self.older = self.session.take();\n        self.session = Some(Session {",
    ),
    (
        "sensor",
        "let session = self.session.as_mut().ok_or(SensorRefusal::NoSession)?;\n        let closed",
        "let low = u32::from(u16::from_be_bytes([*frame.get(1).unwrap_or(&0), *frame.get(2).unwrap_or(&0)]));\n\
         if self.older.as_ref().is_some_and(|older| older.q & 0xffff == low) {\n\
             core::mem::swap(&mut self.older, &mut self.session);\n\
         }\n\
         let session = self.session.as_mut().ok_or(SensorRefusal::NoSession)?;\n        let closed",
    ),
];

const TWO_SESSIONS_UNCHECKED: [(&str, &str, &str); 5] = [
    TWO_SESSIONS[0],
    TWO_SESSIONS[1],
    TWO_SESSIONS[2],
    TWO_SESSIONS[3],
    ("sensor", "if session.recovered && session.index == self.record.index {", "if session.recovered {"),
];

fn main() {
    let product =
        Path::new(&env::var("CARGO_MANIFEST_DIR").unwrap_or_default()).join("../../core/device/src");
    println!("cargo::rerun-if-changed={}", product.display());
    println!("cargo::rerun-if-changed=build.rs");
    let folder = env::var("OUT_DIR").unwrap_or_default();
    for (name, changes) in VARIANTS {
        fs::write(Path::new(&folder).join(format!("{name}.rs")), variant(&product, name, changes))
            .unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

/// The modules in one file, with the changes made.
fn variant(product: &Path, name: &str, changes: &[(&str, &str, &str)]) -> String {
    let mut all = String::new();
    for module in MODULES {
        let path = product.join(module).with_extension("rs");
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut text = text.split("#[cfg(test)]").next().unwrap_or_default().replace("crate::", "super::");
        for (_, from, to) in changes.iter().filter(|(of, ..)| *of == module) {
            let found = text.matches(from).count();
            assert!(found == 1, "{name}: stands {found} times in {module}.rs: {from}");
            text = text.replace(from, to);
        }
        all.push_str(&format!("pub mod {module} {{\n{text}\n}}\npub use {module}::*;\n"));
    }
    all
}
