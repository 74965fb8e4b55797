//! Devices at beds, each with a socket and a thread of its own, and one that was captured.

use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Result;
use countersign_bedside::{Bench, Response, SoftDevice};
use countersign_device::{Float, Heard, Id, Nonce, Reading, SensorRefusal, Uptime};

use super::network::{Way, Weather, thread};

/// How often a device that is signed in measures, and how long one waits that is not.
const MEASURES: Duration = Duration::from_millis(500);
const IDLE: Duration = Duration::from_secs(1);
/// How often a device says where it is.
const HERE: Duration = Duration::from_secs(3);

/// What a bed shows.
pub mod lamp {
    pub const IDLE: u8 = 0;
    pub const ASKED: u8 = 1;
    pub const SIGNED_IN: u8 = 2;
    pub const RETIRED: u8 = 3;
}

/// What all devices did.
#[derive(Default)]
pub struct Counts {
    /// MACs computed for messages of the gateway.
    pub macs: AtomicU64,
    /// Bytes of those messages and of the answers.
    pub bytes: AtomicU64,
    pub refused: Mutex<BTreeMap<&'static str, u64>>,
}

impl Counts {
    fn refuse(&self, refusal: SensorRefusal) {
        let name = match refusal {
            SensorRefusal::Old => "sensor:old",
            SensorRefusal::Tag => "sensor:tag",
            SensorRefusal::OutOfStep => "sensor:out-of-step",
            SensorRefusal::Scope => "sensor:scope",
            SensorRefusal::NoSession => "sensor:no-session",
            SensorRefusal::OtherSession => "sensor:other-session",
            SensorRefusal::Unconfirmed => "sensor:unconfirmed",
            SensorRefusal::Replayed => "sensor:replayed",
            SensorRefusal::NotPermitted => "sensor:not-permitted",
            _ => "sensor:malformed",
        };
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner).entry(name).or_default() += 1;
    }
}

/// A device at a bed.
pub struct Bed {
    pub sid: Id,
    pub lamp: Arc<AtomicU8>,
    device: Arc<Mutex<SoftDevice>>,
    thread: Option<JoinHandle<()>>,
}

/// Everything that a bed needs of the ward.
#[derive(Clone)]
pub struct Surroundings {
    pub gateway: SocketAddr,
    pub weather: Weather,
    pub counts: Arc<Counts>,
    pub stop: Arc<AtomicBool>,
    pub began: Instant,
}

impl Bed {
    pub fn start(bench: &Bench, around: &Surroundings) -> Result<Self> {
        let device = Arc::new(Mutex::new(SoftDevice::provision(bench)?));
        let lamp = Arc::new(AtomicU8::new(lamp::IDLE));
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.connect(around.gateway)?;
        let (own, around, shown) = (Arc::clone(&device), around.clone(), Arc::clone(&lamp));
        let thread = thread(move || serve(&socket, &own, &around, &shown))?;
        Ok(Self { sid: bench.sid, lamp, device, thread: Some(thread) })
    }

    /// A copy of the device, keys and all: it was taken apart in a car park.
    pub fn captured(&self) -> SoftDevice {
        self.device.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        self.thread.take().into_iter().for_each(|thread| drop(thread.join()));
    }
}

fn serve(socket: &UdpSocket, device: &Mutex<SoftDevice>, around: &Surroundings, lamp: &AtomicU8) {
    let (mut there, mut back) = (Way::new(&around.weather), Way::new(&around.weather));
    let mut buffer = [0; 1_500];
    let (mut told, mut measured) = (None::<Instant>, Instant::now());
    while !around.stop.load(Ordering::Relaxed) {
        if told.is_none_or(|told| told.elapsed() >= HERE) {
            told = Some(Instant::now());
            let here = device.lock().unwrap_or_else(PoisonError::into_inner).here();
            send(socket, &mut there, &here);
        }
        let signed_in = lamp.load(Ordering::Relaxed) == lamp::SIGNED_IN;
        let wait = if signed_in { MEASURES } else { IDLE };
        // safe: a longer wait is all that can come of it.
        let _ = socket.set_read_timeout(Some(wait));
        let came = socket.recv(&mut buffer).ok().map(|length| back.carry(&buffer[..length]));
        let mut device = device.lock().unwrap_or_else(PoisonError::into_inner);
        let now = uptime(around.began);
        for message in came.into_iter().flatten() {
            if let Some(answer) = hear(&mut device, &message, now, &around.counts, lamp) {
                send(socket, &mut there, &answer);
            }
        }
        if measured.elapsed() >= MEASURES {
            measured = Instant::now();
            match device.reading(&pulse(now), now) {
                Ok(reading) => send(socket, &mut there, &reading),
                Err(_) if lamp.load(Ordering::Relaxed) != lamp::RETIRED => {
                    lamp.store(lamp::IDLE, Ordering::Relaxed);
                }
                Err(_) => {}
            }
        }
    }
}

/// What a device answers at once.
fn hear(
    device: &mut SoftDevice,
    message: &[u8],
    now: Uptime,
    counts: &Counts,
    lamp: &AtomicU8,
) -> Option<Vec<u8>> {
    device.take_macs();
    let heard = device.hear(message, now, nonce());
    let is_request = message.first().is_some_and(|kind| kind & 0x0f == 2);
    if is_request {
        counts.macs.fetch_add(u64::from(device.take_macs()), Ordering::Relaxed);
        counts.bytes.fetch_add(message.len() as u64, Ordering::Relaxed);
    }
    match heard {
        Ok(Response::Answer(bytes)) => {
            counts.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
            lamp.store(lamp::ASKED, Ordering::Relaxed);
            Some(bytes)
        }
        Ok(Response::Heard(Heard::Confirmed)) => {
            lamp.store(lamp::SIGNED_IN, Ordering::Relaxed);
            device.reading(&pulse(now), now).ok()
        }
        Ok(Response::Heard(Heard::Command(_))) => device.reading(&pulse(now), now).ok(),
        Err(refusal) => {
            counts.refuse(refusal);
            // The user confirms again: the first reading did not come.
            let again = refusal == SensorRefusal::Replayed && message.len() == countersign_device::FRAME;
            again.then(|| device.reading(&pulse(now), now).ok())?
        }
    }
}

fn send(socket: &UdpSocket, way: &mut Way, bytes: &[u8]) {
    for bytes in way.carry(bytes) {
        // Lost, as datagrams are.
        let _ = socket.send(&bytes);
    }
}

pub fn uptime(began: Instant) -> Uptime {
    Uptime(u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX))
}

/// A pulse, of a patient who is well.
fn pulse(now: Uptime) -> Reading {
    let beats = 60 + i32::try_from(now.0 / 700 % 30).unwrap_or_default();
    let value = Float::new(beats, 0).unwrap_or(Float::NOT_A_NUMBER);
    Reading { metric: 147_842, value, unit: 2_720, status: 0, tick: now.tick() }
}

pub fn nonce() -> Nonce {
    let mut nonce = [0; 16];
    // safe: a device without randomness would repeat a nonce, which the gateway's own keeps apart.
    let _ = getrandom::fill(&mut nonce);
    nonce
}
