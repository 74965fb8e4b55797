//! The scanner on the command line: lines of GS1 data, labels, pictures.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "a test")]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

const COUNTERSIGN: &str = env!("CARGO_BIN_EXE_countersign");

fn countersign(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(COUNTERSIGN)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    // Written by another thread, since the program answers while it still reads.
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    output
}

fn lines(output: &Output) -> Vec<Value> {
    let text = std::str::from_utf8(&output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The shared vectors, or `None` (with a message) outside CI.
fn vectors(name: &str) -> Option<String> {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/vectors/gs1")).join(name);
    let text = fs::read_to_string(&path).ok();
    assert!(text.is_some() || std::env::var_os("CI").is_none(), "CI needs the shared vectors: {name}");
    if text.is_none() {
        println!("skipped: the shared vectors are absent ({name})");
    }
    text
}

#[test]
fn every_line_of_the_official_engine_is_answered_as_the_engine_does() {
    for (name, count) in [("engine.jsonl", 1551), ("engine-own-inputs.jsonl", 106)] {
        let Some(theirs) = vectors(name) else { return };
        let output = countersign(&["gs1", "--json"], &theirs);
        assert_eq!(output.status.code(), Some(0));
        let ours = lines(&output);
        assert_eq!((ours.len(), theirs.lines().count()), (count, count));
        for (ours, theirs) in ours.iter().zip(theirs.lines()) {
            let mut theirs: Value = serde_json::from_str(theirs).unwrap();
            let mut ours = ours.clone();
            // The wording of a refusal is ours; whether there is one must agree.
            for wording in ["message", "link_message"] {
                let refused = (ours[wording].take().is_string(), theirs[wording].take().is_string());
                assert_eq!(refused.0, refused.1, "{wording}: {ours} {theirs}");
            }
            theirs.as_object_mut().unwrap().remove("markup");
            assert_eq!(ours, theirs);
        }
    }
}

#[test]
fn people_are_answered_in_words() {
    let output = countersign(&["gs1"], "(01)09506000134352(10)AB\n(01)09506000134353\n");
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(printed.contains("BATCH/LOT"), "{printed}");
    assert!(printed.contains("https://id.gs1.org/01/09506000134352/10/AB"), "{printed}");
    assert!(printed.contains("refused: (01) has a wrong check digit"), "{printed}");
}

const PACK: &str = "(01)09506000134352(17)281130(10)ABC123(21)7QH4";
const LINK: &str = "https://id.gs1.org/01/09506000134352/10/ABC123/21/7QH4";

fn label(file: &Path, symbology: &str, code: &str) {
    let output =
        countersign(&["label", code, "-o", file.to_str().unwrap(), "--as", symbology, "--module", "4"], "");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_label_is_drawn_and_read_again() {
    let folder = tempfile::tempdir().unwrap();
    for (symbology, identifier) in [("datamatrix", "]d2"), ("qr", "]Q3"), ("link", "]Q1")] {
        let file = folder.path().join(format!("{symbology}.png"));
        label(&file, symbology, PACK);
        let read = lines(&countersign(&["--json", "scan", file.to_str().unwrap()], ""));
        assert_eq!(read[0]["symbols"][0]["identifier"], identifier);
        assert_eq!(read[0]["symbols"][0]["product"]["link"], LINK);
        let file = folder.path().join(format!("{symbology}.svg"));
        label(&file, symbology, &format!("{LINK}?17=281130"));
        assert!(fs::read_to_string(&file).unwrap().contains(">(21) 7QH4</text>"));
    }
}

#[test]
fn pictures_come_in_other_formats_and_are_bounded_before_they_are_decoded() {
    let folder = tempfile::tempdir().unwrap();
    let png = folder.path().join("label.png");
    label(&png, "datamatrix", PACK);
    let webp = folder.path().join("label.webp");
    image::open(&png).unwrap().into_rgb8().save(&webp).unwrap();
    let read = lines(&countersign(&["--json", "scan", webp.to_str().unwrap()], ""));
    assert_eq!(read[0]["symbols"][0]["product"]["link"], LINK);

    // The header alone says how large it is.
    let header = |width: u32, height: u32| {
        let chunk = |kind: &[u8], data: &[u8]| {
            let body = [kind, data].concat();
            let crc = !body.iter().fold(u32::MAX, |crc, byte| {
                (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
                    if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 }
                })
            });
            [&u32::try_from(data.len()).unwrap().to_be_bytes(), body.as_slice(), &crc.to_be_bytes()].concat()
        };
        let size = [width.to_be_bytes(), height.to_be_bytes()].concat();
        let head = chunk(b"IHDR", &[&size[..], &[8, 0, 0, 0, 0]].concat());
        [b"\x89PNG\r\n\x1a\n".as_slice(), &head, &chunk(b"IDAT", &[]), &chunk(b"IEND", &[])].concat()
    };
    for (name, bytes, reason) in [
        ("bomb.png", header(19_000, 19_000), "361 million pixels"),
        ("long.png", header(4_000_000, 17), "68 million pixels"),
        ("photo.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic".to_vec(), "HEIC"),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        let output = countersign(&["scan", path.to_str().unwrap()], "");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.code() == Some(1) && said.contains(reason), "{name}: {said}");
    }
}

#[test]
fn what_cannot_be_drawn_is_refused_and_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let (png, pdf) = (folder.path().join("a.png"), folder.path().join("a.pdf"));
    for (code, file, reason) in [
        ("hello", &png, "not GS1 data"),
        ("(01)09506000134353", &png, "check digit"),
        ("(01)09506000134352(17)281100(10)A", &png, "must name the day"),
        (PACK, &pdf, "neither a .png nor a .svg"),
    ] {
        let output = countersign(&["label", code, "-o", file.to_str().unwrap()], "");
        assert_eq!(output.status.code(), Some(1), "{code}");
        let printed = String::from_utf8(output.stderr).unwrap();
        assert!(printed.contains(reason), "{printed}");
        assert!(!file.exists());
    }
    let refused = countersign(&["label", PACK, "-o", png.to_str().unwrap(), "--module", "17"], "");
    assert_eq!(refused.status.code(), Some(2));
}

/// A camera's view: a label somewhere on a grey table, darker and lighter from frame to frame.
fn frame(folder: &Path, number: u32, label: Option<&Path>) {
    let table = 90 + u8::try_from(number % 5).unwrap() * 10;
    let mut frame = image::GrayImage::from_pixel(640, 360, image::Luma([table]));
    if let Some(label) = label {
        let label = image::open(label).unwrap().into_luma8();
        image::imageops::overlay(&mut frame, &label, i64::from(220 + number * 3), 60);
    }
    frame.save(folder.join(format!("{number:03}.png"))).unwrap();
}

#[test]
fn a_link_keeps_the_domain_that_is_given() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("link.png");
    let path = "01/09506000134352/10/ABC123/21/7QH4";
    for (given, drawn) in [
        (format!("https://brand.example/{path}"), format!("https://brand.example/{path}")),
        (
            format!("https://brand.example/01/med/{path}?17=281130"),
            format!("https://brand.example/01/med/{path}?17=281130"),
        ),
        (format!("http://brand.example:8080/{path}/"), format!("http://brand.example:8080/{path}")),
        (format!("HTTPS://Brand.Example/{path}"), format!("https://brand.example/{path}")),
        (PACK.to_owned(), format!("{LINK}?17=281130")),
    ] {
        label(&file, "link", &given);
        let read = lines(&countersign(&["--json", "scan", file.to_str().unwrap()], ""));
        let symbol = &read[0]["symbols"][0];
        assert_eq!(
            (symbol["text"].as_str(), symbol["product"]["link"].as_str()),
            (Some(&*drawn), Some(LINK))
        );
    }
    // A domain changes nothing in a symbol of element strings.
    label(&file, "datamatrix", &format!("https://brand.example/{path}"));
    let read = lines(&countersign(&["--json", "scan", file.to_str().unwrap()], ""));
    assert_eq!(read[0]["symbols"][0]["product"]["link"], LINK);
}

#[test]
fn a_camera_tells_each_symbol_once_and_says_what_it_names() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("first.png"), folder.path().join("second.png"));
    label(&first, "datamatrix", PACK);
    label(&second, "link", "(01)09506000134352(10)OTHER");
    let frames = folder.path().join("frames");
    fs::create_dir(&frames).unwrap();
    for number in 0..12 {
        frame(
            &frames,
            number,
            [None, Some(first.as_path()), None, Some(second.as_path())][number as usize / 3],
        );
    }
    fs::write(frames.join("005b.png"), "no picture").unwrap();
    fs::write(frames.join("notes.txt"), "no frame").unwrap();
    let arguments = ["--json", "scan", "--frames", frames.to_str().unwrap()];
    let output = countersign(&arguments, "");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = lines(&output);
    let symbol = |line: &Value| {
        let symbol = &line["symbols"][0];
        (line["frame"].as_u64().unwrap(), symbol["identifier"].clone(), symbol["product"]["link"].clone())
    };
    assert_eq!(printed.len(), 2, "{printed:?}");
    assert_eq!(symbol(&printed[0]), (4, "]d2".into(), LINK.into()));
    assert_eq!(
        symbol(&printed[1]),
        (11, "]Q1".into(), "https://id.gs1.org/01/09506000134352/10/OTHER".into())
    );
    assert!(String::from_utf8_lossy(&output.stderr).contains("frame 7"), "the broken picture is reported");
}

#[test]
fn a_camera_that_sees_nothing_or_is_not_there_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let empty = countersign(&["scan", "--frames", path], "");
    assert!(String::from_utf8_lossy(&empty.stderr).contains("no PNG, JPEG or WebP"));
    frame(folder.path(), 1, None);
    let output = countersign(&["scan", "--frames", path], "");
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(1), b"".as_slice()));
    let absent = countersign(&["scan", "--camera", "4711"], "");
    assert_eq!(absent.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&absent.stderr).contains("camera"));
    assert_eq!(countersign(&["scan"], "").status.code(), Some(2));
}
