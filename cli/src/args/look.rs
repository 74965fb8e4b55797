//! Looking: pictures and texts of codes, and what they name.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

#[derive(Args)]
pub struct Check {
    /// PNG, JPEG or WebP pictures, or the text of a code: (01)09506000134352(17)…
    #[arg(required = true, value_hint = ValueHint::FilePath)]
    pub packs: Vec<String>,
}

#[derive(Args)]
pub struct Scan {
    /// PNG, JPEG or WebP pictures
    #[arg(required_unless_present_any = ["camera", "frames"], value_hint = ValueHint::FilePath)]
    pub pictures: Vec<PathBuf>,
    /// Number of a camera to scan from until interrupted, such as 0
    #[arg(long, value_name = "NUMBER", conflicts_with_all = ["pictures", "frames"])]
    pub camera: Option<u32>,
    /// Scan the pictures of a folder as if they were frames of a camera
    #[arg(long, value_name = "FOLDER", conflicts_with = "pictures", value_hint = ValueHint::DirPath)]
    pub frames: Option<PathBuf>,
}

#[derive(Args)]
pub struct Label {
    /// The text of a code, such as (01)09506000134352(17)281130(10)ABC(21)XYZ, or a Digital Link
    pub code: String,
    /// File to write: .png or .svg
    #[arg(long, short, value_hint = ValueHint::FilePath)]
    pub output: PathBuf,
    /// Symbol to draw
    #[arg(long = "as", value_enum, default_value_t = Symbology::Datamatrix)]
    pub symbology: Symbology,
    /// Width of a module in pixels
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u8).range(2..=16))]
    pub module: u8,
    /// Width of a module on paper in micrometres, within what GS1 allows [default: 380, of a QR code 495]
    #[arg(long, value_parser = clap::value_parser!(u32).range(254..=990))]
    pub print_module: Option<u32>,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum Symbology {
    /// GS1 DataMatrix, as on medicine packs
    Datamatrix,
    /// GS1 QR Code
    Qr,
    /// QR Code with a Digital Link, which any phone opens; it keeps the domain of a link that is given
    Link,
}

#[derive(Args)]
pub struct Trace {
    /// A picture, the text of a code, or a Digital Link. The history of a logistic unit, (00)…, is fetched from the
    /// node
    #[arg(value_hint = ValueHint::FilePath)]
    pub pack: String,
    /// Also draw the route into this file: .svg
    #[arg(long, value_hint = ValueHint::FilePath)]
    pub svg: Option<PathBuf>,
}
