//! How the phone library is linked.

use std::env;

/// Addresses that are filled in when the library is loaded are kept packed, 0.34 MB less. Android 11 and glibc 2.36 read
/// them so; builds for tests (`phone` alone has this `opt-level`) are for older machines as well.
const PACKED: &str = "-Wl,-z,pack-relative-relocs";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let elf = env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "android" || os == "linux");
    if elf && env::var("OPT_LEVEL").is_ok_and(|level| level == "s") {
        println!("cargo::rustc-link-arg-cdylib={PACKED}");
    }
}
