//! The generated bindings are committed; here they are compared with the library. `bindings/generate/run` writes them
//! again.

#![allow(clippy::unwrap_used, reason = "a test that fails should stop")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Set by `bindings/generate/run`: write, do not compare.
const WRITE: &str = "COUNTERSIGN_WRITE_BINDINGS";

/// What the generator writes, and where it is committed, below `bindings`.
const FILES: [(&str, &str, &str); 3] = [
    ("kotlin", "countersign/core/countersign_core.kt", "kotlin/src/generated/countersign_core.kt"),
    ("swift", "CountersignCore.swift", "swift/Sources/Countersign/Generated/CountersignCore.swift"),
    ("swift", "CountersignCoreFFI.h", "swift/Sources/CountersignCoreFFI/CountersignCoreFFI.h"),
];

/// The library that was built for this test, beside it.
fn library() -> PathBuf {
    let name = format!("{}countersign_core{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    std::env::current_exe().unwrap().with_file_name(name)
}

#[test]
fn the_committed_bindings_are_those_of_the_library() {
    let bindings = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let written = tempfile::tempdir().unwrap();
    for language in ["kotlin", "swift"] {
        let done = Command::new(env!("CARGO_BIN_EXE_countersign-bindings-generate"))
            .args(["generate", "--no-format", "--language", language, "--config"])
            .arg(bindings.join("generate/uniffi.toml"))
            .arg("--out-dir")
            .arg(written.path().join(language))
            .arg(library())
            .status();
        assert!(done.unwrap().success(), "{language}");
    }
    for (language, made, committed) in FILES {
        let made = fs::read_to_string(written.path().join(language).join(made)).unwrap();
        let committed = bindings.join(committed);
        if std::env::var_os(WRITE).is_some() {
            fs::write(committed, made).unwrap();
        } else {
            let held = fs::read_to_string(&committed).unwrap_or_default();
            assert!(held == made, "{} is out of date: run bindings/generate/run", committed.display());
        }
    }
}
