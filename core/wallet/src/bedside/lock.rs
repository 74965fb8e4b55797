//! A session's screen locks itself when nobody touches it, since tablets lie about; the password that signed in opens it again. It
//! is compared with a digest in memory that is gone with the session: no gateway is asked, and after the fifth wrong one the
//! session is to be ended.

use countersign_ledger::Hash;

use super::badges::TRIES;

/// How long a screen stays open that nobody touches, in milliseconds.
pub const UNTOUCHED: u64 = 120_000;

/// The lock of a session's screen. Moments are milliseconds of a clock that only goes on.
pub struct ScreenLock {
    digest: Hash,
    touched: u64,
    is_locked: bool,
    left: u8,
}

/// A password that does not open the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WrongPassword {
    /// How many tries are left; with none, the session is to be ended.
    pub left: u8,
}

impl ScreenLock {
    /// An open screen, that `password` opens again.
    pub fn new(password: &str, now: u64) -> Self {
        Self { digest: digest(password), touched: now, is_locked: false, left: TRIES }
    }

    /// Somebody touched the screen. One that is locked stays so.
    pub fn touch(&mut self, now: u64) {
        if !self.is_locked(now) {
            self.touched = now;
        }
    }

    /// Whether it is locked.
    pub const fn is_locked(&self, now: u64) -> bool {
        self.is_locked || now.saturating_sub(self.touched) >= UNTOUCHED
    }

    /// Locks it at once.
    pub const fn lock(&mut self) {
        self.is_locked = true;
    }

    /// Opens it.
    pub fn open(&mut self, password: &str, now: u64) -> Result<(), WrongPassword> {
        if self.left == 0 || digest(password) != self.digest {
            self.left = self.left.saturating_sub(1);
            return Err(WrongPassword { left: self.left });
        }
        (self.touched, self.is_locked, self.left) = (now, false, TRIES);
        Ok(())
    }
}

fn digest(password: &str) -> Hash {
    Hash::framed("countersign/bedside-lock/v1", &[password.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_locks_when_nobody_touches_it_and_stays_so_until_the_password_comes() {
        let mut lock = ScreenLock::new("246810", 0);
        lock.touch(UNTOUCHED - 1);
        assert!(!lock.is_locked(2 * UNTOUCHED - 2) && lock.is_locked(2 * UNTOUCHED - 1));
        lock.touch(2 * UNTOUCHED);
        assert!(lock.is_locked(2 * UNTOUCHED), "a touch does not open it");
        assert_eq!(lock.open("246810", 3 * UNTOUCHED), Ok(()));
        assert!(!lock.is_locked(3 * UNTOUCHED));
        lock.lock();
        assert!(lock.is_locked(3 * UNTOUCHED));
    }

    #[test]
    fn after_the_fifth_wrong_password_the_right_one_opens_nothing() {
        let mut lock = ScreenLock::new("246810", 0);
        assert_eq!(lock.open("111111", 0), Err(WrongPassword { left: 4 }));
        assert_eq!(lock.open("246810", 0), Ok(()), "which begins the count anew");
        for left in (0..TRIES).rev() {
            assert_eq!(lock.open("111111", 0), Err(WrongPassword { left }));
        }
        assert_eq!(lock.open("246810", 0), Err(WrongPassword { left: 0 }));
    }
}
