//! The transaction layer, seen from outside: two of them, virtual time, seeded loss.
// Helpers of tests are tests, which clippy does not see.
#![allow(clippy::unwrap_used)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod pair;
mod timers;
mod together;
