//! What a new configuration changes, and which of it waits for the next start.

use std::collections::BTreeMap;

use serde::Serialize;
use toml::Value;

use super::{Builtin, Config, Http, Log, Rtp, Sip};

/// A key whose value is another than before.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Change {
    /// For instance `limits.calls` or `route[0].bridge`.
    pub key: String,
    /// As a configuration file has it; null where the key was not there.
    pub old: Option<String>,
    /// The same; null where it is no more.
    pub new: Option<String>,
}

/// Keys, and whole tables, that only a start takes: what stands on them is built once.
pub const RESTART: [&str; 12] = [
    "sip.listen",
    "sip.timer_t1",
    "sip.dscp",
    "rtp.ports",
    "rtp.grid",
    "rtp.workers",
    "rtp.rest",
    "rtp.dscp",
    "http.listen",
    "log.format",
    "builtin.numbers",
    "modules",
];

/// The new configuration, where that can be had without a start; what cannot stays as it is.
pub fn keep(old: &Config, new: &Config) -> Config {
    let Config { sip, rtp, http, limits, drain, log, builtin: _, modules: _, route } = new.clone();
    let was = old.clone();
    Config {
        sip: Sip { listen: was.sip.listen, timer_t1: was.sip.timer_t1, dscp: was.sip.dscp, ..sip },
        rtp: Rtp {
            ports: was.rtp.ports,
            grid: was.rtp.grid,
            workers: was.rtp.workers,
            rest: was.rtp.rest,
            dscp: was.rtp.dscp,
            ..rtp
        },
        http: Http { listen: was.http.listen, ..http },
        limits,
        drain,
        log: Log { format: was.log.format, ..log },
        builtin: Builtin { numbers: was.builtin.numbers },
        modules: was.modules,
        route,
    }
}

/// Every key that differs, by name. Of a secret is told that it changed and nothing else.
pub fn changes(old: &Config, new: &Config) -> Vec<Change> {
    let (before, mut after) = (flat(old), flat(new));
    let mut changes: Vec<Change> = Vec::new();
    for (key, was) in before {
        let is = after.remove(&key);
        let is_other_secret = key == "http.token" && old.http.token != new.http.token;
        if is_other_secret || is.as_ref() != Some(&was) {
            changes.push(Change { key, old: Some(was), new: is });
        }
    }
    changes.extend(after.into_iter().map(|(key, is)| Change { key, old: None, new: Some(is) }));
    changes.sort_by(|a, b| a.key.cmp(&b.key));
    changes
}

/// Each key with its value as text.
fn flat(config: &Config) -> BTreeMap<String, String> {
    let mut out = BTreeMap::new();
    let Ok(Value::Table(tables)) = Value::try_from(config) else {
        unreachable!("a configuration is a table of tables")
    };
    let mut keys = |path: &str, table: &toml::Table| {
        out.extend(table.iter().map(|(key, value)| (format!("{path}.{key}"), value.to_string())));
    };
    for (name, table) in &tables {
        match table {
            Value::Table(table) => keys(name, table),
            Value::Array(list) => {
                for (index, table) in list.iter().enumerate() {
                    if let Value::Table(table) = table {
                        keys(&format!("{name}[{index}]"), table);
                    }
                }
            }
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::schema::keys;
    use super::super::{Config, read};
    use super::*;

    fn config(text: &str) -> Config {
        let read = read(Path::new("switch.toml"), text, std::iter::empty());
        assert_eq!(read.problems, []);
        read.config
    }

    /// In which no key has its default.
    const OTHER: &str = "
[sip]
listen = ['udp:127.0.0.1:5080']
advertise = '192.0.2.1'
trace = true
user_agent = 'other'
timer_t1 = '250ms'
tcp_idle = '10m'
session_expires = 'off'
min_session_expires = '91s'
dscp = 'cs5'
[rtp]
ports = '20000-29999'
grid = 'off'
workers = 1
silence_timeout = 'off'
held_timeout = '1m'
rest = '3s'
dscp = 'af41'
[http]
listen = '127.0.0.1:9283'
token = 'hunter2'
[limits]
calls = 1
calls_per_source = 1
calls_per_second = 1
duration = '1h'
[drain]
deadline = '9s'
retry_after = '11s'
[log]
level = 'debug'
format = 'json'
[builtin]
numbers = false
[modules]
required = ['mod_dptools']
optional = ['mod_sofia']
[[route]]
match = '^2'
bridge = 'sip:a@192.0.2.1'
";

    #[test]
    fn every_key_that_changes_is_told_and_secrets_are_not() {
        let (old, new) = (Config::default(), config(OTHER));
        let told = changes(&old, &new);
        let names: Vec<&str> = told.iter().map(|change| change.key.as_str()).collect();
        // Every key there is, but for the file that stands beside the token.
        for table in keys::<Config>().into_iter().filter(|table| table.name != "route") {
            let prefix = format!("{}.", table.name);
            assert!(names.iter().any(|name| name.starts_with(&prefix)), "{}", table.name);
        }
        assert_eq!(names.iter().filter(|name| name.starts_with("sip.")).count(), keys::<Sip>().len());
        assert_eq!(names.iter().filter(|name| name.starts_with("rtp.")).count(), keys::<Rtp>().len());
        let calls = told.iter().find(|change| change.key == "limits.calls").unwrap();
        assert_eq!((calls.old.as_deref(), calls.new.as_deref()), (Some("4000"), Some("1")));
        let bridge = told.iter().find(|change| change.key == "route[0].bridge").unwrap();
        assert_eq!((bridge.old.as_deref(), bridge.new.as_deref()), (None, Some("\"sip:a@192.0.2.1\"")));
        assert!(!format!("{told:?}").contains("hunter2"));
        assert_eq!(changes(&new, &new), []);
        let mut another = new.clone();
        another.http.token = super::super::Secret::new("hunter3");
        let told = changes(&new, &another);
        assert_eq!(told.iter().map(|change| change.key.as_str()).collect::<Vec<_>>(), ["http.token"]);
        assert!(!format!("{told:?}").contains("hunter"));
    }

    #[test]
    fn what_needs_a_start_is_what_the_list_names() {
        let (old, new) = (Config::default(), config(OTHER));
        let kept = keep(&old, &new);
        let is_listed =
            |key: &str| RESTART.iter().any(|listed| key == *listed || key.starts_with(&format!("{listed}.")));
        for change in changes(&kept, &new) {
            assert!(is_listed(&change.key), "{} is kept and not listed", change.key);
        }
        for change in changes(&old, &kept) {
            assert!(!is_listed(&change.key), "{} is listed and changes", change.key);
        }
        for listed in RESTART {
            assert!(changes(&kept, &new).iter().any(|change| change.key.starts_with(listed)), "{listed}");
        }
    }

    #[test]
    fn the_operators_are_told_of_each() {
        let told = include_str!("../../../docs/upgrading.md");
        for listed in RESTART {
            assert!(
                told.contains(&format!("`{listed}`")) || told.contains(&format!("`[{listed}]`")),
                "{listed}"
            );
        }
    }
}
