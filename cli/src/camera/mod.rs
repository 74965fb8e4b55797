//! The source of live frames: a camera of this machine, or a folder of pictures behind the same interface, so that
//! everything else can be tested without a camera.
//!
//! In scope: frames as grey planes, one after the other. Out of scope: settings of the camera, sound, recording.

mod folder;
mod grey;
pub mod preview;

use std::path::Path;
use std::sync::mpsc;

use anyhow::{Context as _, Result, ensure};
use nokhwa::error::NokhwaError;
use nokhwa::utils::{
    ApiBackend, CameraFormat, CameraIndex, FrameFormat, RequestedFormat, RequestedFormatType,
};
use nokhwa::{Camera, nokhwa_initialize};

use self::folder::Folder;
pub use self::grey::Grey;

/// Formats in the order in which they are asked for: over USB only the first is fast at this size.
const FORMATS: [FrameFormat; 4] =
    [FrameFormat::MJPEG, FrameFormat::NV12, FrameFormat::YUYV, FrameFormat::GRAY];

/// Frames from a camera.
pub struct Frames {
    camera: Camera,
    /// How many are to come, if known.
    left: Option<usize>,
}

impl Frames {
    /// From the camera with this number.
    pub fn device(number: u32) -> Result<Self> {
        ensure!(
            cfg!(feature = "camera"),
            "this program was built without cameras: build with --features camera"
        );
        ensure!(permitted(), "this program may not use the camera: allow it in the system settings");
        let camera = open(number).with_context(|| format!("camera {number} cannot be opened"))?;
        Self::begin(camera, None)
    }

    /// From the pictures in a folder, in the order of their names.
    pub fn folder(path: &Path) -> Result<Self> {
        let folder =
            Folder::open(path).with_context(|| format!("{} is no folder of pictures", path.display()))?;
        let count = folder.len();
        ensure!(count > 0, "{} has no PNG, JPEG or WebP pictures", path.display());
        let index = CameraIndex::String(path.display().to_string());
        Self::begin(Camera::with_custom(index, ApiBackend::Auto, Box::new(folder)), Some(count))
    }

    fn begin(mut camera: Camera, left: Option<usize>) -> Result<Self> {
        camera.open_stream()?;
        Ok(Self { camera, left })
    }
}

impl Iterator for Frames {
    type Item = Result<Grey>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(left) = &mut self.left {
            *left = left.checked_sub(1)?;
        }
        Some(self.camera.frame().map_err(Into::into).and_then(|buffer| Grey::from_buffer(&buffer)))
    }
}

/// Whether the person lets this program use cameras. macOS asks; elsewhere the answer is yes.
fn permitted() -> bool {
    let (tell, answer) = mpsc::channel();
    // The receiver is gone only if the program ends.
    nokhwa_initialize(move |permitted| {
        let _ = tell.send(permitted);
    });
    answer.recv().unwrap_or(false)
}

/// In the first format that the camera has: near 720p, or else in whatever size it gives.
fn open(number: u32) -> Result<Camera, NokhwaError> {
    let near = |format| RequestedFormatType::Closest(CameraFormat::new_from(1280, 720, format, 30));
    let wanted = FORMATS.map(|format| (near(format), format)).into_iter();
    let otherwise = FORMATS.map(|format| (RequestedFormatType::None, format));
    let mut refusal = NokhwaError::UnitializedError;
    for (request, format) in wanted.chain(otherwise) {
        match Camera::new(CameraIndex::Index(number), RequestedFormat::with_formats(request, &[format])) {
            Ok(camera) => return Ok(camera),
            Err(error) => refusal = error,
        }
    }
    Err(refusal)
}
