//! A server of SMART Health Links, over HTTPS.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use countersign_node::{LinkServer, LinkServerConfig, TlsConfig};
use countersign_shl::{Gate, Manifest, Request, Source, Status, Wrong};
use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use reqwest::StatusCode;
use reqwest::blocking::{Client, Response};

const DIRECT: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const PROTECTED: &str = "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB";
const JWE: &str = "a..b.c.d";

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// A server of a folder, and a client that trusts it.
struct World {
    server: LinkServer,
    http: Client,
}

/// A client at an address of this machine.
fn client(server: &LinkServer, number: u8) -> Client {
    let root = reqwest::Certificate::from_der(server.tls_root().unwrap()).unwrap();
    let at = std::net::IpAddr::from([127, 0, 0, number]);
    Client::builder().tls_certs_only([root]).https_only(true).local_address(at).build().unwrap()
}

impl World {
    fn start(folder: &Path) -> Self {
        let listen = ([127, 0, 0, 1], 0).into();
        let config = LinkServerConfig { folder: folder.to_owned(), listen, tls: TlsConfig::default() };
        let server = LinkServer::start(&config).unwrap();
        let http = client(&server, 1);
        Self { server, http }
    }

    fn url(&self, path: &str) -> String {
        format!("https://localhost:{}/{path}", self.server.addr().port())
    }

    fn get(&self, path: &str) -> Response {
        self.http.get(self.url(path)).send().unwrap()
    }

    fn post(&self, name: &str, passcode: Option<&str>, most: Option<usize>) -> Response {
        let passcode = passcode.map(|passcode| passcode.to_owned().into());
        let request = Request { recipient: "Dr. Grace".to_owned(), passcode, embedded_length_max: most };
        let body = request.to_json().to_vec();
        self.http.post(self.url(name)).header("content-type", "application/json").body(body).send().unwrap()
    }
}

fn put(folder: &Path, name: &str, expires: u64, passcode: Option<&str>, url: &str) {
    let gate = Gate::new(url, expires, passcode, &mut UnwrapErr(SysRng)).unwrap();
    fs::write(folder.join(name), JWE).unwrap();
    fs::write(folder.join(name).with_extension("json"), gate.to_json()).unwrap();
}

fn wrong(answer: Response) -> u32 {
    assert_eq!(
        (answer.status(), answer.headers()["content-type"].clone()),
        (StatusCode::UNAUTHORIZED, "application/json".parse().unwrap())
    );
    Wrong::parse(&answer.bytes().unwrap()).unwrap().remaining_attempts
}

#[test]
fn a_direct_file_is_given_out_until_it_ends_and_a_protected_one_only_for_its_passcode() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::start(folder.path());
    put(folder.path(), DIRECT, now() + 100, None, "https://x.example");
    put(folder.path(), PROTECTED, now() + 100, Some("1234"), &world.url(PROTECTED));

    let answer = world.get(&format!("any/prefix/{DIRECT}?recipient=Dr.+Grace"));
    assert_eq!(answer.headers()["content-type"], "application/jose");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    assert_eq!(answer.text().unwrap(), JWE);
    // A viewer is a page of another site.
    let asked = world.http.get(world.url(DIRECT)).header("origin", "https://viewer.example").send().unwrap();
    assert_eq!(asked.headers()["access-control-allow-origin"], "*");

    assert_eq!(world.get(PROTECTED).status(), StatusCode::NOT_FOUND);
    assert_eq!(world.post(DIRECT, Some("1234"), None).status(), StatusCode::NOT_FOUND);
    assert_eq!(wrong(world.post(PROTECTED, None, None)), 10, "who did not try has lost nothing");
    assert_eq!(wrong(world.post(PROTECTED, Some("4321"), None)), 9);
    let answer = world.post(PROTECTED, Some("1234"), None);
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let files = Manifest::parse(&answer.bytes().unwrap()).unwrap().files;
    assert_eq!(
        (&files[0].source, files[0].status),
        (&Source::Embedded(JWE.to_owned()), Some(Status::Finalized))
    );
    assert_eq!(
        wrong(world.post(PROTECTED, Some("4321"), None)),
        8,
        "a right one costs none and gives none back"
    );

    // Too long to be embedded: at an address of its own.
    let files =
        Manifest::parse(&world.post(PROTECTED, Some("1234"), Some(7)).bytes().unwrap()).unwrap().files;
    let Source::Location(location) = &files[0].source else { panic!("{files:?}") };
    assert_eq!(world.http.get(location).send().unwrap().text().unwrap(), JWE);
    let other = format!("{}0", &location[..location.len() - 1]);
    let answer = world.http.get(if other == *location { format!("{other}0") } else { other }).send().unwrap();
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
}

#[test]
fn a_large_file_goes_out_in_pieces_and_who_takes_it_slowly_keeps_nobody_else_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::start(folder.path());
    put(folder.path(), DIRECT, now() + 100, None, "https://x.example");
    // More than one address may have in memory.
    let large: Vec<u8> = (0..20_u32 << 20).map(|at| b'a' + u8::try_from(at * 7 / 5 % 26).unwrap()).collect();
    fs::write(folder.path().join(DIRECT), &large).unwrap();
    let whole = world.get(DIRECT);
    assert_eq!(whole.headers()["content-length"], large.len().to_string());
    assert!(whole.bytes().unwrap() == large);
    // Eight at one address that take nothing but the head, and have its share of memory.
    let slow: Vec<Response> = (0..8).map(|_| world.get(DIRECT)).collect();
    assert!(slow.iter().all(|answer| answer.status() == StatusCode::OK));
    put(folder.path(), PROTECTED, now() + 100, None, "https://x.example");
    let asked = std::time::Instant::now();
    let other = client(&world.server, 2).get(world.url(PROTECTED)).send().unwrap();
    assert_eq!(other.text().unwrap(), JWE);
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
    // What is erased meanwhile is sent to its end by those who began.
    fs::remove_file(folder.path().join(DIRECT)).unwrap();
    assert_eq!(world.get(DIRECT).status(), StatusCode::NOT_FOUND);
    std::thread::scope(|scope| {
        let large = &large;
        for answer in slow {
            scope.spawn(move || assert!(answer.bytes().unwrap() == *large));
        }
    });
}

#[test]
fn attempts_are_counted_over_restarts_and_many_at_once_and_then_the_file_is_erased() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), PROTECTED, now() + 100, Some("1234"), "https://x.example");
    let world = World::start(folder.path());
    assert_eq!(wrong(world.post(PROTECTED, Some("0"), None)), 9);
    world.server.stop();

    let world = Arc::new(World::start(folder.path()));
    let guesses: Vec<_> = (0..16)
        .map(|guess| {
            let world = Arc::clone(&world);
            std::thread::spawn(move || world.post(PROTECTED, Some(&format!("{guess}")), None).status())
        })
        .collect();
    let statuses: Vec<_> = guesses.into_iter().map(|guess| guess.join().unwrap()).collect();
    assert_eq!(statuses.iter().filter(|status| **status == StatusCode::UNAUTHORIZED).count(), 9);
    assert_eq!(statuses.iter().filter(|status| **status == StatusCode::NOT_FOUND).count(), 7);
    assert_eq!(
        world.post(PROTECTED, Some("1234"), None).status(),
        StatusCode::NOT_FOUND,
        "it has ended for good"
    );
    assert!(!folder.path().join(PROTECTED).exists());
}

#[test]
fn what_has_ended_is_erased_and_other_names_lead_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::start(folder.path());
    put(folder.path(), DIRECT, now() + 1, None, "https://x.example");
    assert_eq!(world.get(DIRECT).status(), StatusCode::OK);
    std::thread::sleep(Duration::from_millis(2100));
    assert_eq!(world.get(DIRECT).status(), StatusCode::NOT_FOUND);
    assert!(!folder.path().join(DIRECT).exists());
    fs::write(folder.path().join("secret"), "x").unwrap();
    for path in ["", "secret", "keys/tls-root.pem", "..%2fsecret", &format!("{DIRECT}.json"), &"A".repeat(44)]
    {
        assert_eq!(world.get(path).status(), StatusCode::NOT_FOUND, "{path}");
    }
    let malformed = world.http.post(world.url(PROTECTED)).body("{}").send().unwrap();
    assert_eq!(malformed.status(), StatusCode::BAD_REQUEST);
    // A file without a gate is served to nobody, and one whose gate does not read is the operator's matter.
    fs::write(folder.path().join(PROTECTED), JWE).unwrap();
    assert_eq!(world.get(PROTECTED).status(), StatusCode::NOT_FOUND);
    fs::write(folder.path().join(PROTECTED).with_extension("json"), "{}").unwrap();
    assert_eq!(world.get(PROTECTED).status(), StatusCode::SERVICE_UNAVAILABLE);
    let second = LinkServerConfig {
        folder: folder.path().to_owned(),
        listen: ([127, 0, 0, 1], 0).into(),
        tls: TlsConfig::default(),
    };
    assert!(LinkServer::start(&second).is_err(), "one process counts attempts");
}
