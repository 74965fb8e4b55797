//! Where the memory of the emulated board is.

use std::path::PathBuf;
use std::{env, fs};

/// The board mps2-an386 of QEMU.
const MEMORY: &str =
    "MEMORY { FLASH : ORIGIN = 0x00000000, LENGTH = 4M  RAM : ORIGIN = 0x20000000, LENGTH = 4M }";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if env::var_os("CARGO_FEATURE_CORTEX_M").is_some() {
        let folder = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
        fs::write(folder.join("memory.x"), MEMORY).expect("the linker's script");
        println!("cargo::rustc-link-search={}", folder.display());
        println!("cargo::rustc-link-arg=-Tlink.x");
    }
}
