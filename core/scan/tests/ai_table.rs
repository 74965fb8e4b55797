//! The table of Application Identifiers against the dictionary that it was derived from.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test")]

mod support;

use countersign_scan::gs1::{Ai, Charset, Part, Rule};

/// Every line, every range, every attribute, and nothing that the dictionary does not have.
#[test]
fn every_line_of_the_dictionary_is_in_the_table() {
    let Some(folder) = support::vectors("gs1") else { return };
    let text = std::fs::read_to_string(folder.join("syntax-dictionary.txt")).unwrap();
    let mut count = 0;
    for line in text.lines().filter(|line| line.starts_with(|first: char| first.is_ascii_digit())) {
        for code in codes(line) {
            let ai = Ai::by_code(&code).unwrap_or_else(|| panic!("({code}) is missing"));
            assert_eq!(describe(ai), normal(line), "({code})");
            count += 1;
        }
    }
    assert_eq!(count, Ai::all().len());
    assert_eq!(count, 541);
}

fn codes(line: &str) -> Vec<String> {
    let codes = line.split_whitespace().next().unwrap();
    match codes.split_once('-') {
        Some((first, last)) => {
            let range = first.parse::<u16>().unwrap()..=last.parse().unwrap();
            range.map(|code| format!("{code:0width$}", width = first.len())).collect()
        }
        None => vec![codes.to_owned()],
    }
}

/// What a dictionary line says: flags and parts in order, attributes in any order, title.
fn normal(line: &str) -> (Vec<String>, Vec<String>, String) {
    let (body, title) = line.split_once(" # ").unwrap_or((line, ""));
    let words = body.split_whitespace().skip(1).map(str::to_owned);
    let attribute = |word: &String| ["req=", "ex=", "dlpkey"].iter().any(|start| word.starts_with(start));
    let (mut attributes, format): (Vec<_>, Vec<_>) = words.partition(attribute);
    attributes.sort();
    (format, attributes, title.trim().to_owned())
}

/// The same from the table.
fn describe(ai: &Ai) -> (Vec<String>, Vec<String>, String) {
    let flags = format!("{}{}", if ai.fixed { "*" } else { "" }, if ai.query { "?" } else { "" });
    let mut format: Vec<String> = [flags].into_iter().filter(|flags| !flags.is_empty()).collect();
    format.extend(ai.parts.iter().map(part));
    let joined = |lists: &[&[&str]], inner: &str, outer: &str| {
        lists.iter().map(|list| list.join(inner)).collect::<Vec<_>>().join(outer)
    };
    let needs = ai.needs.iter().map(|groups| format!("req={}", joined(groups, "+", ",")));
    let never = (!ai.never.is_empty()).then(|| format!("ex={}", ai.never.join(",")));
    let path = ai.path.map(|orders| match orders {
        [] => "dlpkey".to_owned(),
        _ => format!("dlpkey={}", joined(orders, ",", "|")),
    });
    let mut attributes: Vec<String> = needs.chain(never).chain(path).collect();
    attributes.sort();
    (format, attributes, if ai.title == "-" { String::new() } else { ai.title.to_owned() })
}

fn part(part: &Part) -> String {
    let set = match part.set {
        Charset::Digits => "N",
        Charset::Set82 => "X",
        Charset::Set39 => "Y",
        Charset::Base64Url => "Z",
    };
    let length = if part.min == part.max { part.max.to_string() } else { format!("..{}", part.max) };
    let spec = if part.optional { format!("[{set}{length}]") } else { format!("{set}{length}") };
    part.rules.iter().fold(spec, |spec, rule| spec + "," + name(*rule))
}

fn name(rule: Rule) -> &'static str {
    match rule {
        Rule::CheckDigit => "csum",
        Rule::CheckPair => "csumalpha",
        Rule::Prefix1 => "gcppos1",
        Rule::Prefix2 => "gcppos2",
        Rule::Date0 => "yymmd0",
        Rule::Date => "yymmdd",
        Rule::Date8 => "yyyymmdd",
        Rule::Time => "hhmi",
        Rule::Hour => "hh",
        Rule::Minute => "mi",
        Rule::Second => "ss",
        Rule::Percent => "pcenc",
        Rule::Country => "iso3166",
        Rule::Country999 => "iso3166999",
        Rule::Country2 => "iso3166alpha2",
        Rule::Currency => "iso4217",
        Rule::Latitude => "latitude",
        Rule::Longitude => "longitude",
        Rule::Bool => "yesno",
        Rule::Minus => "hyphen",
        Rule::Importer => "importeridx",
        Rule::Package => "packagetype",
        Rule::Media => "mediatype",
        Rule::Sex => "iso5218",
        Rule::Position => "posinseqslash",
        Rule::NonZero => "nonzero",
        Rule::Zero => "zero",
        Rule::Winding => "winding",
        Rule::Piece => "pieceoftotal",
        Rule::Iban => "iban",
        Rule::NoZeroFirst => "nozeroprefix",
        Rule::NonDigit => "hasnondigit",
        Rule::Coupon => "couponcode",
        Rule::CouponOffer => "couponposoffer",
    }
}
