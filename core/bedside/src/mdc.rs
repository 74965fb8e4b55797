//! ISO/IEEE 11073-10101 codes that readings have here, with UCUM units. A fixed table: a code that is not in it keeps its number,
//! and nothing is guessed. Texts and spellings such as `mmHg` or `{Beats}/min` have been refused by others' servers.

/// What is known of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// The reference identifier.
    pub name: &'static str,
    /// What a person calls it.
    pub title: &'static str,
    /// LOINC's code for a vital sign of FHIR R4, and the UCUM unit that its profile asks for.
    pub vital_sign: Option<(&'static str, &'static str)>,
    /// For how long a reading is taken as the patient's state, in milliseconds: ours, and no standard's.
    pub holds_millis: u64,
}

/// A code, its reference identifier, what a person calls it, as which vital sign it is known, and for how long a reading holds.
type Row = (u32, &'static str, &'static str, Option<(&'static str, &'static str)>, u64);

/// What is measured all the time: a value that is not renewed says that something is wrong.
pub const ALWAYS: u64 = 10_000;
/// What is measured now and then.
const NOW_AND_THEN: u64 = 15 * 60_000;

/// Metrics, by their code with the partition (2 << 16) in front.
const METRICS: [Row; 13] = [
    (147_842, "MDC_ECG_HEART_RATE", "Heart rate", Some(("8867-4", "/min")), ALWAYS),
    (149_530, "MDC_PULS_OXIM_PULS_RATE", "Pulse rate", None, ALWAYS),
    (150_456, "MDC_PULS_OXIM_SAT_O2", "Oxygen saturation", Some(("2708-6", "%")), ALWAYS),
    (150_364, "MDC_TEMP_BODY", "Body temperature", Some(("8310-5", "Cel")), NOW_AND_THEN),
    (151_562, "MDC_RESP_RATE", "Respiratory rate", Some(("9279-1", "/min")), ALWAYS),
    (150_021, "MDC_PRESS_BLD_NONINV_SYS", "Systolic blood pressure", None, NOW_AND_THEN),
    (150_022, "MDC_PRESS_BLD_NONINV_DIA", "Diastolic blood pressure", None, NOW_AND_THEN),
    (150_023, "MDC_PRESS_BLD_NONINV_MEAN", "Mean blood pressure", None, NOW_AND_THEN),
    (150_037, "MDC_PRESS_BLD_ART_ABP_SYS", "Systolic arterial pressure", None, ALWAYS),
    (150_038, "MDC_PRESS_BLD_ART_ABP_DIA", "Diastolic arterial pressure", None, ALWAYS),
    (150_039, "MDC_PRESS_BLD_ART_ABP_MEAN", "Mean arterial pressure", None, ALWAYS),
    (157_784, "MDC_FLOW_FLUID_PUMP", "Infusion rate", None, ALWAYS),
    (160_184, "MDC_CONC_GLU_CAPILLARY_WHOLEBLOOD", "Capillary glucose", None, NOW_AND_THEN),
];

/// Units of partition 4: MDC, UCUM.
const UNITS: [(u16, &str); 16] = [
    (512, "1"),
    (544, "%"),
    (1_297, "cm"),
    (1_618, "mL"),
    (1_731, "kg"),
    (2_130, "mg/dL"),
    (2_720, "/min"),
    (2_784, "/min"),
    (3_122, "mL/h"),
    (3_843, "kPa"),
    (3_872, "mm[Hg]"),
    (4_274, "mV"),
    (4_416, "[degF]"),
    (4_722, "mmol/L"),
    (6_048, "Cel"),
    (2_176, "s"),
];

/// What is known of a metric.
pub fn metric(code: u32) -> Option<Metric> {
    METRICS.iter().find(|(own, ..)| *own == code).map(of)
}

/// Everything that is known of metrics.
pub fn metrics() -> impl Iterator<Item = Metric> {
    METRICS.iter().map(of)
}

const fn of(&(_, name, title, vital_sign, holds_millis): &Row) -> Metric {
    Metric { name, title, vital_sign, holds_millis }
}

/// What can be set at a device, and in which unit.
pub const SETTABLE: [(u32, u16); 1] = [(157_784, 3_122)];

/// The UCUM code of a unit of partition 4.
pub fn ucum(unit: u16) -> Option<&'static str> {
    UNITS.iter().find(|(own, _)| *own == unit).map(|&(_, code)| code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_there_once_and_vital_signs_have_units_of_the_table() {
        for (at, (code, _, _, vital_sign, _)) in METRICS.iter().enumerate() {
            assert_eq!(code >> 16, 2, "the partition of metrics");
            assert!(METRICS[..at].iter().all(|(other, ..)| other != code));
            let unit = vital_sign.map(|(_, unit)| unit);
            assert!(unit.is_none_or(|unit| UNITS.iter().any(|(_, own)| *own == unit)));
        }
        for (at, (code, _)) in UNITS.iter().enumerate() {
            assert!(UNITS[..at].iter().all(|(other, _)| other != code));
        }
        assert_eq!((ucum(3_872), ucum(9_999)), (Some("mm[Hg]"), None));
        for (code, unit) in SETTABLE {
            assert!(metric(code).is_some() && ucum(unit).is_some());
        }
    }
}
