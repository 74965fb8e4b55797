//! The ways to name a product on the command line: a picture, the text of a code, a scanner's line, or a link.

use std::io::Cursor;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail};
use countersign_custody::{Contents, Item};
use countersign_ledger::Subject;
use countersign_scan::gs1::{Content, Message, Partners};
use countersign_scan::{Picture, Product, Symbol, decode, identify, identify_text};
use countersign_wallet::{goods, item};
use image::{DynamicImage, ImageDecoder as _, ImageReader, Limits};

use crate::{code, file};

/// Largest picture file.
const MAX_FILE: usize = 64 * 1024 * 1024;
/// Most pixels that are decoded, whatever the size of the file: those of a large camera.
const MAX_PIXELS: u64 = 64_000_000;
/// Most memory that decoding may take beside the pixels.
const MAX_MEMORY: u64 = 512 * 1024 * 1024;
/// Largest list of what is in a unit: some 250,000 codes.
const MAX_CONTENTS: usize = 16 * 1024 * 1024;

/// Finds the product on a pack: in a picture file, or in the text of a code as typed by a person or sent by a hand-held
/// scanner, with `]` and the symbology identifier first.
pub fn read(argument: &str, current_year: u16) -> Result<Item> {
    let product = if let (Some(']'), Some((identifier, text))) =
        (argument.chars().next(), argument.split_at_checked(3))
    {
        identify_text(identifier, text, current_year)
    } else if argument.starts_with('(') {
        Product::from_message(&Message::from_bracketed(argument, Partners::OnAnyCarrier)?, current_year)
    } else if argument.starts_with("https://") || argument.starts_with("http://") {
        Product::from_message(&Message::from_link(argument, Partners::OnAnyCarrier)?, current_year)
    } else {
        return in_picture(Path::new(argument), current_year);
    };
    Ok(item(product, current_year)?)
}

/// The logistic unit that the text of a code, or the one code in a picture, names; `None` if it names something else.
pub fn unit(argument: &str, current_year: u16) -> Option<Subject> {
    let content = match code::read(argument, Partners::OnAnyCarrier) {
        Ok(Content::Plain(_)) => match symbols(Path::new(argument)).ok()?.as_slice() {
            [symbol] => {
                Content::from_symbol(&symbol.identifier, &symbol.text, Partners::OnAnyCarrier).ok()?
            }
            _ => return None,
        },
        read => read.ok()?,
    };
    match content {
        Content::Gs1(message) if message.value("00").is_some() => goods(&message, current_year),
        _ => None,
    }
}

/// The contents of a unit: the texts of the codes of packs and units, one per line.
pub fn contents(path: &Path, current_year: u16) -> Result<Contents> {
    let text = file::text(path, MAX_CONTENTS)?;
    let packs = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(|line| {
        let pack = match unit(line, current_year) {
            Some(unit) => Some(unit),
            None => read(line, current_year)?.pack,
        };
        pack.with_context(|| format!("`{line}` names no single pack: it needs lot and serial number"))
    });
    Ok(Contents::new(packs.collect::<Result<Vec<Subject>>>()?)?)
}

/// Finds the one product in a picture.
fn in_picture(path: &Path, current_year: u16) -> Result<Item> {
    let symbols = symbols(path)?;
    if symbols.is_empty() {
        bail!("no code was found in {}: hold the pack closer, flat and in good light", path.display());
    }
    let mut items = Vec::new();
    let mut refused = None;
    for symbol in &symbols {
        match item(identify(symbol, current_year), current_year) {
            Ok(item) if items.contains(&item) => {}
            Ok(item) => items.push(item),
            Err(reason) => refused = Some(reason),
        }
    }
    match (items.len(), refused) {
        (1, _) => Ok(items.remove(0)),
        (0, Some(reason)) => {
            Err(anyhow!(reason).context(format!("the code in {} names no product", path.display())))
        }
        _ => bail!("there are several packs in {}: take a picture of one", path.display()),
    }
}

/// All symbols in a picture file.
pub fn symbols(path: &Path) -> Result<Vec<Symbol>> {
    Ok(decode(&open(path)?.frame()?))
}

/// Opens a PNG or JPEG file, rotated as its EXIF data says.
pub fn open(path: &Path) -> Result<Picture> {
    let file = file::read(path, MAX_FILE)?;
    read_picture(&file).with_context(|| format!("{} is not a readable picture", path.display()))
}

fn read_picture(file: &[u8]) -> Result<Picture> {
    let mut reader = ImageReader::new(Cursor::new(file)).with_guessed_format()?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_MEMORY);
    reader.limits(limits);
    let mut decoder = reader.into_decoder()?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        bail!("it has {width} × {height} pixels, and at most {MAX_PIXELS} are read");
    }
    let orientation = decoder.orientation()?;
    let mut image = DynamicImage::from_decoder(decoder)?;
    image.apply_orientation(orientation);
    let image = image.into_rgba8();
    Ok(Picture::from_rgba(image.width() as usize, image.height() as usize, image.as_raw())?)
}
