//! Writes the tables of `data/` as Rust constants, so that no table is parsed on a phone.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a build script runs where the crate is built"
)]

use std::error::Error;
use std::fmt::Write;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=data");
    let out = std::env::var("OUT_DIR")?;
    std::fs::write(format!("{out}/ai.rs"), ai_table(include_str!("data/ai.tsv"))?)?;
    std::fs::write(format!("{out}/codes.rs"), code_lists(include_str!("data/codes.tsv"))?)?;
    std::fs::write(format!("{out}/font.rs"), font(include_str!("data/font.txt"))?)?;
    Ok(())
}

fn rows(data: &str) -> impl Iterator<Item = &str> {
    data.lines().filter(|line| !line.starts_with('#') && !line.is_empty())
}

/// One `Ai` constant for each code, ranges written out, in the order of the file (which is the lexical one).
fn ai_table(data: &str) -> Result<String, Box<dyn Error>> {
    let mut text = String::from("static TABLE: &[Ai] = &[\n");
    for row in rows(data) {
        let columns: Vec<&str> = row.split('\t').collect();
        let &[codes, end, link, parts, needs, never, path, title] = columns.as_slice() else {
            return Err(format!("eight columns expected: {row}").into());
        };
        for code in expand(codes)? {
            writeln!(
                text,
                "Ai {{ code: {code:?}, fixed: {}, query: {}, parts: &[{}], needs: &[{}], never: &[{}], path: {}, title: {title:?} }},",
                end == "fixed",
                link == "query",
                parts.split(' ').map(part).collect::<Result<String, _>>()?,
                requirements(needs),
                strings(never, ','),
                alternatives(path),
            )?;
        }
    }
    Ok(text + "];\n")
}

/// `3100-3105` written out with the zeros kept.
fn expand(codes: &str) -> Result<Vec<String>, Box<dyn Error>> {
    let Some((first, last)) = codes.split_once('-') else { return Ok(vec![codes.to_owned()]) };
    let (from, to): (u16, u16) = (first.parse()?, last.parse()?);
    Ok((from..=to).map(|code| format!("{code:0width$}", width = first.len())).collect())
}

/// `?x..17:check-digit` as a `Part`.
fn part(text: &str) -> Result<String, Box<dyn Error>> {
    let (spec, rules) = text.split_once(':').unwrap_or((text, ""));
    let (optional, spec) = spec.strip_prefix('?').map_or((false, spec), |rest| (true, rest));
    let set = match spec.get(..1) {
        Some("n") => "Digits",
        Some("x") => "Set82",
        Some("y") => "Set39",
        Some("z") => "Base64Url",
        _ => return Err(format!("unknown character set: {text}").into()),
    };
    let length = spec.get(1..).unwrap_or_default();
    let (min, max) = match length.strip_prefix("..") {
        Some(max) => (1, max.parse::<usize>()?),
        None => (length.parse()?, length.parse()?),
    };
    let rules: String = rules
        .split(':')
        .filter(|name| !name.is_empty())
        .fold(String::new(), |list, name| list + "Rule::" + &camel(name) + ", ");
    Ok(format!(
        "Part {{ set: Charset::{set}, min: {min}, max: {max}, optional: {optional}, rules: &[{rules}] }}, "
    ))
}

fn camel(name: &str) -> String {
    let capital =
        |word: &str| word.get(..1).unwrap_or_default().to_uppercase() + word.get(1..).unwrap_or_default();
    name.split('-').map(capital).collect()
}

fn strings(text: &str, separator: char) -> String {
    let present = text.split(separator).filter(|item| *item != "-");
    present.fold(String::new(), |list, item| list + &format!("{:?}, ", item.trim()))
}

/// `01,8006+21 & 30` as requirements of groups of codes.
fn requirements(text: &str) -> String {
    let present = text.split('&').filter(|one| *one != "-");
    present.fold(String::new(), |list, one| {
        let groups =
            one.split(',').fold(String::new(), |all, group| all + &format!("&[{}], ", strings(group, '+')));
        list + &format!("&[{groups}], ")
    })
}

/// `22,10,21|235` as alternative qualifier orders.
fn alternatives(text: &str) -> String {
    match text {
        "-" => "None".to_owned(),
        "." => "Some(&[])".to_owned(),
        _ => {
            let orders =
                text.split('|').fold(String::new(), |all, one| all + &format!("&[{}], ", strings(one, ',')));
            format!("Some(&[{orders}])")
        }
    }
}

/// Each list as one sorted constant named after it.
fn code_lists(data: &str) -> Result<String, Box<dyn Error>> {
    let mut lists: Vec<(&str, Vec<&str>)> = Vec::new();
    for row in rows(data) {
        let (name, codes) = row.split_once('\t').ok_or("name and codes expected")?;
        if lists.last().is_none_or(|(last, _)| *last != name) {
            lists.push((name, Vec::new()));
        }
        if let Some((_, list)) = lists.last_mut() {
            list.extend(codes.split(' '));
        }
    }
    let mut text = String::new();
    for (name, mut list) in lists {
        list.sort_unstable();
        writeln!(text, "static {}: &[&str] = &{list:?};", name.to_uppercase())?;
    }
    Ok(text)
}

/// Each glyph as its seven rows, five low bits a row, in the order of the characters from the space on.
fn font(data: &str) -> Result<String, Box<dyn Error>> {
    let lines: Vec<&str> = data.lines().skip_while(|line| !line.starts_with('=')).collect();
    let mut text = String::from("static GLYPHS: &[[u8; 7]] = &[\n");
    for (glyph, expected) in lines.chunks(8).zip(' '..='~') {
        let (head, rows) = glyph.split_first().ok_or("an empty glyph")?;
        if *head != format!("={expected}") || rows.len() != 7 {
            return Err(format!("the glyph of {expected:?} is missing or not seven rows high").into());
        }
        let bits = rows.iter().map(|row| {
            row.chars()
                .chain("     ".chars())
                .take(5)
                .fold(0_u8, |bits, dot| bits << 1 | u8::from(dot == '#'))
        });
        writeln!(text, "{:?},", bits.collect::<Vec<u8>>())?;
    }
    Ok(text + "];\n")
}
