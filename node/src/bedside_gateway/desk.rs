//! The one thread that has the gateway: datagrams, news from the ledger and the operator's words come to it one after the other.
//!
//! What a stranger can use up here: a datagram is read into one buffer; addresses are remembered of registered devices alone, two
//! each, and of tablets whose request was good; a request that does not open costs one agreement of keys, of which an address has a
//! share ([`Budget`]); an answer is never longer than what asked for it.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::mpsc::{Receiver, Sender, TryRecvError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use countersign_bedside::{DailyKey, Datagram, MAX_DATAGRAM, Measured, Refusal, handle};
use countersign_device::{
    Class, Gateway, GatewayRefusal, Id, Key, LegRefusal, Next, Ops, Relayed, Replied, Requested,
    UnixMillis as At,
};
use countersign_ledger::{Certificate, UnixMillis};
use countersign_wallet::StoredKey;

use super::keeper::{CredentialOf, Keeper, Known, Provisioned};
use crate::clock::Clock;
use crate::keys::random;

/// How long the socket is waited for before timers are looked at.
const TURN: Duration = Duration::from_millis(10);
/// For how long a key of the day is used, in milliseconds; the one before it opens requests for as long again.
const DAY: u64 = 24 * 3_600_000;
/// How often the time is noted.
const NOTE: Duration = Duration::from_mins(1);
/// Requests of one address that are opened in a second, and how many addresses are counted.
const BUDGET: u32 = 200;
const COUNTED: usize = 4_096;

/// What comes to the gateway beside datagrams.
pub(super) enum Update {
    /// How old what is known of the ledger is.
    AsOf(UnixMillis),
    /// The ledger has the row of a device, of its newest epoch.
    Device(Id),
    /// The ledger has the row of a credential.
    Credential(Id),
    /// A credential is to end at once.
    Revoke { cred: Id, reply: Option<Sender<Result<bool, String>>> },
    /// The gateway's own certificate was revoked: nobody is served any more.
    Halt,
    /// A device is to be provisioned.
    Provision { sid: Id, class: Class, max_ops: Ops, reply: Sender<Result<Provisioned, String>> },
    /// A device is to be retired.
    Retire { sid: Id, reply: Sender<Result<bool, String>> },
    /// A device is with another patient now, or with none.
    Associate { sid: Id, association: u32, reply: Sender<Result<bool, String>> },
    /// A credential is to be issued.
    Issue { cred: Id, of: CredentialOf, reply: Sender<Result<countersign_device::Credential, String>> },
    /// Stop.
    Stop,
}

/// What the gateway has done since it started.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Figures {
    /// Devices that may be asked.
    pub devices: u64,
    /// Credentials that may be used.
    pub credentials: u64,
    /// Requests that came, each counted once.
    pub requests: u64,
    /// Sessions that were agreed on.
    pub agreed: u64,
    /// Sessions that only ended another, in the device.
    pub closed: u64,
    /// Refusals, by name: those told to tablets, and `device:` those of what devices sent.
    pub refused: BTreeMap<String, u64>,
    /// Readings that were relayed.
    pub readings: u64,
    /// Commands that were relayed.
    pub commands: u64,
    /// Sessions that were cut: their user, their device or the device's patient changed.
    pub cut: u64,
    /// MACs that the gateway computed.
    pub macs: u64,
    /// Devices of which it is known where they are.
    pub located: u64,
    /// Devices at which five answers in a row were false.
    pub technician: u64,
}

/// Where a device is.
#[derive(Default)]
struct Place {
    /// From where its last right answer came.
    proven: Option<SocketAddr>,
    /// Where it says that it is.
    claimed: Option<SocketAddr>,
}

impl Place {
    fn is_known(&self) -> bool {
        self.proven.or(self.claimed).is_some()
    }
}

/// A tablet with a good request.
struct Tablet {
    sid: Id,
    cred_until: Instant,
    at: SocketAddr,
    answered: bool,
}

/// How many requests of each address were opened in this second.
struct Budget {
    since: Instant,
    used: HashMap<IpAddr, u32>,
}

impl Budget {
    fn allows(&mut self, address: IpAddr) -> bool {
        if self.since.elapsed() >= Duration::from_secs(1) {
            (self.since, self.used) = (Instant::now(), HashMap::new());
        }
        if self.used.len() >= COUNTED && !self.used.contains_key(&address) {
            return false;
        }
        let used = self.used.entry(address).or_default();
        *used = used.saturating_add(1);
        *used <= BUDGET
    }
}

/// The key of the day, as it is given out.
struct Given {
    statement: Vec<u8>,
    until: u64,
}

/// The gateway with its socket.
pub(super) struct Desk {
    pub(super) gateway: Gateway,
    pub(super) keeper: Keeper,
    pub(super) socket: UdpSocket,
    pub(super) clock: Clock,
    pub(super) updates: Receiver<Update>,
    pub(super) figures: Arc<Mutex<Figures>>,
    pub(super) certificate: Certificate,
    pub(super) signer: StoredKey,
    places: BTreeMap<Id, Place>,
    tablets: BTreeMap<Id, Tablet>,
    tickets: BTreeMap<u64, Id>,
    sessions: BTreeMap<Id, Id>,
    given: Option<Given>,
    budget: Budget,
    noted: Instant,
    halted: bool,
}

/// Everything that a desk begins with.
pub(super) struct Begin {
    pub gateway: Gateway,
    pub keeper: Keeper,
    pub socket: UdpSocket,
    pub clock: Clock,
    pub updates: Receiver<Update>,
    pub figures: Arc<Mutex<Figures>>,
    pub certificate: Certificate,
    pub signer: StoredKey,
}

impl Desk {
    pub(super) fn new(begin: Begin) -> Self {
        let Begin { gateway, keeper, socket, clock, updates, figures, certificate, signer } = begin;
        Self {
            gateway,
            keeper,
            socket,
            clock,
            updates,
            figures,
            certificate,
            signer,
            places: BTreeMap::new(),
            tablets: BTreeMap::new(),
            tickets: BTreeMap::new(),
            sessions: BTreeMap::new(),
            given: None,
            budget: Budget { since: Instant::now(), used: HashMap::new() },
            noted: Instant::now(),
            halted: false,
        }
    }

    /// Takes up what the database has from before.
    pub(super) fn recall(&mut self) -> crate::store::StoreResult<()> {
        let Known { devices, credentials, wrong } = self.keeper.known()?;
        for sid in devices {
            self.add(sid)?;
        }
        for cred in credentials {
            self.enrol(cred)?;
        }
        for (cred, wrong) in wrong {
            self.gateway.recall_wrong_proofs(cred, wrong);
        }
        Ok(())
    }

    /// Serves until it is stopped.
    pub(super) fn run(mut self) {
        let mut buffer = [0; MAX_DATAGRAM + 1];
        let mut turned = Instant::now();
        // safe: a socket without this would answer late, and nothing worse.
        let _ = self.socket.set_read_timeout(Some(TURN));
        loop {
            loop {
                match self.updates.try_recv() {
                    Ok(Update::Stop) | Err(TryRecvError::Disconnected) => return,
                    Ok(update) => self.update(update),
                    Err(TryRecvError::Empty) => break,
                }
            }
            // An error is a message of the network about an earlier datagram, or the time is over.
            if let Ok((length, from)) = self.socket.recv_from(&mut buffer)
                && !self.halted
            {
                self.datagram(&buffer[..length], from);
            }
            if turned.elapsed() >= TURN {
                turned = Instant::now();
                self.turn();
            }
        }
    }

    fn now(&self) -> At {
        At((self.clock)().0)
    }

    fn count(&self, change: impl FnOnce(&mut Figures)) {
        change(&mut self.figures.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn add(&mut self, sid: Id) -> crate::store::StoreResult<()> {
        let Some(device) = self.keeper.device(sid)? else { return Ok(()) };
        self.places.entry(sid).or_default();
        self.gateway.add(device);
        let devices = self.places.len() as u64;
        self.count(|figures| figures.devices = devices);
        Ok(())
    }

    fn enrol(&mut self, cred: Id) -> crate::store::StoreResult<()> {
        let Some(of) = self.keeper.credential(cred)? else { return Ok(()) };
        self.gateway.enrol(of.staff(cred));
        self.count(|figures| figures.credentials += 1);
        Ok(())
    }

    fn update(&mut self, update: Update) {
        match update {
            Update::AsOf(at) => self.gateway.registry_as_of(At(at.0)),
            Update::Device(sid) => logged(self.add(sid)),
            Update::Credential(cred) => logged(self.enrol(cred)),
            Update::Revoke { cred, reply } => {
                // Cut first: that needs no disk.
                self.gateway.revoke(&cred);
                self.tell_cut();
                answer(reply, self.keeper.revoke(cred).map_err(|error| error.to_string()));
            }
            Update::Halt => {
                if !self.halted {
                    tracing::error!("the gateway's certificate was revoked: it serves nobody");
                }
                self.halted = true;
            }
            Update::Provision { sid, class, max_ops, reply } => {
                // The keys of the epoch before are gone from now on.
                self.gateway.remove(&sid);
                self.tell_cut();
                let provisioned = self.provision(sid, class, max_ops);
                answer(Some(reply), provisioned);
            }
            Update::Retire { sid, reply } => {
                self.gateway.remove(&sid);
                self.tell_cut();
                self.places.remove(&sid);
                answer(Some(reply), self.keeper.retire(sid).map_err(|error| error.to_string()));
                let devices = self.places.len() as u64;
                self.count(|figures| figures.devices = devices);
            }
            Update::Associate { sid, association, reply } => {
                let now = UnixMillis(self.now().0);
                let kept = self.keeper.associate(sid, association, now).map_err(|error| error.to_string());
                // One whose row is still on its way takes its patient from the database, later.
                let associated = match self.gateway.associate(&sid, association) {
                    Err(refusal) if refusal != GatewayRefusal::NoDevice => Err(refusal.to_string()),
                    _ => kept,
                };
                self.tell_cut();
                answer(Some(reply), associated);
            }
            Update::Issue { cred, of, reply } => {
                let credential = self.gateway.issue(&of.staff(cred));
                let issued = self.keeper.issue(cred, &of).map_err(|error| error.to_string());
                answer(Some(reply), issued.map(|()| credential));
            }
            Update::Stop => {}
        }
    }

    fn provision(&mut self, sid: Id, class: Class, max_ops: Ops) -> Result<Provisioned, String> {
        let key = || random().map(Key::new).map_err(|error| error.to_string());
        self.keeper.provision(sid, class, max_ops, [key()?, key()?]).map_err(|error| error.to_string())
    }

    /// Tells tablets whose session was cut, and the devices.
    fn tell_cut(&mut self) {
        let gateway = &self.gateway;
        let cut: Vec<_> = self.sessions.extract_if(.., |sid, _| !gateway.has_session(sid)).collect();
        for (sid, named) in cut {
            self.count(|figures| figures.cut += 1);
            if let Some(tablet) = self.tablets.remove(&named) {
                self.refuse(named, Refusal::Over, tablet.at);
            }
            self.ask(&sid);
        }
    }

    /// What time brings: devices that did not answer, a new key of the day, tablets that are gone.
    fn turn(&mut self) {
        // What is sent to a device that has not said where it is would be lost, and sent again only after a pause. Where somebody
        // waits, asking it is what ends in their being told.
        let is_awaited = |sid: &Id| self.tablets.values().any(|one| one.sid == *sid && !one.answered);
        let is_located = |sid: &Id| self.places.get(sid).is_some_and(Place::is_known);
        let busy = self.gateway.busy().filter(|sid| is_located(sid) || is_awaited(sid));
        for sid in busy.copied().collect::<Vec<Id>>() {
            self.ask(&sid);
        }
        let now = Instant::now();
        self.tablets.retain(|_, tablet| tablet.cred_until > now);
        let tablets = &self.tablets;
        self.tickets.retain(|_, handle| tablets.contains_key(handle));
        self.sessions.retain(|_, handle| tablets.contains_key(handle));
        if self.noted.elapsed() >= NOTE {
            self.noted = now;
            logged(self.keeper.note_time(UnixMillis(self.now().0)).map(drop));
        }
        let macs = u64::from(self.gateway.take_macs());
        let false_answers =
            |sid: &&Id| self.gateway.leg(sid).is_some_and(countersign_device::Leg::needs_a_technician);
        let technician = self.places.keys().filter(false_answers).count() as u64;
        let located = self.places.values().filter(|place| place.is_known()).count() as u64;
        self.count(|figures| {
            figures.macs += macs;
            (figures.technician, figures.located) = (technician, located);
        });
    }

    fn datagram(&mut self, bytes: &[u8], from: SocketAddr) {
        match Datagram::parse(bytes) {
            Some(Datagram::Here { sid }) => {
                if let Some(place) = self.places.get_mut(&sid) {
                    place.claimed = Some(from);
                }
            }
            Some(Datagram::FromDevice { sid, message }) => self.hear_device(sid, message, from),
            Some(Datagram::FromTablet { handle, message }) => self.hear_tablet(handle, message, from),
            Some(Datagram::WhichKey { nonce }) => self.tell_key(nonce, from),
            Some(Datagram::ToTablet { .. } | Datagram::Refused { .. } | Datagram::Key { .. }) | None => {}
        }
    }

    fn hear_tablet(&mut self, named: Id, message: &[u8], from: SocketAddr) {
        match message.first() {
            // The types of m1, whatever options it has.
            Some(kind) if kind & 0x0f == 1 => {
                if handle(message) == named {
                    self.request(named, message, from);
                }
            }
            _ => self.down(named, message, from),
        }
    }

    fn request(&mut self, named: Id, m1: &[u8], from: SocketAddr) {
        if let Some(tablet) = self.tablets.get_mut(&named)
            && !tablet.answered
        {
            // It comes again while the device is asked; perhaps from another address.
            tablet.at = from;
            return;
        }
        if !self.budget.allows(from.ip()) {
            return;
        }
        let now = self.now();
        match self.gateway.request(m1, now, &mut self.keeper) {
            Ok(Requested::Device { sid, ticket }) => {
                let cred_until = Instant::now() + Duration::from_mins(1);
                self.tablets.insert(named, Tablet { sid, cred_until, at: from, answered: false });
                self.tickets.insert(ticket, named);
                self.count(|figures| figures.requests += 1);
                self.ask(&sid);
            }
            Ok(Requested::Again(m5)) => self.to_tablet(named, m5.as_ref(), from),
            Err(refusal) => {
                self.count(|figures| figures.requests += u64::from(refusal != GatewayRefusal::Seen));
                self.refuse(named, refusal.into(), from);
            }
        }
    }

    /// Asks a device, if there is something to ask.
    fn ask(&mut self, sid: &Id) {
        let Ok(nonce) = random() else { return };
        let now = self.now();
        match self.gateway.next(sid, now, nonce, &mut self.keeper) {
            Ok(Next::Send(m2)) => self.to_device(sid, m2.as_ref()),
            Ok(Next::Unreachable(ticket)) => self.fail(ticket, Refusal::Unreachable),
            Ok(Next::Idle | Next::Wait(_)) => {}
            // Nothing was sent: the next turn tries again, until whoever asks goes.
            Err(refusal) => tracing::warn!(%refusal, "a device was not asked"),
        }
    }

    fn hear_device(&mut self, sid: Id, message: &[u8], from: SocketAddr) {
        match message.first() {
            Some(kind) if kind & 0x0f == 3 => self.reply(sid, message, from),
            _ => self.up(sid, message, from),
        }
    }

    fn reply(&mut self, sid: Id, m3: &[u8], from: SocketAddr) {
        let Ok(ephemeral) = random() else { return };
        let now = self.now();
        match self.gateway.reply(&sid, m3, now, &ephemeral, &mut self.keeper) {
            Ok(replied) => {
                self.proven(&sid, from);
                if let Replied::Answer { ticket, m5 } = replied {
                    self.count(|figures| figures.agreed += 1);
                    self.answer(ticket, m5.as_ref());
                } else {
                    self.count(|figures| figures.closed += 1);
                    self.sessions.remove(&sid);
                }
                self.ask(&sid);
            }
            // An answer that comes again, or too late, is what a network does.
            Err(GatewayRefusal::Leg(LegRefusal::Late)) => {
                self.count(|figures| *figures.refused.entry("device:late".to_owned()).or_default() += 1);
            }
            Err(refusal) => {
                let name = format!("device:{}", device_reason(refusal));
                self.count(|figures| *figures.refused.entry(name).or_default() += 1);
            }
        }
    }

    /// Sends m5 to the tablet that asked; by now the session's key is durable.
    fn answer(&mut self, ticket: u64, m5: &[u8]) {
        let Some(named) = self.tickets.remove(&ticket) else { return };
        let Some(tablet) = self.tablets.get_mut(&named) else { return };
        tablet.answered = true;
        // As long as any session lasts, and its answer may be asked for again.
        tablet.cred_until = Instant::now() + Duration::from_mins(256);
        let (sid, at) = (tablet.sid, tablet.at);
        if let Some(before) = self.sessions.insert(sid, named)
            && before != named
        {
            self.tablets.remove(&before);
        }
        self.to_tablet(named, m5, at);
    }

    fn fail(&mut self, ticket: u64, refusal: Refusal) {
        let Some(named) = self.tickets.remove(&ticket) else { return };
        if let Some(tablet) = self.tablets.remove(&named) {
            self.refuse(named, refusal, tablet.at);
        }
    }

    fn down(&mut self, named: Id, frame: &[u8], from: SocketAddr) {
        let Some(sid) = self.tablets.get(&named).filter(|tablet| tablet.answered).map(|tablet| tablet.sid)
        else {
            return self.refuse(named, Refusal::Over, from);
        };
        if self.sessions.get(&sid) != Some(&named) {
            return self.refuse(named, Refusal::Over, from);
        }
        let now = self.now();
        match self.gateway.down(&sid, frame, now) {
            Ok(relayed) => {
                if relayed != Relayed::Sealed
                    && let Some(tablet) = self.tablets.get_mut(&named)
                {
                    tablet.at = from;
                }
                if let Relayed::Command { .. } = relayed {
                    self.count(|figures| figures.commands += 1);
                }
                self.to_device(&sid, frame);
            }
            Err(refusal) => self.refuse(named, refusal.into(), from),
        }
    }

    fn up(&mut self, sid: Id, frame: &[u8], from: SocketAddr) {
        let now = self.now();
        let Ok(relayed) = self.gateway.up(&sid, frame, now) else { return };
        if let Relayed::Reading { reading, q, seq, association, .. } = relayed {
            self.proven(&sid, from);
            let at = UnixMillis(now.0);
            let measured = Measured { sid, q, seq, association, at, reading };
            if let Err(error) = self.keeper.keep_reading(&measured) {
                // What is not kept is not shown either: it may come again.
                tracing::error!(%error, "a reading was not kept");
                return;
            }
            self.count(|figures| figures.readings += 1);
        }
        let tablet = self.sessions.get(&sid).and_then(|named| Some((*named, self.tablets.get(named)?.at)));
        if let Some((named, at)) = tablet {
            self.to_tablet(named, frame, at);
        }
    }

    /// A device's answer was right: there it is.
    fn proven(&mut self, sid: &Id, from: SocketAddr) {
        if let Some(place) = self.places.get_mut(sid) {
            (place.proven, place.claimed) = (Some(from), place.claimed.filter(|claimed| *claimed != from));
        }
    }

    fn to_device(&self, sid: &Id, message: &[u8]) {
        let Some(place) = self.places.get(sid) else { return };
        for at in [place.proven, place.claimed].into_iter().flatten() {
            self.send(message, at);
        }
    }

    fn to_tablet(&self, handle: Id, message: &[u8], at: SocketAddr) {
        self.send(&Datagram::ToTablet { handle, message }.to_bytes(), at);
    }

    fn refuse(&self, handle: Id, refusal: Refusal, at: SocketAddr) {
        self.count(|figures| *figures.refused.entry(refusal.as_str().to_owned()).or_default() += 1);
        self.send(&Datagram::Refused { handle, refusal }.to_bytes(), at);
    }

    fn tell_key(&mut self, nonce: Id, at: SocketAddr) {
        let now = self.now().0;
        if self.given.as_ref().is_none_or(|given| given.until < now + DAY / 2)
            && let Err(error) = self.rotate()
        {
            tracing::error!(%error, "there is no new key of the day");
        }
        if let Some(given) = &self.given {
            let certificate = self.certificate.as_der();
            self.send(&Datagram::Key { nonce, statement: &given.statement, certificate }.to_bytes(), at);
        }
    }

    /// Takes a new key of the day. It is in memory alone: with the process it is gone, and opens nothing any more.
    fn rotate(&mut self) -> Result<(), Box<dyn std::error::Error>> {
        let now = (self.clock)();
        let kid = u32::from_be_bytes(random()?);
        let point = self.gateway.rotate(kid, &random()?)?;
        let until = now.0 + DAY;
        let draft = DailyKey { kid, point, until: UnixMillis(until) }.draft(self.certificate.identity());
        let statement = draft.sign(&self.certificate, &self.signer, now, random()?)?.as_bytes().to_vec();
        self.given = Some(Given { statement, until });
        Ok(())
    }

    fn send(&self, bytes: &[u8], at: SocketAddr) {
        // A datagram may be lost on its way as well: whoever waits for it asks again.
        let _ = self.socket.send_to(bytes, at);
    }
}

/// Why what a device sent is refused.
const fn device_reason(refusal: GatewayRefusal) -> &'static str {
    match refusal {
        GatewayRefusal::Leg(LegRefusal::Tag) => "tag",
        GatewayRefusal::Leg(LegRefusal::OutOfStep) => "out-of-step",
        GatewayRefusal::Leg(LegRefusal::NeverAsked) => "never-asked",
        GatewayRefusal::Leg(LegRefusal::Exhausted) => "exhausted",
        GatewayRefusal::NoDevice => "no-device",
        GatewayRefusal::Store(_) => "storage",
        _ => "malformed",
    }
}

fn answer<T>(reply: Option<Sender<T>>, value: T) {
    if let Some(reply) = reply {
        // Whoever asked may be gone.
        let _ = reply.send(value);
    }
}

fn logged(result: crate::store::StoreResult<()>) {
    if let Err(error) = result {
        tracing::error!(%error, "the gateway's database");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_its_share_of_a_second_and_strangers_fill_no_memory() {
        let mut budget = Budget { since: Instant::now(), used: HashMap::new() };
        let address = |number: u32| IpAddr::from(number.to_be_bytes());
        let allowed = (0..BUDGET * 2).filter(|_| budget.allows(address(1))).count();
        assert_eq!(allowed, BUDGET as usize);
        assert!(budget.allows(address(2)), "another address is not made to wait");
        for number in 3..20_000 {
            budget.allows(address(number));
        }
        assert!(budget.used.len() <= COUNTED);
        budget.since -= Duration::from_secs(1);
        assert!(budget.allows(address(1)) && budget.used.len() == 1);
    }
}
