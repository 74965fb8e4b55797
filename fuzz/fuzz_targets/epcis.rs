//! A partner's EPCIS document, in JSON or in XML.
#![no_main]

use countersign_custody::{SubjectType, Profile, epcis};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for profile in Profile::all() {
        let read = epcis::read(profile, bytes, &mut |_, serial| serial.map(|_| "L1".to_owned()));
        for proposal in read.into_iter().flatten().flatten().flatten() {
            let step = profile.step(&proposal.kind).expect("a step of the profile");
            let level = SubjectType::of(&proposal.subject).expect("goods");
            assert!(step.subject.contains(&level));
            assert!(proposal.fields.iter().all(|(name, _)| name == "to" || step.fields.contains_key(name)));
            let _ = proposal.missing(profile);
        }
    }
});
