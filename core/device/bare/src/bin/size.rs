//! A whole sensor, with nothing to talk to: how large it is.
#![no_std]
#![no_main]

use core::panic::PanicInfo;
use core::ptr::{read_volatile, write_volatile};

use cortex_m_rt::entry;
use countersign_device::{Flash, FlashError, Identity, Key, Ops, RECORD, Reading, Sensor, Slot, Uptime};

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {}
}

/// Flash, radio and timer are somewhere on the bus; the compiler cannot know what they say.
const BUS: usize = 0x4000_0000;

struct Part;

impl Flash for Part {
    fn read(&mut self, slot: Slot) -> Result<[u8; RECORD], FlashError> {
        let from = (BUS + slot as usize * RECORD) as *const [u8; RECORD];
        // SAFETY: this is never run.
        Ok(unsafe { read_volatile(from) })
    }

    fn write(&mut self, slot: Slot, record: &[u8; RECORD]) -> Result<(), FlashError> {
        let to = (BUS + slot as usize * RECORD) as *mut [u8; RECORD];
        // SAFETY: this is never run.
        unsafe { write_volatile(to, *record) };
        Ok(())
    }

    fn erase(&mut self, slot: Slot) -> Result<(), FlashError> {
        self.write(slot, &[0; RECORD])
    }
}

fn take<T: Copy>() -> T {
    // SAFETY: this is never run.
    unsafe { read_volatile(BUS as *const T) }
}

fn send(bytes: &[u8]) {
    for byte in bytes {
        // SAFETY: this is never run.
        unsafe { write_volatile(BUS as *mut u8, *byte) };
    }
}

#[entry]
fn main() -> ! {
    let key = || Key::new(take());
    let Ok(identity) = Identity::new(take(), take(), key(), Ops::LOOKS) else { loop {} };
    let sensor = match take::<u8>() {
        0 => Sensor::boot(identity, &mut Part),
        _ => Sensor::provision(identity, take(), key(), &mut Part),
    };
    let Ok(mut sensor) = sensor else { loop {} };
    loop {
        let (message, now) = (take::<[u8; 128]>(), Uptime(take()));
        if let Ok(m3) = sensor.request(&message[..take::<usize>() % 128], now, take(), &mut Part) {
            send(m3.as_ref());
        } else if sensor.frame(&message[..take::<usize>() % 128], now, &mut Part).is_ok()
            && let Some(reading) = Reading::parse(&message[..16])
            && let Ok(frame) = sensor.reading(&reading, now)
        {
            send(frame.as_ref());
        }
        sensor.expire(now);
    }
}
