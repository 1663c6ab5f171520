//! Publishing: a range of a container's ports at the host's address, by a constant number of rules.
//!
//! `request` is what is asked for, `resolve` finds what it comes to, `road` what stands in the way (`foreign` looks for
//! other firewalls), `foresee` looks at both before there is a container, `rules` says by which rules, `accept` what
//! Docker's own chains are told, `dockers` which of its own rules Docker has, `astray` what becomes of it when the host's
//! addresses change, `steps` makes the change with the `journal` written first. Docker, the kernel's rules and the rest of the machine stand behind traits.

mod accept;
mod astray;
mod count;
mod dockers;
mod error;
mod foreign;
mod foresee;
mod journal;
mod list;
mod local;
mod machine;
mod request;
mod resolve;
mod road;
mod rules;
mod steps;
#[cfg(test)]
mod tests;

pub use astray::Astray;
pub use count::{Counted, CountedRule, counted};
pub use dockers::{DockersRules, Keep, Kept};
pub use error::PublishError;
pub use foreign::{Obstacle, obstacles};
pub use foresee::{Foreseen, foresee};
pub use journal::{Journal, Phase, Record, StateDirectory};
pub use list::{Listed, Row, State, list};
pub use local::Local;
pub use machine::{LocalMachine, Machine, Namespace};
pub use request::{Path, Publication, Request, Via};
pub use road::{Finding, Findings};
pub use rules::{container_table, docker_rules, host_table, table_name};
pub use steps::{Outcome, Published, publish, unpublish};
