//! An industry's rules from a file.
#![no_main]

use countersign_custody::Profile;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = Profile::parse(text);
});
