//! What the camera sees, in the terminal: half blocks in 24 greys, the found symbol outlined, a line of status.

use std::fmt::Write as _;
use std::io::{self, Write};

use countersign_scan::Luma;

/// Corners of a symbol in pixels of the frame.
pub type Outline = [(i32, i32); 4];

/// Colours of 256-colour terminals: the first of 24 greys, and green.
const DARKEST: u8 = 232;
const GREEN: u8 = 46;

/// A preview that is drawn over itself, frame by frame.
pub struct Preview<W: Write> {
    output: W,
    /// Lines that it takes now.
    lines: usize,
}

impl<W: Write> Preview<W> {
    /// Hides the cursor.
    pub fn new(mut output: W) -> io::Result<Self> {
        write!(output, "\x1b[?25l")?;
        Ok(Self { output, lines: 0 })
    }

    /// Draws a frame in at most so many columns and lines, and the status under it.
    pub fn show(
        &mut self,
        frame: &Luma<'_>,
        outlines: &[Outline],
        status: &str,
        (columns, lines): (usize, usize),
    ) -> io::Result<()> {
        let picture = render(frame, outlines, columns, lines.saturating_sub(2).max(1));
        let status: String = status.chars().take(columns).collect();
        let back = self.back();
        self.lines = picture.lines().count() + 1;
        writeln!(self.output, "{back}{picture}{status}\x1b[K")?;
        self.output.flush()
    }

    /// Makes room for a result above the next frame.
    pub fn clear(&mut self) -> io::Result<()> {
        let back = self.back();
        self.lines = 0;
        write!(self.output, "{back}\x1b[J")
    }

    /// Moves the cursor to the beginning of the preview.
    fn back(&self) -> String {
        if self.lines == 0 { String::new() } else { format!("\x1b[{}A\r", self.lines) }
    }
}

impl<W: Write> Drop for Preview<W> {
    fn drop(&mut self) {
        // The terminal may be gone; then the cursor does not matter.
        let _ = write!(self.output, "\x1b[?25h");
        let _ = self.output.flush();
    }
}

/// The frame in two rows of pixels a line.
fn render(frame: &Luma<'_>, outlines: &[Outline], columns: usize, lines: usize) -> String {
    let (width, height) = fit((frame.width(), frame.height()), (columns.max(1), 2 * lines));
    let mut cells = shrink(frame, width, height);
    for outline in outlines {
        let scale = |(x, y): (i32, i32)| (place(x, frame.width(), width), place(y, frame.height(), height));
        let corners = outline.map(scale);
        for (index, from) in corners.iter().enumerate() {
            for (x, y) in edge(*from, corners[(index + 1) % 4]) {
                cells[y * width + x] = GREEN;
            }
        }
    }
    let mut text = String::new();
    for pair in cells.chunks_exact(2 * width) {
        let (upper, lower) = pair.split_at(width);
        let mut before = None;
        for colours in upper.iter().zip(lower) {
            if before != Some(colours) {
                let _ = write!(text, "\x1b[38;5;{};48;5;{}m", colours.0, colours.1);
                before = Some(colours);
            }
            text.push('▀');
        }
        text.push_str("\x1b[0m\x1b[K\n");
    }
    text
}

/// The largest size of the same shape within bounds; an even height.
fn fit((width, height): (usize, usize), (widest, highest): (usize, usize)) -> (usize, usize) {
    let wide = widest.min(highest * width / height).max(1);
    let high = (wide * height / width).clamp(2, highest.max(2));
    (wide, high - high % 2)
}

/// Colours of a smaller picture: each the mean of what it covers.
fn shrink(frame: &Luma<'_>, width: usize, height: usize) -> Vec<u8> {
    let rows: Vec<&[u8]> = frame.rows().collect();
    let span = |index: usize, count: usize, length: usize| {
        let start = (index * length / count).min(length - 1);
        start..((index + 1) * length / count).clamp(start + 1, length)
    };
    let mut cells = Vec::with_capacity(width * height);
    for y in 0..height {
        let rows = &rows[span(y, height, rows.len())];
        for x in 0..width {
            let columns = span(x, width, frame.width());
            let count = rows.len() * columns.len();
            let sum: usize =
                rows.iter().flat_map(|row| &row[columns.clone()]).map(|grey| usize::from(*grey)).sum();
            cells.push(DARKEST + u8::try_from(sum / count * 24 / 256).unwrap_or_default());
        }
    }
    cells
}

/// A coordinate of the frame in the smaller picture; what lies outside goes to the border.
fn place(at: i32, length: usize, count: usize) -> usize {
    let at = usize::try_from(at).unwrap_or_default();
    (at * count / length).min(count - 1)
}

/// The cells from one corner towards another.
fn edge(from: (usize, usize), to: (usize, usize)) -> impl Iterator<Item = (usize, usize)> {
    let steps = from.0.abs_diff(to.0).max(from.1.abs_diff(to.1)).max(1);
    let between = move |from: usize, to: usize, step: usize| (from * (steps - step) + to * step) / steps;
    (0..steps).map(move |step| (between(from.0, to.0, step), between(from.1, to.1, step)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picture_keeps_its_shape_within_the_terminal() {
        let pixels = vec![0; 320 * 180];
        let frame = Luma::new(320, 180, 320, &pixels).unwrap();
        for (columns, lines, across, down) in [(80, 40, 80, 22), (80, 10, 35, 9), (1, 1, 1, 1)] {
            let text = render(&frame, &[], columns, lines);
            let rows: Vec<usize> = text.lines().map(|line| line.matches('▀').count()).collect();
            assert_eq!(rows, vec![across; down], "{columns}x{lines}");
        }
    }

    #[test]
    fn dark_and_light_differ_and_the_symbol_is_outlined() {
        let pixels = [[0_u8; 4], [255; 4]].concat().repeat(8);
        let frame = Luma::new(8, 8, 8, &pixels).unwrap();
        assert!(
            render(&frame, &[], 8, 4)
                .starts_with("\x1b[38;5;232;48;5;232m▀▀▀▀\x1b[38;5;255;48;5;255m▀▀▀▀\x1b[0m")
        );
        let text = render(&frame, &[[(2, 2), (5, 2), (5, 5), (2, 5)]], 8, 4);
        let green: Vec<usize> = text.lines().map(|line| line.matches("5;46").count()).collect();
        assert_eq!(green[0] + green[3], 0);
        assert!(green[1] > 0 && green[2] > 0, "{text:?}");
        // Corners beyond the frame harm nothing.
        assert!(render(&frame, &[[(-9, -9), (99, -9), (99, 99), (-9, 99)]], 8, 4).contains("46"));
    }

    #[test]
    fn a_frame_is_drawn_over_the_one_before() {
        let pixels = [0; 16];
        let frame = Luma::new(4, 4, 4, &pixels).unwrap();
        let mut output = Vec::new();
        let mut preview = Preview::new(&mut output).unwrap();
        preview.show(&frame, &[], "one", (4, 6)).unwrap();
        preview.show(&frame, &[], "two and more", (4, 6)).unwrap();
        preview.clear().unwrap();
        drop(preview);
        let text = String::from_utf8(output).unwrap();
        assert_eq!(text.matches("\x1b[3A\r").count(), 2, "{text:?}");
        assert!(text.contains("two \x1b[K"), "{text:?}");
        assert!(text.starts_with("\x1b[?25l") && text.ends_with("\x1b[J\x1b[?25h"));
    }
}
