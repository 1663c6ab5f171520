//! The transaction layer, seen from outside: two of them, virtual time, seeded loss.
// Helpers of tests are tests, which clippy does not see.
#![allow(clippy::unwrap_used)]

mod pair;
mod timers;
mod together;
