//! URIs, kept verbatim, read as far as they are understood (RFC 3261 §19.1, RFC 3966).

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use thiserror::Error;

use super::params::Params;

/// A URI as it was written, with the places of its parts. Comparison is by text.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Uri {
    text: String,
    /// End of the scheme, without the colon.
    scheme: usize,
    /// End of userinfo, without `@`; equal to `scheme` when there is none.
    user: usize,
    /// Host with brackets: start and end.
    host: (usize, usize),
    port: Option<u16>,
    /// Start of `;params`.
    params: usize,
    /// Start of `?headers`.
    headers: usize,
}

/// The schemes that matter here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `sip`.
    Sip,
    /// `sips`.
    Sips,
    /// `tel` (RFC 3966).
    Tel,
    /// Any other; a Request-URI with it is answered 416.
    Other,
}

/// Why a text is no URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum UriError {
    /// No `scheme:`.
    #[error("a URI needs a scheme")]
    NoScheme,
    /// White space, a control character or an angle bracket inside.
    #[error("a URI holds no white space, control character or angle bracket")]
    Forbidden,
    /// A sip or sips URI without host.
    #[error("a SIP URI needs a host")]
    NoHost,
    /// A port above 65535 or not a number.
    #[error("the port is not a number from 0 to 65535")]
    Port,
    /// An IPv6 literal that does not end.
    #[error("the IPv6 literal is not closed")]
    Bracket,
}

impl Uri {
    /// Reads a URI; one of an unknown scheme is taken as it is.
    ///
    /// # Errors
    /// See [`UriError`].
    pub fn parse(text: &str) -> Result<Self, UriError> {
        Ok(Self { text: text.to_owned(), ..Self::places(text)? })
    }

    /// Whether [`Self::parse`] would read it.
    pub(super) fn check(text: &str) -> Result<(), UriError> {
        Self::places(text).map(drop)
    }

    /// Where its parts are; the text itself is yet to be put in.
    fn places(text: &str) -> Result<Self, UriError> {
        let is_forbidden = |c: char| c.is_whitespace() || c.is_control() || c == '<' || c == '>';
        let is_bad = if text.is_ascii() {
            text.bytes().any(|b| is_forbidden(char::from(b)))
        } else {
            text.chars().any(is_forbidden)
        };
        if is_bad {
            return Err(UriError::Forbidden);
        }
        let colon = text.find(':').ok_or(UriError::NoScheme)?;
        let name = &text[..colon];
        let scheme_like = name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
        if !scheme_like {
            return Err(UriError::NoScheme);
        }
        match Scheme::of(name) {
            Scheme::Sip | Scheme::Sips => Self::parse_sip(text, colon),
            Scheme::Tel => Ok(Self::parse_tel(text, colon)),
            Scheme::Other => Ok(Self::opaque_at(text, colon)),
        }
    }

    /// Keeps a text that is no URI, so that the message it stood in can be answered.
    pub(crate) fn opaque(text: &str) -> Self {
        Self { text: text.to_owned(), ..Self::opaque_at(text, 0) }
    }

    /// `sip:user@host:port`. The host may be an IPv6 address without brackets. The user is escaped.
    pub fn sip(user: Option<&str>, host: &str, port: Option<u16>) -> Result<Self, UriError> {
        let mut text = String::from("sip:");
        if let Some(user) = user {
            escape_user(user, &mut text);
            text.push('@');
        }
        match host.parse::<Ipv6Addr>() {
            Ok(_) => text.extend(["[", host, "]"]),
            Err(_) => text.push_str(host),
        }
        if let Some(port) = port {
            text.push(':');
            text.push_str(&port.to_string());
        }
        Self::parse(&text)
    }

    fn parse_sip(text: &str, colon: usize) -> Result<Self, UriError> {
        let start = colon + 1;
        // The last '@' before any header: user parts may hold ';' and '?', hosts may not hold '@'.
        let at = match text[start..].find('@') {
            Some(_) => {
                let query = hostport_query(text, start);
                text[start..query].rfind('@').map(|at| start + at)
            }
            None => None,
        };
        let host_start = at.map_or(start, |at| at + 1);
        let rest = &text[host_start..];
        let host_end = if rest.starts_with('[') {
            host_start + rest.find(']').ok_or(UriError::Bracket)? + 1
        } else {
            host_start + rest.find([':', ';', '?']).unwrap_or(rest.len())
        };
        if host_end == host_start {
            return Err(UriError::NoHost);
        }
        let params = host_end + text[host_end..].find([';', '?']).unwrap_or(text.len() - host_end);
        let port = match text[host_end..params].strip_prefix(':') {
            Some("") => None,
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
                Some(digits.parse().map_err(|_| UriError::Port)?)
            }
            Some(_) => return Err(UriError::Port),
            None if host_end == params => None,
            None => return Err(UriError::Port),
        };
        let headers = params + text[params..].find('?').unwrap_or(text.len() - params);
        Ok(Self {
            text: String::new(),
            scheme: colon,
            user: at.unwrap_or(colon),
            host: (host_start, host_end),
            port,
            params,
            headers,
        })
    }

    fn parse_tel(text: &str, colon: usize) -> Self {
        let params = text.find(';').unwrap_or(text.len());
        let end = text.len();
        Self {
            text: String::new(),
            scheme: colon,
            user: params.max(colon),
            host: (end, end),
            port: None,
            params: params.max(colon),
            headers: end,
        }
    }

    fn opaque_at(text: &str, colon: usize) -> Self {
        let end = text.len();
        Self {
            text: String::new(),
            scheme: colon,
            user: colon,
            host: (end, end),
            port: None,
            params: end,
            headers: end,
        }
    }

    /// The whole, verbatim.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its scheme.
    pub fn scheme(&self) -> Scheme {
        Scheme::of(&self.text[..self.scheme])
    }

    /// The user part without password, escapes kept; the number of a tel URI.
    pub fn user(&self) -> Option<&str> {
        let userinfo = self.userinfo()?;
        if self.scheme() == Scheme::Tel {
            return Some(userinfo);
        }
        Some(userinfo.split_once(':').map_or(userinfo, |(user, _)| user))
    }

    /// The user part with its escapes undone; what is no valid escape stays.
    pub fn user_unescaped(&self) -> Option<String> {
        self.user().map(unescape)
    }

    fn userinfo(&self) -> Option<&str> {
        (self.user > self.scheme).then(|| &self.text[self.scheme + 1..self.user])
    }

    /// The host, brackets of an IPv6 literal taken off; empty where the scheme has none.
    pub fn host(&self) -> &str {
        let host = &self.text[self.host.0..self.host.1];
        host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
    }

    /// The host as an address, if it is one.
    pub fn host_ip(&self) -> Option<IpAddr> {
        self.host().parse().ok()
    }

    /// The port, if written.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// The URI's own parameters.
    pub fn params(&self) -> Params {
        Params::of_uri(&self.text[self.params..self.headers])
    }

    /// The value of one parameter.
    pub fn param(&self, name: &str) -> Option<String> {
        self.params().value(name).map(str::to_owned)
    }

    /// Whether the parameter is there, with or without value.
    pub fn has_param(&self, name: &str) -> bool {
        self.params < self.headers && self.params().contains(name)
    }

    /// What follows `?`, verbatim.
    pub fn headers(&self) -> Option<&str> {
        self.text.get(self.headers + 1..).filter(|headers| !headers.is_empty())
    }

    /// The same with one parameter set (before the headers).
    #[must_use]
    pub fn with_param(&self, name: &str, value: Option<&str>) -> Self {
        let mut params = self.params();
        params.set(name, value);
        self.with_params(&params)
    }

    /// The same without one parameter.
    #[must_use]
    pub fn without_param(&self, name: &str) -> Self {
        let mut params = self.params();
        params.remove(name);
        self.with_params(&params)
    }

    /// The same without headers and without what a Request-URI must not have (RFC 3261 §19.1.1, `method`).
    #[must_use]
    pub fn as_request_uri(&self) -> Self {
        let mut uri = self.clone();
        uri.text.truncate(uri.headers);
        if uri.has_param("method") { uri.without_param("method") } else { uri }
    }

    fn with_params(&self, params: &Params) -> Self {
        let written = params.to_string();
        let text = format!("{}{}{}", &self.text[..self.params], written, &self.text[self.headers..]);
        Self { text, headers: self.params + written.len(), ..self.clone() }
    }
}

/// Where the headers of a SIP URI begin: the first '?' after the last '@' that precedes any '?' of the host
/// part. A '?' inside a user part is legal (RFC 3261 §25.1 `user-unreserved`).
fn hostport_query(text: &str, start: usize) -> usize {
    match (text[start..].find('@'), text[start..].find('?')) {
        (Some(at), Some(query)) if query > at => start + query,
        (Some(at), Some(_)) => {
            let after = start + at;
            after + text[after..].find('?').unwrap_or(text.len() - after)
        }
        _ => text.len(),
    }
}

impl Scheme {
    fn of(name: &str) -> Self {
        match name {
            _ if name.eq_ignore_ascii_case("sip") => Self::Sip,
            _ if name.eq_ignore_ascii_case("sips") => Self::Sips,
            _ if name.eq_ignore_ascii_case("tel") => Self::Tel,
            _ => Self::Other,
        }
    }
}

impl FromStr for Uri {
    type Err = UriError;

    fn from_str(text: &str) -> Result<Self, UriError> {
        Self::parse(text)
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Uri({})", self.text)
    }
}

fn escape_user(user: &str, out: &mut String) {
    for byte in user.bytes() {
        // RFC 3261 §25.1: unreserved and user-unreserved.
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()&=+$,;?/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
}

fn unescape(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = (bytes[at] == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> Uri {
        Uri::parse(text).unwrap()
    }

    #[test]
    fn parts_of_a_full_uri() {
        let uri = uri("sip:alice:pw@[2001:db8::1]:5070;transport=tcp;lr?Subject=a&b=c");
        assert_eq!(uri.user(), Some("alice"));
        assert_eq!(uri.host(), "2001:db8::1");
        assert_eq!(uri.port(), Some(5070));
        assert_eq!(uri.param("TRANSPORT").as_deref(), Some("tcp"));
        assert!(uri.has_param("lr"));
        assert_eq!(uri.headers(), Some("Subject=a&b=c"));
        assert_eq!(
            uri.without_param("transport").as_str(),
            "sip:alice:pw@[2001:db8::1]:5070;lr?Subject=a&b=c"
        );
        assert_eq!(uri.as_request_uri().as_str(), "sip:alice:pw@[2001:db8::1]:5070;transport=tcp;lr");
    }

    #[test]
    fn a_user_may_hold_what_looks_like_parameters() {
        let uri = uri("sip:user;par=u%40example.net?x@example.com;p=1");
        assert_eq!(uri.user(), Some("user;par=u%40example.net?x"));
        assert_eq!(uri.user_unescaped().as_deref(), Some("user;par=u@example.net?x"));
        assert_eq!(uri.host(), "example.com");
        assert_eq!(uri.param("p").as_deref(), Some("1"));
    }

    #[test]
    fn a_tel_uri_keeps_its_plus() {
        let uri = uri("tel:+1555;phone-context=x");
        assert_eq!((uri.scheme(), uri.user()), (Scheme::Tel, Some("+1555")));
        assert_eq!(uri.as_str(), "tel:+1555;phone-context=x");
        assert_eq!(uri.param("phone-context").as_deref(), Some("x"));
    }

    #[test]
    fn unknown_schemes_pass_and_nonsense_does_not() {
        assert_eq!(uri("nobody:what;is?this").scheme(), Scheme::Other);
        for (text, error) in [
            ("sip:", UriError::NoHost),
            ("sip:a@", UriError::NoHost),
            ("sip:a b@c", UriError::Forbidden),
            ("<sip:a@c>", UriError::Forbidden),
            ("sip:a@c:99999", UriError::Port),
            ("sip:a@[::1", UriError::Bracket),
            ("hello", UriError::NoScheme),
        ] {
            assert_eq!(Uri::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn a_built_uri_escapes_its_user() {
        let uri = Uri::sip(Some("a@b #1"), "::1", Some(5060)).unwrap();
        assert_eq!(uri.as_str(), "sip:a%40b%20%231@[::1]:5060");
        assert_eq!(uri.user_unescaped().as_deref(), Some("a@b #1"));
    }
}
