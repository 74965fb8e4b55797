//! Any picture is decoded without harm.
#![no_main]

use countersign_scan::{Luma, decode, identify};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let [width, pixels @ ..] = bytes else { return };
    let width = usize::from(*width) + 1;
    let height = pixels.len() / width;
    if let Ok(frame) = Luma::new(width, height, width, &pixels[..width * height]) {
        for symbol in decode(&frame) {
            let _ = identify(&symbol, 2026);
        }
    }
});
