//! The transaction layer, seen from outside: two of them, virtual time, seeded loss.

mod pair;
mod timers;
mod together;
