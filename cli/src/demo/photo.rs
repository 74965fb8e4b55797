//! A label as a phone's camera would see it: tilted, out of square, a little soft, unevenly lit and noisy.
//!
//! This is a rendering, not a photograph; the real ones are in the scanner's own tests.

#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "pixels and greys are small numbers, and out of range they are clamped"
)]

/// Width of the rendered frame in pixels.
pub const WIDTH: u32 = 1280;
/// Height of the rendered frame in pixels.
pub const HEIGHT: u32 = 720;

/// How the pack is held.
#[derive(Clone, Copy, Debug)]
pub struct Pose {
    /// Rotation in degrees, counter-clockwise.
    pub rotation: f32,
    /// How much the far edge shrinks, 0 for none.
    pub perspective: f32,
    /// Share of the frame's height that the label takes.
    pub size: f32,
}

/// An 8-bit grey picture, rows from the top.
pub struct Grey {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// One byte a pixel.
    pub pixels: Vec<u8>,
}

/// Renders `label` in `pose`; `seed` picks the noise.
pub fn photograph(label: &Grey, pose: Pose, seed: u64) -> Grey {
    let mut noise = Noise(seed | 1);
    let mut frame =
        Grey { width: WIDTH, height: HEIGHT, pixels: Vec::with_capacity((WIDTH * HEIGHT) as usize) };
    let view = View::new(label, pose);
    for y in 0..HEIGHT {
        for x in 0..WIDTH {
            let (x, y) = (x as f32, y as f32);
            let surface = view.label_at(x, y).map_or_else(|| table(x, y), |(u, v)| sample(label, u, v));
            frame.pixels.push((surface * light(x, y) + noise.grain(5.0)).clamp(0.0, 255.0) as u8);
        }
    }
    soften(&frame)
}

/// Maps frame pixels to label pixels.
struct View {
    sine: f32,
    cosine: f32,
    scale: f32,
    perspective: f32,
    centre: (f32, f32),
}

impl View {
    fn new(label: &Grey, pose: Pose) -> Self {
        let (sine, cosine) = pose.rotation.to_radians().sin_cos();
        let scale = label.height.max(label.width) as f32 / (HEIGHT as f32 * pose.size);
        let centre = (label.width as f32 / 2.0, label.height as f32 / 2.0);
        Self { sine, cosine, scale, perspective: pose.perspective, centre }
    }

    fn label_at(&self, x: f32, y: f32) -> Option<(f32, f32)> {
        let (x, y) = (x - WIDTH as f32 / 2.0, y - HEIGHT as f32 / 2.0);
        let depth = 1.0 + self.perspective * y / HEIGHT as f32;
        let (x, y) = (x * depth * self.scale, y * depth * self.scale);
        let u = x * self.cosine - y * self.sine + self.centre.0;
        let v = x * self.sine + y * self.cosine + self.centre.1;
        let inside = u >= 0.0 && v >= 0.0 && u < self.centre.0 * 2.0 - 1.0 && v < self.centre.1 * 2.0 - 1.0;
        inside.then_some((u, v))
    }
}

/// Bilinear sample of the label, printed in grey on white card.
fn sample(label: &Grey, u: f32, v: f32) -> f32 {
    let at = |x: u32, y: u32| {
        let index = (y.min(label.height - 1) * label.width + x.min(label.width - 1)) as usize;
        f32::from(label.pixels[index])
    };
    let (x, y, fu, fv) = (u as u32, v as u32, u.fract(), v.fract());
    let top = at(x, y) * (1.0 - fu) + at(x + 1, y) * fu;
    let bottom = at(x, y + 1) * (1.0 - fu) + at(x + 1, y + 1) * fu;
    40.0 + (top * (1.0 - fv) + bottom * fv) * 0.78
}

/// A wooden table under the pack.
fn table(x: f32, y: f32) -> f32 {
    92.0 + 14.0 * (y * 0.11 + 2.0 * (x * 0.004).sin()).sin() + 6.0 * (x * 0.013 + y * 0.4).sin()
}

/// Light falls off from the upper left to the lower right.
fn light(x: f32, y: f32) -> f32 {
    1.06 - 0.28 * (x / WIDTH as f32 * 0.6 + y / HEIGHT as f32 * 0.4)
}

/// A lens slightly out of focus: a 3 x 3 binomial filter.
fn soften(frame: &Grey) -> Grey {
    let (width, height) = (frame.width as usize, frame.height as usize);
    let mut pixels = frame.pixels.clone();
    for y in 1..height - 1 {
        for x in 1..width - 1 {
            let sum: u32 = [(0, 1u32), (1, 2), (2, 1)]
                .iter()
                .flat_map(|&(dy, wy)| [(0, wy), (1, 2 * wy), (2, wy)].map(|(dx, weight)| (dy, dx, weight)))
                .map(|(dy, dx, weight)| weight * u32::from(frame.pixels[(y + dy - 1) * width + x + dx - 1]))
                .sum();
            pixels[y * width + x] = (sum / 16) as u8;
        }
    }
    Grey { pixels, ..*frame }
}

/// Grain of the sensor: xorshift, summed to something like a bell curve.
struct Noise(u64);

impl Noise {
    fn grain(&mut self, deviation: f32) -> f32 {
        let sum: f32 = (0..4).map(|_| self.uniform()).sum();
        (sum - 2.0) * deviation * 1.73
    }

    fn uniform(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 40) as f32 / (1u64 << 24) as f32
    }
}
