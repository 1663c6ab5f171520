//! What a switch will listen on and how long it drains, from its environment alone: the documented variables, and where
//! they are not set the documented defaults (docs/configuration.md). A file that is mounted is not read.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use super::ports::{Claim, Ports, Protocol, Purpose};

/// What of a switch's configuration concerns its network.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Settings {
    /// Where it listens.
    pub claims: Vec<Claim>,
    /// How long calls may go on after it was asked to end.
    pub drain: Duration,
    /// Whether the built-in numbers answer.
    pub numbers: bool,
}

/// The variables that are understood here.
pub(super) const SIP: &str = "SWITCH__SIP__LISTEN";
pub(super) const ADVERTISE: &str = "SWITCH__SIP__ADVERTISE";
pub(super) const MEDIA: &str = "SWITCH__RTP__PORTS";
pub(super) const HTTP: &str = "SWITCH__HTTP__LISTEN";
const DRAIN: &str = "SWITCH__DRAIN__DEADLINE";
const NUMBERS: &str = "SWITCH__BUILTIN__NUMBERS";

/// Why an environment is not understood.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{variable} is '{value}', which is not {form}")]
pub struct SettingsError {
    variable: &'static str,
    value: String,
    form: &'static str,
}

impl Settings {
    /// Reads an environment.
    ///
    /// # Errors
    /// Where the switch itself would refuse a value that is needed here.
    pub fn read(environment: &BTreeMap<String, String>) -> Result<Self, SettingsError> {
        let mut claims = Vec::new();
        let value = |variable, default| environment.get(variable).map_or(default, String::as_str);
        let error = |variable, form| SettingsError { variable, value: value(variable, "").to_owned(), form };
        for text in value(SIP, "udp:*:5060,tcp:*:5060").split(',').filter(|text| !text.trim().is_empty()) {
            claims.push(sip(text.trim()).ok_or_else(|| {
                error(SIP, "a list of udp:ADDRESS:PORT and tcp:ADDRESS:PORT with ports other than 0")
            })?);
        }
        let http = value(HTTP, "127.0.0.1:9282").parse::<std::net::SocketAddr>();
        let http = http.map_err(|_| error(HTTP, "ADDRESS:PORT"))?;
        claims.extend(claim(Purpose::Http, Protocol::Tcp, Some(http.ip()), http.port()));
        let media = format!("{}/udp", value(MEDIA, "16384-32767")).parse::<Ports>();
        let ports = media.map_err(|_| error(MEDIA, "FIRST-LAST"))?;
        claims.push(Claim { purpose: Purpose::Media, ports, address: None });
        let drain = duration(value(DRAIN, "8s")).ok_or_else(|| error(DRAIN, "a duration such as 8s"))?;
        Ok(Self { claims, drain, numbers: value(NUMBERS, "true") != "false" })
    }

    /// The listeners for signalling.
    pub fn sip(&self) -> impl Iterator<Item = &Claim> {
        self.claims.iter().filter(|claim| claim.purpose == Purpose::Sip)
    }
}

/// NAME=VALUE, the last of a name winning.
pub(super) fn environment<'a>(pairs: impl IntoIterator<Item = &'a String>) -> BTreeMap<String, String> {
    let pair =
        |text: &'a String| text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    pairs.into_iter().filter_map(pair).collect()
}

fn sip(text: &str) -> Option<Claim> {
    let (protocol, rest) = text.split_once(':')?;
    let protocol = match protocol {
        "udp" => Protocol::Udp,
        "tcp" => Protocol::Tcp,
        _ => return None,
    };
    let (address, port) = rest.rsplit_once(':')?;
    let address = match address {
        "*" => None,
        _ => Some(address.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().ok()?),
    };
    // With port 0 the kernel chooses one that nobody has; nothing is claimed, and it is not known here.
    claim(Purpose::Sip, protocol, address, port.parse().ok().filter(|port| *port != 0)?)
}

fn claim(purpose: Purpose, protocol: Protocol, address: Option<IpAddr>, port: u16) -> Option<Claim> {
    let ports = Ports::one(port, protocol);
    (port != 0).then_some(Claim {
        purpose,
        ports,
        address: address.filter(|address| !address.is_unspecified()),
    })
}

/// `8s`, `500ms`, `1h30m`: numbers with units, one behind the other.
fn duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut sum = Duration::ZERO;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let unit = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let milliseconds: u64 = match &rest[..unit] {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return None,
        };
        sum = sum.checked_add(Duration::from_millis(number.checked_mul(milliseconds)?))?;
        rest = &rest[unit..];
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[&str]) -> Result<Settings, SettingsError> {
        Settings::read(&environment(&pairs.iter().map(|pair| (*pair).to_owned()).collect::<Vec<_>>()))
    }

    fn shown(settings: &Settings) -> Vec<String> {
        settings.claims.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_defaults_are_the_documented_ones() {
        let settings = read(&[]).unwrap();
        let claims = ["SIP 5060/udp", "SIP 5060/tcp", "HTTP 9282/tcp at 127.0.0.1", "media 16384-32767/udp"];
        assert_eq!(shown(&settings), claims);
        assert_eq!(settings.drain, Duration::from_secs(8));
        let documented = std::fs::read_to_string("../docs/configuration.md").unwrap();
        for default in [
            "`[\"udp:*:5060\", \"tcp:*:5060\"]`\n- environment: `SWITCH__SIP__LISTEN`",
            "`\"16384-32767\"`\n- environment: `SWITCH__RTP__PORTS`",
            "`\"127.0.0.1:9282\"`\n- environment: `SWITCH__HTTP__LISTEN`",
            "`\"8s\"`\n- environment: `SWITCH__DRAIN__DEADLINE`",
            "`\"auto\"`\n- environment: `SWITCH__SIP__ADVERTISE`",
            "`true`\n- environment: `SWITCH__BUILTIN__NUMBERS`",
        ] {
            assert!(documented.contains(default), "{default}");
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let settings = read(&[
            "SWITCH__SIP__LISTEN=udp:[::1]:5062, tcp:192.0.2.1:5070,udp:*:0",
            "SWITCH__HTTP__LISTEN=0.0.0.0:80",
            "SWITCH__RTP__PORTS=100-200",
            "SWITCH__DRAIN__DEADLINE=1m30s",
            "SWITCH__BUILTIN__NUMBERS=false",
        ]);
        assert!(settings.is_err(), "port 0 cannot be probed or checked");
        let settings = read(&[
            "SWITCH__SIP__LISTEN=udp:[::1]:5062, tcp:192.0.2.1:5070",
            "SWITCH__HTTP__LISTEN=0.0.0.0:80",
            "SWITCH__RTP__PORTS=100-200",
            "SWITCH__DRAIN__DEADLINE=1m30s",
            "SWITCH__BUILTIN__NUMBERS=false",
        ])
        .unwrap();
        let claims = ["SIP 5062/udp at ::1", "SIP 5070/tcp at 192.0.2.1", "HTTP 80/tcp", "media 100-200/udp"];
        assert_eq!(shown(&settings), claims);
        assert_eq!((settings.drain, settings.numbers), (Duration::from_secs(90), false));
        let error = read(&["SWITCH__RTP__PORTS=many"]).unwrap_err();
        assert_eq!(error.to_string(), "SWITCH__RTP__PORTS is 'many', which is not FIRST-LAST");
        assert!(read(&["SWITCH__DRAIN__DEADLINE=8"]).is_err());
    }
}
