//! Asking a gateway for a session with a device, over UDP, and speaking with the device by it.
//!
//! Datagrams are lost: m1 is sent again as it is each second, and the gateway answers the same request with the same answer; the
//! confirmation is sent until the first reading comes. A refusal is a hint that nobody signs ([`Refusal`]): it ends the call, and
//! nothing else.

use std::io::ErrorKind;
use std::net::{ToSocketAddrs as _, UdpSocket};
use std::time::{Duration, Instant};

use countersign_bedside::{DailyKey, Datagram, MAX_DATAGRAM, NotAKey, Refusal, handle};
use countersign_device::{
    Attempt, Command, Credential, GatewayKey, Id, Ops, Random, Received, Scope, UnixMillis as At,
    UserRefusal, UserSession, Wish,
};
use countersign_ledger::{Certificate, Signer, SignerError, TrustStore, UnixMillis};

/// How often a question is asked again.
const AGAIN: Duration = Duration::from_secs(1);
/// How long the key of the day is waited for.
const FOR_KEY: Duration = Duration::from_secs(4);
/// How long an answer is waited for: the gateway asks the device three times, for three seconds each.
const FOR_ANSWER: Duration = Duration::from_secs(11);
/// How long the first reading is waited for: a device forgets a session that is not confirmed within ten seconds.
const FOR_READING: Duration = Duration::from_secs(8);
/// How often the confirmation is sent.
const CONFIRM_AGAIN: Duration = Duration::from_millis(400);

/// Why there is no session, or none any more.
#[derive(Debug, thiserror::Error)]
pub enum BedsideError {
    /// The gateway does not answer.
    #[error("the gateway does not answer: is the tablet in the hospital's network?")]
    NoAnswer,
    /// The device was asked, and the user did not hear from it.
    #[error("the device does not speak: look whether it is switched on, and sign in again")]
    Silent,
    /// The gateway says no.
    #[error("the gateway says no ({})", .0.as_str())]
    Refused(Refusal),
    /// The gateway's key is none.
    #[error(transparent)]
    Key(#[from] NotAKey),
    /// The user's own side refuses: the request, the answer, or an operation.
    #[error(transparent)]
    User(#[from] UserRefusal),
    /// The user's key did not sign.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// The network failed.
    #[error("the network: {0}")]
    Network(#[from] std::io::Error),
    /// The operating system gave no randomness.
    #[error("no randomness from the operating system")]
    Random,
}

/// A way to a gateway.
pub struct BedsideLink {
    socket: UdpSocket,
}

impl BedsideLink {
    /// A way to the gateway at `host:port`. Nothing is sent.
    pub fn new(address: &str) -> Result<Self, BedsideError> {
        let mut last = None;
        for to in address.to_socket_addrs()? {
            let from = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
            match UdpSocket::bind(from).and_then(|socket| socket.connect(to).map(|()| socket)) {
                Ok(socket) => return Ok(Self { socket }),
                Err(error) => last = Some(error),
            }
        }
        Err(last.map_or(BedsideError::NoAnswer, Into::into))
    }

    /// The gateway's key of the day, signed by a gateway of this domain, and whose it is.
    pub fn key(
        &self,
        trust: &TrustStore,
        domain: &str,
        now: UnixMillis,
    ) -> Result<(GatewayKey, Certificate), BedsideError> {
        let nonce: Id = random()?;
        let question = Datagram::WhichKey { nonce }.to_bytes();
        let found = self.until(FOR_KEY, AGAIN, &question, |datagram| match datagram {
            Datagram::Key { nonce: own, statement, certificate } if own == nonce => {
                Some(DailyKey::verify(statement, certificate, trust, domain, now))
            }
            _ => None,
        })?;
        Ok(found.ok_or(BedsideError::NoAnswer)??)
    }

    /// Signs in at a device: from m1 to the first reading. `sign` is the user's key, asked for if the wish acts on a patient.
    pub fn sign_in(
        self,
        credential: &Credential,
        key: &GatewayKey,
        wish: Wish,
        now: UnixMillis,
        sign: Option<&dyn Signer>,
    ) -> Result<BedsideSession, BedsideError> {
        let began = Instant::now();
        let random = Random { secret: random()?, nonce: random()? };
        let mut failed = None;
        let signature = |message: &[u8]| {
            let signed = sign?.sign(message).map_err(|error| failed = Some(error));
            signed.ok().map(|signature| *signature.as_bytes())
        };
        let attempt = Attempt::new(credential, key, wish, At(now.0), random, signature);
        if let Some(error) = failed {
            return Err(error.into());
        }
        let (attempt, m1) = attempt?;
        let own = handle(m1.as_ref());
        let request = Datagram::FromTablet { handle: own, message: m1.as_ref() }.to_bytes();
        let answer = self.until(FOR_ANSWER, AGAIN, &request, |datagram| match datagram {
            Datagram::ToTablet { handle, message } if handle == own => {
                // What is not the gateway's answer changes nothing: the gateway's own may still come.
                attempt.answer(message, later(now, began)).ok().map(Ok)
            }
            // It came twice: the answer is on its way.
            Datagram::Refused { handle, refusal: Refusal::Seen } if handle == own => None,
            Datagram::Refused { handle, refusal } if handle == own => Some(Err(refusal)),
            _ => None,
        })?;
        let session = answer.ok_or(BedsideError::NoAnswer)?.map_err(BedsideError::Refused)?;
        let mut session = BedsideSession { link: self, handle: own, session, began, now, first: None };
        session.confirm()?;
        Ok(session)
    }

    /// Sends a question until something answers it, or the time is over.
    fn until<T>(
        &self,
        patience: Duration,
        again: Duration,
        question: &[u8],
        mut judge: impl FnMut(Datagram<'_>) -> Option<T>,
    ) -> Result<Option<T>, BedsideError> {
        let began = Instant::now();
        let mut buffer = [0; MAX_DATAGRAM + 1];
        while began.elapsed() < patience {
            self.send(question)?;
            let asked = Instant::now();
            while let Some(left) = again.checked_sub(asked.elapsed()).filter(|left| !left.is_zero()) {
                let Some(length) = self.receive(&mut buffer, left)? else { break };
                if let Some(found) = Datagram::parse(&buffer[..length]).and_then(&mut judge) {
                    return Ok(Some(found));
                }
            }
        }
        Ok(None)
    }

    /// Sends a datagram. That nobody listens at the other end is known later, or not at all: it is as if it were lost.
    fn send(&self, bytes: &[u8]) -> Result<(), BedsideError> {
        match self.socket.send(bytes) {
            Err(error) if error.kind() != ErrorKind::ConnectionRefused => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// The next datagram, if one comes in time.
    fn receive(&self, buffer: &mut [u8], patience: Duration) -> Result<Option<usize>, BedsideError> {
        let began = Instant::now();
        loop {
            let Some(left) = patience.checked_sub(began.elapsed()).filter(|left| !left.is_zero()) else {
                return Ok(None);
            };
            self.socket.set_read_timeout(Some(left))?;
            match self.socket.recv(buffer) {
                Ok(length) => return Ok(Some(length)),
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock | ErrorKind::TimedOut => return Ok(None),
                    ErrorKind::Interrupted => {}
                    // Nobody listens there yet.
                    ErrorKind::ConnectionRefused => std::thread::sleep(left.min(Duration::from_millis(20))),
                    _ => return Err(error.into()),
                },
            }
        }
    }
}

/// A session with a device.
pub struct BedsideSession {
    link: BedsideLink,
    handle: Id,
    session: UserSession,
    began: Instant,
    now: UnixMillis,
    /// The reading that proved that the device is there.
    first: Option<Received>,
}

impl BedsideSession {
    /// Confirms the session until the device speaks. A session that may not look is confirmed, and nothing comes back.
    fn confirm(&mut self) -> Result<(), BedsideError> {
        let confirmation = self.session.confirmation();
        let bytes = Datagram::FromTablet { handle: self.handle, message: confirmation.as_ref() }.to_bytes();
        if !self.session.scope().ops.meets(Ops::LOOKS) {
            return (0..3).try_for_each(|_| self.link.send(&bytes));
        }
        let Self { link, handle, session, began, now, first } = self;
        let heard = link.until(FOR_READING, CONFIRM_AGAIN, &bytes, |datagram| {
            opened(session, *handle, datagram, later(*now, *began))
        })?;
        *first = Some(heard.ok_or(BedsideError::Silent)??);
        Ok(())
    }

    /// The next reading, if one comes in time.
    pub fn reading(&mut self, patience: Duration) -> Result<Option<Received>, BedsideError> {
        if let Some(first) = self.first.take() {
            return Ok(Some(first));
        }
        let began = Instant::now();
        let mut buffer = [0; MAX_DATAGRAM + 1];
        while let Some(left) = patience.checked_sub(began.elapsed()).filter(|left| !left.is_zero()) {
            let Some(length) = self.link.receive(&mut buffer, left)? else { return Ok(None) };
            let now = self.at();
            let datagram = Datagram::parse(&buffer[..length]);
            let found = datagram.and_then(|one| opened(&mut self.session, self.handle, one, now));
            if let Some(found) = found {
                return found.map(Some);
            }
        }
        Ok(None)
    }

    /// Sends an operation to the device. It may be lost: what the device does is seen in its readings, and asked for again.
    pub fn command(&mut self, command: Command) -> Result<(), BedsideError> {
        let frame = self.session.command(command, self.at())?;
        self.link.send(&Datagram::FromTablet { handle: self.handle, message: frame.as_ref() }.to_bytes())
    }

    /// What it permits.
    pub const fn scope(&self) -> Scope {
        self.session.scope()
    }

    /// Until when it lasts.
    pub const fn until(&self) -> UnixMillis {
        UnixMillis(self.session.until().0)
    }

    fn at(&self) -> At {
        later(self.now, self.began)
    }
}

/// A reading, or that the session is over; `None` for what is no news.
fn opened(
    session: &mut UserSession,
    own: Id,
    datagram: Datagram<'_>,
    now: At,
) -> Option<Result<Received, BedsideError>> {
    match datagram {
        Datagram::ToTablet { handle, message } if handle == own => match session.open(message, now) {
            Ok(received) => Some(Ok(received)),
            Err(UserRefusal::Over) => Some(Err(UserRefusal::Over.into())),
            // Replayed, damaged, or m5 again.
            Err(_) => None,
        },
        Datagram::Refused { handle, refusal: Refusal::Over } if handle == own => {
            Some(Err(BedsideError::Refused(Refusal::Over)))
        }
        _ => None,
    }
}

/// The time, by a clock that goes on from `now`.
fn later(now: UnixMillis, began: Instant) -> At {
    At(now.0.saturating_add(u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)))
}

fn random<const N: usize>() -> Result<[u8; N], BedsideError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| BedsideError::Random)?;
    Ok(bytes)
}
