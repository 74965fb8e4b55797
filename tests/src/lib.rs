//! Whole-system tests. They stand in `tests/tests`, one file a theme; this crate has no code of its own.
