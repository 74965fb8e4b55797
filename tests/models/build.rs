//! A copy of the sensor's leg in which checks can be taken out one by one, for the model to find what is lost without each. An edit
//! that no longer finds its text stops the build, so none goes stale unseen.

#![allow(clippy::panic, reason = "a build that cannot go on says so")]

use std::path::Path;
use std::{env, fs};

/// The modules of the sensor's leg, in any order.
const MODULES: [&str; 10] =
    ["bytes", "frame", "leg", "mac", "message", "reading", "record", "scope", "sensor", "time"];

/// An edit: in which module which text stands in place of which. `OUT(name)` says whether the check of that name is taken out; while
/// none is, the copy does what the product does, and a test compares the two.
type Edit = (&'static str, &'static str, &'static str);

const EDITS: [Edit; 22] = [
    ("sensor", "if ask.q <= self.record.q {", r#"if ask.q <= self.record.q && !OUT("the number") {"#),
    (
        "sensor",
        "if !recovered {\n            self.step(&mut record);",
        "if !recovered || OUT(\"standing still when behind\") {\n            self.step(&mut record);",
    ),
    (
        "sensor",
        "self.persist(record, flash)?;\n        let keys",
        "if recovered && OUT(\"the write when behind\") {\n\
             self.record = record;\n\
         } else {\n\
             self.persist(record, flash)?;\n\
         }\n        let keys",
    ),
    (
        "sensor",
        "write(slot, &record, flash).and_then(|()| erase(self.slot, flash))",
        "(if OUT(\"erasing\") {\n\
             write(slot, &record, flash)\n\
         } else if OUT(\"erasing last\") {\n\
             erase(self.slot, flash).and_then(|()| write(slot, &record, flash))\n\
         } else {\n\
             write(slot, &record, flash).and_then(|()| erase(self.slot, flash))\n\
         })",
    ),
    (
        "sensor",
        "erase(slot.other(), flash)?;\n        Ok(Self::on(identity, slot, record))\n    }\n\n    /// Takes m2",
        "if !OUT(\"erasing\") && !OUT(\"erasing at the start\") {\n\
             erase(slot.other(), flash)?;\n\
         }\n        Ok(Self::on(identity, slot, record))\n    }\n\n    /// Takes m2",
    ),
    (
        "sensor",
        "let Keys::Confirmed { up, sent, .. } = &mut session.keys else {",
        "if let Keys::Waiting { root } = &session.keys\n\
             && OUT(\"waiting for the confirmation\")\n\
         {\n\
             let Identity { sid, gateway, .. } = &self.identity;\n\
             let up = direction_key(root, Direction::Up, sid, gateway, session.scope, &mut self.macs);\n\
             let frame = seal(&up, Direction::Up, session.q, 0, &reading.to_bytes(), &mut self.macs);\n\
             return frame.ok_or(SensorRefusal::Malformed);\n\
         }\n\
         let Keys::Confirmed { up, sent, .. } = &mut session.keys else {",
    ),
    (
        "sensor",
        "if session.recovered && session.index == self.record.index {",
        "let same = session.index == self.record.index || OUT(\"the look at the index\");\n\
         if session.recovered && same && !OUT(\"the step at the confirmation\") {",
    ),
    ("sensor", "if closed.seq <= *heard {", r#"if closed.seq <= *heard && !OUT("the frame's number") {"#),
    // Two sessions at once: what it is that makes the look at the index needed.
    (
        "sensor",
        "    session: Option<Session>,\n    failed",
        "    session: Option<Session>,\n    older: Option<Session>,\n    failed",
    ),
    ("sensor", "session: None, failed: false", "session: None, older: None, failed: false"),
    (
        "sensor",
        "self.session = Some(Session {",
        "if OUT(\"one session\") || OUT(\"the look at the index\") {\n\
             self.older = self.session.take();\n\
         }\n\
         self.session = Some(Session {",
    ),
    (
        "sensor",
        "let session = self.session.as_mut().ok_or(SensorRefusal::NoSession)?;\n        let closed",
        "let low = frame.get(1..3).map_or(0, |low| u32::from(low[0]) << 8 | u32::from(low[1]));\n\
         if self.older.as_ref().is_some_and(|older| older.q & 0xffff == low) {\n\
             core::mem::swap(&mut self.older, &mut self.session);\n\
         }\n\
         let session = self.session.as_mut().ok_or(SensorRefusal::NoSession)?;\n        let closed",
    ),
    // What the tags cover.
    (
        "message",
        "[sid, &index, &q, &self.n_u, &self.n_g, &time, &scope]",
        "[\n\
             sid,\n\
             if OUT(\"c in t2\") { &[] } else { &index },\n\
             if OUT(\"q in t2\") { &[] } else { &q },\n\
             &self.n_u,\n\
             &self.n_g,\n\
             &time,\n\
             if OUT(\"the scope in t2\") { &[] } else { &scope },\n\
         ]",
    ),
    (
        "message",
        "[asked.as_bytes(), &index, &self.n_s, &tick, kappa.as_bytes()]",
        "[\n\
             if OUT(\"t2 in t3\") || OUT(\"t2 and the key in t3\") { &[] } else { asked.as_bytes() },\n\
             &index,\n\
             &self.n_s,\n\
             &tick,\n\
             if OUT(\"the key in t3\") || OUT(\"t2 and the key in t3\") { &[] } else { kappa.as_bytes() },\n\
         ]",
    ),
    // One message outstanding: the gateway takes the answer to any of three.
    (
        "leg",
        "    pending: Option<Pending>,\n    queue",
        "    pending: Option<Pending>,\n    earlier: [Option<Pending>; 2],\n    queue",
    ),
    (
        "leg",
        "pending: None,\n            queue",
        "pending: None,\n            earlier: [None, None],\n            queue",
    ),
    (
        "leg",
        "self.pending = Some(Pending { wanted, ask, asked, tries: tries + 1 });",
        "if OUT(\"one outstanding\") {\n\
             self.earlier.swap(0, 1);\n\
             self.earlier[0] = self.pending.take();\n\
         }\n\
         self.pending = Some(Pending { wanted, ask, asked, tries: tries + 1 });",
    ),
    (
        "leg",
        "self.pending.as_ref().filter(|pending| pending.ask.q == reply.q)",
        "self.pending.iter().chain(self.earlier.iter().flatten()).find(|pending| pending.ask.q == reply.q)",
    ),
    (
        "leg",
        "self.pending = None;\n        Ok(Agreed {",
        "(self.pending, self.earlier) = (None, [None, None]);\n        Ok(Agreed {",
    ),
    (
        "leg",
        "(self.pending, self.queue) = (None,",
        "self.earlier = [None, None];\n        (self.pending, self.queue) = (None,",
    ),
    // The tags.
    ("sensor", "if !message::agrees(&asked, &tag) {", r#"if !message::agrees(&asked, &tag) && !OUT("t2") {"#),
    ("leg", "right.then(||", r#"(right || OUT("t3")).then(||"#),
];

fn main() {
    let product =
        Path::new(&env::var("CARGO_MANIFEST_DIR").unwrap_or_default()).join("../../core/device/src");
    println!("cargo::rerun-if-changed={}", product.display());
    println!("cargo::rerun-if-changed=build.rs");
    let modules: String = MODULES.iter().map(|module| copy(&product, module)).collect();
    let copy = Path::new(&env::var("OUT_DIR").unwrap_or_default()).join("device.rs");
    fs::write(&copy, modules).unwrap_or_else(|error| panic!("{}: {error}", copy.display()));
}

/// A module without its tests, edited.
fn copy(product: &Path, module: &str) -> String {
    let path = product.join(module).with_extension("rs");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut text = text.split("#[cfg(test)]").next().unwrap_or_default().replace("crate::", "super::");
    for (_, from, to) in EDITS.iter().filter(|(of, ..)| *of == module) {
        let found = text.matches(from).count();
        assert!(found == 1, "stands {found} times in {module}.rs: {from}");
        text = text.replace(from, to);
    }
    let text = text.replace("OUT(", "super::out(");
    format!("pub mod {module} {{\n{text}\n}}\npub use {module}::*;\n")
}
