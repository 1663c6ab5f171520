//! A new configuration without a restart: the whole file and the environment are read anew, and all of it is
//! valid or nothing changes. Calls stay up. What only a start can take is named and left as it was.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use switch_core::Switch;
use switch_endpoint::Live;
use switch_modules::dialplan::route::{Table, TemplateError};
use thiserror::Error;

use crate::config::{self, Change, Config, ConfigError, LogFormat, Problem};
use crate::http::Token;
use crate::load::{self, Loaded};
use crate::logging::{Level, LevelError};
use crate::rooms;

/// The rooms that are told.
#[derive(Clone)]
pub struct Rooms {
    /// Limits.
    pub switch: Arc<Switch>,
    /// Whatever of SIP may change.
    pub sip: Arc<Live>,
    /// Routes.
    pub routes: Arc<Table>,
    /// The least level of the log.
    pub level: Level,
    /// Who may change something.
    pub token: Arc<Token>,
}

/// Where a configuration comes from.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// The file, if one was named.
    pub file: Option<PathBuf>,
    /// A flag that wins over it.
    pub log_format: Option<LogFormat>,
}

impl Source {
    /// Reads file and environment.
    ///
    /// # Errors
    /// [`ConfigError`], with everything that is wrong at once.
    pub fn load(&self) -> Result<Loaded, ConfigError> {
        let mut loaded = load::load(self.file.as_deref())?;
        if let Some(format) = self.log_format {
            loaded.set_log_format(format, "--log-format");
        }
        Ok(loaded)
    }
}

/// What a reload came to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Reloaded {
    /// In force now.
    pub changed: Vec<Change>,
    /// Left as it was until the next start.
    pub needs_restart: Vec<Change>,
}

/// Why nothing changed.
#[derive(Debug, Error)]
pub enum ReloadError {
    /// The file, or the environment.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A room would not have it, though it was checked.
    #[error(transparent)]
    Route(#[from] TemplateError),
    /// As above.
    #[error(transparent)]
    Level(#[from] LevelError),
}

impl ReloadError {
    /// What is wrong, each with its place.
    pub fn problems(&self) -> &[Problem] {
        match self {
            Self::Config(ConfigError::Wrong(problems)) => problems,
            _ => &[],
        }
    }
}

/// What the reloads came to.
#[derive(Debug, Default)]
pub struct Counters {
    ok: AtomicU64,
    refused: AtomicU64,
    last: Mutex<Option<(SystemTime, bool)>>,
}

impl Counters {
    /// Those that were taken.
    pub fn ok(&self) -> u64 {
        self.ok.load(Ordering::Relaxed)
    }

    /// Those that changed nothing.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// When the configuration was last read, the start included, and whether it was taken.
    pub fn last(&self) -> Option<(Duration, bool)> {
        let (at, ok) = (*self.last.lock().unwrap_or_else(PoisonError::into_inner))?;
        Some((at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default(), ok))
    }

    fn read(&self, ok: bool) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((SystemTime::now(), ok));
    }
}

/// Reads the configuration anew and tells the rooms.
pub struct Reloader {
    source: Source,
    rooms: Rooms,
    counters: Arc<Counters>,
    /// What is in force. Held while it changes: one reload at a time.
    running: Mutex<Config>,
}

impl Rooms {
    /// Those of a switch without SIP sockets, HTTP and log of its own, to tell `switch` alone. For tests.
    pub fn of(switch: &Arc<Switch>, sip: &Arc<Live>) -> Self {
        Self {
            switch: Arc::clone(switch),
            sip: Arc::clone(sip),
            routes: Arc::default(),
            level: Level::detached(),
            token: Token::new(&config::Http::default()),
        }
    }
}

impl Reloader {
    /// `running` is what the switch was started with.
    pub fn new(source: Source, running: Config, rooms: Rooms) -> Self {
        let counters = Arc::<Counters>::default();
        counters.read(true);
        Self { source, rooms, counters, running: Mutex::new(running) }
    }

    /// What the reloads came to.
    pub fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }

    /// How long a drain may take, unless it says otherwise.
    pub fn drain_deadline(&self) -> Duration {
        self.running().drain.deadline.duration()
    }

    /// Reads and changes. Blocks while files are read.
    ///
    /// # Errors
    /// [`ReloadError`]; nothing has changed then.
    pub fn reload(&self) -> Result<Reloaded, ReloadError> {
        let done = self.try_reload();
        self.counters.read(done.is_ok());
        match &done {
            Ok(reloaded) => {
                self.counters.ok.fetch_add(1, Ordering::Relaxed);
                log(reloaded);
            }
            Err(error) => {
                self.counters.refused.fetch_add(1, Ordering::Relaxed);
                let error = crate::steps::chain(error);
                tracing::error!(%error, "the new configuration is refused: nothing has changed");
            }
        }
        done
    }

    fn try_reload(&self) -> Result<Reloaded, ReloadError> {
        let mut running = self.running();
        let loaded = self.source.load()?;
        let next = config::keep(&running, &loaded.config);
        // What may still fail comes before the first change.
        let routes = rooms::routes(&next)?;
        self.rooms.level.set(&next.log.level)?;
        self.rooms.routes.replace(routes);
        self.rooms.switch.reconfigure(rooms::core(&next));
        self.rooms.sip.replace(rooms::settings(&next));
        self.rooms.token.replace(&next.http);
        for warning in &loaded.warnings {
            tracing::warn!("{warning}");
        }
        let reloaded = Reloaded {
            changed: config::changes(&running, &next),
            needs_restart: config::changes(&next, &loaded.config),
        };
        *running = next;
        Ok(reloaded)
    }

    fn running(&self) -> MutexGuard<'_, Config> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn log(Reloaded { changed, needs_restart }: &Reloaded) {
    let side = |side: &Option<String>| side.clone().unwrap_or_else(|| "nothing".to_owned());
    for Change { key, old, new } in changed {
        tracing::info!(key, old = side(old), new = side(new), "changed");
    }
    for Change { key, old, new } in needs_restart {
        tracing::warn!(key, old = side(old), new = side(new), "needs a restart: left as it is");
    }
    tracing::info!(
        changed = changed.len(),
        needs_restart = needs_restart.len(),
        "the configuration was read anew and is in force"
    );
}
