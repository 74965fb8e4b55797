//! Prints what `cargo bench` measured as tables, each figure beside the raw primitive of its group.

#![allow(clippy::print_stdout, reason = "it prints")]

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// The member of a group that is the primitive the others cannot avoid.
const RAW: &str = "raw";

fn main() -> Result<(), Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/criterion");
    let mut groups: BTreeMap<String, BTreeMap<String, f64>> = BTreeMap::new();
    for measured in measurements(&folder)? {
        let names = read(&measured.join("benchmark.json"))?;
        let median = read(&measured.join("estimates.json"))?["median"]["point_estimate"].as_f64();
        let (Some(group), Some(median)) = (names["group_id"].as_str(), median) else { continue };
        let name = [names["function_id"].as_str(), names["value_str"].as_str()];
        let name = name.into_iter().flatten().collect::<Vec<_>>().join(" / ");
        groups.entry(group.to_owned()).or_default().insert(name, median);
    }
    for (group, members) in groups {
        let raw = members.get(RAW).copied();
        println!("\n| {group} | median | of raw |\n| --- | --- | --- |");
        for (name, nanos) in members {
            let ratio = raw.map_or_else(|| "-".to_owned(), |raw| format!("{:.2}", nanos / raw));
            println!("| {name} | {} | {ratio} |", human(nanos));
        }
    }
    Ok(())
}

/// The folders of the newest measurements.
fn measurements(folder: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() && path.ends_with("new") {
            found.push(path);
        } else if path.is_dir() {
            found.extend(measurements(&path)?);
        }
    }
    Ok(found)
}

fn read(path: &Path) -> Result<Value, Box<dyn Error>> {
    Ok(serde_json::from_slice(&fs::read(path)?)?)
}

fn human(nanos: f64) -> String {
    match nanos {
        nanos if nanos < 1e3 => format!("{nanos:.0} ns"),
        nanos if nanos < 1e6 => format!("{:.1} µs", nanos / 1e3),
        nanos if nanos < 1e9 => format!("{:.1} ms", nanos / 1e6),
        nanos => format!("{:.2} s", nanos / 1e9),
    }
}
