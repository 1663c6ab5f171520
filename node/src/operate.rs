//! `switch-node drain` and `switch-node reload`: what an operator asks of the running switch, in words.

use std::io::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use thiserror::Error;

use crate::cli;
use crate::client::{self, Answer, ClientError};
use crate::config::{Http, Span};

/// How often the calls that are left are asked for, and told.
const LOOK: Duration = Duration::from_secs(3);

/// Why it did not come to what was asked for.
#[derive(Debug, Error)]
pub enum OperateError {
    /// It was not asked, or did not answer.
    #[error(transparent)]
    Unanswered(#[from] ClientError),
    /// It answered that it does not.
    #[error("the switch at {at} says: {answer}")]
    Refused {
        /// Where it was asked.
        at: SocketAddr,
        /// In its own words.
        answer: String,
    },
    /// Somebody else had it take calls again.
    #[error("the drain was taken back: the switch takes calls")]
    TakenBack,
    /// Nobody reads what is told.
    #[error("cannot write to standard output")]
    Output(#[from] std::io::Error),
}

/// Drains the switch and waits for its last call, or does as else was typed.
///
/// # Errors
/// [`OperateError`].
pub fn drain(http: &Http, args: &cli::Drain) -> Result<(), OperateError> {
    if args.undo {
        object(ask(http, "DELETE /drain")?)?;
        return say("the switch takes calls again");
    }
    let query = args.deadline.map(|deadline| format!("?deadline={deadline}")).unwrap_or_default();
    let mut status = object(ask(http, &format!("POST /drain{query}"))?)?;
    loop {
        if status["draining"] != true {
            return Err(OperateError::TakenBack);
        }
        let calls = status["calls"].as_u64().unwrap_or(0);
        if calls == 0 {
            return say("drained: no call is left");
        }
        let left = Span::seconds(status["seconds_left"].as_f64().unwrap_or(0.0) as u64);
        say(&format!("draining: {calls} calls are left; in {left} they are ended"))?;
        if args.no_wait {
            return Ok(());
        }
        std::thread::sleep(LOOK);
        status = match ask(http, "GET /drain") {
            Ok(answer) => object(answer)?,
            // A signal reached it, and with its last call it ended.
            Err(ClientError::Silent { .. }) if status["leaving"] == true => {
                return say("drained: the switch has ended");
            }
            Err(error) => return Err(error.into()),
        };
    }
}

/// Has the switch read its configuration anew.
///
/// # Errors
/// [`OperateError`], with everything that is wrong with the configuration.
pub fn reload(http: &Http) -> Result<(), OperateError> {
    let done = object(ask(http, "POST /reload")?)?;
    let told = |list: &str, what: &str| -> Result<(), OperateError> {
        for change in done[list].as_array().into_iter().flatten() {
            let side = |side: &str| change[side].as_str().unwrap_or("nothing").to_owned();
            let key = change["key"].as_str().unwrap_or_default();
            say(&format!("{what}{key}: {} → {}", side("old"), side("new")))?;
        }
        Ok(())
    };
    told("changed", "")?;
    told("needs_restart", "needs a restart, left as it is: ")?;
    say("the configuration is in force")
}

fn ask(http: &Http, request: &str) -> Result<Answer, ClientError> {
    client::ask(http.listen, &http.token, request)
}

/// The JSON of an answer that is a success.
fn object(answer: Answer) -> Result<Value, OperateError> {
    let value: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    if (200..300).contains(&answer.status()) {
        return Ok(value);
    }
    let said =
        value["error"].as_str().map_or_else(|| format!("{} {}", answer.line, answer.body), str::to_owned);
    Err(OperateError::Refused { at: answer.at, answer: said })
}

fn say(line: &str) -> Result<(), OperateError> {
    let mut out = std::io::stdout();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}
