//! What no single key can tell: keys that contradict one another, values that cannot work, names and levels that
//! the rooms they are meant for do not know.

use std::time::Duration;

use super::Loaded;
use crate::config::{Problem, Span, SpanOrOff, Transport, did_you_mean, read_token};
use crate::{logging, rooms};

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) errors: Vec<Problem>,
    pub(super) warnings: Vec<Problem>,
}

/// Looks at the whole. Reads the token's file, if one is named. `routes_complete` says that no route was left
/// out for an error of its own, so that they may be counted.
pub(super) fn validate(loaded: &mut Loaded, routes_complete: bool) -> Findings {
    let mut findings = Findings::default();
    listeners(loaded, &mut findings);
    timers(loaded, &mut findings);
    media(loaded, &mut findings);
    limits(loaded, &mut findings);
    texts(loaded, &mut findings);
    modules(loaded, &mut findings);
    if routes_complete {
        routes(loaded, &mut findings);
    }
    token(loaded, &mut findings);
    findings
}

impl Findings {
    fn error(&mut self, loaded: &Loaded, key: &str, message: String) {
        self.errors.push(problem(loaded, key, message));
    }

    fn warn(&mut self, loaded: &Loaded, key: &str, message: String) {
        self.warnings.push(problem(loaded, key, message));
    }
}

fn problem(loaded: &Loaded, key: &str, message: String) -> Problem {
    Problem { at: loaded.origin(key).clone(), key: key.to_owned(), message }
}

fn listeners(loaded: &Loaded, findings: &mut Findings) {
    let config = &loaded.config;
    let listen = &config.sip.listen;
    if listen.is_empty() {
        findings.error(loaded, "sip.listen", "names no listener: no call could come in".to_owned());
    }
    for (index, one) in listen.iter().enumerate() {
        for other in listen[..index].iter().filter(|other| one.clashes(other)) {
            findings.error(loaded, "sip.listen", format!("{other} and {one} would bind the same port"));
        }
        if one.address.is_some_and(|address| address.is_multicast()) {
            findings.error(loaded, "sip.listen", format!("{one} is a multicast address"));
        }
        let http = config.http.listen;
        if one.transport == Transport::Tcp && one.port == http.port() && one.port != 0 {
            let covers = one.address.is_none_or(|address| {
                address == http.ip() || address.is_unspecified() || http.ip().is_unspecified()
            });
            if covers {
                findings.error(loaded, "http.listen", format!("{http} is taken by the SIP listener {one}"));
            }
        }
        if one.transport == Transport::Udp && config.rtp.ports.contains(one.port) {
            let ports = config.rtp.ports;
            let message =
                format!("the SIP listener {one} lies in the media range {ports}: media does without it");
            findings.warn(loaded, "rtp.ports", message);
        }
    }
}

fn timers(loaded: &Loaded, findings: &mut Findings) {
    let sip = &loaded.config.sip;
    let t1 = sip.timer_t1;
    if !(Span::millis(10)..=Span::seconds(10)).contains(&t1) {
        findings.error(loaded, "sip.timer_t1", format!("{t1} is not between 10ms and 10s"));
    }
    let idle = sip.tcp_idle;
    if !(Span::seconds(1)..=Span::seconds(86_400)).contains(&idle) {
        findings.error(loaded, "sip.tcp_idle", format!("{idle} is not between 1s and 1d"));
    }
    let least = sip.min_session_expires;
    if least < Span::seconds(1) {
        findings.error(loaded, "sip.min_session_expires", format!("{least} is shorter than 1s"));
    }
    if sip.session_expires.duration().is_some_and(|interval| interval < least.duration()) {
        let message = format!("{} is shorter than min_session_expires", sip.session_expires);
        findings.error(loaded, "sip.session_expires", message);
    }
}

fn media(loaded: &Loaded, findings: &mut Findings) {
    let rtp = &loaded.config.rtp;
    // Above this a frame of 20 ms would wait for the grid longer than it lasts.
    let coarsest = Duration::from_millis(20);
    match rtp.grid.duration() {
        Some(Duration::ZERO) => findings.error(loaded, "rtp.grid", "is no length: write \"off\"".to_owned()),
        Some(grid) if grid > coarsest => {
            findings.error(loaded, "rtp.grid", "is longer than 20ms, the length of a packet".to_owned());
        }
        _ => {}
    }
    let least = Duration::from_secs(1);
    let too_short = |timeout: SpanOrOff| timeout.duration().is_some_and(|timeout| timeout < least);
    for (key, timeout) in
        [("rtp.silence_timeout", rtp.silence_timeout), ("rtp.held_timeout", rtp.held_timeout)]
    {
        if too_short(timeout) {
            let message = "is below 1s: a call would not outlast a hiccup; \"off\" turns it off".to_owned();
            findings.error(loaded, key, message);
        }
    }
    if rtp.rest.duration() > Duration::from_secs(600) {
        findings.error(loaded, "rtp.rest", "is longer than 10m: the range would run dry".to_owned());
    }
}

fn limits(loaded: &Loaded, findings: &mut Findings) {
    let config = &loaded.config;
    let limits = &config.limits;
    let counts = [
        ("limits.calls", limits.calls),
        ("limits.calls_per_source", limits.calls_per_source),
        ("limits.calls_per_second", limits.calls_per_second),
    ];
    for (key, count) in counts {
        if count == 0 {
            findings.error(loaded, key, "is 0: no call would be taken".to_owned());
        }
    }
    if limits.duration.duration() < Duration::from_secs(1) {
        findings.error(loaded, "limits.duration", "is below 1s: no call could be held".to_owned());
    }
    let carried = config.rtp.ports.pairs() / 2;
    if limits.calls > carried {
        let ports = config.rtp.ports;
        let message =
            format!("of {} calls the media range {ports} carries {carried} bridged ones", limits.calls);
        findings.warn(loaded, "limits.calls", message);
    }
    if !(Span::seconds(1)..=Span::seconds(86_400)).contains(&config.drain.retry_after) {
        let message = format!("{} is not between 1s and 1d", config.drain.retry_after);
        findings.error(loaded, "drain.retry_after", message);
    }
    let docker_kills = Duration::from_secs(10);
    // Kubernetes tells each container the one, systemd each service the other; how long they wait stands in pod and unit.
    let is_elsewhere =
        ["KUBERNETES_SERVICE_HOST", "INVOCATION_ID"].map(std::env::var_os).iter().any(Option::is_some);
    if config.drain.deadline.duration() >= docker_kills && !is_elsewhere {
        let message = "Docker kills a container 10s after the signal, unless --stop-timeout says otherwise";
        findings.warn(loaded, "drain.deadline", message.to_owned());
    }
}

fn texts(loaded: &Loaded, findings: &mut Findings) {
    let agent = &loaded.config.sip.user_agent;
    if agent.trim().is_empty() || agent.len() > 128 || agent.chars().any(char::is_control) {
        let message = "has to be a text of 1 to 128 bytes without control characters".to_owned();
        findings.error(loaded, "sip.user_agent", message);
    }
    if let Err(error) = logging::filter(&loaded.config.log.level) {
        findings.error(loaded, "log.level", error.to_string());
    }
}

fn modules(loaded: &Loaded, findings: &mut Findings) {
    let modules = &loaded.config.modules;
    let known = rooms::module_names(&loaded.config);
    for (key, names) in [("modules.required", &modules.required), ("modules.optional", &modules.optional)] {
        for (index, name) in names.iter().enumerate() {
            if names[..index].contains(name) {
                findings.error(loaded, key, format!("names \"{name}\" twice"));
            } else if !known.contains(&name.as_str()) {
                let hint = did_you_mean(name, known.iter().copied());
                let message = format!("there is no module \"{name}\"{hint}");
                if key == "modules.optional" {
                    findings.warn(loaded, key, message + "; the switch runs without it");
                } else {
                    findings.error(loaded, key, message);
                }
            } else if key == "modules.optional" && modules.required.contains(name) {
                findings.error(loaded, key, format!("\"{name}\" is required as well"));
            }
        }
    }
}

fn routes(loaded: &Loaded, findings: &mut Findings) {
    for (index, route) in loaded.config.route.iter().enumerate() {
        if let Err(error) = rooms::route(route) {
            findings.error(loaded, &format!("route[{index}].bridge"), error.to_string());
        }
        if route.from.is_empty() {
            let message = "is empty: nobody could use the route".to_owned();
            findings.error(loaded, &format!("route[{index}].from"), message);
        }
        if route.from.iter().any(|network| network.prefix_len() == 0) {
            let message = "is everybody: whoever reaches the switch may call through it".to_owned();
            findings.warn(loaded, &format!("route[{index}].from"), message);
        }
        if route.timeout.duration() < Duration::from_secs(1) {
            let message = "is below 1s: nobody can answer that fast".to_owned();
            findings.error(loaded, &format!("route[{index}].timeout"), message);
        }
    }
}

/// The token, wherever it is, ends up in `http.token`.
fn token(loaded: &mut Loaded, findings: &mut Findings) {
    let Some(path) = loaded.config.http.token_file.clone() else { return };
    if loaded.config.http.token.reveal().is_some() {
        let message = "stands beside http.token: one of the two".to_owned();
        return findings.error(loaded, "http.token_file", message);
    }
    match read_token(&path) {
        Ok(token) => loaded.config.http.token = token,
        Err(message) => findings.error(loaded, "http.token_file", format!("{}: {message}", path.display())),
    }
}
