//! What `bridge` is told: `{option=value,…}target`.

use std::time::Duration;

use thiserror::Error;

/// Longest time a second leg may ring: a day.
const MAX_TIMEOUT: u64 = 86_400;

/// Where to, and how.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Request {
    /// For instance `sip:1000@10.0.0.5`.
    pub(super) target: String,
    /// How long the second leg may ring.
    pub(super) originate_timeout: Option<Duration>,
    /// Whether the first leg ends with the second, whatever follows in its extension.
    pub(super) hangup_after_bridge: Option<bool>,
    /// `true`, or a cause with which the first leg goes on in its extension.
    pub(super) continue_on_fail: Option<String>,
}

/// Why it cannot be read.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub(super) enum RequestError {
    /// `{` and no `}`.
    #[error("the options are not closed with }}")]
    Open,
    /// Not `name=value`, or a value it cannot have.
    #[error("{0:?} is none of originate_timeout=SECONDS, hangup_after_bridge=true, continue_on_fail=true")]
    Option(String),
    /// Nothing behind the options, or a form that is not known.
    #[error("{0:?} should look like sip:USER@HOST or sofia/PROFILE/USER@HOST")]
    Target(String),
}

impl Request {
    /// Reads `{option=value,…}sip:USER@HOST`; `sofia/PROFILE/USER@HOST` is taken for the same.
    pub(super) fn parse(data: &str) -> Result<Self, RequestError> {
        let mut request = Self::default();
        let mut rest = data.trim();
        if let Some(tail) = rest.strip_prefix('{') {
            let (options, target) = tail.split_once('}').ok_or(RequestError::Open)?;
            for option in options.split(',').map(str::trim).filter(|option| !option.is_empty()) {
                request.set(option).ok_or_else(|| RequestError::Option(short(option)))?;
            }
            rest = target.trim();
        }
        request.target = target(rest).ok_or_else(|| RequestError::Target(short(rest)))?;
        Ok(request)
    }

    fn set(&mut self, option: &str) -> Option<()> {
        let (name, value) = option.split_once('=')?;
        match name {
            "originate_timeout" => {
                let seconds = value.parse().ok().filter(|seconds| (1..=MAX_TIMEOUT).contains(seconds))?;
                self.originate_timeout = Some(Duration::from_secs(seconds));
            }
            "hangup_after_bridge" => self.hangup_after_bridge = Some(value.parse().ok()?),
            "continue_on_fail" => self.continue_on_fail = Some(value.to_owned()),
            _ => return None,
        }
        Some(())
    }
}

/// The endpoint judges the URI; here only the form and what could end a line.
fn target(text: &str) -> Option<String> {
    let uri = match text.strip_prefix("sofia/") {
        Some(rest) => match rest.split_once('/')? {
            // A gateway's address is in a configuration that is not there.
            ("gateway", _) => return None,
            (_, party) => format!("sip:{}", party.strip_prefix("sip:").unwrap_or(party)),
        },
        None => text.to_owned(),
    };
    let plain = !uri.contains(|c: char| c.is_whitespace() || c.is_control());
    (plain && uri.split_once(':').is_some_and(|(_, rest)| !rest.is_empty())).then_some(uri)
}

fn short(text: &str) -> String {
    text.chars().take(256).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn freeswitchs_forms_are_read() {
        for text in
            ["sip:1000@10.0.0.5:5090;transport=tcp", "sofia/external/1000@10.0.0.5:5090;transport=tcp"]
        {
            let request = Request::parse(text).unwrap();
            assert_eq!(request.target, "sip:1000@10.0.0.5:5090;transport=tcp");
            assert_eq!(request.originate_timeout, None);
        }
        let request = Request::parse(
            " {originate_timeout=20, hangup_after_bridge=true,continue_on_fail=USER_BUSY} sofia/internal/sip:a@h",
        );
        let expected = Request {
            target: "sip:a@h".into(),
            originate_timeout: Some(Duration::from_secs(20)),
            hangup_after_bridge: Some(true),
            continue_on_fail: Some("USER_BUSY".into()),
        };
        assert_eq!(request, Ok(expected));
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        assert_eq!(Request::parse("{a=b"), Err(RequestError::Open));
        for option in ["a", "a=b", "originate_timeout=0", "originate_timeout=x", "hangup_after_bridge=yes"] {
            let data = format!("{{{option}}}sip:a@b");
            assert_eq!(Request::parse(&data), Err(RequestError::Option(option.into())));
        }
        for target in
            ["", "1000", "sip:", "sofia/external", "sofia/gateway/x/1", "sip:a@b\r\nX: y", "sip:a b@h"]
        {
            assert_eq!(Request::parse(target), Err(RequestError::Target(target.into())));
        }
    }
}
