//! Readings as a FHIR document: cut and signed as any other, and each value as the device meant it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails should stop")]

use countersign_bedside::{Bed, Measured, document};
use countersign_device::{Float, Reading};
use countersign_ledger::certificate::{Period, issue, root};
use countersign_ledger::{Identity, Signer as _, SoftwareKey, TrustStore, UnixMillis};
use countersign_records::{Cut, Parts, RecordId, Rule, Unsigned, View};
use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use proptest::prelude::*;
use serde_json::Value;

const NOW: UnixMillis = UnixMillis(1_795_219_200_000);
const PULSE: u32 = 147_842;

fn gateway() -> Identity {
    Identity::new("meds.example", "bedside-gateway", "north").unwrap()
}

fn bed(gateway: &Identity) -> Bed<'_> {
    let patient = ("4711", "https://north.example/patients");
    Bed { patient, name: ("O\"Lund\\", "Iva"), association: 1001, gateway }
}

fn measured(seq: u32, metric: u32, value: Float, unit: u16) -> Measured {
    let reading = Reading { metric, value, unit, status: 0, tick: 4_000_000_000 };
    let at = UnixMillis(NOW.0 + u64::from(seq) * 1_000);
    Measured { sid: [0xb1; 16], q: 41, seq, association: 1001, at, reading }
}

fn number(mantissa: i32, exponent: i8) -> Float {
    Float::new(mantissa, exponent).unwrap()
}

/// The observations of a document.
fn observations(readings: &[Measured]) -> Vec<Value> {
    let gateway = gateway();
    let Some(bytes) = document(&bed(&gateway), readings, NOW) else { return Vec::new() };
    let bundle: Value = serde_json::from_slice(&bytes).unwrap();
    let entries = bundle["entry"].as_array().unwrap().iter().map(|entry| entry["resource"].clone());
    entries.filter(|resource| resource["resourceType"] == "Observation").collect()
}

#[test]
fn a_reading_keeps_its_digits_its_unit_and_its_three_references() {
    let [one] = &observations(&[measured(3, 150_364, number(3650, -2), 6_048)])[..] else { panic!() };
    assert_eq!(one["valueQuantity"]["code"], "Cel");
    let codes: Vec<_> = one["code"]["coding"].as_array().unwrap().iter().map(|code| &code["code"]).collect();
    assert_eq!(codes, ["150364", "8310-5"]);
    assert_eq!(one["identifier"][0]["value"], format!("urn:countersign:reading:{}:41:3", "b1".repeat(16)));
    assert_eq!(one["effectiveDateTime"], "2026-11-21T00:00:03Z");
    let references = [&one["subject"], &one["device"], &one["extension"][0]["valueReference"]];
    let references = references.map(|reference| reference["reference"].as_str().unwrap());
    assert!(references.iter().all(|reference| reference.starts_with("urn:uuid:")));
    assert!(
        references[0] != references[1] && references[1] != references[2] && references[0] != references[2]
    );
    let gateway = gateway();
    let text = document(&bed(&gateway), &[measured(3, 150_364, number(3650, -2), 6_048)], NOW).unwrap();
    assert!(String::from_utf8(text).unwrap().contains("\"value\":36.50,"));
}

#[test]
fn what_is_no_number_is_charted_as_absent_with_its_reason() {
    for (bits, why) in [
        (0x007f_ffff, "not-a-number"),
        (0x0080_0000, "unsupported"),
        (0x007f_fffe, "positive-infinity"),
        (0x0080_0002, "negative-infinity"),
        (0x0080_0001, "error"),
        // The exponent does not make it a number.
        (0xff7f_ffff, "not-a-number"),
    ] {
        let [one] = &observations(&[measured(0, 150_021, Float::from_bits(bits), 3_872)])[..] else {
            panic!()
        };
        assert!(one.get("valueQuantity").is_none(), "{bits:08x}");
        assert_eq!(one["dataAbsentReason"]["coding"][0]["code"], why, "{bits:08x}");
    }
    let mut invalid = measured(0, PULSE, number(72, 0), 2_720);
    invalid.reading.status = 1 << 15;
    assert_eq!(observations(&[invalid])[0]["dataAbsentReason"]["coding"][0]["code"], "error");
}

#[test]
fn what_is_not_in_the_table_keeps_its_code_and_no_profile_is_claimed_for_another_unit() {
    let [one] = &observations(&[measured(0, 131_072 + 77, number(1, 0), 9_999)])[..] else { panic!() };
    assert_eq!(one["valueQuantity"]["code"], (262_144 + 9_999).to_string());
    assert_eq!(one["valueQuantity"]["system"], "urn:iso:std:iso:11073:10101");
    assert!(one["valueQuantity"].get("unit").is_none());
    let [fahrenheit] = &observations(&[measured(0, 150_364, number(977, -1), 4_416)])[..] else { panic!() };
    assert_eq!(fahrenheit["code"]["coding"].as_array().unwrap().len(), 1);
    assert!(fahrenheit.get("category").is_none());
}

#[test]
fn what_is_another_patients_unassigned_or_a_test_is_left_out_and_what_is_missing_is_said() {
    let good = |seq| measured(seq, PULSE, number(72, 0), 2_720);
    let (mut other, mut nobody, mut test) = (good(1), good(2), good(3));
    (other.association, nobody.association, test.reading.status) = (7, 0, 1 << 11);
    assert_eq!(observations(&[other, nobody, test]), Vec::<Value>::new());
    let all = [good(9), good(0), other, good(4), good(0), nobody, test];
    assert_eq!(observations(&all).len(), 3, "each once");
    let gateway = gateway();
    let bytes = document(&bed(&gateway), &all, NOW).unwrap();
    let bundle: Value = serde_json::from_slice(&bytes).unwrap();
    let text = bundle["entry"][0]["resource"]["section"][0]["text"]["div"].as_str().unwrap();
    assert!(
        text.contains(": 3 readings between these did not come") && text.contains(": 4 readings"),
        "{text}"
    );
    let mut turned = all;
    turned.reverse();
    assert_eq!(document(&bed(&gateway), &turned, NOW).unwrap(), bytes, "the same readings, the same bytes");
}

#[test]
fn a_document_of_readings_is_cut_signed_and_verified_as_any_other() {
    let gateway = gateway();
    let readings = [measured(0, PULSE, number(72, 0), 2_720), measured(1, 150_456, number(97, 0), 544)];
    let bytes = document(&bed(&gateway), &readings, NOW).unwrap();
    let mut random = UnwrapErr(SysRng);
    let (root_key, author, holder) = (
        SoftwareKey::generate(&mut random),
        SoftwareKey::generate(&mut random),
        SoftwareKey::generate(&mut random),
    );
    let period = Period { from: UnixMillis(NOW.0 - 1_000), until: UnixMillis(NOW.0 + 1_000_000) };
    let root_der = root("meds.example", &root_key, period, [1; 16]).unwrap();
    let identity = Identity::new("meds.example", "doctor", "lund").unwrap();
    let certificate = issue(&identity, &author.public_key(), &root_key, period, [2; 16]).unwrap();
    let mut trust = TrustStore::new();
    trust.pin("meds.example", &root_der);
    let unsigned = Unsigned::new(&mut Cut::new(&bytes).unwrap(), &[], &mut random);
    let (record, count) = (RecordId([7; 16]), unsigned.count());
    let draft = unsigned.draft(&record, 1, &Rule::any(count), &holder.public_key()).unwrap();
    let statement = draft.sign(&certificate, &author, NOW, [3; 16]).unwrap();
    let extraction = unsigned.signed(statement, &certificate);
    let opened = extraction.clone().verify(&trust, &record, None).unwrap();
    assert_eq!(opened.whole(), Some(&bytes[..]));
    let view = View::of(opened.parts());
    assert_eq!((view.title.as_str(), view.sections.len()), ("Bedside readings from 2026-11-21T00:00:00Z", 1));
    let lines = &view.sections[0].lines;
    assert!(lines.iter().any(|line| line.contains("Heart rate") && line.contains("72")), "{lines:?}");
    assert!(lines.iter().any(|line| line.contains("Oxygen saturation") && line.contains("97")), "{lines:?}");
    assert_eq!(extraction.extract(Parts::all(count)).disclosures().len(), count);
}

proptest! {
    #[test]
    fn any_readings_make_a_document_that_can_be_cut(
        readings in prop::collection::vec((any::<u32>(), any::<u32>(), any::<u16>(), any::<u16>(), 0u32..8, 0u32..4), 1..20)
    ) {
        let of = |(metric, bits, unit, status, seq, q)| {
            let reading = Reading { metric, value: Float::from_bits(bits), unit, status, tick: metric };
            Measured { q, seq, reading, ..measured(seq, metric, Float::NOT_A_NUMBER, unit) }
        };
        let readings: Vec<_> = readings.into_iter().map(of).collect();
        let gateway = gateway();
        if let Some(bytes) = document(&bed(&gateway), &readings, NOW) {
            prop_assert!(serde_json::from_slice::<Value>(&bytes).is_ok());
            prop_assert_eq!(Cut::new(&bytes).unwrap().sections().len(), 1);
        }
    }
}
