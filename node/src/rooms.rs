//! What each room of the house is told, made from the configuration. The only place that knows both.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use switch_core::limits::Limits;
use switch_core::switch::SwitchConfig;
use switch_endpoint::advertise::{Advertise, Advertisement};
use switch_endpoint::{EndpointConfig, Listen, SessionPolicy, Settings, Timers};
use switch_engine::EngineConfig;
use switch_modules::ModulesConfig;
use switch_modules::dialplan::route::{Counters, Route, Table, TemplateError};

use crate::config::{self, Config};

/// For the core.
pub fn core(config: &Config) -> SwitchConfig {
    let limits = &config.limits;
    let count = |count: u32| usize::try_from(count).unwrap_or(usize::MAX);
    SwitchConfig {
        limits: Limits {
            calls: count(limits.calls),
            calls_per_source: count(limits.calls_per_source),
            calls_per_second: count(limits.calls_per_second),
        },
        longest_call: Some(limits.duration.duration()),
    }
}

/// For the media plane.
pub fn engine(config: &Config) -> EngineConfig {
    let rtp = &config.rtp;
    EngineConfig {
        ports: rtp.ports.first()..=rtp.ports.last(),
        workers: rtp.workers.count(),
        grid: rtp.grid.duration().unwrap_or_default(),
        rest: rtp.rest.duration(),
        dscp: rtp.dscp.code(),
    }
}

/// For the SIP endpoint.
pub fn endpoint(config: &Config) -> EndpointConfig {
    let listen = config.sip.listen.iter().flat_map(|listen| {
        let tcp = listen.transport == config::Transport::Tcp;
        let any = listen.address.is_none();
        listen.sockets().into_iter().map(move |address| Listen {
            tcp,
            address,
            optional: any && address.is_ipv6(),
        })
    });
    EndpointConfig {
        listen: listen.collect(),
        timers: timers(config.sip.timer_t1.duration()),
        dscp: config.sip.dscp.code(),
        settings: settings(config),
    }
}

/// What of it may change while calls are up.
pub fn settings(config: &Config) -> Settings {
    let dialplans = config.builtin.numbers.then_some("numbers").into_iter().chain(["routes"]);
    Settings {
        advertise: advertise(&config.sip.advertise),
        trace: config.sip.trace,
        user_agent: config.sip.user_agent.clone(),
        tcp_idle: config.sip.tcp_idle.duration(),
        dialplans: dialplans.map(str::to_owned).collect(),
        session: SessionPolicy {
            interval: config.sip.session_expires.duration(),
            shortest: config.sip.min_session_expires.duration(),
        },
        silence: config.rtp.silence_timeout.duration(),
        silence_held: config.rtp.held_timeout.duration(),
        retry_after: config.drain.retry_after.duration(),
    }
}

/// T2 and T4 stay what they are to T1 (RFC 3261 table 4).
fn timers(t1: Duration) -> Timers {
    let usual = Timers::default();
    Timers { t1, t2: t1 * 8, t4: t1 * 10, trying: usual.trying.min(t1 / 2), ..usual }
}

fn advertise(told: &config::Advertise) -> Advertise {
    let entry = |network: IpNet, address: IpAddr| Advertisement { network, address };
    Advertise(match told {
        config::Advertise::Auto => Vec::new(),
        config::Advertise::Address(address) => {
            let everybody = match address {
                IpAddr::V4(_) => IpNet::V4(Ipv4Net::default()),
                IpAddr::V6(_) => IpNet::V6(Ipv6Net::default()),
            };
            vec![entry(everybody, *address)]
        }
        config::Advertise::Networks(told) => {
            told.iter().map(|told| entry(told.network, told.address)).collect()
        }
    })
}

/// For the modules.
///
/// # Errors
/// A route whose target names a group its pattern does not have; the configuration was checked for that.
pub fn modules(config: &Config, counters: Arc<Counters>) -> Result<ModulesConfig, TemplateError> {
    let routes = Table::new(routes(config)?);
    Ok(ModulesConfig { numbers: config.builtin.numbers, routes, counters })
}

/// Every route, in order.
///
/// # Errors
/// As [`modules`].
pub fn routes(config: &Config) -> Result<Vec<Route>, TemplateError> {
    config.route.iter().map(route).collect()
}

/// One route.
pub(crate) fn route(route: &config::Route) -> Result<Route, TemplateError> {
    let pattern = route.r#match.regex().clone();
    Route::new(pattern, route.bridge.as_str(), route.from.clone(), route.timeout.duration())
}

/// The modules there are to load, by name.
pub(crate) fn module_names(config: &Config) -> Vec<&'static str> {
    let told = ModulesConfig { numbers: config.builtin.numbers, ..ModulesConfig::default() };
    let modules = switch_modules::modules(told);
    std::iter::once(switch_endpoint::MODULE).chain(modules.iter().map(|module| module.name())).collect()
}
