//! The boundary grows only by decision: its size is counted here, and compared with the decided limits.

#![allow(clippy::unwrap_used, reason = "a test that fails should stop")]

use std::fs;
use std::path::Path;

/// The size of the boundary, and of the code on this side of it.
#[derive(Debug, Default, PartialEq, Eq)]
struct Size {
    /// What an app opens and closes.
    objects: usize,
    /// What an app implements.
    traits: usize,
    /// Calls, constructors among them.
    calls: usize,
    /// Shapes for screens.
    records: usize,
    enums: usize,
    errors: usize,
    /// Lines inside functions, but for conversions between shapes (`impl From`) and tests.
    logic: usize,
}

/// Before a number is raised: would the two apps disagree if one of them forgot this line? Then it belongs to the core below.
/// Does a screen show it? If not, it need not cross.
const DECIDED: Size =
    Size { objects: 9, traits: 1, calls: 169, records: 116, enums: 45, errors: 2, logic: 2324 };

#[test]
fn the_boundary_has_the_size_that_was_decided() {
    let mut size = Size::default();
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = vec![sources];
    while let Some(path) = paths.pop() {
        if path.is_dir() {
            paths.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            count(&fs::read_to_string(path).unwrap(), &mut size);
        }
    }
    assert_eq!(size, DECIDED);
}

/// Relies on the formatter: a block ends with a brace as far from the margin as the line that began it.
fn count(source: &str, size: &mut Size) {
    let code = source.split("#[cfg(test)]").next().unwrap_or_default();
    size.objects += code.matches("uniffi::Object)").count();
    size.traits += code.matches("uniffi::export(with_foreign)").count();
    size.records += code.matches("uniffi::Record)").count();
    size.enums += code.matches("uniffi::Enum)").count();
    size.errors += code.matches("uniffi::Error)").count();
    let (mut exported, mut converts, mut body) = (false, false, None);
    for line in code.lines() {
        let (margin, text) = (line.len() - line.trim_start().len(), line.trim());
        if margin == 0 {
            exported |= text.starts_with("#[uniffi::export");
            converts |= text.starts_with("impl") && text.contains("From<");
        }
        let begins = text.contains("fn ") && !text.starts_with("//");
        size.calls += usize::from(begins && exported);
        match body {
            None if begins && text.ends_with(';') => {}
            None if begins => body = Some(margin),
            Some(outer) if text == "}" && margin == outer => body = None,
            Some(outer) if margin > outer => {
                size.logic += usize::from(!converts && !text.is_empty() && !text.starts_with("//"));
            }
            _ => {}
        }
        if margin == 0 && text == "}" {
            (exported, converts) = (false, false);
        }
    }
}

#[test]
fn a_panic_is_caught_in_every_profile() {
    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml")).unwrap();
    assert!(!manifest.contains("panic = \"abort\""), "an abort cannot become an error");
}
