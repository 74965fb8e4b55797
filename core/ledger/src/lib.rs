//! Statements, the log, and what it takes to believe them.

mod hash;
mod time;

pub use hash::{Hash, NotAHash};
pub use time::UnixMillis;
