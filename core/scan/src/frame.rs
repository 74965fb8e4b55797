//! A camera frame as the phones pass it: its luma plane.

use thiserror::Error;

/// The longest side of a frame in pixels: 4K video in either orientation, and twelve-megapixel photographs.
pub const MAX_SIDE: usize = 4096;

/// A grey image, one byte a pixel, borrowed from the camera.
#[derive(Clone, Copy)]
pub struct Luma<'a> {
    width: usize,
    height: usize,
    stride: usize,
    pixels: &'a [u8],
}

/// Why bytes are not a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NotAFrame {
    /// No pixels.
    #[error("the frame is empty")]
    Empty,
    /// A side over [`MAX_SIDE`]: the caller scales the picture down, which it can do while decoding.
    #[error("the frame is larger than {MAX_SIDE} pixels a side")]
    TooLarge,
    /// Rows that overlap.
    #[error("the stride is less than the width")]
    Stride,
    /// Fewer bytes than the size needs.
    #[error("the frame has fewer bytes than its size needs")]
    TooShort,
}

impl<'a> Luma<'a> {
    /// `stride` is the distance between the beginnings of two rows in bytes; the last row may end at its width.
    pub fn new(width: usize, height: usize, stride: usize, pixels: &'a [u8]) -> Result<Luma<'a>, NotAFrame> {
        if width == 0 || height == 0 {
            return Err(NotAFrame::Empty);
        }
        if width > MAX_SIDE || height > MAX_SIDE {
            return Err(NotAFrame::TooLarge);
        }
        if stride < width {
            return Err(NotAFrame::Stride);
        }
        let needed = stride.checked_mul(height - 1).and_then(|rows| rows.checked_add(width));
        if needed.is_none_or(|needed| pixels.len() < needed) {
            return Err(NotAFrame::TooShort);
        }
        Ok(Luma { width, height, stride, pixels })
    }

    /// In pixels.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// In pixels.
    #[must_use]
    pub fn height(&self) -> usize {
        self.height
    }

    /// The rows from the top, each as wide as the frame.
    pub fn rows(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let (pixels, stride, width) = (self.pixels, self.stride, self.width);
        (0..self.height).map(move |row| &pixels[row * stride..row * stride + width])
    }

    /// The square of at most this side in the middle, and the place of its top left corner.
    pub(crate) fn centre(&self, side: usize) -> (Luma<'a>, (usize, usize)) {
        let (width, height) = (self.width.min(side), self.height.min(side));
        let (left, top) = ((self.width - width) / 2, (self.height - height) / 2);
        let pixels = &self.pixels[top * self.stride + left..];
        (Luma { width, height, stride: self.stride, pixels }, (left, top))
    }

    /// All pixels without gaps, when they lie so.
    pub(crate) fn packed(&self) -> Option<&'a [u8]> {
        (self.stride == self.width).then(|| &self.pixels[..self.width * self.height])
    }
}

impl std::fmt::Debug for Luma<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Luma({}x{})", self.width, self.height)
    }
}
