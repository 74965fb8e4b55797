//! The engine, the audits and the verdicts, over lots that are played with real keys.

mod audits;
mod faults;
mod play;
mod profiles;
mod totality;
mod verdicts;
