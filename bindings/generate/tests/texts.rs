//! The apps' texts: complete in every language, used, and generated into what is committed. `bindings/generate/run` writes
//! that again.

#![allow(clippy::unwrap_used, reason = "a test that fails should stop")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use countersign_bindings_generate::{
    LANGUAGES, Texts, counted_swift, resource, string_catalogue, strings_xml, system_catalogue, words_kt,
};
use countersign_core::step_key;

/// Set by `bindings/generate/run`: write, do not compare.
const WRITE: &str = "COUNTERSIGN_WRITE_BINDINGS";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn texts() -> Vec<Texts> {
    let read = |tag: &str| {
        let file = root().join("bindings/texts").join(tag).with_extension("toml");
        Texts::parse(&fs::read_to_string(file).unwrap()).unwrap()
    };
    LANGUAGES.iter().map(|language| read(language.tag)).collect()
}

#[test]
fn every_language_has_every_text_with_its_arguments_and_plurals() {
    let all = texts();
    for (language, texts) in LANGUAGES.iter().zip(&all) {
        assert_eq!(texts.faults(&all[0], language), Vec::<String>::new(), "{}", language.tag);
    }
    let files = fs::read_dir(root().join("bindings/texts")).unwrap().count();
    assert_eq!(files, LANGUAGES.len(), "a file in bindings/texts that no app shows");
}

/// The keys that the core names in its records.
fn named_by_the_core() -> BTreeSet<String> {
    let slips = countersign_scan::Slip::ALL.into_iter().map(countersign_scan::Slip::key);
    let reasons = countersign_custody::words::reason_keys().chain(slips).map(|key| format!("reason.{key}"));
    let profiles = countersign_custody::Profile::all();
    let steps = profiles
        .iter()
        .flat_map(countersign_custody::Profile::steps)
        .map(|step| step_key(step.kind.as_str()));
    let families = countersign_families::families();
    let roles =
        families.roles().into_iter().map(|role| format!("role.{role}")).chain(["role.registrar".to_owned()]);
    let other = ["step.other", "role.other", "role.named"].map(str::to_owned);
    reasons.chain(steps).chain(roles).chain(other).collect()
}

#[test]
fn every_reason_step_and_role_of_the_core_has_a_text() {
    let all = texts();
    let missing: Vec<String> =
        named_by_the_core().into_iter().filter(|key| !all[0].0.contains_key(key)).collect();
    assert_eq!(missing, Vec::<String>::new());
}

/// Everything that is written by hand in the apps and the core, in one text.
fn sources() -> String {
    fn gather(folder: &Path, all: &mut String) {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if path.is_dir() {
                gather(&path, all);
            } else if name != "strings.xml"
                && [".kt", ".rs", ".swift", ".xml"].iter().any(|end| name.ends_with(end))
            {
                all.push_str(&fs::read_to_string(path).unwrap());
            }
        }
    }
    let mut all = String::new();
    for folder in ["bindings/src", "bindings/generate/src", "android/app/src/main", "ios"] {
        gather(&root().join(folder), &mut all);
    }
    all
}

#[test]
fn no_text_is_there_that_nothing_shows() {
    let (all, sources, core) = (texts(), sources(), named_by_the_core());
    let shown = |key: &str| {
        // A fault's title has the text that explains it beside it.
        let key = key.strip_suffix("-text").filter(|_| key.starts_with("fault.")).unwrap_or(key);
        let resource = resource(key);
        [format!("\"{key}\""), format!("R.string.{resource}"), format!("@string/{resource}\"")]
            .iter()
            .any(|name| sources.contains(name))
    };
    let unused: Vec<&String> = all[0].0.keys().filter(|key| !core.contains(*key) && !shown(key)).collect();
    assert_eq!(unused, Vec::<&String>::new());
}

/// What the sources write that looks like a key: two names with a dot between them, in quotes.
fn written(sources: &str) -> BTreeSet<&str> {
    let is_name =
        |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    sources
        .lines()
        .flat_map(|line| line.split('"').skip(1).step_by(2))
        .filter(|text| text.split_once('.').is_some_and(|(section, name)| is_name(section) && is_name(name)))
        .collect()
}

#[test]
fn every_text_that_an_app_or_the_core_names_is_there() {
    let (all, sources) = (texts(), sources());
    let sections: BTreeSet<&str> = all[0].0.keys().filter_map(|key| Some(key.split_once('.')?.0)).collect();
    let named = written(&sources)
        .into_iter()
        .filter(|key| key.split_once('.').is_some_and(|(section, _)| sections.contains(section)));
    let missing: Vec<&str> =
        named.filter(|key| !all[0].0.contains_key(*key) && !EXAMPLES.contains(key)).collect();
    assert_eq!(missing, Vec::<&str>::new());
}

/// Keys in tests that are to be missing.
const EXAMPLES: [&str; 1] = ["step.teleport"];

#[test]
fn no_two_keys_share_a_resource() {
    let all = texts();
    let names: BTreeSet<String> = all[0].0.keys().map(|key| resource(key)).collect();
    assert_eq!(names.len(), all[0].0.len());
}

#[test]
fn no_text_calls_a_pack_a_fake() {
    // The banned words of each language, in the order of `LANGUAGES`.
    let banned: [&[&str]; 8] = [
        &["fake", "counterfeit", "forged"],
        &["fälschung", "gefälscht"],
        &["contrefa", "falsifi", "faux médicament"],
        &["falsific", "falso"],
        &["falsific", "falso"],
        &["مزوّر", "مزور", "مزيّف", "مزيف"],
        &["नकली", "जाली"],
        &["假药", "假货", "伪造"],
    ];
    for ((language, texts), words) in LANGUAGES.iter().zip(texts()).zip(banned) {
        for (key, text) in &texts.0 {
            for form in text.forms() {
                let form = form.to_lowercase();
                assert!(!words.iter().any(|word| form.contains(word)), "{} {key}: {form}", language.tag);
            }
        }
    }
}

#[test]
fn the_committed_files_are_generated_from_the_texts() {
    let all = texts();
    let shown: Vec<Texts> =
        LANGUAGES.iter().zip(&all).map(|(language, texts)| texts.isolated(language)).collect();
    let resources = root().join("android/app/src/main/res");
    let mut files: Vec<(PathBuf, String)> = LANGUAGES
        .iter()
        .zip(&shown)
        .map(|(language, texts)| (resources.join(language.folder).join("strings.xml"), strings_xml(texts)))
        .collect();
    files.push((root().join("android/app/src/generated/Words.kt"), words_kt(&all[0])));
    files.push((root().join("ios/App/Localizable.xcstrings"), string_catalogue(&shown)));
    files.push((root().join("ios/App/InfoPlist.xcstrings"), system_catalogue(&shown)));
    files.push((root().join("ios/AppModel/Generated/Counted.swift"), counted_swift(&all[0])));
    for (committed, made) in files {
        if std::env::var_os(WRITE).is_some() {
            fs::create_dir_all(committed.parent().unwrap()).unwrap();
            fs::write(committed, made).unwrap();
        } else {
            let held = fs::read_to_string(&committed).unwrap_or_default();
            assert!(held == made, "{} is out of date: run bindings/generate/run", committed.display());
        }
    }
}
