//! What a session costs each role, beside the paper's protocol: hashes or MACs, bytes, time of the thread on the processor.
//!
//!     cargo bench --package countersign-device

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a bench that cannot be set up should stop"
)]

mod paper;

use std::time::Duration;

use countersign_device::{
    Attempt, Audit, Class, Device, Flash, FlashError, Float, Gateway, GatewayKey, Identity, Key, LegRow,
    Next, Ops, RECORD, Random, Reading, Replied, Requested, SKEW, Sensor, Slot, SoftwareCurve, Staff, Store,
    StoreError, UnixMillis, Uptime, Wish, WrongProofs,
};
use sha2::{Digest as _, Sha256};

const RUNS: usize = 1_000;

/// What this thread has used of the processor, which other programs beside it disturb less than the time on the clock.
fn processor_time() -> Duration {
    let spent = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(spent.tv_sec.unsigned_abs(), u32::try_from(spent.tv_nsec).unwrap_or(0))
}

/// What a role spent in each run.
#[derive(Default)]
struct Spent {
    times: Vec<Duration>,
    run: Duration,
}

impl Spent {
    fn time<T>(&mut self, what: impl FnOnce() -> T) -> T {
        let began = processor_time();
        let done = what();
        self.run += processor_time().saturating_sub(began);
        done
    }

    fn end_run(&mut self) {
        self.times.push(std::mem::take(&mut self.run));
    }

    fn median(&mut self) -> f64 {
        self.times.sort_unstable();
        self.times[self.times.len() / 2].as_secs_f64() * 1e6
    }
}

#[derive(Default)]
struct Cost {
    user: Spent,
    gateway: Spent,
    sensor: Spent,
    /// Hashes or MACs of user, gateway and sensor.
    computed: [u32; 3],
    bytes: usize,
    bytes_of_sensor: usize,
}

impl Cost {
    fn end_run(&mut self) {
        [&mut self.user, &mut self.gateway, &mut self.sensor].into_iter().for_each(Spent::end_run);
    }

    fn row(&mut self, name: &str) {
        let [user, gateway, sensor] = self.computed;
        println!(
            "| {name} | {user} + {gateway} + {sensor} = {} | {} | {} | {:.1} | {:.1} | {:.1} |",
            user + gateway + sensor,
            self.bytes * 8,
            self.bytes_of_sensor * 8,
            self.user.median(),
            self.gateway.median(),
            self.sensor.median()
        );
    }
}

fn of_the_paper(variant: paper::Variant) -> Cost {
    let (card, mut cost) = (paper::card(), Cost::default());
    for run in 0..RUNS {
        let mut roles = paper::Roles::default();
        let n = u32::try_from(run).expect("few runs").to_be_bytes();
        let login = cost.user.time(|| paper::login(&card, n, n, &mut roles.user)).expect("a login");
        let asked =
            cost.gateway.time(|| paper::ask(&login, n, n, variant, &mut roles.gateway)).expect("asked");
        let (one, m3) = cost
            .sensor
            .time(|| paper::answer(&asked.m, n, n, variant, &mut roles.sensor))
            .expect("an answer");
        let (two, m4) =
            cost.gateway.time(|| paper::tell(&asked, &m3, n, variant, &mut roles.gateway)).expect("told");
        let three = cost.user.time(|| paper::finish(&login, &m4, &mut roles.user)).expect("a key");
        assert!(one == two && two == three, "all have one key");
        cost.bytes_of_sensor = asked.m.len() + m3.len();
        cost.bytes = login.message().len() + cost.bytes_of_sensor + m4.len();
        cost.computed = [roles.user.0, roles.gateway.0, roles.sensor.0];
        cost.end_run();
    }
    cost
}

struct Memory([[u8; RECORD]; 2]);

impl Flash for Memory {
    fn read(&mut self, slot: Slot) -> Result<[u8; RECORD], FlashError> {
        Ok(self.0[slot as usize])
    }

    fn write(&mut self, slot: Slot, record: &[u8; RECORD]) -> Result<(), FlashError> {
        self.0[slot as usize] = *record;
        Ok(())
    }

    fn erase(&mut self, slot: Slot) -> Result<(), FlashError> {
        self.0[slot as usize] = [0; RECORD];
        Ok(())
    }
}

struct Nowhere;

impl Store for Nowhere {
    fn reserve(&mut self, _: &[u8; 16], _: u32) -> Result<(), StoreError> {
        Ok(())
    }

    fn commit(&mut self, _: &[u8; 16], _: u32, _: &Key, _: Option<&Audit>) -> Result<(), StoreError> {
        Ok(())
    }

    fn wrong_proofs(&mut self, _: &[u8; 16], _: WrongProofs) -> Result<(), StoreError> {
        Ok(())
    }
}

fn random(name: &str, run: usize) -> [u8; 32] {
    Sha256::digest(format!("{name} {run}")).into()
}

fn nonce(name: &str, run: usize) -> [u8; 16] {
    *random(name, run).first_chunk().expect("32 bytes")
}

/// A session up to the first reading. The frames are counted apart: the paper has none.
fn ours(end_to_end: bool) -> (Cost, Cost) {
    let (sid, id, ops) = (*b"infusion pump 07", *b"gateway, ward 3b", Ops::LOOKS);
    let started = UnixMillis(1_795_000_000_000);
    let key = |name: &str| Key::new(random(name, 0));
    let mut gateway = Gateway::start(id, key("credentials"), started);
    let point = gateway.rotate(1, &random("daily", 0)).expect("a key");
    gateway.registry_as_of(started);
    let until = UnixMillis(started.0 + 86_400_000);
    let staff = Staff { id: [1; 16], cred: [2; 16], epoch: 1, role: 2, may: [ops; 3], key: None, until };
    let credential = gateway.issue(&staff);
    gateway.enrol(staff);
    let leg = LegRow::new(sid, key("authentication"), key("ratchet"));
    gateway.add(Device { class: Class::Treatment, max_ops: ops, association: 1, leg });
    let mut flash = Memory([[0xff; RECORD]; 2]);
    let identity = Identity::new(sid, id, key("authentication"), ops).expect("an identity");
    let mut sensor = Sensor::provision(identity, 1, key("ratchet"), &mut flash).expect("a sensor");
    let gateway_key = GatewayKey { id, kid: 1, point };
    let wish = Wish { sid, ops, ttl: 60, association: 1, end_to_end };

    let (mut cost, mut frames) = (Cost::default(), Cost::default());
    for run in 0..RUNS {
        let now = UnixMillis(started.0 + SKEW + 1 + run as u64 * 1_000);
        let uptime = Uptime(now.0 - started.0);
        let randoms = Random { secret: random("user", run), nonce: nonce("user", run) };
        let (attempt, m1) = cost.user.time(|| {
            Attempt::new(&credential, &gateway_key, wish, now, randoms, |_| None).expect("a request")
        });
        let m2 = cost.gateway.time(|| {
            let asked = gateway.request(m1.as_ref(), now, &mut Nowhere).expect("a good request");
            assert!(matches!(asked, Requested::Device { .. }));
            match gateway.next(&sid, now, nonce("gateway", run), &mut Nowhere) {
                Ok(Next::Send(m2)) => m2,
                other => panic!("{other:?}"),
            }
        });
        let mut curve = SoftwareCurve::new(random("sensor", run));
        let m3 = cost.sensor.time(|| {
            sensor
                .request_with(m2.as_ref(), uptime, nonce("sensor", run), &mut curve, &mut flash)
                .expect("an answer")
        });
        let of_sensor = sensor.take_macs();
        let m5 = cost.gateway.time(|| {
            match gateway.reply(&sid, m3.as_ref(), now, &random("gateway", run), &mut Nowhere) {
                Ok(Replied::Answer { m5, .. }) => m5,
                other => panic!("{other:?}"),
            }
        });
        let of_gateway = gateway.take_macs();
        let mut session = cost.user.time(|| attempt.answer(m5.as_ref(), now).expect("a session"));
        // One more for the proof in m1.
        cost.computed = [session.take_macs() + 1, of_gateway, of_sensor];
        cost.bytes_of_sensor = m2.as_ref().len() + m3.as_ref().len();
        cost.bytes = m1.as_ref().len() + cost.bytes_of_sensor + m5.as_ref().len();
        cost.end_run();

        let f0 = frames.user.time(|| session.confirmation());
        frames.gateway.time(|| gateway.down(&sid, f0.as_ref(), now)).expect("relayed");
        let reading =
            Reading { metric: 1, value: Float::NOT_A_NUMBER, unit: 2, status: 0, tick: uptime.tick() };
        let f1 = frames.sensor.time(|| {
            sensor.frame(f0.as_ref(), uptime, &mut flash).expect("confirmed");
            sensor.reading(&reading, uptime).expect("a reading")
        });
        frames.gateway.time(|| gateway.up(&sid, f1.as_ref(), now)).expect("relayed");
        frames.user.time(|| session.open(f1.as_ref(), now)).expect("a reading");
        frames.computed = [session.take_macs(), gateway.take_macs(), sensor.take_macs()];
        frames.bytes = f0.as_ref().len() + f1.as_ref().len();
        frames.bytes_of_sensor = frames.bytes;
        frames.end_run();
    }
    (cost, frames)
}

fn main() {
    println!(
        "| protocol | hashes or MACs: user + gateway + sensor | bits | of them to and from the sensor | user, µs | gateway, µs | sensor, µs |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    let mut full = of_the_paper(paper::Variant::Full);
    let mut lean = of_the_paper(paper::Variant::Lean);
    assert_eq!((full.computed, full.bytes * 8), ([8, 11, 6], 1_600), "the paper's figures");
    assert_eq!(lean.computed, [8, 9, 4]);
    full.row("the paper's, reconstructed (hashes)");
    lean.row("its lean variant (hashes)");
    let (mut cost, mut frames) = ours(false);
    cost.row("ours (MACs)");
    frames.row("ours: the confirmation and the first reading");
    let (mut cost, mut frames) = ours(true);
    cost.row("ours, with an end-to-end key");
    frames.row("ours, with an end-to-end key: the confirmation and the first reading");
}
