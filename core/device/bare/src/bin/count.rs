//! Sessions on an emulated Cortex-M4: instructions, and the deepest stack, of each thing that a sensor does.
#![no_std]
#![no_main]

#[path = "../../../tests/device/nowhere.rs"]
mod nowhere;

use core::panic::PanicInfo;
use core::ptr::{read_volatile, write_volatile};

use cortex_m_rt::entry;
use cortex_m_semihosting::{debug, hprintln};
use countersign_device::{
    Float, Identity, Key, Leg, LegRow, Memory, Next, Ops, Reading, SILENCE, Scope, Sensor, UnixMillis,
    Uptime, Wanted,
};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::nowhere::Nowhere;

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    debug::exit(debug::EXIT_FAILURE);
    loop {}
}

/// QEMU with `-icount shift=0` lets a nanosecond pass for each instruction; the timer counts at 25 MHz.
const INSTRUCTIONS_A_TICK: u32 = 40;
const TIMER: [usize; 3] = [0xE000_E010, 0xE000_E014, 0xE000_E018];
/// From where on the stack's memory is painted.
const LOW: usize = 0x2000_1000;
const TOP: usize = 0x2040_0000;
const PAINT: u32 = 0xA5A5_A5A5;
/// What the painting function itself may be using.
const OWN: usize = 256;

#[inline(never)]
fn paint() -> usize {
    let here = 0u32;
    let mark = core::ptr::from_ref(&here) as usize;
    for at in (LOW..mark - OWN).step_by(4) {
        // SAFETY: memory between the statics and the stack, which nothing uses.
        unsafe { write_volatile(at as *mut u32, PAINT) };
    }
    mark
}

#[inline(never)]
fn deepest() -> usize {
    // SAFETY: memory that exists.
    (LOW..TOP).step_by(4).find(|at| unsafe { read_volatile(*at as *const u32) } != PAINT).unwrap_or(TOP)
}

/// Instructions and bytes of stack of one call.
fn measure<T>(name: &str, call: impl FnOnce() -> T) -> T {
    let mark = paint();
    // SAFETY: the timer of the processor.
    let ticks = || unsafe { read_volatile(TIMER[2] as *const u32) };
    for (at, value) in [(TIMER[1], 0x00ff_ffff), (TIMER[2], 0), (TIMER[0], 5)] {
        // SAFETY: the timer of the processor.
        unsafe { write_volatile(at as *mut u32, value) };
    }
    let began = ticks();
    let done = call();
    let spent = began.wrapping_sub(ticks()) & 0x00ff_ffff;
    hprintln!(
        "{}: {} instructions, {} bytes of stack",
        name,
        spent * INSTRUCTIONS_A_TICK,
        mark.saturating_sub(deepest())
    );
    done
}

/// The user's end, from the documentation.
fn mac(key: &[u8; 32], label: &str, fields: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    for field in core::iter::once(&label.as_bytes()).chain(fields) {
        mac.update(&[field.len() as u8]);
        mac.update(field);
    }
    mac.finalize().into_bytes().into()
}

fn key(first: u8) -> Key {
    Key::new(core::array::from_fn(|at| first.wrapping_add((at * at) as u8)))
}

#[entry]
fn main() -> ! {
    let (sid, gateway) = ([1; 16], [2; 16]);
    let mut flash = Memory::blank();
    let identity = || Identity::new(sid, gateway, key(3), Ops::LOOKS).unwrap();
    let mut sensor = Sensor::provision(identity(), 1, key(4), &mut flash).unwrap();
    let mut leg = Leg::boot(LegRow::new(sid, key(3), key(4)));
    let scope = Scope { role: 2, ops: Ops::LOOKS, ttl: 60, association: 1 };
    let mut now = 1_795_000_000_000;
    let mut ask = |leg: &mut Leg| {
        if leg.is_idle() {
            leg.want(Wanted { ticket: 1, n_u: [5; 16], scope, point: None }).unwrap();
        }
        now += SILENCE;
        match leg.next(UnixMillis(now), [6; 16], &mut Nowhere) {
            Ok(Next::Send(m2)) => m2,
            _ => panic!(),
        }
    };

    let m2 = ask(&mut leg);
    let mut forged = [0; 73];
    forged.copy_from_slice(m2.as_ref());
    forged[72] ^= 1;
    measure("a forged m2, one MAC", || {
        assert!(sensor.request(&forged, Uptime(1), [7; 16], &mut flash).is_err());
    });
    measure("m2 to m3 in step, four MACs", || {
        sensor.request(m2.as_ref(), Uptime(1), [7; 16], &mut flash).unwrap()
    });
    measure("an old m2, no MAC", || {
        assert!(sensor.request(m2.as_ref(), Uptime(1), [8; 16], &mut flash).is_err());
    });
    // The reply was lost.
    let m2 = ask(&mut leg);
    let m3 = measure("m2 to m3 when the gateway missed the reply, three MACs", || {
        sensor.request(m2.as_ref(), Uptime(1), [9; 16], &mut flash).unwrap()
    });
    leg.reply(m3.as_ref(), &mut Nowhere).unwrap();
    // The confirmation was lost: the gateway is ahead.
    let m2 = ask(&mut leg);
    let m3 = measure("m2 to m3 when the gateway is ahead, five MACs", || {
        sensor.request(m2.as_ref(), Uptime(1), [10; 16], &mut flash).unwrap()
    });
    let agreed = leg.reply(m3.as_ref(), &mut Nowhere).unwrap();
    let scope = agreed.scope.to_bytes();
    let down = mac(agreed.kappa.as_bytes(), "S003/data/down/1", &[&sid, &gateway, &scope]);
    let mut frame = [0; 24];
    (frame[0], frame[2]) = (4, 3);
    let tag = mac(&down, "S003/data/tag/1", &[&frame[..8], &[]]);
    frame[8..].copy_from_slice(&tag[..16]);
    measure("the confirmation, three MACs", || sensor.frame(&frame, Uptime(1), &mut flash).unwrap());
    let reading = Reading { metric: 1, value: Float::NOT_A_NUMBER, unit: 0, status: 0, tick: 0 };
    measure("a reading, two MACs", || sensor.reading(&reading, Uptime(1)).unwrap());
    measure("switched on", || Sensor::boot(identity(), &mut flash).unwrap());
    hprintln!("a sensor that is switched on: {} bytes", size_of::<Sensor>());
    debug::exit(debug::EXIT_SUCCESS);
    loop {}
}
