//! One switch as it is declared, and the form of it that its container carries: so that it is seen later which keys have
//! changed. Secrets are in it by their sum alone.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::network::Order;

/// Which file declared the container.
pub(super) const PROJECT: &str = "io.switch.netctl.project";
/// The declaration's sum.
pub(super) const DIGEST: &str = "io.switch.netctl.digest";
/// The declaration.
pub(super) const DECLARATION: &str = "io.switch.netctl.declaration";

/// A name that ends so has a secret for its value.
const SECRET: [&str; 4] = ["TOKEN", "PASSWORD", "SECRET", "KEY"];

/// What is declared of one switch.
#[derive(Clone, Debug)]
pub struct Declaration {
    /// The same as `run` takes.
    pub order: Order,
    /// Where it stands: file, line, column.
    pub place: String,
}

/// Its keys and their values as text, those of maps each by itself (`environment.NAME`). What is not given is not in it.
pub(super) type Keys = BTreeMap<String, String>;

/// A key that is another one than before.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Change {
    /// For instance `ports` or `environment.TZ`.
    pub key: String,
    /// What it was; nothing where it was not given.
    pub from: Option<String>,
    /// What it is.
    pub to: Option<String>,
}

impl Declaration {
    /// Its keys.
    pub(super) fn keys(&self) -> Keys {
        fn list<T: ToString>(values: &[T]) -> String {
            values.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
        }
        let Order { mode, ports, host_ips, from, addresses, gateways, .. } = &self.order;
        let order = &self.order;
        let mut keys: Keys = [
            ("image", order.image.clone()),
            ("network", mode.to_string()),
            ("ports", list(ports)),
            ("host_ips", list(host_ips)),
            ("advertise", list(order.advertise.as_slice())),
            ("from", list(from)),
            ("bridge", list(order.bridge.as_slice())),
            ("addresses", list(addresses)),
            ("gateways", list(gateways)),
            ("mounts", list(&order.volumes)),
            ("restart", order.restart.to_string()),
            ("limits.cpus", order.cpus.clone().unwrap_or_default()),
            // As JSON, for an argument may have blanks.
            (
                "arguments",
                if order.arguments.is_empty() { String::new() } else { json!(order.arguments).to_string() },
            ),
        ]
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(key, value)| (key.to_owned(), value))
        .collect();
        for limit in &order.ulimits {
            keys.insert(format!("limits.ulimits.{}", limit.name), format!("{}:{}", limit.soft, limit.hard));
        }
        for (name, value) in &order.log_options {
            keys.insert(format!("log_options.{name}"), value.clone());
        }
        for variable in &order.environment {
            let (name, value) = variable.split_once('=').unwrap_or((variable, ""));
            keys.insert(format!("environment.{name}"), shown(name, value));
        }
        keys
    }

    /// The sum of all that is declared.
    pub fn digest(&self) -> String {
        sum(&json!(self.keys()).to_string())
    }

    /// What its container is to be made of: the order, with the labels that make it known later.
    pub fn labelled(&self, project: &str) -> Order {
        let labels = [
            (PROJECT.to_owned(), project.to_owned()),
            (DIGEST.to_owned(), self.digest()),
            (DECLARATION.to_owned(), json!(self.keys()).to_string()),
        ];
        Order { labels: labels.into(), ..self.order.clone() }
    }

    /// What has changed since a container was made so.
    pub fn changes(&self, labels: &BTreeMap<String, String>) -> Vec<Change> {
        let was = read(labels.get(DECLARATION).map_or("", String::as_str));
        let is = self.keys();
        let all: BTreeSet<&String> = was.keys().chain(is.keys()).collect();
        all.into_iter()
            .filter(|key| was.get(*key) != is.get(*key))
            .map(|key| Change { key: key.clone(), from: was.get(key).cloned(), to: is.get(key).cloned() })
            .collect()
    }
}

/// A secret is told from another one, but not told.
fn shown(name: &str, value: &str) -> String {
    let name = name.to_ascii_uppercase();
    match SECRET.iter().any(|end| name.ends_with(end)) {
        true => format!("(secret {})", &sum(&format!("{name}={value}"))[..12]),
        false => value.to_owned(),
    }
}

fn sum(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn read(text: &str) -> Keys {
    let Ok(Value::Object(map)) = serde_json::from_str(text) else { return Keys::new() };
    map.into_iter().filter_map(|(key, value)| Some((key, value.as_str()?.to_owned()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::fake::order;

    fn declared(environment: &[&str], image: &str) -> Declaration {
        let environment = environment.iter().map(|text| (*text).to_owned()).collect();
        let order = Order { environment, image: image.to_owned(), ..order("host") };
        Declaration { order, place: "switch.yaml:1:1".to_owned() }
    }

    #[test]
    fn the_changed_keys_are_named() {
        let first = declared(&["TZ=UTC", "GONE=1"], "switch:v1");
        let second = declared(&["TZ=CET", "NEW=2"], "switch:v1");
        let change = |key: &str, from: Option<&str>, to: Option<&str>| Change {
            key: key.to_owned(),
            from: from.map(str::to_owned),
            to: to.map(str::to_owned),
        };
        let labels = first.labelled("p").labels;
        assert_eq!(
            second.changes(&labels),
            [
                change("environment.GONE", Some("1"), None),
                change("environment.NEW", None, Some("2")),
                change("environment.TZ", Some("UTC"), Some("CET")),
            ]
        );
        assert_eq!(first.changes(&labels), []);
        assert_ne!(first.digest(), second.digest());
        assert_eq!(first.digest(), labels[DIGEST]);
    }

    #[test]
    fn secrets_are_in_it_by_their_sum_alone() {
        let names = ["API_TOKEN", "DB_PASSWORD", "SWITCH__SECRET", "ssh_key"];
        for name in names {
            let declared = |value: &str| declared(&[&format!("{name}={value}")], "switch:v1");
            let labels = declared("open-sesame").labelled("p").labels;
            assert!(labels.values().all(|text| !text.contains("sesame")), "{labels:?}");
            let changes = declared("other").changes(&labels);
            assert_eq!(changes.len(), 1);
            assert!(!format!("{changes:?}").contains("sesame") && !format!("{changes:?}").contains("other"));
        }
        assert_eq!(declared(&["KEYS=1"], "a").keys()["environment.KEYS"], "1");
    }
}
