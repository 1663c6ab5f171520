//! The start and the end of the switch, in order: core, modules, HTTP, then calls until a signal.

use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use switch_core::Switch;
use switch_endpoint::SipEndpoint;
use switch_engine::Engine;

use crate::banner::{Banner, own_address};
use crate::config::Transport;
use crate::drain::{Drain, Ended, HangUps, Signals};
use crate::http::{Liveness, Server, Token};
use crate::limits::{Capacity, raise_open_files};
use crate::load::Loaded;
use crate::logging::{Guard, Level};
use crate::reload::{Reloader, Rooms, Source};
use crate::rooms;
use crate::running::{Figures, Running};
use crate::steps::{StartError, Steps};

/// A media worker works for microseconds at a time; one that is at it for this long will not come back.
const STUCK: Duration = Duration::from_secs(5);

/// Runs the switch until a signal has ended it.
///
/// # Errors
/// [`StartError`] where it cannot start.
pub fn run(
    loaded: &Loaded,
    source: Source,
    log: &Guard,
    level: Level,
    started: Instant,
) -> Result<Ended, StartError> {
    let steps = Steps::new(started);
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    let runtime = steps.step("runtime", || {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .max_blocking_threads(4)
            .thread_name("control")
            .enable_all()
            .build()
    })?;
    let ended = runtime.block_on(serve(loaded, source, log, level, &steps));
    // Whatever still runs belongs to no call.
    runtime.shutdown_background();
    ended
}

async fn serve(
    loaded: &Loaded,
    source: Source,
    log: &Guard,
    level: Level,
    steps: &Steps,
) -> Result<Ended, StartError> {
    let config = &loaded.config;
    let (mut signals, hang_ups) =
        steps.step("signals", || Ok::<_, std::io::Error>((Signals::new()?, HangUps::new()?)))?;
    let switch = steps.step("core", || {
        Capacity::of(raise_open_files(), config.rtp.ports).log();
        Ok::<_, StartError>(Switch::new(rooms::core(config)))
    })?;
    let routes = Arc::default();
    let told = steps.step("routes", || rooms::modules(config, Arc::clone(&routes)))?;
    let table = Arc::clone(&told.routes);
    let engine = steps.step("media", || Engine::start(rooms::engine(config)))?;
    let (mut endpoint, bound) = steps.step("sip", || {
        SipEndpoint::bind(rooms::endpoint(config), Arc::clone(&switch), Arc::clone(&engine))
    })?;
    let mut modules = switch_modules::modules(told);
    modules.insert(0, Box::new(endpoint.module()));
    let modules = steps.load(&switch, modules, &config.modules)?;

    let server = steps.step("http", || Server::bind(config.http.listen))?;
    let http = server.local_addr().unwrap_or(config.http.listen);
    let token = Token::new(&config.http);
    let rooms = Rooms {
        switch: Arc::clone(&switch),
        sip: Arc::clone(endpoint.live()),
        routes: table,
        level,
        token: Arc::clone(&token),
    };
    let reloader = Arc::new(Reloader::new(source, config.clone(), rooms));
    let drain = Arc::new(Drain::new(Arc::clone(&switch)));
    let figures = Figures {
        switch: Arc::clone(&switch),
        routes,
        sip: Arc::clone(endpoint.counters()),
        media: Arc::clone(engine.counters()),
        http: Arc::default(),
        started: Instant::now(),
        ready: Arc::default(),
        drain: Arc::clone(&drain),
        reloads: Arc::clone(reloader.counters()),
    };
    let counters = Arc::clone(&figures.http);
    let media = Arc::downgrade(&engine);
    let running = Arc::new(Running::new(figures, Arc::clone(&reloader), move || match media.upgrade() {
        Some(engine) if engine.longest_turn() > STUCK => {
            Liveness::Dead("a media worker does not come back from its work")
        }
        _ => Liveness::Alive,
    }));
    let serving = tokio::spawn(server.serve(Arc::clone(&running), token, counters));
    tracing::info!(%http, "HTTP is served");

    endpoint.serve(bound);
    let listeners: Vec<_> =
        endpoint.listening().iter().map(|&(name, address)| (transport(name), address)).collect();
    for (transport, address) in endpoint.listening() {
        tracing::info!(%transport, %address, "SIP is taken");
    }
    running.set_ready();
    steps.finish();
    greet(log, &listeners, config.builtin.numbers, http);

    let reloading = tokio::spawn(reload_at(hang_ups, Arc::clone(&reloader)));
    let ended = drain.until_ended(|| reloader.drain_deadline(), async || signals.next().await).await;
    reloading.abort();
    modules.shutdown();
    serving.abort();
    drop(endpoint);
    drop(engine);
    Ok(ended)
}

/// Reads the configuration anew at each SIGHUP.
async fn reload_at(mut hang_ups: HangUps, reloader: Arc<Reloader>) {
    loop {
        hang_ups.next().await;
        let reloader = Arc::clone(&reloader);
        // What came of it stands in the log.
        let _ = tokio::task::spawn_blocking(move || reloader.reload()).await;
    }
}

fn transport(name: &str) -> Transport {
    if name == "tcp" { Transport::Tcp } else { Transport::Udp }
}

/// Only on a terminal: what follows in a log is for machines.
fn greet(
    log: &Guard,
    listeners: &[(Transport, std::net::SocketAddr)],
    numbers: bool,
    http: std::net::SocketAddr,
) {
    let mut out = std::io::stdout();
    if !out.is_terminal() {
        return;
    }
    let program = std::env::args().next().unwrap_or_else(|| "switch-node".to_owned());
    let banner = Banner { program: &program, listeners, address: own_address(), numbers, http };
    log.flush();
    // A terminal that is gone is nobody to greet.
    let _ = out.write_all(banner.text().as_bytes());
}
