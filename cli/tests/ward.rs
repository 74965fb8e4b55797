//! A small ward, as a script reads it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails should stop")]

use std::process::Command;

/// What a ward tells.
fn ward(arguments: &[&str]) -> serde_json::Value {
    let output =
        Command::new(env!("CARGO_BIN_EXE_countersign")).arg("--json").arg("ward").args(arguments).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_ward_in_a_bad_network_loses_no_device_and_keeps_out_who_was_revoked_or_captured() {
    // Each sign-in may take 19 s before it is given up, and the nurse is revoked after half of the time.
    let told =
        ward(&["--sensors", "9", "--clinicians", "6", "--loss", "30", "--replay", "30", "--seconds", "28"]);
    let number = |name: &str| told[name].as_f64().unwrap();
    assert_eq!(told["desynchronised"], 0, "{told}");
    assert!(number("agreed") >= 1.0 && number("sessions") >= number("agreed"), "{told}");
    // Four if nothing is lost; more where an answer was, since the device is then asked anew.
    assert!((3.0..20.0).contains(&number("macs_per_session")), "{told}");
    assert!((100.0..1_000.0).contains(&number("bytes_per_session")), "{told}");
    assert!(number("p50_ms") > 0.0 && number("p95_ms") >= number("p50_ms"), "{told}");
    let refused = told["refused"].as_object().unwrap();
    for reason in ["no-credential", "sensor:old", "forged-for-other-devices"] {
        assert!(refused.contains_key(reason), "{reason}: {told}");
    }
    let fields: Vec<_> = told.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = [
        "agreed",
        "bytes_per_session",
        "desynchronised",
        "macs_per_session",
        "p50_ms",
        "p95_ms",
        "refused",
        "sessions",
    ];
    assert_eq!(fields, expected);
}

#[test]
fn in_a_quiet_network_a_session_costs_a_device_four_macs() {
    let told =
        ward(&["--sensors", "6", "--clinicians", "2", "--loss", "0", "--replay", "0", "--seconds", "4"]);
    assert_eq!((&told["desynchronised"], told["sessions"].as_u64() >= Some(2)), (&0.into(), true), "{told}");
    let macs = told["macs_per_session"].as_f64().unwrap();
    assert!((4.0..4.6).contains(&macs), "{told}");
}
