//! Where the shared vectors are, and what to do without them.

#[allow(dead_code, reason = "benches alone measure")]
pub mod cpu;
#[allow(dead_code, reason = "not every test looks at photographs")]
pub mod photos;

use std::path::PathBuf;

/// The folder of shared vectors, or `None` (with a message) outside CI. CI requires it.
pub fn vectors(folder: &str) -> Option<PathBuf> {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/vectors")).join(folder);
    if path.is_dir() {
        return Some(path);
    }
    assert!(std::env::var_os("CI").is_none(), "CI needs the shared vectors: {folder}");
    println!("skipped: the shared vectors are absent ({folder})");
    None
}
