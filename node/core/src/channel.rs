//! One call leg's facts: its state, its caller, its variables. Reached only through its session.

use std::net::IpAddr;
use std::time::Duration;

use tokio::time::Instant;

use crate::cause::Cause;
use crate::id::SessionId;
use crate::state::{IllegalTransition, State, Step};
use crate::variables::Variables;
pub use crate::variables::{MAX_VARIABLE_NAME, MAX_VARIABLE_VALUE, MAX_VARIABLES, VariableError};

/// Who began the leg.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ChannelDirection {
    /// The peer called us.
    Inbound,
    /// We called the peer.
    Outbound,
}

impl ChannelDirection {
    /// `inbound` or `outbound`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
        }
    }
}

/// Who calls whom, and which dialplan decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallerProfile {
    /// Caller's number.
    pub caller_id_number: String,
    /// Caller's display name; may be empty.
    pub caller_id_name: String,
    /// What was dialled.
    pub destination_number: String,
    /// Address the call came from, as the network says.
    pub network_addr: Option<IpAddr>,
    /// Dialplans to ask, in order.
    pub dialplan: Vec<String>,
    /// Dialplan context.
    pub context: String,
}

/// When things happened to a channel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Times {
    /// The channel was made.
    pub created: Instant,
    /// An outbound call was sent out.
    pub placed: Option<Instant>,
    /// First ringing or early media.
    pub progress: Option<Instant>,
    /// Answered.
    pub answered: Option<Instant>,
    /// Hung up.
    pub hung_up: Option<Instant>,
}

impl Times {
    /// From the answer to the hang-up, or to `now`; zero when never answered.
    pub fn talk(&self, now: Instant) -> Duration {
        self.answered.map_or(Duration::ZERO, |answered| self.hung_up.unwrap_or(now) - answered)
    }

    /// From the call's being taken or sent to its answer; none before that.
    pub fn setup(&self) -> Option<Duration> {
        Some(self.answered? - self.placed.unwrap_or(self.created))
    }

    /// From creation to the hang-up, or to `now`.
    pub fn total(&self, now: Instant) -> Duration {
        self.hung_up.unwrap_or(now) - self.created
    }
}

/// How the other side's protocol put the end of a leg, for another leg of the same protocol to repeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProtocolStatus {
    /// For instance 486.
    pub code: u16,
    /// For instance `Busy Here`.
    pub phrase: String,
}

/// One call leg.
#[derive(Debug)]
pub struct Channel {
    id: SessionId,
    name: String,
    direction: ChannelDirection,
    profile: CallerProfile,
    state: State,
    running_state: State,
    variables: Variables,
    times: Times,
    cause: Option<Cause>,
    protocol_status: Option<ProtocolStatus>,
}

impl Channel {
    pub(crate) fn new(
        id: SessionId,
        name: String,
        direction: ChannelDirection,
        profile: CallerProfile,
    ) -> Self {
        Self {
            id,
            name,
            direction,
            profile,
            state: State::New,
            running_state: State::None,
            variables: Variables::default(),
            times: Times {
                created: Instant::now(),
                placed: None,
                progress: None,
                answered: None,
                hung_up: None,
            },
            cause: None,
            protocol_status: None,
        }
    }

    /// The session's id, which is the channel's too.
    pub fn id(&self) -> SessionId {
        self.id
    }

    /// Endpoint and party, for instance `sofia/internal/1001@10.0.0.5`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Another party has the leg now.
    pub fn set_name(&mut self, name: String) {
        self.name = name;
    }

    /// Who began it.
    pub fn direction(&self) -> ChannelDirection {
        self.direction
    }

    /// Who calls whom.
    pub fn profile(&self) -> &CallerProfile {
        &self.profile
    }

    /// Changes who calls whom: a transfer does.
    pub fn profile_mut(&mut self) -> &mut CallerProfile {
        &mut self.profile
    }

    /// The state that was set.
    pub fn state(&self) -> State {
        self.state
    }

    /// The state whose handlers ran last; behind [`Self::state`] until the session's task comes to it.
    pub fn running_state(&self) -> State {
        self.running_state
    }

    pub(crate) fn set_running_state(&mut self, state: State) {
        self.running_state = state;
    }

    /// Asks for a state. A state the channel has, and one before hanging up once that began, change nothing.
    ///
    /// # Errors
    /// [`IllegalTransition`] names both states.
    pub fn set_state(&mut self, to: State) -> Result<Step, IllegalTransition> {
        let step = self.state.step(to)?;
        if step == Step::Taken {
            tracing::debug!(from = %self.state, %to, "state");
            self.state = to;
        }
        Ok(step)
    }

    /// Ends the call: the only way to [`State::Hangup`]. The first cause stays. Returns whether this was it.
    pub fn hang_up(&mut self, cause: Cause) -> bool {
        if self.state.is_ending() {
            return false;
        }
        tracing::debug!(from = %self.state, %cause, "hang up");
        self.cause = Some(cause);
        self.times.hung_up = Some(Instant::now());
        self.state = State::Hangup;
        true
    }

    /// Why it was hung up; none while it is up.
    pub fn cause(&self) -> Option<Cause> {
        self.cause
    }

    /// How the protocol put the end, where it did.
    pub fn protocol_status(&self) -> Option<&ProtocolStatus> {
        self.protocol_status.as_ref()
    }

    /// Keeps how the protocol put the end.
    pub fn set_protocol_status(&mut self, status: ProtocolStatus) {
        self.protocol_status = Some(status);
    }

    /// When things happened.
    pub fn times(&self) -> &Times {
        &self.times
    }

    /// The call was sent to its callee. The first time counts.
    pub fn mark_placed(&mut self) {
        self.times.placed.get_or_insert_with(Instant::now);
    }

    /// The peer rings or hears early media. The first time counts.
    pub fn mark_progress(&mut self) {
        self.times.progress.get_or_insert_with(Instant::now);
    }

    /// The call is answered. The first time counts.
    pub fn mark_answered(&mut self) {
        self.times.answered.get_or_insert_with(Instant::now);
    }

    /// Whether the call was answered.
    pub fn is_answered(&self) -> bool {
        self.times.answered.is_some()
    }

    /// A variable's value.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.variables.value(name)
    }

    /// Sets a variable; an empty value removes it, as FreeSWITCH does.
    ///
    /// # Errors
    /// [`VariableError`] when a bound is passed; nothing changes then.
    pub fn set_variable(&mut self, name: &str, value: &str) -> Result<(), VariableError> {
        self.variables.set(name, value)
    }

    /// Every variable, by name.
    pub fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables.iter()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn profile(destination: &str) -> CallerProfile {
        CallerProfile {
            caller_id_number: "1000".into(),
            caller_id_name: String::new(),
            destination_number: destination.into(),
            network_addr: None,
            dialplan: vec!["test".into()],
            context: "default".into(),
        }
    }

    fn channel() -> Channel {
        Channel::new(SessionId::random(), "test/1".into(), ChannelDirection::Inbound, profile("9196"))
    }

    #[tokio::test]
    async fn the_first_cause_stays() {
        let mut channel = channel();
        assert!(channel.hang_up(Cause::UserBusy));
        assert!(!channel.hang_up(Cause::NormalClearing));
        assert_eq!(channel.cause(), Some(Cause::UserBusy));
        assert_eq!(channel.set_state(State::Routing), Ok(Step::Ignored));
        assert_eq!(channel.state(), State::Hangup);
    }

    #[tokio::test]
    async fn hangup_cannot_be_set_without_a_cause() {
        let mut channel = channel();
        let error = channel.set_state(State::Hangup).unwrap_err();
        assert_eq!(error.to_string(), "a channel cannot go from CS_NEW to CS_HANGUP");
        assert_eq!(channel.state(), State::New);
    }
}
