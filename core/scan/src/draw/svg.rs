//! A label as an SVG 1.1 document.

use std::fmt::{Result, Write};

use super::font;
use super::label::Label;
use super::raster::{Layout, Scale};

impl Label {
    /// As an SVG document, with the text as text.
    #[must_use]
    pub fn svg(&self, scale: Scale) -> String {
        write(self, scale)
    }
}

/// One path for the dark modules, so that no seams show between them, and the text as text.
fn write(label: &Label, scale: Scale) -> String {
    let mut svg = String::new();
    // Writing to a string does not fail.
    let _ = try_write(&mut svg, label, scale);
    svg
}

fn try_write(svg: &mut String, label: &Label, scale: Scale) -> Result {
    let Layout { width, height, symbol: (left, top), lines } = Layout::of(label, scale);
    let module = scale.module();
    let (wide, high) = (label.width.millimetres(width, module), label.width.millimetres(height, module));
    write!(svg, r#"<svg xmlns="http://www.w3.org/2000/svg" width="{wide:.3}mm" height="{high:.3}mm" "#)?;
    writeln!(svg, r#"viewBox="0 0 {width} {height}">"#)?;
    writeln!(svg, r##"<rect width="100%" height="100%" fill="#fff"/>"##)?;
    svg.push_str(r#"<path shape-rendering="crispEdges" d=""#);
    for (row, modules) in label.dark.chunks(label.side.width).enumerate() {
        for (start, length) in runs(modules) {
            let (x, y, across) = (left + start * module, top + row * module, length * module);
            write!(svg, "M{x} {y}h{across}v{module}h-{across}z")?;
        }
    }
    svg.push_str("\"/>\n");
    let size = (font::HEIGHT + 3) * scale.dot();
    for (line, (_, top)) in label.lines.iter().zip(lines) {
        let (middle, base) = (width / 2, top + font::HEIGHT * scale.dot());
        write!(svg, r#"<text x="{middle}" y="{base}" font-family="monospace" font-size="{size}" "#)?;
        writeln!(svg, r#"text-anchor="middle">{}</text>"#, escape(line))?;
    }
    svg.push_str("</svg>\n");
    Ok(())
}

/// Beginning and length of each run of dark modules.
fn runs(modules: &[bool]) -> Vec<(usize, usize)> {
    let mut start = 0;
    let mut found = Vec::new();
    for run in modules.chunk_by(PartialEq::eq) {
        if run[0] {
            found.push((start, run.len()));
        }
        start += run.len();
    }
    found
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
