//! Who has the last word, over a fake of variables and files.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::*;
use crate::error::{Exit, Explain as _};

#[derive(Default)]
struct Fake {
    variables: HashMap<&'static str, String>,
    files: HashMap<PathBuf, String>,
}

impl Fake {
    fn new() -> Self {
        Self::default().with("HOME", "/home/me")
    }

    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.variables.insert(name, value.to_owned());
        self
    }

    fn file(mut self, path: impl Into<PathBuf>, content: &str) -> Self {
        self.files.insert(path.into(), content.to_owned());
        self
    }

    /// As `docker context create` leaves it.
    fn context(self, name: &str, docker: &str, certificates: &[&str]) -> Self {
        let id = format!("{:x}", Sha256::digest(name.as_bytes()));
        let store = Path::new("/home/me/.docker/contexts");
        let meta = format!(r#"{{"Name":"{name}","Metadata":{{}},"Endpoints":{{{docker}}}}}"#);
        let all = self.file(store.join("meta").join(&id).join("meta.json"), &meta);
        certificates
            .iter()
            .fold(all, |all, file| all.file(store.join("tls").join(&id).join("docker").join(file), ""))
    }

    fn found(&self, flags: &Flags) -> Result<Found, EndpointError> {
        Endpoint::find(flags, self)
    }

    /// The daemon, as it is shown.
    fn shown(&self, flags: &Flags) -> String {
        self.found(flags).unwrap().endpoint.to_string()
    }
}

impl Surroundings for Fake {
    fn variable(&self, name: &str) -> Option<String> {
        self.variables.get(name).cloned().filter(|value| !value.is_empty())
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        match self.files.get(path).map(String::as_str) {
            Some("not to be read") => Err(io::ErrorKind::PermissionDenied.into()),
            Some(content) => Ok(content.as_bytes().to_vec()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn exists(&self, path: &Path) -> bool {
        self.files.contains_key(path)
    }

    fn entries(&self, directory: &Path) -> Vec<PathBuf> {
        let below = |path: &&PathBuf| path.starts_with(directory);
        self.files.keys().filter(below).filter_map(|path| Some(path.parent()?.to_owned())).collect()
    }
}

const SSH: &str = r#""docker":{"Host":"ssh://me@far","SkipTLSVerify":false}"#;
const TCP: &str = r#""docker":{"Host":"tcp://far:2376","SkipTLSVerify":false}"#;
const CONFIG: &str = "/home/me/.docker/config.json";

fn host(text: &str) -> Flags {
    Flags { host: Some(text.to_owned()), ..Flags::default() }
}

fn context(name: &str) -> Flags {
    Flags { context: Some(name.to_owned()), ..Flags::default() }
}

#[test]
fn the_last_word_is_that_of_whoever_is_nearer() {
    let none = Flags::default();
    let config = || {
        let named = |fake: Fake, name: &str| fake.context(name, SSH, &[]);
        let fake = ["one", "two", "three"].into_iter().fold(Fake::new(), named);
        fake.file(CONFIG, r#"{"auths": {}, "currentContext": "one"}"#)
    };
    assert_eq!(Fake::new().shown(&none), "unix:///var/run/docker.sock (the default)");
    assert_eq!(config().shown(&none), format!("ssh://me@far (context one, by currentContext in {CONFIG})"));
    let config = || config().with("DOCKER_CONTEXT", "two");
    assert_eq!(config().shown(&none), "ssh://me@far (context two, by DOCKER_CONTEXT)");
    let config = || config().with("DOCKER_HOST", "tcp://v");
    assert_eq!(config().shown(&none), "tcp://v:2375 (DOCKER_HOST)");
    assert_eq!(config().shown(&host("unix:///f")), "unix:///f (--host)");
    assert_eq!(config().shown(&host("")), "unix:///var/run/docker.sock (--host)");
    assert_eq!(config().shown(&context("three")), "ssh://me@far (context three, by --context)");
    // An empty name is none; the default context is what DOCKER_HOST says.
    assert_eq!(config().shown(&context("")), "tcp://v:2375 (DOCKER_HOST)");
    assert_eq!(config().shown(&context("default")), "tcp://v:2375 (DOCKER_HOST)");
    let both = Flags { context: Some("one".to_owned()), ..host("unix:///f") };
    let error = config().found(&both).unwrap_err();
    assert_eq!((error.exit(), error.to_string().contains("--host and --context")), (Exit::Usage, true));
}

#[test]
fn the_configuration_is_where_it_is_said_to_be() {
    let fake =
        Fake::new().with("DOCKER_CONFIG", "/etc/d").file("/etc/d/config.json", r#"{"currentContext":"x"}"#);
    let error = fake.found(&Flags::default()).unwrap_err();
    assert!(
        error.to_string().contains("no context x, which currentContext in /etc/d/config.json names"),
        "{error}"
    );
    // Nobody's home, nobody's configuration.
    assert_eq!(Fake::default().shown(&Flags::default()), "unix:///var/run/docker.sock (the default)");
}

#[test]
fn a_configuration_that_cannot_be_read_is_passed_over_and_told_of() {
    for (content, exit) in [("{", Exit::Refused), ("not to be read", Exit::Denied)] {
        let fake = Fake::new().file(CONFIG, content);
        let found = fake.found(&Flags::default()).unwrap();
        assert_eq!(found.endpoint, Endpoint::default());
        let error = found.passed_over.unwrap();
        assert!(error.to_string().contains(CONFIG), "{error}");
        assert_eq!(error.exit(), exit);
        // It is not asked where somebody nearer has said it.
        assert!(fake.found(&host("unix:///f")).unwrap().passed_over.is_none());
    }
}

#[test]
fn a_context_that_is_not_there_or_says_nothing() {
    let fake = Fake::new().context("b", SSH, &[]).context("a", SSH, &[]).context("k", "", &[]);
    let error = fake.found(&context("nope")).unwrap_err();
    let said = "there is no context nope, which --context names; there are: default, a, b, k";
    assert_eq!((error.to_string().as_str(), error.exit()), (said, Exit::Missing));
    let next = error.next_step().unwrap();
    assert!(next.contains("/home/me/.docker/contexts") && next.contains("sudo"), "{next}");
    assert_eq!(fake.found(&context("k")).unwrap_err().to_string(), "the context k says nothing of Docker");
    let odd = fake.context("odd", r#""docker":{"Host":"fd://"}"#, &[]);
    let error = odd.found(&context("odd")).unwrap_err();
    assert_eq!(error.to_string(), "'fd://' (context odd, by --context) is no address of a Docker daemon");
}

#[test]
fn a_contexts_certificates_are_its_own() {
    let fake = Fake::new()
        .with("DOCKER_TLS_VERIFY", "1")
        .context("all", TCP, &["ca.pem", "cert.pem", "key.pem"])
        .context("plain", TCP, &[])
        .context(
            "skip",
            r#""docker":{"Host":"tcp://far:2376","SkipTLSVerify":true}"#,
            &["cert.pem", "key.pem"],
        )
        .context("ssh", SSH, &["ca.pem"]);
    let tls = |name: &str| fake.found(&context(name)).unwrap().endpoint.tls;
    let all = tls("all").unwrap();
    let id = format!("{:x}", Sha256::digest(b"all"));
    assert_eq!(all.ca, Some(PathBuf::from(format!("/home/me/.docker/contexts/tls/{id}/docker/ca.pem"))));
    assert!(all.verify && all.cert.is_some() && all.key.is_some());
    assert_eq!(tls("plain"), None);
    let skip = tls("skip").unwrap();
    assert!(!skip.verify && skip.ca.is_none() && skip.key.is_some());
    assert_eq!(tls("ssh"), None);
}

#[test]
fn tls_of_flags_and_variables() {
    let with = |variables: &[(&'static str, &str)]| {
        let fake = Fake::new().with("DOCKER_CERT_PATH", "/c").file("/c/cert.pem", "").file("/c/key.pem", "");
        variables.iter().fold(fake, |fake, (name, value)| fake.with(name, value))
    };
    let on = |verify, ca: Option<&str>| {
        let (ca, cert, key) = (ca.map(PathBuf::from), Some("/c/cert.pem".into()), Some("/c/key.pem".into()));
        Some(Tls { verify, ca, cert, key })
    };
    let flags = |tls, verify| Flags { tls, verify, ..host("tcp://h") };
    let tls = |fake: Fake, flags: &Flags| fake.found(flags).unwrap().endpoint.tls;
    let ca = Some("/c/ca.pem");
    assert_eq!(tls(with(&[]), &flags(None, None)), None);
    assert_eq!(tls(with(&[("DOCKER_TLS_VERIFY", "")]), &flags(None, None)), None);
    // Any value but an empty one.
    assert_eq!(tls(with(&[("DOCKER_TLS_VERIFY", "0")]), &flags(None, None)), on(true, ca));
    assert_eq!(tls(with(&[("DOCKER_TLS", "1")]), &flags(None, None)), on(false, None));
    assert_eq!(tls(with(&[("DOCKER_TLS", "1")]), &flags(Some(false), None)), None);
    assert_eq!(tls(with(&[("DOCKER_TLS_VERIFY", "1")]), &flags(Some(false), None)), on(true, ca));
    assert_eq!(tls(with(&[("DOCKER_TLS_VERIFY", "1")]), &flags(None, Some(false))), on(false, None));
    assert_eq!(tls(with(&[]), &flags(Some(true), None)), on(false, None));
    assert_eq!(tls(with(&[]), &flags(None, Some(true))), on(true, ca));
    // What is named; an empty name is none.
    let named = Flags { ca: Some("/x".into()), cert: Some("".into()), ..flags(None, Some(true)) };
    let found = tls(with(&[]), &named).unwrap();
    assert_eq!((found.ca, found.cert, found.key), (Some("/x".into()), None, Some("/c/key.pem".into())));
    // In the home where nothing else is said.
    let home = Fake::new().found(&flags(None, Some(true))).unwrap().endpoint.tls.unwrap();
    assert_eq!((home.ca, home.cert), (Some("/home/me/.docker/ca.pem".into()), None));
}

#[test]
fn where_tls_leads() {
    let verify = || Fake::new().with("DOCKER_TLS_VERIFY", "1");
    // Docker's client: without an address the port of TLS, with a host alone the other one.
    assert_eq!(verify().shown(&Flags::default()), "tcp://localhost:2376 with TLS (the default)");
    assert_eq!(verify().shown(&host("tcp://h")), "tcp://h:2375 with TLS (--host)");
    // A socket and ssh have no use for it.
    assert_eq!(verify().shown(&host("unix:///f")), "unix:///f (--host)");
    assert_eq!(verify().shown(&host("ssh://h")), "ssh://h (--host)");
    let https = Fake::new().found(&host("https://h")).unwrap().endpoint;
    assert_eq!(https.to_string(), "https://h:2376 with TLS (--host)");
    assert_eq!(https.tls, Some(Tls { verify: true, ..Tls::default() }));
}
