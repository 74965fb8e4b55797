//! How a blob comes to a node: looked up first, written to disk as it comes, and continued where it was cut.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use countersign_custody::SerialSet;
use countersign_ledger::Hash;
use countersign_node::Running;

use crate::floods::{Hostile, used};
use crate::life::{Life, STEPS};
use crate::tried::Tried;
use crate::world::{Answer, Client, Site};

const CUT: &str = "an upload cut or slow";
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// A node that waits for one large filter.
struct Stage {
    running: Running,
    client: Client,
    filter: Vec<u8>,
    path: String,
    _site: Site,
}

impl Stage {
    fn new(change: impl FnOnce(&mut Site)) -> Self {
        let mut site = Site::new();
        change(&mut site);
        let running = site.open().start().unwrap();
        let client = Client::new(running.node().genesis(), running.addr());
        let filter = {
            let mut life = Life::new(&site, running.node());
            life.serials = SerialSet::new((0..200_000).map(|serial| format!("S{serial}"))).unwrap();
            for step in &STEPS[..5] {
                life.admit(running.node(), step);
            }
            let waits = client.post("/supply/entries", life.sign("commission").as_bytes());
            assert_eq!(waits.problem(), (409, "promise-not-held".to_owned()));
            life.serials.filter_bytes().to_vec()
        };
        let path = format!("/blob/{}", Hash::of(&filter));
        Self { running, client, filter, path, _site: site }
    }

    fn put(&self, first: usize, until: usize) -> Answer {
        self.put_range(
            &format!("bytes {first}-{}/{}", until - 1, self.filter.len()),
            &self.filter[first..until],
        )
    }

    fn put_range(&self, range: &str, bytes: &[u8]) -> Answer {
        let request = self.client.http.put(format!("{}{}", self.client.base, self.path));
        Answer::of(request.header("content-range", range).body(bytes.to_vec()).send().unwrap())
    }

    fn held(&self, client: &Client) -> (u16, String) {
        let answer = client.http.head(format!("{}{}", client.base, self.path)).send().unwrap();
        let offset = answer.headers().get("upload-offset").or(answer.headers().get("content-length"));
        (answer.status().as_u16(), offset.unwrap().to_str().unwrap().to_owned())
    }
}

#[test]
fn an_upload_that_was_cut_goes_on_where_it_was() {
    let stage = Stage::new(|_| ());
    let len = stage.filter.len();
    assert!(len > 200_000);
    assert_eq!(stage.held(&stage.client), (404, "0".into()));

    // A connection that breaks in the middle of the whole.
    let tried = Tried::new(CUT, "blobs");
    tried.times(1);
    let hostile = Hostile::new(&stage.running);
    hostile.send_some_and_leave("PUT", &stage.path, len, &stage.filter[..100_000]);
    let deadline = Instant::now() + Duration::from_secs(20);
    let kept = loop {
        let (status, offset) = stage.held(&stage.client);
        assert_eq!(status, 404);
        match offset.parse::<usize>().unwrap() {
            0 if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(20)),
            kept => break kept,
        }
    };
    assert!((1..=100_000).contains(&kept), "{kept}");
    assert_eq!(used(&stage.running, "unfinished_bytes"), len as u64);

    // Nobody else goes on with it, nor spoils it.
    let other = Client::at(stage.running.node().genesis(), stage.running.addr(), ELSEWHERE);
    assert_eq!(stage.held(&other), (404, "0".into()));
    assert_eq!(stage.put(kept + 1, len).problem(), (409, "offset".into()));
    assert_eq!(stage.put(1, len).problem(), (409, "offset".into()));
    assert_eq!(stage.held(&stage.client), (404, kept.to_string()));

    let more = stage.put(kept, len - 10);
    assert_eq!((more.status, more.header("upload-offset")), (202, &*(len - 10).to_string()));
    assert_eq!(stage.put(len - 10, len).status, 204);
    assert_eq!(stage.held(&stage.client), (200, len.to_string()));
    let got = stage.client.get(&stage.path);
    assert_eq!((got.status, Hash::of(&got.body)), (200, Hash::of(&stage.filter)));
    assert_eq!(got.header("content-length"), len.to_string());
    tried.looked_up(1, 0);
    assert_eq!(used(&stage.running, "unfinished_bytes"), 0);
}

#[test]
fn other_bytes_than_those_promised_leave_nothing_behind() {
    let stage = Stage::new(|_| ());
    let len = stage.filter.len();
    let mut other = stage.filter.clone();
    other[len / 2] ^= 1;
    let malformed = || (400, "malformed".to_owned());
    assert_eq!(stage.client.put(&stage.path, &other).problem(), malformed());
    assert_eq!(stage.client.put(&stage.path, &other[1..]).problem(), malformed());
    for range in [
        "bytes 0-99/100".to_owned(),
        format!("bytes 0-{len}/{len}"),
        format!("bytes 5-4/{len}"),
        format!("bytes 0-/{len}"),
        format!("bytes 0-{}/*", len - 1),
        "lines 0-1/2".to_owned(),
        format!("bytes 0-{}/{len}", u64::MAX),
    ] {
        assert_eq!(stage.put_range(&range, &stage.filter).problem(), malformed(), "{range}");
    }
    let tried = Tried::new("an upload of other bytes than those promised", "blobs");
    tried.times(10);
    // Begun with wrong bytes and completed: the whole is not what was promised.
    assert_eq!(stage.put_range(&format!("bytes 0-9/{len}"), &[7; 10]).status, 202);
    assert_eq!(stage.put(10, len).problem(), malformed());
    assert_eq!(stage.held(&stage.client), (404, "0".into()));
    assert_eq!(used(&stage.running, "unfinished_bytes"), 0);
    assert_eq!(stage.client.put(&stage.path, &stage.filter).status, 204);
    tried.looked_up(1, 0);
}

#[test]
fn a_blob_that_is_there_or_that_nobody_waits_for_is_answered_before_it_is_sent() {
    let stage = Stage::new(|_| ());
    assert_eq!(stage.client.put(&stage.path, &stage.filter).status, 204);
    let hostile = Hostile::new(&stage.running);
    // Only the head is sent.
    assert_eq!(hostile.answer_to_head("PUT", &stage.path, stage.filter.len()).0, 204);
    let (status, document) = hostile.answer_to_head("PUT", &format!("/blob/{}", Hash::of(b"x")), 16 << 20);
    assert!(status == 403 && document.windows(7).any(|window| window == b"unnamed"));
}

#[test]
fn a_slow_upload_has_the_time_that_its_length_needs_and_one_that_drips_has_not() {
    let stage = Stage::new(|site| {
        (site.config.limits.request_seconds, site.config.limits.upload_pace) = (1, 100_000);
    });
    let hostile = Hostile::new(&stage.running);
    let pieces: Vec<&[u8]> = stage.filter.chunks(stage.filter.len().div_ceil(12)).collect();
    let started = Instant::now();
    let fast = hostile.put_slowly(&stage.path, stage.filter.len(), &pieces, Duration::from_millis(150));
    assert!(started.elapsed() > Duration::from_millis(1500), "longer than a request may take");
    assert_eq!(fast, 204);
    let tried = Tried::new(CUT, "blobs");
    tried.times(1);
    tried.looked_up(1, 0);
    let stage = Stage::new(|site| {
        (site.config.limits.request_seconds, site.config.limits.upload_pace) = (1, 100_000);
    });
    let hostile = Hostile::new(&stage.running);
    let drops: Vec<&[u8]> = stage.filter.chunks(10).take(60).collect();
    assert_eq!(hostile.put_slowly(&stage.path, stage.filter.len(), &drops, Duration::from_millis(100)), 408);
}

#[test]
fn so_many_uploads_of_one_address_at_one_time_and_no_more() {
    let stage = Stage::new(|site| (site.config.limits.uploads, site.config.limits.address_percent) = (4, 50));
    let hostile = Hostile::new(&stage.running);
    let _held: Vec<_> =
        (0..2).map(|_| hostile.hold("PUT", &stage.path, stage.filter.len(), &[1; 100])).collect();
    let deadline = Instant::now() + Duration::from_secs(20);
    while used(&stage.running, "uploads") < 2 && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(10));
    }
    let refused = stage.client.put(&stage.path, &stage.filter);
    assert_eq!((refused.header("retry-after"), refused.problem()), ("1", (503, "busy".into())));
    let other = Client::at(stage.running.node().genesis(), stage.running.addr(), ELSEWHERE);
    assert_eq!(other.put(&stage.path, &stage.filter).status, 204);
}
