//! Enlarging a part of a frame, for codes whose modules are only two or three pixels wide.
//!
//! These passes read millions of pixels within a live frame's time. So the factors are compile-time constants, which
//! turns divisions into multiplications, and the inner loops run over whole rows without a branch.

use crate::frame::Luma;
use crate::picture::Picture;

impl Picture {
    /// Enlarged by a whole factor, with linear interpolation.
    pub(crate) fn enlarge<const FACTOR: usize>(frame: &Luma<'_>) -> Picture {
        let (width, height) = (frame.width() * FACTOR, frame.height() * FACTOR);
        let mut pixels = vec![0; width * height];
        let mut rows = frame.rows();
        let mut upper = vec![0; width];
        let mut lower = vec![0; width];
        stretch::<FACTOR>(rows.next().unwrap_or_default(), &mut upper);
        let mut targets = pixels.chunks_exact_mut(width);
        for target in targets.by_ref().take(lead(FACTOR)) {
            blend::<FACTOR>(&upper, &upper, 0, target);
        }
        for row in rows {
            stretch::<FACTOR>(row, &mut lower);
            for (step, target) in targets.by_ref().take(FACTOR).enumerate() {
                blend::<FACTOR>(&upper, &lower, weight(FACTOR, step), target);
            }
            std::mem::swap(&mut upper, &mut lower);
        }
        for target in targets {
            blend::<FACTOR>(&upper, &upper, 0, target);
        }
        Picture { width, height, pixels, per_metre: None }
    }

    /// Smoothed against noise, then sharpened: a pixel lighter than its surroundings gets lighter still.
    pub(crate) fn sharpen(&self) -> Picture {
        let mut smooth = self.blur::<1>();
        let around = smooth.blur::<4>();
        for (here, around) in smooth.pixels.iter_mut().zip(&around.pixels) {
            let (grey, around) = (i16::from(*here), i16::from(*around));
            *here = u8::try_from((grey + (grey - around) * 3 / 2).clamp(0, 255)).unwrap_or_default();
        }
        smooth
    }

    /// The mean over squares of `2 * RADIUS + 1` pixels a side, first along the rows, then along the columns; at the
    /// border the outermost pixel counts for those beyond.
    pub(crate) fn blur<const RADIUS: usize>(&self) -> Picture {
        let (width, height) = (self.width, self.height);
        let mut across = vec![0; self.pixels.len()];
        let mut wide = vec![0; width + 2 * RADIUS];
        for (row, target) in self.pixels.chunks_exact(width).zip(across.chunks_exact_mut(width)) {
            mean_along::<RADIUS>(row, &mut wide, target);
        }
        let row = |at: usize| &across[at.min(height - 1) * width..][..width];
        let mut pixels = vec![0; self.pixels.len()];
        let mut sums = vec![0_u16; width];
        for at in 0..=2 * RADIUS {
            add(&mut sums, row(at.saturating_sub(RADIUS)));
        }
        for (y, target) in pixels.chunks_exact_mut(width).enumerate() {
            for (pixel, sum) in target.iter_mut().zip(&sums) {
                *pixel = mean::<RADIUS>(*sum);
            }
            add(&mut sums, row(y + RADIUS + 1));
            subtract(&mut sums, row(y.saturating_sub(RADIUS)));
        }
        Picture { width, height, pixels, per_metre: None }
    }
}

/// Enlarged pixels before the middle of the first source pixel.
const fn lead(factor: usize) -> usize {
    factor / 2
}

/// The weight of the second of two neighbours at a step from the first to it, out of `2 * factor`: enlarged pixels lie
/// symmetrically within the source pixel that they come from.
#[allow(clippy::cast_possible_truncation, reason = "a factor is 2 or 3")]
const fn weight(factor: usize, step: usize) -> u16 {
    (2 * step + (factor + 1) % 2) as u16
}

/// One row, enlarged; in units of `1 / (2 * FACTOR)` of a grey.
fn stretch<const FACTOR: usize>(row: &[u8], target: &mut [u16]) {
    let whole = whole::<FACTOR>();
    let (Some(first), Some(last)) = (row.first(), row.last()) else { return };
    let lead = lead(FACTOR);
    target[..lead].fill(u16::from(*first) * whole);
    let between = target[lead..].as_chunks_mut::<FACTOR>().0;
    for (target, pair) in between.iter_mut().zip(row.windows(2)) {
        let (left, right) = (u16::from(pair[0]), u16::from(pair[1]));
        for (step, pixel) in target.iter_mut().enumerate() {
            let weight = weight(FACTOR, step);
            *pixel = left * (whole - weight) + right * weight;
        }
    }
    let done = lead + FACTOR * (row.len() - 1);
    target[done..].fill(u16::from(*last) * whole);
}

/// A row between two stretched ones. At most 255 * 36 fits.
fn blend<const FACTOR: usize>(upper: &[u16], lower: &[u16], weight: u16, target: &mut [u8]) {
    let whole = whole::<FACTOR>();
    for ((pixel, upper), lower) in target.iter_mut().zip(upper).zip(lower) {
        *pixel = narrow((upper * (whole - weight) + lower * weight) / (whole * whole));
    }
}

const fn whole<const FACTOR: usize>() -> u16 {
    weight(FACTOR, FACTOR) - weight(FACTOR, 0)
}

/// The means of a row, which is first laid out in `wide` with its ends repeated.
fn mean_along<const RADIUS: usize>(row: &[u8], wide: &mut [u16], target: &mut [u8]) {
    let (Some(first), Some(last)) = (row.first(), row.last()) else { return };
    let (before, rest) = wide.split_at_mut(RADIUS);
    let (middle, after) = rest.split_at_mut(row.len());
    before.fill(u16::from(*first));
    after.fill(u16::from(*last));
    middle.iter_mut().zip(row).for_each(|(wide, pixel)| *wide = u16::from(*pixel));
    let mut sum: u16 = wide[..2 * RADIUS].iter().sum();
    let (oldest, newest) = (wide.iter(), &wide[2 * RADIUS..]);
    for ((pixel, oldest), newest) in target.iter_mut().zip(oldest).zip(newest) {
        sum += newest;
        *pixel = mean::<RADIUS>(sum);
        sum -= oldest;
    }
}

fn add(sums: &mut [u16], row: &[u8]) {
    sums.iter_mut().zip(row).for_each(|(sum, pixel)| *sum += u16::from(*pixel));
}

fn subtract(sums: &mut [u16], row: &[u8]) {
    sums.iter_mut().zip(row).for_each(|(sum, pixel)| *sum -= u16::from(*pixel));
}

fn mean<const RADIUS: usize>(sum: u16) -> u8 {
    #[allow(clippy::cast_possible_truncation, reason = "a radius is at most 5")]
    let count = (2 * RADIUS + 1) as u16;
    narrow(sum / count)
}

/// A grey that fits: `try_from` would keep the loops from being vectorised.
#[allow(clippy::cast_possible_truncation, reason = "a mean of bytes is a byte")]
const fn narrow(grey: u16) -> u8 {
    grey as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(width: usize, height: usize) -> Vec<u8> {
        let mut state = 7_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            u8::try_from(state >> 24).unwrap()
        };
        (0..width * height).map(|_| next()).collect()
    }

    const SIZES: [(usize, usize); 6] = [(1, 1), (1, 5), (4, 1), (2, 3), (17, 9), (40, 31)];

    /// The grey of an enlarged pixel, from the definition.
    fn interpolated(width: usize, height: usize, pixels: &[u8], factor: usize, at: (usize, usize)) -> usize {
        let between = |position: usize, length: usize| {
            let doubled = (2 * position + 1).saturating_sub(factor);
            let first = doubled / (2 * factor);
            (first.min(length - 1), (first + 1).min(length - 1), doubled % (2 * factor))
        };
        let ((left, right, x), (upper, lower, y)) = (between(at.0, width), between(at.1, height));
        let whole = 2 * factor;
        let across = |row: usize| {
            let grey = |column: usize| usize::from(pixels[row * width + column]);
            grey(left) * (whole - x) + grey(right) * x
        };
        (across(upper) * (whole - y) + across(lower) * y) / (whole * whole)
    }

    fn check_enlarged<const FACTOR: usize>() {
        for (width, height) in SIZES {
            let pixels = noise(width, height);
            let large = Picture::enlarge::<FACTOR>(&Luma::new(width, height, width, &pixels).unwrap());
            assert_eq!((large.width, large.height), (width * FACTOR, height * FACTOR));
            for (index, pixel) in large.pixels.iter().enumerate() {
                let at = (index % large.width, index / large.width);
                let expected = interpolated(width, height, &pixels, FACTOR, at);
                assert_eq!(usize::from(*pixel), expected, "{width}x{height} by {FACTOR} at {at:?}");
            }
        }
    }

    #[test]
    fn an_enlarged_pixel_lies_on_the_line_between_its_neighbours() {
        check_enlarged::<2>();
        check_enlarged::<3>();
    }

    fn check_blurred<const RADIUS: usize>() {
        for (width, height) in SIZES {
            let pixels = noise(width, height);
            let count = 2 * RADIUS + 1;
            let mean = |greys: &dyn Fn(usize) -> u8, at: usize, length: usize| {
                let inside = |place: usize| place.saturating_sub(RADIUS).min(length - 1);
                let sum: usize = (at..at + count).map(|place| usize::from(greys(inside(place)))).sum();
                u8::try_from(sum / count).unwrap()
            };
            let across: Vec<u8> = (0..width * height)
                .map(|index| mean(&|x| pixels[index / width * width + x], index % width, width))
                .collect();
            let expected: Vec<u8> = (0..width * height)
                .map(|index| mean(&|y| across[y * width + index % width], index / width, height))
                .collect();
            let blurred = Picture { width, height, pixels, per_metre: None }.blur::<RADIUS>();
            assert_eq!(blurred.pixels, expected, "{width}x{height}, radius {RADIUS}");
        }
    }

    #[test]
    fn a_blurred_pixel_is_the_mean_of_those_around_it() {
        check_blurred::<1>();
        check_blurred::<3>();
        check_blurred::<5>();
        check_blurred::<4>();
    }
}
