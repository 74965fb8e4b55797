//! A camera that shows the pictures of a folder, one per frame.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use countersign_scan::Picture;
use nokhwa::Buffer;
use nokhwa::camera_traits::CaptureBackendTrait;
use nokhwa::error::NokhwaError;
use nokhwa::utils::{
    ApiBackend, CameraControl, CameraFormat, CameraIndex, CameraInfo, ControlValueSetter, FrameFormat,
    KnownCameraControl, Resolution,
};

use crate::output::told;
use crate::pack;

/// It has no clock: a frame is ready when it is requested.
const FRAME_RATE: u32 = 15;

pub struct Folder {
    info: CameraInfo,
    pictures: std::vec::IntoIter<PathBuf>,
    /// Size of the frame shown last.
    resolution: Resolution,
    open: bool,
}

impl Folder {
    /// Lists the PNG, JPEG and WebP files.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut pictures = Vec::new();
        for entry in path.read_dir()? {
            let path = entry?.path();
            let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
            if ["png", "jpg", "jpeg", "webp"].iter().any(|known| extension.eq_ignore_ascii_case(known)) {
                pictures.push(path);
            }
        }
        pictures.sort();
        let name = path.display().to_string();
        Ok(Self {
            info: CameraInfo::new(&name, "pictures of a folder", "", CameraIndex::String(name.clone())),
            pictures: pictures.into_iter(),
            resolution: Resolution::new(1280, 720),
            open: false,
        })
    }

    /// How many frames are to come.
    pub fn len(&self) -> usize {
        self.pictures.len()
    }

    fn next(&mut self) -> Result<Picture, NokhwaError> {
        if !self.open {
            return Err(NokhwaError::ReadFrameError("the stream is not open".to_owned()));
        }
        let path =
            self.pictures.next().ok_or_else(|| NokhwaError::ReadFrameError("no more pictures".to_owned()))?;
        let picture = pack::open(&path).map_err(|error| NokhwaError::ReadFrameError(told(&error)))?;
        let side = |pixels: usize| u32::try_from(pixels).unwrap_or(u32::MAX);
        self.resolution = Resolution::new(side(picture.width()), side(picture.height()));
        Ok(picture)
    }
}

/// The format of pictures is fixed, and there are no controls.
const FIXED: NokhwaError = NokhwaError::UnsupportedOperationError(ApiBackend::Auto);

impl CaptureBackendTrait for Folder {
    fn backend(&self) -> ApiBackend {
        ApiBackend::Auto
    }

    fn camera_info(&self) -> &CameraInfo {
        &self.info
    }

    fn refresh_camera_format(&mut self) -> Result<(), NokhwaError> {
        Ok(())
    }

    fn camera_format(&self) -> CameraFormat {
        CameraFormat::new(self.resolution, FrameFormat::GRAY, FRAME_RATE)
    }

    fn set_camera_format(&mut self, _: CameraFormat) -> Result<(), NokhwaError> {
        Err(FIXED)
    }

    fn compatible_list_by_resolution(
        &mut self,
        _: FrameFormat,
    ) -> Result<HashMap<Resolution, Vec<u32>>, NokhwaError> {
        Ok(HashMap::from([(self.resolution, vec![FRAME_RATE])]))
    }

    fn compatible_fourcc(&mut self) -> Result<Vec<FrameFormat>, NokhwaError> {
        Ok(vec![FrameFormat::GRAY])
    }

    fn resolution(&self) -> Resolution {
        self.resolution
    }

    fn set_resolution(&mut self, _: Resolution) -> Result<(), NokhwaError> {
        Err(FIXED)
    }

    fn frame_rate(&self) -> u32 {
        FRAME_RATE
    }

    fn set_frame_rate(&mut self, _: u32) -> Result<(), NokhwaError> {
        Err(FIXED)
    }

    fn frame_format(&self) -> FrameFormat {
        FrameFormat::GRAY
    }

    fn set_frame_format(&mut self, _: FrameFormat) -> Result<(), NokhwaError> {
        Err(FIXED)
    }

    fn camera_control(&self, _: KnownCameraControl) -> Result<CameraControl, NokhwaError> {
        Err(FIXED)
    }

    fn camera_controls(&self) -> Result<Vec<CameraControl>, NokhwaError> {
        Ok(Vec::new())
    }

    fn set_camera_control(
        &mut self,
        _: KnownCameraControl,
        _: ControlValueSetter,
    ) -> Result<(), NokhwaError> {
        Err(FIXED)
    }

    fn open_stream(&mut self) -> Result<(), NokhwaError> {
        self.open = true;
        Ok(())
    }

    fn is_stream_open(&self) -> bool {
        self.open
    }

    fn frame(&mut self) -> Result<Buffer, NokhwaError> {
        let picture = self.next()?;
        Ok(Buffer::new(self.resolution, picture.pixels(), FrameFormat::GRAY))
    }

    fn frame_raw(&mut self) -> Result<Cow<'_, [u8]>, NokhwaError> {
        Ok(Cow::Owned(self.next()?.pixels().to_vec()))
    }

    fn stop_stream(&mut self) -> Result<(), NokhwaError> {
        self.open = false;
        Ok(())
    }
}
