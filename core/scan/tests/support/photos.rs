//! The shared photographs with what they show.

use std::fs::read_dir;
use std::path::Path;

use countersign_scan::{Luma, Picture};

/// A picture and the text of the symbol in it.
pub struct Photo {
    pub set: String,
    pub name: String,
    pub picture: Picture,
    pub text: String,
}

impl Photo {
    pub fn frame(&self) -> Luma<'_> {
        self.picture.frame().unwrap()
    }
}

/// Every photograph of the sets, in the order of their names.
pub fn all() -> Option<Vec<Photo>> {
    let folder = super::vectors("photos")?;
    let mut photos = Vec::new();
    for set in ["qrcode-1", "datamatrix-1"] {
        photos.extend(blackbox(&folder.join("zxing").join(set), set));
    }
    photos.extend(frames(&folder.join("frames")));
    Some(photos)
}

/// Pictures with their text beside them in a file of the same name.
fn blackbox(folder: &Path, set: &str) -> Vec<Photo> {
    let mut paths: Vec<_> = read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "png"));
    paths.sort();
    let photo = |path: &std::path::PathBuf| Photo {
        set: set.to_owned(),
        name: path.file_stem().unwrap().to_string_lossy().into_owned(),
        picture: open(path),
        text: std::fs::read_to_string(path.with_extension("txt")).unwrap(),
    };
    paths.iter().map(photo).collect()
}

/// Camera-like frames listed in `expected.jsonl`, in sets by their level.
fn frames(folder: &Path) -> Vec<Photo> {
    let list = std::fs::read_to_string(folder.join("expected.jsonl")).unwrap();
    let photo = |line: &str| {
        let expected: serde_json::Value = serde_json::from_str(line).unwrap();
        let field = |name: &str| expected[name].as_str().unwrap().to_owned();
        Photo {
            set: format!("frames, {}", field("level")),
            name: field("file"),
            picture: open(&folder.join(field("file"))),
            text: field("text"),
        }
    };
    list.lines().map(photo).collect()
}

fn open(path: &Path) -> Picture {
    let image = image::open(path).unwrap().into_rgba8();
    Picture::from_rgba(image.width() as usize, image.height() as usize, image.as_raw()).unwrap()
}
