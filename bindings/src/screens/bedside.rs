//! The screens of a nurse: the ward, a device to sign in at, what is seen of it, what is sent to it.
//!
//! A number that does not hold is not shown: an invalid, missing or old one leaves words in its place.

use countersign_bedside::{SETTABLE, Shown, op, shown, ucum};
use countersign_device::{Float, Ops, Reading};
use countersign_ledger::Identity;

use crate::answer::{Text, Value};
use crate::bedside::{
    BadgeState, BedsideBadge, BedsideCommand, BedsideDevice, BedsideEnd, BedsideLatest, BedsideReading,
    BedsideRegistered, BedsideSent, BedsideWard, BedsideWatch, DeviceClass, SentState,
};
use crate::error::CountersignError as Error;
use crate::screens::{lasting, party, plain, with};

/// How many digits of a device's number are shown: those that a person compares with its label.
const NUMBER: usize = 8;
/// For how long somebody signs in to look, in minutes.
const LOOKING: u8 = 60;
/// For how long to act: what acts on a patient is signed for.
const ACTING: u8 = 15;
/// A device that may speak and says nothing for so long is silent, in milliseconds.
const SILENT: u64 = 10_000;
/// Most digits of a value that is typed, and most of them behind the point: three would make a thousand of 1.000.
const MOST_DIGITS: usize = 5;
const MOST_PLACES: usize = 2;

/// The ward: who this is, the badges, and devices that were met.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct WardScreen {
    /// Who is here; or that nobody is enrolled.
    pub who: Text,
    /// The badges.
    pub badges: Vec<BadgeScreen>,
    /// That there is no badge, if so, and how one comes here.
    pub none: Option<Text>,
    /// Devices that were met and can be chosen, the latest first.
    pub devices: Vec<DeviceLine>,
    /// The main button.
    pub next: BedsideNext,
}

/// A badge.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct BadgeScreen {
    /// By which it is forgotten.
    pub gateway: String,
    /// What it is good for.
    pub title: Text,
    /// How far it is good.
    pub state: Text,
    /// Whether it is.
    pub is_good: bool,
}

/// A device that was met.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct DeviceLine {
    /// Its number.
    pub device: String,
    /// What it is.
    pub title: Text,
    /// Its number as its label shows it, and when it was met.
    pub lines: Vec<Text>,
}

/// What a screen of a nurse leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum BedsideNext {
    /// Enrol.
    Enrol,
    /// Scan a badge, or type it.
    TakeBadge,
    /// Sync.
    Sync,
    /// Scan a device's code, or type its number.
    ScanDevice,
    /// Type the password, and sign in at this device.
    SignIn,
    /// Type the password, and see the session again.
    Unlock,
    /// Nothing: the session goes on.
    Nothing,
}

/// A device at which somebody signs in.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct DeviceScreen {
    /// Its number.
    pub device: String,
    /// The gateway whose badge is used; empty where there is none.
    pub gateway: String,
    /// What it is.
    pub title: Text,
    /// Its number as its label shows it, and the ward.
    pub lines: Vec<Text>,
    /// Why nobody can sign in, if so.
    pub problem: Option<Text>,
    /// What the person does about that; else they sign in.
    pub next: BedsideNext,
    /// For what to sign in, what asks least of the person first.
    pub choices: Vec<SignInChoice>,
}

/// For what somebody signs in.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct SignInChoice {
    /// For what.
    pub title: Text,
    /// For how long, and what that means.
    pub lines: Vec<Text>,
    /// The operations.
    pub operations: Vec<String>,
    /// For how many minutes.
    pub minutes: u8,
}

/// A session with a device.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct SessionScreen {
    /// The device's number.
    pub device: String,
    /// What it is.
    pub title: Text,
    /// Who is signed in: always to be seen.
    pub who: Text,
    /// With which patient the device is.
    pub patient: Text,
    /// Whether it is with one.
    pub has_patient: bool,
    /// Its number as its label shows it, until when, what is permitted.
    pub lines: Vec<Text>,
    /// What the person must know before they read on.
    pub warnings: Vec<Text>,
    /// What the device measures. Empty when the screen is locked or the session over.
    pub readings: Vec<ReadingLine>,
    /// What can be asked of the device; likewise.
    pub commands: Vec<CommandChoice>,
    /// How far that is which was sent last.
    pub sent: Option<SentLine>,
    /// That the screen is locked, or why the session is over; absent while it goes on.
    pub halt: Option<Text>,
    /// What the person does then.
    pub next: BedsideNext,
}

/// A measurement.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct ReadingLine {
    /// What was measured.
    pub name: Text,
    /// The number with its unit; absent where there is none that holds.
    pub value: Option<Text>,
    /// Why there is none, or what is doubtful about it; absent mostly.
    pub note: Option<Text>,
    /// How old it is.
    pub age: Text,
    /// Its mark.
    pub mark: ReadingMark,
}

/// The mark of a measurement: a form and a colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum ReadingMark {
    /// It holds.
    Holds,
    /// There is a number, and the device has doubts about it.
    Doubtful,
    /// There is no number.
    Absent,
    /// There was one, too long ago.
    Old,
}

/// Something that can be asked of a device.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct CommandChoice {
    /// What.
    pub title: Text,
    /// The unit of the value that must be typed; absent if there is none.
    pub unit: Option<Text>,
    /// The command; its value is still to be filled in where there is a unit ([`command_screen`]).
    pub command: BedsideCommand,
    /// Whether it is sent only after the person has confirmed it.
    pub confirms: bool,
}

/// A command that the person is to confirm.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct CommandScreen {
    /// What.
    pub title: Text,
    /// The value with its unit; absent if there is none.
    pub value: Option<Text>,
    /// At which device, with which patient.
    pub lines: Vec<Text>,
    /// What is sent.
    pub command: BedsideCommand,
}

/// How far an operation is that was sent.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct SentLine {
    /// What was sent.
    pub what: Text,
    /// The value that it sets, with its unit.
    pub value: Option<Text>,
    /// How far it is.
    pub text: Text,
    /// The same, for its mark.
    pub state: SentState,
}

/// The screen of a ward.
#[uniffi::export]
pub fn ward_screen(ward: &BedsideWard) -> WardScreen {
    let Some(member) = &ward.member else {
        return WardScreen {
            who: plain("ward.nobody"),
            badges: Vec::new(),
            none: None,
            devices: Vec::new(),
            next: BedsideNext::Enrol,
        };
    };
    let is = |state: fn(&BadgeState) -> bool| ward.badges.iter().any(|badge| state(&badge.state));
    let next = if is(|state| matches!(state, BadgeState::Good { .. })) {
        BedsideNext::ScanDevice
    } else if is(|state| *state == BadgeState::Unknown) {
        BedsideNext::Sync
    } else {
        BedsideNext::TakeBadge
    };
    WardScreen {
        who: with("ward.who", [("party", party(member))]),
        badges: ward.badges.iter().map(BadgeScreen::from).collect(),
        none: ward.badges.is_empty().then(|| plain("ward.no-badge")),
        devices: ward.met.iter().filter_map(DeviceLine::of).collect(),
        next,
    }
}

/// The screen of a device at which somebody is to sign in.
#[uniffi::export]
pub fn device_screen(device: &BedsideDevice) -> DeviceScreen {
    let (problem, next) = match device.registered.as_ref() {
        None => (Some("bed.unknown"), BedsideNext::Sync),
        Some(BedsideRegistered { in_service: false, .. }) => (Some("bed.retired"), BedsideNext::ScanDevice),
        Some(registered) => match registered.badge {
            None => (Some("bed.no-badge"), BedsideNext::TakeBadge),
            Some(BadgeState::Unknown) => (Some("badge.unknown"), BedsideNext::Sync),
            Some(BadgeState::Over { .. }) => (Some("bed.badge-over"), BedsideNext::TakeBadge),
            Some(BadgeState::Ended) => (Some("badge.ended"), BedsideNext::TakeBadge),
            Some(BadgeState::Good { .. }) if choices(&registered.operations).is_empty() => {
                (Some("refused.not-permitted"), BedsideNext::ScanDevice)
            }
            Some(BadgeState::Good { .. }) => (None, BedsideNext::SignIn),
        },
    };
    let registered = device.registered.as_ref();
    let ward = registered.map(|registered| ward(&registered.gateway));
    DeviceScreen {
        device: device.device.clone(),
        gateway: registered.map(|registered| registered.gateway.clone()).unwrap_or_default(),
        title: class_text(registered.map(|registered| registered.class)),
        lines: [Some(number(&device.device)), ward].into_iter().flatten().collect(),
        problem: problem.map(plain),
        next,
        choices: match (next, registered) {
            (BedsideNext::SignIn, Some(registered)) => choices(&registered.operations),
            _ => Vec::new(),
        },
    }
}

/// The screen of a session.
#[uniffi::export]
pub fn session_screen(watch: &BedsideWatch) -> SessionScreen {
    let (halt, next) = match watch.end {
        Some(BedsideEnd::Time) => (Some("session.over"), BedsideNext::SignIn),
        Some(BedsideEnd::Cut) => (Some("session.cut"), BedsideNext::SignIn),
        Some(BedsideEnd::BadgeEnded) => (Some("badge.ended"), BedsideNext::TakeBadge),
        Some(BedsideEnd::Tries) => (Some("session.tries"), BedsideNext::SignIn),
        None if watch.is_locked => (Some("session.locked"), BedsideNext::Unlock),
        None => (None, BedsideNext::Nothing),
    };
    let shows = halt.is_none();
    let signed_in = &watch.signed_in;
    let until = with("session.until", [("at", Value::Moment(signed_in.until_millis))]);
    SessionScreen {
        device: watch.device.clone(),
        title: class_text(watch.class),
        who: with("session.who", [("party", party(&watch.member))]),
        patient: patient(signed_in.patient),
        has_patient: signed_in.patient != 0,
        lines: vec![number(&watch.device), until, permits(&signed_in.operations)],
        warnings: if shows { warnings(watch) } else { Vec::new() },
        readings: if shows { watch.readings.iter().map(ReadingLine::from).collect() } else { Vec::new() },
        commands: if shows { commands(&signed_in.operations) } else { Vec::new() },
        sent: watch.sent.as_ref().filter(|_| shows).map(SentLine::from),
        halt: halt.map(plain),
        next,
    }
}

/// The screen on which a command is confirmed, with the value that was typed. A value that is none is refused where it was typed.
#[uniffi::export]
pub fn command_screen(
    session: &SessionScreen,
    choice: CommandChoice,
    typed: &str,
) -> Result<CommandScreen, Error> {
    let CommandChoice { title, unit, mut command, .. } = choice;
    if unit.is_some() {
        (command.mantissa, command.exponent) = decimal(typed).ok_or_else(|| Error::invalid("value"))?;
    }
    Ok(CommandScreen {
        title,
        value: unit.is_some().then(|| value_text(&command)),
        lines: vec![session.title.clone(), session.lines[0].clone(), session.patient.clone()],
        command,
    })
}

impl From<&BedsideBadge> for BadgeScreen {
    fn from(badge: &BedsideBadge) -> Self {
        let state = match badge.state {
            BadgeState::Unknown => plain("badge.unknown"),
            BadgeState::Good { until_millis } => with("badge.good", [("at", Value::Moment(until_millis))]),
            BadgeState::Over { at_millis } => with("badge.over", [("at", Value::Moment(at_millis))]),
            BadgeState::Ended => plain("badge.ended"),
        };
        let is_good = matches!(badge.state, BadgeState::Good { .. });
        Self { gateway: badge.gateway.clone(), title: ward(&badge.gateway), state, is_good }
    }
}

impl DeviceLine {
    /// One that can be chosen: it is in service, and there is a badge for it.
    fn of(device: &BedsideDevice) -> Option<Self> {
        let registered = device.registered.as_ref()?;
        if !registered.in_service || !matches!(registered.badge, Some(BadgeState::Good { .. })) {
            return None;
        }
        let met = device.met_millis.map(|at| with("bed.met", [("at", Value::Moment(at))]));
        let lines = [Some(number(&device.device)), met].into_iter().flatten().collect();
        Some(Self { device: device.device.clone(), title: class_text(Some(registered.class)), lines })
    }
}

impl From<&BedsideLatest> for ReadingLine {
    fn from(latest: &BedsideLatest) -> Self {
        let reading = &latest.reading;
        let (value, note, mark) = match (&reading.value, latest.is_stale) {
            (Some(_), true) => (None, Some(plain("reading.old")), ReadingMark::Old),
            (None, _) => (None, Some(plain(absent_key(reading))), ReadingMark::Absent),
            (Some(value), false) => match doubt_key(reading) {
                // What is not the patient's is not shown as if it were.
                Some(key @ ("reading.test" | "reading.demonstration")) => {
                    (None, Some(plain(key)), ReadingMark::Absent)
                }
                Some(key) => {
                    (Some(measured(value, reading.unit.as_deref())), Some(plain(key)), ReadingMark::Doubtful)
                }
                None => (Some(measured(value, reading.unit.as_deref())), None, ReadingMark::Holds),
            },
        };
        Self { name: metric_text(&reading.metric), value, note, age: age(latest.age_millis), mark }
    }
}

impl From<&BedsideSent> for SentLine {
    fn from(sent: &BedsideSent) -> Self {
        let command = &sent.command;
        let sets = command.metric != 0;
        let text = plain(match sent.state {
            SentState::Sent => "sent.sent",
            SentState::Shown => "sent.shown",
            SentState::NotShown if sets => "sent.not-shown",
            SentState::NotShown => "sent.look",
        });
        Self {
            what: plain(title_key(&command.operation, command.metric)),
            value: sets.then(|| value_text(command)),
            text,
            state: sent.state,
        }
    }
}

/// For what somebody may sign in, by what their badge permits.
fn choices(permitted: &[String]) -> Vec<SignInChoice> {
    let operations = |wanted: &dyn Fn(Ops) -> bool| -> Vec<String> {
        permitted.iter().filter(|name| op(name).is_some_and(wanted)).cloned().collect()
    };
    let looks = operations(&|op| op.within(Ops::LOOKS));
    let acts = operations(&|op| op != Ops::BREAK_GLASS);
    let breaks = operations(&|op| op.within(Ops::LOOKS.with(Ops::BREAK_GLASS)));
    let mut choices = Vec::new();
    if !looks.is_empty() {
        choices.push(SignInChoice::new("bed.look", "bed.look-text", &looks, LOOKING));
    }
    if acts.len() > looks.len() {
        choices.push(SignInChoice::new("bed.act", "bed.act-text", &acts, ACTING));
    }
    if breaks.len() > looks.len() {
        // Whoever breaks the glass looks: the gateway gives no more.
        let wanted = ["read", "stream", "break-glass"].map(str::to_owned);
        choices.push(SignInChoice::new("bed.emergency", "bed.emergency-text", &wanted, ACTING));
    }
    choices
}

impl SignInChoice {
    fn new(title: &str, text: &str, operations: &[String], minutes: u8) -> Self {
        let lines = vec![plain(text), lasting(minutes.into())];
        Self { title: plain(title), lines, operations: operations.to_vec(), minutes }
    }
}

/// What can be asked of a device. What changes nothing is not to be confirmed.
fn commands(permitted: &[String]) -> Vec<CommandChoice> {
    let choice = |operation: &str, metric: u32, unit: u16| CommandChoice {
        title: plain(title_key(operation, metric)),
        unit: (metric != 0).then(|| unit_text(ucum(unit))).flatten(),
        command: BedsideCommand { operation: operation.to_owned(), metric, unit, mantissa: 0, exponent: 0 },
        confirms: operation != "read",
    };
    let of = |name: &String| match name.as_str() {
        "settings" => SETTABLE.iter().map(|&(metric, unit)| choice(name, metric, unit)).collect(),
        "read" | "start" | "stop" | "silence" => vec![choice(name, 0, 0)],
        _ => Vec::new(),
    };
    permitted.iter().flat_map(of).collect()
}

/// The key of what a command does.
fn title_key(operation: &str, metric: u32) -> &'static str {
    match (operation, metric) {
        ("read", _) => "command.read",
        ("start", _) => "command.start",
        ("stop", _) => "command.stop",
        ("silence", _) => "command.silence",
        ("settings", 157_784) => "command.infusion-rate",
        _ => "command.other",
    }
}

fn warnings(watch: &BedsideWatch) -> Vec<Text> {
    let silent = watch.silent_millis.filter(|silent| *silent >= SILENT);
    let silent = silent.map(|_| plain("session.silent"));
    let missed =
        (watch.missed > 0).then(|| with("session.missed", [("count", Value::Number(watch.missed.into()))]));
    [silent, missed].into_iter().flatten().collect()
}

fn class_text(class: Option<DeviceClass>) -> Text {
    plain(match class {
        Some(DeviceClass::Diagnostic) => "bed.diagnostic",
        Some(DeviceClass::Treatment) => "bed.treatment",
        Some(DeviceClass::Auxiliary) => "bed.auxiliary",
        None => "bed.device",
    })
}

/// A device's number, as far as a person compares it.
fn number(device: &str) -> Text {
    let digits = device.chars().take(NUMBER).collect::<String>().to_uppercase();
    with("bed.number", [("number", Value::Text(digits))])
}

fn ward(gateway: &str) -> Text {
    let name = Identity::parse(gateway).map_or_else(|_| gateway.to_owned(), |own| own.name().to_owned());
    with("ward.name", [("name", Value::Text(name))])
}

fn patient(association: u32) -> Text {
    match association {
        0 => plain("session.no-patient"),
        number => with("session.patient", [("number", Value::Text(number.to_string()))]),
    }
}

fn permits(operations: &[String]) -> Text {
    let acts = operations.iter().any(|name| op(name).is_some_and(|op| op.meets(Ops::ACTS)));
    plain(if acts { "session.acts" } else { "session.looks" })
}

/// How old something is, in steps that can be read along.
fn age(millis: u64) -> Text {
    let count = |key, count: u64| with(key, [("count", Value::Number(count))]);
    match millis / 1_000 {
        0..5 => plain("reading.now"),
        seconds @ 5..60 => count("reading.seconds", seconds / 5 * 5),
        seconds => count("reading.minutes", seconds / 60),
    }
}

fn measured(value: &str, unit: Option<&str>) -> Text {
    let value = Value::Text(value.to_owned());
    match unit {
        Some("1") => with("reading.number", [("value", value)]),
        Some(code) => with("reading.value", [("value", value), ("unit", unit_value(code))]),
        None => with("reading.no-unit", [("value", value)]),
    }
}

/// The value that a command sets.
fn value_text(command: &BedsideCommand) -> Text {
    let BedsideCommand { unit, mantissa, exponent, .. } = *command;
    measured(&digits(mantissa, exponent), ucum(unit))
}

fn unit_text(unit: Option<&str>) -> Option<Text> {
    unit.filter(|code| *code != "1").map(|code| with("reading.unit", [("unit", unit_value(code))]))
}

/// A unit as people write it.
fn unit_value(code: &str) -> Value {
    match code {
        "/min" => Value::Step("unit.per-minute".to_owned()),
        "mm[Hg]" => Value::Text("mmHg".to_owned()),
        "Cel" => Value::Text("°C".to_owned()),
        "[degF]" => Value::Text("°F".to_owned()),
        other => Value::Text(other.to_owned()),
    }
}

/// What was measured, in words.
fn metric_text(reference: &str) -> Text {
    plain(match reference {
        "MDC_ECG_HEART_RATE" => "metric.heart-rate",
        "MDC_PULS_OXIM_PULS_RATE" => "metric.pulse-rate",
        "MDC_PULS_OXIM_SAT_O2" => "metric.oxygen",
        "MDC_TEMP_BODY" => "metric.temperature",
        "MDC_RESP_RATE" => "metric.breathing",
        "MDC_PRESS_BLD_NONINV_SYS" => "metric.pressure-systolic",
        "MDC_PRESS_BLD_NONINV_DIA" => "metric.pressure-diastolic",
        "MDC_PRESS_BLD_NONINV_MEAN" => "metric.pressure-mean",
        "MDC_PRESS_BLD_ART_ABP_SYS" => "metric.arterial-systolic",
        "MDC_PRESS_BLD_ART_ABP_DIA" => "metric.arterial-diastolic",
        "MDC_PRESS_BLD_ART_ABP_MEAN" => "metric.arterial-mean",
        "MDC_FLOW_FLUID_PUMP" => "metric.infusion-rate",
        "MDC_CONC_GLU_CAPILLARY_WHOLEBLOOD" => "metric.glucose",
        other => return with("metric.other", [("code", Value::Text(other.to_owned()))]),
    })
}

fn absent_key(reading: &BedsideReading) -> &'static str {
    match reading.absent.as_deref() {
        Some("error") => "absent.error",
        Some("unsupported") => "absent.unsupported",
        Some("positive-infinity") => "absent.above",
        Some("negative-infinity") => "absent.below",
        _ => "absent.none",
    }
}

fn doubt_key(reading: &BedsideReading) -> Option<&'static str> {
    Some(match reading.doubt.as_deref()? {
        "test" => "reading.test",
        "demonstration" => "reading.demonstration",
        "calibration" => "reading.calibration",
        _ => "reading.questionable",
    })
}

/// A number as a person types it, in the digits of their language, with a point or a comma.
fn decimal(typed: &str) -> Option<(i32, i8)> {
    let (mut digits, mut places) = (String::new(), None);
    for sign in typed.trim().chars() {
        match (sign, places) {
            ('.' | ',' | '٫', None) if !digits.is_empty() => places = Some(0_usize),
            _ => {
                digits.push(char::from_digit(digit(sign)?, 10)?);
                places = places.map(|places| places + 1);
            }
        }
    }
    let places = places.map_or(Some(0), |places| (1..=MOST_PLACES).contains(&places).then_some(places))?;
    let mantissa = digits.parse().ok().filter(|_| digits.len() <= MOST_DIGITS)?;
    Some((mantissa, -i8::try_from(places).ok()?))
}

/// A digit of ours, of Arabic, of Persian, or of Hindi.
fn digit(sign: char) -> Option<u32> {
    const ZEROS: [char; 4] = ['0', '٠', '۰', '०'];
    ZEROS.iter().find_map(|zero| u32::from(sign).checked_sub(u32::from(*zero)).filter(|digit| *digit < 10))
}

/// A number with all its digits.
fn digits(mantissa: i32, exponent: i8) -> String {
    let value = Float::new(mantissa, exponent).unwrap_or(Float::NOT_A_NUMBER);
    match shown(&Reading { metric: 0, value, unit: 0, status: 0, tick: 0 }) {
        Shown::Number { text, .. } => text,
        Shown::Absent(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails should stop")]

    use super::*;
    use crate::bedside::BedsideSignedIn;

    const GATEWAY: &str = "spiffe://meds.example/bedside-gateway/north";

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    fn device(badge: Option<BadgeState>, operations: &[&str]) -> BedsideDevice {
        BedsideDevice {
            device: "a1".repeat(16),
            registered: Some(BedsideRegistered {
                gateway: GATEWAY.to_owned(),
                class: DeviceClass::Treatment,
                in_service: true,
                badge,
                operations: names(operations),
            }),
            met_millis: Some(1),
        }
    }

    fn latest(value: Option<&str>, age_millis: u64, is_stale: bool) -> BedsideLatest {
        let reading = BedsideReading {
            metric: "MDC_ECG_HEART_RATE".to_owned(),
            value: value.map(str::to_owned),
            unit: value.map(|_| "/min".to_owned()),
            absent: value.is_none().then(|| "error".to_owned()),
            doubt: None,
            number: 1,
            missed: 0,
        };
        BedsideLatest { reading, age_millis, is_stale }
    }

    fn watch() -> BedsideWatch {
        let operations = names(&["read", "stream", "settings", "stop"]);
        BedsideWatch {
            device: "a1".repeat(16),
            class: Some(DeviceClass::Treatment),
            member: "spiffe://meds.example/nurse/ana".to_owned(),
            signed_in: BedsideSignedIn { operations, patient: 1001, until_millis: 9 },
            readings: vec![latest(Some("72.0"), 900, false)],
            silent_millis: Some(900),
            missed: 0,
            sent: None,
            is_locked: false,
            end: None,
        }
    }

    #[test]
    fn a_ward_leads_to_what_is_missing() {
        let (member, badges) = (Some("spiffe://meds.example/nurse/ana".to_owned()), Vec::new());
        let nobody = BedsideWard { member: None, badges: Vec::new(), met: Vec::new() };
        assert_eq!(ward_screen(&nobody).next, BedsideNext::Enrol);
        let ward = BedsideWard { member, badges, met: Vec::new() };
        let screen = ward_screen(&ward);
        assert_eq!((screen.next, screen.none.is_some()), (BedsideNext::TakeBadge, true));
        let with_badge = |state| {
            let badges = vec![BedsideBadge { gateway: GATEWAY.to_owned(), state }];
            ward_screen(&BedsideWard { badges, ..ward.clone() }).next
        };
        assert_eq!(with_badge(BadgeState::Unknown), BedsideNext::Sync);
        assert_eq!(with_badge(BadgeState::Good { until_millis: 1 }), BedsideNext::ScanDevice);
        assert_eq!(with_badge(BadgeState::Over { at_millis: 1 }), BedsideNext::TakeBadge);
        assert_eq!(with_badge(BadgeState::Ended), BedsideNext::TakeBadge);
    }

    #[test]
    fn only_devices_at_which_somebody_can_sign_in_are_chosen_from() {
        let good = Some(BadgeState::Good { until_millis: 1 });
        let retired = |mut device: BedsideDevice| {
            device.registered.as_mut().unwrap().in_service = false;
            device
        };
        let unknown = BedsideDevice { registered: None, ..device(good, &[]) };
        let ended = device(Some(BadgeState::Ended), &[]);
        let met = vec![device(good, &["read"]), retired(device(good, &["read"])), unknown, ended];
        let ward = BedsideWard { member: Some(GATEWAY.to_owned()), badges: Vec::new(), met };
        assert_eq!(ward_screen(&ward).devices.len(), 1);
    }

    #[test]
    fn a_device_says_why_nobody_can_sign_in_and_what_to_do() {
        let told = |device: &BedsideDevice| {
            let screen = device_screen(device);
            (screen.problem.map(|text| text.key), screen.next, screen.choices.len())
        };
        let problem = |key: &str, next| (Some(key.to_owned()), next, 0);
        let good = Some(BadgeState::Good { until_millis: 1 });
        assert_eq!(told(&device(good, &["read", "stream"])), (None, BedsideNext::SignIn, 1));
        assert_eq!(told(&device(None, &[])), problem("bed.no-badge", BedsideNext::TakeBadge));
        assert_eq!(
            told(&device(Some(BadgeState::Unknown), &[])),
            problem("badge.unknown", BedsideNext::Sync)
        );
        assert_eq!(told(&device(good, &[])), problem("refused.not-permitted", BedsideNext::ScanDevice));
        let unknown = BedsideDevice { registered: None, ..device(None, &[]) };
        assert_eq!(told(&unknown), problem("bed.unknown", BedsideNext::Sync));
        let mut retired = device(good, &["read"]);
        retired.registered.as_mut().unwrap().in_service = false;
        assert_eq!(told(&retired), problem("bed.retired", BedsideNext::ScanDevice));
    }

    #[test]
    fn who_only_looks_signs_nothing_and_acting_is_shorter() {
        let of = |operations: &[&str]| -> Vec<(String, usize, u8)> {
            let choices = choices(&names(operations)).into_iter();
            choices.map(|choice| (choice.title.key, choice.operations.len(), choice.minutes)).collect()
        };
        let (look, act) =
            (("bed.look".to_owned(), 2_usize, LOOKING), ("bed.act".to_owned(), 4_usize, ACTING));
        assert_eq!(of(&["read", "stream", "settings", "stop"]), [look.clone(), act]);
        assert_eq!(of(&["read", "stream"]), [look]);
        assert_eq!(of(&["break-glass"]), [("bed.emergency".to_owned(), 3, ACTING)]);
        assert!(of(&[]).is_empty());
    }

    #[test]
    fn a_number_that_does_not_hold_is_not_shown() {
        let line = |latest: &BedsideLatest| {
            let line = ReadingLine::from(latest);
            (line.value.is_some(), line.note.map(|note| note.key), line.mark)
        };
        let note = |key: &str| Some(key.to_owned());
        assert_eq!(line(&latest(Some("72.0"), 0, false)), (true, None, ReadingMark::Holds));
        assert_eq!(line(&latest(Some("72.0"), 10_000, true)), (false, note("reading.old"), ReadingMark::Old));
        assert_eq!(line(&latest(None, 0, false)), (false, note("absent.error"), ReadingMark::Absent));
        let doubtful = |doubt: &str| {
            let mut latest = latest(Some("72.0"), 0, false);
            latest.reading.doubt = Some(doubt.to_owned());
            line(&latest)
        };
        assert_eq!(doubtful("test"), (false, note("reading.test"), ReadingMark::Absent));
        assert_eq!(doubtful("questionable"), (true, note("reading.questionable"), ReadingMark::Doubtful));
    }

    #[test]
    fn a_locked_screen_and_one_that_is_over_show_who_and_where_and_nothing_else() {
        let open = session_screen(&watch());
        assert_eq!((open.readings.len(), open.commands.len(), open.halt.clone()), (1, 3, None));
        let hidden = |screen: &SessionScreen| {
            assert_eq!(screen.who, open.who);
            assert!(screen.readings.is_empty() && screen.commands.is_empty() && screen.sent.is_none());
            (screen.halt.as_ref().map(|text| text.key.clone()), screen.next)
        };
        let sent = Some(BedsideSent { command: open.commands[1].command.clone(), state: SentState::Sent });
        let locked = session_screen(&BedsideWatch { is_locked: true, sent: sent.clone(), ..watch() });
        assert_eq!(hidden(&locked), (Some("session.locked".to_owned()), BedsideNext::Unlock));
        for (end, key, next) in [
            (BedsideEnd::Time, "session.over", BedsideNext::SignIn),
            (BedsideEnd::Cut, "session.cut", BedsideNext::SignIn),
            (BedsideEnd::BadgeEnded, "badge.ended", BedsideNext::TakeBadge),
            (BedsideEnd::Tries, "session.tries", BedsideNext::SignIn),
        ] {
            let over = session_screen(&BedsideWatch { end: Some(end), sent: sent.clone(), ..watch() });
            assert_eq!(hidden(&over), (Some(key.to_owned()), next));
        }
    }

    #[test]
    fn silence_and_what_did_not_come_are_told() {
        let keys = |watch: &BedsideWatch| -> Vec<String> {
            session_screen(watch).warnings.into_iter().map(|text| text.key).collect()
        };
        assert_eq!(keys(&watch()), Vec::<String>::new());
        let silent = BedsideWatch { silent_millis: Some(SILENT), missed: 2, ..watch() };
        assert_eq!(keys(&silent), ["session.silent", "session.missed"]);
        assert_eq!(keys(&BedsideWatch { silent_millis: None, ..watch() }), Vec::<String>::new());
        let nobody = BedsideSignedIn { patient: 0, ..watch().signed_in };
        assert!(!session_screen(&BedsideWatch { signed_in: nobody, ..watch() }).has_patient);
    }

    #[test]
    fn a_command_is_confirmed_with_its_value_and_its_unit() {
        let session = session_screen(&watch());
        let titles: Vec<&str> = session.commands.iter().map(|choice| choice.title.key.as_str()).collect();
        assert_eq!(titles, ["command.read", "command.infusion-rate", "command.stop"]);
        let asks: Vec<bool> = session.commands.iter().map(|choice| choice.confirms).collect();
        assert_eq!(asks, [false, true, true]);
        let rate = &session.commands[1];
        let confirm = |typed: &str| command_screen(&session, rate.clone(), typed);
        let screen = confirm(" 12,5 ").unwrap();
        assert_eq!((screen.command.mantissa, screen.command.exponent, screen.command.unit), (125, -1, 3_122));
        assert_eq!(screen.value, Some(measured("12.5", Some("mL/h"))));
        assert!(screen.lines.contains(&session.patient));
        for typed in ["", "-1", "1.000", "1,000", "1.2.3", ".5", "5.", "a", "1e3", "100000", "1 000"] {
            assert_eq!(confirm(typed), Err(Error::invalid("value")), "{typed}");
        }
        let stop = command_screen(&session, session.commands[2].clone(), "ignored").unwrap();
        assert_eq!((stop.value, stop.command.mantissa), (None, 0));
    }

    #[test]
    fn a_number_is_read_in_the_digits_of_the_persons_language() {
        for typed in ["12.5", "12,5", "١٢٫٥", "۱۲٫۵", "१२.५"] {
            assert_eq!(decimal(typed), Some((125, -1)), "{typed}");
        }
        assert_eq!(
            (decimal("0"), decimal("99999"), decimal("0.25")),
            (Some((0, 0)), Some((99_999, 0)), Some((25, -2)))
        );
    }

    #[test]
    fn what_was_sent_is_not_told_as_done() {
        let commands = session_screen(&watch()).commands;
        let text = |at: usize, state| {
            SentLine::from(&BedsideSent { command: commands[at].command.clone(), state }).text.key
        };
        assert_eq!(text(1, SentState::Sent), "sent.sent");
        assert_eq!(text(1, SentState::Shown), "sent.shown");
        assert_eq!(text(1, SentState::NotShown), "sent.not-shown");
        assert_eq!(text(2, SentState::NotShown), "sent.look", "no reading tells of it");
    }

    #[test]
    fn every_metric_and_unit_of_the_core_has_words() {
        for known in countersign_bedside::metrics() {
            assert_ne!(metric_text(known.name).key, "metric.other", "{}", known.name);
        }
        assert_eq!(metric_text("12345").key, "metric.other");
        for (metric, unit) in SETTABLE {
            assert_ne!(title_key("settings", metric), "command.other");
            assert!(unit_text(ucum(unit)).is_some());
        }
    }

    #[test]
    fn an_age_is_told_in_steps() {
        let told = |millis| (age(millis).key, age(millis).arguments.pop().map(|argument| argument.value));
        assert_eq!(told(4_999), ("reading.now".to_owned(), None));
        assert_eq!(told(59_999), ("reading.seconds".to_owned(), Some(Value::Number(55))));
        assert_eq!(told(60_000), ("reading.minutes".to_owned(), Some(Value::Number(1))));
    }
}
