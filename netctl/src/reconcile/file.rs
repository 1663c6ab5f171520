//! `switch.yaml`: what is declared, read into types. What it means is judged where `run` judges it.

mod error;
mod format;

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::Path;

use super::declaration::Declaration;
use crate::network::{CONTAINER_NAMES, is_container_name};
use error::{LARGEST, place, wrong};
use format::Raw;

pub use error::FileError;

/// The format that is understood.
const VERSION: u64 = 1;
/// All that one file declares.
#[derive(Clone, Debug)]
pub struct File {
    /// What its containers are known by: its own word for it, or else where it lies.
    pub project: String,
    /// The switches by their names.
    pub switches: BTreeMap<String, Declaration>,
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
            if let Some(message) = raw.value.wrong_variable() {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::Ulimit;
    use crate::error::Explain as _;

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
            (with("    ports: 5060/udp"), "/etc/switch.yaml:6:12: a list is expected here"),
            (with("    environment: A"), "/etc/switch.yaml:6:18: keys with values are expected here"),
            (with("    advertise: [192.0.2.1]"), "is expected here (in switches.one.advertise)"),
            (String::new(), "/etc/switch.yaml:1:1: it ends here, before all is said; "),
            ("version: 1\n".to_owned(), "/etc/switch.yaml:1:1: the key switches is missing; "),
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
