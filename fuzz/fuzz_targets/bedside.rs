//! Datagrams, badges, bench records and readings from anybody: nothing panics, and what reads is written as it was.
#![no_main]

use countersign_bedside::{Badge, Bed, Bench, Datagram, Measured, document, shown};
use countersign_device::Reading;
use countersign_ledger::{Identity, UnixMillis};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Some(datagram) = Datagram::parse(bytes) {
        assert_eq!(datagram.to_bytes(), bytes);
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        if let Some(badge) = Badge::parse(text) {
            assert_eq!(Badge::parse(&badge.to_text()), Some(badge));
        }
        if let Some(bench) = Bench::parse(text) {
            assert_eq!(Bench::parse(&bench.to_text()), Some(bench));
        }
    }
    let gateway = Identity::new("meds.example", "bedside-gateway", "north").unwrap();
    let name = std::str::from_utf8(bytes).unwrap_or_default();
    let bed = Bed { patient: (name, "urn:x"), name: (name, name), association: 1, gateway: &gateway };
    let (at, sid, q, association) = (UnixMillis(1_795_000_000_000), [1; 16], 1, 1);
    let readings: Vec<_> = (0..)
        .zip(bytes.chunks_exact(Reading::LEN))
        .filter_map(|(seq, bytes)| Reading::parse(bytes).map(|reading| (seq, reading)))
        .map(|(seq, reading)| Measured { sid, q, seq, association, at, reading })
        .collect();
    readings.iter().for_each(|one| drop(shown(&one.reading)));
    if let Some(document) = document(&bed, &readings, at) {
        assert!(countersign_records::Cut::new(&document).is_ok());
    }
});
