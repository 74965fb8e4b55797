//! What `bindings/README.md` shows is what the tests in Kotlin and Swift compile and run, to the letter.

#![allow(clippy::unwrap_used, reason = "a test that fails should stop")]

use std::fs;
use std::path::Path;

/// The blocks of a language, without their fences.
fn blocks<'a>(text: &'a str, language: &str) -> Vec<&'a str> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once(&format!("```{language}\n")) {
        let (block, next) = after.split_once("```\n").unwrap();
        found.push(block);
        rest = next;
    }
    found
}

#[test]
fn the_lines_of_the_readme_are_those_that_are_tested() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |file: &str| fs::read_to_string(folder.join(file)).unwrap();
    let readme = read("README.md");
    for (language, file) in [
        ("kotlin", "kotlin/src/test/kotlin/quickstart/FirstVerdict.kt"),
        ("swift", "swift/Tests/CountersignTests/FirstVerdict.swift"),
    ] {
        let tested = read(file);
        let shown = blocks(&readme, language);
        assert!(shown.contains(&tested.as_str()), "{file} is not in the README as it is");
        assert!(tested.lines().count() <= 22, "{file}: twenty lines or so");
    }
    // What a project brings in is what the one here brings in.
    let gradle = read("kotlin/build.gradle.kts");
    for line in blocks(&readme, "gradle").concat().lines().filter(|line| line.contains("implementation(")) {
        assert!(gradle.contains(line.trim()), "{line}");
    }
}

#[test]
fn every_error_is_in_the_readme_with_what_a_screen_does() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(folder.join("README.md")).unwrap();
    let source = fs::read_to_string(folder.join("src/error.rs")).unwrap();
    let (_, body) = source.split_once("pub enum CountersignError {\n").unwrap();
    let (body, _) = body.split_once("\n}\n").unwrap();
    let variants = body.lines().filter_map(|line| {
        let name = line.strip_prefix("    ")?.trim_end_matches([',', '{', ' ']);
        (name.chars().all(char::is_alphabetic) && name.starts_with(char::is_uppercase)).then_some(name)
    });
    let variants: Vec<&str> = variants.collect();
    assert!(variants.len() >= 10, "{variants:?}");
    let missing: Vec<_> = variants.iter().filter(|name| !readme.contains(&format!("| `{name}` |"))).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
