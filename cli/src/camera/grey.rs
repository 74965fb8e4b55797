//! The grey plane of a camera's frame.

use anyhow::{Context as _, Result, ensure};
use countersign_scan::Luma;
use image::{DynamicImage, ImageFormat, RgbImage};
use nokhwa::Buffer;
use nokhwa::utils::FrameFormat;

/// A frame in grey, a byte a pixel.
#[derive(Debug)]
pub struct Grey {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

impl Grey {
    /// Extracts the luma from any format of the camera.
    pub fn from_buffer(buffer: &Buffer) -> Result<Self> {
        let (size, bytes) = (buffer.resolution(), buffer.buffer());
        let (width, height) = (size.width() as usize, size.height() as usize);
        let count = width.checked_mul(height).context("a frame of an impossible size")?;
        let pixels = match buffer.source_frame_format() {
            // The luma plane comes first.
            FrameFormat::GRAY | FrameFormat::NV12 => bytes.get(..count).map(<[u8]>::to_vec),
            FrameFormat::YUYV => Some(bytes.iter().step_by(2).take(count).copied().collect()),
            // With red and blue exchanged the greys shift a little, which does not matter for black on white.
            FrameFormat::RAWRGB | FrameFormat::RAWBGR => rgb(buffer),
            FrameFormat::MJPEG => {
                let image = image::load_from_memory_with_format(bytes, ImageFormat::Jpeg)?.into_luma8();
                ensure!(
                    (image.width(), image.height()) == (size.width(), size.height()),
                    "the camera sent a picture of another size than announced"
                );
                Some(image.into_raw())
            }
        };
        let pixels = pixels.filter(|pixels| pixels.len() == count).context("the camera sent half a frame")?;
        Ok(Self { width, height, pixels })
    }

    /// For the scanner.
    pub fn frame(&self) -> Result<Luma<'_>> {
        Ok(Luma::new(self.width, self.height, self.width, &self.pixels)?)
    }
}

fn rgb(buffer: &Buffer) -> Option<Vec<u8>> {
    let size = buffer.resolution();
    let image = RgbImage::from_raw(size.width(), size.height(), buffer.buffer().to_vec())?;
    Some(DynamicImage::from(image).into_luma8().into_raw())
}

#[cfg(test)]
mod tests {
    use nokhwa::utils::Resolution;

    use super::*;

    fn grey(bytes: &[u8], format: FrameFormat) -> Result<Grey> {
        Grey::from_buffer(&Buffer::new(Resolution::new(2, 2), bytes, format))
    }

    #[test]
    fn the_luma_of_every_format_is_found() {
        let luma = [10, 90, 170, 250];
        assert_eq!(grey(&luma, FrameFormat::GRAY).unwrap().pixels, luma);
        assert_eq!(grey(&[10, 90, 170, 250, 7, 7], FrameFormat::NV12).unwrap().pixels, luma);
        assert_eq!(grey(&[10, 7, 90, 7, 170, 7, 250, 7], FrameFormat::YUYV).unwrap().pixels, luma);
        let coloured = luma.map(|grey| [grey; 3]).concat();
        assert_eq!(grey(&coloured, FrameFormat::RAWRGB).unwrap().pixels, luma);
        let mut jpeg = std::io::Cursor::new(Vec::new());
        image::GrayImage::from_pixel(2, 2, image::Luma([99])).write_to(&mut jpeg, ImageFormat::Jpeg).unwrap();
        assert_eq!(grey(jpeg.get_ref(), FrameFormat::MJPEG).unwrap().pixels, [99; 4]);
    }

    #[test]
    fn half_a_frame_is_refused() {
        for format in
            [FrameFormat::GRAY, FrameFormat::NV12, FrameFormat::YUYV, FrameFormat::RAWRGB, FrameFormat::MJPEG]
        {
            assert!(grey(&[1, 2, 3], format).is_err(), "{format}");
        }
    }
}
