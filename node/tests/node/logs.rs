//! A third log is an entry in the configuration and a family that uses it.

use std::sync::Arc;

use countersign_ledger::{
    Context, Families, Family, FamilyProof, Fields, Hash, Held, Kind, LogName, Membership, Problem,
    REGISTRAR, Rules, State, Statement, Verified, Violation,
};
use countersign_node::{Config, Node, Outcome, Reason, Surroundings};

use crate::world::{
    Client, Member, Site, Spec, accepted, enrol, messages, open_patiently, random, refusal, submit,
};

const NOTES: LogName = match LogName::new("ward-notes") {
    Ok(name) => name,
    Err(_) => panic!("no name of a log"),
};

/// Notes of a ward: the ward is opened first, and each note on it counts those before. A `ward.report` may go to two logs.
struct Ward;

impl Rules for Ward {
    fn logs(&self, kind: &Kind) -> Option<&[LogName]> {
        match kind.as_str() {
            "ward.open" | "ward.note" => Some(&[NOTES]),
            "ward.report" => Some(&[NOTES, LogName::SUPPLY]),
            _ => None,
        }
    }

    fn roles(&self) -> Vec<&str> {
        vec!["nurse"]
    }

    fn check(&self, statement: &Verified, context: &Context<'_>) -> Result<(), Violation> {
        let violation = |text: &str| Err(Violation { problem: Problem::Rule, text: text.to_owned() });
        if context.domain.is_some_and(|domain| domain != statement.signer().identity().domain()) {
            return violation("the ward is of another domain");
        }
        match statement.statement().kind().as_str() {
            "ward.note" if context.head.is_empty() => violation("the ward has not been opened"),
            "ward.note" if statement.fields().uint("before") != Some(context.subject.0.len() as u64) => {
                violation("the note does not count those before it")
            }
            _ => Ok(()),
        }
    }

    fn fold(&self, before: &State, _statement: &Verified) -> State {
        State([&before.0[..], &[1]].concat())
    }
}

fn families() -> Families {
    Families::new([Arc::new(Membership) as Arc<dyn Rules>, Arc::new(Ward)])
}

/// The configuration entry.
const ENTRY: &str = "[[log]]\nname = \"ward-notes\"\nheld = \"followed\"\ndomain = \"meds.example\"\n";

fn site() -> Site {
    let mut site = Site::new();
    let example = include_str!("../../countersign-node.example.toml");
    site.config.logs = Config::parse(&format!("{example}\n{ENTRY}")).unwrap().logs;
    site
}

fn open(site: &Site) -> Node {
    open_patiently(|| {
        let surroundings = Surroundings { families: families(), ..site.clock.surroundings() };
        Node::open_with(site.config.clone(), surroundings)
    })
    .unwrap()
}

fn ward(
    site: &Site,
    member: &Member,
    kind: &'static str,
    subject: &str,
    fields: Fields,
    prev: Option<Hash>,
) -> Statement {
    let (at, subject) = (site.clock.now(), subject.to_owned());
    member.sign(&Spec { kind, subject, fields, prev, links: Vec::new(), at, cti: random() })
}

#[test]
fn a_third_log_is_a_line_of_configuration_and_its_family_is_proven_complete() {
    let site = site();
    assert_eq!(site.config.logs.last().map(|log| (log.name, log.held)), Some((NOTES, Held::Followed)));
    let running = open(&site).start().unwrap();
    let client = Client::new(running.node().genesis(), running.addr());
    let (policy, _) = running.node().genesis().trust_anchors().unwrap();
    assert_eq!(running.node().genesis().logs, site.config.logs);
    let nurse = enrol(running.node(), "nurse", "n1");
    let head = "urn:countersign:ward:7";
    let note = |number: u32| format!("{head}:{number}");
    let counting = |before: u64| Fields::new().with("before", before);

    let early = ward(&site, &nurse, "ward.note", &note(1), counting(0), None);
    assert_eq!(refusal(running.node(), NOTES, &early), "rule");
    let opened = ward(&site, &nurse, "ward.open", head, Fields::new(), None);
    assert_eq!(refusal(running.node(), LogName::SUPPLY, &opened), "other-log");
    assert_eq!(client.post("/ward-notes/entries", opened.as_bytes()).status, 303);
    let mut latest = None;
    for (number, before) in [(1, 0), (1, 1), (2, 0)] {
        let prev = latest.take().filter(|_| before > 0);
        let statement = ward(&site, &nurse, "ward.note", &note(number), counting(before), prev);
        accepted(running.node(), NOTES, &statement);
        latest = Some(statement.id());
    }

    // Under one checkpoint: all subjects of the ward, and that there are no others.
    let checkpoint = client.get("/ward-notes/checkpoint");
    let trusted = policy.trust(std::str::from_utf8(&checkpoint.body).unwrap()).unwrap();
    assert_eq!((trusted.checkpoint().log(), trusted.checkpoint().size()), (Some(NOTES), 4));
    let proof = client.get(&format!("/ward-notes/families/4?s={head}"));
    let proof = FamilyProof::from_cbor(&messages(&proof.body)[0]).unwrap();
    let members = proof.verify(Family::new(head), trusted.checkpoint().index_root()).unwrap();
    let mut expected = [head.to_owned(), note(1), note(2)].map(|name| Hash::of(name.as_bytes()));
    expected.sort_unstable();
    assert_eq!(members.iter().map(|(subject, _)| *subject).collect::<Vec<_>>(), expected);
    assert_eq!(members.iter().map(|(_, entry)| entry.count).sum::<u64>(), 4);

    // A revocation closes the member here too, and what is held is the same after a restart.
    running.node().revoke(nurse.certificate.fingerprint()).unwrap();
    let late = ward(&site, &nurse, "ward.open", "urn:countersign:ward:8", Fields::new(), None);
    assert_eq!(refusal(running.node(), NOTES, &late), "revoked");
    running.stop();
    let node = open(&site);
    assert_eq!(refusal(&node, NOTES, &late), "revoked");
    let other = enrol(&node, "nurse", "n2");
    let third = ward(&site, &other, "ward.note", &note(2), counting(1), latest);
    accepted(&node, NOTES, &third);
}

#[test]
fn a_kind_may_go_to_two_logs_and_is_told_which() {
    let site = site();
    let node = open(&site);
    let nurse = enrol(&node, "nurse", "n1");
    let report = |subject: &str| ward(&site, &nurse, "ward.report", subject, Fields::new(), None);
    accepted(&node, NOTES, &report("urn:countersign:ward:1"));
    accepted(&node, LogName::SUPPLY, &report("urn:countersign:ward:2"));
    let astray = submit(&node, LogName::TRUST, &report("urn:countersign:ward:3"));
    assert_eq!(astray, Outcome::Refused(Reason::OtherLog(vec![NOTES, LogName::SUPPLY])));
    let Outcome::Refused(reason) = astray else { unreachable!() };
    assert_eq!(reason.to_string(), "statements of this kind belong to the log `ward-notes` or `supply`");

    // Where the ledger has no such log, nobody is sent there.
    let mut site = Site::new();
    site.config.logs = Vec::new();
    let node = open(&site);
    let nurse = enrol(&node, "nurse", "n1");
    let opened = ward(&site, &nurse, "ward.open", "urn:countersign:ward:1", Fields::new(), None);
    assert_eq!(refusal(&node, LogName::SUPPLY, &opened), "unknown-kind");
    assert!(node.checkpoint(NOTES).is_empty());
}

#[test]
fn one_revocation_names_every_log() {
    let site = site();
    let node = open(&site);
    let nurse = enrol(&node, "nurse", "n1");
    let opened = ward(&site, &nurse, "ward.open", "urn:countersign:ward:1", Fields::new(), None);
    accepted(&node, NOTES, &opened);
    let before = node.sequencer().health().height;
    node.revoke(nurse.certificate.fingerprint()).unwrap();
    let blocks = node.sequencer().blocks(before + 1, 10).unwrap();
    assert_eq!(blocks.len(), 1);
    let [(LogName::TRUST, revocation)] = &blocks[0].statements[..] else { panic!("one statement") };
    let (_, trust) = node.genesis().trust_anchors().unwrap();
    let revocation = trust.verify(Statement::parse(revocation).unwrap()).unwrap();
    assert_eq!(revocation.signer().identity().role(), REGISTRAR);
    for (field, from) in [("from-trust", 0), ("from-supply", 1), ("from-ward-notes", 1)] {
        assert_eq!(revocation.fields().uint(field), Some(from), "{field}");
    }
}
