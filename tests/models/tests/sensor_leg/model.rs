// Included once for each set of machines, whose module is `device`.

use stateright::{Checker, Model, Property};

use self::device::*;
use crate::peer::Peer;
use crate::{Bounds, Outcome, World};

const SID: Id = [0xa5; 16];
const GATEWAY: Id = [0xc5; 16];
const SCOPE: Scope = Scope { role: 2, ops: Ops::LOOKS, ttl: 60, association: 1001 };
const NOW: u64 = 1_795_000_000_000;

fn key(name: u8) -> Key {
    Key::new(crate::peer::mac(&[name; 32], "a key of a model", &[]))
}

fn identity() -> Identity {
    Identity::new(SID, GATEWAY, key(1), SCOPE.ops).unwrap()
}

/// The sensor's flash. What is written late is lost when the power is cut.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Slots {
    durable: [[u8; RECORD]; 2],
    said: [[u8; RECORD]; 2],
    late: bool,
    /// After how many more changes the power is cut.
    cut: Option<u8>,
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
        }
        Ok(())
    }

    /// The least index of a key that a dump shows.
    fn least(&self) -> Option<u32> {
        let whole =
            self.durable.iter().filter(|slot| slot[12..44].iter().any(|&byte| byte != 0 && byte != 0xff));
        whole.map(|slot| u32::from_be_bytes([slot[4], slot[5], slot[6], slot[7]])).min()
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
        let rows = if self.late_commit {
            &mut [&mut self.said][..]
        } else {
            &mut [&mut self.said, &mut self.durable][..]
        };
        for row in rows {
            (row.index, row.ratchet, row.restored) = (index, ratchet.clone(), false);
        }
        Ok(())
    }
}

/// An m3 that left the sensor.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Answered {
    m2: usize,
    q: u32,
    index: u32,
    m3: Vec<u8>,
    /// A reading left the sensor in this session.
    spoke: bool,
}

/// An m5 that left the gateway.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Used {
    q: u32,
    index: u32,
    kappa: Key,
    confirmed: bool,
}

#[allow(clippy::struct_excessive_bools, reason = "what was seen to happen, each for a property")]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    sensor: Sensor,
    flash: Slots,
    leg: Leg,
    rows: Rows,
    m2s: Vec<Vec<u8>>,
    answered: Vec<Answered>,
    used: Vec<Used>,
    asked: u8,
    sensor_cuts: u8,
    gateway_cuts: u8,
    restored: bool,
    twice: bool,
    keys_differ: bool,
    unsound: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The gateway asks, again if an answer is outstanding; `cut`: it is killed before m2 leaves.
    Ask { cut: bool },
    /// An m2 that was sent at any time reaches the sensor; `cut`: after so many changes of its flash the power is cut.
    ToSensor { m2: usize, cut: Option<u8> },
    /// An m3 that was sent at any time reaches the gateway; `cut`: it is killed before m5 leaves.
    ToGateway { m3: usize, cut: bool },
    /// A confirmation that was sent at any time reaches the sensor.
    Confirm { used: usize, cut: Option<u8> },
    /// The sensor's power is cut while it does nothing.
    CutSensor,
    /// The gateway is killed while it does nothing.
    CutGateway,
    /// The flash does what it said it had done.
    FlushFlash,
    /// The store does what it said it had done.
    FlushRows,
    /// The gateway is restored from the backup of the beginning.
    Restore,
}

pub struct Line {
    world: World,
    bounds: Bounds,
}

impl State {
    fn gap(&self) -> i64 {
        i64::from(self.sensor.index()) - i64::from(self.leg.index())
    }

    fn cut_sensor(&mut self) {
        (self.flash.cut, self.flash.said) = (None, self.flash.durable);
        self.sensor = Sensor::boot(identity(), &mut self.flash).unwrap();
    }

    fn cut_gateway(&mut self) {
        self.rows.said = self.rows.durable.clone();
        self.leg = Leg::boot(self.rows.durable.clone());
    }

    /// m2, if the gateway sends one.
    fn ask(&mut self) -> Option<Vec<u8>> {
        self.asked += 1;
        if self.leg.is_idle() {
            let wanted = Wanted { ticket: 1, n_u: [self.asked; 16], scope: SCOPE, point: None };
            self.leg.want(wanted).unwrap();
        }
        // Always after the silence, so that it never waits.
        let now = UnixMillis(NOW + u64::from(self.asked) * SILENCE);
        let next = self.leg.next(now, [self.asked; 16], &mut self.rows).unwrap();
        self.leg.take_macs();
        if let Next::Send(m2) = next { Some(m2.as_ref().to_vec()) } else { None }
    }

    fn request(&mut self, m2: &[u8]) -> Option<Vec<u8>> {
        let nonce = [0x80 + u8::try_from(self.answered.len()).unwrap(); 16];
        let m3 = self.sensor.request(m2, Uptime(0), nonce, &mut self.flash);
        self.sensor.take_macs();
        Some(m3.ok()?.as_ref().to_vec())
    }

    fn confirm(&mut self, used: &Used) -> Result<Heard, SensorRefusal> {
        let peer = Peer::new(used.q, used.kappa.as_bytes(), &SID, &GATEWAY, SCOPE.to_bytes());
        let heard = self.sensor.frame(&peer.frame(0, &[]), Uptime(0), &mut self.flash);
        self.sensor.take_macs();
        heard
    }

    /// If the sensor would send a reading now, its session is one that was spoken in.
    fn speak(&mut self) {
        let reading = Reading { metric: 0, value: Float::NOT_A_NUMBER, unit: 0, status: 0, tick: 0 };
        if self.sensor.clone().reading(&reading, Uptime(0)).is_ok() {
            let q = self.sensor.last();
            self.answered.iter_mut().filter(|one| one.q == q).for_each(|one| one.spoke = true);
        }
    }

    /// One session in which nothing is lost, from here: the first try must do.
    fn recovers(&self) -> bool {
        let mut state = self.clone();
        state.leg.forget();
        let Some(m2) = state.ask() else { return false };
        let Some(m3) = state.request(&m2) else { return false };
        let Ok(agreed) = state.leg.reply(&m3, &mut state.rows) else { return false };
        let used = Used { q: agreed.q, index: 0, kappa: agreed.kappa, confirmed: false };
        state.confirm(&used) == Ok(Heard::Confirmed) && state.gap() == 0
    }
}

impl Line {
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
                let bytes = state.m2s[m2].clone();
                state.flash.cut = cut;
                let m3 = state.request(&bytes);
                if cut.is_some() {
                    state.sensor_cuts += 1;
                    state.cut_sensor();
                } else {
                    let m3 = m3?;
                    state.twice |= state.answered.iter().any(|one| one.m2 == m2);
                    let [q, index] = [1, 5].map(|at| u32::from_be_bytes(m3[at..at + 4].try_into().unwrap()));
                    state.answered.push(Answered { m2, q, index, m3, spoke: false });
                    state.speak();
                }
            }
            Action::ToGateway { m3, cut } => {
                let answered = state.answered[m3].clone();
                // A refusal counts and does nothing else (tests of the product say so): the same state.
                let agreed = state.leg.reply(&answered.m3, &mut state.rows).ok()?;
                state.leg.take_macs();
                state.unsound |= agreed.q != answered.q || agreed.n_s[..] != answered.m3[9..25];
                state.unsound |= state.used.iter().any(|used| used.q == agreed.q);
                if cut {
                    state.gateway_cuts += 1;
                    state.cut_gateway();
                } else {
                    let Answered { q, index, .. } = answered;
                    state.used.push(Used { q, index, kappa: agreed.kappa, confirmed: false });
                }
            }
            Action::Confirm { used, cut } => {
                let session = state.used[used].clone();
                state.flash.cut = cut;
                let heard = state.confirm(&session);
                if cut.is_some() {
                    state.sensor_cuts += 1;
                    state.cut_sensor();
                } else if heard == Ok(Heard::Confirmed) {
                    state.used[used].confirmed = true;
                    state.speak();
                } else {
                    // Of its own session, a confirmation is refused only as one that came before.
                    let differs = heard == Err(SensorRefusal::Tag);
                    if !differs || state.keys_differ {
                        return None;
                    }
                    state.keys_differ = true;
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
        let blank = [[0xff; RECORD]; 2];
        let mut flash = Slots { durable: blank, said: blank, late: false, cut: None };
        let sensor = Sensor::provision(identity(), 1, key(2), &mut flash).unwrap();
        flash.late = self.world == World::LateFlash;
        let ratchet = if self.world == World::DamagedKey { key(3) } else { key(2) };
        let row = LegRow::new(SID, key(1), ratchet);
        let rows = Rows {
            durable: row.clone(),
            said: row.clone(),
            late_number: self.world == World::LateNumber,
            late_commit: self.world == World::LateCommit,
        };
        vec![State {
            sensor,
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
            twice: false,
            keys_differ: false,
            unsound: false,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let cuts_sensor = state.sensor_cuts < self.bounds.sensor_cuts;
        let cuts_gateway = state.gateway_cuts < self.bounds.gateway_cuts;
        let gateway = || [Some(false), cuts_gateway.then_some(true)].into_iter().flatten();
        let sensor = || (0..3).filter(|_| cuts_sensor).map(Some).chain([None]);
        if state.asked < self.bounds.asked {
            actions.extend(gateway().map(|cut| Action::Ask { cut }));
        }
        for m2 in 0..state.m2s.len() {
            actions.extend(sensor().map(|cut| Action::ToSensor { m2, cut }));
        }
        for m3 in 0..state.answered.len() {
            actions.extend(gateway().map(|cut| Action::ToGateway { m3, cut }));
        }
        for used in 0..state.used.len() {
            actions.extend(sensor().map(|cut| Action::Confirm { used, cut }));
        }
        let idle = [
            (cuts_sensor, Action::CutSensor),
            (cuts_gateway, Action::CutGateway),
            (state.flash.said != state.flash.durable, Action::FlushFlash),
            (state.rows.said != state.rows.durable, Action::FlushRows),
            (matches!(self.world, World::Restored | World::RestoredAsIs) && !state.restored, Action::Restore),
        ];
        actions.extend(idle.into_iter().filter(|(possible, _)| *possible).map(|(_, action)| action));
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        self.after(&mut state, action)?;
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let [gap, recovers, twice, keys, sound, latest, confirmed, gateway] = crate::PROPERTIES;
        vec![
            // A gateway that was restored is behind until its first session.
            Property::always(gap, |_: &Self, state: &State| state.restored || state.gap().abs() <= 1),
            Property::always(recovers, |line: &Self, state: &State| {
                line.world == World::DamagedKey || state.recovers()
            }),
            Property::always(twice, |_: &Self, state: &State| !state.twice),
            Property::always(keys, |_: &Self, state: &State| !state.keys_differ),
            Property::always(sound, |_: &Self, state: &State| !state.unsound),
            Property::always(latest, |_: &Self, state: &State| {
                let latest = state.answered.iter().map(|one| one.q).max();
                let opens = |used: &Used| state.flash.least().is_some_and(|least| used.index >= least);
                state.restored || state.used.iter().all(|used| Some(used.q) == latest || !opens(used))
            }),
            Property::always(confirmed, |_: &Self, state: &State| {
                let opens = |used: &Used| state.flash.least().is_some_and(|least| used.index >= least);
                state.used.iter().all(|used| !used.confirmed || !opens(used))
            }),
            Property::always(gateway, |_: &Self, state: &State| {
                let opens = |index: u32| index >= state.rows.durable.index;
                // A restored gateway holds an old key: it must be kept out of backups.
                state.restored
                    || state.used.iter().all(|used| !opens(used.index))
                        && state.answered.iter().all(|one| !one.spoke || !opens(one.index))
            }),
        ]
    }
}

/// Searches all that can happen within the bounds.
pub fn search(world: World, bounds: Bounds) -> Outcome {
    let checker = Line { world, bounds }.checker().spawn_bfs().join();
    let broken =
        checker.discoveries().into_iter().map(|(property, path)| (property, path.into_actions().len()));
    Outcome { broken: broken.collect(), states: checker.unique_state_count() }
}
