//! Objects in a bucket: the same store, against a server that speaks S3 in this process.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use countersign_ledger::Hash;
use countersign_node::S3Config;
use countersign_records::Taken;
use countersign_records::rules::Mode;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use s3s_fs::FileSystem;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use super::clinic::{AT_ONCE, Clinic, Owner, Shared, eventually, full, line, noise, shared, site};

/// A server with one bucket; dropping it stops it.
struct Server {
    addr: SocketAddr,
    _runtime: Runtime,
}

impl Server {
    fn start(root: &Path, addr: SocketAddr) -> Self {
        std::fs::create_dir_all(root.join("bucket")).unwrap();
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(async {
            // A port that was just closed may be busy for a moment.
            for _ in 0..100 {
                match TcpListener::bind(addr).await {
                    Ok(listener) => return listener,
                    Err(_) => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
                }
            }
            panic!("no port");
        });
        let addr = listener.local_addr().unwrap();
        let mut service = S3ServiceBuilder::new(FileSystem::new(root).unwrap());
        service.set_auth(SimpleAuth::from_single("the-id", "the-secret"));
        let service = service.build();
        runtime.spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                let service = service.clone();
                tokio::spawn(async move {
                    let server = Builder::new(TokioExecutor::new());
                    let _ = server.serve_connection(TokioIo::new(socket), service).await;
                });
            }
        });
        Self { addr, _runtime: runtime }
    }
}

/// A clinic whose objects lie in a bucket.
struct Stage {
    folder: tempfile::TempDir,
    server: Option<Server>,
    clinic: Clinic,
}

impl Stage {
    fn new() -> Self {
        let folder = tempfile::TempDir::new().unwrap();
        let server = Server::start(folder.path(), ([127, 0, 0, 1], 0).into());
        let credentials = folder.path().join("credentials");
        std::fs::write(&credentials, "the-id\nthe-secret\n").unwrap();
        private(&credentials);
        let mut site = site();
        site.config.record_store.as_mut().unwrap().s3 = Some(S3Config {
            bucket: "bucket".to_owned(),
            region: "eu-north-1".to_owned(),
            endpoint: format!("http://{}", server.addr),
            credentials,
        });
        Self { clinic: Clinic::of(site), server: Some(server), folder }
    }

    fn path(&self, owner: &Owner, object: &[u8]) -> PathBuf {
        self.folder.path().join("bucket").join(owner.record.to_string()).join(Hash::of(object).to_string())
    }
}

fn private(path: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
}

#[test]
fn a_record_in_a_bucket_is_brought_delivered_superseded_and_removed() {
    let mut stage = Stage::new();
    // Several parts of an upload, and one that is a part exactly.
    let large = Shared::of(vec![noise(17_000_000), noise(5 << 20), noise(900)]);
    let mut owner = stage.clinic.record(&large);
    assert!(large.objects.iter().all(|object| std::fs::read(stage.path(&owner, object)).unwrap() == *object));
    assert!(!stage.clinic.site.config.data.join("records").exists());
    stage.clinic.restart();
    let clinic = &stage.clinic;
    let delivered = clinic.delivered(&clinic.ask(&owner, shared(), AT_ONCE, 60));
    for object in &large.objects {
        assert!(clinic.get(Hash::of(object), &delivered.token).body == *object);
    }
    let part = clinic.get_range(Hash::of(&large.objects[2]), &delivered.token, Some("bytes=8388600-8388620"));
    assert_eq!((part.status, &part.body[..]), (206, &large.objects[2][8_388_600..8_388_621]));
    clinic.site.clock.advance(11 * 60 * 1000);
    let again = large.wrapped_anew();
    clinic.upload(&owner, &[&again]);
    for log in [shared(), full()] {
        owner.publish(clinic.node(), log, 1, &[line(AT_ONCE, Mode::AtOnce, &again.row)]);
    }
    eventually("the superseded wraps are gone", || !stage.path(&owner, large.wraps()).exists());
    assert!(stage.path(&owner, again.wraps()).exists());
}

#[test]
fn a_bucket_that_does_not_answer_is_told_and_taken_up_again() {
    let mut stage = Stage::new();
    let nine = Shared::new(2, 700);
    let owner = stage.clinic.record(&nine);
    let more = nine.wrapped_anew();
    let taken = stage.clinic.take(&owner.ticket(&[&more]));
    let taken = Taken::from_bytes(&taken.body).unwrap();
    let ask = stage.clinic.ask(&owner, shared(), AT_ONCE, 60);
    let server = stage.server.take().unwrap();
    let addr = server.addr;
    drop(server);
    assert_eq!(stage.clinic.put(more.wraps(), &taken.token).problem(), (503, "storage".to_owned()));
    let demand = stage.clinic.demand(&ask);
    let delivered = super::clinic::read(&stage.clinic.deliver(&demand));
    // What was promised and cannot be read now is cut, and not made up.
    let url = format!("{}/store/objects/{}", stage.clinic.client.base, Hash::of(nine.wraps()));
    let bearer = super::clinic::bearer(&delivered.token);
    let answer = stage.clinic.client.http.get(&url).header("authorization", &bearer).send();
    assert!(answer.and_then(reqwest::blocking::Response::bytes).is_err());
    stage.server = Some(Server::start(stage.folder.path(), addr));
    assert_eq!(stage.clinic.put(more.wraps(), &taken.token).status, 204);
    assert_eq!(stage.clinic.get(Hash::of(nine.wraps()), &delivered.token).body, nine.wraps());
}

#[test]
fn credentials_that_others_may_read_or_that_are_none_stop_the_start() {
    let stage = Stage::new();
    let s3 = stage.clinic.site.config.record_store.as_ref().unwrap().s3.as_ref().unwrap();
    for text in ["", "the-id\n", "the-id\nthe-secret\nmore\n"] {
        let mut other = site();
        let credentials = stage.folder.path().join("other");
        std::fs::write(&credentials, text).unwrap();
        private(&credentials);
        other.config.record_store.as_mut().unwrap().s3 = Some(S3Config { credentials, ..s3.clone() });
        let error = other.try_open().err().unwrap().to_string();
        assert!(error.contains("other") && !error.contains("the-secret"), "{error}");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mut exposed = site();
        std::fs::set_permissions(&s3.credentials, std::fs::Permissions::from_mode(0o644)).unwrap();
        exposed.config.record_store.as_mut().unwrap().s3 = Some(s3.clone());
        let error = exposed.try_open().err().unwrap().to_string();
        assert!(error.contains("others may read"), "{error}");
    }
}
