//! A wrong clock: it is noticed while the node runs and when it starts, on the node and on its witnesses; nothing is ordered
//! under it, reading goes on, and ordering goes on by itself when the clock is right.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use countersign_ledger::{LogName, UnixMillis};
use countersign_node::{ClockError, Halt, Node, OpenError, Outcome, Surroundings};

use crate::tried::Tried;
use crate::world::{
    Client, DAY_MILLIS, Member, Site, TestClock, WEEK, accepted, csr, enrol, fresh_key, submit,
};

const MINUTE: i64 = 60 * 1000;
const DAY: i64 = DAY_MILLIS.cast_signed();

const NOT_UNDER_IT: &str = "statements, none ordered under it, each after it";

/// The next statement is ordered, perhaps after a moment: a halt is looked at again every quarter of a second.
fn goes_on(node: &Node, member: &Member, site: &Site, number: u64) {
    let statement = member.sign(&site.request(number));
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        match submit(node, LogName::SUPPLY, &statement) {
            Outcome::Accepted(_) | Outcome::Duplicate(_) => return,
            Outcome::Halted(Halt::Clock) if Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(50));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn nothing_is_ordered_under_a_clock_that_was_set_while_the_node_ran() {
    let site = Site::new();
    let running = site.open().start().unwrap();
    let node = running.node();
    let client = Client::new(node.genesis(), running.addr());
    let member = enrol(node, "manufacturer", "dm");
    let mut number = 0;
    let tried = Tried::new("the node's clock set, while it runs and before it starts", NOT_UNDER_IT);
    for by in [6 * MINUTE, -6 * MINUTE, DAY, -DAY, 400 * DAY, -400 * DAY] {
        tried.times(1);
        let (height, right) = (node.sequencer().health().height, site.clock.now());
        let before = member.sign(&site.request(number));
        site.clock.set_by(by);
        // Whoever signs by a clock that is right, and whoever signs by the node's.
        for statement in [&before, &member.sign(&site.request(number + 1))] {
            assert_eq!(submit(node, LogName::SUPPLY, statement), Outcome::Halted(Halt::Clock), "{by}");
        }
        let code = node.registrar().new_code("pharmacy", "tp", WEEK).unwrap();
        assert!(node.enrol(&code, &csr(&fresh_key())).is_err(), "{by}");
        let answer = client.post("/supply/entries", before.as_bytes());
        assert_eq!(
            (answer.header("retry-after"), answer.problem()),
            ("60", (503, "clock".to_owned())),
            "{by}"
        );
        let health = String::from_utf8(client.get("/health").body).unwrap();
        assert!(
            health.contains("\"halted\":\"clock\"") && health.contains("\"accepting\":false"),
            "{health}"
        );
        let metrics = crate::world::metrics(&running);
        assert!(metrics.contains("countersign_halted{reason=\"clock\"} 1"), "{metrics}");
        assert_eq!(client.get("/supply/checkpoint").status, 200);
        assert_eq!(node.sequencer().health().height, height);

        site.clock.set_by(-by);
        assert_eq!(site.clock.now(), right);
        goes_on(node, &member, &site, number + 2);
        assert!(matches!(submit(node, LogName::SUPPLY, &before), Outcome::Accepted(_)), "{by}");
        tried.looked_up(2, 0);
        assert_eq!(node.sequencer().health().halted, None);
        number += 3;
    }
    // Small corrections are none of these.
    for by in [4 * MINUTE, -4 * MINUTE] {
        site.clock.set_by(by);
        accepted(node, LogName::SUPPLY, &member.sign(&site.request(number)));
        number += 1;
    }
    // Nor is time that passes, much or little.
    site.clock.advance(30 * DAY_MILLIS);
    accepted(node, LogName::SUPPLY, &member.sign(&site.request(number)));
}

#[test]
fn nothing_is_ordered_when_a_node_starts_under_a_clock_that_it_cannot_believe() {
    let tried = Tried::new("the node's clock set, while it runs and before it starts", NOT_UNDER_IT);
    for by in [-6 * MINUTE, -DAY, -400 * DAY, 8 * DAY, 31 * DAY, 400 * DAY] {
        tried.times(1);
        let site = Site::new();
        let node = site.open();
        let member = enrol(&node, "manufacturer", "dm");
        let checkpoint = node.checkpoint(LogName::SUPPLY);
        drop(node);
        let right = site.clock.now();
        site.clock.set_by(by);
        // It starts, and shows what was signed before; nothing is signed.
        let node = site.open();
        assert_eq!(node.checkpoint(LogName::SUPPLY), checkpoint, "{by}");
        let statement = member.sign(&crate::world::Spec { at: right, ..site.request(1) });
        assert_eq!(submit(&node, LogName::SUPPLY, &statement), Outcome::Halted(Halt::Clock), "{by}");
        // The clock is right again: nobody has to do anything.
        site.clock.set_by(-by);
        goes_on(&node, &member, &site, 2);
        accepted(&node, LogName::SUPPLY, &statement);
        assert_ne!(node.checkpoint(LogName::SUPPLY), checkpoint);
        tried.looked_up(1, 0);
    }
}

#[test]
fn a_node_that_was_off_for_days_starts_and_one_that_was_off_for_a_month_is_told_the_day() {
    let site = Site::new();
    let node = site.open();
    let member = enrol(&node, "manufacturer", "dm");
    drop(node);
    let at = |today: UnixMillis| {
        let surroundings = Surroundings { today: Some(today), ..site.clock.surroundings() };
        Node::open_with(site.config.clone(), surroundings)
    };
    let day = || UnixMillis(site.clock.now().0 / DAY_MILLIS * DAY_MILLIS);
    for (number, days) in [(0, 1), (1, 6)] {
        site.clock.set_by(days * DAY);
        accepted(&site.open(), LogName::SUPPLY, &member.sign(&site.request(number)));
    }
    for (number, by) in [(2, 31 * DAY), (3, -2 * DAY)] {
        site.clock.set_by(by);
        let node = site.open();
        let statement = member.sign(&site.request(number));
        assert_eq!(submit(&node, LogName::SUPPLY, &statement), Outcome::Halted(Halt::Clock));
        drop(node);
        let other = at(UnixMillis(day().0 + 3 * DAY_MILLIS));
        assert!(matches!(other, Err(OpenError::Clock(ClockError::OtherDay { .. }))));
        accepted(&at(day()).unwrap(), LogName::SUPPLY, &statement);
    }
}

/// How many signatures the newest checkpoint has.
fn signatures(node: &Node) -> usize {
    node.checkpoint(LogName::SUPPLY).lines().filter(|line| line.starts_with("— ")).count()
}

#[test]
fn one_witness_with_another_time_does_not_cosign_and_two_stop_the_log() {
    let site = Site::new();
    let clocks: BTreeMap<String, TestClock> =
        (1..=3).map(|i| (format!("witness-{i}"), TestClock::new())).collect();
    let witness_clocks = clocks.iter().map(|(name, clock)| (name.clone(), clock.clock())).collect();
    let surroundings = Surroundings { witness_clocks, ..site.clock.surroundings() };
    let running = Node::open_with(site.config.clone(), surroundings).unwrap().start().unwrap();
    let node = running.node();
    let (policy, _) = node.genesis().trust_anchors().unwrap();
    let member = enrol(node, "manufacturer", "dm");
    assert_eq!(signatures(node), 5);
    let mut number = 0;
    let tried = Tried::new("one witness's clock set, then that of a second", NOT_UNDER_IT);
    for by in [6 * MINUTE, -6 * MINUTE, 400 * DAY, -400 * DAY] {
        tried.times(2);
        clocks["witness-2"].set_by(by);
        accepted(node, LogName::SUPPLY, &member.sign(&site.request(number)));
        // The other two suffice, and no cosignature says another time.
        assert_eq!(signatures(node), 4, "{by}");
        let trusted = policy.trust(&node.checkpoint(LogName::SUPPLY)).unwrap();
        assert!(trusted.cosigned_at().0.abs_diff(site.clock.now().0) < 1000);
        let metrics = crate::world::metrics(&running);
        assert!(metrics.contains("countersign_witness_clock_off{witness=\"witness-2\"} 1"), "{metrics}");
        assert!(metrics.contains("countersign_witness_clock_off{witness=\"witness-3\"} 0"), "{metrics}");

        clocks["witness-3"].set_by(by);
        let statement = member.sign(&site.request(number + 1));
        assert_eq!(submit(node, LogName::SUPPLY, &statement), Outcome::Halted(Halt::Clock), "{by}");
        clocks["witness-3"].set_by(-by);
        goes_on(node, &member, &site, number + 2);
        // A witness that was left out takes up what it has missed.
        clocks["witness-2"].set_by(-by);
        accepted(node, LogName::SUPPLY, &member.sign(&site.request(number + 3)));
        assert_eq!(signatures(node), 5, "{by}");
        tried.looked_up(1, 0);
        number += 4;
    }
}
