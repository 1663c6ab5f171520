//! Sessions alive: fake legs, applications made of closures, and a clock that stands still.

mod applications;
mod commands;
mod ending;
mod handlers;
mod peers;
mod property;
mod quality;

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use crate::application::{Application, Call, CallEvent, Interrupted, Outcome, Running};
use crate::cause::Cause;
use crate::channel::Channel;
use crate::dialplan::{Action, Dialplan, Extension};
use crate::endpoint::Originate;
use crate::flow::Flow;
use crate::module::{Interfaces, Module, ModuleError};
use crate::session::{Session, StateHandler};
use crate::state::State;
use crate::switch::{Switch, SwitchConfig};
use crate::task::SessionTask;
use crate::testing::{Line, Lines, profile};

/// A switch with fake legs, the applications of [`apps`], and a dialplan that takes what was dialled for
/// what to do: `sleep 5|echo` runs two applications.
struct House {
    switch: Arc<Switch>,
    lines: Lines,
    log: Log,
    /// The line whose record the global handlers write to.
    noted: Arc<OnceLock<Arc<Line>>>,
}

/// What applications met.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn write(&self, text: impl Into<String>) {
        self.0.lock().unwrap().push(text.into());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl House {
    fn new() -> Self {
        Self::with(SwitchConfig::default(), Vec::new())
    }

    fn with(config: SwitchConfig, handlers: Vec<Noting>) -> Self {
        let (lines, log) = (Lines::default(), Log::default());
        let noted = Arc::new(OnceLock::new());
        let switch = Switch::new(config);
        let handlers = handlers.into_iter().map(|noting| noting.writing(&noted)).collect();
        let contents = Contents { lines: lines.clone(), log: log.clone(), handlers };
        switch.load(&contents).unwrap();
        Self { switch, lines, log, noted }
    }

    /// An inbound call, not yet started.
    fn dialled(&self, actions: &str) -> (SessionTask, Arc<Line>) {
        let permit = self.switch.gate().admit([127, 0, 0, 1].into()).unwrap();
        let (session, line) = self.lines.inbound(&self.switch, profile(actions, &["test"]), Some(permit));
        // The first call's line.
        _ = self.noted.set(Arc::clone(&line));
        (session, line)
    }

    /// An inbound call that came to rest.
    async fn call(&self, actions: &str) -> Arc<Line> {
        let (session, line) = self.dialled(actions);
        tokio::spawn(session.run());
        settle().await;
        line
    }

    /// The leg that was placed last.
    fn placed(&self) -> Arc<Line> {
        Arc::clone(&self.lines.placed().last().expect("a leg was placed").1)
    }

    /// Of both directions together.
    fn ended(&self) -> Vec<(Cause, u64)> {
        let mut all: Vec<(Cause, u64)> = Vec::new();
        for (_, cause, count) in self.switch.counters().ended() {
            match all.last_mut() {
                Some((last, so_far)) if *last == cause => *so_far += count,
                _ => all.push((cause, count)),
            }
        }
        all
    }

    fn panics(&self) -> u64 {
        self.switch.counters().application_panics.load(Ordering::Relaxed)
    }

    /// Everything that was taken was given back.
    fn assert_empty(&self) {
        assert!(self.switch.sessions().is_empty());
        assert_eq!(self.switch.counters().sessions.load(Ordering::Relaxed), 0);
        assert_eq!(self.switch.gate().calls(), 0);
        assert_eq!(self.lines.held(), (0, 0), "endpoints and streams that are held still");
    }
}

/// Lets every task come to rest; takes a millisecond of the paused clock.
async fn settle() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

/// The same where something is never at rest; the clock stands.
async fn turns() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

/// A handler that leaves a remark, and does in one state what the test wants.
struct Noting {
    name: &'static str,
    at: State,
    does: Does,
    line: Arc<OnceLock<Arc<Line>>>,
}

#[derive(Clone, Copy, Debug)]
enum Does {
    Nothing,
    Veto,
    Set(State),
    Panic,
}

impl Noting {
    fn new(name: &'static str, at: State, does: Does) -> Self {
        Self { name, at, does, line: Arc::default() }
    }

    fn writing(mut self, line: &Arc<OnceLock<Arc<Line>>>) -> Arc<dyn StateHandler> {
        self.line = Arc::clone(line);
        Arc::new(self)
    }
}

impl StateHandler for Noting {
    fn on_state(&self, session: &mut Session, state: State) -> Flow {
        if let Some(line) = self.line.get() {
            line.note(&format!("{} {state}", self.name));
        }
        match self.does {
            _ if state != self.at => {}
            Does::Nothing => {}
            Does::Veto => return Flow::Veto,
            Does::Set(to) => _ = session.channel_mut().set_state(to),
            Does::Panic => panic!("the test wants a panic in a handler"),
        }
        Flow::Continue
    }
}

struct Contents {
    lines: Lines,
    log: Log,
    handlers: Vec<Arc<dyn StateHandler>>,
}

impl Module for Contents {
    fn name(&self) -> &'static str {
        "mod_test"
    }

    fn load(&self, interfaces: &mut Interfaces) -> Result<(), ModuleError> {
        interfaces.endpoint(Arc::new(self.lines.clone()))?;
        interfaces.dialplan(Arc::new(Literal))?;
        self.handlers.iter().for_each(|handler| interfaces.handler(Arc::clone(handler)));
        apps(&self.log).into_iter().try_for_each(|app| interfaces.application(app))
    }
}

/// Runs what was dialled.
struct Literal;

impl Dialplan for Literal {
    fn name(&self) -> &str {
        "test"
    }

    fn route(&self, channel: &Channel) -> Option<Extension> {
        let dialled = &channel.profile().destination_number;
        let action = |text: &str| {
            let (application, data) = text.split_once(' ').unwrap_or((text, ""));
            Action::new(application, data)
        };
        let actions = dialled.split('|').map(action).collect();
        (dialled != "nowhere").then(|| Extension { name: dialled.clone(), actions })
    }
}

struct App<F>(&'static str, Log, F);

impl<F, R> Application for App<F>
where
    F: Fn(Call, String, Log) -> R + Send + Sync,
    R: Future<Output = Outcome> + Send + 'static,
{
    fn name(&self) -> &str {
        self.0
    }

    fn run(&self, call: Call, data: String) -> Running {
        Box::pin((self.2)(call, data, self.1.clone()))
    }
}

fn app<F, R>(name: &'static str, log: &Log, run: F) -> Arc<dyn Application>
where
    F: Fn(Call, String, Log) -> R + Send + Sync + 'static,
    R: Future<Output = Outcome> + Send + 'static,
{
    Arc::new(App(name, log.clone(), run))
}

fn apps(log: &Log) -> Vec<Arc<dyn Application>> {
    vec![
        app("done", log, async |_, data, log: Log| {
            log.write(format!("done {data}"));
            Ok(())
        }),
        // Waits, and writes down by what it was interrupted.
        app("wait", log, async |call: Call, data: String, log: Log| {
            let interrupted = interrupted(&call, &data).await;
            log.write(format!("{interrupted:?}"));
            Err(interrupted.into())
        }),
        // Writes down each event, and at the end by what it was interrupted.
        app("events", log, async |call: Call, _, log: Log| {
            loop {
                match call.event().await {
                    Ok(CallEvent::Media(event)) => log.write(format!("{event:?}")),
                    Ok(CallEvent::Peer(_, event)) => log.write(format!("peer {event:?}")),
                    Err(interrupted) => {
                        log.write(format!("{interrupted:?}"));
                        return Err(interrupted.into());
                    }
                }
            }
        }),
        // Places a leg and leaves it at that.
        app("forget", log, async |call: Call, data: String, _| {
            call.originate(order(&data)).await?;
            Ok(())
        }),
        // Places two.
        app("place_two", log, async |call: Call, data: String, _| {
            call.originate(order(&data)).await?;
            call.originate(order(&data)).await?;
            match call.until_interrupted().await? {}
        }),
        // Places a leg, then is like `events`.
        app("place", log, async |call: Call, data: String, log: Log| {
            call.originate(order(&data)).await?;
            loop {
                match call.event().await? {
                    CallEvent::Peer(_, event) => log.write(format!("peer {event:?}")),
                    CallEvent::Media(_) => {}
                }
            }
        }),
        app("answer", log, async |call: Call, _, _| call.answer().await),
        app("panic", log, async |_, _, _| panic!("the test wants a panic in an application")),
        app("panic_inside", log, async |call: Call, _, _| {
            Ok(call.with(|_| panic!("the test wants a panic in an operation")).await?)
        }),
        app("panic_late", log, async |call: Call, _, _| {
            _ = call.until_interrupted().await;
            panic!("the test wants a panic in the grace")
        }),
        // Hears nothing and nobody.
        app("stubborn", log, async |_, _, log: Log| {
            struct Dropped(Log);
            impl Drop for Dropped {
                fn drop(&mut self) {
                    self.0.write("dropped");
                }
            }
            let _dropped = Dropped(log);
            std::future::pending().await
        }),
        // Tries again whatever happens, without end.
        app("frantic", log, async |call: Call, _, _| {
            loop {
                _ = call.event().await;
            }
        }),
        app("sleep", log, async |call: Call, data: String, _| {
            Ok(call.sleep(Duration::from_millis(data.parse().unwrap())).await?)
        }),
    ]
}

fn order(target: &str) -> Originate {
    Originate {
        target: target.to_owned(),
        profile: profile(target, &["test"]),
        offer: None,
        beside: None,
        timeout: Duration::from_secs(60),
    }
}

/// Every way an operation can be pending, and what it returned.
async fn interrupted(call: &Call, operation: &str) -> Interrupted {
    match operation {
        "event" => call.event().await.unwrap_err(),
        "sleep" => call.sleep(Duration::from_secs(3600)).await.unwrap_err(),
        _ => call.until_interrupted().await.unwrap_err(),
    }
}
