//! What Docker's daemon is and allows.

use super::facts::{Facts, Question};
use super::finding::{Finding, Level};
use crate::docker::{Daemon, Host};

/// The oldest that netctl is tried with.
const OLDEST: (u32, u32) = (20, 10);
/// Files besides media's sockets: SIP, HTTP, logs, epoll and so on.
const OTHER_FILES: u64 = 1024;

pub(super) fn check(facts: &impl Facts, question: &Question) -> Vec<Finding> {
    let daemon = match &question.daemon {
        Ok(daemon) => daemon,
        Err(why_not) => {
            let why = "images, containers and networks are Docker's";
            let mut finding =
                Finding::new("daemon", why_not.clone(), "it answers", why).unless(false, Level::Bad);
            if matches!(question.endpoint.host, Host::Unix(_)) {
                finding = finding.mend("systemctl start docker");
            }
            return vec![endpoint(question), finding];
        }
    };
    let mut found = vec![
        endpoint(question),
        version(daemon),
        backend(daemon),
        live_restore(daemon),
        proxies(daemon),
        cgroup(daemon),
    ];
    found.push(seccomp(facts, question, daemon));
    found.extend(files(facts, question, daemon));
    found
}

/// Another one than is meant is easily asked: variables and contexts stay.
fn endpoint(question: &Question) -> Finding {
    let why = "what is looked at, and what netctl's other verbs change, is this daemon's";
    Finding::new(
        "endpoint",
        format!("the daemon is asked at {}", question.endpoint),
        "the one that is meant",
        why,
    )
}

fn version(daemon: &Daemon) -> Finding {
    let mut parts = daemon.version.split('.').map_while(|part| part.parse::<u32>().ok());
    let own = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    let why = "older ones are not tried: their interface and their rules are others";
    Finding::new("daemon", format!("Docker {}", daemon.version), "20.10 or newer", why)
        .unless(own >= OLDEST, Level::Warn)
        .mend("apt-get install --only-upgrade docker.io")
}

fn backend(daemon: &Daemon) -> Finding {
    let own = daemon.firewall.as_deref().unwrap_or("iptables");
    let why = "where Docker speaks nftables itself, an accept in another table does not overrule its drop";
    Finding::new("firewall_backend", format!("the daemon writes its rules with {own}"), "iptables", why)
        .unless(own.starts_with("iptables"), Level::Bad)
        .mend(configured("firewall-backend", "\"iptables\"", "restart"))
}

fn live_restore(daemon: &Daemon) -> Finding {
    let is =
        if daemon.live_restore { "containers outlive the daemon" } else { "containers end with the daemon" };
    let why = "without it each restart of the daemon, an upgrade too, ends all calls";
    Finding::new("live_restore", is, "live-restore is on", why)
        .unless(daemon.live_restore, Level::Warn)
        .mend(configured("live-restore", "true", "reload"))
}

/// Whatever else the file says stays as it is.
fn configured(key: &str, value: &str, verb: &str) -> String {
    const FILE: &str = "/etc/docker/daemon.json";
    format!(
        "mkdir -p /etc/docker && touch {FILE} && jq -s '(.[0] // {{}}) + {{\"{key}\": {value}}}' {FILE} > {FILE}.new && mv {FILE}.new {FILE} && \
         systemctl {verb} docker"
    )
}

fn proxies(daemon: &Daemon) -> Finding {
    let why = "each port that Docker publishes has a process that takes memory and time to start and to end";
    let is = format!("{} docker-proxy processes", daemon.proxies);
    Finding::new("userland_proxy", is, "fewer than 100", why)
        .unless(daemon.proxies < 100, Level::Warn)
        .mend(configured("userland-proxy", "false", "restart"))
}

fn cgroup(daemon: &Daemon) -> Finding {
    let why = "limits of memory and CPU, and what a container's processes are";
    let is = format!(
        "control groups of version {}",
        if daemon.cgroup.is_empty() { "unknown" } else { &daemon.cgroup }
    );
    Finding::new("cgroup", is, "version 2, or 1", why).unless(!daemon.cgroup.is_empty(), Level::Warn)
}

fn seccomp(facts: &impl Facts, question: &Question, daemon: &Daemon) -> Finding {
    let why = "a switch needs none of the system calls that Docker's profile keeps from it";
    let default = daemon.security.iter().any(|option| option.contains("name=seccomp"));
    let own = question.patient.as_ref().and_then(|patient| Some((patient, facts.is_filtered(patient.pid?)?)));
    match own {
        Some((patient, filtered)) => {
            let is = format!(
                "system calls of {} are {}",
                patient.name,
                if filtered { "filtered" } else { "not filtered" }
            );
            let should = "filtered: run it without --security-opt seccomp=unconfined";
            Finding::new("seccomp", is, should, why).unless(filtered, Level::Warn)
        }
        None => {
            let is =
                if default { "Docker filters system calls" } else { "Docker does not filter system calls" };
            Finding::new("seccomp", is, "filtered", why).unless(default, Level::Warn)
        }
    }
}

/// RTP and RTCP take a port each, and a socket each.
fn files(facts: &impl Facts, question: &Question, daemon: &Daemon) -> Vec<Finding> {
    let needed = u64::from(question.media.last - question.media.first) + 1 + OTHER_FILES;
    let why = "each media port is a socket, and no container gets more open files than the daemon has: calls are \
               refused when they run out";
    let own = question.patient.as_ref().and_then(|patient| Some((patient.name.clone(), patient.pid?)));
    let whose = daemon.pid.map(|pid| ("the daemon".to_owned(), pid)).into_iter().chain(own);
    whose
        .filter_map(|(name, pid)| {
            let limit = facts.file_limit(pid)?;
            let is = format!("{name} (process {pid}) may have {limit} files open");
            let should = format!("{needed} for {} media ports and {OTHER_FILES} other files", question.media);
            let finding = Finding::new("file_limit", is, should, why).unless(limit >= needed, Level::Warn);
            Some(finding.mend(format!("prlimit --pid {pid} --nofile={needed}:{needed}")))
        })
        .collect()
}
