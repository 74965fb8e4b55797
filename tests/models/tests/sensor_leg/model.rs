// Included once for each set of machines, whose module is `device`.

use countersign_models::{Broken, Outcome, Trail};
use stateright::{Model, Property};

use self::device::*;
use crate::peer::{Peer, mac};
use crate::{Bounds, World};

const SID: Id = [0xa5; 16];
const GATEWAY: Id = [0xc5; 16];
const OPS: Ops = Ops::LOOKS.with(Ops::SETTINGS);
const NOW: u64 = 1_795_000_000_000;
/// Where a message has its fields: offset and length. In both, the first two are q and c.
const FIELDS_2: [(usize, usize); 6] = [(1, 4), (5, 4), (9, 16), (25, 16), (41, 8), (49, 8)];
const FIELDS_3: [(usize, usize); 4] = [(1, 4), (5, 4), (9, 16), (25, 4)];

type M2Bytes = [u8; M2];
type M3Bytes = [u8; M3];

fn key(name: u8) -> Key {
    Key::new(mac(&[name; 32], "a key of a model", &[]))
}

fn identity() -> Identity {
    Identity::new(SID, GATEWAY, key(1), OPS).unwrap()
}

/// The sensor's flash. What is written late is lost when the power is cut.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Slots {
    durable: [[u8; RECORD]; 2],
    said: [[u8; RECORD]; 2],
    late: bool,
    /// After how many more changes the power is cut.
    cut: Option<u8>,
    /// From which c the sensor would have started after each change of this action.
    passed: Vec<u32>,
}

impl Slots {
    fn change(&mut self, slot: Slot, to: [u8; RECORD]) -> Result<(), FlashError> {
        match &mut self.cut {
            Some(0) => return Err(FlashError),
            Some(left) => *left -= 1,
            None => {}
        }
        self.said[slot as usize] = to;
        if !self.late {
            self.durable = self.said;
            self.passed.extend(self.index());
        }
        Ok(())
    }

    fn records(&self) -> impl Iterator<Item = &[u8; RECORD]> {
        self.durable.iter().filter(|slot| slot[..2] == [0, 1])
    }

    /// The c of the newer record.
    fn index(&self) -> Option<u32> {
        let newest = self.records().max_by_key(|slot| [&slot[8..12], &slot[4..8]].concat())?;
        Some(u32::from_be_bytes(newest[4..8].try_into().unwrap()))
    }
}

impl Flash for Slots {
    fn read(&mut self, slot: Slot) -> Result<[u8; RECORD], FlashError> {
        if self.cut == Some(0) { Err(FlashError) } else { Ok(self.said[slot as usize]) }
    }

    fn write(&mut self, slot: Slot, record: &[u8; RECORD]) -> Result<(), FlashError> {
        self.change(slot, *record)
    }

    fn erase(&mut self, slot: Slot) -> Result<(), FlashError> {
        self.change(slot, [0; RECORD])
    }
}

/// The gateway's store.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Rows {
    durable: LegRow,
    said: LegRow,
    late_number: bool,
    late_commit: bool,
}

impl LegStore for Rows {
    fn reserve(&mut self, until: u32) -> Result<(), StoreError> {
        self.said.reserved = until;
        if !self.late_number {
            self.durable.reserved = until;
        }
        Ok(())
    }

    fn commit(&mut self, index: u32, ratchet: &Key) -> Result<(), StoreError> {
        let set = |row: &mut LegRow| {
            (row.index, row.ratchet, row.restored) = (index, ratchet.clone(), false);
        };
        set(&mut self.said);
        if !self.late_commit {
            set(&mut self.durable);
        }
        Ok(())
    }
}

/// An m3 that left the sensor.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Answered {
    /// The m2 that it answers; `None`: one that the gateway never sent.
    m2: Option<usize>,
    index: u32,
    m3: M3Bytes,
    /// A reading left the sensor in this session.
    spoke: bool,
}

/// A session that the gateway has told its user of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Used {
    q: u32,
    scope: Scope,
    /// Which key of the sensor's ratchet makes the session's.
    index: Option<u32>,
    confirmation: Vec<u8>,
    command: Vec<u8>,
    confirmed: bool,
    commanded: bool,
}

#[allow(clippy::struct_excessive_bools, reason = "what was seen to happen, each for a property")]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// `None`: it is off.
    sensor: Option<Sensor>,
    flash: Slots,
    leg: Leg,
    rows: Rows,
    // All that was ever sent: the attacker has it, and sends it when it likes.
    m2s: Vec<M2Bytes>,
    answered: Vec<Answered>,
    used: Vec<Used>,
    asked: u8,
    sensor_cuts: u8,
    gateway_cuts: u8,
    restored: bool,
    apart: bool,
    twice: bool,
    keys_differ: bool,
    unsound: bool,
    moved: bool,
    trail: Trail<Action>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The gateway asks, again if an answer is outstanding; `cut`: it is killed before m2 leaves.
    Ask { cut: bool },
    /// An m2 that was sent at any time reaches the sensor; `cut`: after so many changes of its flash the power is cut.
    ToSensor { m2: usize, cut: Option<u8> },
    /// An m2 with a field of another, or with another counter.
    PastedToSensor(M2Bytes),
    /// An m3 that was sent at any time reaches the gateway; `cut`: it is killed before m5 leaves.
    ToGateway { m3: usize, cut: bool },
    /// An m3 with a field of another, or with another counter.
    PastedToGateway(M3Bytes),
    /// A confirmation that was sent at any time reaches the sensor.
    Confirm { used: usize, cut: Option<u8> },
    /// The user's command reaches the sensor, with the number that it was sent with or a later one written into it.
    Command { used: usize, renumbered: bool },
    /// The sensor is switched on; `cut`: and off again before it changes its flash.
    Start { cut: bool },
    /// The sensor's power is cut while it does nothing.
    CutSensor,
    /// The gateway is killed while it does nothing, and started.
    CutGateway,
    /// The session's time is over.
    Expire,
    /// The flash does what it said it had done.
    FlushFlash,
    /// The store does what it said it had done.
    FlushRows,
    /// The gateway is restored from the backup of the beginning.
    Restore,
}

pub struct Line {
    world: World,
    out: &'static str,
    bounds: Bounds,
    /// The sensor's ratchet, as far as it can come.
    ratchet: Vec<[u8; 32]>,
    broken: Broken<Action>,
}

impl State {
    /// All c that the sensor has, in memory or in flash, after this or any change of this action.
    fn of_sensor(&self) -> impl Iterator<Item = u32> {
        let memory = self.sensor.as_ref().map(Sensor::index);
        self.flash.passed.iter().copied().chain(memory).chain(self.flash.index())
    }

    /// All c that the gateway has, in memory or in its store.
    fn of_gateway(&self) -> [u32; 2] {
        [self.leg.index(), self.rows.durable.index]
    }

    fn cut_sensor(&mut self) {
        (self.flash.cut, self.flash.said, self.sensor) = (None, self.flash.durable, None);
    }

    fn start_sensor(&mut self) -> Option<()> {
        self.sensor = Some(Sensor::boot(identity(), &mut self.flash).ok()?);
        Some(())
    }

    fn cut_gateway(&mut self) {
        self.rows.said = self.rows.durable.clone();
        self.leg = Leg::boot(self.rows.durable.clone());
    }

    /// m2, if the gateway sends one.
    fn ask(&mut self) -> Option<M2Bytes> {
        self.asked += 1;
        let association = u32::from(self.asked);
        let scope = Scope { role: 2, ops: OPS, ttl: 60, association };
        if self.leg.is_idle() {
            self.leg.want(Wanted { ticket: 1, n_u: [self.asked; 16], scope, point: None }).unwrap();
        }
        // Always after the silence, so that it never waits.
        let now = UnixMillis(NOW + u64::from(self.asked) * SILENCE);
        let next = self.leg.next(now, [self.asked; 16], &mut self.rows).unwrap();
        self.leg.take_macs();
        if let Next::Send(m2) = next { m2.as_ref().try_into().ok() } else { None }
    }

    fn request(&mut self, m2: &M2Bytes) -> Option<M3Bytes> {
        let nonce = [0x80 + u8::try_from(self.answered.len()).unwrap(); 16];
        let sensor = self.sensor.as_mut()?;
        let m3 = sensor.request(m2, Uptime(0), nonce, &mut self.flash);
        sensor.take_macs();
        m3.ok()?.as_ref().try_into().ok()
    }

    fn hear(&mut self, frame: &[u8]) -> Option<Result<Heard, SensorRefusal>> {
        let sensor = self.sensor.as_mut()?;
        let heard = sensor.frame(frame, Uptime(0), &mut self.flash);
        sensor.take_macs();
        Some(heard)
    }

    /// Whether the sensor sends readings now is noted at the session that they are sent in.
    fn speak(&mut self) {
        let reading = Reading { metric: 0, value: Float::NOT_A_NUMBER, unit: 0, status: 0, tick: 0 };
        let Some(mut sensor) = self.sensor.clone() else { return };
        if let Ok(frame) = sensor.reading(&reading, Uptime(0)) {
            let of_session = |one: &&mut Answered| one.m3[3..5] == frame.as_ref()[1..3];
            self.answered.iter_mut().filter(of_session).for_each(|one| one.spoke = true);
        }
    }

    /// The sensor answers: only what the gateway asked, and that once.
    fn answer(&mut self, m2: &M2Bytes, m3: M3Bytes) {
        let asked = self.m2s.iter().position(|sent| sent == m2);
        self.unsound |= asked.is_none();
        self.twice |= asked.is_some() && self.answered.iter().any(|one| one.m2 == asked);
        let index = u32::from_be_bytes(m3[5..9].try_into().unwrap());
        self.answered.push(Answered { m2: asked, index, m3, spoke: false });
        self.speak();
    }

    /// One session in which nothing is lost, from here: the first try must do.
    fn recovers(mut self) -> bool {
        if self.sensor.is_none() && self.start_sensor().is_none() {
            return false;
        }
        self.leg.forget();
        let Some(m2) = self.ask() else { return false };
        let Some(m3) = self.request(&m2) else { return false };
        let Ok(agreed) = self.leg.reply(&m3, &mut self.rows) else { return false };
        let heard = self.hear(&peer(&agreed).frame(0, &[]));
        heard == Some(Ok(Heard::Confirmed)) && self.sensor.is_some_and(|one| one.index() == self.leg.index())
    }

    /// Whether the flash, as somebody finds it who takes the sensor apart, opens a session.
    fn flash_opens(&self, line: &Line, session: &Used) -> bool {
        let keys = self.flash.records().filter_map(|record| line.index_of(&record[12..44]));
        keys.min().is_some_and(|least| session.index.is_some_and(|index| index >= least))
    }
}

fn peer(agreed: &Agreed) -> Peer {
    Peer::new(agreed.q, agreed.kappa.as_bytes(), &SID, &GATEWAY, agreed.scope.to_bytes())
}

/// What an attacker makes of a message who may write into it: a field of another, or a counter that is one off.
fn pasted<const N: usize>(message: &[u8; N], fields: &[(usize, usize)], others: &[&[u8]]) -> Vec<[u8; N]> {
    let mut all = vec![];
    for &(at, length) in fields {
        let from = others.iter().filter_map(|other| other.get(at..at + length)).map(<[u8]>::to_vec);
        let counter = u32::from_be_bytes(message[at..at + 4].try_into().unwrap());
        let off = [counter.wrapping_add(1), counter.wrapping_sub(1)].map(|off| off.to_be_bytes().to_vec());
        for field in from.chain(off.into_iter().filter(|_| length == 4)) {
            let mut pasted = *message;
            pasted[at..at + length].copy_from_slice(&field);
            if pasted != *message && !all.contains(&pasted) {
                all.push(pasted);
            }
        }
    }
    all
}

impl Line {
    fn index_of(&self, key: &[u8]) -> Option<u32> {
        let index = self.ratchet.iter().position(|one| one == key)?;
        u32::try_from(index).ok()
    }

    /// The gateway has an answer: one that the sensor gave to this message, and that counted for no other.
    fn agree(&self, state: &mut State, m3: &M3Bytes, agreed: &Agreed) {
        let answered = state.answered.iter().find(|one| one.m3 == *m3);
        let m2 = answered.and_then(|one| one.m2).map(|m2| state.m2s[m2]);
        let same = m2.is_some_and(|m2| {
            m2[1..5] == agreed.q.to_be_bytes()
                && m2[25..41] == agreed.n_g
                && m2[49..57] == agreed.scope.to_bytes()
                && m3[9..25] == agreed.n_s
        });
        state.unsound |= !same;
        state.twice |= state.used.iter().any(|used| used.q == agreed.q);
        let m2 = m2.unwrap_or([0; M2]);
        let fields: [&[u8]; 4] = [&m2[9..25], &m2[25..41], &m3[9..25], &m2[49..57]];
        let makes = |key: &[u8; 32]| mac(key, "S003/auth/sk/1", &fields) == *agreed.kappa.as_bytes();
        let index = self.ratchet.iter().position(makes).and_then(|index| u32::try_from(index).ok());
        let (peer, unit, metric) = (peer(agreed), 0, 0);
        let command = Command { op: Ops::SETTINGS, unit, metric, value: Float::NOT_A_NUMBER };
        state.used.push(Used {
            q: agreed.q,
            scope: agreed.scope,
            index,
            confirmation: peer.frame(0, &[]),
            command: peer.frame(1, &command.to_bytes()),
            confirmed: false,
            commanded: false,
        });
    }

    /// Gives an m2 to the sensor. What it refuses changes nothing.
    fn to_sensor(state: &mut State, m2: &M2Bytes, cut: Option<u8>) -> Option<()> {
        let before = state.sensor.clone();
        state.flash.cut = cut;
        let m3 = state.request(m2);
        match (m3, cut) {
            (_, Some(_)) => {
                state.sensor_cuts += 1;
                state.cut_sensor();
            }
            (Some(m3), None) => state.answer(m2, m3),
            (None, None) if state.sensor == before && state.flash.passed.is_empty() => return None,
            (None, None) => state.moved = true,
        }
        Some(())
    }

    /// Gives an m3 to the gateway. What it refuses, it counts, and does nothing else.
    fn to_gateway(&self, state: &mut State, m3: &M3Bytes, cut: bool) -> Option<()> {
        let (rows, outstanding) = (state.rows.clone(), state.leg.outstanding().cloned());
        let agreed = state.leg.reply(m3, &mut state.rows);
        state.leg.take_macs();
        let Ok(agreed) = agreed else {
            state.moved |= state.rows != rows || state.leg.outstanding() != outstanding.as_ref();
            return state.moved.then_some(());
        };
        if cut {
            state.gateway_cuts += 1;
            state.cut_gateway();
        } else {
            self.agree(state, m3, &agreed);
        }
        Some(())
    }

    fn confirm(state: &mut State, used: usize, cut: Option<u8>) -> Option<()> {
        state.flash.cut = cut;
        let frame = state.used[used].confirmation.clone();
        let heard = state.hear(&frame)?;
        if cut.is_some() {
            state.sensor_cuts += 1;
            state.cut_sensor();
            return Some(());
        }
        match heard {
            Ok(Heard::Confirmed) => {
                let session = &mut state.used[used];
                state.twice |= session.confirmed;
                session.confirmed = true;
                let scope = state.sensor.as_ref().and_then(Sensor::scope);
                state.unsound |= scope != Some(session.scope);
                state.speak();
            }
            // A confirmation of the session that the sensor is in opens.
            Err(SensorRefusal::Tag) if !state.keys_differ => state.keys_differ = true,
            _ => return None,
        }
        Some(())
    }

    fn command(state: &mut State, used: usize, renumbered: bool) -> Option<()> {
        let mut frame = state.used[used].command.clone();
        if renumbered {
            frame[6] += 1;
        }
        let Ok(Heard::Command(_)) = state.hear(&frame)? else { return None };
        let session = &mut state.used[used];
        state.twice |= session.commanded;
        state.unsound |= renumbered;
        session.commanded = true;
        Some(())
    }

    fn after(&self, state: &mut State, action: Action) -> Option<()> {
        match action {
            Action::Ask { cut } => {
                let m2 = state.ask();
                if cut {
                    state.gateway_cuts += 1;
                    state.cut_gateway();
                } else {
                    state.m2s.extend(m2);
                }
            }
            Action::ToSensor { m2, cut } => {
                let m2 = state.m2s[m2];
                Self::to_sensor(state, &m2, cut)?;
            }
            Action::PastedToSensor(m2) => Self::to_sensor(state, &m2, None)?,
            Action::ToGateway { m3, cut } => {
                let m3 = state.answered[m3].m3;
                self.to_gateway(state, &m3, cut)?;
            }
            Action::PastedToGateway(m3) => self.to_gateway(state, &m3, false)?,
            Action::Confirm { used, cut } => Self::confirm(state, used, cut)?,
            Action::Command { used, renumbered } => Self::command(state, used, renumbered)?,
            Action::Start { cut } => {
                state.flash.cut = cut.then_some(0);
                let started = state.start_sensor();
                if cut {
                    state.sensor_cuts += 1;
                    state.cut_sensor();
                } else {
                    started?;
                }
            }
            Action::CutSensor => {
                state.sensor_cuts += 1;
                state.cut_sensor();
            }
            Action::CutGateway => {
                state.gateway_cuts += 1;
                state.cut_gateway();
            }
            Action::Expire => state.sensor.as_mut()?.expire(Uptime(u64::MAX)),
            Action::FlushFlash => state.flash.durable = state.flash.said,
            Action::FlushRows => state.rows.durable = state.rows.said.clone(),
            Action::Restore => {
                state.restored = true;
                let backup = LegRow::new(SID, key(1), key(2));
                let newest = UnixMillis(NOW);
                let row = if self.world == World::Restored { backup.restored(newest) } else { backup };
                state.rows.durable = row;
                state.cut_gateway();
            }
        }
        Some(())
    }
}

impl Model for Line {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        take_out(self.out);
        let blank = [[0xff; RECORD]; 2];
        let mut flash = Slots { durable: blank, said: blank, late: false, cut: None, passed: vec![] };
        let sensor = Sensor::provision(identity(), 1, key(2), &mut flash).unwrap();
        (flash.late, flash.passed) = (self.world == World::LateFlash, vec![]);
        let ratchet = if self.world == World::DamagedKey { key(3) } else { key(2) };
        let row = LegRow::new(SID, key(1), ratchet);
        let rows = Rows {
            durable: row.clone(),
            said: row.clone(),
            late_number: self.world == World::LateNumber,
            late_commit: self.world == World::LateCommit,
        };
        vec![State {
            sensor: Some(sensor),
            flash,
            leg: Leg::boot(row),
            rows,
            m2s: vec![],
            answered: vec![],
            used: vec![],
            asked: 0,
            sensor_cuts: 0,
            gateway_cuts: 0,
            restored: false,
            apart: false,
            twice: false,
            keys_differ: false,
            unsound: false,
            moved: false,
            trail: Trail::new(),
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let (on, cuts_sensor) = (state.sensor.is_some(), state.sensor_cuts < self.bounds.sensor_cuts);
        let cuts_gateway = state.gateway_cuts < self.bounds.gateway_cuts;
        let gateway = || [Some(false), cuts_gateway.then_some(true)].into_iter().flatten();
        let sensor = || (0..3).filter(|_| cuts_sensor).map(Some).chain([None]);
        // The product answers each m2 once at most, and takes each answer once; a variant gets room to do so once more.
        let answers = on && state.answered.len() <= usize::from(self.bounds.asked);
        let takes = state.used.len() <= usize::from(self.bounds.asked);
        if state.asked < self.bounds.asked {
            actions.extend(gateway().map(|cut| Action::Ask { cut }));
        }
        for m2 in (0..state.m2s.len()).filter(|_| answers) {
            actions.extend(sensor().map(|cut| Action::ToSensor { m2, cut }));
        }
        for m3 in (0..state.answered.len()).filter(|_| takes) {
            actions.extend(gateway().map(|cut| Action::ToGateway { m3, cut }));
        }
        for used in (0..state.used.len()).filter(|_| on) {
            actions.extend(sensor().map(|cut| Action::Confirm { used, cut }));
            actions.extend([false, true].map(|renumbered| Action::Command { used, renumbered }));
        }
        if self.bounds.pastes {
            let m2s: Vec<&[u8]> = state.m2s.iter().map(|m2| &m2[..]).collect();
            // An m2 lends an m3 its counters alone: they are at the same place.
            let counters = state.m2s.iter().map(|m2| &m2[..9]);
            let m3s: Vec<&[u8]> = state.answered.iter().map(|one| &one.m3[..]).chain(counters).collect();
            let of_m2s = state.m2s.iter().filter(|_| answers).flat_map(|m2| pasted(m2, &FIELDS_2, &m2s));
            actions.extend(of_m2s.map(Action::PastedToSensor));
            let of_m3s = state.answered.iter().filter(|_| takes);
            let of_m3s = of_m3s.flat_map(|one| pasted(&one.m3, &FIELDS_3, &m3s));
            actions.extend(of_m3s.map(Action::PastedToGateway));
        }
        let two_records = state.flash.records().count() == 2;
        let idle = [
            (!on, Action::Start { cut: false }),
            (!on && cuts_sensor && two_records, Action::Start { cut: true }),
            (on && cuts_sensor, Action::CutSensor),
            (cuts_gateway, Action::CutGateway),
            (on, Action::Expire),
            (state.flash.said != state.flash.durable, Action::FlushFlash),
            (state.rows.said != state.rows.durable, Action::FlushRows),
            (matches!(self.world, World::Restored | World::RestoredAsIs) && !state.restored, Action::Restore),
        ];
        actions.extend(idle.into_iter().filter(|(possible, _)| *possible).map(|(_, action)| action));
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        take_out(self.out);
        let mut state = last.clone();
        self.after(&mut state, action)?;
        // One side acts, so the other has what it had: each pair of c was there at some moment of this action. A gateway that was
        // restored is behind until its first session.
        let restored = state.rows.durable.restored || last.rows.durable.restored;
        let gateway = [last.of_gateway(), state.of_gateway()].concat();
        let apart = |sensor: u32| gateway.iter().any(|gateway| gateway.abs_diff(sensor) > 1);
        state.apart |= !restored && last.of_sensor().chain(state.of_sensor()).any(apart);
        (state.flash.cut, state.flash.passed) = (None, vec![]);
        state.trail = last.trail.and(action);
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(crate::GAP, |line: &Self, state: &State| {
                line.broken.note(crate::GAP, &state.trail, !state.apart)
            }),
            // As things are, and when both sides have just lost their power.
            Property::always(crate::RECOVERS, |line: &Self, state: &State| {
                take_out(line.out);
                let mut cut = state.clone();
                cut.cut_sensor();
                cut.cut_gateway();
                let holds =
                    line.world == World::DamagedKey || (state.clone().recovers() && cut.recovers());
                line.broken.note(crate::RECOVERS, &state.trail, holds)
            }),
            Property::always(crate::ONCE, |line: &Self, state: &State| {
                line.broken.note(crate::ONCE, &state.trail, !state.twice)
            }),
            Property::always(crate::EQUAL, |line: &Self, state: &State| {
                line.broken.note(crate::EQUAL, &state.trail, !state.keys_differ)
            }),
            Property::always(crate::SOUND, |line: &Self, state: &State| {
                line.broken.note(crate::SOUND, &state.trail, !state.unsound)
            }),
            Property::always(crate::STILL, |line: &Self, state: &State| {
                line.broken.note(crate::STILL, &state.trail, !state.moved)
            }),
            Property::always(crate::LATEST, |line: &Self, state: &State| {
                let latest = state.answered.last().map(|one| &one.m3[1..5]);
                let mut earlier =
                    state.used.iter().filter(|used| Some(&used.q.to_be_bytes()[..]) != latest);
                line.broken.note(crate::LATEST, &state.trail, !earlier.any(|used| state.flash_opens(line, used)))
            }),
            Property::always(crate::CONFIRMED, |line: &Self, state: &State| {
                let mut confirmed = state.used.iter().filter(|used| used.confirmed);
                line.broken.note(crate::CONFIRMED, &state.trail, !confirmed.any(|used| state.flash_opens(line, used)))
            }),
            Property::always(crate::GATEWAY, |line: &Self, state: &State| {
                let least = line.index_of(state.rows.durable.ratchet.as_bytes());
                let opens = |index: u32| least.is_some_and(|least| index >= least);
                let used = state.used.iter().filter_map(|used| used.index);
                let spoken = state.answered.iter().filter(|one| one.spoke).map(|one| one.index);
                line.broken.note(crate::GATEWAY, &state.trail, !used.chain(spoken).any(opens))
            }),
        ]
    }
}

/// Searches all that can happen within the bounds, with one check taken out, until these properties are broken.
pub fn search(world: World, out: &'static str, bounds: Bounds, until: &[&'static str]) -> Outcome {
    let step = |key: &[u8; 32]| Some(mac(key, "S003/auth/next/1", &[]));
    let ratchet = std::iter::successors(Some(*key(2).as_bytes()), step).take(4 * usize::from(bounds.asked));
    let line = Line { world, out, bounds, ratchet: ratchet.collect(), broken: Broken::none() };
    countersign_models::search(line, until, |line| &line.broken)
}
