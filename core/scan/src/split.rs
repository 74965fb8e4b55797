//! Separators that were lost or replaced. `21SER1<GS>10LOT1` scanned without its GS gives the valid but wrong serial
//! `SER110LOT1`; only the ledger knows which reading exists, so all possible readings are offered to it.

use crate::gs1::{Ai, Date, GS, Gtin};
use crate::product::Product;

/// The most readings that are offered; a label with more is hopelessly ambiguous.
const MAX_READINGS: usize = 64;

/// The most partial readings that are looked at, so that no text takes long: fewer where the text shows what ends a value.
const MAX_STEPS: usize = 20_000;
const MAX_STEPS_SHOWN: usize = 1_000;

/// What may follow a lost separator on a pack: article, lot, dates, serial, national numbers.
const ON_PACKS: &[&str] = &[
    "01", "10", "11", "13", "15", "16", "17", "20", "21", "22", "240", "710", "711", "712", "713", "714",
    "715",
];

/// The possible products in element strings if some separators came as `separator`, or as nothing where that is empty;
/// fewest of these first. The reading in which every separator came whole is not among them.
pub(crate) fn split(text: &str, separator: &str, current_year: u16) -> Vec<Product> {
    let chunks: Vec<&str> = text.split(GS).filter(|chunk| !chunk.is_empty()).collect();
    let mut search = Search { chunks: &chunks, separator, current_year, steps: 0, found: Vec::new() };
    search.read(0, 0, Reading::default());
    search.found.sort_by_key(|(replaced, _)| *replaced);
    let mut products: Vec<Product> = Vec::new();
    for (_, product) in search.found {
        if !products.contains(&product) {
            products.push(product);
        }
    }
    products
}

/// What has been read so far.
#[derive(Clone, Default)]
struct Reading {
    gtin: Option<Gtin>,
    lot: Option<String>,
    serial: Option<String>,
    expiry: Option<Date>,
    seen: Vec<&'static str>,
    replaced: usize,
}

struct Search<'a> {
    chunks: &'a [&'a str],
    separator: &'a str,
    current_year: u16,
    steps: usize,
    found: Vec<(usize, Product)>,
}

impl Search<'_> {
    /// Continues from a position in a chunk, at which every value so far has ended.
    fn read(&mut self, chunk: usize, at: usize, mut reading: Reading) {
        self.steps += 1;
        let most = if self.separator.is_empty() { MAX_STEPS } else { MAX_STEPS_SHOWN };
        if self.steps > most || self.found.len() >= MAX_READINGS {
            return;
        }
        let Some(text) = self.chunks.get(chunk) else { return self.finish(reading) };
        let mut at = at;
        // Some printers and readers write a separator after values of predefined length too, and at the ends.
        if !self.separator.is_empty() && text[at..].starts_with(self.separator) {
            at += self.separator.len();
            reading.replaced += 1;
        }
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
            let lost = !ai.fixed && end < text.len();
            if lost && !text.get(end..).is_some_and(|rest| rest.starts_with(self.separator)) {
                continue;
            }
            let Some(value) = text.get(start..end) else { continue };
            let Some(mut next) = self.take(&reading, ai, value) else { continue };
            next.replaced += usize::from(lost && self.separator.is_empty());
            self.read(chunk, end, next);
        }
    }

    /// The reading with one more value, when the value keeps its rules.
    fn take(&self, reading: &Reading, ai: &'static Ai, value: &str) -> Option<Reading> {
        ai.check(value.as_bytes()).ok()?;
        let mut next = reading.clone();
        next.seen.push(ai.code);
        match ai.code {
            "01" => next.gtin = Some(Gtin::new(value).ok()?),
            "10" => next.lot = Some(value.to_owned()),
            "21" => next.serial = Some(value.to_owned()),
            "17" => next.expiry = Some(Date::from_yymmdd(value, self.current_year).ok()?),
            _ => {}
        }
        Some(next)
    }

    fn finish(&mut self, Reading { gtin, lot, serial, expiry, replaced, .. }: Reading) {
        if let Some(gtin) = gtin.filter(|_| replaced > 0) {
            self.found.push((replaced, Product { gtin, lot, serial, expiry }));
        }
    }
}
