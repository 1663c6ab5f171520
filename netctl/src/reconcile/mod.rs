//! Declared state: what a file says there shall be, against what there is, and the steps between.
//!
//! `file` reads the declaration, `declaration` is one switch of it, `compare` finds what differs, `apply` does it or
//! leaves all as it was, `down` takes all of it back. What each step does is known in `network`; that a change was begun
//! and not ended is seen from the labels and names of the containers, so no journal of its own is needed.

mod declaration;
mod file;

pub use declaration::{Change, Declaration};
pub use file::{File, FileError};
