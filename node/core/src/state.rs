//! The thirteen states of a channel and the one rule that says which may follow which.
//!
//! The names and the rule are FreeSWITCH's (`switch_channel_state_t`). The table is the only place that
//! knows them: the channel asks [`State::step`], the diagram in the docs is [`diagram`]'s output.

use std::fmt;

use thiserror::Error;

use State::{
    ConsumeMedia, Destroy, ExchangeMedia, Execute, Hangup, Hibernate, Init, New, None as NoState, Park,
    Reporting, Reset, Routing, SoftExecute,
};

/// Where a channel is in its life.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum State {
    /// Made, not yet set up by its endpoint.
    New,
    /// The endpoint sets it up.
    Init,
    /// The dialplan is asked what to do.
    Routing,
    /// Ready to execute applications that another party drives.
    SoftExecute,
    /// The applications of its extension run one after the other.
    Execute,
    /// Another session's media is joined to it.
    ExchangeMedia,
    /// Waits for commands.
    Park,
    /// What it receives is dropped while somebody decides.
    ConsumeMedia,
    /// Asleep: its endpoint keeps it, nothing runs.
    Hibernate,
    /// Between two lives: the extension is cleared.
    Reset,
    /// Ended with a cause; the endpoint says so to the peer.
    Hangup,
    /// Call records are written.
    Reporting,
    /// Everything it held is given back.
    Destroy,
    /// No state: what `running_state` is before the first. No channel enters it.
    None,
}

/// The states a channel can be in, in FreeSWITCH's order.
pub const STATES: [State; 13] = [
    New,
    Init,
    Routing,
    SoftExecute,
    Execute,
    ExchangeMedia,
    Park,
    ConsumeMedia,
    Hibernate,
    Reset,
    Hangup,
    Reporting,
    Destroy,
];

/// From where to where, written as the house's design states it.
const TABLE: [(&[State], &[State]); 6] = [
    (
        &[New, Reset],
        &[Init, Routing, SoftExecute, Execute, ExchangeMedia, Park, ConsumeMedia, Hibernate, Reset],
    ),
    (&[Init], &[ExchangeMedia, SoftExecute, Routing, Execute, Park, ConsumeMedia, Hibernate, Reset]),
    (
        &[Routing, Execute, ExchangeMedia, SoftExecute, Park, ConsumeMedia],
        &[Routing, Execute, ExchangeMedia, SoftExecute, Park, ConsumeMedia, Hibernate, Reset],
    ),
    (&[Hibernate], &[Init, Routing, Execute, ExchangeMedia, SoftExecute, Park, ConsumeMedia, Reset]),
    (&[Hangup], &[Reporting, Destroy]),
    (&[Reporting], &[Destroy]),
];

/// What asking for a state comes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// The channel takes the new state.
    Taken,
    /// It has this state already.
    Same,
    /// It is hanging up: a state before that is no longer of interest.
    Ignored,
}

/// A state was asked for that cannot follow.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error("a channel cannot go from {from} to {to}")]
pub struct IllegalTransition {
    /// Where the channel is.
    pub from: State,
    /// What was asked for.
    pub to: State,
}

impl State {
    /// Whether `to` may be set while in `self`, and what setting it means.
    ///
    /// [`State::Hangup`] is never set this way: a channel gets there by hanging up with a cause.
    ///
    /// # Errors
    /// [`IllegalTransition`] names both states.
    pub fn step(self, to: State) -> Result<Step, IllegalTransition> {
        if self == to {
            return Ok(Step::Same);
        }
        if TABLE.iter().any(|(from, next)| from.contains(&self) && next.contains(&to)) {
            return Ok(Step::Taken);
        }
        if self.is_ending() && to < Hangup {
            return Ok(Step::Ignored);
        }
        Err(IllegalTransition { from: self, to })
    }

    /// Whether the channel has been hung up.
    pub fn is_ending(self) -> bool {
        matches!(self, Hangup | Reporting | Destroy)
    }

    /// FreeSWITCH's name, `CS_…`.
    pub fn name(self) -> &'static str {
        match self {
            New => "CS_NEW",
            Init => "CS_INIT",
            Routing => "CS_ROUTING",
            SoftExecute => "CS_SOFT_EXECUTE",
            Execute => "CS_EXECUTE",
            ExchangeMedia => "CS_EXCHANGE_MEDIA",
            Park => "CS_PARK",
            ConsumeMedia => "CS_CONSUME_MEDIA",
            Hibernate => "CS_HIBERNATE",
            Reset => "CS_RESET",
            Hangup => "CS_HANGUP",
            Reporting => "CS_REPORTING",
            Destroy => "CS_DESTROY",
            NoState => "CS_NONE",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The table as a Mermaid state diagram; `docs/states.md` holds its output.
pub fn diagram() -> String {
    let mut text = String::from("stateDiagram-v2\n    [*] --> CS_NEW\n");
    for from in STATES {
        for to in STATES {
            if from.step(to) == Ok(Step::Taken) {
                text += &format!("    {from} --> {to}\n");
            }
        }
        if !from.is_ending() {
            text += &format!("    {from} --> {Hangup}: hang up\n");
        }
    }
    text + "    CS_DESTROY --> [*]\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written out by hand, not computed: row = from, column = to, both in the order of [`STATES`].
    /// `t` taken, `=` same, `.` ignored, `x` refused.
    const MATRIX: [&str; 13] = [
        //            NIRSEXPCHRHRD
        /* NEW     */ "=tttttttttxxx",
        /* INIT    */ "x=ttttttttxxx",
        /* ROUTING */ "xx=tttttttxxx",
        /* SOFT    */ "xxt=ttttttxxx",
        /* EXECUTE */ "xxtt=tttttxxx",
        /* EXCHANGE*/ "xxttt=ttttxxx",
        /* PARK    */ "xxtttt=tttxxx",
        /* CONSUME */ "xxttttt=ttxxx",
        /* HIBERN  */ "xttttttt=txxx",
        /* RESET   */ "xtttttttt=xxx",
        /* HANGUP  */ "..........=tt",
        /* REPORT  */ "..........x=t",
        /* DESTROY */ "..........xx=",
    ];

    #[test]
    fn every_pair_of_states_follows_the_matrix() {
        for (row, from) in MATRIX.iter().zip(STATES) {
            assert_eq!(row.len(), 13);
            for (expected, to) in row.chars().zip(STATES) {
                let actual = match from.step(to) {
                    Ok(Step::Taken) => 't',
                    Ok(Step::Same) => '=',
                    Ok(Step::Ignored) => '.',
                    Err(error) => {
                        assert_eq!((error.from, error.to), (from, to));
                        'x'
                    }
                };
                assert_eq!(actual, expected, "{from} to {to}");
            }
        }
    }

    #[test]
    fn no_channel_enters_none() {
        for from in STATES {
            assert!(from.step(NoState).is_err(), "{from}");
        }
    }

    #[test]
    fn the_diagram_in_the_docs_is_the_tables() {
        let page = include_str!("../../../docs/states.md");
        let expected = format!("```mermaid\n{}```\n", diagram());
        assert!(page.contains(&expected), "docs/states.md should contain:\n{expected}");
    }
}
