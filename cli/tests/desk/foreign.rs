//! Files that somebody else wrote, an output that nobody takes, and files that nobody else may read.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::tried::Tried;
use crate::{COUNTERSIGN, countersign, succeed};

/// Most that any of these commands may take.
const SOON: Duration = Duration::from_secs(20);

/// A folder with a node's configuration, its genesis, and a wallet that trusts it.
struct Site {
    folder: tempfile::TempDir,
    config: PathBuf,
    genesis: PathBuf,
    home: PathBuf,
}

impl Site {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let (config, genesis, home) = (path("node.toml"), path("genesis.json"), path("home"));
        fs::write(&config, "name = \"ledger.meds.example\"\ndomain = \"meds.example\"\ndata = \"data\"\n")
            .unwrap();
        let printed = succeed(&home, &["node", "--config", config.to_str().unwrap(), "genesis"]);
        fs::write(&genesis, printed).unwrap();
        succeed(&home, &["init", genesis.to_str().unwrap(), "--node", "https://localhost:1"]);
        Self { folder, config, genesis, home }
    }
}

fn tried() -> Tried {
    Tried::new(
        "what is no file, too long, or a picture of too many pixels",
        "commands that ended, with the reason",
    )
}

/// What a command says and returns; it must not take long.
fn soon(home: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut child = Command::new(COUNTERSIGN)
        .arg("--home")
        .arg(home)
        .args(arguments)
        .env("COUNTERSIGN_PASSPHRASE", "correct horse battery")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let started = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if started.elapsed() > SOON {
            child.kill().unwrap();
            panic!("{arguments:?} does not end");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    (status.code(), String::from_utf8([stdout, stderr].concat()).unwrap())
}

/// Every command that reads a file, with this one.
fn readers<'a>(none: &'a str, genesis: &'a str) -> [Vec<&'a str>; 14] {
    let pack = "(01)09506000134352(10)L1";
    [
        vec!["verify", none, "--genesis", genesis],
        vec!["verify", genesis, "--genesis", none],
        vec!["init", none, "--node", "https://localhost:1"],
        vec!["scan", none],
        vec!["check", none],
        vec!["trace", none],
        vec!["follow", none],
        vec!["follow", "(00)095060001343520017", "--contents", none],
        vec!["import", none],
        vec!["record", "inspect", none],
        vec!["sign", "--draft", none],
        vec!["sign", "medicine.commission", "--about", pack, "--serials", none],
        vec!["sign", "medicine.commission", "--about", none],
        vec!["node", "--config", none, "genesis"],
    ]
}

#[test]
fn what_is_not_there_is_named_with_what_is_wanted() {
    let site = Site::new();
    let (none, genesis) = (site.folder.path().join("none/x"), site.genesis.to_str().unwrap());
    let none = none.to_str().unwrap();
    for arguments in readers(none, genesis) {
        let (code, said) = soon(&site.home, &arguments);
        assert_eq!(code, Some(1), "{arguments:?}: {said}");
        let wanted = said.contains("wanted is a") || said.contains("prints one to start from");
        assert!(wanted && said.contains(none) && !said.contains("os error"), "{arguments:?}: {said}");
    }
    let (_, said) = soon(&site.home, &["label", "(01)09506000134352", "-o", &format!("{none}.png")]);
    assert!(said.contains("make the folder ") && !said.contains("os error"), "{said}");
}

#[test]
fn what_is_no_file_is_named_by_every_command_that_reads_one() {
    let site = Site::new();
    let pipe = site.folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let genesis = site.genesis.to_str().unwrap();
    let tried = tried();
    for none in ["/dev/zero", pipe.to_str().unwrap(), site.folder.path().to_str().unwrap()] {
        for arguments in readers(none, genesis) {
            let (code, said) = soon(&site.home, &arguments);
            assert_eq!(code, Some(1), "{arguments:?}: {said}");
            assert!(said.contains("is not a file") && said.contains(none), "{arguments:?}: {said}");
            assert_eq!(said.matches("is not a file").count(), 1, "it is told once: {said}");
            tried.times(1);
            tried.looked_up(1, 0);
        }
    }
}

#[test]
fn a_file_that_is_too_long_is_not_read() {
    let site = Site::new();
    let long = site.folder.path().join("long");
    // Of nothing: it has no blocks on the disk.
    File::create(&long).unwrap().set_len(1 << 40).unwrap();
    let long = long.to_str().unwrap();
    let tried = tried();
    for arguments in [
        &["verify", long][..],
        &["init", long, "--node", "https://localhost:1"],
        &["scan", long],
        &["import", long],
        &["sign", "--draft", long],
        &["sign", "medicine.commission", "--about", "(01)09506000134352(10)L1", "--serials", long],
        &["node", "--config", long, "genesis"],
    ] {
        let (code, said) = soon(&site.home, arguments);
        assert_eq!(code, Some(1), "{arguments:?}: {said}");
        assert!(said.contains("has more than") && said.contains(long), "{arguments:?}: {said}");
        tried.times(1);
        tried.looked_up(1, 0);
    }
}

#[test]
fn a_small_picture_of_very_many_pixels_is_refused_before_it_is_decoded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bomb.png");
    let mut encoder = png::Encoder::new(File::create(&path).unwrap(), 20_000, 20_000);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    encoder.set_compression(png::Compression::High);
    let mut writer = encoder.write_header().unwrap();
    let mut stream = writer.stream_writer().unwrap();
    (0..20_000).for_each(|_| stream.write_all(&[0xff; 2500]).unwrap());
    stream.finish().unwrap();
    writer.finish().unwrap();
    assert!(fs::metadata(&path).unwrap().len() < 100_000);
    let path = path.to_str().unwrap();
    let tried = tried();
    let started = Instant::now();
    for arguments in [&["scan", path][..], &["scan", "--json", path]] {
        let (code, said) = soon(folder.path(), arguments);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("400 million pixels") && said.contains("bomb.png"), "{said}");
        tried.times(1);
        tried.looked_up(1, 0);
    }
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

/// Commands that answer something, each in its own way.
const TELLING: [&[&str]; 8] = [
    &["gs1"],
    &["scan", "nothing.png"],
    &["sign"],
    &["node", "example"],
    &["completion", "bash"],
    &["--help"],
    &["--version"],
    &["--json", "scan", "nothing.png"],
];

fn told(arguments: &[&str], stdout: impl Into<Stdio>) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let codes = folder.path().join("codes.txt");
    fs::write(&codes, "(01)09506000134352\n").unwrap();
    let mut command = Command::new(COUNTERSIGN);
    command.args(arguments).stdin(File::open(&codes).unwrap()).stdout(stdout).stderr(Stdio::piped());
    let output = command.spawn().unwrap().wait_with_output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_reader_who_has_seen_enough_ends_the_command_without_a_word() {
    let tried = Tried::new("an output that is closed or full", "commands that ended");
    for arguments in TELLING {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        assert_eq!(told(arguments, writer), (Some(141), String::new()), "{arguments:?}");
        tried.times(1);
        tried.looked_up(1, 0);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn an_output_that_is_full_is_a_failure_with_its_reason() {
    let tried = Tried::new("an output that is closed or full", "commands that ended");
    for arguments in TELLING {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let (code, said) = told(arguments, full);
        assert_eq!(code, Some(1), "{arguments:?}: {said}");
        assert_eq!(said.matches("No space left").count(), 1, "{arguments:?}: {said}");
        assert!(!said.contains("panicked"), "{arguments:?}: {said}");
        tried.times(1);
        tried.looked_up(1, 0);
    }
    // Even if nobody can be told.
    let full = || File::options().write(true).open("/dev/full").unwrap();
    let status = Command::new(COUNTERSIGN).args(["verify", "nothing"]).stdout(full()).stderr(full()).status();
    assert_eq!(status.unwrap().code(), Some(1));
}

#[test]
fn an_enrolment_code_is_good_for_hours_that_make_sense() {
    let site = Site::new();
    let config = site.config.to_str().unwrap();
    let code = |hours: &str| {
        soon(&site.home, &["node", "--config", config, "code", "authority", "a", "--hours", hours])
    };
    for hours in ["0", "2161", "5124095576030431", "18446744073709551615", "-1", "x"] {
        let (code, said) = code(hours);
        assert_eq!(code, Some(2), "{hours}: {said}");
        assert!(!said.contains("panicked"), "{hours}: {said}");
    }
    for hours in ["1", "2160"] {
        assert_eq!(code(hours).0, Some(0), "{hours}");
    }
}

#[cfg(unix)]
#[test]
fn folders_and_databases_are_for_their_owner_alone_whatever_the_umask() {
    use std::os::unix::fs::PermissionsExt as _;
    for umask in ["000", "022", "027"] {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("node.toml"), "name = \"l.example\"\ndomain = \"meds.example\"\ndata = \"data\"\n")
            .unwrap();
        let script = "umask $0; \"$1\" node --config node.toml genesis > genesis.json && \
                      \"$1\" node --config node.toml code authority a && \
                      \"$1\" --home home init genesis.json --node https://localhost:1 && \
                      \"$1\" --home home follow '(01)09506000134352'";
        let mut shell = Command::new("sh");
        shell.current_dir(folder.path()).args(["-c", script, umask, COUNTERSIGN]).stdout(Stdio::null());
        assert!(shell.status().unwrap().success());
        let mode = |name: &str| fs::metadata(path(name)).unwrap().permissions().mode() & 0o777;
        for (name, expected) in [
            ("data", 0o700),
            ("data/keys", 0o700),
            ("data/keys/root.p256", 0o600),
            ("data/ledger.sqlite", 0o600),
            ("home", 0o700),
            ("home/snapshot.db", 0o600),
        ] {
            assert_eq!(mode(name), expected, "{name} under {umask}: {:o}", mode(name));
        }
    }
}

#[cfg(unix)]
#[test]
fn a_secret_that_others_may_read_is_refused_by_name_and_a_certificate_is_not() {
    use std::os::unix::fs::PermissionsExt as _;
    let site = Site::new();
    let config = site.config.to_str().unwrap();
    let keys = site.folder.path().join("data/keys");
    let open = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let mut secrets = 0;
    for entry in fs::read_dir(&keys).unwrap() {
        let path = entry.unwrap().path();
        let is_secret =
            path.extension().is_none_or(|extension| !["crt", "txt"].contains(&extension.to_str().unwrap()));
        secrets += u32::from(is_secret);
        for mode in [0o604, 0o640, 0o622] {
            open(&path, mode);
            let output = countersign(&site.home, &["node", "--config", config, "code", "authority", "a"]);
            let said = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.success(), !is_secret, "{} with {mode:o}: {said}", path.display());
            let named = said.contains(path.to_str().unwrap()) && said.contains("others may read");
            assert_eq!(named, is_secret, "{said}");
        }
        open(&path, 0o600);
    }
    assert!(secrets >= 10, "{secrets}");
    succeed(&site.home, &["node", "--config", config, "genesis"]);
}
