//! SMART Health Links: what is asked, what is taken, and what is refused, from servers of this machine.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use countersign_ledger::UnixMillis;
use countersign_shl::{Access, ContentType, JweError, Key, Link, Status, seal};
use countersign_wallet::{FetchError, Fetched, Hosts, Links};
use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;

const NOW: UnixMillis = UnixMillis(1_800_000_000_000);

/// What a server was asked: the first line, and the body.
type Asked = (String, String);

/// A server that answers each connection's request by this.
fn server(answer: impl Fn(&Asked, SocketAddr) -> String + Send + 'static) -> (SocketAddr, Receiver<Asked>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (told, asked) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let (mut first, mut length) = (String::new(), 0);
            stream.read_line(&mut first).unwrap();
            loop {
                let mut line = String::new();
                stream.read_line(&mut line).unwrap();
                if line.trim().is_empty() {
                    break;
                }
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
            }
            let mut body = vec![0; length];
            stream.read_exact(&mut body).unwrap();
            let request = (first.trim().to_owned(), String::from_utf8(body).unwrap());
            let answer = answer(&request, address);
            // Who has had enough does not listen to the end.
            let _ = stream.get_mut().write_all(answer.as_bytes());
            let _ = told.send(request);
        }
    });
    (address, asked)
}

fn status(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}

fn key() -> Key {
    Key::random(&mut UnwrapErr(SysRng))
}

fn link(address: SocketAddr, access: Access) -> Link {
    Link::new(&format!("http://{address}/l/1?x=y"), key(), access).unwrap()
}

fn file(link: &Link, contents: &str) -> String {
    seal(contents.as_bytes(), &ContentType::Fhir, link.key(), &mut UnwrapErr(SysRng)).unwrap()
}

fn fetch(link: &Link, passcode: Option<&str>) -> Result<Vec<Fetched>, FetchError> {
    let passcode = passcode.map(|passcode| passcode.to_owned().into());
    Links::new(Hosts::ThisMachine).unwrap().fetch(link, "Dr. Grace & co", passcode, NOW)
}

/// The contents of a link's files.
fn contents(files: Vec<Fetched>) -> Vec<String> {
    files.into_iter().map(|file| String::from_utf8(file.contents.unwrap().to_vec()).unwrap()).collect()
}

#[test]
fn a_direct_file_is_asked_for_once_by_name_and_its_manifest_never() {
    // The link is known before the server has an address: its key is what matters here.
    let key = key();
    let sealed =
        seal(b"{\"resourceType\":\"Bundle\"}", &ContentType::Fhir, &key, &mut UnwrapErr(SysRng)).unwrap();
    let (address, asked) = server(move |_, _| status("200 OK", &format!("{sealed}\n")));
    let link = Link::new(&format!("http://{address}/f?x=y"), key, Access::Direct).unwrap();
    let files = fetch(&link, Some("never sent")).unwrap();
    assert_eq!(files[0].content_type, Some(ContentType::Fhir));
    assert_eq!(contents(files), ["{\"resourceType\":\"Bundle\"}"]);
    let asked = asked.recv().unwrap();
    assert_eq!(asked, ("GET /f?x=y&recipient=Dr.+Grace+%26+co HTTP/1.1".to_owned(), String::new()));
}

#[test]
fn files_come_from_the_manifest_and_from_where_it_points_and_one_that_fails_hides_no_other() {
    let key = key();
    let seal = {
        let key = key.clone();
        move |text: &str| seal(text.as_bytes(), &ContentType::Fhir, &key, &mut UnwrapErr(SysRng)).unwrap()
    };
    let (address, asked) = server(move |(first, _), address| match first.split(' ').nth(1).unwrap() {
        "/m" => {
            let json = format!(
                r#"{{"files":[
                {{"contentType":"application/fhir+json","embedded":"{}","status":"no-longer-valid","lastUpdated":"2026-01-01"}},
                {{"contentType":"application/fhir+json","location":"http://{address}/moved"}},
                {{"contentType":"application/smart-health-card","location":"http://{address}/gone"}},
                {{"contentType":"application/fhir+json","location":"http://elsewhere.example/x"}},
                {{"contentType":"application/fhir+json","embedded":"a.b"}},
                {{"contentType":"application/fhir+json","location":"/there"}}]}}"#,
                seal("first")
            );
            status("200 OK", &json)
        }
        "/moved" => {
            "HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                .to_owned()
        }
        "/there" => status("200 OK", &seal("second")),
        _ => status("404 Not Found", ""),
    });
    let link = Link::new(&format!("http://{address}/m"), key, Access::Manifest).unwrap();
    let files = fetch(&link, None).unwrap();
    assert_eq!(
        (files[0].status, files[0].last_updated.as_deref()),
        (Some(Status::NoLongerValid), Some("2026-01-01"))
    );
    assert_eq!(files[2].content_type, Some(ContentType::HealthCard));
    let told: Vec<_> = files.into_iter().map(|file| file.contents.map(|bytes| bytes.to_vec())).collect();
    assert_eq!((told[0].as_deref().unwrap(), told[1].as_deref().unwrap()), (&b"first"[..], &b"second"[..]));
    assert!(matches!(told[2], Err(FetchError::Ended)), "{:?}", told[2]);
    assert!(matches!(told[3], Err(FetchError::Address)), "{:?}", told[3]);
    assert!(matches!(told[4], Err(FetchError::File(JweError::Form))), "{:?}", told[4]);
    assert_eq!(told[5].as_deref().unwrap(), b"second");
    let (first, body) = asked.recv().unwrap();
    assert_eq!(first, "POST /m HTTP/1.1");
    assert_eq!(body, r#"{"recipient":"Dr. Grace & co","embeddedLengthMax":1048576}"#);
}

#[test]
fn a_passcode_is_asked_for_before_anybody_else_is_and_attempts_are_counted() {
    let (address, asked) = server(|(_, body), _| {
        if body.contains(r#""passcode":"1234""#) {
            status("200 OK", r#"{"files":[]}"#)
        } else if body.contains("passcode") {
            status("401 Unauthorized", r#"{"remainingAttempts":4}"#)
        } else {
            status("401 Unauthorized", "who are you?")
        }
    });
    let protected = link(address, Access::Passcode);
    assert!(matches!(fetch(&protected, None), Err(FetchError::PasscodeNeeded)));
    assert!(asked.try_recv().is_err(), "nobody was asked");
    let wrong = fetch(&protected, Some("4321")).unwrap_err();
    assert!(matches!(wrong, FetchError::WrongPasscode { left: Some(4) }), "{wrong:?}");
    assert_eq!(wrong.to_string(), "the passcode is wrong: 4 attempts are left before the link ends");
    assert!(fetch(&protected, Some("1234")).unwrap().is_empty());
    // A link that forgot to say that it has one.
    let silent = link(address, Access::Manifest);
    assert!(matches!(fetch(&silent, None), Err(FetchError::PasscodeNeeded)));
    assert!(fetch(&silent, Some("1234")).unwrap().is_empty());
}

#[test]
fn each_refusal_of_a_server_has_its_own_reason() {
    for (answer, expected) in [
        (status("404 Not Found", ""), "Ended"),
        (status("410 Gone", ""), "Ended"),
        (status("500 Internal Server Error", ""), "Status(500)"),
        (status("200 OK", "<html>"), "Manifest(Malformed)"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nx".to_owned(), "Broken"),
        (
            "HTTP/1.1 307 Temporary Redirect\r\nLocation: /\r\nContent-Length: 0\r\n\r\n".to_owned(),
            "Status(307)",
        ),
    ] {
        let (address, _asked) = server(move |_, _| answer.clone());
        let error = format!("{:?}", fetch(&link(address, Access::Manifest), None).unwrap_err());
        assert!(error.starts_with(expected), "{error}");
    }
    let (address, _asked) =
        server(|_, _| "HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n".to_owned());
    assert!(matches!(fetch(&link(address, Access::Direct), None), Err(FetchError::Redirects)));
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = fetch(&link(free, Access::Direct), None).unwrap_err();
    assert!(matches!(error, FetchError::Unreachable(_)), "{error:?}");
    assert!(!format!("{error:?}").contains("/l/1"), "an address is half of the secret");
}

#[test]
fn an_expired_link_and_one_without_tls_are_asked_nothing() {
    let (address, asked) = server(|_, _| status("200 OK", ""));
    let expired = link(address, Access::Direct).with_expiry(NOW.seconds());
    let error = fetch(&expired, None).unwrap_err();
    assert!(matches!(error, FetchError::Expired(at) if at == NOW), "{error:?}");
    let web = Links::new(Hosts::Web).unwrap();
    assert!(matches!(web.fetch(&link(address, Access::Direct), "x", None, NOW), Err(FetchError::Address)));
    for url in ["http://a.example/", "https://a:b@a.example/", "https://"] {
        let Ok(link) = Link::new(url, key(), Access::Direct) else { continue };
        assert!(matches!(fetch(&link, None), Err(FetchError::Address)), "{url}");
    }
    assert!(asked.try_recv().is_err(), "nobody was asked");
}

#[test]
fn what_never_ends_is_given_up_by_length_and_by_time() {
    let endless = |_: &Asked, _| format!("HTTP/1.1 200 OK\r\n\r\n{}", "a".repeat(24 << 20));
    let (address, _asked) = server(endless);
    let error = fetch(&link(address, Access::Direct), None).unwrap_err();
    assert!(matches!(error, FetchError::TooLarge), "{error:?}");

    let (address, _asked) = server(|_, _| {
        std::thread::sleep(Duration::from_secs(5));
        String::new()
    });
    let links = Links::within(Hosts::ThisMachine, Duration::from_secs(1)).unwrap();
    let began = Instant::now();
    let error = links.fetch(&link(address, Access::Direct), "x", None, NOW).unwrap_err();
    assert!(matches!(error, FetchError::Timeout), "{error:?}");
    assert!(began.elapsed() < Duration::from_secs(4));
}

#[test]
fn a_file_under_another_key_is_not_shown() {
    let other = Link::new("https://a.example/", key(), Access::Direct).unwrap();
    let sealed = file(&other, "{}");
    let (address, _asked) = server(move |_, _| status("200 OK", &sealed));
    let error = fetch(&link(address, Access::Direct), None).unwrap_err();
    assert!(matches!(error, FetchError::File(JweError::NotOpened)), "{error:?}");
}
