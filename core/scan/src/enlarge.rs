//! Enlarging a part of a frame, for codes whose modules are only two or three pixels wide.

use crate::frame::Luma;
use crate::picture::Picture;

impl Picture {
    /// Enlarged by a whole factor, with straight lines between the pixels.
    pub(crate) fn enlarge(frame: &Luma<'_>, factor: usize) -> Picture {
        let rows: Vec<Vec<u16>> = frame.rows().map(|row| stretch(row, factor)).collect();
        let (width, height) = (frame.width() * factor, frame.height() * factor);
        let mut pixels = Vec::with_capacity(width * height);
        for y in 0..height {
            let (upper, lower, weight) = between(y, factor, frame.height());
            let blend = |(a, b): (&u16, &u16)| blend(*a, *b, weight, factor);
            pixels.extend(rows[upper].iter().zip(&rows[lower]).map(blend));
        }
        Picture { width, height, pixels }
    }

    /// Smoothed against noise, then every edge made steeper: what is lighter than its surroundings gets lighter still.
    pub(crate) fn sharpen(&self) -> Picture {
        let smooth = self.blur(1);
        let around = smooth.blur(4);
        let steepen = |(&here, &around): (&u8, &u8)| {
            let (here, around) = (i16::from(here), i16::from(around));
            u8::try_from((here + (here - around) * 3 / 2).clamp(0, 255)).unwrap_or_default()
        };
        let pixels = smooth.pixels.iter().zip(&around.pixels).map(steepen).collect();
        Picture { pixels, ..*self }
    }

    /// The mean over squares of `2 * radius + 1` pixels a side, first along the rows, then along the columns.
    fn blur(&self, radius: usize) -> Picture {
        let mut across = Vec::with_capacity(self.pixels.len());
        for row in self.pixels.chunks_exact(self.width) {
            mean_along(row.len(), radius, |at| row[at].into(), |mean| across.push(mean));
        }
        let mut pixels = vec![0; self.pixels.len()];
        let mut sums = vec![0_u32; self.width];
        let height = self.height;
        let row = |at: usize| &across[at.min(height - 1) * self.width..][..self.width];
        for at in 0..=2 * radius {
            add(&mut sums, row(at.saturating_sub(radius)));
        }
        let count = window(radius);
        for y in 0..height {
            for (pixel, sum) in pixels[y * self.width..].iter_mut().zip(&sums) {
                *pixel = narrow(sum / count);
            }
            add(&mut sums, row(y + radius + 1));
            subtract(&mut sums, row(y.saturating_sub(radius)));
        }
        Picture { pixels, ..*self }
    }
}

fn stretch(row: &[u8], factor: usize) -> Vec<u16> {
    let at = |x| {
        let (left, right, weight) = between(x, factor, row.len());
        let (left, right) = (usize::from(row[left]), usize::from(row[right]));
        u16::try_from(left * (2 * factor - weight) + right * weight).unwrap_or_default()
    };
    (0..row.len() * factor).map(at).collect()
}

/// The two source pixels around an enlarged one and the weight of the second, out of `2 * factor`.
fn between(position: usize, factor: usize, length: usize) -> (usize, usize, usize) {
    let doubled = (2 * position + 1).saturating_sub(factor);
    let first = doubled / (2 * factor);
    (first.min(length - 1), (first + 1).min(length - 1), doubled % (2 * factor))
}

fn blend(upper: u16, lower: u16, weight: usize, factor: usize) -> u8 {
    let whole = 2 * factor;
    let sum = usize::from(upper) * (whole - weight) + usize::from(lower) * weight;
    u8::try_from(sum / (whole * whole)).unwrap_or(u8::MAX)
}

fn mean_along(length: usize, radius: usize, at: impl Fn(usize) -> u32, mut put: impl FnMut(u8)) {
    let inside = |position: usize| at(position.min(length - 1));
    let mut sum: u32 = (0..=2 * radius).map(|position| inside(position.saturating_sub(radius))).sum();
    let count = window(radius);
    for position in 0..length {
        put(narrow(sum / count));
        sum = sum + inside(position + radius + 1) - inside(position.saturating_sub(radius));
    }
}

fn add(sums: &mut [u32], row: &[u8]) {
    sums.iter_mut().zip(row).for_each(|(sum, pixel)| *sum += u32::from(*pixel));
}

fn subtract(sums: &mut [u32], row: &[u8]) {
    sums.iter_mut().zip(row).for_each(|(sum, pixel)| *sum -= u32::from(*pixel));
}

fn window(radius: usize) -> u32 {
    u32::try_from(2 * radius + 1).unwrap_or(1)
}

fn narrow(mean: u32) -> u8 {
    u8::try_from(mean).unwrap_or(u8::MAX)
}
