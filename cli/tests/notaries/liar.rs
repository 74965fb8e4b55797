//! A witness that says what it is told to say.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use countersign_ledger::{AddCheckpoint, Cosigner, UnixMillis};
use countersign_node::system_clock;
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::place::{Place, outside};

#[derive(Clone, Copy, Debug)]
pub enum Says {
    /// Its cosignature of another text.
    OtherText,
    /// Somebody else's cosignature, under its name.
    OtherKey,
    /// That it has cosigned more than there is.
    Far,
    /// A cosignature as of another day.
    Yesterday,
    /// No answer that anybody could read, and a long one.
    Nonsense,
    /// A good cosignature.
    Truth,
}

pub struct Liar {
    pub outside: String,
    says: Arc<Mutex<Says>>,
    asked: Arc<AtomicUsize>,
}

impl Liar {
    pub fn new(place: &Place) -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let root = place.path("liar.crt");
        std::fs::write(&root, made.cert.der()).unwrap();
        let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls =
            ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let tls = tls.with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key).unwrap();
        let (tls, listener) = (Arc::new(tls), TcpListener::bind("127.0.0.1:0").unwrap());
        let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let (says, asked) = (Arc::new(Mutex::new(Says::OtherText)), Arc::new(AtomicUsize::new(0)));
        let key = cosigner(1).verifier_key().to_string();
        let liar = Self { outside: outside("liar", &key, &url, &root), says, asked };
        let (says, asked) = (Arc::clone(&liar.says), Arc::clone(&liar.asked));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let connection = ServerConnection::new(Arc::clone(&tls)).unwrap();
                let _ = answer(StreamOwned::new(connection, stream.unwrap()), &says, &asked);
            }
        });
        liar
    }

    pub fn now(&self, says: Says) {
        *self.says.lock().unwrap() = says;
    }

    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn cosigner(seed: u8) -> Cosigner {
    Cosigner::new("liar.example/w", &[seed; 32]).unwrap()
}

fn answer(
    mut stream: StreamOwned<ServerConnection, TcpStream>,
    says: &Mutex<Says>,
    asked: &AtomicUsize,
) -> std::io::Result<()> {
    let mut received = Vec::new();
    let body = loop {
        let mut piece = [0; 4096];
        match stream.read(&mut piece)? {
            0 => return Ok(()),
            read => received.extend_from_slice(&piece[..read]),
        }
        let text = String::from_utf8_lossy(&received);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head
            .lines()
            .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
        if length == Some(body.len()) {
            break body.to_owned();
        }
    };
    let request: AddCheckpoint = body.parse().unwrap();
    let (text, now) = (request.note.text(), system_clock()());
    let line =
        |seed: u8, text: &str, at: UnixMillis| ("200 OK", format!("{}\n", cosigner(seed).cosign(text, at)));
    let (status, body) = match *says.lock().unwrap() {
        Says::OtherText => line(1, "example.com/another\n1\nAAAA\n", now),
        Says::OtherKey => {
            // Under the name and the number of its own key.
            let (own, other) = (line(1, text, now).1, line(2, text, now).1);
            let forged = other.rsplit(' ').next().unwrap().to_owned();
            ("200 OK", format!("{} {forged}", own.rsplit_once(' ').unwrap().0))
        }
        Says::Far => ("409 Conflict", format!("{}\n", u64::MAX / 2)),
        Says::Yesterday => line(1, text, UnixMillis(now.0 - 24 * 3600 * 1000)),
        Says::Nonsense => ("200 OK", "lies, ".repeat(1 << 20)),
        Says::Truth => line(1, text, now),
    };
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    // Before it is sent: whoever is told waits for nothing.
    asked.fetch_add(1, Ordering::SeqCst);
    stream.write_all(head.as_bytes())?;
    stream.write_all(body.as_bytes())?;
    stream.flush()?;
    stream.conn.send_close_notify();
    stream.flush()
}
