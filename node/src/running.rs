//! The running switch, as HTTP, metrics and the end see it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use switch_core::handle::Snapshot as Leg;
use switch_core::media::MediaPort;
use switch_core::{Cause, SessionId, Switch};
use switch_modules::dialplan::route;

use crate::config::{Origin, Problem};
use crate::drain::{Drain, Drainable, Status};
use crate::http::{
    self, CallView, DrainView, LegView, Liveness, MediaView, ProblemView, Readiness, RefusedView, ReloadView,
    SwitchView,
};
use crate::logging;
use crate::metrics::{Metrics, ProcessStats, Snapshot};
use crate::reload::{self, Reloaded, Reloader};
use crate::steps::chain;

/// Where the figures come from.
#[derive(Clone)]
pub struct Figures {
    /// The core.
    pub switch: Arc<Switch>,
    /// The routes.
    pub routes: Arc<route::Counters>,
    /// The SIP endpoint.
    pub sip: Arc<switch_endpoint::counters::Counters>,
    /// The media engine.
    pub media: Arc<switch_engine::Board>,
    /// The HTTP server.
    pub http: Arc<http::Counters>,
    /// When the process began its work.
    pub started: Instant,
    /// Set once everything stands.
    pub ready: Arc<AtomicBool>,
    /// On the way out, or not.
    pub drain: Arc<Drain<Arc<Switch>>>,
    /// What new configurations came to.
    pub reloads: Arc<reload::Counters>,
}

impl Figures {
    /// The figures of this moment.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            uptime: self.started.elapsed(),
            process: ProcessStats::read(),
            log_dropped_lines: logging::dropped_lines(),
            ready: self.readiness() == Readiness::Ready,
            drain: self.drain.status(),
            reloads: Arc::clone(&self.reloads),
            http_responses: self.http.responses(),
            http_refused: self.http.refused(),
            switch: Arc::clone(&self.switch),
            routes: Arc::clone(&self.routes),
            sip: Arc::clone(&self.sip),
            media: self.media.totals(),
        }
    }

    fn readiness(&self) -> Readiness {
        if self.switch.gate().is_draining() {
            Readiness::NotReady("draining")
        } else if self.ready.load(Ordering::Acquire) {
            Readiness::Ready
        } else {
            Readiness::NotReady("starting")
        }
    }
}

/// The running switch.
pub struct Running {
    figures: Figures,
    metrics: Metrics,
    liveness: Box<dyn Fn() -> Liveness + Send + Sync>,
    reloader: Arc<Reloader>,
}

impl Running {
    /// `liveness` says whether what carries calls still does.
    pub fn new(
        figures: Figures,
        reloader: Arc<Reloader>,
        liveness: impl Fn() -> Liveness + Send + Sync + 'static,
    ) -> Self {
        let source = figures.clone();
        let metrics = Metrics::new(move || source.snapshot());
        Self { figures, metrics, liveness: Box::new(liveness), reloader }
    }

    /// Everything stands: calls are taken.
    pub fn set_ready(&self) {
        self.figures.ready.store(true, Ordering::Release);
    }
}

impl SwitchView for Running {
    fn calls(&self) -> Vec<CallView> {
        let legs: Vec<Leg> =
            self.figures.switch.sessions().iter().map(|session| session.snapshot()).collect();
        group(legs).iter().map(|legs| call(legs)).collect()
    }

    fn hang_up(&self, id: &str) -> bool {
        let session = SessionId::parse(id).and_then(|id| self.figures.switch.find(id));
        session.is_some_and(|session| {
            session.hang_up(Cause::ManagerRequest);
            true
        })
    }

    fn drain(&self) -> DrainView {
        drain_view(self.figures.drain.status())
    }

    fn begin_drain(&self, deadline: Option<Duration>) -> DrainView {
        let deadline = deadline.unwrap_or_else(|| self.reloader.drain_deadline());
        drain_view(self.figures.drain.begin(deadline))
    }

    fn take_back_drain(&self) -> Option<DrainView> {
        self.figures.drain.take_back().ok().map(drain_view)
    }

    fn reload(&self) -> Result<ReloadView, RefusedView> {
        match self.reloader.reload() {
            Ok(Reloaded { changed, needs_restart }) => Ok(ReloadView { changed, needs_restart }),
            Err(error) => Err(RefusedView {
                error: chain(&error),
                problems: error.problems().iter().map(problem).collect(),
            }),
        }
    }

    fn readiness(&self) -> Readiness {
        self.figures.readiness()
    }

    fn liveness(&self) -> Liveness {
        (self.liveness)()
    }

    fn metrics(&self) -> Option<String> {
        self.metrics.text().inspect_err(|error| tracing::error!(%error, "cannot write the metrics")).ok()
    }
}

impl Drainable for Arc<Switch> {
    fn set_draining(&self, draining: bool) {
        self.gate().set_draining(draining);
    }

    fn calls(&self) -> usize {
        self.gate().calls()
    }

    async fn until_empty(&self) {
        Switch::until_empty(self).await;
    }

    fn end_calls(&self) {
        self.hang_up_all(Cause::SystemShutdown);
    }
}

fn drain_view(status: Status) -> DrainView {
    let Status { draining, leaving, calls, deadline, left } = status;
    let since_epoch =
        |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    DrainView {
        draining,
        leaving,
        calls,
        deadline: deadline.map(since_epoch),
        seconds_left: left.map(|left| left.as_secs_f64()),
    }
}

fn problem(problem: &Problem) -> ProblemView {
    let (mut file, mut line, mut column, mut variable) = (None, None, None, None);
    match &problem.at {
        Origin::File { file: path, line: l, column: c } => {
            (file, line, column) = (Some(path.display().to_string()), Some(*l), Some(*c));
        }
        Origin::Environment(name) => variable = Some(name.clone()),
        Origin::Default | Origin::Flag(_) => {}
    }
    ProblemView { key: problem.key.clone(), message: problem.message.clone(), file, line, column, variable }
}

/// Puts the legs that are joined together; first the oldest call, and in it the leg that began it.
fn group(mut legs: Vec<Leg>) -> Vec<Vec<Leg>> {
    legs.sort_by_key(|leg| (leg.created, leg.id));
    let mut calls: Vec<Vec<Leg>> = Vec::new();
    for leg in legs {
        let joined = |other: &Leg| other.peer == Some(leg.id) || leg.peer == Some(other.id);
        match calls.iter_mut().find(|call| call.iter().any(joined)) {
            Some(call) => call.push(leg),
            None => calls.push(vec![leg]),
        }
    }
    calls
}

fn call(legs: &[Leg]) -> CallView {
    let first = &legs[0];
    CallView {
        id: first.id.to_string(),
        caller: first.caller.clone(),
        destination: first.destination.clone(),
        age_seconds: since(first.created),
        answered_seconds: first.answered.map(since),
        legs: legs.iter().map(leg).collect(),
    }
}

fn leg(leg: &Leg) -> LegView {
    LegView {
        id: leg.id.to_string(),
        name: leg.name.clone(),
        direction: leg.direction.name(),
        state: leg.state.to_string(),
        application: leg.application.clone(),
        media: leg.media.as_deref().map(media),
    }
}

fn media(port: &dyn MediaPort) -> MediaView {
    let stats = port.stats();
    MediaView {
        local: port.local().to_string(),
        remote: stats.latched.map(|address| address.to_string()),
        received_packets: stats.received_packets,
        received_bytes: stats.received_bytes,
        sent_packets: stats.sent_packets,
        sent_bytes: stats.sent_bytes,
        lost_packets: stats.lost_packets,
        loss_ratio: stats.loss(),
        jitter_seconds: stats.jitter.as_secs_f64(),
        mos: stats.quality.map(|quality| quality.mos),
        remote_loss_ratio: stats.remote_loss,
        remote_jitter_seconds: stats.remote_jitter.as_ref().map(Duration::as_secs_f64),
        round_trip_seconds: stats.round_trip.as_ref().map(Duration::as_secs_f64),
        dropped_foreign_packets: stats.dropped_foreign,
        dropped_invalid_packets: stats.dropped_invalid,
        withheld_packets: stats.withheld_packets,
    }
}

/// Zero where the clock was set back.
fn since(time: SystemTime) -> f64 {
    time.elapsed().unwrap_or_default().as_secs_f64()
}

#[cfg(test)]
mod tests {
    use switch_core::{ChannelDirection, State};

    use crate::config::Config;

    use super::*;

    fn session(created: u64, id: SessionId, peer: Option<SessionId>) -> Leg {
        Leg {
            id,
            name: format!("sip/{created}"),
            direction: ChannelDirection::Inbound,
            state: State::Execute,
            caller: "1000".into(),
            destination: "2000".into(),
            application: "bridge".into(),
            peer,
            created: SystemTime::UNIX_EPOCH + Duration::from_secs(created),
            answered: None,
            media: None,
        }
    }

    #[test]
    fn joined_legs_are_one_call_and_its_first_leg_names_it() {
        let [a, b, c] = [(); 3].map(|()| SessionId::random());
        // The second leg knows its peer before the first does, or after.
        for (of_a, of_b) in [(Some(b), Some(a)), (None, Some(a)), (Some(b), None)] {
            let calls = group(vec![session(2, b, of_b), session(3, c, None), session(1, a, of_a)]);
            let ids: Vec<Vec<SessionId>> =
                calls.iter().map(|call| call.iter().map(|leg| leg.id).collect()).collect();
            assert_eq!(ids, [vec![a, b], vec![c]]);
        }
        assert_eq!(call(&[session(1, a, None)]).id, a.to_string());
    }

    #[test]
    fn an_empty_switch() {
        let switch = Switch::new(Default::default());
        let live = switch_endpoint::Live::new(crate::rooms::settings(&Config::default()));
        let rooms = reload::Rooms::of(&switch, &live);
        let reloader = Arc::new(Reloader::new(Default::default(), Config::default(), rooms));
        let figures = Figures {
            switch: Arc::clone(&switch),
            routes: Arc::default(),
            sip: Arc::default(),
            media: Arc::default(),
            http: Arc::default(),
            started: Instant::now(),
            ready: Arc::default(),
            drain: Arc::new(Drain::new(switch)),
            reloads: Arc::clone(reloader.counters()),
        };
        let running = Running::new(figures, reloader, || Liveness::Alive);
        assert_eq!(running.readiness(), Readiness::NotReady("starting"));
        running.set_ready();
        assert_eq!(running.readiness(), Readiness::Ready);
        assert!(SwitchView::calls(&running).is_empty());
        assert!(!running.hang_up("no id") && !running.hang_up(&SessionId::random().to_string()));
        // Unless somebody says otherwise, the deadline is the configured one.
        let view = running.begin_drain(None);
        assert!(view.seconds_left.is_some_and(|left| (7.0..=8.0).contains(&left)), "{view:?}");
        assert_eq!(running.readiness(), Readiness::NotReady("draining"));
        let text = SwitchView::metrics(&running).unwrap();
        assert!(text.contains("\nswitch_ready 0\n") && text.contains("\nswitch_draining 1\n"), "{text}");
        assert!(running.take_back_drain().is_some_and(|view| !view.draining && view.deadline.is_none()));
        let text = SwitchView::metrics(&running).unwrap();
        assert!(text.contains("\nswitch_drain_deadline_timestamp_seconds 0\n"), "{text}");
    }
}
