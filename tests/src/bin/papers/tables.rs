//! The tables, in Markdown. `S` marks what stands in a paper.

use std::time::Duration;

use crate::load::Pace;
use crate::messages::{Cost, Scheme, phases as phases_of};
use crate::parties::{Made, Work};
use crate::published::{DRUGS, LUXURY, RESOURCES, Round, TESTBED};
use crate::rounds::Measured;

pub fn rounds(rounds: &[Measured]) -> String {
    let mut table = format!("S001's phases under load. S: {LUXURY}; {TESTBED}.\n\n");
    table.push_str(
        "| phase | transactions | succeeded | sent/s | latency, least / mean / most | throughput |\n",
    );
    table.push_str("| --- | --- | --- | --- | --- | --- |\n");
    for (at, measured) in rounds.iter().enumerate() {
        let Measured { phase, theirs, transactions, pace, result, .. } = measured;
        if at == 0 || rounds[at - 1].phase != *phase {
            theirs_under_load(&mut table, phase, theirs);
        }
        let [least, mean, most] = result.latency.map(|latency| format!("{:.2}", millis(latency)));
        let how = if *pace == Pace::AsFast { "as fast as it goes" } else { "at that rate" };
        let refusals: Vec<String> =
            result.refusals.iter().map(|(reason, count)| format!("; {count}: {reason}")).collect();
        table.push_str(&format!(
            "| | ours, {how} | {} of {transactions}{} | {:.1} | {least} / {mean} / {most} ms | {:.1}/s |\n",
            result.succeeded,
            refusals.concat(),
            result.sent,
            result.throughput
        ));
    }
    table
}

fn theirs_under_load(table: &mut String, phase: &str, theirs: &Round) {
    let Round { succeeded, failed, sent, latency: [least, mean, most], throughput } = theirs;
    let all = succeeded + failed;
    table.push_str(&format!(
        "| {phase} | theirs (S) | {succeeded} of {all} | {sent:.1} | {least:.2} / {mean:.2} / {most:.2} s | {throughput:.1}/s |\n",
    ));
}

pub fn resources(rounds: &[Measured]) -> String {
    let mut table = String::from(
        "What the processes use: processor, mean (most); memory; written to disk. Ours of one core, and on the processor a \
         transaction.\n\n",
    );
    table.push_str("| round | node | clients |\n| --- | --- | --- |\n");
    for (name, mean, most, memory, written) in RESOURCES {
        table.push_str(&format!(
            "| theirs (S), {name}, in a round not named | {mean:.2} % ({most:.2} %); {memory} MB; {written} | not told |\n"
        ));
    }
    for Measured { phase, transactions, pace, node, clients, .. } in rounds {
        let how = if *pace == Pace::AsFast { "as fast as it goes" } else { "at the rate" };
        let [node, clients] = [node, clients].map(|used| {
            let each = millis(used.processor) / f64::from(*transactions);
            format!(
                "{:.0} % ({:.0} %), {each:.2} ms each; {:.0} MB; {:.1} MB",
                used.mean_percent,
                used.most_percent,
                megabytes(used.resident_bytes),
                megabytes(used.written_bytes)
            )
        });
        table.push_str(&format!("| ours, {phase}, {transactions} {how} | {node} | {clients} |\n"));
    }
    table
}

pub fn phases(registration: Cost, schemes: [(Scheme, &[Made]); 2]) -> String {
    let mut table = format!("The messages of a phase. S: for S000 {DRUGS}; for S001 {LUXURY}.\n\n");
    table.push_str(
        "| scheme, phase | messages, theirs (S) / ours | bits, theirs (S) / ours | ms at 14 Mbit/s, theirs (S) / ours | \
         bytes recorded, ours | ours by role: signatures, verifications, ms | the node: verifications, ms | \
         operations, theirs (S) |\n");
    table.push_str("| --- | --- | --- | --- | --- | --- | --- | --- |\n");
    let mut registration = Some(registration);
    for (scheme, made) in schemes {
        let (costs, besides) = phases_of(scheme, made);
        let name = if scheme == Scheme::Drugs { "S000" } else { "S001" };
        // S001 tells nothing of its registration.
        let first = registration.take();
        for (theirs, cost) in scheme.phases().iter().zip(first.into_iter().chain(costs)) {
            let bits = cost.exchanged * 8;
            table.push_str(&format!(
                "| {name}, {} | {} / {} | {} / {bits} | {:.3} / {:.3} | {} | {} | {} | {} |\n",
                theirs.name,
                theirs.messages,
                cost.messages,
                theirs.bits,
                theirs.millis,
                at_14_megabits(bits),
                cost.recorded,
                by_role(&cost),
                work(&cost.node),
                if theirs.operations.is_empty() { "not in our copy" } else { theirs.operations }
            ));
        }
        table.push_str(&format!(
            "| {name}, besides | - / {} | - / {} | - / {:.3} | {} | {} | {} | - |\n",
            besides.messages,
            besides.exchanged * 8,
            at_14_megabits(besides.exchanged * 8),
            besides.recorded,
            by_role(&besides),
            work(&besides.node)
        ));
    }
    table
}

pub fn alone([signature, verification]: [Duration; 2], checkpoint: Work) -> String {
    format!(
        "Alone, a P-256 signature takes {:.3} ms and a verification {:.3}. Whoever is in touch with the node verifies besides, for \
         all that is new, one checkpoint: {}.\n",
        millis(signature),
        millis(verification),
        work(&checkpoint)
    )
}

fn by_role(cost: &Cost) -> String {
    let each = cost.roles.iter().map(|(role, done)| format!("{role} {}", work(done)));
    each.collect::<Vec<_>>().join("; ")
}

fn work(work: &Work) -> String {
    let mut parts = Vec::new();
    if work.signatures > 0 {
        parts.push(format!("{} s", work.signatures));
    }
    if work.verifications > 0 {
        parts.push(format!("{} v", work.verifications));
    }
    parts.push(format!("{:.2} ms", millis(work.time)));
    parts.join(", ")
}

pub fn messages(schemes: [(Scheme, &[Made]); 2]) -> String {
    let mut table =
        String::from("Each message of ours; numbers are the papers' (S), what has none is ours alone.\n\n");
    table.push_str("| message | from, to | bytes | sender | receiver | node |\n");
    table.push_str("| --- | --- | --- | --- | --- | --- |\n");
    for (scheme, made) in schemes {
        for one in made {
            let number = one.number.map_or(String::new(), |number| format!("{number} "));
            let to = one.to.map_or(String::new(), |to| format!(" → {}", scheme.symbol(to)));
            let shown =
                one.shown.map_or(String::new(), |[offer, answer]| format!(", shown {offer} + {answer}"));
            let receiver = if one.to.is_some() { work(&one.receiver) } else { "-".to_owned() };
            table.push_str(&format!(
                "| {number}`{}` | {}{to} | {}{shown} | {} | {receiver} | {} |\n",
                one.kind,
                scheme.symbol(one.from),
                one.bytes,
                work(&one.sender),
                work(&one.node)
            ));
        }
    }
    table
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

#[allow(clippy::cast_precision_loss, reason = "figures for people")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// Milliseconds, computed from the bits as the papers do.
#[allow(clippy::cast_precision_loss, reason = "figures for people")]
fn at_14_megabits(bits: usize) -> f64 {
    bits as f64 / 14e3
}
