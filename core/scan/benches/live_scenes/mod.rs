//! Synthetic frames: what a camera sees with a pack in front of it, and before.

use countersign_scan::Picture;
use countersign_scan::draw::{Carrier, Label, Scale};
use countersign_scan::gs1::{Message, Partners};

/// A grey frame.
pub struct Scene {
    pub width: usize,
    pub height: usize,
    pub pixels: Vec<u8>,
}

/// Labels by name, symbol and pixels a module.
pub const LABELS: [(&str, Carrier, u8); 4] = [
    ("DataMatrix, 4 pixels a module", Carrier::DataMatrix, 4),
    ("DataMatrix, 8 pixels a module", Carrier::DataMatrix, 8),
    ("GS1 QR, 5 pixels a module", Carrier::Qr, 5),
    ("link QR, 5 pixels a module", Carrier::LinkQr, 5),
];

type Make = fn(usize, usize, u32) -> Scene;

/// Frames without a code by name.
pub const EMPTY: [(&str, Make); 4] = [
    ("noise on a gradient", Scene::gradient),
    ("woven texture", Scene::texture),
    ("printed text", Scene::text),
    ("blister pack", Scene::blister),
];

pub fn label(carrier: Carrier, module: u8) -> Picture {
    let text = "(01)09506000134352(17)281130(10)ABC123(21)7QH4";
    let message = Message::from_bracketed(text, Partners::Required).unwrap();
    Label::new(&message, carrier).unwrap().picture(Scale::new(module).unwrap())
}

/// A linear congruential generator; the upper bits are good enough for pictures.
struct Noise(u32);

impl Noise {
    fn up_to(&mut self, limit: u32) -> u32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        ((u64::from(self.0) * u64::from(limit)) >> 32) as u32
    }
}

impl Scene {
    fn paint(width: usize, height: usize, seed: u32, grey: impl Fn(usize, usize) -> usize) -> Scene {
        let mut noise = Noise(seed);
        let grain = |at| (grey(at % width, at / width) + noise.up_to(16) as usize).min(255);
        let pixels = (0..width * height).map(grain).map(|grey| u8::try_from(grey).unwrap()).collect();
        Scene { width, height, pixels }
    }

    pub fn gradient(width: usize, height: usize, seed: u32) -> Scene {
        Scene::paint(width, height, seed, |x, _| 100 + x * 80 / width)
    }

    /// Threads a few pixels apart, over and under each other.
    fn texture(width: usize, height: usize, seed: u32) -> Scene {
        let thread = 5 + seed as usize % 7;
        Scene::paint(width, height, seed, move |x, y| {
            let over = (x / thread + y / thread).is_multiple_of(2);
            let along = if over { x % thread } else { y % thread };
            70 + along * 90 / thread
        })
    }

    /// Lines of words of dark strokes on white, as on a leaflet.
    fn text(width: usize, height: usize, seed: u32) -> Scene {
        let mut scene = Scene::paint(width, height, seed, |_, y| 200 + y * 30 / height);
        let mut noise = Noise(seed ^ 0x5555);
        let size = 10 + seed as usize % 4 * 4;
        for top in (size..height - 2 * size).step_by(size * 2) {
            let mut left = size;
            while left + size < width - size {
                for _ in 0..3 {
                    let (x, y) = (noise.up_to(size as u32 / 2) as usize, noise.up_to(size as u32) as usize);
                    let upright = noise.up_to(2) == 0;
                    let (across, down) = if upright { (2, size - y) } else { (size / 2, 2) };
                    scene.darken(left + x, top + y, across, down);
                }
                left += if noise.up_to(6) == 0 { size * 3 / 2 } else { size * 3 / 4 };
            }
        }
        scene
    }

    /// Round blisters with bright rims and a shadow.
    fn blister(width: usize, height: usize, seed: u32) -> Scene {
        let pitch = 120 + seed as usize % 5 * 20;
        Scene::paint(width, height, seed, move |x, y| {
            let (x, y) = ((x % pitch).abs_diff(pitch / 2), (y % pitch).abs_diff(pitch / 2));
            let distance = (x * x + y * y).isqrt() * 100 / pitch;
            match distance {
                0..=30 => 170 - distance,
                31..=35 => 235,
                36..=40 => 60,
                _ => 130,
            }
        })
    }

    fn darken(&mut self, left: usize, top: usize, across: usize, down: usize) {
        for row in self.pixels.chunks_exact_mut(self.width).skip(top).take(down) {
            row[left..left + across].fill(30);
        }
    }

    /// With a label in the middle.
    pub fn with(mut self, label: &Picture) -> Scene {
        let (left, top) = ((self.width - label.width()) / 2, (self.height - label.height()) / 2);
        for (row, from) in label.pixels().chunks(label.width()).enumerate() {
            self.pixels[(top + row) * self.width + left..][..label.width()].copy_from_slice(from);
        }
        self
    }
}
