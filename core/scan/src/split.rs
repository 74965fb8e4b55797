//! A lost separator. `21SER1<GS>10LOT1` scanned without its GS gives the valid but wrong serial `SER110LOT1`; only the
//! ledger knows which reading exists, so all possible readings are offered to it.

use crate::gs1::{Ai, Date, GS, Gtin};
use crate::product::Product;

/// The most readings that are offered; a label with more is hopelessly ambiguous.
const MAX_READINGS: usize = 64;

/// The most partial readings that are looked at, so that no text takes long.
const MAX_STEPS: usize = 20_000;

/// What may follow a lost separator on a pack: article, lot, dates, serial, national numbers.
const ON_PACKS: &[&str] = &[
    "01", "10", "11", "13", "15", "16", "17", "20", "21", "22", "240", "710", "711", "712", "713", "714",
    "715",
];

/// The possible products if separators were lost in the lot or serial; fewest lost separators first. The product as it
/// was read is not among them.
#[must_use]
pub fn splits(product: &Product, current_year: u16) -> Vec<Product> {
    let field = |code: &str, value: &Option<String>| value.as_ref().map(|value| format!("{code}{value}"));
    let chunks: Vec<String> =
        [field("10", &product.lot), field("21", &product.serial)].into_iter().flatten().collect();
    let read = Reading {
        gtin: Some(product.gtin),
        expiry: product.expiry,
        seen: if product.expiry.is_some() { vec!["01", "17"] } else { vec!["01"] },
        ..Reading::default()
    };
    search(&chunks, read, current_year)
}

/// The same for the text of a GS1 symbol that violates the rules as read, such as a serial that is too long. The
/// reading without a lost separator is not among them: it is invalid.
pub(crate) fn readings(text: &str, current_year: u16) -> Vec<Product> {
    if text.len() > crate::gs1::MAX_TEXT {
        return Vec::new();
    }
    let chunks: Vec<String> = text.split(GS).filter(|chunk| !chunk.is_empty()).map(str::to_owned).collect();
    search(&chunks, Reading::default(), current_year)
}

/// What has been read so far.
#[derive(Clone, Default)]
struct Reading {
    gtin: Option<Gtin>,
    lot: Option<String>,
    serial: Option<String>,
    expiry: Option<Date>,
    seen: Vec<&'static str>,
    lost: usize,
}

fn search(chunks: &[String], start: Reading, current_year: u16) -> Vec<Product> {
    let mut search = Search { chunks, current_year, steps: 0, found: Vec::new() };
    search.read(0, 0, start);
    search.found.sort_by_key(|(lost, _)| *lost);
    let mut products: Vec<Product> = Vec::new();
    for (_, product) in search.found {
        if !products.contains(&product) {
            products.push(product);
        }
    }
    products
}

struct Search<'a> {
    chunks: &'a [String],
    current_year: u16,
    steps: usize,
    found: Vec<(usize, Product)>,
}

impl Search<'_> {
    /// Continues from a position in a chunk, at which every value so far has ended.
    fn read(&mut self, chunk: usize, at: usize, reading: Reading) {
        self.steps += 1;
        if self.steps > MAX_STEPS || self.found.len() >= MAX_READINGS {
            return;
        }
        let Some(text) = self.chunks.get(chunk) else { return self.finish(reading) };
        let rest = &text.as_bytes()[at..];
        if rest.is_empty() {
            return self.read(chunk + 1, 0, reading);
        }
        let Some(ai) = Ai::at_start_of(rest).filter(|ai| !reading.seen.contains(&ai.code)) else { return };
        if at > 0 && !ON_PACKS.contains(&ai.code) {
            return;
        }
        let start = at + ai.code.len();
        let longest = ai.max().min(text.len() - start);
        let shortest = if ai.fixed { ai.max() } else { 1 };
        // The longest first: it is the reading with the fewest lost separators.
        for length in (shortest..=longest).rev() {
            let end = start + length;
            let Some(value) = text.get(start..end) else { continue };
            let Some(next) = self.take(&reading, ai, value, !ai.fixed && end < text.len()) else { continue };
            self.read(chunk, end, next);
        }
    }

    /// The reading with one more value, when the value keeps its rules.
    fn take(&self, reading: &Reading, ai: &'static Ai, value: &str, lost: bool) -> Option<Reading> {
        ai.check(value.as_bytes()).ok()?;
        let mut next = reading.clone();
        next.seen.push(ai.code);
        next.lost += usize::from(lost);
        match ai.code {
            "01" => next.gtin = Some(Gtin::new(value).ok()?),
            "10" => next.lot = Some(value.to_owned()),
            "21" => next.serial = Some(value.to_owned()),
            "17" => next.expiry = Some(Date::from_yymmdd(value, self.current_year).ok()?),
            _ => {}
        }
        Some(next)
    }

    fn finish(&mut self, Reading { gtin, lot, serial, expiry, lost, .. }: Reading) {
        if let Some(gtin) = gtin.filter(|_| lost > 0) {
            self.found.push((lost, Product { gtin, lot, serial, expiry }));
        }
    }
}
