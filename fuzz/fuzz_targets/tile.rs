//! Paths and bundles of a tiled log.
#![no_main]

use countersign_ledger::{TilePath, read_bundle, write_bundle};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&str, &[u8])| {
    let (path, bytes) = input;
    if let Ok(path) = path.parse::<TilePath>() {
        assert_eq!(path.to_string().parse().ok(), Some(path));
        if let Ok(entries) = read_bundle(&path, bytes) {
            assert_eq!(write_bundle(entries).ok().as_deref(), Some(bytes));
        }
    }
});
