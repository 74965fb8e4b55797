//! Policies, filters, seats and states of trust domains from anybody: nothing panics, and what reads is written as it
//! was.
#![no_main]

use countersign_domains::{Group, Invalidation, Matter, Office, ParentFilter, Policy, Registration, Thread};
use countersign_ledger::{Hash, State};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(policy) = std::str::from_utf8(bytes).map_or(Err(()), |text| Policy::parse(text).map_err(|_| ())) {
        assert_eq!(Policy::parse(&policy.to_string()), Ok(policy));
    }
    if let Ok(filter) = ParentFilter::parse(bytes) {
        assert_eq!(filter.to_bytes(), bytes);
        filter.may_have(Hash([1; 32]), Hash::of(bytes));
    }
    if let Some(group) = Group::from_rows(bytes, 30) {
        assert_eq!(group.to_rows(), bytes);
        assert!((0..group.seats().len()).all(|seat| group.turn(seat, Hash::of(bytes)).is_some()));
    }
    let state = State(bytes.to_vec());
    if let Some(thread) = Thread::from_state(&state) {
        assert_eq!(Thread::from_state(&thread.to_state()), Some(thread));
    }
    matter::<Office>(&state);
    matter::<Registration>(&state);
    matter::<Invalidation>(&state);
});

fn matter<M: countersign_domains::Motion + PartialEq + std::fmt::Debug>(state: &State) {
    if let Some(matter) = Matter::<M>::from_state(state) {
        assert_eq!(Matter::from_state(&matter.to_state()), Some(matter));
    }
}
