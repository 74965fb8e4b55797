//! English texts, for the command line. Apps keep their own texts under the same keys.
//!
//! No text calls a product a fake: a phone reports a potential suspect, and people decide.

use crate::profile::Profile;
use crate::reason::{Argument, Reason};
use crate::verdict::VerdictKind;

/// The texts of the reasons; `{name}` stands for an argument, `{name:thing}` for a number of things.
const REASONS: &[(&str, &str)] = &[
    (
        "broken-history",
        "The history does not hold: {fault}, at “{step}” ({finding}). {party} is accountable.",
    ),
    (
        "conflicting-custody",
        "{party} signed it over to two people: to {first}, and on {at} to {second}. It cannot be proven which of them has the genuine one.",
    ),
    ("lot-serial-mismatch", "The serial number belongs to another lot: {lots}."),
    ("expiry-mismatch", "The label says it expires on {label}; the manufacturer stated {stated}."),
    (
        "unknown-product",
        "This ledger has no statement on the product. It may be traced elsewhere, or nowhere.",
    ),
    ("unknown-lot", "The manufacturer has not stated this lot."),
    ("unknown-serial", "The manufacturer has not stated this serial number for the lot."),
    ("recalled", "Recalled on {at} by {party}: {why} ({subject})"),
    ("suspended", "Suspended on {at} by {party}: {why} ({subject})"),
    ("disputed", "Not accepted by {by} on {at}: {why}. {party} still has it and is accountable."),
    (
        "not-unpacked",
        "{what} went into {unit} and was not among what came out on {at}: {packed} went in, {unpacked} came out. Missing: {missing}. Additional: {added}. {party} opened it and is accountable.",
    ),
    (
        "not-packed",
        "{what} came out of {unit} on {at} and was not among what went in: {packed} went in, {unpacked} came out. Missing: {missing}. Additional: {added}. {party} opened it and is accountable.",
    ),
    (
        "contents-differ",
        "What came out of {unit} on {at} is not what went in: {packed} went in, {unpacked} came out. Whether {what} was among it is not known here. {party} opened it and is accountable.",
    ),
    (
        "packed-twice",
        "{what} was packed into {unit} on {at}, and is in {other}, which has not been opened. {party} packed it last and is accountable.",
    ),
    (
        "packed-in-itself",
        "{unit} was packed on {at} so that it is in itself. {party} packed it and is accountable.",
    ),
    (
        "dispensed",
        "Dispensed or delivered on {at}, as {party} states. That is expected if you have just been given it.",
    ),
    (
        "dispensed-recorded",
        "Dispensed or delivered already, as of checkpoint {checkpoint}. Expected if you have just been given it.",
    ),
    ("expired", "Expired on {at}."),
    ("missing-step", "A step is missing on its way: “{step}”, which {party} should have stated."),
    ("approval-expired", "The product's certificate expired on {at}."),
    (MISREAD, "The code was not read fully; {mend}. Readings that are known: {readings}. Please scan again."),
    (
        "near-miss",
        "It resembles what is known, but for one thing: {mend}. No camera makes that mistake, so it was printed like this.",
    ),
    ("not-followed", "This phone does not follow {subject}."),
    (
        "not-serialised",
        "The code names no single pack, so a copy could not be detected. Scan the square code on the pack, or type what is printed beside it: (01), (10) and (21).",
    ),
    ("filter-missing", "The lot's serial numbers are not on this phone yet."),
    ("snapshot-damaged", "The data on this phone is damaged. Please sync again."),
    (
        "clock-behind",
        "This phone's clock is wrong: it is {at} or later, and how old anything is cannot be told. Set the clock.",
    ),
    ("clock-ahead", "This phone's clock is wrong: by the last sync it is about {at}. Set the clock."),
    ("snapshot-too-old", "The data on this phone is {days:day} old, too old for an answer. Please sync."),
];

/// The key of the one text for all slips.
const MISREAD: &str = "misread";

/// The key of every reason's text; a misread has that of its slip.
pub fn reason_keys() -> impl Iterator<Item = &'static str> {
    REASONS.iter().map(|(key, _)| *key).filter(|key| *key != MISREAD)
}

/// The verdict in a few words.
pub const fn headline(kind: VerdictKind) -> &'static str {
    match kind {
        VerdictKind::Authentic => "Authentic",
        VerdictKind::Attention => "Attention",
        VerdictKind::Suspect => "Potential suspect",
        VerdictKind::CheckScan => "Check the scan",
        VerdictKind::CannotTell => "Cannot tell",
    }
}

/// A reason as a sentence; steps have the titles of `profile`.
pub fn sentence(reason: &Reason, profile: &Profile) -> String {
    let key = if matches!(reason, Reason::Misread { .. }) { MISREAD } else { reason.key() };
    let template = REASONS.iter().find(|(known, _)| *known == key).map_or(key, |(_, text)| text);
    let arguments = reason.arguments();
    let (mut sentence, mut rest) = (String::new(), template);
    // One pass, so that untrusted text that looks like an argument is left alone.
    while let Some((before, (name, after))) =
        rest.split_once('{').and_then(|(before, inner)| Some((before, inner.split_once('}')?)))
    {
        sentence.push_str(before);
        let (name, thing) = name.split_once(':').map_or((name, None), |(name, thing)| (name, Some(thing)));
        let argument = arguments.iter().find(|(known, _)| *known == name);
        sentence.push_str(&match (argument, thing) {
            (Some((_, Argument::Number(number))), Some(thing)) => counted(*number, thing),
            (Some((_, argument)), _) => written(argument, profile),
            (None, _) => String::new(),
        });
        rest = after;
    }
    sentence + rest
}

fn written(argument: &Argument, profile: &Profile) -> String {
    match argument {
        Argument::Text(text) => sanitize(text),
        Argument::Party(party) => sanitize(&party.to_string()),
        Argument::Step(kind) => {
            profile.step(kind).map_or_else(|| kind.to_string(), |step| step.title.clone())
        }
        Argument::Time(time) => time.to_string().chars().take_while(|&c| c != 'T').collect(),
        Argument::Moment(time) => time.to_string(),
        Argument::Number(number) => number.to_string(),
    }
}

/// A number of things: `1 pack`, `2 packs`.
pub fn counted(number: u64, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{plural}")
}

/// Whether a character does something where it is shown: control characters, which a terminal obeys, and those that change
/// the text's direction.
pub fn acts(c: char) -> bool {
    let turns =
        matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c.is_control() || turns || matches!(c, '\u{fffe}' | '\u{ffff}')
}

/// Untrusted text without characters that act.
pub fn sanitize(words: &str) -> String {
    words.chars().map(|c| if acts(c) { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::{counted, sanitize};

    #[test]
    fn one_is_no_plural() {
        assert_eq!([0, 1, 2].map(|packs| counted(packs, "pack")), ["0 packs", "1 pack", "2 packs"]);
    }

    #[test]
    fn words_of_others_do_nothing_where_they_are_shown() {
        assert_eq!(sanitize("a\u{1b}[2Jb\r\n\u{202e}c"), "a\u{fffd}[2Jb\u{fffd}\u{fffd}\u{fffd}c");
        assert_eq!(sanitize("Zürich, 東京 “7”"), "Zürich, 東京 “7”");
    }
}
