//! The ways to name a product on the command line: a picture, the text of a code, a scanner's line, or a link.

use std::io::Cursor;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use countersign_custody::{Contents, Item};
use countersign_ledger::Subject;
use countersign_scan::gs1::Partners;
use countersign_scan::{Code, NotAProduct, Picture, Symbol, decode};
use countersign_wallet::{Named, NoPack, item_of, unit};
use image::{DynamicImage, ImageDecoder as _, ImageReader, Limits};

use crate::file;

/// What is wanted where a picture is.
const PICTURE: &str = "a picture (PNG, JPEG, WebP), or the text of a code: (01)…(10)…(21)…";
/// Largest picture file.
const MAX_FILE: usize = 64 * 1024 * 1024;
/// Most pixels of a picture that is opened: more than the largest photographs of phones have. Decoded, a pixel takes up
/// to eight bytes.
const MAX_PIXELS: u64 = 64_000_000;
/// Most memory that the decoder of a picture may take besides.
const MAX_MEMORY: u64 = 512 * 1024 * 1024;
/// Largest list of what is in a unit: some 250,000 codes.
const MAX_CONTENTS: usize = 16 * 1024 * 1024;

/// What an argument names: the text of a code as typed by a person or sent by a hand-held scanner, a URN, or else the
/// codes in a picture file.
pub fn named(argument: &str, current_year: u16) -> Result<Named> {
    let code = Code::typed(argument);
    let path = Path::new(argument);
    let plain = matches!(code.content(Partners::OnAnyCarrier), Ok(content) if content.is_plain());
    if plain && path.is_file() {
        return in_picture(path, current_year);
    }
    match Named::read(&code, current_year) {
        Err(countersign_wallet::NoGoods::NotAProduct(NotAProduct::Other)) if plain => {
            in_picture(path, current_year)
        }
        read => read.map_err(|reason| match reason {
            countersign_wallet::NoGoods::NotAProduct(reason) => anyhow!(reason),
            other => anyhow!(other),
        }),
    }
}

/// The product that an argument names.
pub fn read(argument: &str, current_year: u16) -> Result<Item> {
    match named(argument, current_year)? {
        Named::Item { item, .. } => Ok(item),
        Named::Unit(_) | Named::Matter(_) => Err(anyhow!(NotAProduct::NoGtin)),
    }
}

/// What each line of a list of codes names, with its number: packs and units.
pub fn listed(path: &Path, current_year: u16) -> Result<Vec<(usize, Named)>> {
    let text = file::text(path, "a list of what is in the unit, a code a line", MAX_CONTENTS)?;
    let lines = (1..).zip(text.lines().map(str::trim)).filter(|(_, line)| !line.is_empty());
    let read =
        |(number, line)| Ok((number, named(line, current_year).with_context(|| format!("line {number}"))?));
    lines.map(read).collect()
}

/// What is in a unit: the packs and units that are listed.
pub fn contents(listed: &[(usize, Named)]) -> Result<Contents> {
    let inside = listed.iter().map(|(number, named)| {
        named.certain().with_context(|| format!("line {number}"))?;
        let subject = match named {
            Named::Unit(unit) => Some(unit),
            Named::Item { item, .. } => item.pack.as_ref(),
            Named::Matter(_) => None,
        };
        subject.cloned().with_context(|| {
            format!("line {number}: the code names no single pack: it needs lot and serial number")
        })
    });
    Ok(Contents::new(inside.collect::<Result<Vec<Subject>>>()?)?)
}

/// What the codes in a picture name together.
fn in_picture(path: &Path, current_year: u16) -> Result<Named> {
    let codes: Vec<Code> = symbols(path)?.iter().map(Code::from).collect();
    let mut units: Vec<Subject> = Vec::new();
    for found in codes.iter().filter_map(|code| unit(code).ok().flatten()) {
        if !units.contains(&found) {
            units.push(found);
        }
    }
    let item = item_of(&codes, current_year);
    match (item, units.as_slice()) {
        (Err(NoPack::NotAProduct(_)), [unit]) => Ok(Named::Unit(unit.clone())),
        (Ok(item), []) => Ok(Named::Item { item, linear: false }),
        (Ok(_) | Err(NoPack::NotAProduct(_)), [_, ..]) | (Err(NoPack::Several), _) => {
            bail!("there are several packs in {}: take a picture of one", path.display())
        }
        (Err(NoPack::NoCode), _) => bail!(
            "no code was found in {}: hold the pack closer, flat and in good light. Bar codes of lines are not read in \
             pictures: look for the square code, or type what is printed: (01)…(10)…(21)…",
            path.display()
        ),
        (Err(NoPack::NotAProduct(reason)), []) => {
            Err(anyhow!(reason).context(format!("the code in {} names no product", path.display())))
        }
    }
}

/// All symbols in a picture file.
pub fn symbols(path: &Path) -> Result<Vec<Symbol>> {
    Ok(decode(&open(path)?.frame()?))
}

/// Opens a PNG, JPEG or WebP file, rotated as its EXIF data says.
pub fn open(path: &Path) -> Result<Picture> {
    let file = file::read(path, PICTURE, MAX_FILE)?;
    read_picture(&file).with_context(|| format!("{} is not a readable picture", path.display()))
}

fn read_picture(file: &[u8]) -> Result<Picture> {
    if is_heif(file) {
        bail!(
            "it is in the format HEIC or AVIF, which is not read here: save it as JPEG, or set the camera to “most compatible”"
        );
    }
    let mut reader = ImageReader::new(Cursor::new(file)).with_guessed_format()?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_MEMORY);
    reader.limits(limits);
    let mut decoder = reader.into_decoder()?;
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    ensure!(
        pixels <= MAX_PIXELS,
        "it has {} million pixels, and at most {} million are read: make it smaller",
        pixels.div_ceil(1_000_000),
        MAX_PIXELS / 1_000_000
    );
    let orientation = decoder.orientation()?;
    let mut image = DynamicImage::from_decoder(decoder)?;
    image.apply_orientation(orientation);
    let image = image.into_rgba8();
    Ok(Picture::from_rgba(image.width() as usize, image.height() as usize, image.as_raw())?)
}

/// Whether the file begins as those of ISO/IEC 23008-12 do, which phones write by default.
fn is_heif(file: &[u8]) -> bool {
    const BRANDS: [&[u8; 4]; 9] =
        [b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"avif"];
    let brand = file.get(4..12).and_then(|kind| kind.strip_prefix(b"ftyp"));
    brand.is_some_and(|brand| BRANDS.iter().any(|known| known.as_slice() == brand))
}
