//! What an operator asks: of a running node by its socket, and of a ledger that nobody runs.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use countersign_ledger::{Base64, Certificate, Genesis, Hash, LogName, cbor};
use countersign_node::{
    Certified, CodeError, EnrolmentCode, Node, OpenError, OperateError, Request, Status, certify, operate,
    restore,
};

use crate::tried::Tried;
use crate::world::{Client, Member, Site, accepted, csr, enrol, fresh_key, refusal};

fn code(role: &str, hours: u32) -> Request {
    Request::Code { role: role.to_owned(), name: "somebody".to_owned(), hours }
}

fn site() -> Site {
    let mut site = Site::new();
    site.config.listen.set_port(0);
    site
}

fn use_code(node: &Node, code: &str) -> Option<CodeError> {
    let code = EnrolmentCode::parse(code).unwrap();
    match node.enrol(&code, &csr(&fresh_key())) {
        Ok(_) => None,
        Err(countersign_node::AuthorityError::Code(error)) => Some(error),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn a_code_is_made_before_the_first_start_while_the_node_runs_and_after_it_stopped() {
    let site = site();
    let before = operate(&site.config, &code("manufacturer", 1)).unwrap();
    let running = site.open().start().unwrap();
    let meanwhile = operate(&site.config, &code("authority", 72)).unwrap();
    assert_eq!(use_code(running.node(), &before), None);
    running.stop();
    let after = operate(&site.config, &code("pharmacy", 2160)).unwrap();
    let node = site.open();
    assert_eq!([meanwhile, after].map(|code| use_code(&node, &code)), [None, None]);
}

#[test]
fn codes_are_for_known_roles_and_for_a_bounded_time() {
    let site = site();
    let running = site.open().start().unwrap();
    let refused = |request: Request| operate(&site.config, &request).unwrap_err().to_string();
    assert!(refused(code("registrar", 1)).contains("no members are enrolled in the role `registrar`"));
    assert!(refused(code("pharmacist", 1)).contains("pharmacy"), "it names those that there are");
    for hours in [0, 2161, u32::MAX] {
        assert_eq!(refused(code("pharmacy", hours)), "a code is valid for 1 to 2160 hours");
    }
    running.stop();
    assert!(matches!(operate(&site.config, &code("pharmacy", 0)), Err(OperateError::Hours)));
}

#[cfg(unix)]
#[test]
fn the_socket_is_for_the_owner_alone_and_goes_with_the_node() {
    use std::io::{Read as _, Write as _};
    use std::os::unix::fs::PermissionsExt as _;
    use std::os::unix::net::UnixStream;
    let site = site();
    let running = site.open().start().unwrap();
    let socket = site.config.data.join("operator.sock");
    assert_eq!(socket.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    // What is no request gets no reply, and those that come after it get theirs.
    for nonsense in ["\n", "{}\n", "[[[[\n", &"x".repeat(100_000)] {
        let mut stream = UnixStream::connect(&socket).unwrap();
        let _ = stream.write_all(nonsense.as_bytes());
        let mut reply = Vec::new();
        let _ = stream.read_to_end(&mut reply);
        assert!(reply.is_empty());
    }
    operate(&site.config, &code("pharmacy", 1)).unwrap();
    running.stop();
    assert!(!socket.exists());
}

#[test]
fn a_running_node_revokes_from_the_next_entry_or_from_an_earlier_one() {
    let site = site();
    let running = site.open().start().unwrap();
    let node = running.node();
    let (good, thief) = (enrol(node, "manufacturer", "good"), enrol(node, "manufacturer", "thief"));
    accepted(node, LogName::SUPPLY, &thief.sign(&site.request(1)));
    let place = accepted(node, LogName::SUPPLY, &thief.sign(&site.request(2))).place.index;
    let revoke = |certificate: String, from: &[(&str, u64)]| {
        let from: BTreeMap<String, u64> = from.iter().map(|(log, at)| ((*log).to_owned(), *at)).collect();
        operate(&site.config, &Request::Revoke { certificate, from })
    };
    let fingerprint = thief.certificate.fingerprint().to_string();
    for (log, at) in [("supply", 1_000_000), ("records", 0), ("No log", 0)] {
        let refused = revoke(fingerprint.clone(), &[(log, at)]).unwrap_err().to_string();
        assert!(refused.contains("has not reached that place"), "{refused}");
    }
    assert!(revoke("beef".to_owned(), &[]).unwrap_err().to_string().contains("64 hexadecimal digits"));
    let unknown = revoke(Hash::of(b"nobody").to_string(), &[]).unwrap_err().to_string();
    assert_eq!(unknown, "there is no such certificate");

    let told = revoke(fingerprint, &[("supply", place)]).unwrap();
    assert!(told.contains(&format!("entry {place} of the log supply")), "{told}");
    assert_eq!(refusal(node, LogName::SUPPLY, &thief.sign(&site.request(3))), "revoked");
    let told = revoke(good.certificate.fingerprint().to_string(), &[]).unwrap();
    assert!(told.contains("of the log supply") && told.contains("of the log trust"), "{told}");
    assert_eq!(refusal(node, LogName::SUPPLY, &good.sign(&site.request(4))), "revoked");
}

#[cfg(unix)]
#[test]
fn a_node_without_the_root_key_orders_as_before_and_whoever_has_the_key_certifies() {
    let mut site = site();
    let early = enrol(&site.open(), "manufacturer", "early");
    // It is taken elsewhere.
    let (kept, away) = (site.config.data.join("keys/root.p256"), tempfile::tempdir().unwrap());
    let root = away.path().join("root.p256");
    std::fs::copy(&kept, &root).unwrap();
    std::fs::remove_file(&kept).unwrap();
    let running = site.open().start().unwrap();
    let node = running.node();
    accepted(node, LogName::SUPPLY, &early.sign(&site.request(1)));
    assert!(certify(&site.config, &root).unwrap().is_empty());

    let (key, client) = (fresh_key(), Client::new(node.genesis(), running.addr()));
    let code = operate(&site.config, &code("manufacturer", 1)).unwrap();
    let body = cbor::encode(|e| e.array(2)?.str(&code)?.bytes(&csr(&key))?.ok());
    for _ in 0..2 {
        let waits = client.post("/enrol", &body);
        assert_eq!((waits.problem(), waits.header("retry-after")), ((503, "busy".into()), "10"));
    }
    // Another's root key certifies nobody, and the code is not used up.
    let other = away.path().join("other.p256");
    std::fs::copy(site.config.data.join("keys/registrar.p256"), &other).unwrap();
    let [Certified { member, published: refused }] = &certify(&site.config, &other).unwrap()[..] else {
        panic!("one waits")
    };
    assert_eq!(member.as_str(), "spiffe://meds.example/manufacturer/somebody");
    assert!(refused.is_err());
    assert_eq!(client.post("/enrol", &body).status, 503);
    let certified = certify(&site.config, &root).unwrap();
    assert!(matches!(&certified[..], [Certified { published: Ok(()), .. }]), "{certified:?}");
    let answer = client.post("/enrol", &body);
    assert_eq!(answer.status, 201);
    let late = Member { key, certificate: Certificate::from_der(&answer.body).unwrap() };
    accepted(node, LogName::SUPPLY, &late.sign(&site.request(2)));
    assert!(certify(&site.config, &root).unwrap().is_empty());
    // What nobody waits for, with a code that was never made.
    let certificate = Base64(late.certificate.as_der().to_vec());
    let unasked = Request::Certified { code: Hash::of(b"code").to_string(), certificate };
    assert!(operate(&site.config, &unasked).unwrap_err().to_string().contains("no such enrolment code"));
    running.stop();
    assert!(matches!(certify(&site.config, &root), Err(OperateError::NotRunning(_))));
    // It comes back, and everything is as it was.
    site.config.certificate_days = 30;
    std::fs::copy(&root, &kept).unwrap();
    enrol(&site.open(), "manufacturer", "again");
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for file in std::fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

#[test]
fn a_backup_made_while_statements_come_in_is_restored_elsewhere() {
    let site = site();
    let running = site.open().start().unwrap();
    let manufacturer = enrol(running.node(), "manufacturer", "dm");
    let (begun, done) = (AtomicBool::new(false), AtomicBool::new(false));
    let tried = Tried::new("a backup made under a writer, and restored", "statements acknowledged before it");
    let acknowledged = Mutex::new(Vec::new());
    let [backup, signed] = ["backup", "last-signed-before"].map(|name| site.config.data.with_file_name(name));
    std::fs::copy(site.config.data.join("last-signed"), &signed).unwrap();
    let (keys, elsewhere) = (site.config.data.join("keys"), site.config.data.with_file_name("elsewhere"));
    let before = std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0.. {
                let statement = manufacturer.sign(&site.request(number));
                accepted(running.node(), LogName::SUPPLY, &statement);
                acknowledged.lock().unwrap().push(statement.id());
                begun.store(number >= 20, Ordering::Release);
                if done.load(Ordering::Acquire) {
                    break;
                }
            }
        });
        while !begun.load(Ordering::Acquire) {
            std::thread::yield_now();
        }
        tried.times(1);
        let before = acknowledged.lock().unwrap().clone();
        let told = operate(&site.config, &Request::Backup { to: backup.clone() });
        done.store(true, Ordering::Release);
        let told = told.unwrap();
        assert!(told.contains("the keys are not among them"), "{told}");
        before
    });
    let again = operate(&site.config, &Request::Backup { to: backup.clone() }).unwrap_err().to_string();
    assert!(again.contains("nothing is"), "{again}");
    let relative = operate(&site.config, &Request::Backup { to: "backup-2".into() }).unwrap_err();
    assert!(relative.to_string().contains("absolute"), "{relative}");
    let genesis = running.node().genesis().clone();
    running.stop();

    let config = countersign_node::Config { data: elsewhere.clone(), ..site.config.clone() };
    std::fs::create_dir(&elsewhere).unwrap();
    let without = restore(&config, &backup).unwrap_err().to_string();
    assert!(without.contains("must hold the ledger's keys"), "{without}");
    copy(&keys, &elsewhere.join("keys"));
    let without = restore(&config, &backup).unwrap_err().to_string();
    assert!(without.contains("what the keys signed last"), "{without}");
    std::fs::copy(site.config.data.join("last-signed"), elsewhere.join("last-signed")).unwrap();
    // They have signed since, and nobody may sign another history in its place.
    let behind = restore(&config, &backup).unwrap_err().to_string();
    assert!(behind.contains("are missing"), "{behind}");
    std::fs::copy(&signed, elsewhere.join("last-signed")).unwrap();
    // What another database has left would be taken for this one's.
    let other = elsewhere.join("ledger.sqlite-wal");
    std::fs::write(&other, "").unwrap();
    let over = restore(&config, &backup).unwrap_err().to_string();
    assert!(over.contains("-wal is there already"), "{over}");
    std::fs::remove_file(&other).unwrap();
    let told = restore(&config, &backup).unwrap();
    assert!(told.contains("verified"), "{told}");
    let over = restore(&config, &backup).unwrap_err().to_string();
    assert!(over.contains("is there already"), "{over}");
    let restored = Node::open(config).unwrap();
    assert_eq!(restored.genesis(), &genesis);
    let stands = |id: &&Hash| matches!(restored.sequencer().status(**id), Status::Ordered(_));
    let lost = before.len() - before.iter().filter(stands).count();
    tried.looked_up(before.len(), lost);
    assert_eq!(lost, 0);
    // Members are there, and it goes on.
    accepted(&restored, LogName::SUPPLY, &manufacturer.sign(&site.request(1_000_000)));
}

#[test]
fn a_damaged_backup_is_refused_and_leaves_nothing() {
    let site = site();
    let backup = site.config.data.with_file_name("backup");
    let node = site.open();
    let manufacturer = enrol(&node, "manufacturer", "dm");
    accepted(&node, LogName::SUPPLY, &manufacturer.sign(&site.request(1)));
    drop(node);
    operate(&site.config, &Request::Backup { to: backup.clone() }).unwrap();
    let database = backup.join("ledger.sqlite");
    let mut bytes = std::fs::read(&database).unwrap();
    let at = bytes.windows(6).position(|window| window == b"starch").unwrap();
    bytes[at] ^= 1;
    std::fs::write(&database, bytes).unwrap();
    let elsewhere = site.config.data.with_file_name("elsewhere");
    copy(&site.config.data.join("keys"), &elsewhere.join("keys"));
    std::fs::copy(site.config.data.join("last-signed"), elsewhere.join("last-signed")).unwrap();
    let config = countersign_node::Config { data: elsewhere.clone(), ..site.config.clone() };
    let refused = restore(&config, &backup).unwrap_err();
    assert!(matches!(refused, OperateError::Open(OpenError::Damaged(_))), "{refused}");
    assert!(!elsewhere.join("ledger.sqlite").exists() && !elsewhere.join("genesis.json").exists());
}

#[test]
fn what_clients_have_pinned_stays_whatever_the_configuration_says() {
    let mut site = site();
    let node = site.open();
    let pinned = node.genesis().clone();
    drop(node);
    let path = site.config.data.join("genesis.json");
    assert_eq!(Genesis::parse(&std::fs::read(&path).unwrap()).unwrap(), pinned);
    site.config.quorum = 1;
    let refused = site.try_open().err().unwrap().to_string();
    assert!(refused.contains("the policy of keys and witnesses") && refused.contains("pinned"), "{refused}");
    site.config.quorum = 2;
    let mut fewer = pinned.clone();
    fewer.domains[0].roles.pop();
    std::fs::write(&path, fewer.to_json()).unwrap();
    let refused = site.try_open().err().unwrap().to_string();
    assert!(refused.contains("the trust domains") && refused.contains("pinned"), "{refused}");
    std::fs::write(&path, pinned.to_json()).unwrap();
    // A version of the software that knows other roles gives those that clients have pinned.
    let families = countersign_ledger::Families::default();
    let surroundings = countersign_node::Surroundings {
        families,
        clock: site.clock.clock(),
        ..countersign_node::Surroundings::default()
    };
    let node = Node::open_with(site.config.clone(), surroundings).unwrap();
    assert_eq!(node.genesis(), &pinned);
    drop(node);
    std::fs::remove_file(&path).unwrap();
    let missing = site.try_open().err().unwrap().to_string();
    assert!(missing.contains("genesis.json") && missing.contains("missing"), "{missing}");
}
