//! Any picture is decoded without a panic, on its own and as a frame of a live camera.
#![no_main]

use std::time::Duration;

use countersign_scan::{Luma, Scanner, decode, identify};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let [width, gap, pixels @ ..] = bytes else { return };
    let width = usize::from(*width) + 1;
    let stride = width + usize::from(*gap % 8);
    let height = (pixels.len() + stride - width) / stride;
    let Ok(frame) = Luma::new(width, height, stride, pixels) else { return };
    for symbol in decode(&frame) {
        let _ = identify(&symbol, 2026);
    }
    let mut scanner = Scanner::new();
    for _ in 0..3 {
        let _ = scanner.look(&frame, Duration::from_secs(1), || Duration::ZERO);
    }
});
