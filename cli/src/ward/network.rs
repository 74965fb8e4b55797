//! A network that loses, repeats and reorders.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Result;
use getrandom::SysRng;
use getrandom::rand_core::{Rng as _, UnwrapErr};

/// Datagrams that may come again, of each way.
const REMEMBERED: usize = 32;
/// Of 100 datagrams, how many are overtaken by the next.
const OVERTAKEN: u64 = 10;
/// How long a relay waits for a datagram before it looks whether it is to stop.
const WAIT: Duration = Duration::from_millis(50);
/// Longest datagram.
const LONGEST: usize = 1_500;

/// How bad the network is. It can get quiet.
#[derive(Clone)]
pub struct Weather {
    loss: Arc<AtomicU8>,
    replay: Arc<AtomicU8>,
}

impl Weather {
    pub fn new(loss: u8, replay: u8) -> Self {
        Self { loss: Arc::new(AtomicU8::new(loss)), replay: Arc::new(AtomicU8::new(replay)) }
    }

    /// From now on nothing is lost.
    pub fn calm(&self) {
        self.loss.store(0, Ordering::Relaxed);
        self.replay.store(0, Ordering::Relaxed);
    }
}

/// One way of a datagram through the network.
pub struct Way {
    weather: Weather,
    random: UnwrapErr<SysRng>,
    before: Vec<Vec<u8>>,
    held: Option<Vec<u8>>,
}

impl Way {
    pub fn new(weather: &Weather) -> Self {
        Self { weather: weather.clone(), random: UnwrapErr(SysRng), before: Vec::new(), held: None }
    }

    /// What comes out at the other end when this goes in.
    pub fn carry(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        let loss = u64::from(self.weather.loss.load(Ordering::Relaxed));
        let replay = u64::from(self.weather.replay.load(Ordering::Relaxed));
        let mut out = Vec::new();
        let held = self.held.take();
        if self.of_hundred() >= loss {
            if loss > 0 && self.of_hundred() < OVERTAKEN {
                self.held = Some(bytes.to_vec());
            } else {
                out.push(bytes.to_vec());
            }
        }
        out.extend(held);
        if self.of_hundred() < replay
            && let Some(at) = self.random.next_u64().checked_rem(self.before.len() as u64)
        {
            out.extend(usize::try_from(at).ok().and_then(|at| self.before.get(at)).cloned());
        }
        if self.before.len() == REMEMBERED {
            self.before.remove(0);
        }
        self.before.push(bytes.to_vec());
        out
    }

    fn of_hundred(&mut self) -> u64 {
        self.random.next_u64() % 100
    }
}

/// A network between one tablet and the gateway.
pub struct Relay {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Relay {
    pub fn start(gateway: SocketAddr, weather: &Weather) -> Result<Self> {
        let (front, back) = (UdpSocket::bind("127.0.0.1:0")?, UdpSocket::bind("127.0.0.1:0")?);
        back.connect(gateway)?;
        for socket in [&front, &back] {
            socket.set_read_timeout(Some(WAIT))?;
        }
        let address = front.local_addr()?;
        let (front, back, stop) = (Arc::new(front), Arc::new(back), Arc::new(AtomicBool::new(false)));
        let tablet = Arc::new(std::sync::Mutex::new(None::<SocketAddr>));
        let mut threads = Vec::new();
        {
            let (front, back, stop, tablet) =
                (Arc::clone(&front), Arc::clone(&back), Arc::clone(&stop), Arc::clone(&tablet));
            let mut way = Way::new(weather);
            threads.push(thread(move || {
                let mut buffer = [0; LONGEST];
                while !stop.load(Ordering::Relaxed) {
                    let Ok((length, from)) = front.recv_from(&mut buffer) else { continue };
                    *tablet.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(from);
                    for bytes in way.carry(&buffer[..length]) {
                        // Lost, as datagrams are.
                        let _ = back.send(&bytes);
                    }
                }
            })?);
        }
        let (stopped, mut way) = (Arc::clone(&stop), Way::new(weather));
        threads.push(thread(move || {
            let mut buffer = [0; LONGEST];
            while !stopped.load(Ordering::Relaxed) {
                let Ok(length) = back.recv(&mut buffer) else { continue };
                let to = *tablet.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                for bytes in way.carry(&buffer[..length]) {
                    let _ = to.map(|to| front.send_to(&bytes, to));
                }
            }
        })?);
        Ok(Self { address, stop, threads })
    }

    /// Where the tablet finds the gateway.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // One that panicked carries nothing any more, either.
            let _ = thread.join();
        }
    }
}

/// A thread that needs little room: there are hundreds.
pub fn thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<JoinHandle<T>> {
    Ok(std::thread::Builder::new().stack_size(256 * 1024).spawn(work)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_calm_network_carries_everything_once_and_in_order() {
        let weather = Weather::new(50, 50);
        weather.calm();
        let mut way = Way::new(&weather);
        let sent: Vec<Vec<u8>> = (0..200_u8).map(|number| vec![number]).collect();
        let out: Vec<_> = sent.iter().flat_map(|bytes| way.carry(bytes)).collect();
        assert_eq!(out, sent);
    }

    #[test]
    fn a_bad_network_loses_repeats_and_reorders_about_as_often_as_it_is_told_to() {
        let mut way = Way::new(&Weather::new(30, 30));
        let (mut once, mut again, mut late) = (std::collections::BTreeSet::new(), 0, 0);
        let mut highest = 0;
        for number in 0..20_000_u32 {
            for bytes in way.carry(&number.to_be_bytes()) {
                let came = u32::from_be_bytes(bytes.try_into().unwrap());
                again += u32::from(!once.insert(came));
                late += u32::from(came < highest);
                highest = highest.max(came);
            }
        }
        let lost = 20_000 - once.len();
        // What is lost at first may come once, later: so fewer are lost for good than one of three.
        assert!((1_500..6_600).contains(&lost), "{lost}");
        assert!((2_000..6_500).contains(&again), "{again}");
        assert!(late > 1_000, "{late}");
    }
}
