//! Declared state: what a file says there shall be, against what there is, and the steps between.
//!
//! `file` reads the declaration, `declaration` is one switch of it, `compare` finds what differs, `validate` looks through
//! all that is to be done, `apply` does it or leaves all as it was, `down` takes all of it back. What each step does is
//! known in `network`; that a change was begun and not ended is seen from the labels and names of the containers, so no
//! journal of its own is needed.

mod apply;
mod as_if;
mod compare;
mod declaration;
mod down;
mod error;
mod file;
mod show;
#[cfg(test)]
mod tests;
mod turn;
mod validate;
mod watch;

pub use apply::{Done, up};
pub use compare::{Action, Comparison, Item, Reason, Unfinished, compare};
pub use declaration::{Change, Declaration};
pub use down::{Downed, down};
pub use error::UpError;
pub use file::{File, FileError};
pub use turn::{Share, Turn};
pub use validate::validate;
pub use watch::{News, Watch, watch};
