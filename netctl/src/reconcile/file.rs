//! `switch.yaml`: what is declared, read into types. What it means is judged where `run` judges it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read as _};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use ipnet::IpNet;
use serde::{Deserialize, Deserializer};
use serde_saphyr::{Error, Spanned};

use super::declaration::Declaration;
use crate::bridge::InterfaceName;
use crate::docker::{Restart, Ulimit};
use crate::error::{Exit, Explain};
use crate::network::{Address, CONTAINER_NAMES, Mode, Order, Ports, is_container_name};

/// The format that is understood.
const VERSION: u64 = 1;
/// A declaration is small; anything else was not meant.
const LARGEST: u64 = 1 << 20;

/// All that one file declares.
#[derive(Clone, Debug)]
pub struct File {
    /// What its containers are known by: its own word for it, or else where it lies.
    pub project: String,
    /// The switches by their names.
    pub switches: BTreeMap<String, Declaration>,
}

/// Why a file declares nothing.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says it")]
pub enum FileError {
    #[error("cannot read {}", .path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("{} is no file", .0.display())]
    NoFile(PathBuf),
    #[error("{} has more than {} KiB", .0.display(), LARGEST >> 10)]
    TooLarge(PathBuf),
    #[error("{place}: {message}{}", in_key(.key))]
    Wrong { place: String, key: String, message: String, next: Option<String> },
}

fn in_key(key: &str) -> String {
    if key.is_empty() { String::new() } else { format!(" (in {key})") }
}

impl File {
    /// Reads a file.
    ///
    /// # Errors
    /// Where it cannot be read, or what is wrong in which line, column and key.
    pub fn read(path: &Path) -> Result<Self, FileError> {
        let unreadable = |source| FileError::Unreadable { path: path.to_owned(), source };
        // Where it lies is what its containers are known by, from whatever directory it is named.
        let path = path.canonicalize().map_err(unreadable)?;
        // Opening a pipe would wait for whoever writes into it, and a device may never end.
        if !fs::metadata(&path).map_err(unreadable)?.is_file() {
            return Err(FileError::NoFile(path));
        }
        let mut text = String::new();
        let file = fs::File::open(&path).map_err(unreadable)?;
        file.take(LARGEST + 1).read_to_string(&mut text).map_err(unreadable)?;
        match text.len() as u64 > LARGEST {
            true => Err(FileError::TooLarge(path)),
            false => Self::parse(&text, &path),
        }
    }

    pub(super) fn parse(text: &str, path: &Path) -> Result<Self, FileError> {
        let raw: Raw = serde_saphyr::from_str(text).map_err(|error| wrong(path, text, &error))?;
        let at =
            |location: serde_saphyr::Location, key: &str, message: String, next: &str| FileError::Wrong {
                place: place(path, location.line(), location.column()),
                key: key.to_owned(),
                message,
                next: Some(next.to_owned()),
            };
        if raw.version.value != VERSION {
            let message = format!("version {} is not known here", raw.version.value);
            return Err(at(raw.version.defined, "version", message, "write version: 1"));
        }
        let mut switches = BTreeMap::new();
        for (name, raw) in raw.switches {
            if !is_container_name(&name) {
                let message = format!("'{name}' cannot be a container's name");
                return Err(at(raw.defined, "switches", message, CONTAINER_NAMES));
            }
            if let Some(message) = wrong_variable(&raw.value.environment) {
                let key = format!("switches.{name}.environment");
                let next = "take letters, digits and '_' for a name, and any text but NUL for a value";
                return Err(at(raw.defined, &key, message, next));
            }
            let place = place(path, raw.defined.line(), raw.defined.column());
            let order = raw.value.order(name.clone(), path.parent().unwrap_or(Path::new("/")));
            switches.insert(name, Declaration { order, place });
        }
        Ok(Self { project: raw.project.unwrap_or_else(|| path.display().to_string()), switches })
    }
}

fn place(path: &Path, line: u64, column: u64) -> String {
    format!("{}:{line}:{column}", path.display())
}

/// What stands in no environment: Docker would refuse it only when the container is made.
fn wrong_variable(environment: &BTreeMap<String, String>) -> Option<String> {
    environment.iter().find_map(|(name, value)| match name {
        name if name.is_empty() || name.contains(['=', '\0']) => {
            Some(format!("{name:?} cannot be a variable's name"))
        }
        name => value.contains('\0').then(|| format!("the value of {name} has a NUL in it")),
    })
}

/// What is wrong, where, in which key, and what was perhaps meant.
fn wrong(path: &Path, text: &str, error: &Error) -> FileError {
    let error = error.without_snippet();
    let location = error.location();
    let (line, column) = location.map_or((1, 1), |location| (location.line(), location.column()));
    let (message, next) = match error {
        Error::SerdeUnknownField { field, expected, .. } => {
            let near = expected
                .iter()
                .max_by(|a, b| strsim::jaro_winkler(field, a).total_cmp(&strsim::jaro_winkler(field, b)));
            let near = near.filter(|near| strsim::jaro_winkler(field, near) > 0.8);
            let next = match near {
                Some(near) => format!("did you mean {near}?"),
                None => format!("there are {}", expected.join(", ")),
            };
            (format!("there is no key '{field}'"), Some(next))
        }
        Error::SerdeMissingField { field, .. } => (format!("the key {field} is missing"), None),
        Error::DuplicateMappingKey { key: Some(key), .. } => (format!("the key {key} stands twice"), None),
        Error::Message { msg, .. } => (msg.clone(), None),
        other => (plain(&other.to_string()), None),
    };
    FileError::Wrong { place: place(path, line, column), key: keys(text, line), message, next }
}

/// The reader says the place in its own words, too.
fn plain(message: &str) -> String {
    let first = message.lines().next().unwrap_or_default();
    first.rsplit_once(" at line ").map_or(first, |(message, _)| message).to_owned()
}

/// The keys that a line stands under, as far as its indentation tells: `switches.one.ports`.
fn keys(text: &str, line: u64) -> String {
    let line = usize::try_from(line).unwrap_or(usize::MAX);
    let lines: Vec<&str> = text.lines().take(line).collect();
    let (mut keys, mut inner) = (Vec::new(), usize::MAX);
    for line in lines.iter().rev() {
        let rest = line.trim_start();
        let indent = line.len() - rest.len();
        let item = rest.strip_prefix("- ").is_some();
        let known = rest.split_once(':').map(|(key, _)| key.trim_matches(['"', '\'', ' ']));
        match known.filter(|key| !item && !key.is_empty() && !key.starts_with('#')) {
            Some(key) if indent < inner => {
                keys.push(key);
                inner = indent;
            }
            // A list may stand as far left as its key.
            None if item && indent < inner => inner = indent + 1,
            _ => {}
        }
        if inner == 0 {
            break;
        }
    }
    keys.reverse();
    keys.join(".")
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    version: Spanned<u64>,
    project: Option<String>,
    switches: BTreeMap<String, Spanned<RawSwitch>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSwitch {
    image: String,
    network: Text<Mode>,
    #[serde(default)]
    ports: Vec<Text<Ports>>,
    #[serde(default)]
    host_ips: Vec<Text<IpAddr>>,
    advertise: Option<Text<IpAddr>>,
    #[serde(default)]
    from: Vec<Text<IpNet>>,
    bridge: Option<Text<InterfaceName>>,
    #[serde(default)]
    addresses: Vec<Text<Address>>,
    #[serde(default)]
    gateways: Vec<Text<IpAddr>>,
    #[serde(default)]
    environment: BTreeMap<String, String>,
    #[serde(default)]
    mounts: Vec<String>,
    restart: Option<Text<Restart>>,
    #[serde(default)]
    limits: RawLimits,
    #[serde(default)]
    log_options: BTreeMap<String, String>,
    #[serde(default)]
    arguments: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLimits {
    #[serde(default)]
    ulimits: BTreeMap<String, Text<Limit>>,
    cpus: Option<String>,
}

impl RawSwitch {
    fn order(self, name: String, directory: &Path) -> Order {
        fn all<T>(list: Vec<Text<T>>) -> Vec<T> {
            list.into_iter().map(|text| text.0).collect()
        }
        Order {
            name,
            mode: self.network.0,
            ports: all(self.ports),
            host_ips: all(self.host_ips),
            advertise: self.advertise.map(|text| text.0),
            from: all(self.from),
            bridge: self.bridge.map(|text| text.0),
            addresses: all(self.addresses),
            gateways: all(self.gateways),
            environment: self
                .environment
                .into_iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect(),
            volumes: self.mounts.into_iter().map(|mount| absolute(mount, directory)).collect(),
            restart: self.restart.map_or(Restart::No, |text| text.0),
            ulimits: self.limits.ulimits.into_iter().map(|(name, limit)| limit.0.named(name)).collect(),
            cpus: self.limits.cpus,
            log_options: self.log_options.into_iter().collect(),
            labels: BTreeMap::new(),
            image: self.image,
            arguments: self.arguments,
        }
    }
}

/// `./` is where the file lies.
fn absolute(mount: String, directory: &Path) -> String {
    match mount.starts_with("./") || mount.starts_with("../") {
        true => directory.join(mount.strip_prefix("./").unwrap_or(&mount)).display().to_string(),
        false => mount,
    }
}

/// What stands behind a limit's name: one number, or two with a colon.
struct Limit(Ulimit);

impl FromStr for Limit {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let limit = format!("={text}").parse().map_err(|_| "give SOFT or SOFT:HARD, numbers, -1 for none")?;
        Ok(Self(limit))
    }
}

impl Limit {
    fn named(self, name: String) -> Ulimit {
        Ulimit { name, ..self.0 }
    }
}

/// A scalar that is read as it is on the command line.
struct Text<T>(T);

impl<'de, T: FromStr<Err: std::fmt::Display>> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let parsed = text.parse().map_err(|error| serde::de::Error::custom(format!("'{text}': {error}")));
        parsed.map(Self)
    }
}

impl Explain for FileError {
    fn next_step(&self) -> Option<String> {
        match self {
            Self::Unreadable { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                Some("say which: -f FILE".to_owned())
            }
            Self::Unreadable { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                Some("let yourself read it, or run it as root (sudo netctl ...)".to_owned())
            }
            Self::Unreadable { source, .. } if source.kind() == io::ErrorKind::InvalidData => {
                Some("write it in UTF-8".to_owned())
            }
            Self::Unreadable { .. } => Some("see whether its disk is well: dmesg".to_owned()),
            Self::NoFile(_) => Some(
                "name a file that stays where it is: -f FILE. By where it lies its containers are known"
                    .to_owned(),
            ),
            Self::TooLarge(_) => Some("part it into several files, each with switches of its own".to_owned()),
            Self::Wrong { next, .. } => {
                next.clone().or_else(|| Some("docs/netctl-up.md has the format".to_owned()))
            }
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Unreadable { source, .. } if source.kind() == io::ErrorKind::NotFound => Exit::Missing,
            Self::Unreadable { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                Exit::Denied
            }
            Self::Unreadable { .. } => Exit::Failed,
            Self::NoFile(_) | Self::TooLarge(_) | Self::Wrong { .. } => Exit::Usage,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = include_str!("../../../docs/examples/switch.yaml");

    fn said(text: &str) -> String {
        let error = File::parse(text, Path::new("/etc/switch.yaml")).unwrap_err();
        format!("{error}; {}", error.next_step().unwrap())
    }

    #[test]
    fn the_example_has_every_key() {
        let file = File::parse(EXAMPLE, Path::new("/etc/switch.yaml")).unwrap();
        assert_eq!(file.switches.keys().collect::<Vec<_>>(), ["edge", "lan", "side"]);
        for key in [
            "image",
            "network",
            "ports",
            "host_ips",
            "advertise",
            "from",
            "bridge",
            "addresses",
            "gateways",
            "environment",
            "mounts",
            "restart",
            "limits",
            "log_options",
            "arguments",
            "ulimits",
            "cpus",
            "project",
        ] {
            assert!(EXAMPLE.contains(&format!("{key}:")), "{key}");
        }
        let edge = &file.switches["edge"].order;
        assert_eq!(edge.ports.len(), 3);
        assert_eq!(edge.ulimits[0], Ulimit { name: "nofile".to_owned(), soft: 65_536, hard: 131_072 });
        assert!(edge.volumes[0].starts_with("/etc/"), "{:?}", edge.volumes);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place_and_its_key() {
        let with =
            |line: &str| format!("version: 1\nswitches:\n  one:\n    image: a\n    network: host\n{line}\n");
        for (text, words) in [
            (
                with("    port: [5060/udp]"),
                "/etc/switch.yaml:6:5: there is no key 'port' (in switches.one.port); did you mean ports?",
            ),
            (
                with("    ports:\n    - 5060/udp\n    - 0/udp"),
                "/etc/switch.yaml:8:7: '0/udp': '0' is no port (1 to 65535) (in switches.one.ports)",
            ),
            (with("    restart: sometimes"), "/etc/switch.yaml:6:14: 'sometimes': give no, always"),
            (with("    limits: {ulimits: {nofile: many}}"), "'many': give SOFT or SOFT:HARD"),
            (
                with("    image: b"),
                "/etc/switch.yaml:6:5: the key image stands twice (in switches.one.image)",
            ),
            ("version: 2\nswitches: {}".to_owned(), "/etc/switch.yaml:1:10: version 2 is not known here"),
            ("version: 1\nswitches: {aa: {image: x}}".to_owned(), "the key network is missing"),
            (
                "version: 1\nswitches: {-a: {image: x, network: host}}".to_owned(),
                "'-a' cannot be a container's name",
            ),
            (
                "version: 1\nswitches: {a: {image: x, network: host}}".to_owned(),
                "'a' cannot be a container's name (in switches); take two or more letters",
            ),
            (
                with("    environment: {A=B: c}"),
                "\"A=B\" cannot be a variable's name (in switches.one.environment)",
            ),
            (with("    environment: {A: \"b\\0c\"}"), "the value of A has a NUL in it"),
            ("version: 1\nswitches: [".to_owned(), "/etc/switch.yaml:2:"),
        ] {
            assert!(said(&text).contains(words), "{}\n{words}", said(&text));
        }
    }

    #[test]
    fn values_are_kept_as_they_are_written() {
        let text = "version: 1\nswitches:\n  one: {image: a, network: host, environment: {A: 1.50, B: yes, C: 'x y', D: 0x10}}";
        let file = File::parse(text, Path::new("/etc/switch.yaml")).unwrap();
        assert_eq!(file.switches["one"].order.environment, ["A=1.50", "B=yes", "C=x y", "D=0x10"]);
        assert_eq!(file.project, "/etc/switch.yaml");
    }

    /// A pipe would be waited for, and a device read until memory ends.
    #[test]
    fn only_a_file_is_read_and_no_more_of_it_than_is_allowed() {
        let scratch = tempfile::tempdir().unwrap();
        for path in [Path::new("/dev/zero"), scratch.path()] {
            let error = File::read(path).unwrap_err();
            assert_eq!(error.to_string(), format!("{} is no file", path.display()));
            assert!(error.next_step().is_some());
        }
        let large = scratch.path().join("large.yaml");
        fs::write(&large, vec![b'#'; LARGEST as usize + 1]).unwrap();
        assert!(matches!(File::read(&large), Err(FileError::TooLarge(_))));
    }
}
