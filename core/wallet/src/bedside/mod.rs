//! A nurse at a bed: a credential behind a password, and sessions with devices, by their gateway.
//!
//! What is kept, how, and what a lost tablet gives away, `badges` says; how a session is asked for over UDP, and lost datagrams
//! are sent again, `link`. What a screen shows of a session is `board`'s, and when it hides it, `lock`'s. The protocol is
//! `countersign-device`'s.

mod badges;
mod board;
mod devices;
mod link;
mod lock;

pub use badges::{BadgeError, Badges, Keeping, MIN_PASSWORD, Standing, TRIES};
pub use board::{Board, Latest, Requested, SHOWS_WITHIN};
pub use devices::BedsideDevices;
pub use link::{BedsideError, BedsideLink, BedsideSession};
pub use lock::{ScreenLock, UNTOUCHED, WrongPassword};
