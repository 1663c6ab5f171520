//! Typed access to the headers that transactions and dialogs read, parsed when asked for.

use std::fmt;
use std::time::Duration;

use thiserror::Error;

use super::headers::Headers;
use super::method::Method;
use super::name_addr::{self, NameAddr, NameAddrError};
use super::params::Params;
use super::via::{Via, ViaError};

/// CSeq (RFC 3261 §20.16).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CSeq {
    /// Below 2³¹ when it is ours; any 32-bit number is read.
    pub number: u32,
    /// The request's method.
    pub method: Method,
}

impl fmt::Display for CSeq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number, self.method)
    }
}

/// Session-Expires (RFC 4028 §4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionExpires {
    /// Until the session ends unless refreshed.
    pub interval: Duration,
    /// `Some(true)`: the caller (of this dialog's latest refresh) refreshes; `Some(false)`: the callee does.
    pub refresher_is_uac: Option<bool>,
}

impl fmt::Display for SessionExpires {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.interval.as_secs())?;
        match self.refresher_is_uac {
            Some(true) => f.write_str(";refresher=uac"),
            Some(false) => f.write_str(";refresher=uas"),
            None => Ok(()),
        }
    }
}

/// Replaces (RFC 3891 §6.1), as its sender sees the dialog that is meant: in ours the tags stand the other way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replaces {
    /// Call-ID.
    pub call_id: String,
    /// The tag of whoever receives the header.
    pub to_tag: String,
    /// The tag of the party that is replaced; `0` where it gave none (RFC 2543).
    pub from_tag: String,
    /// Only a dialog that was not answered yet is meant.
    pub early_only: bool,
}

/// Why a header could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FieldError {
    /// It is not there.
    #[error("no {0} header")]
    Missing(&'static str),
    /// It may stand once only and stands more often, with different values.
    #[error("more than one {0} header")]
    Repeated(&'static str),
    /// Not a number, or one out of range.
    #[error("{0} is not a number in its range")]
    Number(&'static str),
    /// Not what its grammar says.
    #[error("{0} is malformed")]
    Malformed(&'static str),
    /// A Via that cannot be read.
    #[error("malformed Via: {0}")]
    Via(#[from] ViaError),
    /// A From, To, Contact, Route or Record-Route that cannot be read.
    #[error("malformed {0}: {1}")]
    Address(&'static str, #[source] NameAddrError),
}

impl Headers {
    /// The topmost Via.
    ///
    /// # Errors
    /// Missing or malformed.
    pub fn top_via(&self) -> Result<Via, FieldError> {
        let first = self.list("Via").next().ok_or(FieldError::Missing("Via"))?;
        Ok(Via::parse(first)?)
    }

    /// From.
    ///
    /// # Errors
    /// Missing or malformed.
    pub fn from(&self) -> Result<NameAddr, FieldError> {
        self.address("From")
    }

    /// To.
    ///
    /// # Errors
    /// Missing or malformed.
    pub fn to(&self) -> Result<NameAddr, FieldError> {
        self.address("To")
    }

    /// The tag of From: where nothing else of it is asked for, its URI need not be read.
    ///
    /// # Errors
    /// Missing, or not closed.
    pub fn from_tag(&self) -> Result<Option<&str>, FieldError> {
        self.tag("From")
    }

    /// The tag of To, in the same way.
    ///
    /// # Errors
    /// Missing, or not closed.
    pub fn to_tag(&self) -> Result<Option<&str>, FieldError> {
        self.tag("To")
    }

    /// The first Contact, `None` if there is none or it is `*`.
    ///
    /// # Errors
    /// Malformed.
    pub fn contact(&self) -> Result<Option<NameAddr>, FieldError> {
        match self.list("Contact").next() {
            None | Some("*") => Ok(None),
            Some(text) => NameAddr::parse(text).map(Some).map_err(|e| FieldError::Address("Contact", e)),
        }
    }

    /// Call-ID, never empty.
    ///
    /// # Errors
    /// Missing or empty.
    pub fn call_id(&self) -> Result<&str, FieldError> {
        self.first("Call-ID").filter(|id| !id.is_empty()).ok_or(FieldError::Missing("Call-ID"))
    }

    /// CSeq.
    ///
    /// # Errors
    /// Missing or malformed.
    pub fn cseq(&self) -> Result<CSeq, FieldError> {
        let text = self.first("CSeq").ok_or(FieldError::Missing("CSeq"))?;
        let (number, method) = text.split_once([' ', '\t']).ok_or(FieldError::Malformed("CSeq"))?;
        let method = method.trim();
        if method.is_empty() || method.contains([' ', '\t']) {
            return Err(FieldError::Malformed("CSeq"));
        }
        Ok(CSeq { number: decimal(number, "CSeq")?, method: Method::from_token(method) })
    }

    /// Max-Forwards; `None` if there is none (RFC 3261 §16.3 lets it pass).
    ///
    /// # Errors
    /// Not a number.
    pub fn max_forwards(&self) -> Result<Option<u32>, FieldError> {
        self.number("Max-Forwards")
    }

    /// Expires in seconds.
    ///
    /// # Errors
    /// Not a number.
    pub fn expires(&self) -> Result<Option<u32>, FieldError> {
        self.number("Expires")
    }

    /// Content-Length; repeated with one and the same value is once.
    ///
    /// # Errors
    /// Not a number, or two that differ.
    pub fn content_length(&self) -> Result<Option<usize>, FieldError> {
        let mut all = self.all("Content-Length");
        let Some(first) = all.next() else { return Ok(None) };
        let length: u32 = decimal(first, "Content-Length")?;
        for other in all {
            if decimal(other, "Content-Length")? != length {
                return Err(FieldError::Repeated("Content-Length"));
            }
        }
        Ok(Some(length as usize))
    }

    /// Session-Expires (RFC 4028).
    ///
    /// # Errors
    /// Not a number.
    pub fn session_expires(&self) -> Result<Option<SessionExpires>, FieldError> {
        let Some(text) = self.first("Session-Expires") else { return Ok(None) };
        let (seconds, params) = text.split_at(text.find(';').unwrap_or(text.len()));
        let interval = Duration::from_secs(decimal(seconds.trim(), "Session-Expires")?.into());
        let params = Params::parse(params);
        let refresher_is_uac = match params.value("refresher") {
            Some(who) if who.eq_ignore_ascii_case("uac") => Some(true),
            Some(who) if who.eq_ignore_ascii_case("uas") => Some(false),
            _ => None,
        };
        Ok(Some(SessionExpires { interval, refresher_is_uac }))
    }

    /// Min-SE (RFC 4028).
    ///
    /// # Errors
    /// Not a number.
    pub fn min_se(&self) -> Result<Option<Duration>, FieldError> {
        let Some(text) = self.first("Min-SE") else { return Ok(None) };
        let seconds = text.split(';').next().unwrap_or(text).trim();
        Ok(Some(Duration::from_secs(decimal(seconds, "Min-SE")?.into())))
    }

    /// Replaces (RFC 3891).
    ///
    /// # Errors
    /// Malformed, without one of its tags, or more than one.
    pub fn replaces(&self) -> Result<Option<Replaces>, FieldError> {
        let mut all = self.list("Replaces");
        let Some(text) = all.next() else { return Ok(None) };
        if all.next().is_some() {
            return Err(FieldError::Repeated("Replaces"));
        }
        let malformed = || FieldError::Malformed("Replaces");
        let (call_id, params) = text.split_once(';').ok_or_else(malformed)?;
        let params = Params::parse(&format!(";{params}"));
        let tag = |name: &str| {
            params.value(name).filter(|tag| !tag.is_empty()).map(str::to_owned).ok_or_else(malformed)
        };
        let call_id = call_id.trim();
        if call_id.is_empty() {
            return Err(malformed());
        }
        Ok(Some(Replaces {
            call_id: call_id.to_owned(),
            to_tag: tag("to-tag")?,
            from_tag: tag("from-tag")?,
            early_only: params.contains("early-only"),
        }))
    }

    /// The media type of the body in lower case, without parameters, for instance `application/sdp`.
    pub fn content_type(&self) -> Option<String> {
        let text = self.first("Content-Type")?;
        let kind: String = text.split(';').next().unwrap_or(text).split_whitespace().collect();
        Some(kind.to_ascii_lowercase())
    }

    /// Route or Record-Route as a list of addresses.
    ///
    /// # Errors
    /// Malformed.
    pub fn routes(&self, name: &'static str) -> Result<Vec<NameAddr>, FieldError> {
        self.list(name).map(|one| NameAddr::parse(one).map_err(|e| FieldError::Address(name, e))).collect()
    }

    /// Whether it is there, once, and an address.
    pub(crate) fn check_address(&self, name: &'static str) -> Result<(), FieldError> {
        name_addr::check(self.only(name)?).map_err(|error| FieldError::Address(name, error))
    }

    fn address(&self, name: &'static str) -> Result<NameAddr, FieldError> {
        NameAddr::parse(self.only(name)?).map_err(|error| FieldError::Address(name, error))
    }

    fn tag(&self, name: &'static str) -> Result<Option<&str>, FieldError> {
        name_addr::tag(self.only(name)?).map_err(|error| FieldError::Address(name, error))
    }

    fn only(&self, name: &'static str) -> Result<&str, FieldError> {
        let mut all = self.all(name);
        let text = all.next().ok_or(FieldError::Missing(name))?;
        if all.next().is_some() {
            return Err(FieldError::Repeated(name));
        }
        Ok(text)
    }

    fn number(&self, name: &'static str) -> Result<Option<u32>, FieldError> {
        self.first(name).map(|text| decimal(text, name)).transpose()
    }
}

/// Digits only: no sign, no fraction.
fn decimal(text: &str, name: &'static str) -> Result<u32, FieldError> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten().ok_or(FieldError::Number(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &str, value: &str) -> Headers {
        let mut headers = Headers::default();
        headers.push(name, value);
        headers
    }

    #[test]
    fn cseq_is_a_number_and_a_method() {
        let cseq = with("CSeq", "0009 \t  INVITE").cseq().unwrap();
        assert_eq!(cseq, CSeq { number: 9, method: Method::Invite });
        for bad in ["36893488147419103232 REGISTER", "-1 INVITE", "INVITE", "1", "1 A B"] {
            assert!(with("CSeq", bad).cseq().is_err(), "{bad}");
        }
    }

    #[test]
    fn session_timer_headers() {
        let expires = with("x", "1800 ; Refresher=UAS").session_expires().unwrap().unwrap();
        assert_eq!(expires.to_string(), "1800;refresher=uas");
        assert_eq!(with("Min-SE", "90;x").min_se().unwrap(), Some(Duration::from_secs(90)));
    }

    #[test]
    fn a_second_from_is_an_error() {
        let mut headers = with("From", "<sip:a@b>;tag=1");
        headers.push("f", "<sip:c@d>;tag=2");
        assert_eq!(headers.from(), Err(FieldError::Repeated("From")));
    }

    #[test]
    fn replaces_names_a_dialog() {
        let replaces = with("Replaces", "a@c ; From-Tag=1;to-tag=2;early-only").replaces().unwrap().unwrap();
        let expected = Replaces {
            call_id: "a@c".to_owned(),
            to_tag: "2".to_owned(),
            from_tag: "1".to_owned(),
            early_only: true,
        };
        assert_eq!(replaces, expected);
        for bad in ["a@c", "a@c;to-tag=1", "a@c;from-tag=1", "a@c;to-tag=;from-tag=1", ";to-tag=1;from-tag=2"]
        {
            assert_eq!(with("Replaces", bad).replaces(), Err(FieldError::Malformed("Replaces")), "{bad}");
        }
        let two = "a@c;to-tag=1;from-tag=2, d@e;to-tag=1;from-tag=2";
        assert_eq!(with("Replaces", two).replaces(), Err(FieldError::Repeated("Replaces")));
        assert_eq!(Headers::default().replaces(), Ok(None));
    }

    #[test]
    fn media_types_lose_parameters_and_case() {
        assert_eq!(with("c", "Application / SDP ;x=y").content_type().unwrap(), "application/sdp");
    }
}
