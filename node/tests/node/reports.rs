//! Reports of suspicions: from anyone, durable before they are acknowledged, for the domain's authority alone; and what a flood
//! of them can do.

use std::net::Ipv4Addr;

use countersign_custody::VerdictKind;
use countersign_custody::report::{
    Kept, MAX_ENVELOPE, Report, Request, Scanned, current_key, key_draft, read_page,
};
use countersign_ledger::{Entry, Hash, LogName, PublicKey, Signer as _, Statement, Subject, UnixMillis};
use countersign_node::Running;
use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;

use crate::tried::Tried;
use crate::world::{Client, Member, Site, accepted, enrol, fresh_key, random, refusal};

const DOMAIN: &str = "meds.example";
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

fn report(words: &str) -> Report {
    Report {
        written: UnixMillis(5),
        scan: Scanned {
            link: Subject::new("https://id.gs1.org/01/09506000134352/10/L1/21/S1").unwrap(),
            serial: Some("S1".to_owned()),
            label: None,
            verdict: VerdictKind::Suspect,
            reason: Some("unknown-serial".to_owned()),
            checkpoint: Some(7),
            at: UnixMillis(4),
        },
        words: words.to_owned(),
        place: None,
        photograph: None,
        answer: None,
    }
}

fn sealed(words: &str, key: &PublicKey) -> Vec<u8> {
    report(words).seal(DOMAIN, (Hash([1; 32]), key), &mut UnwrapErr(SysRng)).unwrap().to_bytes()
}

fn ask(by: &Member, request: Request, domain: &str, at: UnixMillis) -> Vec<u8> {
    request.draft(domain).sign(&by.certificate, &by.key, at, random()).unwrap().as_bytes().to_vec()
}

fn read(client: &Client, by: &Member, after: u64, now: UnixMillis) -> Vec<Kept> {
    let answer = client.post("/reports/read", &ask(by, Request::Read { after }, DOMAIN, now));
    assert_eq!(answer.status, 200);
    read_page(&answer.body).unwrap()
}

fn start(site: &Site) -> (Running, Client) {
    let running = site.open().start().unwrap();
    let client = Client::new(running.node().genesis(), running.addr());
    (running, client)
}

#[test]
fn a_report_from_anyone_is_read_by_the_authority_alone_also_after_a_restart() {
    let site = Site::new();
    let (running, client) = start(&site);
    let [authority, other] = ["authority", "pharmacy"].map(|role| enrol(running.node(), role, "one"));
    let key = fresh_key();
    let envelope = sealed("The blister is blank.", &key.public_key());
    for _ in 0..2 {
        assert_eq!(client.post("/reports", &envelope).status, 204);
    }
    drop(running);
    let (running, client) = start(&site);
    site.clock.advance(10 * 60_000);
    let now = site.clock.now();
    let kept = read(&client, &authority, 0, now);
    assert_eq!(kept.len(), 1, "the same again is the same report");
    assert_eq!(kept[0].envelope.open(DOMAIN, &key.to_bytes()).unwrap(), report("The blister is blank."));
    assert_eq!(read(&client, &authority, kept[0].number, now), []);

    let read_by = |by: &Member, domain: &str, at: UnixMillis| {
        client.post("/reports/read", &ask(by, Request::Read { after: 0 }, domain, at)).problem()
    };
    assert_eq!(read_by(&other, DOMAIN, now), (403, "role".to_owned()));
    assert_eq!(read_by(&authority, "other.example", now).0, 400);
    assert_eq!(read_by(&authority, DOMAIN, UnixMillis(now.0 - 6 * 60_000)), (400, "stale".to_owned()));
    assert_eq!(read_by(&authority, DOMAIN, UnixMillis(now.0 + 60 * 60_000)), (400, "future".to_owned()));
    let stranger = Member { key: fresh_key(), certificate: authority.certificate.clone() };
    assert_eq!(read_by(&stranger, DOMAIN, now), (403, "signature".to_owned()));
    // A request to read removes nothing, and the other way round.
    let remove = ask(&authority, Request::Remove { number: kept[0].number }, DOMAIN, now);
    let reading = ask(&authority, Request::Read { after: 0 }, DOMAIN, now);
    assert_eq!(client.post("/reports/read", &remove).status, 400);
    assert_eq!(client.post("/reports/remove", &reading).status, 400);
    assert_eq!(client.post("/reports/remove", &remove).status, 204);
    assert_eq!(client.post("/reports/remove", &remove).problem(), (404, "not-found".to_owned()));
    assert_eq!(read(&client, &authority, 0, now), []);

    running.node().revoke(authority.certificate.fingerprint()).unwrap();
    assert_eq!(read_by(&authority, DOMAIN, now), (403, "revoked".to_owned()));
}

#[test]
fn what_is_no_report_is_refused_and_nothing_is_kept() {
    let site = Site::new();
    let (running, client) = start(&site);
    let authority = enrol(running.node(), "authority", "one");
    let envelope = sealed("words", &fresh_key().public_key());
    for bytes in [&b""[..], b"words", &envelope[..envelope.len() - 1], &[&envelope[..], &[0]].concat()] {
        assert_eq!(client.post("/reports", bytes).problem(), (400, "malformed".to_owned()));
    }
    let large = client.post("/reports", &vec![0; MAX_ENVELOPE + 1]);
    assert_eq!(large.problem(), (413, "too-large".to_owned()));
    assert_eq!(client.get("/reports").status, 405);
    assert_eq!(read(&client, &authority, 0, site.clock.now()), []);
}

#[test]
fn a_flood_from_one_address_ends_at_its_share_and_others_are_heard() {
    let mut site = Site::new();
    // A quarter of a megabyte for one address, with the smallest share.
    site.config.limits.report_bytes = 2 << 20;
    site.config.limits.writes_per_second = 1_000_000;
    site.config.limits.write_burst = 1_000_000;
    let (running, client) = start(&site);
    let (authority, key) = (enrol(running.node(), "authority", "one"), fresh_key().public_key());
    let tried = Tried::new("reports, flooded from one address", "reports of others, kept");
    let mut statuses = Vec::new();
    while statuses.last() != Some(&429) {
        assert!(statuses.len() < 1000, "no end");
        tried.times(1);
        let answer = client.post("/reports", &sealed(&format!("{}", statuses.len()), &key));
        statuses.push(answer.status);
        if answer.status == 429 {
            assert_eq!(answer.header("retry-after"), "3600");
        }
    }
    let mine = statuses.len() - 1;
    assert!(statuses[..mine].iter().all(|status| *status == 204), "{statuses:?}");
    assert!((100..200).contains(&mine), "{mine} reports of one address");
    let elsewhere = Client::at(running.node().genesis(), running.addr(), ELSEWHERE);
    assert_eq!(elsewhere.post("/reports", &sealed("heard", &key)).status, 204);
    // Statements do not wait for a flood of reports.
    let member = enrol(running.node(), "manufacturer", "dm");
    accepted(running.node(), LogName::SUPPLY, &member.sign(&site.request(1)));
    let now = site.clock.now();
    let (mut kept, mut last) = (0, 0);
    loop {
        let page = read(&client, &authority, last, now);
        let Some(latest) = page.last() else { break };
        last = latest.number;
        kept += page.len();
    }
    tried.looked_up(1, usize::from(kept != mine + 1));
    assert_eq!(kept, mine + 1);
}

/// A new key, as `member` publishes it.
fn publish(site: &Site, member: &Member, domain: &str, prev: Option<Hash>) -> Statement {
    let draft = key_draft(domain, &fresh_key().public_key(), prev);
    draft.sign(&member.certificate, &member.key, site.clock.now(), random()).unwrap()
}

#[test]
fn an_authority_publishes_and_replaces_the_key_and_nobody_else_does() {
    let site = Site::new();
    let node = site.open();
    let [first, second] = ["one", "two"].map(|name| enrol(&node, "authority", name));
    let pharmacy = enrol(&node, "pharmacy", "one");
    let published = publish(&site, &first, DOMAIN, None);
    accepted(&node, LogName::TRUST, &published);
    let by_pharmacy = publish(&site, &pharmacy, DOMAIN, Some(published.id()));
    assert_eq!(refusal(&node, LogName::TRUST, &by_pharmacy), "role");
    let other = publish(&site, &first, "other.example", None);
    assert_eq!(refusal(&node, LogName::TRUST, &other), "domain");
    let replaced = publish(&site, &second, DOMAIN, Some(published.id()));
    accepted(&node, LogName::TRUST, &replaced);
    let mut trust = node.genesis().trust_anchors().unwrap().1;
    for member in [&first, &second] {
        trust.enrol(member.certificate.as_der()).unwrap();
    }
    let placed = |statement: &Statement, index| {
        trust.place(trust.verify(statement.clone()).unwrap(), LogName::TRUST, index)
    };
    let history: Vec<Entry> = vec![placed(&published, 0), placed(&replaced, 1)];
    assert_eq!(current_key(DOMAIN, &history).map(|(id, _)| id), Some(replaced.id()));
    assert_eq!(current_key("other.example", &history), None);
}
