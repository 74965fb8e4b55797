//! A sensor on standard input and output, without the standard library and without a heap. Each message has its length in two
//! bytes in front; silence is a length of zero.
#![no_std]
#![no_main]

use core::panic::PanicInfo;

use countersign_device::{Float, Identity, Key, Memory, Ops, Reading, Sensor, Uptime};

#[link(name = "c")]
unsafe extern "C" {
    fn read(file: i32, buffer: *mut u8, length: usize) -> isize;
    fn write(file: i32, buffer: *const u8, length: usize) -> isize;
    fn abort() -> !;
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    // SAFETY: it takes nothing and never returns.
    unsafe { abort() }
}

fn receive(buffer: &mut [u8]) -> bool {
    let mut at = 0;
    while at < buffer.len() {
        let rest = &mut buffer[at..];
        // SAFETY: the pointer and the length are of one slice that is ours.
        match usize::try_from(unsafe { read(0, rest.as_mut_ptr(), rest.len()) }) {
            Ok(more) if more > 0 => at += more,
            _ => return false,
        }
    }
    true
}

fn send(bytes: &[u8]) {
    let length = (bytes.len() as u16).to_be_bytes();
    for part in [&length[..], bytes] {
        // SAFETY: the pointer and the length are of one slice.
        unsafe { write(1, part.as_ptr(), part.len()) };
    }
}

#[unsafe(no_mangle)]
extern "C" fn main() -> i32 {
    let (mut keys, mut flash) = ([0; 96], Memory::blank());
    if !receive(&mut keys) {
        return 2;
    }
    let key = |at: usize| Key::new(core::array::from_fn(|byte| keys[at + byte]));
    let name = |at: usize| core::array::from_fn(|byte| keys[at + byte]);
    let Ok(identity) = Identity::new(name(64), name(80), key(0), Ops::LOOKS) else { return 3 };
    let Ok(mut sensor) = Sensor::provision(identity, 1, key(32), &mut flash) else { return 4 };
    let (mut length, mut buffer, mut now) = ([0; 2], [0; 512], 0);
    while receive(&mut length) {
        now += 1;
        let length = usize::from(u16::from_be_bytes(length)).min(buffer.len());
        let message = &mut buffer[..length];
        if !receive(message) {
            return 5;
        }
        // What is not an m2 is a frame; a frame that is heard is answered by a reading. A real nonce comes from a generator.
        if let Ok(m3) = sensor.request(message, Uptime(now), [now as u8; 16], &mut flash) {
            send(m3.as_ref());
        } else if sensor.frame(message, Uptime(now), &mut flash).is_ok() {
            let reading = Reading {
                metric: 1,
                value: Float::NOT_A_NUMBER,
                unit: 2,
                status: 3,
                tick: Uptime(now).tick(),
            };
            send(sensor.reading(&reading, Uptime(now)).as_ref().map_or(&[], |frame| frame.as_ref()));
        } else {
            send(&[]);
        }
    }
    0
}
