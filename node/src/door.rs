//! The socket of a running node.

use std::io::{self, BufRead as _, BufReader, ErrorKind, Read, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use std::{fs, thread};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Its name in the data directory.
const SOCKET: &str = "operator.sock";
/// Longest request and reply.
const MAX_LINE: u64 = 64 * 1024;
/// How long a request may take to arrive.
const SLOWEST: Duration = Duration::from_secs(5);
/// How often the thread looks whether it is to stop.
const PAUSE: Duration = Duration::from_millis(50);

/// What a node replies: a text, or the reason of a refusal.
pub(crate) type Reply = Result<String, String>;

/// Listens until it is dropped.
pub(crate) struct Door {
    closed: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    path: PathBuf,
}

impl Door {
    /// Opens the socket in the node's data directory, whose lock the node holds: a socket that is there is a dead node's.
    pub(crate) fn open<R: DeserializeOwned>(
        data: &Path,
        reply: impl Fn(R) -> Reply + Send + 'static,
    ) -> io::Result<Self> {
        let path = data.join(SOCKET);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&path)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        listener.set_nonblocking(true)?;
        let closed = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&closed);
        let thread = thread::Builder::new().name("operator".to_owned()).spawn(move || {
            while !stop.load(Ordering::Acquire) {
                match listener.accept() {
                    Ok((stream, _)) => {
                        if let Err(error) = answer(&stream, &reply) {
                            tracing::warn!(%error, "an operator's request got no reply");
                        }
                    }
                    Err(_) => thread::sleep(PAUSE),
                }
            }
        })?;
        Ok(Self { closed, thread: Some(thread), path })
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.closed.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            // A thread that has panicked listens no more, either.
            let _ = thread.join();
        }
        let _ = fs::remove_file(&self.path);
    }
}

fn answer<R: DeserializeOwned>(stream: &UnixStream, reply: impl Fn(R) -> Reply) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(SLOWEST))?;
    stream.set_write_timeout(Some(SLOWEST))?;
    write(stream, &reply(read(stream)?))
}

/// Asks the node that runs on this data directory; `None` if none does.
pub(crate) fn ask(data: &Path, request: &impl Serialize) -> io::Result<Option<Reply>> {
    let stream = match UnixStream::connect(data.join(SOCKET)) {
        Ok(stream) => stream,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    write(&stream, request)?;
    read(&stream).map(Some)
}

fn read<T: DeserializeOwned>(stream: &UnixStream) -> io::Result<T> {
    let mut line = String::new();
    BufReader::new(stream.take(MAX_LINE)).read_line(&mut line)?;
    Ok(serde_json::from_str(&line)?)
}

fn write(mut stream: &UnixStream, value: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    stream.write_all(&line)
}
