//! Readings as a FHIR R4 document: Observations that name device, gateway and patient, each by a reference of its own.
//!
//! | of a reading | in the Observation |
//! | --- | --- |
//! | SID, q, seq | `identifier`: a reading that is sent twice is one Observation |
//! | metric | `code`, MDC; LOINC as well where FHIR has a profile for it and the unit is the profile's |
//! | value, unit | `valueQuantity` in UCUM; a unit that is not in the table keeps its MDC code |
//! | NaN, `NRes`, infinities, reserved | `dataAbsentReason`: looked at first, since read as numbers they have been charted as pressures |
//! | status | invalid and not available: `dataAbsentReason`; questionable, being calibrated: a note says so |
//! | tick | an extension: the device's own clock, which is never set |
//! | arrival | `effectiveDateTime`, by the gateway's clock |
//!
//! Test and demonstration data, and what a device measured that is with no patient, are in no document. The order is that of the
//! numbers, and a number that is missing is said to be.

use std::fmt::Write as _;

use base16ct::lower::encode_string;
use countersign_device::{Id, Reading, Value};
use countersign_ledger::{Hash, Identity, UnixMillis};

use crate::mdc::{Metric, metric, ucum};

const MDC: &str = "urn:iso:std:iso:11073:10101";
const UCUM: &str = "http://unitsofmeasure.org";
const LOINC: &str = "http://loinc.org";
const URI: &str = "urn:ietf:rfc:3986";
const GATEWAY_DEVICE: &str = "http://hl7.org/fhir/StructureDefinition/observation-gatewayDevice";
const TICK: &str = "urn:countersign:fhir:device-tick-milliseconds";
const ABSENT: &str = "http://terminology.hl7.org/CodeSystem/data-absent-reason";
const CATEGORY: &str = "http://terminology.hl7.org/CodeSystem/observation-category";
/// The partition of units.
const UNITS: u32 = 4 << 16;

/// Bits of `MeasurementStatus` (ISO/IEEE 11073-10201), the first is the highest.
const INVALID: u16 = 1 << 15;
const QUESTIONABLE: u16 = 1 << 14;
const NOT_AVAILABLE: u16 = 1 << 13;
const CALIBRATION: u16 = 1 << 12;
const TEST: u16 = 1 << 11;
const DEMONSTRATION: u16 = 1 << 10;

/// A reading, with what the gateway knows of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measured {
    /// The device.
    pub sid: Id,
    /// The session's number.
    pub q: u32,
    /// The frame's number.
    pub seq: u32,
    /// With which patient the device was, by the gateway's number; 0: with none.
    pub association: u32,
    /// When it came.
    pub at: UnixMillis,
    /// What was measured.
    pub reading: Reading,
}

/// Whose bed it is, and who says so.
#[derive(Debug, Clone, Copy)]
pub struct Bed<'a> {
    /// The patient's number in the hospital's own system, and that system's URI.
    pub patient: (&'a str, &'a str),
    /// What the patient is called: family name, given name.
    pub name: (&'a str, &'a str),
    /// The association that the readings must have.
    pub association: u32,
    /// The gateway.
    pub gateway: &'a Identity,
}

/// A FHIR document (Bundle of type `document`, JSON) of the readings of a bed, with one section; `None` if none belongs there.
///
/// The same readings in any order, with some of them twice, give the same bytes.
pub fn document(bed: &Bed<'_>, readings: &[Measured], written: UnixMillis) -> Option<Vec<u8>> {
    let mut readings: Vec<_> = readings.iter().filter(|one| belongs(bed, one)).collect();
    readings.sort_by_key(|one| (one.at, one.sid, one.q, one.seq));
    let mut seen = std::collections::BTreeSet::new();
    readings.retain(|one| seen.insert((one.sid, one.q, one.seq)));
    let first = readings.first()?;
    let gateway = uuid("gateway", bed.gateway.as_str().as_bytes());
    let patient = uuid("patient", format!("{}|{}", bed.patient.1, bed.patient.0).as_bytes());
    let mut devices: Vec<Id> = readings.iter().map(|one| one.sid).collect();
    devices.sort_unstable();
    devices.dedup();

    let mut entries = Vec::new();
    let identity = readings.iter().map(|one| identifier(one)).collect::<Vec<_>>().join(" ");
    let composition = uuid("composition", identity.as_bytes());
    let references = readings.iter().map(|one| format!("{{\"reference\":\"{}\"}}", observation_url(one)));
    let references = references.collect::<Vec<_>>().join(",");
    let lines = readings.iter().map(|one| format!("<li>{}</li>", escaped_xml(&line(one))));
    let lines: String = lines.chain(gaps(&readings).iter().map(|gap| format!("<li>{gap}</li>"))).collect();
    entries.push(entry(&composition, &format!(
        "{{\"resourceType\":\"Composition\",\"status\":\"final\",\
         \"type\":{{\"coding\":[{{\"system\":\"{LOINC}\",\"code\":\"34109-9\"}}],\"text\":\"Bedside readings\"}},\
         \"subject\":{{\"reference\":\"{patient}\"}},\"date\":\"{written}\",\
         \"author\":[{{\"reference\":\"{gateway}\"}}],\"title\":\"Bedside readings from {}\",\
         \"section\":[{{\"title\":\"Vital signs\",\
         \"code\":{{\"coding\":[{{\"system\":\"{LOINC}\",\"code\":\"8716-3\"}}],\"text\":\"Vital signs\"}},\
         \"text\":{{\"status\":\"generated\",\"div\":\"<div xmlns=\\\"http://www.w3.org/1999/xhtml\\\"><ul>{}</ul></div>\"}},\
         \"entry\":[{references}]}}]}}",
        first.at,
        escaped(&lines),
    )));
    entries.push(entry(
        &patient,
        &format!(
            "{{\"resourceType\":\"Patient\",\"identifier\":[{{\"system\":\"{}\",\"value\":\"{}\"}}],\
         \"name\":[{{\"family\":\"{}\",\"given\":[\"{}\"]}}]}}",
            escaped(bed.patient.1),
            escaped(bed.patient.0),
            escaped(bed.name.0),
            escaped(bed.name.1),
        ),
    ));
    entries.push(entry(
        &gateway,
        &format!(
            "{{\"resourceType\":\"Device\",\"identifier\":[{{\"system\":\"{URI}\",\"value\":\"{}\"}}],\
         \"type\":{{\"text\":\"Bedside gateway\"}}}}",
            bed.gateway,
        ),
    ));
    for sid in devices {
        entries.push(entry(&uuid("device", &sid), &format!(
            "{{\"resourceType\":\"Device\",\"identifier\":[{{\"system\":\"{URI}\",\"value\":\"urn:countersign:device:{}\"}}],\
             \"type\":{{\"text\":\"Bedside device\"}}}}",
            encode_string(&sid),
        )));
    }
    entries.extend(
        readings.iter().map(|one| entry(&observation_url(one), &observation(one, &patient, &gateway))),
    );
    let bundle = uuid("bundle", format!("{composition} {written}").as_bytes());
    Some(
        format!(
            "{{\"resourceType\":\"Bundle\",\"type\":\"document\",\
             \"identifier\":{{\"system\":\"{URI}\",\"value\":\"{bundle}\"}},\"timestamp\":\"{written}\",\"entry\":[\n{}\n]}}\n",
            entries.join(",\n")
        )
        .into_bytes(),
    )
}

/// Whether a reading is the patient's: of a session with this association, and meant.
fn belongs(bed: &Bed<'_>, one: &Measured) -> bool {
    bed.association != 0
        && one.association == bed.association
        && one.reading.status & (TEST | DEMONSTRATION) == 0
}

/// What was measured, or why there is nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// A number.
    Number {
        /// Its digits, those behind the point that are zero as well.
        text: String,
        /// The unit, a code of partition 4; [`ucum`] knows what it is called.
        unit: u16,
    },
    /// No number: a code of FHIR's `data-absent-reason`.
    Absent(&'static str),
}

/// What a reading means. Whether it is a number at all comes first.
pub fn shown(reading: &Reading) -> Shown {
    if reading.status & INVALID != 0 {
        return Shown::Absent("error");
    }
    if reading.status & NOT_AVAILABLE != 0 {
        return Shown::Absent("unknown");
    }
    match reading.value.value() {
        Value::Number { mantissa, exponent } => {
            Shown::Number { text: decimal(mantissa, exponent), unit: reading.unit }
        }
        Value::NotANumber => Shown::Absent("not-a-number"),
        Value::NotAtThisResolution => Shown::Absent("unsupported"),
        Value::Above => Shown::Absent("positive-infinity"),
        Value::Below => Shown::Absent("negative-infinity"),
        Value::Reserved => Shown::Absent("error"),
    }
}

/// Why a number is not simply the patient's: `test`, `demonstration`, `calibration` or `questionable`, as the device says.
pub const fn doubt(reading: &Reading) -> Option<&'static str> {
    match reading.status {
        status if status & TEST != 0 => Some("test"),
        status if status & DEMONSTRATION != 0 => Some("demonstration"),
        status if status & CALIBRATION != 0 => Some("calibration"),
        status if status & QUESTIONABLE != 0 => Some("questionable"),
        _ => None,
    }
}

/// A number with all its digits, those behind the point that are zero as well: they tell how exact it is.
fn decimal(mantissa: i32, exponent: i8) -> String {
    let (sign, digits) = (if mantissa < 0 { "-" } else { "" }, mantissa.unsigned_abs().to_string());
    match exponent {
        0 => format!("{sign}{digits}"),
        -12..0 => {
            let places = usize::from(exponent.unsigned_abs());
            let digits = format!("{digits:0>width$}", width = places + 1);
            let (whole, rest) = digits.split_at(digits.len() - places);
            format!("{sign}{whole}.{rest}")
        }
        _ => format!("{sign}{digits}E{exponent}"),
    }
}

fn observation(one: &Measured, patient: &str, gateway: &str) -> String {
    let Measured { reading, at, .. } = one;
    let known = metric(reading.metric);
    let mut codings = format!("{{\"system\":\"{MDC}\",\"code\":\"{}\"", reading.metric);
    if let Some(Metric { name, .. }) = known {
        let _ = write!(codings, ",\"display\":\"{name}\"");
    }
    codings.push('}');
    let shown = shown(reading);
    // A profile that asks for another unit would refuse the whole.
    let vital_sign = known.and_then(|known| known.vital_sign).filter(|(_, unit)| match &shown {
        Shown::Number { unit: own, .. } => ucum(*own) == Some(unit),
        Shown::Absent(_) => true,
    });
    let mut category = "";
    if let Some((loinc, _)) = vital_sign {
        let _ = write!(codings, ",{{\"system\":\"{LOINC}\",\"code\":\"{loinc}\"}}");
        category = "vital-signs";
    }
    let value = match &shown {
        Shown::Number { text, unit } => match ucum(*unit) {
            Some(code) => format!(
                "\"valueQuantity\":{{\"value\":{text},\"unit\":\"{code}\",\"system\":\"{UCUM}\",\"code\":\"{code}\"}}"
            ),
            None => {
                let code = UNITS + u32::from(*unit);
                format!("\"valueQuantity\":{{\"value\":{text},\"system\":\"{MDC}\",\"code\":\"{code}\"}}")
            }
        },
        Shown::Absent(code) => {
            format!("\"dataAbsentReason\":{{\"coding\":[{{\"system\":\"{ABSENT}\",\"code\":\"{code}\"}}]}}")
        }
    };
    let category = if category.is_empty() {
        String::new()
    } else {
        format!("\"category\":[{{\"coding\":[{{\"system\":\"{CATEGORY}\",\"code\":\"{category}\"}}]}}],")
    };
    let note = match reading.status & (QUESTIONABLE | CALIBRATION) {
        0 => "",
        CALIBRATION => ",\"note\":[{\"text\":\"The device was being calibrated.\"}]",
        _ => ",\"note\":[{\"text\":\"The device marked this value as questionable.\"}]",
    };
    let title = known.map_or_else(|| format!("MDC {}", reading.metric), |known| known.title.to_owned());
    format!(
        "{{\"resourceType\":\"Observation\",\"extension\":[\
         {{\"url\":\"{GATEWAY_DEVICE}\",\"valueReference\":{{\"reference\":\"{gateway}\"}}}},\
         {{\"url\":\"{TICK}\",\"valueDecimal\":{}}}],\
         \"identifier\":[{{\"system\":\"{URI}\",\"value\":\"{}\"}}],\"status\":\"final\",{category}\
         \"code\":{{\"coding\":[{codings}],\"text\":\"{title}\"}},\"subject\":{{\"reference\":\"{patient}\"}},\
         \"effectiveDateTime\":\"{at}\",{value}{note},\"device\":{{\"reference\":\"{}\"}}}}",
        reading.tick,
        identifier(one),
        uuid("device", &one.sid),
    )
}

/// What a reader of the narrative sees.
fn line(one: &Measured) -> String {
    let reading = &one.reading;
    let title = metric(reading.metric)
        .map_or_else(|| format!("MDC {}", reading.metric), |known| known.title.to_owned());
    match shown(reading) {
        Shown::Number { text, unit } => {
            let unit = ucum(unit).map_or_else(|| format!("MDC {}", UNITS + u32::from(unit)), str::to_owned);
            format!("{}: {title} {text} {unit}", one.at)
        }
        Shown::Absent(why) => format!("{}: {title}: no value ({why})", one.at),
    }
}

/// Numbers that are missing between those that are there, by session.
fn gaps(readings: &[&Measured]) -> Vec<String> {
    let mut numbers: Vec<_> = readings.iter().map(|one| (one.sid, one.q, one.seq)).collect();
    numbers.sort_unstable();
    let missing = |pair: &[(Id, u32, u32)]| match pair {
        [(sid, q, before), (same, again, after)] if (sid, q) == (same, again) => {
            (after - before - 1 > 0).then(|| (encode_string(sid), after - before - 1))
        }
        _ => None,
    };
    let missing = numbers.windows(2).filter_map(missing);
    missing.map(|(sid, count)| format!("Device {sid}: {count} readings between these did not come")).collect()
}

fn identifier(one: &Measured) -> String {
    format!("urn:countersign:reading:{}:{}:{}", encode_string(&one.sid), one.q, one.seq)
}

fn observation_url(one: &Measured) -> String {
    uuid("observation", identifier(one).as_bytes())
}

/// A UUID that follows from what it names (RFC 9562, version 8).
fn uuid(sort: &str, name: &[u8]) -> String {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&Hash::framed("countersign/bedside-uuid/v1", &[sort.as_bytes(), name]).0[..16]);
    (bytes[6], bytes[8]) = (bytes[6] & 0x0f | 0x80, bytes[8] & 0x3f | 0x80);
    let hex = encode_string(&bytes);
    format!("urn:uuid:{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

fn entry(url: &str, resource: &str) -> String {
    format!("{{\"fullUrl\":\"{url}\",\"resource\":{resource}}}")
}

/// Text as it stands between quotes in JSON.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' | '\\' => escaped.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(escaped, "\\u{:04x}", u32::from(c));
            }
            c => escaped.push(c),
        }
    }
    escaped
}

fn escaped_xml(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use countersign_device::Float;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_keep_their_digits() {
        for (mantissa, exponent, text) in [
            (365, -1, "36.5"),
            (3650, -2, "36.50"),
            (-5, -3, "-0.005"),
            (0, -1, "0.0"),
            (120, 0, "120"),
            (12, 1, "12E1"),
            (7, -20, "7E-20"),
        ] {
            assert_eq!(decimal(mantissa, exponent), text);
        }
    }

    proptest! {
        #[test]
        fn a_decimal_is_the_number_that_was_measured(mantissa in -8_388_604_i32..8_388_603, exponent: i8) {
            let text = decimal(mantissa, exponent);
            let (read, expected): (f64, f64) = (text.parse().unwrap(), format!("{mantissa}e{exponent}").parse().unwrap());
            prop_assert_eq!(read.to_bits(), expected.to_bits());
        }

        #[test]
        fn any_bits_give_a_number_or_a_reason(bits: u32, status: u16) {
            let value = Float::from_bits(bits);
            let reading = Reading { metric: 1, value, unit: 544, status, tick: 0 };
            let number = matches!(shown(&reading), Shown::Number { .. });
            let special = !matches!(value.value(), Value::Number { .. });
            prop_assert_eq!(number, !special && status & (INVALID | NOT_AVAILABLE) == 0);
        }

        #[test]
        fn any_text_stands_in_a_string(text: String) {
            let quoted = format!("\"{}\"", escaped(&text));
            prop_assert_eq!(serde_json::from_str::<String>(&quoted).unwrap(), text);
        }
    }
}
