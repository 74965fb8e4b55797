//! A sensor in a program that links no allocator agrees with the gateway, is confirmed, and speaks.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails should stop")]
#![allow(clippy::disallowed_methods, reason = "it looks at a program")]

#[path = "device/nowhere.rs"]
mod nowhere;
#[path = "device/peer.rs"]
mod peer;

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use countersign_device::{Key, Leg, LegRow, Next, Ops, Scope, UnixMillis, Wanted};

use crate::nowhere::Nowhere;
use crate::peer::{Peer, mac};

const SID: [u8; 16] = [0xa5; 16];
const GATEWAY: [u8; 16] = [0xc5; 16];

fn build() -> std::path::PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("bare");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bare");
    let built = Command::new(env!("CARGO"))
        .args(["build", "--release", "--locked", "--quiet", "--bin", "talk"])
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", &target)
        .env_remove("RUSTFLAGS")
        .status();
    assert!(built.unwrap().success(), "the bare sensor does not build");
    target.join("release/talk")
}

fn ask(sensor: &mut Child, message: &[u8]) -> Vec<u8> {
    let input = sensor.stdin.as_mut().unwrap();
    input.write_all(&u16::try_from(message.len()).unwrap().to_be_bytes()).unwrap();
    input.write_all(message).unwrap();
    let (output, mut length) = (sensor.stdout.as_mut().unwrap(), [0; 2]);
    output.read_exact(&mut length).unwrap();
    let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
    output.read_exact(&mut answer).unwrap();
    answer
}

#[test]
fn a_sensor_needs_no_heap() {
    let program = build();
    let bytes = std::fs::read(&program).unwrap();
    for allocator in ["__rust_alloc", "__rust_no_alloc", "malloc", "realloc"] {
        let linked = bytes.windows(allocator.len()).any(|part| part == allocator.as_bytes());
        assert!(!linked, "{allocator} is in the program");
    }

    let key = |name: u8| mac(&[name; 32], "a key of a test", &[]);
    let mut sensor = Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let given = [&key(1)[..], &key(2), &SID, &GATEWAY].concat();
    sensor.stdin.as_mut().unwrap().write_all(&given).unwrap();
    let mut leg = Leg::boot(LegRow::new(SID, Key::new(key(1)), Key::new(key(2))));
    let scope = Scope { role: 2, ops: Ops::LOOKS, ttl: 60, association: 1001 };
    for session in 1..=3u8 {
        leg.want(Wanted { ticket: 1, n_u: [session; 16], scope, point: None }).unwrap();
        let now = UnixMillis(1_795_000_000_000);
        let Ok(Next::Send(m2)) = leg.next(now, [session; 16], &mut Nowhere) else { panic!("no m2") };
        let m3 = ask(&mut sensor, m2.as_ref());
        let agreed = leg.reply(&m3, &mut Nowhere).unwrap();
        assert_eq!(ask(&mut sensor, m2.as_ref()), [], "a repetition is met with silence");
        let peer = Peer::new(agreed.q, agreed.kappa.as_bytes(), &SID, &GATEWAY, scope.to_bytes());
        let frame = ask(&mut sensor, &peer.frame(0, &[]));
        assert_eq!(peer.open(&frame).unwrap().0, 0);
    }
    drop(sensor.stdin.take());
    assert!(sensor.wait().unwrap().success());
}
