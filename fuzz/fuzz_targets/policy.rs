//! A policy as somebody wrote it: what is read is printed in one way, and read again the same.
#![no_main]

use countersign_abe::Policy;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(policy) = Policy::parse(text) {
        let again = Policy::parse(policy.as_str()).expect("the canonical text is a policy");
        assert_eq!(again.as_str(), policy.as_str());
        assert!(policy.is_satisfied_by(&policy.attributes()));
    }
});
