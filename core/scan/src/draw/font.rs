//! The built-in font of labels, generated from `data/font.txt`.

include!(concat!(env!("OUT_DIR"), "/font.rs"));

/// Dots of a character across, without the gap to the next.
pub(super) const WIDTH: usize = 5;

/// Dots of a character down, without the gap to the next line.
pub(super) const HEIGHT: usize = 7;

/// The dots of a character, row by row from the top left; a blank for characters that the font lacks.
pub(super) fn dots(character: char) -> impl Iterator<Item = (usize, usize)> {
    let index = usize::try_from(u32::from(character)).ok().and_then(|code| code.checked_sub(0x20));
    let rows = index.and_then(|index| GLYPHS.get(index)).copied().unwrap_or_default();
    let row = |(y, bits): (usize, u8)| {
        (0..WIDTH).filter(move |x| bits >> (WIDTH - 1 - x) & 1 == 1).map(move |x| (x, y))
    };
    rows.into_iter().enumerate().flat_map(row)
}
