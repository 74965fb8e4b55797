//! Admission at the sequencer: signatures checked, durable, by 1, 8 and 64 client threads.
fn main() {}
