//! A socket that is closed so that its peer reads the last answer.
//!
//! A peer that is still sending when the socket is closed gets a reset, which may overtake the answer that it was sent. So
//! the socket comes back from the layers above it, and what still arrives is read and dropped for a while.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use crate::flow::{Flow, Owed};

/// For how long what arrives is read.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);
/// Most bytes that are read.
pub(crate) const MOST: usize = 64 << 20;

/// A socket that goes back where it came from when it is dropped, counts what has left, and says when it waits for the peer:
/// the layers above hold the end of an answer that they have let go of.
pub(crate) struct Lent {
    /// Taken by `drop` alone.
    socket: Option<TcpStream>,
    back: Option<oneshot::Sender<TcpStream>>,
    flow: Flow,
    /// From when the socket is full until all has been written.
    owed: Option<Owed>,
}

/// Where a lent socket comes back.
pub(crate) struct Lender(oneshot::Receiver<TcpStream>);

/// Lends a socket.
pub(crate) fn lend(socket: TcpStream, flow: Flow) -> (Lent, Lender) {
    let (back, lender) = oneshot::channel();
    (Lent { socket: Some(socket), back: Some(back), flow, owed: None }, Lender(lender))
}

impl Lender {
    /// Closes the socket once it is back: our side at once, the other when the peer is done, or has had its time.
    pub(crate) async fn close(self) {
        let Ok(mut socket) = self.0.await else { return };
        let drained = async {
            socket.shutdown().await?;
            let (mut buffer, mut read) = ([0; 4096], 0);
            while read < MOST {
                match socket.read(&mut buffer).await? {
                    0 => break,
                    more => read += more,
                }
            }
            io::Result::Ok(())
        };
        // The peer is gone, or was given its time.
        let _ = tokio::time::timeout(PATIENCE, drained).await;
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let (Some(socket), Some(back)) = (self.socket.take(), self.back.take()) {
            // Fails if nobody waits for it: then it is closed here.
            let _ = back.send(socket);
        }
    }
}

impl Lent {
    fn socket(self: Pin<&mut Self>) -> io::Result<Pin<&mut TcpStream>> {
        self.get_mut().socket.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    fn count(&mut self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(Ok(bytes)) => self.flow.sent(bytes),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => self.owed = self.owed.take().or_else(|| Some(self.flow.owe())),
        }
        written
    }
}

impl AsyncRead for Lent {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.socket()?.poll_read(cx, buf)
    }
}

impl AsyncWrite for Lent {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = self.as_mut().socket()?.poll_write(cx, buf);
        self.count(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = self.as_mut().socket()?.poll_write_vectored(cx, bufs);
        self.count(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.as_ref().is_some_and(AsyncWrite::is_write_vectored)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.owed = None;
        self.socket()?.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket()?.poll_shutdown(cx)
    }
}
