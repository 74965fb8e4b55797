//! Messages from one phone's screen to the other's camera: drawn as pictures, and read back from them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use countersign_custody::qr::{Assembly, Codes, Received, encode};
use countersign_scan::draw::{Label, Scale};

use crate::pack;

/// Pixels a module on the screen.
const MODULE: u8 = 4;

/// Draws the codes that show a message, as `NAME-1.png` and so on.
pub fn draw(folder: &Path, name: &str, message: &[u8]) -> Result<Vec<PathBuf>> {
    let texts = match encode(message)? {
        Codes::One(text) => vec![text],
        Codes::Parts(parts) => {
            let needed = parts.needed();
            parts.take(needed).collect()
        }
    };
    let scale = Scale::new(MODULE).context("a module size that can be drawn")?;
    let mut pictures = Vec::new();
    for (number, text) in (1..).zip(&texts) {
        let path = folder.join(format!("{name}-{number}.png"));
        fs::write(&path, Label::plain(text)?.picture(scale).png())?;
        pictures.push(path);
    }
    Ok(pictures)
}

/// Reads the message that these pictures show.
pub fn read(pictures: &[PathBuf]) -> Result<Vec<u8>> {
    let mut assembly = Assembly::default();
    for picture in pictures {
        for symbol in pack::symbols(picture)? {
            if let Received::Whole(message) = assembly.feed(&symbol.text)? {
                return Ok(message);
            }
        }
    }
    bail!("the pictures show only a part of a message")
}
