//! Images: build, save, load, list.
//!
//! Speaks to Docker through [`crate::docker::Engine`] only.

mod archive;
mod build;
mod checksum;
mod context;
mod error;
mod ignore;
mod list;
mod load;
mod progress;
mod save;
mod steps;
#[cfg(test)]
mod tests;

pub use archive::ArchiveError;
pub use build::{Build, Built, build};
pub use error::ImageError;
pub use ignore::IgnoreError;
pub use list::{Images, list};
pub use load::{Loaded, load};
pub use save::{Saved, save};
