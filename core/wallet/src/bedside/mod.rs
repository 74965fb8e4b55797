//! A nurse at a bed: a credential behind a password, and sessions with devices, by their gateway.
//!
//! What is kept, how, and what a lost tablet gives away, `badges` says; how a session is asked for over UDP, and lost datagrams
//! are sent again, `link`. The protocol is `countersign-device`'s.

mod badges;
mod link;

pub use badges::{BadgeError, Badges, Keeping, MIN_PASSWORD, TRIES};
pub use link::{BedsideError, BedsideLink, BedsideSession};
