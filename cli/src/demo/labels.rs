//! The packs of the demo as pictures: the label as printed, and as a phone's camera would see it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use countersign_scan::Picture;
use countersign_scan::draw::{Carrier, Label, Scale};
use countersign_scan::gs1::{Message, Partners};

use super::photo::{self, Grey, Pose};

/// Pixels a module on the printed label.
const MODULE: u8 = 6;

/// The pictures of one pack.
pub struct Pictures {
    /// The label as printed.
    pub label: PathBuf,
    /// The label as photographed.
    pub photo: PathBuf,
}

/// Prints the label of a pack with these elements and photographs it; `number` gives name and pose.
pub fn print(folder: &Path, number: usize, name: &str, elements: &[(&str, &str)]) -> Result<Pictures> {
    let message = Message::from_pairs(elements, Partners::Required)?;
    let scale = Scale::new(MODULE).context("a module size that can be drawn")?;
    let label = Label::new(&message, Carrier::DataMatrix)?.picture(scale);
    let pictures = Pictures {
        label: folder.join(format!("{number}-{name}-label.png")),
        photo: folder.join(format!("{number}-{name}-photo.png")),
    };
    fs::write(&pictures.label, label.png())?;
    let photo = photo::photograph(&grey(&label), pose(number), number as u64 * 0x9e37_79b9);
    let file =
        image::GrayImage::from_raw(photo.width, photo.height, photo.pixels).context("a frame of its size")?;
    file.save(&pictures.photo)?;
    Ok(pictures)
}

/// Each pack is held a little differently.
fn pose(number: usize) -> Pose {
    let n = f32::from(u8::try_from(number).unwrap_or(u8::MAX));
    Pose {
        rotation: (n * 37.0) % 50.0 - 25.0,
        perspective: 0.08 + 0.05 * (n % 3.0),
        size: 0.72 - 0.04 * (n % 4.0),
    }
}

fn grey(picture: &Picture) -> Grey {
    let side = |pixels: usize| u32::try_from(pixels).unwrap_or(u32::MAX);
    Grey { width: side(picture.width()), height: side(picture.height()), pixels: picture.pixels().to_vec() }
}
