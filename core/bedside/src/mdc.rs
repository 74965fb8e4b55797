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
}

/// A code, its reference identifier, what a person calls it, and as which vital sign it is known.
type Row = (u32, &'static str, &'static str, Option<(&'static str, &'static str)>);

/// Metrics, by their code with the partition (2 << 16) in front.
const METRICS: [Row; 13] = [
    (147_842, "MDC_ECG_HEART_RATE", "Heart rate", Some(("8867-4", "/min"))),
    (149_530, "MDC_PULS_OXIM_PULS_RATE", "Pulse rate", None),
    (150_456, "MDC_PULS_OXIM_SAT_O2", "Oxygen saturation", Some(("2708-6", "%"))),
    (150_364, "MDC_TEMP_BODY", "Body temperature", Some(("8310-5", "Cel"))),
    (151_562, "MDC_RESP_RATE", "Respiratory rate", Some(("9279-1", "/min"))),
    (150_021, "MDC_PRESS_BLD_NONINV_SYS", "Systolic blood pressure", None),
    (150_022, "MDC_PRESS_BLD_NONINV_DIA", "Diastolic blood pressure", None),
    (150_023, "MDC_PRESS_BLD_NONINV_MEAN", "Mean blood pressure", None),
    (150_037, "MDC_PRESS_BLD_ART_ABP_SYS", "Systolic arterial pressure", None),
    (150_038, "MDC_PRESS_BLD_ART_ABP_DIA", "Diastolic arterial pressure", None),
    (150_039, "MDC_PRESS_BLD_ART_ABP_MEAN", "Mean arterial pressure", None),
    (157_784, "MDC_FLOW_FLUID_PUMP", "Infusion rate", None),
    (160_184, "MDC_CONC_GLU_CAPILLARY_WHOLEBLOOD", "Capillary glucose", None),
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
    let found = METRICS.iter().find(|(own, ..)| *own == code);
    found.map(|&(_, name, title, vital_sign)| Metric { name, title, vital_sign })
}

/// The UCUM code of a unit of partition 4.
pub fn ucum(unit: u16) -> Option<&'static str> {
    UNITS.iter().find(|(own, _)| *own == unit).map(|&(_, code)| code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_there_once_and_vital_signs_have_units_of_the_table() {
        for (at, (code, _, _, vital_sign)) in METRICS.iter().enumerate() {
            assert_eq!(code >> 16, 2, "the partition of metrics");
            assert!(METRICS[..at].iter().all(|(other, ..)| other != code));
            let unit = vital_sign.map(|(_, unit)| unit);
            assert!(unit.is_none_or(|unit| UNITS.iter().any(|(_, own)| *own == unit)));
        }
        for (at, (code, _)) in UNITS.iter().enumerate() {
            assert!(UNITS[..at].iter().all(|(other, _)| other != code));
        }
        assert_eq!((ucum(3_872), ucum(9_999)), (Some("mm[Hg]"), None));
    }
}
