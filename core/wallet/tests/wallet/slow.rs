//! Nodes that take their time: a request has so much, whatever they do.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign_ledger::{Base64, Genesis, LogName};
use countersign_wallet::{Client, ClientError, Https, TransportError};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::tried::Tried;
use crate::world::World;

const WHOLE: Duration = Duration::from_secs(2);

type Stream = StreamOwned<ServerConnection, TcpStream>;

/// A node that answers every connection's first request as `answer` does, and the genesis that pins it.
fn node(answer: fn(&mut Stream) -> std::io::Result<()>) -> (SocketAddr, Genesis) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let genesis = Genesis { tls: vec![Base64(made.cert.der().to_vec())], ..World::new().genesis() };
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key).unwrap();
    let (config, listener) = (Arc::new(config), TcpListener::bind("127.0.0.1:0").unwrap());
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = StreamOwned::new(connection, stream.unwrap());
            // Ends when the client has had enough.
            std::thread::spawn(move || answer(&mut stream));
        }
    });
    (address, genesis)
}

fn client((address, genesis): &(SocketAddr, Genesis)) -> Client {
    let address = format!("https://localhost:{}", address.port());
    Client::new(Https::within(&address, genesis, WHOLE).unwrap())
}

/// Reads a request's head, and nothing of its body.
fn head(stream: &mut Stream) -> std::io::Result<()> {
    let mut read = Vec::new();
    while !read.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        read.push(byte[0]);
    }
    Ok(())
}

#[test]
fn a_body_that_drips_is_given_up_after_the_whole_time_and_not_that_of_a_read() {
    let tried =
        Tried::new("a node that drips, takes its time or is silent", "requests of a phone that ended");
    tried.times(1);
    let node = node(|stream| {
        head(stream)?;
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")?;
        for _ in 0..100 {
            stream.write_all(b"x")?;
            stream.flush()?;
            std::thread::sleep(Duration::from_millis(500));
        }
        Ok(())
    });
    let started = Instant::now();
    let error = client(&node).checkpoint(LogName::TRUST).unwrap_err();
    assert!(matches!(error, ClientError::Transport(TransportError::Timeout)), "{error:?}");
    assert!((WHOLE..2 * WHOLE).contains(&started.elapsed()), "{:?}", started.elapsed());
    tried.looked_up(1, 0);
}

#[test]
fn a_long_body_has_more_time_as_long_as_it_comes() {
    // 160 kB within five seconds, at 32 kB a second: above the slowest pace, and longer than a short answer may take.
    let tried =
        Tried::new("a node that drips, takes its time or is silent", "requests of a phone that ended");
    tried.times(1);
    let node = node(|stream| {
        head(stream)?;
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 163840\r\n\r\n")?;
        for _ in 0..20 {
            stream.write_all(&vec![7; 8192])?;
            stream.flush()?;
            std::thread::sleep(Duration::from_millis(250));
        }
        Ok(())
    });
    let bytes = client(&node).blob(countersign_ledger::Hash::default(), 163_840).unwrap();
    assert_eq!(bytes, vec![7; 163_840]);
    tried.looked_up(1, 0);
}

#[test]
fn a_node_that_takes_a_body_slowly_has_the_time_for_its_length() {
    let tried =
        Tried::new("a node that drips, takes its time or is silent", "requests of a phone that ended");
    tried.times(1);
    let node = node(|stream| {
        head(stream)?;
        stream.write_all(b"HTTP/1.1 404 Not Found\r\nUpload-Offset: 0\r\n\r\n")?;
        head(stream)?;
        // What no buffer between the two takes at once, in four seconds.
        let mut piece = vec![0; 512 * 1024];
        for _ in 0..32 {
            stream.read_exact(&mut piece)?;
            std::thread::sleep(Duration::from_millis(125));
        }
        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
    });
    let started = Instant::now();
    client(&node).upload(&vec![1; 16 << 20]).unwrap();
    assert!(started.elapsed() > WHOLE, "{:?}", started.elapsed());
    tried.looked_up(1, 0);
}

#[test]
fn a_node_that_says_nothing_is_given_up() {
    let tried =
        Tried::new("a node that drips, takes its time or is silent", "requests of a phone that ended");
    tried.times(1);
    let node = node(|stream| {
        head(stream)?;
        std::thread::sleep(Duration::from_mins(1));
        Ok(())
    });
    let started = Instant::now();
    let error = client(&node).checkpoint(LogName::TRUST).unwrap_err();
    assert!(matches!(error, ClientError::Transport(TransportError::Timeout)), "{error:?}");
    assert!(started.elapsed() < 2 * WHOLE, "{:?}", started.elapsed());
    tried.looked_up(1, 0);
}
