//! A call of our own, so that the answer does not wait for somebody to call.

use std::net::IpAddr;
use std::time::Duration;

use switch_probe::{ProbeOptions, Report};

use crate::firewall::Family;
use crate::network::{self, Place};

/// Who calls.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Whom, for instance `sip:9196@192.0.2.1:5060`.
    pub target: String,
    /// By which family.
    pub family: Family,
    /// From which namespace.
    pub from: Place,
    /// The same in words.
    pub words: &'static str,
    /// By which address, where that is the caller's alone.
    pub address: Option<IpAddr>,
}

impl Caller {
    /// Calls, and says how it went.
    ///
    /// # Errors
    /// Why there was no call, in words.
    pub async fn call(&self, duration: Duration) -> Result<Report, String> {
        let options = ProbeOptions { duration, ..ProbeOptions::default() };
        network::call(&self.target, self.from, options).await.map_err(|error| words(&error))
    }
}

/// An error with its causes.
fn words(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            text.push_str(&format!(": {said}"));
        }
        cause = error.source();
    }
    text
}
