//! `switch-node health`: asks `/livez` of the switch beside this.

use std::net::SocketAddr;

use thiserror::Error;

use crate::client::{self, ClientError};
use crate::config::Secret;

/// Why the switch beside this does not count as alive.
#[derive(Debug, Error)]
pub enum Unhealthy {
    /// It was not asked, or did not answer.
    #[error(transparent)]
    Unanswered(#[from] ClientError),
    /// It answered something else than 200.
    #[error("the switch at {at} says: {answer}")]
    Dead {
        /// Where it was asked.
        at: SocketAddr,
        /// The first line and the body of the answer.
        answer: String,
    },
}

/// Asks the switch whose `http.listen` is this. One that drains is well.
///
/// # Errors
/// [`Unhealthy`].
pub fn ask(listen: SocketAddr) -> Result<(), Unhealthy> {
    let answer = client::ask(listen, &Secret::default(), "GET /livez")?;
    if answer.status() == 200 {
        return Ok(());
    }
    Err(Unhealthy::Dead { at: answer.at, answer: format!("{} {}", answer.line, answer.body) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::tests::serve;

    #[test]
    fn alive_dead_and_silent_are_told_apart() {
        assert!(ask(serve("HTTP/1.1 200 OK\r\n\r\n{}").0).is_ok());
        let dead = ask(serve("HTTP/1.1 503 Service Unavailable\r\n\r\n{\"live\":false}").0).unwrap_err();
        assert!(
            dead.to_string().ends_with("says: HTTP/1.1 503 Service Unavailable {\"live\":false}"),
            "{dead}"
        );
        assert!(matches!(ask(serve("").0), Err(Unhealthy::Dead { .. })));
        // A port that was free is somebody's a moment later; this one nobody has.
        let closed = "127.0.0.1:1".parse().unwrap();
        assert!(matches!(ask(closed), Err(Unhealthy::Unanswered(ClientError::Silent { .. }))));
    }
}
