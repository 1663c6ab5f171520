//! Who may change something: whoever shows the token, or without a token whoever is on this machine.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, header};
use thiserror::Error;

use crate::config::{self, Http, Secret};

/// How often strangers can have the token's file read.
const LOOK: Duration = Duration::from_secs(1);

/// What has to be shown. It can be exchanged while the server answers.
#[derive(Debug)]
pub struct Token(RwLock<Known>);

#[derive(Debug)]
struct Known {
    secret: Secret,
    file: Option<PathBuf>,
    looked: Option<Instant>,
}

impl From<&Http> for Known {
    fn from(http: &Http) -> Self {
        Self { secret: http.token.clone(), file: http.token_file.clone(), looked: None }
    }
}

impl Token {
    /// That of this configuration, or none.
    pub fn new(http: &Http) -> Arc<Self> {
        Arc::new(Self(RwLock::new(Known::from(http))))
    }

    /// From now on that of this one.
    pub fn replace(&self, http: &Http) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Known::from(http);
    }

    pub(super) fn read(&self) -> Secret {
        self.0.read().unwrap_or_else(PoisonError::into_inner).secret.clone()
    }

    /// Reads the file again, and says whether it holds another token by now. Where a Secret is mounted the file changes
    /// by itself, and whoever has come by the new one, `switch-node reload` too, could not tell us otherwise.
    pub(super) fn look(&self) -> bool {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let Some(file) = &known.file else { return false };
        if known.looked.is_some_and(|looked| looked.elapsed() < LOOK) {
            return false;
        }
        let found = config::read_token(file);
        known.looked = Some(Instant::now());
        // What cannot be read now is told by a reload.
        let Ok(found) = found else { return false };
        if found == known.secret {
            return false;
        }
        known.secret = found;
        true
    }
}

/// Why a request that changes something is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub(super) enum Denied {
    /// A token is configured and none was shown, or another.
    #[error("this needs the token: Authorization: Bearer TOKEN")]
    Token,
    /// No token is configured and the peer is somewhere else.
    #[error("without a configured token this is taken from the machine itself only")]
    Elsewhere,
    /// A browser on this machine speaks for a site from elsewhere.
    #[error("without a configured token the Host header has to be an address of this machine or localhost")]
    Host,
}

/// Decides over a request that changes something.
pub(super) fn may_change(token: &Secret, peer: IpAddr, headers: &HeaderMap) -> Result<(), Denied> {
    if let Some(token) = token.reveal() {
        let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(bearer);
        return if shown.is_some_and(|shown| same(shown, token)) { Ok(()) } else { Err(Denied::Token) };
    }
    if !peer.to_canonical().is_loopback() {
        return Err(Denied::Elsewhere);
    }
    // A web page whose name was made to resolve to 127.0.0.1 is of one origin with us, but says its name here.
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok());
    if host.is_none_or(is_local) { Ok(()) } else { Err(Denied::Host) }
}

/// RFC 6750 §2.1; the scheme's case does not matter (RFC 9110 §11.1).
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Takes as long for a wrong token as for the right one, so that time tells nothing about it but its length.
fn same(a: &str, b: &str) -> bool {
    let difference = a.bytes().zip(b.bytes()).fold(0, |difference, (a, b)| difference | (a ^ b));
    std::hint::black_box(difference) == 0 && a.len() == b.len()
}

fn is_local(host: &str) -> bool {
    let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: &str = "127.0.0.1";
    const THERE: &str = "192.0.2.1";

    fn ask(token: &str, peer: &str, headers: &[(header::HeaderName, &str)]) -> Result<(), Denied> {
        let headers = headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect();
        may_change(&Secret::new(token), peer.parse().unwrap(), &headers)
    }

    #[test]
    fn with_a_token_only_the_token_counts() {
        let with = |value: &str| ask("secret", THERE, &[(header::AUTHORIZATION, value)]);
        assert_eq!(with("Bearer secret"), Ok(()));
        assert_eq!(with("bearer secret"), Ok(()));
        for wrong in
            ["secret", "Basic secret", "Bearer", "Bearer ", "Bearer secre", "Bearer secrets", "Bearer Secret"]
        {
            assert_eq!(with(wrong), Err(Denied::Token), "{wrong}");
        }
        assert_eq!(ask("secret", HERE, &[]), Err(Denied::Token));
    }

    #[test]
    fn without_a_token_only_this_machine_may() {
        assert_eq!(ask("", HERE, &[]), Ok(()));
        assert_eq!(ask("", "::1", &[]), Ok(()));
        assert_eq!(ask("", "::ffff:127.0.0.1", &[]), Ok(()));
        assert_eq!(ask("", THERE, &[]), Err(Denied::Elsewhere));
        assert_eq!(ask("", THERE, &[(header::AUTHORIZATION, "Bearer ")]), Err(Denied::Elsewhere));
    }

    #[test]
    fn the_file_is_looked_at_again_but_not_for_every_stranger() {
        let file = std::env::temp_dir().join(format!("switch-token-looked-at-{}", std::process::id()));
        let write = |text: &str| std::fs::write(&file, text).unwrap();
        let http = Http { token: Secret::new("one"), token_file: Some(file.clone()), ..Http::default() };
        write("one");
        let token = Token::new(&http);
        assert!(!token.look(), "it is the same");
        write("two");
        assert!(!token.look(), "it was looked at just now");
        let token = Token::new(&http);
        assert!(token.look());
        assert_eq!(token.read().reveal(), Some("two"));
        for unusable in ["", " \n"] {
            write(unusable);
            let token = Token::new(&http);
            assert!(!token.look());
            assert_eq!(token.read().reveal(), Some("one"), "what was known still counts");
        }
        std::fs::remove_file(&file).unwrap();
        assert!(!Token::new(&http).look(), "the file is gone");
        assert!(!Token::new(&Http::default()).look(), "there is no file");
    }

    #[test]
    fn a_browser_that_was_led_here_under_another_name_may_not() {
        for host in ["localhost:9282", "127.0.0.1:9282", "[::1]:9282", "127.0.0.1"] {
            assert_eq!(ask("", HERE, &[(header::HOST, host)]), Ok(()), "{host}");
        }
        assert_eq!(ask("", HERE, &[(header::HOST, "evil.example:9282")]), Err(Denied::Host));
    }
}
