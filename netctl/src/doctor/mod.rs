//! `doctor`: what of this host and of its Docker keeps a switch from working, or will.
//!
//! `facts` is what is asked of the machine and of the daemon, behind a narrow trait; `local` is the real one. Each
//! file of checks (`kernel`, `settings`, `ports`, `daemon`) makes findings, of which each says how it is, how it should
//! be, why, and the command that mends it. Nothing is changed.

mod daemon;
mod error;
mod facts;
mod finding;
mod kernel;
mod local;
mod ports;
mod settings;
#[cfg(test)]
mod tests;

pub use error::DoctorError;
pub use facts::{Facts, Link, Patient, Question};
pub use finding::{Finding, Findings, Level};
pub use local::Local;

/// Looks at everything.
pub fn examine(facts: &impl Facts, question: &Question) -> Findings {
    let checks = [kernel::check, settings::check, ports::check, daemon::check];
    Findings(checks.into_iter().flat_map(|check| check(facts, question)).collect())
}
