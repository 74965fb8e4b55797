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
    Attempt, Audit, Class, Device, Float, Gateway, GatewayKey, Identity, Key, LegRow, Memory, Next, Ops,
    Random, Reading, Replied, Requested, SKEW, Sensor, SoftwareCurve, Staff, Store, StoreError, UnixMillis,
    Uptime, Wish, WrongProofs,
};
use sha2::{Digest as _, Sha256};

const RUNS: usize = 1_000;
/// What the paper cites for its parts, in milliseconds: a hash, a multiplication of a point.
const CITED: [f64; 2] = [0.5, 63.075];
/// How many points each of user and gateway multiplies in our protocol: its ephemeral key, and two agreements.
const MULTIPLICATIONS: u32 = 3;

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
    /// How often the clock was asked, in a run.
    asked: u32,
}

impl Spent {
    fn time<T>(&mut self, what: impl FnOnce() -> T) -> T {
        let began = processor_time();
        let done = what();
        self.run += processor_time().saturating_sub(began);
        self.asked += 1;
        done
    }

    fn end_run(&mut self) {
        self.times.push(std::mem::take(&mut self.run));
    }

    /// Microseconds, without what asking the clock takes.
    fn median(&mut self, clock: Duration) -> f64 {
        let runs = u32::try_from(self.times.len()).expect("few runs");
        (median(&mut self.times).saturating_sub(clock * (self.asked / runs))).as_secs_f64() * 1e6
    }
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// What asking the clock takes: some of our figures are not much more.
fn clock() -> Duration {
    let mut nothing = Spent::default();
    for _ in 0..RUNS {
        nothing.time(|| ());
        nothing.end_run();
    }
    median(&mut nothing.times)
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

    fn row(&mut self, name: &str, clock: Duration) {
        let [user, gateway, sensor] = self.computed;
        println!(
            "| {name} | {user} + {gateway} + {sensor} = {} | {} | {} | {:.1} | {:.1} | {:.1} |",
            user + gateway + sensor,
            self.bytes * 8,
            self.bytes_of_sensor * 8,
            self.user.median(clock),
            self.gateway.median(clock),
            self.sensor.median(clock)
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
    let mut flash = Memory::blank();
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
        let of_gateway = (nonce("gateway", run), random("gateway", run));
        let of_sensor = nonce("sensor", run);
        let m2 = cost.gateway.time(|| {
            let asked = gateway.request(m1.as_ref(), now, &mut Nowhere).expect("a good request");
            assert!(matches!(asked, Requested::Device { .. }));
            match gateway.next(&sid, now, of_gateway.0, &mut Nowhere) {
                Ok(Next::Send(m2)) => m2,
                other => panic!("{other:?}"),
            }
        });
        let mut curve = SoftwareCurve::new(random("sensor", run));
        let m3 = cost.sensor.time(|| {
            sensor.request_with(m2.as_ref(), uptime, of_sensor, &mut curve, &mut flash).expect("an answer")
        });
        let macs_of_sensor = sensor.take_macs();
        let m5 =
            cost.gateway.time(|| match gateway.reply(&sid, m3.as_ref(), now, &of_gateway.1, &mut Nowhere) {
                Ok(Replied::Answer { m5, .. }) => m5,
                other => panic!("{other:?}"),
            });
        let macs_of_gateway = gateway.take_macs();
        let mut session = cost.user.time(|| attempt.answer(m5.as_ref(), now).expect("a session"));
        // One more for the proof in m1.
        cost.computed = [session.take_macs() + 1, macs_of_gateway, macs_of_sensor];
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
    let clock = clock();
    println!(
        "| protocol | hashes or MACs: user + gateway + sensor | bits | of them to and from the sensor | user, µs | gateway, µs | sensor, µs |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    let mut full = of_the_paper(paper::Variant::Full);
    let mut lean = of_the_paper(paper::Variant::Lean);
    assert_eq!((full.computed, full.bytes * 8), ([8, 11, 6], 1_600), "the paper's figures");
    assert_eq!(lean.computed, [8, 9, 4]);
    full.row("the paper's, reconstructed (hashes)", clock);
    lean.row("its lean variant (hashes)", clock);
    let (mut cost, mut frames) = ours(false);
    let macs = cost.computed[2];
    cost.row("ours (MACs)", clock);
    frames.row("ours: the confirmation and the first reading", clock);
    let (mut cost, mut frames) = ours(true);
    cost.row("ours, with an end-to-end key", clock);
    frames.row("ours, with an end-to-end key: the confirmation and the first reading", clock);

    // What a paper's table would say of ours.
    let [hash, multiplication] = CITED;
    let hashes = |count: u32| f64::from(count) * hash;
    println!();
    println!(
        "By the times that the paper cites, {hash} ms a hash and {multiplication} ms a multiplication of a point:"
    );
    for (name, computed) in [("the paper's", full.computed), ("its lean variant", lean.computed)] {
        let all = hashes(computed.iter().sum());
        println!("{name}: {all} ms, of them {} ms at the sensor", hashes(computed[2]));
    }
    println!(
        "ours: {} ms at the sensor, a MAC being two hashes; {:.1} ms for user and gateway each, in {MULTIPLICATIONS} multiplications alone",
        hashes(2 * macs),
        f64::from(MULTIPLICATIONS) * multiplication
    );
}
